"""The pane of sources: the table, and a graph of the one under the cursor."""

from textual.app import ComposeResult

from smtpwatch.lookup import Lookups
from smtpwatch.state.party import Party
from smtpwatch.state.picture import Picture
from widgets.blocked import Blocked, not_blocked
from widgets.pane import Pane
from widgets.rate_graph import RateGraph
from widgets.source_table import SourceTable
from widgets.source_view import SourceView

GRAPH_FROM = 30  # lines of the terminal from which there is room for the graph


class SourcePane(Pane):
    """Sources, and the graph of the row under the cursor; of all of them until a row is picked."""

    keys = (("Enter", "open"), ("g", "group"), ("/", "filter"), ("s", "sort"), ("+-", "zoom"), ("Space", "freeze"))
    table: SourceTable

    def __init__(
        self,
        picture: Picture,
        lookups: Lookups,
        blocked: Blocked = not_blocked,
        id: str = "sources",  # noqa: A002 (Textual's own name for it)
    ) -> None:
        super().__init__(SourceTable(SourceView(picture.activity, lookups, blocked), id=f"{id}-table"), "source", id)
        self._picture = picture
        self.graph = RateGraph(id=f"{id}-graph")
        self.graph.can_focus = False

    def compose(self) -> ComposeResult:
        """The table above the graph."""
        yield self.table
        yield self.graph

    def on_resize(self) -> None:
        """Another size is another layout."""
        self.lay_out()

    def lay_out(self) -> None:
        """The graph goes first."""
        super().lay_out()
        self.graph.display = self.app.size.height >= GRAPH_FROM and not self.maximised

    def look(self, now: float) -> None:
        """Show what is true at `now`."""
        super().look(now)
        if self.graph.display:
            self.look_at_graph(now)

    def look_at_graph(self, now: float) -> None:
        """Show the history of the row that is picked, or of all."""
        since = min(self._picture.since.values(), default=0.0)
        party: Party | None = None if self.table.following else self.table.cursor
        if party is None:
            self.graph.look(self._picture.activity.everyone, now, "all sources", since)
        else:
            self.graph.look(party.history, now, party.key, since)

    def zoom(self, steps: int) -> None:
        """A longer time, or a shorter one."""
        self.graph.action_zoom(steps)

    def back(self) -> bool:
        """From the members of a group to the groups."""
        return self.table.back()
