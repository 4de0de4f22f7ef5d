"""One of the numbered panes: a table to walk in, and what stands beside it."""

from collections.abc import Sequence
from typing import Any

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget

from widgets.table import Table


class Pane(Vertical):
    """Shows its `table` alone; others add to it. `word` is what one row is called."""

    keys: Sequence[tuple[str, str]] = (("Enter", "open"), ("/", "filter"), ("s", "sort"), ("Space", "freeze"))
    """The keys that the foot tells of, the most wanted first."""

    def __init__(
        self,
        table: Table[Any],
        word: str,
        id: str,  # noqa: A002 (Textual's own name for it)
        keys: Sequence[tuple[str, str]] | None = None,
    ) -> None:
        super().__init__(id=id)
        self.keys = keys or self.keys
        self.table = table
        self.word = word
        self._front = table
        self.maximised = False
        """The table alone has all the room."""
        self._frozen = self._stands = False
        """Whether the view is frozen, and whether what stands beside the tables shows that already."""

    def compose(self) -> ComposeResult:
        """The table."""
        yield self.table

    @property
    def tables(self) -> Sequence[Table[Any]]:
        """Those that can have the focus."""
        return (self.table,)

    @property
    def stops(self) -> Sequence[Widget]:
        """What the keys can go to, one after the other."""
        return self.tables

    @property
    def front(self) -> Table[Any]:
        """The one that has it, or had it last and gets it again."""
        return next((table for table in self.tables if table.has_focus), self._front)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """The keys have gone to another part."""
        self._front = next((table for table in self.tables if table is event.widget), self._front)
        for table in self.tables:
            table.activate(table is self._front)
        self.lay_out()

    def look(self, now: float) -> None:
        """Show what is true at `now`."""
        for table in self.tables:
            table.activate(table is self.front)
            if table.display:
                table.look(now)
        if not self._stands:
            self.look_beside(now)
        self._stands = self._frozen

    def look_beside(self, now: float) -> None:
        """The same of what stands beside the tables."""

    def freeze(self) -> None:
        """Stand still."""
        self._frozen = True
        for table in self.tables:
            table.freeze()

    def thaw(self) -> None:
        """Follow the traffic again."""
        self._frozen = self._stands = False
        for table in self.tables:
            table.view.thaw()

    def maximise(self) -> None:
        """The table in front takes all the room, or gives it back."""
        self.maximised = not self.maximised
        self.lay_out()

    def lay_out(self) -> None:
        """Lay out for the size that there is."""
        self._stands = False

    def zoom(self, steps: int) -> None:
        """Of a graph, if there is one: a longer time, or a shorter one for less than 0."""

    def back(self) -> bool:
        """One step back within the pane; False if there is none."""
        return False
