"""The TLS peers table."""

from textual.strip import Strip

from smtpwatch.state.tls_peers import Peer
from widgets import ink
from widgets.led import Led
from widgets.peer_columns import mark
from widgets.row_line import row_line
from widgets.table import Table
from widgets.table_layout import Placed

_INK = {"x": ink.BAD, "!": ink.WARN, " ": None}
_COLOURED = ("", "TLS", "why")


def row(peer: Peer, layout: tuple[Placed[Peer], ...], now: float, cursor: bool = False) -> Strip:
    """The line of `peer`: colour on mark, TLS and why, reversed under the cursor."""
    if cursor:
        return row_line(peer, layout, now, ink.CURSOR, ink.CURSOR, _COLOURED)
    return row_line(peer, layout, now, None, _INK[mark(peer)], _COLOURED)


class PeerTable(Table[Peer]):
    """Peers; what there is to open of one are its sessions."""

    def action_open(self) -> None:
        """Show its sessions."""
        peer = self.cursor
        if peer is not None:
            field = "dst" if peer.direction == "outbound" else "src"
            self.post_message(Led("sessions", f"{field}:{peer.source}"))

    def _row_line(self, row_: Peer, placed: tuple[Placed[Peer], ...], cursor: bool) -> Strip:
        return row(row_, placed, self._now, cursor)
