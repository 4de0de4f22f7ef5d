"""The pane that tells one session in full, and follows it while it lives."""

from textual.strip import Strip

from smtpwatch.state.session import Session
from widgets.detail import Detail
from widgets.timeline import LEGEND
from widgets.transcript_lines import dialogue, facts


class Transcript(Detail[Session]):
    """Facts at the top, the dialogue scrolling below."""

    legend = LEGEND
    from_end = True

    def _content(self, cells: int) -> tuple[list[Strip], list[Strip]] | None:
        session = self.row
        return None if session is None else (facts(session, self._now, cells), dialogue(session, cells))
