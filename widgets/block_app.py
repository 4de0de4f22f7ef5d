"""The keys that block, of an app with a board: what they mean where the cursor is."""

from __future__ import annotations

import time
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from smtpwatch.firewall.acting import Acting
from smtpwatch.firewall.block import Block
from smtpwatch.state.picture import Picture
from widgets.block_acts import BlockActs
from widgets.block_bar import BlockBar
from widgets.block_table import BlockTable
from widgets.board import Board
from widgets.keys_in_order import KeysInOrder
from widgets.source_columns import against
from widgets.table import Table

JUST = 0.5  # seconds in which nobody has read a row that has come under the cursor
NOT_HERE = "nothing can be blocked from here"


class BlockApp(KeysInOrder):
    """`blocks` is None where nothing can be blocked."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b", "block(False)", "block the source or group"),
        Binding("B", "block(True)", "block its network"),
        Binding("u", "undo", "undo, or let the row in"),
        Binding("t", "time", "a block's time and ports"),
        Binding("K", "keep", "keep it after probation"),
    ]

    board: Board
    picture: Picture

    def __init__(self) -> None:
        super().__init__(ansi_color=True)
        self.blocks: BlockActs | None = None

    def can_block(self, acting: Acting) -> None:
        """There is somebody to do it."""
        self.blocks = BlockActs(acting, BlockBar(id="bar"), self._look)

    def _look(self) -> None:
        raise NotImplementedError

    def _look_at_foot(self) -> None:
        raise NotImplementedError

    def say(self, words: str) -> None:
        """A word in the foot, for a moment."""
        raise NotImplementedError

    @property
    def asking(self) -> bool:
        """The bar has a question, and the keys are its answers."""
        return self.blocks is not None and self.blocks.bar.has_focus

    @property
    def _row(self) -> Any:
        """What the keys act on: what was opened, else the row under the cursor."""
        table = self.board.table
        if not self.board.opened:
            return table.cursor
        key = self.board.opened[-1].key
        return None if key is None else table.view.get(key)

    def _moved(self, table: Table[Any]) -> bool:
        """Another row has just come under the cursor, so that the key may have been meant for the one before."""
        return not table.picked and not self.board.opened and time.monotonic() - table.changed < JUST

    def _block_of(self, row: Any) -> Block | None:
        """The block that the row's source is in."""
        sources = self.board.table.target(row).sources if row is not None else ()
        return self.blocks.acting.covering(sources[0]) if self.blocks is not None and sources else None

    def action_block(self, wide: bool) -> None:
        """Block what is under the cursor."""
        row, table = self._row, self.board.table
        if self.blocks is None:
            self.say(NOT_HERE)
        elif row is None:
            self.say("there is no row to block")
        else:
            target = table.target(row)
            party = self.picture.activity.sources.get(target.sources[0]) if target.sources else None
            if not target.why and party is not None:
                target = target._replace(why=against(party))
            self.blocks.block(target, wide, self._moved(table))

    def action_undo(self) -> None:
        """Take back the last act while it is told of (in the list of blocks, unless one was picked since); else let in
        the row under the cursor if it is blocked, or take back the last act after all."""
        if self.blocks is None:
            self.say(NOT_HERE)
            return
        block, table = self._block_of(self._row), self.board.table
        chosen = isinstance(table, BlockTable) and table.picked
        if block is not None and (chosen or not self.blocks.bar.undoable):
            self.blocks.unblock([block.network])
        else:
            self.blocks.undo()

    def action_time(self) -> None:
        """Ask for how long the row's source is to be blocked; if it is not, the last that was."""
        if self.blocks is None:
            self.say(NOT_HERE)
        elif block := self._block_of(self._row) or self.blocks.acting.latest:
            self.blocks.time(block)
        else:
            self.say("not blocked")

    def action_keep(self) -> None:
        """What is on probation stays."""
        if self.blocks is not None:
            self.blocks.keep(self._block_of(self._row))

    def on_block_bar_asked(self) -> None:
        """The keys go to the question."""
        if self.blocks is not None:
            self.screen.set_focus(self.blocks.bar)
            self._look_at_foot()

    def on_block_bar_over(self) -> None:
        """And back."""
        self.screen.set_focus(self.board.help if self.board.help.display else self.board.front)
        self.call_after_refresh(self._look)

    def on_block_table_many(self, message: BlockTable.Many) -> None:
        """Something is to be done to all of the list."""
        if self.blocks is not None:
            acts = self.blocks
            {"mine": acts.mine, "merge": acts.merge, "export": acts.export, "import": acts.import_}[message.act]()
