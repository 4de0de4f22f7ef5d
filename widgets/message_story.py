"""The pane that tells the whole life of one message, wire and log in one timeline."""

from textual.strip import Strip

from smtpwatch.state.message import Message
from smtpwatch.state.relayed import Relayed, relayed
from smtpwatch.state.sessions import Sessions
from widgets.detail import Detail
from widgets.message_lines import facts, life
from widgets.timeline import LEGEND


class MessageStory(Detail[Message]):
    """Facts at the top, the timeline scrolling below."""

    legend = f"{LEGEND}  c> we  s< next hop"

    def __init__(self, sessions: Sessions, id: str) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(id=id)
        self._sessions = sessions

    def _content(self, cells: int) -> tuple[list[Strip], list[Strip]] | None:
        message = self.row
        if message is None:
            return None
        onward: list[Relayed] = [each for one in message.family() for each in relayed(self._sessions, one)]
        return facts(message, onward, self._now, cells), life(message, onward, self._now, cells)
