"""Which rows a table shows, and in which order.

The default order is the state's own, read off its tables without a list of all rows; only a sort or a filter makes one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Generic, TypeVar

from smtpwatch.query import FIELDS, Fault, Query, Read, Said, Says, holds, sift
from widgets.sieve import Sieve
from widgets.table_layout import Column, picked, term

T = TypeVar("T")

FROZEN_ROWS = 2_000  # kept of a frozen view: copies take 8 us each, and the key is to be answered at once

LOOKED_AT = 1_000  # rows that tell which values are common: a few ms, each time that one is typed

MANY = 20_000  # rows that a sort or a filter of all of them may take a tenth of a second for
PER_SECOND = 10_000  # of more, so that a hundred thousand are worked out anew every ten seconds

Key = tuple[str, int] | tuple[str, str]

MOVING = frozenset(("age", "rate", "cc", "asn", "org"))
"""Fields that change though the row does not: with time, or as its address is looked up."""


class Rows(ABC, Generic[T]):
    """Rows of a table. `settle` fixes them until it is called again, unless they are in the default order.

    `fields` tells what a row says of a field of the filter; those that are columns' terms need not be told. Of a field
    that is neither, a filter asks nothing here."""

    newest_on_top = True
    """Whether the default order begins with the newest row."""

    def __init__(
        self,
        columns: Sequence[Column[T]],
        fields: Mapping[str, Read[T]] | None = None,
        moving: Iterable[str] = (),
    ) -> None:
        self.columns = columns
        self.now = 0.0
        """The time that rows were settled for."""
        self.fields: Mapping[str, Read[T]] = {**self._of_columns(), **(fields or {})}
        self.query: Query = sift("")
        """The filter as last given."""
        self._moving = MOVING.union(moving)
        self._sieve: Sieve[T] | None = None
        self._filter: tuple[str, int | None] = ("", None)
        self._frozen: dict[Key, T] | None = None
        self._listed: list[T] | None = None
        self._listed_for: tuple[object, ...] = ()
        """What `_listed` was worked out for, beside the traffic."""
        self._settled = 0.0
        self._in_sight = (0, 0)
        """The window last asked for."""
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
    def _in_order(self) -> Iterator[Any]:
        """All rows in the default order, or what `_made` makes a row of: something that has a key and a stamp."""

    @abstractmethod
    def _still(self, row: T) -> T:
        """A copy that later events leave alone."""

    def _made(self, row: Any) -> T:
        return row  # type: ignore[no-any-return]

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

    def filter(self, typed: str, cursor: int | None = None) -> None:
        """Show only what passes `typed` (smtpwatch.query); all for an empty one. While it is being typed, `cursor`
        tells where. With a fault in it, what was in force before stays so."""
        if (typed, cursor) == self._filter:
            return
        self._filter = typed, cursor
        self.query = query = sift(typed, cursor)
        if not query.faults:
            asked = bool(query.terms)
            self._sieve = self._sieve_of(query) if asked else None

    def _sieve_of(self, query: Query) -> Sieve[T]:
        return Sieve(query, self.columns, self.key, self._stamp, self.fields, self._moving, self._made)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is wrong with the filter."""
        return self.query.faults

    @property
    def left_out(self) -> str:
        """What the filter asks and these rows cannot tell, in words: "tls, ja4: not in this pane", "" for nothing."""
        missing = self.query.missing(self.fields)
        return f"{', '.join(missing)}: not in this pane" if missing else ""

    def term(self, column: Column[T], row: T) -> str:
        """The cell of `row` as a term of the filter, "" if it cannot be one."""
        written = term(column, row, self.now)
        found = picked(column, row, self.now)
        if found is None or not written or found[0] not in self.fields:
            return written
        asked = sift(written).terms
        return written if asked and holds(self.fields[found[0]](row), asked[0].ask) else ""

    def values(self, field: str) -> list[str]:
        """What rows say of `field`, the most common first."""
        read = self.fields.get(field)
        if read is None:
            return []
        counts: Counter[str] = Counter()
        for row in map(self._made, islice(self._all(), LOOKED_AT)):
            counts.update({str(said) for said in _each(read(row)) if said is not None and said != ""})
        return [value for value, _ in counts.most_common()]

    def _of_columns(self) -> dict[str, Read[T]]:
        return {column.term: self._reading(column) for column in self.columns if column.term in FIELDS}

    def _reading(self, column: Column[T]) -> Read[T]:
        def read(row: T) -> Says:
            found = picked(column, row, self.now)
            return found[1] if found is not None and found[0] == column.term else None

        return read

    def freeze(self, around: int) -> int:
        """Stand still: keep copies of all rows, or, of many, those around row `around`.

        Returns how many rows above the kept ones are left out."""
        if self.total <= FROZEN_ROWS:
            first, kept = 0, list(map(self._made, self._all()))
        else:
            first = max(0, around - FROZEN_ROWS // 2)
            kept = self._window(first, first + FROZEN_ROWS)
        self._frozen = {self.key(row): self._still(row) for row in kept}
        return first

    def thaw(self) -> None:
        """Follow the traffic again."""
        self._frozen = None

    def settle(self, now: float) -> None:
        """Work out the rows anew: call on each tick and after each change of sort, filter or freeze."""
        self.now = now
        if self._sieve is None and self.sorted_by is None:
            self._listed = None
            return
        asked = self._filter, self.sorted_by, self.reverse, self.frozen
        if self._listed is not None and asked == self._listed_for and self._will_do(now):
            self._close_up(self._listed, *self._in_sight)
            return
        self._listed_for, self._settled = asked, now
        rows = self._all()
        listed = self._sieve.passed(rows) if self._sieve is not None else list(rows)
        if self.sorted_by is not None:
            key = self.columns[self.sorted_by].key
            listed.sort(key=lambda row: key(self._made(row), now), reverse=self.descending)
        self._listed = listed

    def _will_do(self, now: float) -> bool:
        """What was worked out is good for a while: there are so many rows that it took long."""
        return not self.pending and self.total > MANY and 0 < now - self._settled < self.total / PER_SECOND

    def _close_up(self, listed: list[T], start: int, stop: int) -> None:
        """Leave out those in sight that the state holds no more: the next ones take their places."""
        held: list[T] = []
        at = start
        while at < len(listed) and len(held) < stop - start:
            if self._find(self.key(listed[at])) is not None:
                held.append(listed[at])
            at += 1
        listed[start:at] = held

    def window(self, start: int, stop: int) -> list[T]:
        """Rows `start` to `stop` (not included)."""
        self._in_sight = start, stop
        return self._window(start, stop)

    def at(self, row: int) -> T | None:
        """The one in row number `row`, None if there is none."""
        return next(iter(self._window(row, row + 1)), None)

    def _window(self, start: int, stop: int) -> list[T]:
        if self._listed is not None:
            rows = self._listed[start:stop]
            if self.now == self._settled or self.frozen:
                return [self._made(row) for row in rows]
            return [self._find(self.key(row)) or self._made(row) for row in rows]
        if self._frozen is not None:
            return list(islice(self._frozen.values(), start, stop))
        return self._slice(start, stop)

    def row_of(self, key: Key, near: int) -> int | None:
        """The row that `key` is in, None if it is not shown; looks first at row `near`, where it was."""
        there = self.at(near)
        if there is not None and self.key(there) == key:
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


def _each(says: Says) -> Iterable[Said]:
    return (says,) if says is None or isinstance(says, str | int | float) else says
