"""The pane that tells how TLS is used, scrolling where there is more than fits."""

from smtpwatch.state.tls import Tls
from widgets.scroll import Rolling
from widgets.tls_lines import tls_lines


class TlsSummary(Rolling):
    """Shows tls_lines. `needed` is how many lines there are, to tell how high the pane wants to be."""

    def __init__(self, id: str) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(id=id)
        self.needed = 0
        self._tls: Tls | None = None
        self._now = 0.0

    def look(self, tls: Tls, now: float) -> None:
        """Show what is true at `now`."""
        self._tls, self._now = tls, now
        self._draw()

    def _draw(self) -> None:
        if self._tls is None or not self.size.width:
            return
        strips = tls_lines(self._tls, self._now, self.size.width)
        self.needed, self._page = len(strips), self.size.height
        self._top = max(0, min(self._top, len(strips) - self.size.height))
        self.paint(strips[self._top : self._top + self.size.height])
