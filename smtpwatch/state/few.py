"""The few values that matter most among many: a source's HELO names, its senders, why it was refused."""

from __future__ import annotations

FEW = 8  # of one kind, by source; 10,000 sources have eight kinds


class Few:
    """Values with how often each came, at most FEW: Space-Saving (heavy.py) in miniature, so that what makes up more
    than an eighth of all is always among them."""

    __slots__ = ("_counts", "total")

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self.total = 0
        """Of all values together, held or not."""

    def add(self, value: str, n: int = 1) -> None:
        """`value` came `n` times more."""
        self.total += n
        counts = self._counts
        if value in counts or len(counts) < FEW:
            counts[value] = counts.get(value, 0) + n
            return
        rarest = min(counts, key=counts.__getitem__)
        counts[value] = counts.pop(rarest) + n

    def still(self) -> Few:
        """A copy that later values leave alone."""
        twin = Few()
        twin._counts, twin.total = dict(self._counts), self.total
        return twin

    def __contains__(self, value: str) -> bool:
        return value in self._counts

    def __len__(self) -> int:
        return len(self._counts)

    @property
    def values(self) -> tuple[str, ...]:
        """Those held, in no order."""
        return tuple(self._counts)

    def most(self) -> list[tuple[str, int]]:
        """(value, count) of those held, the most frequent first; a count may be too high by an eighth of `total`."""
        return sorted(self._counts.items(), key=lambda item: -item[1])
