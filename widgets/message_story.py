"""The pane that tells the whole life of one message, wire and log in one timeline."""

from textual.strip import Strip

from smtpwatch.state.message import Message
from smtpwatch.state.relayed import Relayed, relayed
from smtpwatch.state.sessions import Sessions
from widgets.message_lines import facts, life
from widgets.scroll import Scroll
from widgets.timeline import LEGEND


class MessageStory(Scroll):
    """Facts at the top, the timeline scrolling below."""

    legend = f"{LEGEND}  c> we  s< next hop"

    def __init__(self, sessions: Sessions, id: str) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(id=id)
        self._sessions = sessions
        self._message: Message | None = None
        self._now = 0.0

    def open(self, message: Message, now: float) -> None:
        """Show `message`, from its beginning."""
        self._follows, self._top = False, 0
        self.look(message, now)

    def look(self, message: Message | None, now: float) -> None:
        """Show the message as it stands; None: no longer held, what was known of it stays."""
        self._message = message or self._message
        self._now = now
        self._draw()

    def _content(self, cells: int) -> tuple[list[Strip], list[Strip]] | None:
        message = self._message
        if message is None:
            return None
        onward: list[Relayed] = [each for one in message.family() for each in relayed(self._sessions, one)]
        return facts(message, onward, self._now, cells), life(message, onward, self._now, cells)
