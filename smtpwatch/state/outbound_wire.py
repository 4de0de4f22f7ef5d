"""What the wire shows of our connections to other hosts: whether they are taken, and how they are secured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from smtpwatch import events as ev
from smtpwatch.state.destination import Peer, Secured
from smtpwatch.state.undelivered import UNWELCOME

PEERS = 4_000  # addresses; about 300 octets each
OPEN = 10_000  # outbound sessions under way; mail servers open some hundred at once

CLEAR = Secured(0.0, "wire")


class OutboundWire:
    """Peers by address, the latest connected to."""

    def __init__(self) -> None:
        self._peers: dict[str, Peer] = {}
        self._open: dict[tuple[str, int], Peer] = {}

    def apply(self, event: ev.SessionEvent) -> None:
        """Take in one event: of sessions that are not outbound, at the cost of a look-up."""
        kind = type(event)
        if kind is ev.SessionOpened:
            if event.direction == "outbound":  # type: ignore[attr-defined]
                self._opened(event)  # type: ignore[arg-type]
            return
        if not self._open:
            return
        fold = _FOLDS.get(kind)
        if fold is None:
            return
        key = (event.sensor, event.session)
        peer = self._open.get(key)
        if peer is None:
            return
        if event.time >= peer.time:
            peer.time = event.time
            fold(peer, event)
        if kind is ev.SessionClosed:
            del self._open[key]

    def peer(self, address: str) -> Peer:
        """What is known of that address, from now on."""
        peer = self._peers.get(address)
        if peer is None:
            peer = self._peers[address] = Peer()
            if len(self._peers) > PEERS:
                del self._peers[next(iter(self._peers))]
        return peer

    def _opened(self, event: ev.SessionOpened) -> None:
        peer = self.peer(event.server)
        self._peers[event.server] = self._peers.pop(event.server)  # last: the first is the one longest unheard of
        self._open[event.sensor, event.session] = peer
        if len(self._open) > OPEN:
            del self._open[next(iter(self._open))]


def _greeting(peer: Peer, event: ev.Greeting) -> None:
    peer.connection = "ok" if event.code < 400 else UNWELCOME


def _transaction(peer: Peer, event: ev.TransactionOpened) -> None:
    """Seen in clear: after a handshake nothing would be."""
    peer.connection = "ok"
    peer.secured = CLEAR._replace(time=event.time)


def _negotiated(peer: Peer, event: ev.TlsNegotiated) -> None:
    peer.connection = "ok"
    peer.secured = Secured(event.time, "wire", event.version, event.cipher)


def _failed(peer: Peer, event: ev.TlsFailed) -> None:
    peer.secured = Secured(event.time, "wire", failed=event.reason)


def _closed(peer: Peer, event: ev.SessionClosed) -> None:
    if not event.smtp and not event.octets_server:
        peer.connection = "refused" if event.closed_by == "rst" else "timed out"


_FOLDS: dict[type[ev.SessionEvent], Callable[[Peer, Any], None]] = {
    ev.Greeting: _greeting,
    ev.TransactionOpened: _transaction,
    ev.TlsNegotiated: _negotiated,
    ev.TlsFailed: _failed,
    ev.SessionClosed: _closed,
}
