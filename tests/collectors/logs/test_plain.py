"""Lines without facts: told where they are asked for, in their place, as many as there is room for."""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from collectors.logs.plain import Plain
from collectors.logs.reader import Reader
from collectors.logs.sensor import PLAIN
from smtpwatch.config import Config
from smtpwatch.events import AnyEvent, Event, MessageRemoved, PlainLine, SensorStatus
from smtpwatch.sensors import Sensor, read_files

LIMIT = 20.0  # seconds
STAMP = "2026-03-01T10:40:00+00:00"
NOW = 1_772_361_600.0
LINES = [
    f"{STAMP} mx postfix/qmgr[1]: 4B1A2C3D4E: removed",
    f"{STAMP} mx postfix/smtpd[7]: something new under the sun",
    f"{STAMP} mx cron[9]: not mail",
    f"{STAMP} mx postfix/qmgr[1]: 4B1A2C3D4F: removed",
    f"{STAMP} mx postfix/qmgr[1]: something else again",
    "no stamp at all",
]
ODD = "something new under the sun"


def told(events: list[Event]) -> list[str]:
    return [f"{type(event).__name__} {event.text}" for event in events if isinstance(event, PlainLine | MessageRemoved)]


def test_in_their_place_and_only_those_of_mail_programs() -> None:
    reader = Reader("here", None, NOW, Plain())
    events = reader.read(LINES)
    assert told(events) == [
        "MessageRemoved 4B1A2C3D4E: removed", f"PlainLine {ODD}", "MessageRemoved 4B1A2C3D4F: removed",
        "PlainLine something else again",
    ]  # fmt: skip
    assert events[1] == PlainLine(NOW, "log", "mx", "postfix/smtpd", 7, ODD, False, 0)
    assert reader.unknown == {"postfix/smtpd": 1, "cron": 1, "postfix/qmgr": 1, "": 1}


def test_the_fast_way_and_the_slow_way_tell_the_same() -> None:
    whole, one_by_one = Reader("here", None, NOW, Plain()), Reader("here", None, NOW, Plain())
    assert whole.read(LINES * 3) == [event for line in LINES * 3 for event in one_by_one.read([line])]


def test_without_them_nothing_changes() -> None:
    reader = Reader("here", None, NOW)
    assert told(reader.read(LINES)) == ["MessageRemoved 4B1A2C3D4E: removed", "MessageRemoved 4B1A2C3D4F: removed"]


def test_a_journals_entries() -> None:
    reader = Reader("here", None, NOW, Plain())
    events = [
        *reader.message("postfix/smtpd", 7, "", ODD, NOW),
        *reader.message("postfix/qmgr", 1, "", "4B1A2C3D4E: removed", NOW),
        *reader.message("cron", 1, "", "no", NOW),
    ]
    assert told(events) == [f"PlainLine {ODD}", "MessageRemoved 4B1A2C3D4E: removed"]


def test_a_line_that_was_understood_says_so() -> None:
    reader = Reader("here", None, NOW, Plain())
    text = "daemon started -- version 3.7.6, configuration /etc/postfix"
    events = reader.read([f"{STAMP} mx postfix/master[1]: {text}"])
    assert events == [PlainLine(NOW, "log", "mx", "postfix/master", 1, text, True, 0)] and reader.unknown == {}


def test_what_there_is_no_room_for_is_counted() -> None:
    plain = Plain(room=2)
    reader = Reader("here", None, NOW, plain)
    odd = [f"{STAMP} mx postfix/smtpd[7]: odd {number}" for number in range(10)]
    assert told(reader.read(odd)) == ["PlainLine odd 0", "PlainLine odd 1"]
    plain.room = 1
    (event,) = reader.read([odd[0]])
    assert isinstance(event, PlainLine) and event.left_out == 8
    assert reader.unknown == {"postfix/smtpd": 11}


@pytest.mark.parametrize("plain", [True, False])
def test_files(tmp_path: Path, plain: bool) -> None:
    path = tmp_path / "mail.log"
    path.write_text("\n".join(LINES) + "\n")
    events = [event for batch in read_files([path], Config(), "here", time.time(), plain) for event in batch]
    assert sum(isinstance(event, PlainLine) for event in events) == 2 * plain


def test_on_the_socket() -> None:
    event = PlainLine(NOW, "log", "mx", "postfix/smtpd", 7, ODD, False, 3)
    sent = msgspec.msgpack.encode([event])
    assert msgspec.msgpack.decode(sent, type=list[AnyEvent | PlainLine]) == [event]


@pytest.mark.parametrize("plain", [True, False])
def test_a_sensors_process(tmp_path: Path, plain: bool) -> None:
    """Only where it was asked for; what is too much for a second is counted."""
    path = tmp_path / "mail.log"
    path.touch()
    sensor = Sensor("log", Config(logs=(str(path),)), "here", plain)
    events: list[Event] = []

    def until(enough: Callable[[], bool]) -> None:
        limit = time.monotonic() + LIMIT
        while not enough():
            assert time.monotonic() < limit, events
            events.extend(sensor.poll(time.time()))
            select.select([sensor.fileno()], [], [], 0.1)
            events.extend(sensor.receive(time.time()))

    try:
        until(lambda: any(isinstance(event, SensorStatus) and event.state == "running" for event in events))
        odd = [f"{STAMP} mx postfix/smtpd[7]: odd {number}\n" for number in range(5 * PLAIN)]
        with path.open("a") as file:
            file.writelines([*odd, LINES[0] + "\n"])
        until(lambda: any(isinstance(event, MessageRemoved) for event in events))
        with path.open("a") as file:
            for _ in range(30 if plain else 0):
                file.write(odd[0])
                file.flush()
                count = len(events)
                until(lambda count=count: len(events) > count)  # type: ignore[misc]
        lines = [event for event in events if isinstance(event, PlainLine)]
        told = len(lines) + sum(line.left_out for line in lines)
        assert (len(lines) < 3 * PLAIN and told > 4 * PLAIN) if plain else not lines
    finally:
        sensor.stop()
