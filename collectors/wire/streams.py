"""TCP: segments of many connections become, for each direction, octets in order (RFC 9293).

A passive reader sees what a receiver sees and more: packets twice, late, out of order, or not at all. What arrives
in order is handed
on at once, which is nearly always. The rest is held until its place in the order is clear: octets before it come
late, or a
bound or a time limit says that they are missing from the capture, which the reader is told as a gap.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, Protocol

from smtpwatch.events import ClosedBy, Direction

MASK: Final = 0xFFFFFFFF
HALF: Final = 0x80000000

MAX_HELD = 256 * 1024  # octets of one connection held for octets missing before them; about a fast link's window
MAX_HELD_SEGMENTS = 256
HOLD_LOST = (
    0.2  # seconds to wait once the receiver has acknowledged what we miss: reordered in the capture, else lost to it
)
HOLD = 3.0  # seconds to wait otherwise: the sender will retransmit (RFC 6298: a second at first, doubled)
MAX_HOLES = 16  # gaps of one direction that late octets may still fill; only the count of octets depends on it
FAR = 1 << 24  # octets; a sequence number further off than any window in use is not of this connection
NEVER = float("inf")

Feed = Callable[[bytes, float], None]


class Reader(Protocol):
    """What reads a connection: it sets the feeds of both halves, and is told of gaps."""

    def gap(self, from_client: bool, octets: int, now: float) -> None: ...


class Half:
    """One direction. `next` is the sequence number awaited; `feed` takes octets in order (None: nobody reads them)."""

    __slots__ = (
        "conn",
        "cut",
        "feed",
        "fin",
        "from_client",
        "gapped",
        "held",
        "holes",
        "key",
        "missing",
        "next",
        "octets",
        "peer",
        "seen",
    )

    def __init__(self, conn: Connection, from_client: bool, key: bytes) -> None:
        self.conn = conn
        self.from_client = from_client
        self.key = key
        self.peer: Half = self
        self.seen = False
        self.next = -1  # not known
        self.feed: Feed | None = None
        self.octets = 0
        """Distinct payload octets seen, by their headers."""
        self.cut = 0
        """Those of them that the capture's snap length cut off."""
        self.missing = 0
        """Octets passed over as not captured, less those that came after all."""
        self.gapped = False
        self.fin = False
        self.held: list[_Held] = []
        self.holes: list[tuple[int, int]] = []


class _Held:
    """A segment that waits for its turn, from `since` on."""

    __slots__ = ("ack", "data", "fin", "length", "seq", "since")

    def __init__(self, seq: int, ack: int | None, data: bytes, length: int, fin: bool, since: float) -> None:
        self.seq = seq
        self.ack = ack
        self.data = data
        self.length = length
        self.fin = fin
        self.since = since


class Connection:
    """One TCP connection: two halves, who is the client, and how it ended."""

    __slots__ = (
        "announced", "attention", "client", "client_address", "client_port", "closed_by", "closed_first",
        "contradicts", "direction", "first", "headless",
        "held_octets", "held_until", "id", "last", "midstream", "reader", "server", "server_address", "server_port",
        "syn",
        "told", "watched",
    )  # fmt: skip

    def __init__(self, id_: int, now: float, client_key: bytes, server_key: bytes) -> None:
        self.id = id_
        self.first = now
        self.last = now
        self.client = Half(self, True, client_key)
        self.server = Half(self, False, server_key)
        self.client.peer, self.server.peer = self.server, self.client
        self.client_address = self.server_address = ""
        self.client_port = self.server_port = 0
        self.direction: Direction = "inbound"
        self.watched = True
        self.midstream = False
        """It began before the capture."""
        self.headless = False
        """The first octets of one side were not captured, though the beginning of the other was."""
        self.reader: Reader | None = None
        self.announced = False
        self.told = (0, 0)
        self.closed_by: ClosedBy | None = None
        self.closed_first: Literal["client", "server", "nobody"] = "nobody"
        self.contradicts = False
        """The same octets came twice with different content."""
        self.syn: tuple[bool, int] | None = None
        self.held_octets = 0
        self.held_until = NEVER
        self.attention = False
        """Segments are held (`held_until` tells how long), or both sides have closed: no packet is a usual one."""

    @property
    def over(self) -> bool:
        """Both sides have sent their FIN."""
        return self.client.fin and self.server.fin

    def dissolve(self) -> None:
        """It is over: let go of everything that refers to each other, so that memory is free at once, without a
        collector."""
        self.reader = None
        for half in (self.client, self.server):
            half.feed = None
            half.held.clear()
            del half.conn, half.peer


def ahead(seq: int, of: int) -> int:
    """How far `seq` is ahead of `of`, negative if behind; sequence numbers wrap (RFC 9293, 3.4)."""
    return ((seq - of + HALF) & MASK) - HALF


def take(half: Half, now: float, seq: int, ack: int | None, data: bytes, length: int, fin: bool) -> None:
    """Take in a segment with payload or FIN that is not plainly the next one: an old one, one too early, or one cut
    short.

    `length` counts its payload octets by the headers, `data` are those captured; `ack` None: the segment has none."""
    if half.next < 0:
        half.next = seq
    distance = ahead(seq, half.next)
    if distance > FAR or distance < -FAR:
        return
    if distance < 0:
        _overlap(half, seq, -distance, data, length)
        if length + fin <= -distance:
            return
        seq, data, length = half.next, data[-distance:], length + distance
        distance = 0
    conn = half.conn
    if distance == 0 and not _acks_unseen(half, ack):
        _deliver(half, now, data, length, fin)
        if conn.held_until != NEVER:
            drain(conn, now)
        return
    half.held.append(_Held(seq, ack, data, length, fin, now))
    conn.held_octets += len(data)
    conn.held_until = min(conn.held_until, now + HOLD)
    conn.attention = True
    if conn.held_octets > MAX_HELD or len(half.held) > MAX_HELD_SEGMENTS:
        release(conn, now)


def acknowledged(half: Half, ack: int, now: float) -> None:
    """The receiver of `half` has all up to `ack`: what we still miss of that is either just late or lost to the
    capture."""
    conn = half.conn
    if half.next >= 0 and ahead(ack, half.next) > 0:
        conn.held_until = min(conn.held_until, now + HOLD_LOST)


def _acks_unseen(half: Half, ack: int | None) -> bool:
    """Whether a segment answers octets of the other direction that we have not seen: then it is too early."""
    peer = half.peer
    return ack is not None and peer.seen and peer.next >= 0 and 0 < ahead(ack, peer.next) <= FAR and not peer.fin


def _deliver(half: Half, now: float, data: bytes, length: int, fin: bool) -> None:
    half.next = (half.next + length + fin) & MASK
    half.octets += length
    if data and half.feed is not None:
        half.feed(data, now)
    if length > len(data):
        half.cut += length - len(data)
        half.gapped = True
        if half.conn.reader is not None and half.feed is not None:
            half.conn.reader.gap(half.from_client, length - len(data), now)
    if fin:
        half.fin = True
        half.conn.attention = half.conn.attention or half.peer.fin
        if half.conn.closed_first == "nobody":
            half.conn.closed_first = "client" if half.from_client else "server"


def drain(conn: Connection, now: float) -> None:
    """Hand on what is held and has its turn now."""
    moved = True
    while moved:
        moved = False
        for half in (conn.client, conn.server):
            for entry in half.held:
                distance = ahead(entry.seq, half.next)
                if distance > 0 or (distance == 0 and _acks_unseen(half, entry.ack)):
                    continue
                half.held.remove(entry)
                conn.held_octets -= len(entry.data)
                if entry.length + entry.fin > -distance:
                    if distance < 0:
                        _overlap(half, entry.seq, -distance, entry.data, entry.length)
                    _deliver(
                        half,
                        now,
                        entry.data[-distance:] if distance else entry.data,
                        entry.length + distance,
                        entry.fin,
                    )
                moved = True
                break
    oldest = min((entry.since for half in (conn.client, conn.server) for entry in half.held), default=NEVER)
    conn.held_until = NEVER if oldest == NEVER else max(oldest + HOLD, now)
    conn.attention = oldest != NEVER or conn.over


def release(conn: Connection, now: float) -> None:
    """What is held has waited enough: pass over what is missing before the oldest of it, and hand on what that
    frees."""
    oldest = min(
        ((entry.since, not half.from_client, half) for half in (conn.client, conn.server) for entry in half.held),
        default=None,
        key=lambda item: item[:2],
    )
    if oldest is None:
        conn.held_until = NEVER
        conn.attention = conn.over
        return
    half = oldest[2]
    entry = _nearest(half)
    if ahead(entry.seq, half.next) > 0:
        _pass_over(half, entry.seq, now)
    else:  # it has its turn but for what it acknowledges
        assert entry.ack is not None
        peer, target = half.peer, entry.ack
        if peer.held:
            target = min(target, _nearest(peer).seq, key=lambda seq: ahead(seq, peer.next))
        if ahead(target, peer.next) > 0:
            _pass_over(peer, target, now)
        else:
            entry.ack = None  # each waits for the other: no order is right, so take it as it came
    drain(conn, now)


def _nearest(half: Half) -> _Held:
    return min(half.held, key=lambda entry: ahead(entry.seq, half.next))


def release_all(conn: Connection, now: float) -> None:
    """Nothing more will come: hand on all that is held."""
    while conn.client.held or conn.server.held:
        release(conn, now)


def reaches(half: Half, seq: int, now: float) -> None:
    """The other side, or a RST, tells that the direction has come to `seq`: what we have not seen of it is missing."""
    if half.next >= 0 and 0 < ahead(seq, half.next) <= FAR and not half.fin:
        _pass_over(half, seq, now)


def _pass_over(half: Half, target: int, now: float) -> None:
    octets = ahead(target, half.next)
    if len(half.holes) < MAX_HOLES:
        half.holes.append((half.next, octets))
    half.next = target
    half.missing += octets
    half.gapped = True
    if half.conn.reader is not None and half.feed is not None:
        half.conn.reader.gap(half.from_client, octets, now)


def _overlap(half: Half, seq: int, behind: int, data: bytes, length: int) -> None:
    """Octets that come again, or late into a gap: count the late ones."""
    old = min(length, behind)
    for index, (start, size) in enumerate(half.holes):
        offset = ahead(seq, start)
        low, high = max(offset, 0), min(offset + old, size)
        if low >= high:
            continue
        half.octets += high - low
        half.missing -= high - low
        rest = [(start, low), ((start + high) & MASK, size - high)]
        half.holes[index : index + 1] = [hole for hole in rest if hole[1] > 0]
        return
