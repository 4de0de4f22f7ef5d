"""Home: what an admin wants to know at once, without a key."""

from collections.abc import Sequence
from typing import Any

from rich.segment import Segment
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.strip import Strip

from smtpwatch.lookup import Lookups
from smtpwatch.state.history import ZOOMS
from smtpwatch.state.party import Outcome
from smtpwatch.state.picture import Picture
from widgets import figures, ink
from widgets.blocked import Blocked, not_blocked
from widgets.glance import Glance
from widgets.line_pane import LinePane
from widgets.pane import Pane
from widgets.rate_graph import RateGraph
from widgets.session_table import SessionTable
from widgets.session_view import SessionView
from widgets.source_table import SourceTable
from widgets.source_view import SourceView
from widgets.sparkline import sparkline
from widgets.table import Table

ROOMY = 34  # lines of the terminal from which graph and blocks fit
TALL = 46  # and from which they get more lines
SMALL = 13  # below that there is room for one table

PRESENT = 10.0  # seconds that the rates beside the bars are the mean of
LEAST_BARS = 8  # cells


class Rise(LinePane):
    """The graph in one line: what was refused of late, and what was accepted."""

    def look(self, picture: Picture, now: float, zoom: int) -> None:
        """Show what is true at `now`, as far back as the zoom goes."""
        everyone = picture.activity.everyone
        cells = self.size.width
        told = f"{ZOOMS[zoom].name:<6} "
        left = cells - 2 * len("ref 0.0k/s ") - len("  ")
        bars = max(0, (left - len(told)) // 2)
        if bars < LEAST_BARS:
            told, bars = "", max(0, left // 2)
        parts = [Segment(told)]
        series = (("ref", Outcome.REFUSED, ink.BAD), ("ok", Outcome.ACCEPTED, None))
        for name, outcome, style in series if left >= 0 else series[:1]:
            values = everyone.buckets(now, zoom, outcome)
            rate = everyone.rate(now, PRESENT, outcome)
            parts += [Segment(f"{name:<3} {figures.rate(rate):>4}/s ", style if rate else None)]
            parts += [Segment(sparkline(values, bars), style), Segment("  ")]
        self.paint([Strip(parts[:-1]).simplify()])


class Home(Pane):
    """Sources that do most, a graph of all, why and how at a glance, and the live sessions."""

    keys = (("Enter", "open"), ("Tab", "sessions"), ("/", "filter"), ("g", "group"), ("Space", "freeze"))

    def __init__(
        self,
        picture: Picture,
        lookups: Lookups,
        blocked: Blocked = not_blocked,
        id: str = "home",  # noqa: A002 (Textual's own name for it)
    ) -> None:
        super().__init__(SourceTable(SourceView(picture.activity, lookups, blocked), id=f"{id}-sources"), "row", id)
        self._picture = picture
        self.sessions = SessionTable(
            SessionView(picture.sessions, lookups.place, lookups.host, blocked), id=f"{id}-sessions"
        )
        self.graph = RateGraph(id=f"{id}-graph")
        self.graph.can_focus = False
        self.rise = Rise(id=f"{id}-rise")
        self.glance = Glance(id=f"{id}-glance")

    def compose(self) -> ComposeResult:
        """In the order of weight."""
        yield self.rise
        with Horizontal(id="home-top"):
            yield self.table
            yield self.graph
        yield self.glance
        yield self.sessions

    @property
    def tables(self) -> Sequence[Table[Any]]:
        """Sources and sessions."""
        return (self.table, self.sessions)

    def on_mount(self) -> None:
        """The parts are there to be laid out."""
        self.lay_out()

    def on_resize(self) -> None:
        """Another size is another layout."""
        self.lay_out()

    def lay_out(self) -> None:
        """Large terminals have graph and blocks; small ones a line of bars and two of words."""
        super().lay_out()
        height = self.app.size.height
        alone = self.maximised or height < SMALL
        roomy = height >= ROOMY and not alone
        front = self.front
        self.graph.display = roomy
        self.rise.display = not roomy and not alone
        self.glance.display = not alone
        top = self.query_one("#home-top")
        top.display = not alone or front is self.table
        self.sessions.display = not alone or front is self.sessions
        top.styles.height = "1fr" if alone else 18 if height >= TALL else 13 if roomy else 8
        self.glance.styles.height = 7 if height >= TALL else 6 if roomy else 2

    def look_beside(self, now: float) -> None:
        """Graph, bars and blocks."""
        if self.graph.display:
            since = min(self._picture.since.values(), default=0.0)
            self.graph.look(self._picture.activity.everyone, now, "Messages and refusals", since)
        if self.rise.display:
            self.rise.look(self._picture, now, self.graph.zoom)
        if self.glance.display:
            self.glance.look(self._picture, now)

    def zoom(self, steps: int) -> None:
        """A longer time, or a shorter one."""
        self.graph.action_zoom(steps)

    def back(self) -> bool:
        """From the members of a group to the groups."""
        return self.table.back() if isinstance(self.table, SourceTable) else False
