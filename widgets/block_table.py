"""The table of what is blocked."""

from typing import ClassVar, Literal

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from smtpwatch.firewall.block import Block
from smtpwatch.firewall.prefixes import shown
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

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("U", "many('mine')", "let in all of mine"),
        Binding("m", "many('merge')", "merge neighbours"),
        Binding("w", "many('export')", "write them to a file"),
        Binding("i", "many('import')", "block what a file lists"),
    ]

    class Many(Message):
        """Something is to be done to all of them."""

        def __init__(self, act: Literal["mine", "merge", "export", "import"]) -> None:
            super().__init__()
            self.act = act

    def __init__(self, view: BlockView, id: str) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(view, id)

    def action_open(self) -> None:
        """Go to its sources."""
        under = self.cursor
        if under is not None:
            self.post_message(Led("sources", f"net:{under.network}"))

    def action_many(self, act: Literal["mine", "merge", "export", "import"]) -> None:
        """Ask for it to be done."""
        self.post_message(self.Many(act))

    def target(self, row: Block) -> Target:
        """To block it again is to give it its time anew."""
        return Target((shown(row.network),), why=row.why)

    def _row_line(self, row_: Block, placed: tuple[Placed[Block], ...], cursor: bool) -> Strip:
        if cursor:
            return row_line(row_, placed, self._now, ink.CURSOR, ink.CURSOR, _COLOURED)
        return row_line(row_, placed, self._now, None, _INKS[mark(row_)], _COLOURED)
