"""Time as packets tell it, believed once it is beyond doubt.

Captures pause for hours, and clocks are set: then all packets agree on the new time. One that is damaged has it alone.
"""

from __future__ import annotations

from statistics import median
from typing import Final

TICK: Final = 1.0  # seconds of packet time between looks at silence and progress
NEAR: Final = 10.0
"""Seconds from the time that is known: packets of several queues, or of a quiet host, are as far apart. Wrong by so
little, time ends no open session (tracker.CLOSING is its shortest wait)."""
WITNESSES: Final = 3  # packets in a row that are not near, on the same side; the time between the others is believed
UNKNOWN: Final = float("-inf")


class Clock:
    """`now` is the time believed, in UTC epoch seconds, at most TICK behind; UNKNOWN until packets agree on one.

    A packet's time from `low` to below `high` tells nothing new, so only others are to be read."""

    __slots__ = ("_doubted", "high", "low", "now")

    def __init__(self) -> None:
        self.now = UNKNOWN
        self.low, self.high = -UNKNOWN, UNKNOWN
        self._doubted: list[float] = []

    def read(self, time: float) -> bool:
        """A packet came at `time`. Returns whether `now` is another since."""
        before = self.now
        doubted = self._doubted
        if self._is_near(time):
            doubted.clear()
            if time >= self.now + TICK:
                self.now = time
        else:
            if doubted and (doubted[-1] > self.now) != (time > self.now):
                doubted.clear()
            doubted.append(time)
            if len(doubted) == WITNESSES:
                self.now = median(doubted)
                self._doubted = [each for each in doubted[1:] if not self._is_near(each)]
        self._look_out()
        return self.now != before

    def set(self, time: float) -> bool:
        """It is `time`, by a clock that can be trusted. Returns whether `now` is another since."""
        if 0 <= time - self.now < TICK:
            return False
        self.now = time
        self._doubted.clear()
        self._look_out()
        return True

    def believed(self, time: float) -> float:
        """When a packet of `time` came: then, unless that is beyond belief."""
        return time if self.now == UNKNOWN or self._is_near(time) else self.now

    def _is_near(self, time: float) -> bool:
        return -NEAR <= time - self.now <= NEAR

    def _look_out(self) -> None:
        if self._doubted:  # each packet tells now whether they were right
            self.low, self.high = -UNKNOWN, UNKNOWN
        else:
            self.low, self.high = self.now - NEAR, self.now + TICK
