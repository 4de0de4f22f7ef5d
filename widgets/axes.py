"""What stands at a graph's edges: round scales with units, and clock times."""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from smtpwatch import clock
from widgets.figures import octets, rate

ROUND = (1, 2, 3, 4, 5, 6, 8, 10)
"""A scale ends at one of these times a power of ten: the half of each is short to write."""

TIMES = (5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200)
"""Seconds between clock times on an axis."""

QUARTER = 900  # seconds: zones differ by quarters of an hour

TICK, RULE = "┬", "─"


class Unit(NamedTuple):
    """`per` seconds: rates are told in the shortest that makes them more than a shred."""

    name: str
    per: int


UNITS = (Unit("/s", 1), Unit("/min", 60), Unit("/h", 3600))
SHRED = 0.095  # of a unit: less is written as 0.1, whatever it is


def unit_of(peak: float) -> Unit:
    """The unit for rates up to `peak` per second."""
    return next((unit for unit in UNITS if peak * unit.per >= SHRED), UNITS[-1]) if peak > 0 else UNITS[0]


def told(per_second: float, unit: Unit) -> str:
    """`41/s`, `4.0/h`: at most 8 characters."""
    return rate(per_second * unit.per) + unit.name


def full(peak: float) -> float:
    """The round number that a scale up to `peak` ends at; 1 for nothing."""
    if not peak > 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(peak))
    return next((each * power for each in ROUND if each * power >= peak * (1 - 1e-9)), 10 * power)


def figure(value: float) -> str:
    """A round number on an axis: `0.25`, `1.5`, `40`, `2k`."""
    return octets(round(value)).replace(".0", "") if value >= 100 else f"{value:.3g}"


def zone(time: float) -> int:
    """Seconds that the host's clock is ahead of UTC at `time`, in whole quarters of an hour."""
    try:
        ahead = datetime.fromtimestamp(time).astimezone().utcoffset()
    except (ValueError, OverflowError, OSError):
        return 0
    return int(ahead.total_seconds()) // QUARTER * QUARTER if ahead is not None else 0


def times(start: float, seconds: float, cells: int) -> str:
    """An axis of `cells` for the `seconds` from `start`, with clock times right of their ticks: `┬10:31──┬:33──`."""
    if cells <= 0:
        return ""
    ahead = zone(start)
    longest = len("00:00:00") if seconds < 600 else len("00:00")
    step = next((each for each in TIMES if each / seconds * cells >= longest + 1), None)
    axis = [RULE] * cells
    if step is None:
        return "".join(axis)
    first = math.ceil((start + ahead) / step) * step - ahead
    marks = [first + at * step for at in range(math.ceil((start + seconds - first) / step))]
    before = ""
    for mark in marks:
        at = int((mark - start) / seconds * cells)
        label, before = _label(mark, step, before)
        if at + 1 + len(label) <= cells:
            axis[at : at + 1 + len(label)] = TICK + label
        elif at < cells:
            axis[at] = TICK
    return "".join(axis)


def _label(time: float, step: int, before: str) -> tuple[str, str]:
    """What is written, and all of it: the hour (the minute, of seconds) is left out where the last one had it."""
    told_time = clock.of_day(time)
    whole = told_time if step < 60 else told_time[:5]
    head, colon, tail = whole.rpartition(":")
    if step < 3600 and before.rpartition(":")[0] == head:
        return colon + tail, whole
    return whole, whole


def peak_of(values: Sequence[float | None]) -> float:
    """The largest; 0 for none."""
    return max((value for value in values if value is not None), default=0.0)
