"""The table of what is blocked."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from smtpwatch.firewall.block import Block
from smtpwatch.firewall.target import Target
from widgets import ink
from widgets.block_columns import mark
from widgets.block_view import BlockView
from widgets.led import Led
from widgets.row_line import row_line
from widgets.table import Table
from widgets.table_layout import Placed

_INKS = {"x": ink.BAD, "!": ink.WARN, " ": None}
_COLOURED = ("", "state", "why")


class BlockTable(Table[Block]):
    """Blocks."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("U", "undo_mine", "undo all of mine")]

    class Mine(Message):
        """All that this user has blocked is to be let in again."""

    def __init__(self, view: BlockView, id: str) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(view, id)

    def action_open(self) -> None:
        """Go to its sources."""
        under = self.cursor
        if under is not None:
            self.post_message(Led("sources", f"net:{under.network}"))

    def action_undo_mine(self) -> None:
        """Ask for all of one's own to be let in again."""
        self.post_message(self.Mine())

    def target(self, row: Block) -> Target:
        """To block it again is to give it its time anew."""
        return Target((str(row.network),), why=row.why)

    def _row_line(self, row_: Block, placed: tuple[Placed[Block], ...], cursor: bool) -> Strip:
        if cursor:
            return row_line(row_, placed, self._now, ink.CURSOR, ink.CURSOR, _COLOURED)
        return row_line(row_, placed, self._now, None, _INKS[mark(row_)], _COLOURED)
