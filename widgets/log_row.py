"""A line of a log as one line of the table."""

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from smtpwatch.state.lines import Line
from widgets import ink
from widgets.log_words import mark
from widgets.table_layout import Placed, cell

_INK: dict[str, Style | None] = {"x": ink.BAD, "!": ink.WARN, "?": ink.STRONG, " ": None}


def row(line: Line, layout: tuple[Placed[Line], ...], now: float, cursor: bool = False) -> Strip:
    """Time plain, and from the mark on in one colour, if any: a change of colour costs more than the text between."""
    first, *rest = layout
    time = cell(first, line, now) + " "
    others = " ".join([cell(placed, line, now) for placed in rest])
    style = ink.CURSOR if cursor else _INK[mark(line)]
    return Strip([Segment(time, ink.CURSOR if cursor else None), Segment(others, style)]).simplify()
