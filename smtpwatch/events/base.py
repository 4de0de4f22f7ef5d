"""What all events share, and those that belong to no session: a sensor's health, and what it shed."""

from typing import Literal

import msgspec

Health = Literal["starting", "running", "degraded", "failed"]


class Event(msgspec.Struct, frozen=True, gc=False, tag=True, tag_field="type"):
    """What every event carries: when, which sensor saw it, on which host."""

    time: float
    sensor: str
    host: str


class Tally(Event, frozen=True, gc=False):
    """Events whose detail was shed under load, counted by source: `counts` maps a counter's name
    (smtpwatch.counters) to how many; `closed` are sessions announced earlier that have ended since."""

    source: str
    counts: dict[str, int]
    closed: tuple[int, ...]


class SensorStatus(Event, frozen=True, gc=False):
    """A sensor's health, told about once a second. Counts are totals since the sensor's start: `received` packets or
    lines, `dropped` by the kernel, `unparsed` by kind, `shed` events that became tallies. `watching` names
    interfaces, files or the like."""

    state: Health
    reason: str
    received: int
    dropped: int
    shed: int
    unparsed: dict[str, int]
    watching: tuple[str, ...]
