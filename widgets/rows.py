"""Which rows a table shows, and in which order.

The default order is the state's own, read off its tables without a list of all rows; only a sort or a filter makes one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Sequence
from itertools import islice
from typing import Generic, TypeVar

from widgets.sieve import Sieve
from widgets.table_layout import Column

T = TypeVar("T")

FROZEN_ROWS = 2_000  # kept of a frozen view: copies take 8 us each, and the key is to be answered at once

Key = tuple[str, int] | tuple[str, str]


class Rows(ABC, Generic[T]):
    """Rows of a table. `settle` fixes them until it is called again, unless they are in the default order."""

    def __init__(self, columns: Sequence[Column[T]]) -> None:
        self.columns = columns
        self._sieve: Sieve[T] | None = None
        self._typed = ""
        self._frozen: dict[Key, T] | None = None
        self._listed: list[T] | None = None
        self.sorted_by: int | None = None
        """Place in `columns` of the sort column, None for the default order."""
        self.reverse = False

    @abstractmethod
    def key(self, row: T) -> Key:
        """What the row is known by."""

    @abstractmethod
    def _stamp(self, row: T) -> Hashable:
        """What changes when the text of the row's cells does."""

    @abstractmethod
    def _there(self) -> int:
        """How many rows the state holds."""

    @abstractmethod
    def _find(self, key: Key) -> T | None:
        """The row with that key, if the state holds it."""

    @abstractmethod
    def _in_order(self) -> Iterator[T]:
        """All rows in the default order."""

    @abstractmethod
    def _still(self, row: T) -> T:
        """A copy that later events leave alone."""

    def _slice(self, start: int, stop: int) -> list[T]:
        return list(islice(self._in_order(), start, stop))

    def __len__(self) -> int:
        return self.total if self._listed is None else len(self._listed)

    @property
    def total(self) -> int:
        """Rows there are, filtered away or not."""
        return self._there() if self._frozen is None else len(self._frozen)

    @property
    def pending(self) -> int:
        """Rows that the filter has not looked at yet."""
        return self._sieve.pending if self._sieve is not None else 0

    @property
    def frozen(self) -> bool:
        """Whether the rows are copies that stand still."""
        return self._frozen is not None

    @property
    def descending(self) -> bool:
        """Whether the sort column runs from large to small."""
        return self.sorted_by is not None and self.columns[self.sorted_by].descending is not self.reverse

    def filter(self, typed: str) -> None:
        """Show only what passes `typed` (widgets.sieve); all for an empty one."""
        if typed != self._typed:
            self._typed = typed
            self._sieve = Sieve(typed, self.columns, self.key, self._stamp) if typed.strip() else None

    def freeze(self, around: int) -> int:
        """Stand still: keep copies of all rows, or, of many, those around row `around`.

        Returns how many rows above the kept ones are left out."""
        if self.total <= FROZEN_ROWS:
            first, kept = 0, list(self._all())
        else:
            first = max(0, around - FROZEN_ROWS // 2)
            kept = self.window(first, first + FROZEN_ROWS)
        self._frozen = {self.key(row): self._still(row) for row in kept}
        return first

    def thaw(self) -> None:
        """Follow the traffic again."""
        self._frozen = None

    def settle(self, now: float) -> None:
        """Work out the rows anew: call on each tick and after each change of sort, filter or freeze."""
        if self._sieve is None and self.sorted_by is None:
            self._listed = None
            return
        rows = self._all()
        listed = self._sieve.passed(rows) if self._sieve is not None else list(rows)
        if self.sorted_by is not None:
            key = self.columns[self.sorted_by].key
            listed.sort(key=lambda row: key(row, now), reverse=self.descending)
        self._listed = listed

    def window(self, start: int, stop: int) -> list[T]:
        """Rows `start` to `stop` (not included)."""
        if self._listed is not None:
            return self._listed[start:stop]
        if self._frozen is not None:
            return list(islice(self._frozen.values(), start, stop))
        return self._slice(start, stop)

    def row_of(self, key: Key, near: int) -> int | None:
        """The row that `key` is in, None if it is not shown; looks first at row `near`, where it was."""
        at = self.window(near, near + 1)
        if at and self.key(at[0]) == key:
            return near
        if self._listed is None and self._frozen is None and self._find(key) is None:
            return None
        rows = self._listed if self._listed is not None else self._all()
        return next((number for number, row in enumerate(rows) if self.key(row) == key), None)

    def get(self, key: Key) -> T | None:
        """The row with `key` as the view has it, if it is still held."""
        if self._frozen is not None:
            return self._frozen.get(key)
        return self._find(key)

    @property
    def _newest_first(self) -> bool:
        return self.reverse and self.sorted_by is None

    def _all(self) -> Iterator[T]:
        return iter(self._frozen.values()) if self._frozen is not None else self._in_order()
