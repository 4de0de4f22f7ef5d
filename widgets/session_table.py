"""The live session table."""

from textual.strip import Strip

from smtpwatch.state.session import Session
from widgets import ink
from widgets.columns import mark
from widgets.row_line import row_line
from widgets.table import Table
from widgets.table_layout import Placed

_LIVE = {"x": ink.BAD, "!": ink.WARN, "~": ink.FAINT, " ": None}
_ENDED = {"x": ink.BAD_FAINT, "!": ink.WARN_FAINT, "~": ink.FAINT, " ": ink.FAINT}
_COLOURED = ("", "client", "reply")


def row(session: Session, layout: tuple[Placed[Session], ...], now: float, cursor: bool = False) -> Strip:
    """The line of `session`: colour on mark, client and reply, dimmed once it has ended, reversed under the cursor."""
    if cursor:
        return row_line(session, layout, now, ink.CURSOR, ink.CURSOR, _COLOURED)
    ended = session.stage == "closed"
    colour = (_ENDED if ended else _LIVE)[mark(session)]
    return row_line(session, layout, now, ink.FAINT if ended else None, colour, _COLOURED)


class SessionTable(Table[Session]):
    """Sessions."""

    def _row_line(self, row_: Session, placed: tuple[Placed[Session], ...], cursor: bool) -> Strip:
        return row(row_, placed, self._now, cursor)
