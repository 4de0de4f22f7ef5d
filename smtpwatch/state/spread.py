"""How long things took: a histogram on a logarithmic scale, at constant cost and in constant room."""

from __future__ import annotations

from math import ceil, log2

LEAST = 0.01  # seconds; what took no longer is all one: mail logs tell no finer than that
PER_OCTAVE = 4  # buckets from a time to its double: a quantile is wrong by 9 % at most
BUCKETS = 120  # the last one begins at 100 days
RECENT = 2_000  # times held; then all counts are halved, so that what was long ago weighs ever less


def bucket_of(seconds: float) -> int:
    """The number of the bucket that a time belongs to."""
    if seconds <= LEAST:
        return 0
    return min(BUCKETS - 1, ceil(log2(seconds / LEAST) * PER_OCTAVE))


class Spread:
    """Times by bucket: bucket 0 up to LEAST, each of the others up to 2 ** (1 / PER_OCTAVE) times the one before."""

    __slots__ = ("_counts", "_held")

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._held = 0

    def add(self, bucket: int) -> None:
        """One more time, of that bucket."""
        self._counts[bucket] = self._counts.get(bucket, 0) + 1
        self._held += 1
        if self._held > RECENT:
            self._counts = {at: n // 2 for at, n in self._counts.items() if n > 1}
            self._held = sum(self._counts.values())

    def quantile(self, part: float) -> float | None:
        """The time in seconds that `part` (0..1) of the latest did not exceed, None if there were none: right within a
        factor of 2 ** (0.5 / PER_OCTAVE), or LEAST."""
        if not self._held:
            return None
        left = max(1, ceil(part * self._held))
        for bucket in sorted(self._counts):
            left -= self._counts[bucket]
            if left <= 0:
                break
        return float(LEAST * 2 ** ((bucket - 0.5) / PER_OCTAVE)) if bucket else LEAST

    def __copy__(self) -> Spread:
        twin = Spread()
        twin._counts, twin._held = dict(self._counts), self._held
        return twin
