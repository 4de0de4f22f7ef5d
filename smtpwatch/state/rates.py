"""How often something happens, in event time, at constant cost: a ring of buckets."""

from __future__ import annotations


class Rate:
    """Counts of the latest `buckets` stretches of `seconds` each. Times are epoch seconds and may come out of order.

    A count that is older than the ring is left out; a jump forward empties what it passes."""

    __slots__ = ("_counts", "_newest", "_seconds")

    def __init__(self, buckets: int, seconds: float) -> None:
        self._counts = [0] * buckets
        self._seconds = seconds
        self._newest: int | None = None
        """Number of the newest bucket since the epoch; its place in the ring is that number modulo the ring's size."""

    def add(self, now: float, n: int = 1) -> None:
        """`n` more at `now`."""
        bucket = int(now // self._seconds)
        counts = self._counts
        if self._newest is None or bucket > self._newest:
            self._advance(bucket)
        elif bucket <= self._newest - len(counts):
            return
        counts[bucket % len(counts)] += n

    def per_second(self, now: float, window: float) -> float:
        """The mean over the whole buckets of the last `window` seconds before `now`, at most what the ring holds.

        The bucket that `now` falls in is left out, since it would make every figure sag until it is full."""
        if self._newest is None:
            return 0.0
        size = len(self._counts)
        last = int(now // self._seconds) - 1
        wanted = max(1, min(size - 1, round(window / self._seconds)))
        oldest = max(last - wanted + 1, self._newest - size + 1)
        total = sum(self._counts[bucket % size] for bucket in range(oldest, min(last, self._newest) + 1))
        return total / (wanted * self._seconds)

    def __copy__(self) -> Rate:
        twin = Rate(len(self._counts), self._seconds)
        twin._counts, twin._newest = list(self._counts), self._newest
        return twin

    def _advance(self, bucket: int) -> None:
        size = len(self._counts)
        passed = size if self._newest is None else min(size, bucket - self._newest)
        for stale in range(bucket - passed + 1, bucket + 1):
            self._counts[stale % size] = 0
        self._newest = bucket
