"""The pane that tells one source in full, with a graph of what it does."""

from textual.binding import Binding
from textual.strip import Strip

from smtpwatch.lookup import Lookups
from smtpwatch.state.history import ZOOMS
from smtpwatch.state.party import Party
from smtpwatch.state.picture import Picture
from smtpwatch.state.session import Session
from widgets.blocked import Blocked, not_blocked
from widgets.detail import Detail
from widgets.led import Led
from widgets.rate_graph import START_ZOOM
from widgets.source_lines import body, head
from widgets.source_view import still


class SourceStory(Detail[Party]):
    """Facts at the top; what it gave itself out for and its latest sessions below."""

    legend = "wire: C> client  S< server  log: L:"
    BINDINGS = [  # noqa: RUF012 (Textual's own way)
        Binding("o", "sessions", "all its sessions"),
        Binding("plus", "zoom(-1)", "a shorter time"),
        Binding("minus", "zoom(1)", "a longer time"),
    ]

    def __init__(
        self,
        picture: Picture,
        lookups: Lookups,
        blocked: Blocked = not_blocked,
        id: str = "source-story",  # noqa: A002 (Textual's own name for it)
    ) -> None:
        super().__init__(id=id)
        self._blocked = blocked
        self._picture = picture
        self._lookups = lookups
        self._zoom = START_ZOOM

    def look(self, row: Party | None, now: float) -> None:
        """As Detail has it, of a copy: a source that has to give way to others loses what is told of it."""
        super().look(None if row is None else still(row), now)

    def action_sessions(self) -> None:
        """Go to them."""
        if self.row is not None:
            self.post_message(Led("sessions", f"src:{self.row.key}"))

    def action_zoom(self, steps: int) -> None:
        """Of the graph: out, or in if negative."""
        self._zoom = min(max(0, self._zoom + steps), len(ZOOMS) - 1)
        self._draw()

    def _content(self, cells: int) -> tuple[list[Strip], list[Strip]] | None:
        party = self.row
        if party is None:
            return None
        name, place = self._lookups.named(party.key), self._lookups.where(party.key, self._now)
        said = body(party, self._latest(party), self._now, self._zoom, cells)
        return head(party, self._now, cells, name, place, self._blocked(party.key)), said

    def _latest(self, party: Party) -> list[Session]:
        """Those that are still held, the latest first."""
        keys = reversed(party.facts.latest) if party.facts is not None else ()
        held = (self._picture.sessions.get(key) for key in keys)
        return [session for session in held if session is not None]
