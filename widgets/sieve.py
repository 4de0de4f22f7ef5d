"""The filter: words typed once, matched against what the table shows of each row."""

from collections.abc import Callable, Hashable, Iterable
from typing import Generic, NamedTuple, TypeVar

from widgets.table_layout import Column, sought

T = TypeVar("T")

LOOKS = 4_000  # rows whose text is put together in one go: some 30 ms, so that the next key need not wait


class Words(NamedTuple):
    """A filter: every one of `wanted` must be in the text and none of `unwanted`, whatever the case."""

    wanted: tuple[str, ...]
    unwanted: tuple[str, ...]

    def match(self, text: str) -> bool:
        """Whether `text` (lower case) passes."""
        return all(word in text for word in self.wanted) and not any(word in text for word in self.unwanted)


def words(typed: str) -> Words:
    """`relay !gmail` as Words; a lone `!` is not a word yet."""
    each = typed.casefold().split()
    return Words(
        tuple(word for word in each if not word.startswith("!")),
        tuple(word[1:] for word in each if word.startswith("!") and len(word) > 1),
    )


class Sieve(Generic[T]):
    """The rows that pass a filter, remembering verdicts so that each look costs only what has changed.

    `stamp` is what changes with a row's text, beside its key. `pending` counts rows that there was no time to look at:
    they are left out until a later look."""

    def __init__(
        self, typed: str, columns: Iterable[Column[T]], key: Callable[[T], Hashable], stamp: Callable[[T], Hashable]
    ) -> None:
        self.pending = 0
        self._words = words(typed)
        self._sought = [column for column in columns if column.sought]
        self._key, self._stamp = key, stamp
        self._verdicts: dict[Hashable, tuple[Hashable, bool]] = {}

    def haystack(self, row: T) -> str:
        """What the filter looks in: all columns but those that only the passing of time or octets changes."""
        return " ".join([sought(column, row) for column in self._sought]).casefold()

    def passed(self, rows: Iterable[T]) -> list[T]:
        """Those of `rows` that pass, in their order. Looks at no more than LOOKS new or changed ones."""
        known, verdicts = self._verdicts, {}
        chosen: list[T] = []
        looks = pending = 0
        for row in rows:
            key, stamp = self._key(row), self._stamp(row)
            verdict = known.get(key)
            if verdict is None or verdict[0] != stamp:
                if looks < LOOKS:
                    looks += 1
                    verdict = (stamp, self._words.match(self.haystack(row)))
                else:
                    pending += 1
            if verdict is not None:
                verdicts[key] = verdict
                if verdict[1]:
                    chosen.append(row)
        self._verdicts = verdicts
        self.pending = pending
        return chosen
