"""The pane that tells how TLS is used, scrolling where there is more than fits."""

from typing import ClassVar

from textual.binding import Binding, BindingType

from smtpwatch.state.tls import Tls
from widgets.line_pane import LinePane
from widgets.tls_lines import tls_lines

WHEEL = 3  # lines that one notch of the mouse wheel moves


class TlsSummary(LinePane, can_focus=True):
    """Shows tls_lines. `needed` is how many lines there are, to tell how high the pane wants to be."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "up a line"),
        Binding("down,j", "move(1)", "down a line"),
        Binding("pageup", "page(-1)", "up a page"),
        Binding("pagedown", "page(1)", "down a page"),
        Binding("home", "move(-1000000)", "to the start"),
        Binding("end", "move(1000000)", "to the end"),
    ]

    def __init__(self, id: str) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(id=id)
        self.needed = 0
        self._tls: Tls | None = None
        self._now = 0.0
        self._top = 0

    def look(self, tls: Tls, now: float) -> None:
        """Show what is true at `now`."""
        self._tls, self._now = tls, now
        self._draw()

    def on_resize(self) -> None:
        """A new size is laid out anew."""
        self._draw()

    def action_move(self, lines: int) -> None:
        """Scroll."""
        self._top += lines
        self._draw()

    def action_page(self, pages: int) -> None:
        """Scroll by what is in sight, less a line to hold on to."""
        self.action_move(pages * max(1, self.size.height - 1))

    def on_mouse_scroll_down(self) -> None:
        """Wheel."""
        self.action_move(WHEEL)

    def on_mouse_scroll_up(self) -> None:
        """Wheel."""
        self.action_move(-WHEEL)

    def _draw(self) -> None:
        if self._tls is None or not self.size.width:
            return
        strips = tls_lines(self._tls, self._now, self.size.width)
        self.needed = len(strips)
        self._top = max(0, min(self._top, len(strips) - self.size.height))
        self.paint(strips[self._top : self._top + self.size.height])
