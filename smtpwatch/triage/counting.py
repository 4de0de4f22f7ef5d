"""How much of late, and by how many: what rules remember, in little room and in event time."""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterator
from functools import partial

from smtpwatch.state.distinct import hashed
from smtpwatch.state.heavy import Heavy, Held

BUCKETS = 20  # of a window: what it counts reaches back 19 to 20 of them, so never too far
APART = 64  # values that are told apart: who needs to know of more reads "64+"
DAY = 86_400.0
_MOST = 2**32 - 1  # of one bucket, where it stays


class Lately:
    """Counts what has happened within the last `seconds`. Times may come out of order; what is older than the window is
    left out."""

    __slots__ = ("_counts", "_newest", "_step")

    def __init__(self, seconds: float, buckets: int = BUCKETS) -> None:
        self._step = seconds / buckets
        self._counts = array("I", bytes(4 * buckets))
        self._newest: int | None = None

    def add(self, time: float, n: int = 1) -> None:
        """`n` more at `time`."""
        bucket, counts = int(time // self._step), self._counts
        newest = self._newest
        if newest is None or bucket > newest:
            size = len(counts)
            passed = size if newest is None else min(size, bucket - newest)
            for stale in range(bucket - passed + 1, bucket + 1):
                counts[stale % size] = 0
            self._newest = bucket
        elif bucket <= newest - len(counts):
            return
        place = bucket % len(counts)
        counts[place] = min(_MOST, counts[place] + n)

    def count(self, now: float) -> int:
        """How many within the window that ends at `now`."""
        if self._newest is None:
            return 0
        size, last = len(self._counts), int(now // self._step)
        stale = last - self._newest
        if stale <= 0:
            return sum(self._counts)
        return sum(self._counts[bucket % size] for bucket in range(last - size + 1, self._newest + 1))


class Handful:
    """Different strings: the first APART of them are told apart, 8 octets each; `add` tells whether one is new."""

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen = array("Q")

    def add(self, value: str) -> bool:
        """One more value, seen before or not."""
        if value in self or len(self._seen) >= APART:
            return False
        self._seen.append(hashed(value))
        return True

    def __contains__(self, value: str) -> bool:
        return hashed(value) in self._seen

    def __len__(self) -> int:
        return len(self._seen)

    def __str__(self) -> str:
        return f"{len(self)}+" if len(self) >= APART else f"{len(self)}"


class Repeat(Held):
    """Who has done it, and how often in all (`weight` less `error`); `since` is when the first time was that is known
    of. Most do it once, in a flood from everywhere, so there is room for more only from the second time on."""

    __slots__ = ("_first", "_lately", "_others", "_seconds", "since")

    def __init__(self, seconds: float, key: Hashable) -> None:
        super().__init__(key)
        self._seconds = seconds
        self._lately: Lately | None = None
        self._first: tuple[int, str] | None = None
        """Of the first time, as long as there is no more: how much it was, and with what it was done."""
        self._others: Handful | None = None
        self.since: float | None = None

    def add(self, time: float, n: int, other: str) -> None:
        """`n` times more; `other` is what it was done with."""
        self.weight += n
        if self.since is None:
            self.since, self._first = time, (n, other)
            return
        if self._lately is None:
            self._lately = Lately(self._seconds)
            before, with_ = self._first or (0, "")
            self._lately.add(self.since, before)
            self._first = None
            self._with(with_)
        self._lately.add(time, n)
        self._with(other)

    def _with(self, other: str) -> None:
        if other:
            if self._others is None:
                self._others = Handful()
            self._others.add(other)

    def count(self, now: float) -> int:
        """How often of late."""
        if self._lately is not None:
            return self._lately.count(now)
        first = self._first
        return 0 if first is None or self.since is None or now - self.since > self._seconds else first[0]

    @property
    def different(self) -> int:
        """With how many different things it was done, APART at most."""
        if self._others is not None:
            return len(self._others)
        return int(self._first is not None and self._first[1] != "")

    @property
    def all(self) -> int:
        """How often in all, as far as is known for certain."""
        return self.weight - self.error


class Repeats:
    """Who does something again and again: at most `places` of them, those who do it most, 0.4 kB each."""

    def __init__(self, places: int, seconds: float) -> None:
        self._held: Heavy[Repeat] = Heavy(places, partial(Repeat, seconds))

    def add(self, key: Hashable, time: float, n: int = 1, other: str = "") -> Repeat:
        """`n` times more; `other` is what it was done with."""
        found = self._held.touch(key)
        found.add(time, n, other)
        return found

    def get(self, key: Hashable) -> Repeat | None:
        """Who is known by that key."""
        return self._held.get(key)

    def __iter__(self) -> Iterator[Repeat]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)
