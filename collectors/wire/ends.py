"""How connections end: when a RST is believed, how long silence may last, and what of them was not captured."""

from __future__ import annotations

from typing import Final

from collectors.wire.streams import WINDOW, Connection, Half, ahead

IDLE: Final = 900.0  # seconds of silence; RFC 5321 4.5.3.2 lets a client wait 10 minutes for the answer to a message
HALF_OPEN: Final = 75.0  # seconds for a SYN to be answered; Linux gives up after 63 (server) to 127
CLOSING: Final = 60.0  # seconds after the first FIN
OVER: Final = 1.0  # seconds after both FINs, for the last acknowledgement
DOUBTED: Final = 2.0  # seconds after a RST in doubt; who ignores it says so at once (RFC 5961, 3.2)


def is_certain(half: Half, seq: int) -> bool:
    """Whether the receiver believes a RST with this number: the very next one (RFC 5961, 3.2), or the FIN's own where
    that was not acknowledged."""
    return half.next < 0 or seq == half.next or (half.fin and ahead(seq, half.next) == -1)


def is_possible(half: Half, seq: int) -> bool:
    """Whether it may do so: it may have had less than we saw, and we may have seen less than it had."""
    return abs(ahead(seq, half.next)) < WINDOW


def patience(conn: Connection, unanswered: bool) -> float:
    """Seconds of silence after which nothing more is to be expected of a connection."""
    if conn.doubt is not None:
        return DOUBTED
    if conn.over:
        return OVER
    if conn.closed_first != "nobody":
        return CLOSING
    return HALF_OPEN if unanswered and not conn.client.octets else IDLE


def unseen(conn: Connection) -> str | None:
    """What is missing of a connection, and why; None if nothing is."""
    client, server = conn.client, conn.server
    if not (conn.midstream or conn.headless or client.gapped or server.gapped) and client.seen and server.seen:
        return None
    missing = []
    if conn.midstream:
        missing.append("began before the capture")
    if conn.headless:
        missing.append("its beginning was not captured whole")
    for half, name in ((client, "client to server"), (server, "server to client")):
        if not half.seen and (half.peer.octets or conn.midstream):
            missing.append(f"{name} not captured")
        if half.missing:
            missing.append(f"{half.missing:,} octets {name} not captured")
        if half.late:
            missing.append(f"{half.late:,} octets {name} came too late to be read")
        if half.cut:
            missing.append(f"{half.cut:,} octets {name} cut by the capture's snap length")
    return "; ".join(missing) or None
