"""The host sensor, with children that do what a mail server's command can do wrong, and finding mail servers."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import psutil
import pytest

from collectors.host import mta as mtas
from collectors.host import reading, sensor
from collectors.host.mta import Mta, mail_servers
from collectors.host.sensor import HostSensor
from smtpwatch.config import Config
from smtpwatch.events import AGE_LIMITS, AnyEvent, Event, QueueSample, SensorStatus
from smtpwatch.outbox import HEADER, Outbox
from smtpwatch.sensors import GOODBYE, Sensor

_LIMIT = 10.0  # seconds
_ARRIVED = 1795599306
_LINE = (
    f'{{"queue_name": "deferred", "queue_id": "34EBC226791", "arrival_time": {_ARRIVED}, "message_size": 420, '
    '"forced_expire": false, "sender": "a@x.example", "recipients": [{"address": "one@slow.example"}]}'
)


class Console:
    """The console's end of a HostSensor that runs in a process of its own, forked from this one."""

    def __init__(self, config: Config, find: Callable[[], Sequence[Mta]]) -> None:
        self._sock, theirs = socket.socketpair()
        self._buffer = b""
        self.events: list[Event] = []
        self._child = os.fork()
        if self._child == 0:
            self._sock.close()
            theirs.setblocking(False)
            status = 1
            try:
                HostSensor(config, "mx", Outbox(theirs, "host", "mx"), time.time, find).run()
            except BrokenPipeError:
                status = 0
            finally:
                os._exit(status)
        theirs.close()

    def wait(self, enough: Callable[[Sequence[Event]], bool]) -> None:
        """Take events until it is so."""
        end = time.monotonic() + _LIMIT
        while not enough(self.events):
            self._sock.settimeout(max(0.01, end - time.monotonic()))
            octets = self._sock.recv(1 << 16)
            assert octets, "the sensor has ended"
            self._buffer += octets
            while len(self._buffer) >= HEADER.size:
                size = HEADER.unpack_from(self._buffer)[0] + HEADER.size
                if len(self._buffer) < size:
                    break
                body, self._buffer = self._buffer[HEADER.size : size], self._buffer[size:]
                self.events += msgspec.msgpack.decode(body, type=list[AnyEvent])

    def sample(self, number: int = 0) -> QueueSample:
        """The sample of that number, as soon as it is there."""
        self.wait(lambda events: len(self.samples) > number)
        return self.samples[number]

    def status(self) -> SensorStatus:
        """The next status."""
        already = len(self.statuses)
        self.wait(lambda events: len(self.statuses) > already)
        return self.statuses[-1]

    @property
    def samples(self) -> list[QueueSample]:
        return [event for event in self.events if isinstance(event, QueueSample)]

    @property
    def statuses(self) -> list[SensorStatus]:
        return [event for event in self.events if isinstance(event, SensorStatus)]

    def close(self) -> int:
        """Go away; the sensor's exit status, 0 if it ended as it should."""
        self._sock.close()
        if self._child:
            child, self._child = self._child, 0
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return 0


Watch = Callable[..., Console]


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """Starts a sensor whose mail servers are shell scripts; intervals are short."""
    consoles: list[Console] = []
    for name, value in (("HEALTH", 0.05), ("SEARCH", 0.1), ("PATIENCE", 60.0), ("REST", 1.0)):
        monkeypatch.setattr(sensor, name, value)

    def start(*scripts: str, kind: str = "postfix", find: Callable[[], Sequence[Mta]] | None = None) -> Console:
        there = [_mta(script, f"/etc/{at}" if at else "", kind) for at, script in enumerate(scripts)]
        consoles.append(Console(Config(queue_interval=0.02), find or (lambda: there)))
        return consoles[-1]

    yield start
    for console in consoles:
        console.close()


def _mta(script: str, instance: str = "", kind: str = "postfix", running: bool = True) -> Mta:
    return Mta(kind, instance, ("/bin/sh", "-c", script), running)  # type: ignore[arg-type]


def test_a_sample(watch: Watch) -> None:
    before = time.time()
    console = watch(f"echo '{_LINE}'; echo '{_LINE}'; echo no JSON")
    sample = console.sample(1)
    oldest = sample.oldest.pop("deferred")
    assert before <= sample.time <= time.time()
    assert oldest == pytest.approx(max(0.0, sample.time - _ARRIVED))
    ages = sample.ages[""]
    assert len(ages) == len(AGE_LIMITS) + 1 and sum(ages) == 2 and max(ages) == 2
    assert msgspec.structs.replace(sample, time=0.0) == QueueSample(
        0.0, "host", "mx", "postfix", "", {"maildrop": 0, "incoming": 0, "active": 0, "deferred": 2, "hold": 0}, {},
        {"slow.example": 2}, 840, True, "", {"": ages, "slow.example": ages},
    )  # fmt: skip
    status = console.status()
    assert (status.sensor, status.state, status.reason, status.watching) == ("host", "running", "", ("postfix",))
    assert status.unparsed["postfix"] >= 2
    assert console.close() == 0


def test_exim(watch: Watch) -> None:
    listing = " 3m   331 1xW9P7-00054R-22 <a@b.example>\\n          one@slow.example\\n\\n"
    sample = watch(f"printf '{listing}'", kind="exim").sample()
    assert (sample.mta, sample.counts, sample.octets) == ("exim", {"queued": 1, "frozen": 0}, 331)
    assert sample.oldest["queued"] == pytest.approx(180, abs=5)


def test_no_mail_server_is_no_trouble(watch: Watch) -> None:
    console = watch()
    for _ in range(5):
        status = console.status()
        assert (status.state, status.reason, status.watching) == ("running", "", ())
    assert console.samples == []
    assert console.close() == 0


def test_one_that_comes_later(watch: Watch, tmp_path: Path) -> None:
    there = tmp_path / "there"
    console = watch(find=lambda: [_mta("true")] if there.exists() else [])
    console.status()
    there.touch()
    assert sum(console.sample().counts.values()) == 0
    there.unlink()
    console.wait(lambda events: not console.statuses[-1].watching)


def test_a_clock_that_is_set_back(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.time()
    monkeypatch.setattr(time, "time", lambda: time.clock_gettime(time.CLOCK_REALTIME) - set_back())

    def set_back() -> float:
        return 3_600.0 if time.clock_gettime(time.CLOCK_REALTIME) > began + 0.3 else 0.0

    console = watch("true")
    console.wait(lambda events: any(each.time < began for each in console.statuses))
    console.wait(lambda events: sum(each.time < began for each in console.samples) > 1)


def test_never_two_at_once(watch: Watch, tmp_path: Path) -> None:
    log = tmp_path / "log"
    console = watch(*[f"echo began >>{log}; sleep 0.05; echo ended >>{log}"] * 3)
    console.sample(6)
    assert {sample.instance for sample in console.samples} == {"", "/etc/1", "/etc/2"}
    assert console.statuses[-1].watching == ("postfix", "postfix /etc/1", "postfix /etc/2")
    console.close()
    said = log.read_text().split()
    assert said[:12] == ["began", "ended"] * 6


def test_it_rests_for_longer_than_it_worked(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensor, "REST", 4.0)
    console = watch("sleep 0.1")
    apart = console.sample(1).time - console.sample(0).time
    assert apart >= 0.1 + 4 * 0.1


@pytest.mark.parametrize(
    ("kind", "script", "says"),
    [
        ("postfix", "echo 'postqueue: fatal: User nobody(65534) is not allowed to view the mail queue' >&2; exit 69",
         "authorized_mailq_users"),
        ("postfix", "exit 77", "authorized_mailq_users"),
        ("postfix", "echo 'postqueue: fatal: Connect to the Postfix showq service: Permission denied' >&2; exit 70",
         "as root"),
        ("exim", "echo 'exim: permission denied' >&2; exit 1", "queue_list_requires_admin"),
    ],
)  # fmt: skip
def test_not_allowed(watch: Watch, tmp_path: Path, kind: str, script: str, says: str) -> None:
    """It is said, with what to do, and not tried again soon, though the mail server be started anew."""
    tries = tmp_path / "tries"
    turns = iter(range(1_000_000))
    console = watch(find=lambda: [_mta(f"echo >>{tries}; {script}", kind=kind, running=next(turns) % 2 == 0)])
    sample = console.sample()
    assert "not allowed" in sample.note and says in sample.note and "\n" not in sample.note
    assert (sample.counts, sample.oldest, sample.complete) == ({}, {}, False)
    console.wait(lambda events: console.statuses[-1].reason == sample.note)
    assert console.statuses[-1].state == "degraded" and console.statuses[-1].watching == (kind,)
    for _ in range(8):  # the search is done several times meanwhile
        console.status()
    assert tries.read_text() == "\n"


@pytest.mark.parametrize(
    ("script", "note"),
    [
        ("echo 'postqueue: warning: x' >&2; echo 'postqueue: fatal: open /etc/x: Input/output error' >&2; exit 1",
         "postqueue: fatal: open /etc/x: Input/output error"),
        ("exit 3", "/bin/sh: ended with status 3"),
        ("kill -9 $$", "/bin/sh: ended with status -9"),
        ("head -c 1000000 /dev/zero | tr '\\0' x >&2; echo >&2; echo at last >&2; exit 1", "at last"),
    ],
)  # fmt: skip
def test_a_command_that_fails(watch: Watch, script: str, note: str) -> None:
    console = watch(script)
    sample = console.sample()
    assert (sample.note, sample.counts, sample.complete) == (note, {}, False)
    console.wait(lambda events: console.statuses[-1].reason == note)
    assert console.statuses[-1].state == "degraded"
    assert len(console.samples) == 1


def test_a_command_that_fails_on_its_way(watch: Watch) -> None:
    sample = watch(f"echo '{_LINE}'; exit 1").sample()
    assert (sample.counts["deferred"], sample.complete, sample.note) == (1, False, "/bin/sh: ended with status 1")


def test_a_command_that_is_not_there(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "polite", list)
    console = watch(find=lambda: [Mta("postfix", "", ("/nonexistent/postqueue", "-j"), True)])
    assert console.sample().note == "/nonexistent/postqueue: No such file or directory"
    assert console.status().state == "degraded"


def test_a_warning_of_one_that_runs_changes_nothing(watch: Watch) -> None:
    console = watch("echo 'exim: purging the environment' >&2", kind="exim")
    assert console.sample(2).note == ""
    assert console.status().state == "running"


def test_one_that_does_not_run_and_warns_is_read_rarely(watch: Watch) -> None:
    script = f"echo 'warning: Mail system is down -- accessing queue directly' >&2; echo '{_LINE}'"
    console = watch(find=lambda: [_mta(script, running=False)])
    assert console.sample().counts["deferred"] == 1
    for _ in range(8):
        assert console.status().state == "running"
    assert len(console.samples) == 1


def _running(mark: str) -> list[psutil.Process]:
    return [process for process in psutil.process_iter() if mark in " ".join(_arguments(process))]


def _arguments(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _gone(mark: str) -> bool:
    end = time.monotonic() + _LIMIT
    while _running(mark):
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def test_a_listing_without_end_is_cut(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LIMIT", 0.3)
    console = watch(f"echo '{_LINE}'; exec sleep 71.001")
    sample = console.sample()
    assert (sample.counts["deferred"], sample.complete) == (1, False)
    assert "what was read by then" in sample.note
    assert console.close() == 0
    assert _gone("71.001")


def test_health_is_told_while_a_child_takes_its_time(watch: Watch) -> None:
    console = watch("exec sleep 71.002")
    for _ in range(5):
        assert console.status().state == "running"
    assert console.samples == []
    assert _running("71.002")
    assert console.close() == 0
    assert _gone("71.002")


def test_a_child_that_closed_its_output_and_stays(watch: Watch) -> None:
    console = watch("exec >/dev/null 2>&1; sleep 0.2; exit 9")
    assert console.sample().note == "/bin/sh: ended with status 9"


@pytest.mark.needs("ionice", "nice")
def test_the_child_comes_last(watch: Watch) -> None:
    assert watch("echo $(nice) $(ionice) >&2; exit 1").sample().note == "19 idle"


def test_the_real_process_ends_with_its_console() -> None:
    made = Sensor("host", Config(certificates=False), "mx")  # whoever listens on this machine is left in peace
    events = made.poll(0.0)
    end = time.monotonic() + _LIMIT
    try:
        while not any(isinstance(event, SensorStatus) and event.state in ("running", "degraded") for event in events):
            assert time.monotonic() < end and made.fileno() >= 0, events
            events += made.receive(1.0)
            time.sleep(0.01)
        (child,) = [each for each in psutil.Process().children() if "smtpwatch.sensors" in _arguments(each)]
    finally:
        began = time.monotonic()
        made.stop()
    assert time.monotonic() - began < GOODBYE / 2, "it ended by itself"
    assert not psutil.pid_exists(child.pid)


# ---- which mail servers


class _Uids:
    def __init__(self, real: int) -> None:
        self.real = real


class _Process:
    """As psutil tells of one. No process has that number."""

    pid = 1 << 23

    def __init__(self, name: str, *arguments: str, uid: int = 0, environment: dict[str, str] | None = None) -> None:
        self._name, self._arguments, self._uid, self._environment = name, arguments, uid, environment

    def name(self) -> str:
        return self._name

    def cmdline(self) -> list[str]:
        return list(self._arguments)

    def uids(self) -> _Uids:
        return _Uids(self._uid)

    def environ(self) -> dict[str, str]:
        if self._environment is None:
            raise psutil.AccessDenied(self.pid)
        return self._environment


class _Gone(_Process):
    def name(self) -> str:
        raise psutil.NoSuchProcess(self.pid)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where postqueue and exim4 are; Postfix is set up."""
    for name in ("postqueue", "exim4"):
        (tmp_path / name).touch(0o755)
    (tmp_path / "main.cf").touch()
    monkeypatch.setattr(mtas, "DEFAULT_DIRECTORIES", (str(tmp_path),))
    return tmp_path


def _found(monkeypatch: pytest.MonkeyPatch, programs: Path, *processes: _Process) -> list[tuple[str, str, str, bool]]:
    monkeypatch.setattr(psutil, "process_iter", lambda: iter(processes))
    found = mail_servers(str(programs))
    return [
        (each.kind, each.instance, " ".join(each.command).replace(f"{programs}/", ""), each.running) for each in found
    ]


_MASTER = ("master", "/usr/lib/postfix/sbin/master", "-w")


@pytest.mark.parametrize(
    ("process", "instance"),
    [
        (_Process(*_MASTER, environment={}), ""),
        (_Process(*_MASTER), ""),
        (_Process(*_MASTER, environment={"MAIL_CONFIG": "/etc/postfix-out"}), "/etc/postfix-out"),
        (_Process(*_MASTER, environment={"MAIL_CONFIG": "somewhere"}), ""),
        (_Process(*_MASTER, "-c", "/etc/postfix-in", environment={"MAIL_CONFIG": "/etc/x"}), "/etc/postfix-in"),
        (_Process(*_MASTER, "-c/etc/postfix-in"), "/etc/postfix-in"),
        (_Process(*_MASTER, "-c"), ""),
        (_Process(*_MASTER, "-c", "/etc/\udcff"), ""),
    ],
)
def test_a_running_postfix(monkeypatch: pytest.MonkeyPatch, programs: Path, process: _Process, instance: str) -> None:
    command = f"postqueue -c {instance} -j" if instance else "postqueue -j"
    assert _found(monkeypatch, programs, process) == [("postfix", instance, command, True)]


def test_several_that_run(monkeypatch: pytest.MonkeyPatch, programs: Path) -> None:
    assert _found(
        monkeypatch, programs, _Gone("master"), _Process("init", "init"), _Process(*_MASTER, "-c", "/etc/b"),
        _Process(*_MASTER, "-c", str(programs)), _Process("exim4", "/usr/sbin/exim4", "-bd", uid=101),
        _Process("exim4", "/usr/sbin/exim4", "-q", uid=101), _Process(*_MASTER, "-c", "/etc/a"),
    ) == [
        ("exim", "", "exim4 -bpr", True), ("postfix", "", "postqueue -j", True),
        ("postfix", "/etc/a", "postqueue -c /etc/a -j", True), ("postfix", "/etc/b", "postqueue -c /etc/b -j", True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "process",
    [
        pytest.param(_Process(*_MASTER, "-c", "/home/evil", uid=1000), id="anyone's"),
        pytest.param(_Process("master", "/usr/lib/cyrus/bin/master", "-d"), id="Cyrus"),
        pytest.param(_Process("master"), id="no arguments"),
        pytest.param(_Process("python", "/usr/lib/postfix/sbin/master", "-c", "/home/evil"), id="name"),
        pytest.param(_Gone("master"), id="gone"),
    ],
)
def test_no_mail_server(monkeypatch: pytest.MonkeyPatch, programs: Path, process: _Process) -> None:
    """Then what is installed is looked at, as its package set it up."""
    installed = [("postfix", "", "postqueue -j", False), ("exim", "", "exim4 -bpr", False)]
    assert _found(monkeypatch, programs, process) == installed
    (programs / "main.cf").unlink()
    assert _found(monkeypatch, programs, process) == installed[1:]
    (programs / "exim4").unlink()
    assert _found(monkeypatch, programs, process) == []


def test_where_the_programs_are_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    exim = _Process("exim4", "/tmp/exim4", "-bd", uid=1000)
    assert _found(monkeypatch, tmp_path, _Process(*_MASTER), exim) == []


@pytest.mark.needs("root")
def test_a_container_is_another_system(monkeypatch: pytest.MonkeyPatch, programs: Path) -> None:
    """A process with another root: its configuration is not here."""
    inside = "import os, sys, time; os.chroot(sys.argv[1]); print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", inside, programs], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        process = _Process(*_MASTER, "-c", "/etc/postfix-in")
        process.pid = child.pid
        try:
            assert [running for *_, running in _found(monkeypatch, programs, process)] == [False, False]
        finally:
            child.kill()
