"""A filter, read and ready to be asked of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, NamedTuple, TypeVar

from smtpwatch.query.parse import SHOWS, Fault, Term, Wrong, term, tokens
from smtpwatch.query.values import Ask, Said

T = TypeVar("T")

Says = Said | Iterable[Said]
"""What a row has of a field: one value or several."""
Read = Callable[[T], Says]
Passes = Callable[[T], bool]


class Query(NamedTuple):
    """A filter: all of `terms` must hold. `faults` are what is wrong with it."""

    text: str
    terms: tuple[Term, ...]
    faults: tuple[Fault, ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """Those that it asks for, each once."""
        return tuple(dict.fromkeys(each.field for each in self.terms if each.field != SHOWS))

    def missing(self, fields: Iterable[str]) -> tuple[str, ...]:
        """Those that it asks for and that are none of `fields`: what they ask is left out there."""
        known = set(fields)
        return tuple(name for name in self.fields if name not in known)


def sift(text: str, cursor: int | None = None) -> Query:
    """`text` as a Query. `cursor` is where it is being typed, None when that is over: the term that it is in is no
    fault yet, and its value only a beginning."""
    terms: list[Term] = []
    faults: list[Fault] = []
    for token in tokens(text):
        try:
            read = term(text, token, cursor)
        except Wrong as wrong:
            faults.append(wrong.fault)
        else:
            if read is not None:
                terms.append(read)
    return Query(text, tuple(terms), tuple(faults))


class Strainer(Generic[T]):
    """A query made ready for one kind of row: `steady` is true of a row until the row changes, `moving` hangs on the
    time as well, or on what else is outside of the row. Each asks all of it."""

    def __init__(
        self, query: Query, fields: Mapping[str, Read[T]], shows: Callable[[T], str], moving: Iterable[str] = ()
    ) -> None:
        moved = set(moving)
        steady: list[Passes[T]] = []
        moves: list[Passes[T]] = []
        for each in sorted(query.terms, key=lambda one: one.field == SHOWS):  # a row's whole text costs most
            read = shows if each.field == SHOWS else fields.get(each.field)
            if read is not None:
                (moves if each.field in moved else steady).append(_passes(read, each.ask, each.exclude))
        self.steady: Passes[T] | None = _all(steady)
        self.moving: Passes[T] | None = _all(moves)


def _all(every: list[Passes[T]]) -> Passes[T] | None:
    if len(every) < 2:
        return every[0] if every else None
    return lambda row: all(passes(row) for passes in every)


def _passes(read: Read[T], ask: Ask, exclude: bool) -> Passes[T]:
    def passes(row: T) -> bool:
        return holds(read(row), ask) is not exclude

    return passes


def holds(says: Says, ask: Ask) -> bool:
    """Whether any of what a row says is what is asked for."""
    if says is None or isinstance(says, str | int | float):
        return ask(says)
    none = True
    for said in says:
        if said is None or said == "":
            continue
        none = False
        if ask(said):
            return True
    return none and ask(None)
