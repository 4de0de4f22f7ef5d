"""Recorded events played again: shifted to now, at the pace they were recorded, in a loop.

Each round is traffic of its own: sessions, processes and messages are others than in the round before, so that nothing
of one round is taken for a part of another."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from smtpwatch.bus import Bus
from smtpwatch.events import Event, SensorStatus
from smtpwatch.queue_ids import Span, named, shifting

FIRST_LOOK = 0.3  # seconds that the screen gets for its first paint, before anything is read
TICK = 0.1  # seconds between deliveries
READ_ON = 0.001  # seconds between two batches that are read, for the screen
PAUSE = 2.0  # seconds between two rounds
SESSIONS = 1_000_000  # added to session numbers each round, so that no two sessions share one
PROCESSES = 100_003  # added to process ids each round: more than are used in one
HIGHEST_PID = 4_194_304  # Linux's PID_MAX_LIMIT on 64 bits
MESSAGES_BEFORE = 600.0  # seconds before the first event in which a message may have begun that is named
LONGEST = 86_400.0  # seconds that a recording lasts, at most

# Fields that hold times, beside `time` itself.
_TIMES = ("start", "end", "not_before", "not_after")
_OF_PROCESS = "pid"


class Round(NamedTuple):
    """How a round differs from what was recorded: `seconds` later, the `turn`-th from 0; `received` is what each sensor
    had received in a whole round; `text` gives the queue ids in a text their later times."""

    seconds: float
    turn: int
    received: dict[str, int]
    text: Callable[[str], str]


def shifted(event: Event, into: Round, naming: Sequence[str] = ()) -> Event:
    """`event` as it would have been in that round. `naming` are its fields that name messages."""
    changes: dict[str, Any] = {"time": event.time + into.seconds}
    for name in _TIMES:
        value = getattr(event, name, None)
        if value is not None:
            changes[name] = value + into.seconds
    session = getattr(event, "session", None)
    if session is not None:
        changes["session"] = session + into.turn * SESSIONS
    pid = getattr(event, _OF_PROCESS, 0)
    if pid:
        changes[_OF_PROCESS] = (pid - 1 + into.turn * PROCESSES) % HIGHEST_PID + 1
    if isinstance(event, SensorStatus):
        changes["received"] = event.received + into.turn * into.received.get(event.sensor, 0)
    for name in naming:
        changes[name] = into.text(getattr(event, name))
    return msgspec.structs.replace(event, **changes)


class Recording:
    """Events that are read while they are played: `events`, in order of time, as far as they were read."""

    def __init__(self, batches: Iterable[Sequence[Event]]) -> None:
        self._batches = iter(batches)
        self.events: list[Event] = []
        self.naming: list[tuple[str, ...]] = []
        """Of each event, the fields that name messages."""
        self.received: dict[str, int] = {}
        """What each sensor has received, by its latest report."""
        self.whole = False
        """All was read."""

    def read(self) -> None:
        """Read one batch more."""
        batch = next(self._batches, None)
        if batch is None:
            self.whole = True
            return
        for event in sorted(batch, key=lambda event: event.time):
            self.events.append(event)
            self.naming.append(self._naming(event))
            if isinstance(event, SensorStatus):
                self.received[event.sensor] = event.received

    @property
    def messages(self) -> Span:
        """When the messages began that it may name."""
        first = self.events[0].time
        return first - MESSAGES_BEFORE, first + LONGEST

    def _naming(self, event: Event) -> tuple[str, ...]:
        texts = ((name, getattr(event, name)) for name in event.__struct_fields__)
        return tuple(name for name, text in texts if isinstance(text, str) and named(text, self.messages))

    def round(self, turn: int, begun: float) -> Round:
        """The `turn`-th round, if the first began at `begun`."""
        first, last = self.events[0].time, self.events[-1].time
        seconds = begun - first + turn * (last - first + PAUSE)
        return Round(seconds, turn, self.received, shifting(seconds, self.messages))


async def play(
    batches: Iterable[Sequence[Event]],
    bus: Bus,
    clock: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Publish the events of `batches`, which come in order of time, for ever, each when it is due by `clock`. They are
    read meanwhile, one batch at a time."""
    recording = Recording(batches)
    await sleep(FIRST_LOOK)
    while not recording.events and not recording.whole:
        recording.read()
    begun = clock()
    turn = 0
    while recording.events:
        await _play(recording, recording.round(turn, begun), bus, clock, sleep)
        turn += 1


async def _play(
    recording: Recording,
    into: Round,
    bus: Bus,
    clock: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]],
) -> None:
    """One round, to its end."""
    events, naming = recording.events, recording.naming
    at = 0
    while at < len(events) or not recording.whole:
        due, now = at, clock()
        while due < len(events) and events[due].time + into.seconds <= now:
            due += 1
        if due > at:
            bus.publish([shifted(events[each], into, naming[each]) for each in range(at, due)])
            at = due
        if recording.whole:
            await sleep(TICK)
        else:
            recording.read()
            await sleep(READ_ON)
