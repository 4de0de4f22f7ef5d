"""The pane of TLS: how it is used, and the peers, the weakest first."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.widget import Widget

from smtpwatch.state.picture import Picture
from widgets.pane import Pane
from widgets.peer_table import PeerTable
from widgets.peer_view import PeerView
from widgets.tls_summary import TlsSummary

LEAST = 7  # lines of the table of peers, with its titles


class TlsPane(Pane):
    """The summary takes what it needs, as far as the peers have some lines too."""

    keys = (("Enter", "its sessions"), ("Tab", "summary"), ("/", "filter"), ("Space", "freeze"))

    def __init__(self, picture: Picture, id: str) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(PeerTable(PeerView(picture.tls), id=f"{id}-table"), "peer", id)
        self._picture = picture
        self.summary = TlsSummary(id=f"{id}-summary")
        self.summary.styles.height = LEAST

    @property
    def stops(self) -> Sequence[Widget]:
        """The peers, and the summary, which scrolls."""
        return (self.table, self.summary)

    def compose(self) -> ComposeResult:
        """The summary above the peers."""
        yield self.summary
        yield self.table

    def look_beside(self, now: float) -> None:
        """The summary, as high as it needs to be by now."""
        self.summary.look(self._picture.tls, now)
        self._share_room()

    def on_resize(self) -> None:
        """Another size is another layout."""
        self.lay_out()

    def lay_out(self) -> None:
        """What has the keys alone, if that is wanted; else half for each where the summary needs more."""
        super().lay_out()
        self._share_room()

    def _share_room(self) -> None:
        room = self.size.height
        alone = self.summary.has_focus
        self.summary.display = not self.maximised or alone
        self.table.display = not (self.maximised and alone)
        lines = room if self.maximised else min(self.summary.needed, max(room // 2, room - LEAST)) if room else LEAST
        if lines and self.summary.styles.height is not None and self.summary.styles.height.value != lines:
            self.summary.styles.height = lines
