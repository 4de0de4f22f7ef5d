"""The messages table."""

from textual.strip import Strip

from smtpwatch.state.message import Message
from widgets import ink
from widgets.message_columns import mark
from widgets.row_line import row_line
from widgets.table import Table
from widgets.table_layout import Placed

_QUEUED = {"x": ink.BAD, "!": ink.WARN, " ": None}
_GONE = {"x": ink.BAD_FAINT, "!": ink.WARN_FAINT, " ": ink.FAINT}
_COLOURED = ("", "state", "reply")


def row(message: Message, layout: tuple[Placed[Message], ...], now: float, cursor: bool = False) -> Strip:
    """The line of `message`: colour on mark, state and reply, dimmed once it has left the queue, reversed under the
    cursor."""
    if cursor:
        return row_line(message, layout, now, ink.CURSOR, ink.CURSOR, _COLOURED)
    gone = message.end is not None
    colour = (_GONE if gone else _QUEUED)[mark(message)]
    return row_line(message, layout, now, ink.FAINT if gone else None, colour, _COLOURED)


class MessageTable(Table[Message]):
    """Messages."""

    def _row_line(self, row_: Message, placed: tuple[Placed[Message], ...], cursor: bool) -> Strip:
        return row(row_, placed, self._now, cursor)
