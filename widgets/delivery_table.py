"""The deliveries table."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.strip import Strip

from smtpwatch.state.destination import Destination
from widgets import ink
from widgets.delivery_view import DeliveryView
from widgets.row_line import row_line
from widgets.table import Table
from widgets.table_layout import Placed

_INKS = {"x": ink.BAD, "!": ink.WARN, " ": None}
_COLOURED = ("", "conn", "last reply")


def row(to: Destination, layout: tuple[Placed[Destination], ...], now: float, cursor: bool = False) -> Strip:
    """The line of a destination: colour on mark, connection and reply where it is in trouble, dimmed once nothing is
    tried, reversed under the cursor."""
    if cursor:
        return row_line(to, layout, now, ink.CURSOR, ink.CURSOR, _COLOURED)
    idle = to.idle(now)
    plain = ink.FAINT if idle else None
    return row_line(to, layout, now, plain, _INKS[to.mark(now)] or plain, _COLOURED)


class DeliveryTable(Table[Destination]):
    """Destinations."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("g", "group", "by domain, hop or reason")]

    def __init__(self, view: DeliveryView, id: str) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(view, id)
        self._grouped = view

    def action_group(self) -> None:
        """Go on to the next kind of rows, at its top."""
        self._grouped.group()
        self._row = self._top = 0
        self._key = None
        self.look(self._now)

    def _row_line(self, row_: Destination, placed: tuple[Placed[Destination], ...], cursor: bool) -> Strip:
        return row(row_, placed, self._now, cursor)
