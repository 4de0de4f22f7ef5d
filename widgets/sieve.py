"""The filter at work: asked of each row, and not again until the row has changed."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Generic, TypeVar

from smtpwatch.query import Query, Read, Strainer, sift
from widgets.table_layout import Column, sought

PARTS = 25  # in which very many rows are looked at: to go through a hundred thousand takes longer than to look at 600

T = TypeVar("T")

LOOKS = 600  # rows of a table whose text is put together in one go: some 10 ms each, so that the next key need not wait


class Sieve(Generic[T]):
    """The rows that pass a filter, remembering verdicts so that each look costs only what has changed.

    `stamp` is what changes with what a row says, beside its key; only the fields `moving` change without it, and are
    asked on each look. `made` makes a row of what stands for it. `pending` counts rows that there was no time to look
    at: they are left out until a later look."""

    def __init__(
        self,
        typed: str | Query,
        columns: Iterable[Column[T]],
        key: Callable[[T], Hashable],
        stamp: Callable[[T], Hashable],
        fields: Mapping[str, Read[T]] | None = None,
        moving: Iterable[str] = (),
        made: Callable[[T], T] = lambda row: row,
    ) -> None:
        self.pending = 0
        self._made = made
        query = sift(typed) if isinstance(typed, str) else typed
        self._sought = [column for column in columns if column.sought]
        self._strainer = Strainer(query, fields or {}, self.haystack, moving)
        self._key, self._stamp = key, stamp
        self._verdicts: dict[Hashable, tuple[Hashable, bool]] = {}

    def haystack(self, row: T) -> str:
        """What plain words are looked for in: all columns but those that only the passing of time or octets changes."""
        return " ".join([sought(column, row) for column in self._sought]).casefold()

    def passed(self, rows: Iterable[T]) -> list[T]:
        """Those of `rows` that pass, in their order. Looks at no more than LOOKS new or changed ones, or, of very many,
        at a part."""
        steady, moving = self._strainer.steady, self._strainer.moving
        chosen = list(rows) if steady is None else self._steady(rows, steady)
        return chosen if moving is None else [row for row in chosen if moving(self._made(row))]

    def _steady(self, rows: Iterable[T], passes: Callable[[T], bool]) -> list[T]:
        known, verdicts = self._verdicts, {}
        chosen: list[T] = []
        looks = pending = 0
        most = max(LOOKS, self.pending // PARTS)
        for row in rows:
            key, stamp = self._key(row), self._stamp(row)
            verdict = known.get(key)
            if verdict is None or verdict[0] != stamp:
                if looks < most:
                    looks += 1
                    verdict = (stamp, passes(self._made(row)))
                else:
                    pending += 1
            if verdict is not None:
                verdicts[key] = verdict
                if verdict[1]:
                    chosen.append(row)
        self._verdicts = verdicts
        self.pending = pending
        return chosen
