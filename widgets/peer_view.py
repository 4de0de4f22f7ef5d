"""The TLS peers table's rows: the weakest first, those last that have brought nothing."""

from collections.abc import Callable, Hashable, Iterator
from copy import copy

from smtpwatch.query import Place
from smtpwatch.state.tls import Tls
from smtpwatch.state.tls_peers import Peer
from widgets.peer_columns import COLUMNS
from widgets.peer_fields import peer_fields
from widgets.rows import Key, Rows


class PeerView(Rows[Peer]):
    """Rows of peers."""

    def __init__(self, tls: Tls, places: Callable[[str], Place | None] | None = None) -> None:
        """`places` tells where an address is: at once, or None."""
        super().__init__(COLUMNS, peer_fields(lambda: self.now, places))
        self._peers = tls.peers

    def key(self, row: Peer) -> Key:
        """Direction and address."""
        return row.key

    def _stamp(self, row: Peer) -> Hashable:
        return row.sessions, row.messages, row.auth, row.failed

    def _there(self) -> int:
        return len(self._peers)

    def _find(self, key: Key) -> Peer | None:
        return self._peers.get(key)  # type: ignore[arg-type]

    def _still(self, row: Peer) -> Peer:
        twin = copy(row)
        twin.below = list(row.below)
        return twin

    def _in_order(self) -> Iterator[Peer]:
        return self._peers.in_reverse() if self._newest_first else self._peers.in_order()
