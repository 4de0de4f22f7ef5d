"""Recorded events played again, by a clock of the test's own."""

import asyncio
from collections.abc import Iterator, Sequence

import pytest

from smtpwatch import events as ev
from smtpwatch.bus import Bus
from smtpwatch.events import Command, Event, SensorStatus, SessionClosed, SessionEvent, SessionOpened
from smtpwatch.queue_ids import queue_id
from smtpwatch.replay import FIRST_LOOK, HIGHEST_PID, PAUSE, PROCESSES, SESSIONS, TICK, Recording, play, shifted

_RECORDED_AT = 1_600_000_000.0
_NOW = 1_700_000_000.0
_BEGUN = _NOW + FIRST_LOOK
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


def _one_by_one(events: Sequence[Event]) -> Iterator[list[Event]]:
    for event in events:
        yield [event]


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
            await play(_one_by_one(events), self.bus, lambda: self.now, self._sleep)

    @property
    def events(self) -> list[Event]:
        return [event for _, event in self.seen]


async def test_in_order_at_the_recorded_pace() -> None:
    stage = Stage()
    await stage.play(_recorded(), _LENGTH + 1)
    assert [event.time - _BEGUN for event in stage.events] == pytest.approx(
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
    await stage.play(_recorded(), rounds * (_LENGTH + PAUSE) - PAUSE + FIRST_LOOK + 2 * TICK)
    count = len(_recorded())
    assert len(stage.events) == rounds * count
    opened = [event.session for event in stage.events if isinstance(event, SessionOpened)]
    assert len(set(opened)) == 3 * rounds
    for turn in range(rounds):
        events = stage.events[turn * count : (turn + 1) * count]
        numbers = [event.session for event in events if isinstance(event, SessionEvent)]
        assert set(numbers) == set(opened[3 * turn : 3 * turn + 3])
        begins = _BEGUN + turn * (_LENGTH + PAUSE)
        assert [events[0].time, events[-1].time] == pytest.approx([begins, begins + _LENGTH], abs=_SLACK)


async def test_a_late_clock_gets_all_that_is_due_at_once() -> None:
    """The machine slept: nothing is lost, nothing is told twice."""
    stage = Stage()
    asleep = 10.0

    async def sleep(seconds: float) -> None:
        await stage._sleep(asleep)

    stage._end = _NOW + 2 * asleep
    with pytest.raises(asyncio.CancelledError):
        await play([_recorded()], stage.bus, lambda: stage.now, sleep)
    recording = _read(_recorded())
    into = recording.round(0, _NOW + asleep)
    assert stage.events[: len(_recorded())] == [shifted(event, into) for event in _recorded()]


async def test_it_is_played_while_it_is_read() -> None:
    """What comes late in the recording need not be there when its beginning is played."""
    stage = Stage()
    read: list[float] = []

    def batches() -> Iterator[list[Event]]:
        for event in _recorded():
            read.append(stage.now)
            yield [event]

    stage._end = _BEGUN + 0.01
    with pytest.raises(asyncio.CancelledError):
        await play(batches(), stage.bus, lambda: stage.now, stage._sleep)
    assert read[0] == pytest.approx(_BEGUN)
    assert stage.events and len(read) == len(_recorded()) > len(stage.events)


async def test_a_recording_of_nothing_ends() -> None:
    async def sleep(seconds: float) -> None:
        return

    await play([], Bus(), lambda: _NOW, sleep)


def _read(*batches: Sequence[Event]) -> Recording:
    recording = Recording(batches)
    while not recording.whole:
        recording.read()
    return recording


_LATER = 1_000.5  # seconds
_ID, _NEXT = queue_id(_RECORDED_AT - 1, 4711), queue_id(_RECORDED_AT + 2, 4712)
_ID_LATER, _NEXT_LATER = queue_id(_RECORDED_AT - 1 + _LATER, 4711), queue_id(_RECORDED_AT + 2 + _LATER, 4712)
_OLD = queue_id(_RECORDED_AT - 86_400, 4711)  # of yesterday: no message of the recording


def _identified(time: float, queue_id: str, message_id: str) -> Event:
    text = f"{queue_id}: message-id=<{message_id}>, references=<20200913122640.{_OLD}@x>"
    return ev.MessageIdentified(time, "log", "mx", "postfix/cleanup", 9, text, queue_id, message_id)


def _delivered(time: float, queue_id: str, became: str) -> Event:
    text = f"{queue_id}: status=sent (250 Ok: queued as {became})"
    who = (time, "log", "mx", "postfix/smtp", 9, text, queue_id, "a@example.com")
    return ev.Delivery(*who, "sent", next_queue_id=became)


@pytest.mark.parametrize(
    ("event", "later"),
    [
        (
            Command(_RECORDED_AT, "wire", "mx", 7, "203.0.113.7", "MAIL", "FROM:<>"),
            Command(_RECORDED_AT + _LATER, "wire", "mx", 7, "203.0.113.7", "MAIL", "FROM:<>"),
        ),
        (
            ev.Reply(_RECORDED_AT, "wire", "mx", 7, "203.0.113.7", ".", 250, "2.0.0", f"Ok: queued as {_ID}"),
            ev.Reply(
                _RECORDED_AT + _LATER, "wire", "mx", 7, "203.0.113.7", ".", 250, "2.0.0", f"Ok: queued as {_ID_LATER}"
            ),
        ),
        (
            _identified(_RECORDED_AT, _ID, f"20200913122640.{_ID}@x"),
            _identified(_RECORDED_AT + _LATER, _ID_LATER, f"20200913124320.{_ID_LATER}@x"),
        ),
        (_delivered(_RECORDED_AT, _ID, _NEXT), _delivered(_RECORDED_AT + _LATER, _ID_LATER, _NEXT_LATER)),
    ],
)  # fmt: skip
def test_all_that_is_of_a_time_is_shifted(event: Event, later: Event) -> None:
    recording = _read([event])
    into = recording.round(0, _RECORDED_AT + _LATER)
    assert shifted(event, into, recording.naming[0]) == later


def test_each_round_has_its_own_sessions_processes_and_counts() -> None:
    opened = _recorded()[0]
    line = ev.ClientConnected(_RECORDED_AT + 1, "log", "mx", "postfix/smtpd", HIGHEST_PID, "x", "203.0.113.7", 1, "")
    told = SensorStatus(_RECORDED_AT + 1, "log", "mx", "running", "", 40, 0, 0, {}, ("demo",))
    recording = _read([opened, line, told])
    into = recording.round(2, _NOW)
    again = _NOW + 2 * (1 + PAUSE)
    first, second, third = (shifted(event, into) for event in recording.events)
    assert isinstance(first, SessionOpened) and isinstance(second, ev.ClientConnected)
    assert (first.time, first.start, first.session) == (again, again, 1 + 2 * SESSIONS)
    assert (second.time, second.pid) == (again + 1, 2 * PROCESSES)
    assert third == SensorStatus(again + 1, "log", "mx", "running", "", 3 * 40, 0, 0, {}, ("demo",))
