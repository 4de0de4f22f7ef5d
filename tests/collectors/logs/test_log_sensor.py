"""The log collector on a real outbox: what it tells, where it looks, how it waits and how it ends."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import msgspec
import psutil
import pytest

from collectors.logs import places, sensor
from collectors.logs.places import Found
from collectors.logs.sensor import LogSensor
from smtpwatch.config import Config
from smtpwatch.events import AnyEvent, Event, MessageRemoved, Refused, SensorStatus
from smtpwatch.outbox import HEADER, Outbox

LIMIT = 15.0  # seconds


class Console:
    """A LogSensor in a thread, and this end of its socket. `received` is read only when asked for."""

    def __init__(self, config: Config) -> None:
        self._ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        self._theirs = theirs
        self.outbox = Outbox(theirs, "log", "here")
        self._sensor = LogSensor(config, "here", self.outbox, time.time)
        self._thread = threading.Thread(target=self._run)
        self._buffer = b""
        self.received: list[Event] = []
        self.ended_by: type[BaseException] | None = None

    def _run(self) -> None:
        try:
            self._sensor.run()
        except BrokenPipeError as error:
            self.ended_by = type(error)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._theirs.close()

    def close(self) -> None:
        """Go away, and wait for the sensor's end."""
        self._ours.close()
        self._thread.join(LIMIT)
        assert not self._thread.is_alive()

    def until(self, enough: Callable[[list[Event]], bool]) -> list[Event]:
        """Read until there is enough."""
        decode = msgspec.msgpack.Decoder(list[AnyEvent]).decode
        self._ours.settimeout(LIMIT)
        limit = time.monotonic() + LIMIT
        while not enough(self.received):
            assert time.monotonic() < limit, self.received
            self._buffer += self._ours.recv(1 << 16)
            while len(self._buffer) >= HEADER.size:
                size = HEADER.unpack_from(self._buffer)[0]
                if len(self._buffer) < HEADER.size + size:
                    break
                self.received += decode(self._buffer[HEADER.size : HEADER.size + size])
                self._buffer = self._buffer[HEADER.size + size :]
        return self.received

    def status(self, state: str) -> SensorStatus:
        """The first report of that state from now on."""
        self.received.clear()
        self.until(lambda events: any(isinstance(event, SensorStatus) and event.state == state for event in events))
        return next(event for event in self.received if isinstance(event, SensorStatus) and event.state == state)


@pytest.fixture(autouse=True)
def no_logs_of_this_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "logs", list)
    monkeypatch.setattr(places, "journald", lambda: None)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "mail.log"
    path.touch()
    return path


def write(path: Path, numbers: range) -> None:
    """Lines of numbered messages, of now."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
    with path.open("a") as file:
        file.writelines(f"{stamp} mx postfix/qmgr[1]: {number:010X}: removed\n" for number in numbers)


def numbers(events: list[Event]) -> list[int]:
    return [int(event.queue_id, 16) for event in events if isinstance(event, MessageRemoved)]


def test_facts_and_health(log: Path) -> None:
    with Console(Config(logs=(str(log),))) as console:
        status = console.status("running")
        assert (status.sensor, status.host, status.reason, status.watching) == ("log", "here", "", (str(log),))
        write(log, range(3))
        with log.open("a") as file:
            file.write("Nov 25 09:00:00 mx unheard-of[7]: of\nno stamp\n")
        console.until(lambda events: len(numbers(events)) == 3)
        console.until(lambda events: isinstance(events[-1], SensorStatus) and events[-1].received == 5)
        last = console.received[-1]
        assert isinstance(last, SensorStatus)
        assert (last.unparsed, last.dropped, last.shed) == ({"unheard-of": 1, "no program": 1}, 0, 0)
        assert numbers(console.received) == [0, 1, 2]


def test_several_logs(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.log", "b.log")]
    with Console(Config(logs=(*map(str, paths), str(paths[0])))) as console:
        reason = console.status("degraded").reason
        assert reason == "; ".join(f"{path}: not there; waiting for it" for path in paths)
        write(paths[0], range(2))
        console.until(lambda events: len(numbers(events)) == 2)
        write(paths[1], range(2, 4))
        console.until(lambda events: len(numbers(events)) == 4)
        status = console.status("running")
        assert status.watching == tuple(map(str, paths))


def test_the_past_first(log: Path) -> None:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() - 60))
    for path, number in ((log.with_name("mail.log.1"), 1), (log, 2)):
        path.write_text(f"{stamp} mx postfix/qmgr[1]: {number:010X}: removed\n")
    with Console(Config(logs=(str(log),), backfill=3_600.0)) as console:
        write(log, range(3, 4))
        assert numbers(console.until(lambda events: len(numbers(events)) == 3)) == [1, 2, 3]


# ---- where it looks


def test_nothing_to_look_at(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so, and finds a log that comes later."""
    monkeypatch.setattr(sensor, "SEARCH", 0.3)
    with Console(Config()) as console:
        status = console.status("degraded")
        assert status.reason.startswith("no mail log found; name it with --log (looked for /var/log/mail.log, ")
        assert status.watching == ()
        monkeypatch.setattr(places, "logs", lambda: [Found(log, True)])
        assert console.status("running").watching == (str(log),)
        write(log, range(1))
        console.until(lambda events: numbers(events) == [0])


DAY = 86_400.0


@pytest.mark.parametrize(
    ("ages", "journal", "watched"),
    [
        ({"mail.log": 0}, False, ["mail.log"]),
        ({"mail.log": 0}, True, ["mail.log"]),
        ({"mail.log": 30}, False, ["mail.log"]),
        ({"mail.log": 30}, True, ["journald"]),
        ({"mainlog": 0}, True, ["mainlog", "journald"]),
        ({"mainlog": 30}, True, ["journald"]),
        ({"mail.log": 0, "mainlog": 0, "rejectlog": 9}, True, ["mail.log", "mainlog", "rejectlog"]),
        ({"mail.log": 9, "mainlog": 0, "rejectlog": 9}, True, ["mainlog", "rejectlog", "journald"]),
        ({}, True, ["journald"]),
    ],
)  # fmt: skip
def test_which_of_those_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ages: dict[str, float], journal: bool, watched: list[str]
) -> None:
    """A syslog file that is alive makes journald needless; Exim's own logs do not, since others log there."""
    found = []
    for name, days in ages.items():
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time.time() - days * DAY,) * 2)
        found.append(Found(tmp_path / name, name == "mail.log"))
    monkeypatch.setattr(places, "logs", lambda: found)
    monkeypatch.setattr(places, "journald", lambda: "/bin/false" if journal else None)
    assert [Path(name).name for name in places.followed((), time.time())] == watched


def test_journald_by_name(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "journalctl", lambda: "/nowhere/journalctl")
    with Console(Config(logs=("journald", str(log)))) as console:
        status = console.status("degraded")
        assert status.watching == (str(log), "journald")
        assert status.reason == "journalctl: No such file or directory"
        write(log, range(1))
        console.until(lambda events: numbers(events) == [0])


def test_a_journal_wakes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "journalctl"
    entry = '{"MESSAGE":"AAAAAAAAAA: removed","SYSLOG_IDENTIFIER":"postfix/qmgr","__REALTIME_TIMESTAMP":"1"}'
    script.write_text(f"#!/bin/sh\necho '{entry}'\nexec sleep 60\n")
    script.chmod(0o755)
    monkeypatch.setattr(places, "journalctl", lambda: str(script))
    with Console(Config(logs=("journald",))) as console:
        console.until(lambda events: any(isinstance(event, MessageRemoved) for event in events))
        console.close()
    assert not [child for child in psutil.Process().children() if "sleep" in child.name()]


def test_exim_s_two_logs(tmp_path: Path) -> None:
    line = "2026-11-25 09:00:00 H=(x) [203.0.113.7] F=<a@example.org> rejected RCPT <b@example.com>: no\n"
    logs = [tmp_path / name for name in ("mainlog", "rejectlog")]
    for path in logs:
        path.touch()
    with Console(Config(logs=tuple(map(str, logs)))) as console:
        console.status("running")
        for path in logs:
            with path.open("a") as file:
                file.write(line)
        write(logs[1], range(1))
        console.until(lambda events: isinstance(events[-1], SensorStatus) and events[-1].received == 3)
        assert sum(isinstance(event, Refused) for event in console.received) == 1
        assert numbers(console.received) == [0]


# ---- the console


def test_a_slow_console_loses_nothing(log: Path) -> None:
    """What it has no time for stays in the files, through a rotation, and none of it in memory."""
    count = 60_000
    with Console(Config(logs=(str(log),))) as console:
        console.status("running")
        write(log, range(count // 2))
        time.sleep(0.5)
        log.rename(log.with_name("mail.log.1"))
        write(log, range(count // 2, count))
        time.sleep(0.5)
        assert console.outbox._queued < 2 << 20
        console.until(lambda events: len(numbers(events)) == count)
        assert numbers(console.received) == list(range(count))
        assert console.outbox.shed == 0


@pytest.mark.parametrize("busy", [False, True])
def test_it_ends_with_the_console(log: Path, busy: bool) -> None:
    with Console(Config(logs=(str(log),))) as console:
        console.status("running")
        if busy:
            write(log, range(50_000))
        begun = time.monotonic()
        console.close()
        assert time.monotonic() - begun < 5
    assert console.ended_by is BrokenPipeError


@pytest.fixture(autouse=True)
def no_descriptors_left() -> Iterator[None]:
    def held() -> list[str]:
        return sorted(name for path in Path("/proc/self/fd").iterdir() if "mail.log" in (name := read(path)))

    def read(path: Path) -> str:
        try:
            return str(path.readlink())
        except OSError:
            return ""

    before = held()
    yield
    assert held() == before
