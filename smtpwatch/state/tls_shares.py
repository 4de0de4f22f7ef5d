"""How many sessions were secured how, since the start and of late."""

from collections.abc import Mapping
from typing import NamedTuple

from smtpwatch.events import Direction
from smtpwatch.state.tls_told import Mode, Secured

BUCKET = 60.0  # seconds; "the last 10 min" may be a minute long or short
BUCKETS = 61  # an hour of whole ones beside the one that is filling
COMBINATIONS = 256  # told apart: a host sees some tens, a scanner may try thousands

OTHER = "other"
NOTHING = ""
"""A name that was not told."""


class Kind(NamedTuple):
    """Sessions alike: of one direction, secured in one way. Names that were not told are ""."""

    direction: Direction
    mode: Mode
    version: str
    cipher: str
    group: str


Counts = Mapping[Kind, int]


class Shares:
    """Sessions by Kind. Times are epoch seconds; what is older than an hour when it comes counts in the total only."""

    def __init__(self) -> None:
        self.total: dict[Kind, int] = {}
        self._ring: list[dict[Kind, int]] = [{} for _ in range(BUCKETS)]
        self._newest: int | None = None

    def add(self, direction: Direction, how: Secured, time: float, n: int = 1) -> None:
        """`n` more sessions, ended at `time`."""
        kind = Kind(direction, how.mode, how.version or NOTHING, how.cipher or NOTHING, how.group or NOTHING)
        total = self.total
        if kind not in total and len(total) >= COMBINATIONS:
            kind = Kind(direction, how.mode, OTHER, OTHER, OTHER)
        total[kind] = total.get(kind, 0) + n
        number = int(time // BUCKET)
        if self._newest is None or number > self._newest:
            self._advance(number)
        elif number <= self._newest - BUCKETS:
            return
        bucket = self._ring[number % BUCKETS]
        bucket[kind] = bucket.get(kind, 0) + n

    def recent(self, now: float, window: float) -> Counts:
        """Those of the last `window` seconds before `now`, an hour at most: the bucket that fills, and whole ones."""
        if self._newest is None:
            return {}
        last = int(now // BUCKET)
        oldest = max(last - min(BUCKETS - 1, round(window / BUCKET)), self._newest - BUCKETS + 1)
        found: dict[Kind, int] = {}
        for number in range(oldest, min(last, self._newest) + 1):
            for kind, count in self._ring[number % BUCKETS].items():
                found[kind] = found.get(kind, 0) + count
        return found

    def _advance(self, number: int) -> None:
        passed = BUCKETS if self._newest is None else min(BUCKETS, number - self._newest)
        for stale in range(number - passed + 1, number + 1):
            self._ring[stale % BUCKETS] = {}
        self._newest = number
