"""The pane that shows one line of a log in full."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.strip import Strip

from smtpwatch.state.lines import Line
from smtpwatch.state.sessions import Sessions
from widgets.detail import Detail
from widgets.log_lines import body, head
from widgets.log_table import JumpKind, jump


class LogDetail(Detail[Line]):
    """What it is of at the top, the raw line and its facts scrolling below."""

    legend = "the line as it was logged, and its facts"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "jump", "to its session or message"),
        Binding("m", "jump('message')", "to its message"),
    ]

    def __init__(self, sessions: Sessions, id: str) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(id=id)
        self._sessions = sessions
        self._body: tuple[tuple[int, int, int], list[Strip]] | None = None
        """Of which line, of how many facts and in which width, and its lines: 64 kB are not wrapped each second."""

    def action_jump(self, kind: JumpKind | None = None) -> None:
        """Go to what it is of, if that is known."""
        found = jump(self.row, self._sessions, kind) if self.row is not None else None
        if found is not None:
            self.post_message(found)

    def _content(self, cells: int) -> tuple[list[Strip], list[Strip]] | None:
        line = self.row
        if line is None:
            return None
        key = (line.number, len(line.facts), cells)
        if self._body is None or self._body[0] != key:
            self._body = key, body(line, cells)
        return head(line, self._sessions, cells), self._body[1]
