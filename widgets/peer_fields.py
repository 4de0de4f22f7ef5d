"""What a TLS peer says of each field of the filter."""

from collections.abc import Callable

from smtpwatch.query import Place, Read
from smtpwatch.state.tls_peers import Peer
from widgets import peer_columns as own
from widgets.fields import of_place


def peer_fields(now: Callable[[], float], places: Callable[[str], Place | None] | None = None) -> dict[str, Read[Peer]]:
    """Each field's function; `now` tells the time that ages are told against, `places` where an address is."""
    return {
        "src": _client,
        "net": _client,
        "dst": lambda peer: peer.source if peer.direction == "outbound" else None,
        "dir": lambda peer: peer.direction,
        "tls": _versions,
        "cipher": lambda peer: peer.cipher,
        "group": lambda peer: peer.group,
        "mark": lambda peer: own.mark(peer).strip(),
        "sessions": lambda peer: peer.sessions,
        "accepted": lambda peer: peer.messages,
        "age": lambda peer: now() - peer.last,
        **of_place(lambda peer: peer.source, places),
    }


def _client(peer: Peer) -> str | None:
    """Where we are the client, the peer is the server."""
    return None if peer.direction == "outbound" else peer.source


def _versions(peer: Peer) -> list[str]:
    """The weakest and the best, and whether it failed."""
    said = [own.version(name) for name in (peer.weakest, peer.best) if name]
    return [*said, "failed"] if peer.failed else said
