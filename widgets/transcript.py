"""The pane that tells one session in full, and follows it while it lives."""

from typing import ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.strip import Strip

from smtpwatch.state.sessions import Session
from widgets import ink
from widgets.line_pane import LinePane
from widgets.transcript_lines import dialogue, facts

WHEEL = 3  # lines that one notch of the mouse wheel moves


class Transcript(LinePane, can_focus=True):
    """Facts at the top, the dialogue scrolling below; at its end it stays at the end."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "up a line"),
        Binding("down,j", "move(1)", "down a line"),
        Binding("pageup", "page(-1)", "up a page"),
        Binding("pagedown,space", "page(1)", "down a page"),
        Binding("home", "move(-1000000)", "to the start"),
        Binding("end", "move(1000000)", "to the end, and follow"),
    ]

    def __init__(self, id: str) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(id=id)
        self._session: Session | None = None
        self._now = 0.0
        self._top = 0
        self._follows = True
        self._page = 1

    def open(self, session: Session, now: float) -> None:
        """Show `session`, from the end of its dialogue."""
        self._follows = True
        self.look(session, now)

    def look(self, session: Session | None, now: float) -> None:
        """Show the session as it stands; None: no longer held, what was known of it stays."""
        self._session = session or self._session
        self._now = now
        self._draw()

    def on_resize(self) -> None:
        """A new size wraps anew."""
        self._draw()

    def action_move(self, lines: int) -> None:
        """Scroll."""
        self._top = max(0, self._top + lines)
        self._follows = False
        self._draw()

    def action_page(self, pages: int) -> None:
        """Scroll by what is in sight, less a line to hold on to."""
        self.action_move(pages * max(1, self._page - 1))

    def on_mouse_scroll_down(self) -> None:
        """Wheel."""
        self.action_move(WHEEL)

    def on_mouse_scroll_up(self) -> None:
        """Wheel."""
        self.action_move(-WHEEL)

    def _draw(self) -> None:
        session, (width, height) = self._session, self.size
        if session is None or not width:
            return
        head = facts(session, self._now, width)
        said = dialogue(session, width)
        self._page = max(1, height - len(head) - 1)
        end = max(0, len(said) - self._page)
        self._follows = self._follows or self._top >= end
        self._top = end if self._follows else min(self._top, end)
        rule = Strip([Segment("─" * width, ink.FAINT)])
        self.paint([*head, rule, *said[self._top : self._top + self._page]])
