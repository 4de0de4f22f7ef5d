"""Tables of rows: a tuple of columns says what there is; `layout` says what fits."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from smtpwatch.clean import clean
from smtpwatch.query import FIELDS, Said, written
from widgets.cells import cut, fill

GAP = 1  # cells between columns

T = TypeVar("T")

Sortable = tuple[float, str]
Picked = tuple[str, Said]
"""A field of the filter, and a row's value of it."""


@dataclass(frozen=True, eq=False)
class Column(Generic[T]):
    """`text` is what the cell says (not yet cleaned, given the time now), `key` what it is sorted by.

    `least`, `good` and `most` are widths in cells; `rank` 0 is always shown, higher ones go first when room is short.
    `sought` tells whether the filter looks at it, `seek` in what it looks where that is more than the cell says,
    `shorten` how it is cut to fewer cells. `term` is the field of the filter that it stands for, "" if none; `pick` the
    field and value of a row's cell, where those hang on the row or are not what the cell says or is sorted by."""

    title: str
    least: int
    good: int
    most: int
    rank: int
    text: Callable[[T, float], str]
    key: Callable[[T, float], Sortable]
    right: bool = False
    descending: bool = False
    sought: bool = True
    seek: Callable[[T], str] | None = None
    shorten: Callable[[str, int], str] = cut
    term: str = ""
    pick: Callable[[T, float], Picked | None] | None = None


class Placed(NamedTuple, Generic[T]):
    """A column that fits, and where."""

    column: Column[T]
    start: int
    cells: int


def layout(
    total: int, columns: Sequence[Column[T]], columns_shown: Container[str] | None = None
) -> tuple[Placed[T], ...]:
    """The columns that fit in `total` cells: those of least rank at their least widths; what is left brings them, by
    rank, to widths that do, and then all nearer to the most they can use; the last one gets what remains.

    Of `columns_shown` (titles; None: of all), unless none of them is there."""
    if columns_shown is not None:
        columns = [column for column in columns if column.title in columns_shown] or columns
    room = total + GAP
    widths: dict[Column[T], int] = {}
    by_rank = sorted(columns, key=lambda column: column.rank)
    for column in by_rank:
        if column.least + GAP > room:
            break
        widths[column] = column.least
        room -= column.least + GAP
    for column in by_rank[: len(widths)]:
        more = min(column.good - column.least, room)
        widths[column] += more
        room -= more
    wish = sum(column.most - column.good for column in widths)
    start = 0
    placed: list[Placed[T]] = []
    for column in columns:
        if column in widths:
            cells = min(column.most, widths[column] + room * (column.most - column.good) // max(wish, 1))
            placed.append(Placed(column, start, cells))
            start += cells + GAP
    last = placed.pop()
    return (*placed, last._replace(cells=total - last.start))


def shown(column: Column[T], row: T, now: float) -> str:
    """The cell's whole text, safe to show."""
    return clean(column.text(row, now))


def sought(column: Column[T], row: T) -> str:
    """What the filter looks in, as it is shown."""
    return shown(column, row, 0.0) if column.seek is None else clean(column.seek(row))


def picked(column: Column[T], row: T, now: float) -> Picked | None:
    """The field of the filter that the cell stands for, and the row's value of it; None if it stands for none."""
    if column.pick is not None:
        return column.pick(row, now)
    if not column.term:
        return None
    if FIELDS[column.term].kind == "number":
        return column.term, column.key(row, now)[0]
    return column.term, column.text(row, now)


def term(column: Column[T], row: T, now: float) -> str:
    """The cell as a term of the filter, "" if it cannot be one."""
    found = picked(column, row, now)
    return "" if found is None else written(*found)


def cell(placed: Placed[T], row: T, now: float) -> str:
    """The cell's text in exactly its width."""
    column, _, cells = placed
    return fill(column.shorten(shown(column, row, now), cells), cells, column.right)


def title(placed: Placed[T], arrow: str) -> str:
    """The header's cell; `arrow` is the glyph of the sort order, or empty."""
    column, _, cells = placed
    return fill(cut(column.title, cells - len(arrow)) + arrow, cells, column.right)


def by(text: Callable[[T, float], str]) -> Callable[[T, float], Sortable]:
    """To sort by what a cell says."""
    return lambda row, now: (0.0, text(row, now))


def as_text(columns: Sequence[Column[T]], row: T, now: float) -> str:
    """Every column's whole text, for the clipboard."""
    return " ".join(text for column in columns if (text := shown(column, row, now).strip()))
