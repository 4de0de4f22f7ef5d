"""Sensors under supervision: the real process in a network namespace, and impostors that do what a process can do
wrong."""

import errno
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence

import msgspec
import psutil
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from smtpwatch import sensors
from smtpwatch.config import Config
from smtpwatch.events import Event, Greeting, SensorStatus, SessionOpened
from smtpwatch.outbox import HEADER
from smtpwatch.sensors import NOT_ALLOWED, RESTART_AFTER, STEADY, Sensor
from smtpwatch.state.sessions import Sessions
from tests.hosts.namespaces import Namespace
from tests.impostor import Impostor

_LIMIT = 15.0  # seconds
_STATUS = SensorStatus(5.0, "wire", "mx", "running", "", 1, 0, 0, {}, ("lo",))
# Still root, which may read the virtual environment wherever it is, but without any capability.
_POWERLESS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")


# ---- impostors


@pytest.fixture
def impostors(monkeypatch: pytest.MonkeyPatch) -> list[Impostor]:
    """The processes that were started, oldest first."""
    started: list[Impostor] = []

    def start(argv: Sequence[str], *, pass_fds: tuple[int], **_: object) -> Impostor:
        started.append(Impostor(argv, pass_fds=pass_fds))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    return started


@pytest.fixture
def sensor() -> Iterator[Sensor]:
    made = Sensor("wire", Config(hostname="mx", ports=(2525,)), "mx")
    yield made
    made.stop()


def _message(*events: Event) -> bytes:
    body = msgspec.msgpack.encode(events)
    return HEADER.pack(len(body)) + body


def _only_status(events: Sequence[Event]) -> SensorStatus:
    (status,) = events
    assert isinstance(status, SensorStatus)
    return status


def test_what_the_process_is_told(sensor: Sensor, impostors: list[Impostor]) -> None:
    started = _only_status(sensor.poll(100.0))
    assert (started.state, started.time, started.sensor, started.host) == ("starting", 100.0, "wire", "mx")
    (child,) = impostors
    assert child.argv[:5] == [sys.executable, "-P", "-m", "smtpwatch.sensors", "wire"]
    assignment = child.assignment()
    assert (assignment.config, assignment.host) == (Config(hostname="mx", ports=(2525,)), "mx")
    assert sensor.poll(101.0) == []
    assert len(impostors) == 1


def test_events_come_in_whatever_pieces(sensor: Sensor, impostors: list[Impostor]) -> None:
    sensor.poll(0.0)
    octets = _message(_STATUS, _STATUS) + _message(_STATUS) + _message()
    came = []
    for at in range(len(octets)):
        impostors[0].socket.send(octets[at : at + 1])
        came.append(len(sensor.receive(1.0)))
    assert sum(came) == 3
    assert came[len(_message(_STATUS, _STATUS)) - 1] == 2
    assert sensor.receive(1.0) == []


def test_a_death_is_told_and_mended_after_a_while(sensor: Sensor, impostors: list[Impostor]) -> None:
    sensor.poll(100.0)
    impostors[0].exit(-9)
    died = _only_status(sensor.receive(110.0))
    assert (died.state, died.time) == ("failed", 110.0)
    assert "-9" in died.reason
    assert f"trying again in {RESTART_AFTER[0]:.0f} s" in died.reason
    assert (sensor.fileno(), sensor.given_up) == (-1, False)
    assert sensor.receive(110.0) == []
    assert sensor.poll(110.0 + RESTART_AFTER[0] - 0.01) == []
    assert _only_status(sensor.poll(110.0 + RESTART_AFTER[0])).state == "starting"
    assert len(impostors) == 2
    impostors[1].assignment()


def test_patience_grows_and_is_regained(sensor: Sensor, impostors: list[Impostor]) -> None:
    now = 0.0
    delays = []
    for _ in range(len(RESTART_AFTER) + 2):
        assert sensor.poll(now)
        impostors[-1].exit(1)
        sensor.receive(now)
        at = now
        while not sensor.poll(at):
            at += 0.25
        delays.append(at - now)
        impostors[-1].exit(1)
        sensor.receive(at)
        now = at + 1000.0
    assert delays[0] == RESTART_AFTER[0]
    assert delays == sorted(delays)
    assert delays[-1] == RESTART_AFTER[-1]
    sensor.poll(now)
    impostors[-1].exit(1)
    steady = _only_status(sensor.receive(now + STEADY + 1))
    assert f"trying again in {RESTART_AFTER[0]:.0f} s" in steady.reason


def test_its_own_word_is_the_reason(sensor: Sensor, impostors: list[Impostor]) -> None:
    sensor.poll(0.0)
    own = msgspec.structs.replace(_STATUS, state="failed", reason="the ring broke")
    impostors[0].socket.send(_message(own))
    assert sensor.receive(0.0) == [own]
    impostors[0].exit(70, b"noise\n")
    assert _only_status(sensor.receive(0.0)).reason.startswith("the ring broke; trying again")


def test_else_the_last_line_it_wrote(sensor: Sensor, impostors: list[Impostor]) -> None:
    sensor.poll(0.0)
    impostors[0].exit(1, b"Traceback (most recent call last):\nMemoryError: \xff\n\n")
    assert _only_status(sensor.receive(0.0)).reason.startswith("MemoryError: \ufffd; trying again")


def test_trying_again_is_no_use_without_rights(sensor: Sensor, impostors: list[Impostor]) -> None:
    sensor.poll(0.0)
    own = msgspec.structs.replace(_STATUS, state="failed", reason="packets: not allowed")
    impostors[0].socket.send(_message(own))
    sensor.receive(0.0)
    impostors[0].exit(NOT_ALLOWED)
    assert _only_status(sensor.receive(0.0)).reason == "packets: not allowed"
    assert sensor.given_up
    assert sensor.poll(1e9) == []


_DEEP = b"\x91\x82\xa4type\xacSensorStatus\xa1x" + b"\x91" * 200_000 + b"\xc0"
_BAD_TEXT = msgspec.msgpack.encode([_STATUS]).replace(b"wire", b"\xff\xfe\xff\xfe")


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.binary(), st.binary(max_size=40).map(lambda body: HEADER.pack(len(body)) + body)))
@example(b"\xff" * 100)
@example(HEADER.pack(0))
@example(HEADER.pack(5) + b"\x91\x81\xa1a\x01")
@example(_message(_STATUS)[:-1])
@example(_message(_STATUS) + b"\x00\x00")
@example(HEADER.pack(len(_BAD_TEXT)) + _BAD_TEXT)
@example(HEADER.pack(len(_DEEP)) + _DEEP)
def test_no_octets_do_harm(octets: bytes) -> None:
    """Whatever comes: told as failed, sooner or at the end, and started anew."""
    started: list[Impostor] = []

    def start(argv: Sequence[str], *, pass_fds: tuple[int], **_: object) -> Impostor:
        started.append(Impostor(argv, pass_fds=pass_fds))
        return started[-1]

    sensor = Sensor("wire", Config(), "mx")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(subprocess, "Popen", start)
        sensor.poll(0.0)
        child = started[0]
        child.assignment()
        child.socket.setblocking(False)
        received: list[Event] = []
        while octets and sensor.fileno() >= 0:
            octets = octets[child.socket.send(octets) :]
            received += sensor.receive(1.0)
        if sensor.fileno() >= 0:
            child.exit(0)
            while sensor.fileno() >= 0:
                received += sensor.receive(1.0)
        else:
            assert child.killed
        last = received[-1]
        assert isinstance(last, SensorStatus)
        assert (last.state, last.time) == ("failed", 1.0)
        assert last.reason
        assert _only_status(sensor.poll(1.0 + RESTART_AFTER[0])).state == "starting"
        started[1].assignment()
        started[1].socket.send(_message(_STATUS))
        assert sensor.receive(2.0) == [_STATUS]
        sensor.stop()


def test_a_process_that_cannot_be_made(sensor: Sensor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host at its limit of processes, which is when an admin looks: told, and tried again."""

    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(subprocess, "Popen", refuse)
    told = sensor.poll(0.0)[-1]
    assert isinstance(told, SensorStatus)
    assert told.state == "failed"
    assert os.strerror(errno.EAGAIN) in told.reason
    assert not sensor.given_up
    assert sensor.poll(RESTART_AFTER[0] / 2) == []
    assert sensor.poll(RESTART_AFTER[0]) != []


def test_a_process_that_is_gone_before_it_is_told_anything(sensor: Sensor, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(argv: Sequence[str], *, pass_fds: tuple[int], **_: object) -> Impostor:
        child = Impostor(argv, pass_fds=pass_fds)
        child.exit(127, b"python: error while loading shared libraries\n")
        return child

    monkeypatch.setattr(subprocess, "Popen", start)
    told = [*sensor.poll(0.0), *sensor.receive(0.0)][-1]
    assert isinstance(told, SensorStatus)
    assert told.state == "failed"
    assert "shared libraries" in told.reason
    assert not sensor.given_up


def test_a_process_that_does_not_end_is_killed(sensor: Sensor, impostors: list[Impostor]) -> None:
    sensor.poll(0.0)
    sensor.stop()
    assert impostors[0].killed
    sensor.stop()
    assert sensor.poll(1e9) == []


def test_a_new_start_ends_old_sessions_and_keeps_them(sensor: Sensor, impostors: list[Impostor]) -> None:
    """Session numbers begin anew with each process; the sessions of the one before stay what they were."""
    state = Sessions()
    for banner in ("first", "second"):
        now = 1000.0 * (len(impostors) + 1)
        for event in sensor.poll(now):
            state.apply(event)
        assert not state.live
        who = (now, "wire", "mx", 1, "203.0.113.7")
        greeting = Greeting(*who, 220, banner)
        impostors[-1].socket.send(_message(SessionOpened(*who, now, 40000, "192.0.2.25", 25, "inbound"), greeting))
        for event in sensor.receive(now):
            state.apply(event)
        assert [session.banner for session in state.live.values()] == [f"220 {banner}"]
        impostors[-1].exit(-9)
        for event in sensor.receive(now):
            state.apply(event)
    for event in sensor.poll(9000.0):
        state.apply(event)
    assert [session.banner for session in state.recent.values()] == ["220 first", "220 second"]


# ---- the real process


@pytest.fixture
def lab() -> Iterator[Namespace]:
    with Namespace("sensors") as namespace:
        yield namespace


class Watch:
    """A Sensor whose real process lives in a namespace."""

    def __init__(self, namespace: Namespace, config: Config) -> None:
        self.namespace = namespace
        self.sensor = Sensor("wire", config, "mx.example.net")
        self.events: list[Event] = []

    def poll(self, now: float) -> None:
        with self.namespace.entered():
            self.events += self.sensor.poll(now)

    def wait(self, enough: Callable[[Sequence[Event]], bool], now: float) -> bool:
        """Whether `enough` came to hold of the events within the limit; the sensor is told that it is `now`."""
        end = time.monotonic() + _LIMIT
        while not enough(self.events):
            left = end - time.monotonic()
            if left < 0 or self.sensor.fileno() < 0:
                return False
            select.select([self.sensor.fileno()], [], [], left)
            self.events += self.sensor.receive(now)
        return True

    def state(self, name: str) -> Callable[[Sequence[Event]], bool]:
        """Whether the latest status says so."""

        def says(events: Sequence[Event]) -> bool:
            statuses = [event for event in events if isinstance(event, SensorStatus)]
            return bool(statuses) and statuses[-1].state == name

        return says

    @property
    def latest(self) -> SensorStatus:
        return [event for event in self.events if isinstance(event, SensorStatus)][-1]


def _children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "smtpwatch.sensors" in child.cmdline()]


@pytest.fixture
def watch(lab: Namespace) -> Iterator[Watch]:
    made = Watch(lab, Config(interfaces=("lo",)))
    yield made
    made.sensor.stop()


def _greet(namespace: Namespace) -> socket.socket:
    """A server's end of a connection to port 25 on lo that has said its greeting; closed with all else at the end."""
    with namespace.entered(), socket.create_server(("127.0.0.1", 25)) as listening:
        client = socket.create_connection(("127.0.0.1", 25))
        server, _ = listening.accept()
    server.sendall(b"220 mx.example.net ESMTP\r\n")
    client.recv(100)
    client.detach()
    return server


def _greeted(times: int) -> Callable[[Sequence[Event]], bool]:
    return lambda events: sum(isinstance(event, Greeting) for event in events) == times


@pytest.mark.needs("namespaces")
def test_killed_and_started_anew(watch: Watch) -> None:
    watch.poll(100.0)
    assert (watch.latest.state,) == ("starting",)
    assert watch.wait(watch.state("running"), 101.0)
    assert watch.latest.watching == ("lo",)
    with _greet(watch.namespace):
        assert watch.wait(_greeted(1), 101.0)
        (child,) = _children()
        os.kill(child.pid, signal.SIGKILL)
        assert watch.wait(watch.state("failed"), 110.0)
        assert "-9" in watch.latest.reason
        assert _children() == []
        watch.poll(110.0 + RESTART_AFTER[0] / 2)
        assert (watch.latest.state,) == ("failed",)
        state = Sessions()
        for event in watch.events:
            state.apply(event)
        assert len(state.live) == 1
        watch.poll(110.0 + RESTART_AFTER[0])
        assert watch.latest.state == "starting"
        state.apply(watch.latest)
        assert not state.live
        assert [session.stage for session in state.recent.values()] == ["closed"]
        assert watch.wait(watch.state("running"), 120.0)
        with _greet(watch.namespace):
            assert watch.wait(_greeted(2), 120.0)


@pytest.mark.needs("namespaces")
def test_stop_leaves_no_process(watch: Watch) -> None:
    watch.poll(0.0)
    assert watch.wait(watch.state("running"), 1.0)
    (child,) = _children()
    began = time.monotonic()
    watch.sensor.stop()
    assert time.monotonic() - began < sensors.GOODBYE, "it ended by itself"
    assert not psutil.pid_exists(child.pid)
    assert watch.sensor.fileno() == -1
    watch.poll(1e9)
    assert _children() == []


@pytest.mark.needs("namespaces")
def test_an_interface_that_is_not_there(lab: Namespace) -> None:
    watch = Watch(lab, Config(interfaces=("nosuch0",)))
    watch.poll(0.0)
    try:
        assert watch.wait(lambda events: "trying again" in watch.latest.reason, 1.0)
        assert watch.latest.state == "failed"
        assert "no interface nosuch0 (there are: lo" in watch.latest.reason
        assert not watch.sensor.given_up
    finally:
        watch.sensor.stop()


_GIVING_UP = """
import select, sys
import msgspec
from smtpwatch.config import Config
from smtpwatch.sensors import Sensor
sensor = Sensor("wire", Config(), "mx")
events = sensor.poll(0.0)
while sensor.fileno() >= 0:
    select.select([sensor.fileno()], [], [])
    events += sensor.receive(1.0)
print(msgspec.json.encode([sensor.given_up, sensor.poll(1e9), events]).decode())
"""


def _powerless(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python without any capability."""
    command = [*_POWERLESS, sys.executable, "-P", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT, check=False)


@pytest.mark.needs("root", "setpriv")
def test_without_rights_it_gives_up_and_says_what_to_run() -> None:
    ran = _powerless("-c", _GIVING_UP)
    assert ran.stderr == ""
    given_up, later, events = json.loads(ran.stdout)
    assert given_up
    assert later == []
    assert events[0]["state"] == "starting"
    assert events[-1]["state"] == "failed"
    assert "sudo" in events[-1]["reason"]
    assert "trying again" not in events[-1]["reason"]


@pytest.mark.needs("root", "setpriv")
@pytest.mark.parametrize("command", ["events", "sessions"])
def test_without_rights_the_command_ends_in_one_line(command: str) -> None:
    ran = _powerless("-m", "smtpwatch", command)
    assert ran.returncode == 1
    (line,) = ran.stderr.splitlines()
    assert line.startswith("smtpwatch: packets: not allowed")
    assert "sudo" in line


# ---- what is checked before a sensor starts


def test_check() -> None:
    assert sensors.check(Config(), []) is None
    assert sensors.check(Config(interfaces=("lo",)), []) is None
    wrong = sensors.check(Config(interfaces=("lo", "nosuch0")), [])
    assert wrong is not None
    assert "nosuch0" in wrong
    assert "lo" in wrong.partition("there are")[2]
