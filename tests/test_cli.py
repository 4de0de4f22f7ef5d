"""The program as it is typed: what it prints where, its exit codes, and that whatever happens is told in one line."""

import functools
import gzip
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import msgspec
import pytest

from smtpwatch.events import SCHEMA_VERSION
from smtpwatch.state.facts import SessionFacts
from tests.hosts.namespaces import Namespace
from tests.hosts.program import PROGRAM, Live, running
from tests.wire import Packet, Wire

DEMO = Path(__file__).parents[1] / "smtpwatch/demo/burst.pcap.gz"
LINKTYPE_RAW = 101
OK, FAILED, USAGE, DAMAGED = 0, 1, 2, 3  # README, exit codes
LIMIT = 20.0  # seconds
STRANGER = 65534  # nobody: who owns what we may not read
PIPE = 1 << 16  # octets that fit into a pipe (pipe(7)): a writer of more has to notice that the reader went
# Still root, which may run the virtual environment wherever it is, but without any capability.
POWERLESS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")

Ran = subprocess.CompletedProcess[bytes]


def run(*arguments: str | Path, before: Sequence[str] = ()) -> Ran:
    """`smtpwatch ARGUMENTS` to its end, without a terminal; whatever it is, it never ends in a traceback."""
    command = [*before, PROGRAM, *arguments]
    ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT, check=False)
    assert b"Traceback" not in ran.stderr
    return ran


def complaint(ran: Ran, code: int) -> str:
    """The one line on stderr of a run that ended with `code` and printed nothing else."""
    assert ran.returncode == code
    assert ran.stdout == b""
    (line,) = ran.stderr.decode().splitlines()
    assert line.isprintable(), "nothing that acts on a terminal"
    prefix, _, said = line.partition(": ")
    assert prefix == "smtpwatch"
    return said


def pcap(packets: Iterable[Packet]) -> bytes:
    """A capture file of IP packets."""
    octets = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 18, LINKTYPE_RAW)
    for packet in packets:
        seconds, micros = divmod(round(packet.time * 1e6), 1_000_000)
        octets += struct.pack("<IIII", seconds, micros, len(packet.data), packet.wire) + packet.data
    return octets


def dialogue(client_port: int = 40000, start: float = 1_700_000_000.0) -> Wire:
    """A session of a refused sender, closed by QUIT."""
    return (
        Wire(client_port=client_port, start=start)
        .open()
        .script(
            """
            S: 220 mx.example.net ESMTP
            C: EHLO client.example.org
            S: 250 mx.example.net
            C: MAIL FROM:<a@example.org>
            S: 250 2.1.0 Ok
            C: RCPT TO:<b@example.com>
            S: 554 5.7.1 Relay access denied
            C: QUIT
            S: 221 2.0.0 Bye
            """
        )
        .close()
    )


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, bytes], Path]:
    def written(name: str, content: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return written


@functools.cache
def demo_events() -> bytes:
    """What `events` prints of the demo."""
    ran = run("events", "-r", DEMO)
    assert (ran.returncode, ran.stderr) == (OK, b"")
    return ran.stdout


# ---- wrong usage


def test_version() -> None:
    ran = run("--version")
    assert (ran.returncode, ran.stdout.decode(), ran.stderr) == (OK, f"smtpwatch {version('smtpwatch')}\n", b"")


def test_help_tells_the_exit_codes() -> None:
    ran = run("--help")
    assert (ran.returncode, ran.stderr) == (OK, b"")
    told = " ".join(ran.stdout.decode().split()).partition("exit codes:")[2]
    for code in (OK, FAILED, USAGE, DAMAGED):
        assert f" {code} " in told


@pytest.mark.parametrize(
    "arguments", [("--nonsense",), ("events", "--nonsense"), ("nonsense",), ("doctor", "--json"), ("events", "-r")]
)
def test_unknown_option_or_command(arguments: tuple[str, ...]) -> None:
    ran = run(*arguments)
    assert (ran.returncode, ran.stdout) == (USAGE, b"")
    assert ran.stderr.startswith(b"usage: smtpwatch")
    assert b"error: " in ran.stderr.splitlines()[-1]


@pytest.mark.parametrize("command", [("events",), ("sessions",), ("doctor",), ()])
def test_unknown_setting(write: Callable[[str, bytes], Path], command: tuple[str, ...]) -> None:
    path = write("smtpwatch.toml", b"prots = [25]\n")
    said = complaint(run(*command, "--config", path), USAGE)
    assert str(path) in said
    assert "`prots`" in said


@pytest.mark.parametrize("text", ["", "0", "65536", "25,", "smtp", "25 465", "-1", "any,25"])
@pytest.mark.parametrize("file", [(), ("-r", DEMO)])
def test_bad_ports(text: str, file: tuple[str | Path, ...]) -> None:
    assert complaint(run("events", f"--ports={text}", *file), USAGE)


@pytest.mark.parametrize("command", [("events",), ("sessions",), ()])
def test_any_port_is_for_files(command: tuple[str, ...]) -> None:
    assert "-r" in complaint(run(*command, "--ports", "any"), USAGE)


def test_a_local_network_that_is_none() -> None:
    assert "'example.org'" in complaint(run("events", "--local", "example.org", "-r", DEMO), USAGE)


# ---- interfaces, filter, rights, terminal


@pytest.mark.parametrize("command", [("events",), ("sessions",), ("sessions", "--json"), ()])
def test_unknown_interface(command: tuple[str, ...]) -> None:
    said = complaint(run(*command, "-i", "lo", "-i", "nope0"), FAILED)
    assert "nope0" in said
    assert "there are: lo" in said


@pytest.mark.parametrize("command", [("events",), ("sessions",), ("events", "-r", DEMO), ()])
def test_wrong_filter(command: tuple[str | Path, ...]) -> None:
    assert "'tcp prot 25'" in complaint(run(*command, "--bpf", "tcp prot 25"), FAILED)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (("--bpf", "tcp prot 25"), "tcp prot 25"),
        (("-i", "nope0"), "nope0"),
        (("-r", "missing.pcap"), "missing.pcap"),
        (("--ports", "any"), "--ports any"),
    ],
)
def test_told_before_a_screen_opens(options: tuple[str, ...], names: str) -> None:
    ours, theirs = pty.openpty()
    try:
        ran = subprocess.run(
            [PROGRAM, *options], stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, timeout=LIMIT, check=False
        )
        os.set_blocking(ours, False)
        with pytest.raises(BlockingIOError):
            os.read(ours, 1)
    finally:
        os.close(theirs)
        os.close(ours)
    assert ran.returncode in (FAILED, USAGE)
    (line,) = ran.stderr.decode().splitlines()
    assert line.startswith("smtpwatch: ")
    assert names in line


@pytest.mark.parametrize("options", [(), ("--demo",), ("-r", DEMO)])
def test_no_screen_without_a_terminal(options: tuple[str | Path, ...]) -> None:
    assert "terminal" in complaint(run(*options), USAGE)


def test_no_screen_with_nothing_at_all() -> None:
    """Started with its streams closed, as some supervisors do."""
    assert "terminal" in complaint(run(before=("sh", "-c", 'exec "$0" "$@" <&- >&-')), USAGE)


@pytest.mark.needs("namespaces", "setpriv")
@pytest.mark.parametrize("command", ["events", "sessions"])
def test_without_rights(command: str) -> None:
    with Namespace("cli") as namespace:
        ran = run(command, before=namespace.command(*POWERLESS))
    assert ran.returncode == FAILED
    (line,) = ran.stderr.decode().splitlines()
    assert line.startswith("smtpwatch: packets: not allowed (needs root or CAP_NET_RAW). Run: sudo ")
    assert str(PROGRAM) in line
    if command == "events":
        states = {(line["sensor"], line.get("state")) for line in map(json.loads, ran.stdout.splitlines())}
        assert ("wire", "failed") in states
    else:
        assert ran.stdout == b""


# ---- files


@pytest.mark.parametrize("command", ["events", "sessions"])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"From: a@example.org\n\nno capture\n", "is neither a capture file (pcap, pcapng) nor a log"),
        (b"\xd4\xc3\xb2\xa1\x02\x00", "file header cut short"),
        (gzip.compress(b"no capture", mtime=0), "is neither a capture file (pcap, pcapng) nor a log"),
        (b"\x1f\x8b\x08\x00", "damaged gzip"),
    ],
)
def test_a_file_that_is_no_capture(
    write: Callable[[str, bytes], Path], command: str, content: bytes, says: str
) -> None:
    path = write("odd.pcap", content)
    said = complaint(run(command, "-r", path), FAILED)
    assert said.startswith(f"{path}: {says}")


@pytest.mark.parametrize("command", ["events", "sessions"])
def test_a_file_that_is_not_there(tmp_path: Path, command: str) -> None:
    missing = tmp_path / "missing.pcap"
    assert complaint(run(command, "-r", missing), FAILED) == f"{missing}: No such file or directory"
    assert complaint(run(command, "-r", tmp_path), FAILED) == f"{tmp_path}: Is a directory"


def test_a_file_name_stays_on_one_line(tmp_path: Path) -> None:
    assert "no \\e[2Jfile" in complaint(run("events", "-r", tmp_path / "no\n\x1b[2Jfile"), FAILED)


@pytest.mark.needs("root", "setpriv")
@pytest.mark.parametrize("command", ["events", "sessions"])
def test_a_file_that_may_not_be_read(write: Callable[[str, bytes], Path], command: str) -> None:
    path = write("private.pcap", pcap(dialogue().packets))
    path.chmod(0o600)
    os.chown(path, STRANGER, STRANGER)
    assert complaint(run(command, "-r", path, before=POWERLESS), FAILED) == f"{path}: Permission denied"


@pytest.mark.parametrize("lost", [1, 50])
def test_damage_ends_what_came_before_it(write: Callable[[str, bytes], Path], lost: int) -> None:
    """All of the packets before the damage, as from a file that holds only those."""
    packets = [*dialogue(40000).packets, *dialogue(40001, 1_700_000_100.0).packets]
    whole = write("whole.pcap", pcap(packets[:-1]))
    damaged = write("damaged.pcap", pcap(packets)[:-lost])
    for command in (("events",), ("sessions", "--json"), ("sessions",)):
        good, ran = run(*command, "-r", whole), run(*command, "-r", damaged)
        assert (good.returncode, good.stderr) == (OK, b"")
        assert ran.returncode == DAMAGED
        (said,) = ran.stderr.decode().splitlines()
        assert said.startswith(f"smtpwatch: {damaged}: packet {len(packets)}: cut short")
        wanted, lines = good.stdout.splitlines(), ran.stdout.splitlines()
        if command == ("events",):
            wanted.pop()
            status = json.loads(lines.pop())
            assert (status["type"], status["state"]) == ("SensorStatus", "degraded")
            assert status["received"] == len(packets) - 1
            assert said.endswith(status["reason"])
        assert lines == wanted
        assert lines


def test_a_time_that_no_clock_shows(write: Callable[[str, bytes], Path]) -> None:
    """pcapng has 64 bits for it."""

    def block(kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        length = struct.pack("<I", len(body) + 12)
        return struct.pack("<I", kind) + length + body + length

    octets = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    octets += block(1, struct.pack("<HHI", LINKTYPE_RAW, 0, 0))
    for packet in dialogue().packets:
        head = struct.pack("<IIIII", 0, 0xFFFFFFFF, 0, len(packet.data), packet.wire)
        octets += block(6, head + packet.data)
    path = write("far.pcapng", octets)
    ran = run("sessions", "-r", path)
    assert (ran.returncode, ran.stderr) == (OK, b"")
    assert ran.stdout.startswith(b"--:--:-- in ")
    (session,) = map(json.loads, run("sessions", "--json", "-r", path).stdout.splitlines())
    assert session["start"] > 1e12


# ---- events and sessions as lines


def test_every_event_says_what_it_is() -> None:
    lines = demo_events().splitlines()
    for line in lines:
        assert list(json.loads(line))[:3] == ["v", "type", "time"]
        assert json.loads(line)["v"] == SCHEMA_VERSION
    last = json.loads(lines[-1])
    assert (last["type"], last["state"], last["unparsed"]) == ("SensorStatus", "running", {})


def test_two_runs_print_the_same_octets() -> None:
    assert run("events", "-r", DEMO).stdout == demo_events()


def test_options_may_stand_before_the_command(write: Callable[[str, bytes], Path]) -> None:
    path = write("one.pcap", pcap(dialogue().packets))
    assert run("-r", path, "--hostname", "mx", "events").stdout == run("events", "-r", path, "--hostname", "mx").stdout


def test_sessions_are_in_order_of_their_first_packets(write: Callable[[str, bytes], Path]) -> None:
    """The one that opens first here ends last, and one connection carries nothing."""
    first, second = dialogue(40000), dialogue(40001, 1_700_000_000.005)
    first.packets[-3:] = [packet._replace(time=packet.time + 5) for packet in first.packets[-3:]]
    silent = Wire(client_port=40002, start=1_700_000_000.001).open().close()
    packets = sorted([*first.packets, *second.packets, *silent.packets], key=lambda packet: packet.time)
    path = write("two.pcap", pcap(packets))
    ran = run("sessions", "-r", path, "--json")
    assert (ran.returncode, ran.stderr) == (OK, b"")
    sessions = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [session["client_port"] for session in sessions] == [40000, 40001]
    assert sessions[0]["end"] > sessions[1]["end"]
    assert len(run("sessions", "-r", path).stdout.splitlines()) == len(sessions)


def test_sessions_have_the_keys_that_are_promised() -> None:
    """README's words, key by key."""
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    promise = readme.partition("### Sessions as JSON")[2].partition("\n- ")[0].partition("Keys: ")[2]
    lines = run("sessions", "-r", DEMO, "--json").stdout.splitlines()
    assert lines
    for line in lines:
        assert msgspec.json.decode(line, type=SessionFacts, strict=True)
        keys = list(json.loads(line))
        places = [promise.find(f"`{key}`") for key in keys]
        assert -1 not in places
        assert places == sorted(places)
        assert promise.count("`") == 2 * len(keys)
    starts = [json.loads(line)["start"] for line in lines]
    assert starts == sorted(starts)


# ---- pipes and signals


@pytest.mark.parametrize("command", [("events", "-r", DEMO), ("sessions", "-r", DEMO, "--json"), ("doctor",)])
def test_a_reader_that_goes_away(command: tuple[str | Path, ...]) -> None:
    """As `| head -1` does, at the latest after the first line."""
    process = subprocess.Popen([PROGRAM, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        if command[0] == "events":
            assert len(demo_events()) > PIPE
            assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(LIMIT) == OK


@pytest.mark.parametrize("command", [("events", "-r", DEMO), ("sessions", "-r", DEMO), ("doctor",)])
@pytest.mark.parametrize(
    ("stdout", "says"),
    [(">/dev/full", "standard output: No space left on device"), (">&-", "standard output is closed")],
)
def test_nowhere_to_print(command: tuple[str | Path, ...], stdout: str, says: str) -> None:
    assert complaint(run(*command, before=("sh", "-c", f'exec "$0" "$@" {stdout}')), FAILED) == says


@pytest.fixture(scope="module")
def lab() -> Iterator[Namespace]:
    with Namespace("cli") as namespace:
        yield namespace


@pytest.mark.needs("namespaces")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_well(lab: Namespace, number: signal.Signals) -> None:
    with Live(lab, "events", "--sensors", "wire", "-i", "lo") as live:
        assert live.wait(running, LIMIT)
        began = time.monotonic()
        assert live.stop(number) == OK
        assert time.monotonic() - began < LIMIT / 4
        assert {line["type"] for line in live.lines} == {"SensorStatus"}, "nothing but JSON lines: stderr is in here"


@pytest.mark.needs("namespaces")
def test_ctrl_c_goes_to_the_sensor_too(lab: Namespace) -> None:
    """A terminal signals the whole process group."""
    with Live(lab, "events", "--sensors", "wire", "-i", "lo") as live:
        assert live.wait(running, LIMIT)
        os.killpg(live.process.pid, signal.SIGINT)
        assert live.process.wait(LIMIT) == OK
        assert {line["type"] for line in live.lines} == {"SensorStatus"}


# ---- a quick start

_HEAVY = ("scapy", "textual", "rich", "geoip2", "asyncio")
_PROBE = """
import sys
from smtpwatch.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
print(*sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("events", "-r", DEMO), ("sessions", "-r", DEMO)])
def test_nothing_heavy_is_imported_before_it_is_needed(arguments: tuple[str | Path, ...]) -> None:
    command = [sys.executable, "-P", "-c", _PROBE, *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=True)
    imported = {name.partition(".")[0] for name in ran.stderr.split()}
    assert "smtpwatch" in imported
    assert imported.isdisjoint(_HEAVY)
