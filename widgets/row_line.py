"""A row as one line of a table, and the line of titles."""

from collections.abc import Container
from typing import TypeVar

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from widgets import ink
from widgets.table_layout import Column, Placed, cell, title

T = TypeVar("T")


def row_line(
    row: T,
    layout: tuple[Placed[T], ...],
    now: float,
    plain: Style | None,
    colour: Style | None,
    coloured: Container[str],
) -> Strip:
    """The cells of `row`: those of the columns `coloured` in `colour`, the others `plain`."""
    segments: list[Segment] = []
    for placed in layout:
        segments.append(Segment(cell(placed, row, now), colour if placed.column.title in coloured else plain))
        segments.append(Segment(" ", plain))
    segments.pop()
    return Strip(segments).simplify()


def header(layout: tuple[Placed[T], ...], sorted_by: Column[T] | None, descending: bool) -> Strip:
    """The line of titles, an arrow on the one that the table is sorted by."""
    titles = []
    for placed in layout:
        arrow = ""
        if placed.column is sorted_by:
            arrow = "▼" if descending else "▲"
        titles.append(title(placed, arrow))
    return Strip([Segment(" ".join(titles), ink.STRONG)])
