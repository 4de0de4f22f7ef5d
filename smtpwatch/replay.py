"""Recorded events played again: shifted to now, at the pace they were recorded, in a loop."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import msgspec

from smtpwatch.bus import Bus
from smtpwatch.events import Event

TICK = 0.1  # seconds between deliveries
PAUSE = 2.0  # seconds between two rounds
ROUND = 1_000_000  # added to session numbers each round, so that no two sessions share one

# Fields that hold times, beside `time` itself.
_TIMES = ("start", "end")


def shifted(event: Event, seconds: float, sessions: int) -> Event:
    """`event` as if it had happened `seconds` later, in the session numbered `sessions` higher."""
    changes: dict[str, Any] = {"time": event.time + seconds}
    for name in _TIMES:
        value = getattr(event, name, None)
        if value is not None:
            changes[name] = value + seconds
    session = getattr(event, "session", None)
    if session is not None:
        changes["session"] = session + sessions
    return msgspec.structs.replace(event, **changes)


async def play(
    events: Iterable[Event],
    bus: Bus,
    clock: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Publish `events` for ever, each when it is due by `clock`."""
    recorded: Sequence[Event] = sorted(events, key=lambda event: event.time)
    first, last = recorded[0].time, recorded[-1].time
    begun = clock()
    turn = 0
    while True:
        shift = begun - first + turn * (last - first + PAUSE)
        at = 0
        while at < len(recorded):
            due = at
            now = clock()
            while due < len(recorded) and recorded[due].time + shift <= now:
                due += 1
            if due > at:
                bus.publish([shifted(event, shift, turn * ROUND) for event in recorded[at:due]])
                at = due
            await sleep(TICK)
        turn += 1
