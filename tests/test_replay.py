"""Recorded events played again, by a clock of the test's own."""

import asyncio
from collections.abc import Sequence

import pytest

from smtpwatch.bus import Bus
from smtpwatch.events import Command, Event, SensorStatus, SessionClosed, SessionEvent, SessionOpened
from smtpwatch.replay import PAUSE, TICK, play, shifted

_RECORDED_AT = 1_600_000_000.0
_NOW = 1_700_000_000.0
_LENGTH = 3.0  # seconds from the first event to the last
_SLACK = 1e-6  # seconds that a float of this size may be off


def _recorded() -> list[Event]:
    made: list[Event] = []
    for number, at in ((1, 0.0), (2, 0.05), (3, 1.5)):
        who = (_RECORDED_AT + at, "wire", "mx", number, "203.0.113.7")
        made += [
            SessionOpened(*who, _RECORDED_AT + at, 40000, "192.0.2.25", 25, "inbound"),
            Command(*who, "QUIT", ""),
        ]
    end = _RECORDED_AT + _LENGTH
    made += [SessionClosed(end, "wire", "mx", each, "203.0.113.7", end, "quit", 1, 2, None, True) for each in (1, 2, 3)]
    return [*made, SensorStatus(end, "wire", "mx", "running", "", 9, 0, 0, {}, ())]


class Stage:
    """A clock, a bus, and what came over it at which time."""

    def __init__(self) -> None:
        self.now = _NOW
        self.bus = Bus()
        self.seen: list[tuple[float, Event]] = []
        self._subscription = self.bus.subscribe(lossless=True)
        self._end = 0.0

    async def _sleep(self, seconds: float) -> None:
        while batch := self._subscription.take():
            self.seen += [(self.now, event) for event in batch]
        self.now += seconds
        if self.now > self._end:
            raise asyncio.CancelledError

    async def play(self, events: Sequence[Event], seconds: float) -> None:
        self._end = _NOW + seconds
        with pytest.raises(asyncio.CancelledError):
            await play(events, self.bus, lambda: self.now, self._sleep)

    @property
    def events(self) -> list[Event]:
        return [event for _, event in self.seen]


async def test_in_order_at_the_recorded_pace() -> None:
    stage = Stage()
    await stage.play(list(reversed(_recorded())), _LENGTH + 1)
    assert [event.time - _NOW for event in stage.events] == pytest.approx(
        [event.time - _RECORDED_AT for event in _recorded()], abs=_SLACK
    )
    assert {type(event) for event in stage.events} == {type(event) for event in _recorded()}
    for now, event in stage.seen:
        assert -_SLACK <= now - event.time <= TICK + _SLACK, "never before its time, at most one tick after"


async def test_every_time_in_an_event_is_shifted() -> None:
    stage = Stage()
    await stage.play(_recorded(), _LENGTH + 1)
    for event in stage.events:
        if isinstance(event, SessionOpened):
            assert event.start == event.time
        if isinstance(event, SessionClosed):
            assert event.end == event.time


async def test_rounds_share_no_session_and_do_not_overlap() -> None:
    stage = Stage()
    rounds = 4
    await stage.play(_recorded(), rounds * (_LENGTH + PAUSE) - PAUSE + 2 * TICK)
    count = len(_recorded())
    assert len(stage.events) == rounds * count
    opened = [event.session for event in stage.events if isinstance(event, SessionOpened)]
    assert len(set(opened)) == 3 * rounds
    for turn in range(rounds):
        events = stage.events[turn * count : (turn + 1) * count]
        numbers = [event.session for event in events if isinstance(event, SessionEvent)]
        assert set(numbers) == set(opened[3 * turn : 3 * turn + 3])
        begins = _NOW + turn * (_LENGTH + PAUSE)
        assert [events[0].time, events[-1].time] == pytest.approx([begins, begins + _LENGTH], abs=_SLACK)


async def test_a_late_clock_gets_all_that_is_due_at_once() -> None:
    """The machine slept: nothing is lost, nothing is told twice."""
    stage = Stage()
    asleep = 10.0

    async def sleep(seconds: float) -> None:
        await stage._sleep(asleep)

    stage._end = _NOW + asleep
    with pytest.raises(asyncio.CancelledError):
        await play(_recorded(), stage.bus, lambda: stage.now, sleep)
    assert len(stage.events) >= len(_recorded())
    assert stage.events[: len(_recorded())] == [shifted(event, _NOW - _RECORDED_AT, 0) for event in _recorded()]


def test_shifted_leaves_the_rest_alone() -> None:
    event = Command(1.0, "wire", "mx", 7, "203.0.113.7", "MAIL", "FROM:<>")
    assert shifted(event, 10.0, 100) == Command(11.0, "wire", "mx", 107, "203.0.113.7", "MAIL", "FROM:<>")
    status = SensorStatus(1.0, "wire", "mx", "running", "", 9, 0, 0, {}, ())
    assert shifted(status, 10.0, 100) == SensorStatus(11.0, "wire", "mx", "running", "", 9, 0, 0, {}, ())
