"""A session as one line of the table."""

from rich.segment import Segment
from textual.strip import Strip

from smtpwatch.state.sessions import Session
from widgets import ink
from widgets.columns import COLUMNS, Placed, cell, mark, shown, title

_LIVE = {"x": ink.BAD, "!": ink.WARN, "~": ink.FAINT, " ": None}
_ENDED = {"x": ink.BAD_FAINT, "!": ink.WARN_FAINT, "~": ink.FAINT, " ": ink.FAINT}
_COLOURED = ("", "client", "reply")


def row(session: Session, layout: tuple[Placed, ...], now: float, cursor: bool = False) -> Strip:
    """The line of `session`: colour on mark, client and reply, dimmed once it has ended, reversed under the cursor."""
    ended = session.stage == "closed"
    plain = ink.FAINT if ended else None
    colour = (_ENDED if ended else _LIVE)[mark(session)]
    if cursor:
        plain = colour = ink.CURSOR
    segments: list[Segment] = []
    for placed in layout:
        segments.append(Segment(cell(placed, session, now), colour if placed.column.title in _COLOURED else plain))
        segments.append(Segment(" ", plain))
    segments.pop()
    return Strip(segments).simplify()


def header(layout: tuple[Placed, ...], sorted_by: int | None, descending: bool) -> Strip:
    """The line of titles, an arrow on the one (its place in COLUMNS) that the table is sorted by."""
    titles = []
    for placed in layout:
        arrow = ""
        if sorted_by is not None and placed.column is COLUMNS[sorted_by]:
            arrow = "▼" if descending else "▲"
        titles.append(title(placed, arrow))
    return Strip([Segment(" ".join(titles), ink.STRONG)])


def as_text(session: Session, now: float) -> str:
    """Every column's whole text, for the clipboard."""
    return " ".join(text for column in COLUMNS if (text := shown(column, session, now).strip()))
