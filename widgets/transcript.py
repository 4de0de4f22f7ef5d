"""The pane that tells one session in full, and follows it while it lives."""

from textual.strip import Strip

from smtpwatch.state.session import Session
from widgets.scroll import Scroll
from widgets.timeline import LEGEND
from widgets.transcript_lines import dialogue, facts


class Transcript(Scroll):
    """Facts at the top, the dialogue scrolling below."""

    legend = LEGEND

    def __init__(self, id: str) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(id=id)
        self._session: Session | None = None
        self._now = 0.0

    def open(self, session: Session, now: float) -> None:
        """Show `session`, from the end of its dialogue."""
        self._follows = True
        self.look(session, now)

    def look(self, session: Session | None, now: float) -> None:
        """Show the session as it stands; None: no longer held, what was known of it stays."""
        self._session = session or self._session
        self._now = now
        self._draw()

    def _content(self, cells: int) -> tuple[list[Strip], list[Strip]] | None:
        session = self._session
        return None if session is None else (facts(session, self._now, cells), dialogue(session, cells))
