"""The program on mail logs as it is typed: events of files and pipes, merged with captures; `explain`; damage."""

import gzip
import json
import lzma
import os
import pty
import select
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import zstandard

from smtpwatch.events import SCHEMA_VERSION
from tests.hosts.program import PROGRAM
from tests.test_cli import DAMAGED, FAILED, LIMIT, OK, USAGE, Ran, complaint, dialogue, pcap, run

Facts = dict[str, Any]
Write = Callable[[str, bytes], Path]

START = 1_700_000_000.0  # 2023-11-14T22:13:20Z
REFUSED = (
    b"2023-11-14T22:13:20.500000+00:00 mx postfix/smtpd[7]: NOQUEUE: reject: RCPT from unknown[203.0.113.9]: "
    b"554 5.7.1 <b@example.com>: Relay access denied; from=<a@example.org> to=<b@example.com> proto=ESMTP helo=<x>\n"
)
UNKNOWN = b"2023-11-14T22:13:22+00:00 mx unheard-of[1]: of\n"
HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b1m\u202ereversed"
ATTACK = (
    f"2023-11-14T22:13:20+00:00 mx postfix/smtpd[7]: NOQUEUE: reject: RCPT from unknown[203.0.113.9]: 504 5.5.2 "
    f"<{HOSTILE}>: Helo command rejected: need fully-qualified hostname; from=<a@example.org> to=<b@example.com> "
    f"proto=ESMTP helo=<{HOSTILE}>\n"
).encode()


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(name: str, content: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return written


def removed(second: float, number: int) -> bytes:
    """A line so many seconds after START."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(START + second))
    return f"{stamp}.{round(second % 1 * 1e6):06d}+00:00 mx postfix/qmgr[1]: {number:010X}: removed\n".encode()


def log(*seconds: float, first: int = 0) -> bytes:
    return b"".join(removed(second, number) for number, second in enumerate(seconds, first))


def facts(octets: bytes) -> list[Facts]:
    """JSON lines that are safe on a terminal as they are."""
    assert all(octet == 10 or 32 <= octet < 127 or octet >= 0xA0 for octet in octets.decode().encode("utf-32-le")[::4])
    return [json.loads(line) for line in octets.splitlines()]


def numbers(events: Sequence[Facts]) -> list[int]:
    return [int(event["queue_id"], 16) for event in events if event["type"] == "MessageRemoved"]


def piped(octets: bytes, *arguments: str | Path) -> Ran:
    """`... | smtpwatch ARGUMENTS`"""
    return subprocess.run([PROGRAM, *arguments], input=octets, capture_output=True, timeout=LIMIT, check=False)


PACKS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gz": lambda octets: gzip.compress(octets, mtime=0),
    "xz": lzma.compress,
    "zst": lambda octets: zstandard.ZstdCompressor().compress(octets),
}


# ---- events


@pytest.mark.parametrize("kind", PACKS)
def test_events_of_a_log(write: Write, kind: str) -> None:
    path = write("mail.log", PACKS[kind](log(0, 1) + REFUSED + UNKNOWN))
    ran = run("events", "-r", path)
    assert (ran.returncode, ran.stderr) == (OK, b"")
    first, second, refused, status = facts(ran.stdout)
    assert numbers([first, second]) == [0, 1]
    assert first == {
        "v": SCHEMA_VERSION, "type": "MessageRemoved", "time": START, "sensor": "log", "host": "mx",
        "program": "postfix/qmgr", "pid": 1, "text": "0000000000: removed", "queue_id": "0000000000", "reason": "",
    }  # fmt: skip
    assert (refused["type"], refused["source"], refused["time"]) == ("Refused", "203.0.113.9", START + 0.5)
    assert (status["state"], status["reason"], status["received"]) == ("running", "", 4)
    assert (status["unparsed"], status["watching"]) == ({"unheard-of": 1}, [str(path)])


@pytest.mark.parametrize("kind", PACKS)
@pytest.mark.parametrize("pipe", [False, True])
def test_standard_input(write: Write, kind: str, pipe: bool) -> None:
    octets = PACKS[kind](log(*range(5_000)))
    path = write("mail.log", octets)
    if pipe:
        ran = piped(octets, "events", "-r", "-")
    else:
        with path.open("rb") as opened:
            ran = subprocess.run(
                [PROGRAM, "events", "-r", "-"], stdin=opened, capture_output=True, timeout=LIMIT, check=False
            )
    assert (ran.returncode, ran.stderr) == (OK, b"")
    *events, status = facts(ran.stdout)
    assert numbers(events) == list(range(5_000))
    assert status["watching"] == ["standard input"]


def test_events_come_as_their_lines_do() -> None:
    """Behind a `tail -f`."""
    with subprocess.Popen(
        [PROGRAM, "events", "-r", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:  # fmt: skip
        assert process.stdin is not None and process.stdout is not None
        for number in range(3):
            process.stdin.write(removed(number, number))
            process.stdin.flush()
            assert select.select([process.stdout], [], [], LIMIT)[0]
            assert numbers([json.loads(process.stdout.readline())]) == [number]
        process.stdin.close()
        assert process.wait(LIMIT) == OK


def test_standard_input_only_once() -> None:
    assert complaint(run("events", "-r", "-", "-r", "-"), USAGE) == "standard input can be read once only"


def test_empty_standard_input() -> None:
    ran = piped(b"", "events", "-r", "-")
    assert (ran.returncode, ran.stdout, ran.stderr) == (FAILED, b"", b"smtpwatch: standard input: is empty\n")


# ---- several files


def test_logs_by_time(write: Write) -> None:
    paths = [write("b.log", log(1, 3, 5, first=10)), write("a.log", PACKS["gz"](log(0, 2, 4, 6)))]
    ran = run("events", "-r", paths[0], "-r", paths[1])
    assert (ran.returncode, ran.stderr) == (OK, b"")
    *events, status = facts(ran.stdout)
    assert numbers(events) == [0, 10, 1, 11, 2, 12, 3]
    assert (status["received"], status["watching"]) == (7, [str(path) for path in paths])


def test_a_capture_and_a_log_by_time(write: Write) -> None:
    """The capture's packets are a hundredth of a second apart."""
    wire = dialogue(start=START)
    capture = write("a.pcap", pcap(wire.packets))
    path = write("mail.log", log(-1, 0.05, 0.101, 9))
    ran = run("events", "-r", capture, "-r", path)
    assert (ran.returncode, ran.stderr) == (OK, b"")
    events = facts(ran.stdout)
    told = [event for event in events if event["type"] != "SensorStatus"]
    assert numbers(told) == [0, 1, 2, 3]
    assert told[0]["sensor"] == "log" and told[-1]["sensor"] == "log"
    assert "wire" in {event["sensor"] for event in told}
    assert [event["time"] for event in told] == sorted(event["time"] for event in told)
    assert {event["sensor"] for event in events if event["type"] == "SensorStatus"} == {"log", "wire"}
    alone = facts(run("events", "-r", capture).stdout)
    assert [event for event in told if event["sensor"] == "wire"] == [
        event for event in alone if event["type"] != "SensorStatus"
    ]


def test_two_captures_as_one(write: Write) -> None:
    """Packets that were captured in turns, or one connection of which each end wrote its own file."""
    packets = dialogue(start=START).packets
    whole = run("events", "-r", write("whole.pcap", pcap(packets)))
    one, two = write("one.pcap", pcap(packets[::2])), write("two.pcap", pcap(packets[1::2]))
    ran = run("events", "-r", one, "-r", two)
    assert (ran.returncode, ran.stderr) == (OK, b"")
    *events, status = facts(ran.stdout)
    *expected, _ = facts(whole.stdout)
    assert events == expected
    assert (status["received"], status["watching"]) == (len(packets), [str(one), str(two)])


def test_an_empty_log_beside_a_full_one(write: Write) -> None:
    """As it is just after a rotation."""
    ran = run("events", "-r", write("mail.log", b""), "-r", write("mail.log.1", log(1, 2)))
    assert (ran.returncode, ran.stderr) == (OK, b"")
    assert numbers(facts(ran.stdout)) == [0, 1]


def test_only_empty_logs(write: Write) -> None:
    path = write("mail.log", b"")
    assert complaint(run("events", "-r", path), FAILED) == f"{path}: is empty"


def test_exim_s_two_logs(write: Write) -> None:
    line = b"2023-11-14 22:13:20 H=(x) [203.0.113.7] F=<a@example.org> rejected RCPT <b@example.com>: no\n"
    done = b"2023-11-14 22:13:21 1r2abc-000001-2c Completed\n"
    paths = [
        write("mainlog", line * 2 + done),
        write("rejectlog.1.gz", PACKS["gz"](line * 2)),
        write("rejectlog", line),
    ]
    ran = run("events", *(argument for path in paths for argument in ("-r", path)))
    assert [event["type"] for event in facts(ran.stdout)] == ["Refused"] * 3 + ["MessageRemoved", "SensorStatus"]


def test_a_foreign_file_beside_a_log(write: Write) -> None:
    foreign = write("letter.txt", b"Dear Sir\nor Madam\n")
    ran = run("events", "-r", write("mail.log", log(1, 2)), "-r", foreign)
    assert ran.returncode == DAMAGED
    said = f"smtpwatch: {foreign}: is neither a capture file (pcap, pcapng) nor a log with time stamps\n"
    assert ran.stderr.decode() == said
    *events, status = facts(ran.stdout)
    assert numbers(events) == [0, 1]
    assert (status["state"], status["unparsed"]) == ("degraded", {"no program": 2})


def test_a_missing_file_beside_a_log(write: Write, tmp_path: Path) -> None:
    missing = tmp_path / "missing.log"
    said = complaint(run("events", "-r", write("mail.log", log(1)), "-r", missing), FAILED)
    assert said == f"{missing}: No such file or directory"


# ---- damage


@pytest.mark.parametrize("lines", [50, 5_000])
def test_a_damaged_gzip(write: Write, lines: int) -> None:
    """All that precedes the damage is told, also where it is little."""
    packed = bytearray(PACKS["gz"](log(*range(lines))))
    half = len(packed) // 2
    packed[half:] = b"\xff" * half
    path = write("mail.log.1.gz", bytes(packed))
    ran = run("events", "-r", path)
    assert ran.returncode == DAMAGED
    assert ran.stderr.decode().startswith(f"smtpwatch: {path}: damaged gzip: ")
    *events, status = facts(ran.stdout)
    # What the damaged octets themselves were taken for may look like a line, too.
    assert numbers(events)[: lines // 3] == list(range(lines // 3))
    assert (status["state"], status["reason"]) == ("degraded", ran.stderr.decode()[len("smtpwatch: ") : -1])


@pytest.mark.parametrize("kind", ["gz", "xz", "zst"])
def test_a_packed_log_cut_off(write: Write, kind: str) -> None:
    packed = PACKS[kind](log(*range(30_000)))
    path = write("mail.log.1", packed[: len(packed) * 3 // 4])
    other = write("mail.log", log(100_000, first=1_000_000))
    ran = run("events", "-r", path, "-r", other)
    assert ran.returncode == DAMAGED
    assert ran.stderr.decode().endswith(": ends before its end marker\n")
    found = numbers(facts(ran.stdout))
    assert found[:-1] == list(range(len(found) - 1))
    assert len(found) > 15_000
    assert found[-1] == 1_000_000, "the other file is read to its end"


def test_damage_before_the_first_line(write: Write) -> None:
    path = write("mail.log.gz", PACKS["gz"](log(1))[:12])
    assert complaint(run("events", "-r", path), FAILED) == f"{path}: damaged gzip: ends before its end marker"


# ---- explain


def test_explain(write: Write) -> None:
    path = write("mail.log", REFUSED + UNKNOWN + b"what?\n" + log(1))
    ran = run("explain", path)
    assert (ran.returncode, ran.stderr) == (OK, b"")
    refused, unknown, nothing, done = facts(ran.stdout)
    assert (refused["n"], refused["program"], refused["understood"]) == (1, "postfix/smtpd", True)
    assert [event["type"] for event in refused["events"]] == ["Refused"]
    assert unknown == {"n": 2, "program": "unheard-of", "understood": False, "events": []}
    assert nothing == {"n": 3, "program": None, "understood": False, "events": []}
    assert numbers(done["events"]) == [0]
    assert run("explain", "--json", path).stdout == ran.stdout


@pytest.mark.parametrize("arguments", [("explain",), ("explain", "-"), ("explain", "--json")])
@pytest.mark.parametrize("kind", PACKS)
def test_explain_standard_input(arguments: tuple[str, ...], kind: str) -> None:
    ran = piped(PACKS[kind](log(1, 2)), *arguments)
    assert (ran.returncode, ran.stderr) == (OK, b"")
    assert [numbers(line["events"]) for line in facts(ran.stdout)] == [[0], [1]]


def test_explain_of_what_cannot_be(write: Write, tmp_path: Path) -> None:
    capture = write("a.pcap", pcap(dialogue().packets))
    assert complaint(run("explain", capture), FAILED) == (
        f"{capture}: is a capture file; its events: smtpwatch events -r {capture}"
    )
    assert complaint(run("explain", tmp_path / "no"), FAILED) == f"{tmp_path / 'no'}: No such file or directory"
    assert complaint(run("explain", tmp_path), FAILED) == f"{tmp_path}: Is a directory"


def test_explain_nothing(write: Write) -> None:
    ran = run("explain", write("mail.log", b""))
    assert (ran.returncode, ran.stdout, ran.stderr) == (OK, b"", b"")


def test_explain_what_is_damaged(write: Write) -> None:
    packed = PACKS["gz"](log(*range(1_000)))
    path = write("mail.log.gz", packed[: len(packed) // 2])
    ran = run("explain", path)
    assert ran.returncode == DAMAGED
    assert ran.stderr.decode() == f"smtpwatch: {path}: damaged gzip: ends before its end marker\n"
    lines = facts(ran.stdout)
    assert [line["n"] for line in lines] == list(range(1, len(lines) + 1))
    assert len(lines) > 300
    assert all(line["understood"] for line in lines[:-1])


def on_terminal(*arguments: str | Path, code: int = OK) -> str:
    """What a terminal gets of `smtpwatch ARGUMENTS`, which end with that code."""
    ours, theirs = pty.openpty()
    try:
        with subprocess.Popen([PROGRAM, *arguments], stdin=theirs, stdout=theirs, stderr=theirs) as process:
            os.close(theirs)
            octets = b""
            while True:
                try:
                    more = os.read(ours, 1 << 16)
                except OSError:  # EIO: nobody writes to it any more
                    break
                if not more:
                    break
                octets += more
            assert process.wait(LIMIT) == code
    finally:
        os.close(ours)
    return octets.decode().replace("\r\n", "\n")


def test_explain_on_a_terminal(write: Write) -> None:
    """Readable, line by line."""
    path = write("mail.log", log(1) + UNKNOWN)
    assert on_terminal("explain", path) == (
        "       1  2023-11-14T22:13:21.000000+00:00 mx postfix/qmgr[1]: 0000000000: removed\n"
        "          MessageRemoved: queue id 0000000000\n"
        "?      2  2023-11-14T22:13:22+00:00 mx unheard-of[1]: of\n"
        "          not understood (unheard-of)\n"
    )
    assert [line["n"] for line in facts(on_terminal("explain", "--json", path).encode())] == [1, 2]


@pytest.mark.parametrize("arguments", [("explain",), ("explain", "--json"), ("events", "-r")])
def test_nothing_acts_on_a_terminal(write: Write, arguments: tuple[str, ...]) -> None:
    """Neither in a line that is understood nor in one that is not, nor in a program's name."""
    odd = f"2023-11-14T22:13:20+00:00 mx odd{HOSTILE}[1]: {HOSTILE}\n{HOSTILE}\n".encode()
    path = write("mail.log", ATTACK + odd + b"\x9b\xff\x1b]52;c;x\x07\n" + bytes(5))
    shown = on_terminal(*arguments, path)
    assert "203.0.113.9" in shown
    for number in [*range(32), *range(0x7F, 0xA0), 0x202E]:
        if chr(number) != "\n":
            assert chr(number) not in shown
    redirected = run(*arguments, path).stdout.decode()
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(redirected)
