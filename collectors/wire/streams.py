"""TCP: one connection, and for each direction of it octets in order (RFC 9293).

What arrives in order is handed on at once, which is nearly always. The rest is held (held.py) until its place in the
order is clear, or passed over as missing from the capture, which the reader is told as a gap.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, NamedTuple, Protocol

from smtpwatch.events import ClosedBy, Direction

MASK: Final = 0xFFFFFFFF
HALF: Final = 0x80000000

WINDOW: Final = 1 << 20  # octets; as large as receivers let it grow in practice
MAX_HOLES = 16  # gaps of one direction that late octets may still fill; only the count of octets depends on it
NEVER = float("inf")

Feed = Callable[[bytes, float], None]


class Reader(Protocol):
    """What reads a connection: it sets the feeds of both halves, and is told of gaps."""

    def gap(self, from_client: bool, octets: int, now: float) -> None: ...


class Half:
    """One direction. `next` is the sequence number awaited; `feed` takes octets in order (None: nobody reads them)."""

    __slots__ = (
        "acked", "conn", "cut", "feed", "fin", "from_client", "gapped", "held", "hint", "holes", "key", "late",
        "lost_at", "missing", "next", "octets", "peer", "reach", "seen",
    )  # fmt: skip

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
        self.late = 0
        """Octets that came after the reader was told that they are missing."""
        self.gapped = False
        self.fin = False
        self.held: list[Held] = []
        self.acked = -1
        """The sequence number that the receiver asks for, as far as seen while segments are held."""
        self.lost_at = NEVER
        """When octets that the receiver has acknowledged are given up, if they have not come."""
        self.hint: tuple[int, bool] | None = None
        """A sequence number out of every window, and whether the sender or the receiver spoke of it."""
        self.reach = -1
        """The same, once a second packet spoke of it."""
        self.holes: list[Hole] = []


class Held(NamedTuple):
    """A segment that waits for its turn, from `since` on; `ack` None: whatever it acknowledges."""

    seq: int
    ack: int | None
    data: bytes
    length: int
    fin: bool
    since: float


class Hole(NamedTuple):
    """`size` octets passed over; `told`: a reader was told so."""

    start: int
    size: int
    told: bool


class Syn(NamedTuple):
    """A SYN on the ports of a connection: perhaps a new one's."""

    time: float
    key: bytes
    seq: int
    data: bytes
    length: int


class Reset(NamedTuple):
    """A RST that the receiver perhaps ignored."""

    half: Half
    seq: int
    ack: int | None


class Connection:
    """One TCP connection: two halves, who is the client, and how it ended."""

    __slots__ = (
        "announced", "attention", "client", "client_address", "client_port", "closed_by", "closed_first", "direction",
        "doubt", "first", "headless", "heard", "held_octets", "held_until", "id", "last", "midstream", "reader",
        "reset", "server", "server_address", "server_port", "stamp", "syn", "told",
    )  # fmt: skip

    def __init__(self, id_: int, now: float, client_key: bytes, server_key: bytes) -> None:
        self.id = id_
        self.first = now
        self.last = now
        """The times of its first and last packet, as the packets have them."""
        self.stamp: float | None = None
        """`last` when time was looked at before."""
        self.heard = now
        """When it was heard of, by the time believed."""
        self.client = Half(self, True, client_key)
        self.server = Half(self, False, server_key)
        self.client.peer, self.server.peer = self.server, self.client
        self.client_address = self.server_address = ""
        self.client_port = self.server_port = 0
        self.direction: Direction = "inbound"
        self.midstream = False
        """It began before the capture."""
        self.headless = False
        """The first octets of one side were not captured, though the beginning of the other was."""
        self.reader: Reader | None = None
        self.announced = False
        self.told = (0, 0)
        self.closed_by: ClosedBy | None = None
        self.closed_first: Literal["client", "server", "nobody"] = "nobody"
        self.reset = False
        """A RST ended it, beyond doubt."""
        self.doubt: Reset | None = None
        self.syn: Syn | None = None
        self.held_octets = 0
        """Memory that held segments take."""
        self.held_until = NEVER
        self.attention = False
        """No packet is a usual one: segments are held (`held_until` tells how long), a RST is in doubt, or both sides
        have closed."""

    @property
    def over(self) -> bool:
        """Both sides have sent their FIN."""
        return self.client.fin and self.server.fin

    def attend(self) -> None:
        """Set `attention` anew."""
        self.attention = self.held_until != NEVER or self.doubt is not None or self.over

    def dissolve(self) -> None:
        """It is over: let go of everything that refers to each other, so that memory is free at once, without a
        collector."""
        self.reader = self.doubt = None
        for half in (self.client, self.server):
            half.feed = None
            half.held.clear()
            del half.conn, half.peer


def ahead(seq: int, of: int) -> int:
    """How far `seq` is ahead of `of`, negative if behind; sequence numbers wrap (RFC 9293, 3.4)."""
    return ((seq - of + HALF) & MASK) - HALF


def heed(half: Half, seq: int, by_sender: bool) -> None:
    """Somebody spoke of `seq`. Beyond every window it counts only once another packet speaks of one near it, since a
    damaged or forged one has it alone, and what follows it would be lost."""
    if half.next < 0 or ahead(seq, half.next) <= WINDOW:
        return
    if half.hint is not None and half.hint != (seq, by_sender) and abs(ahead(seq, half.hint[0])) <= WINDOW:
        half.reach = seq
    half.hint = (seq, by_sender)


def is_far(half: Half, seq: int) -> bool:
    """Whether `seq` is out of every window, and nothing else speaks for it."""
    return ahead(seq, half.next) > WINDOW and (half.reach < 0 or abs(ahead(seq, half.reach)) > WINDOW)


def deliver(half: Half, now: float, data: bytes, length: int, fin: bool) -> None:
    """Hand on the next octets: `length` of them, `data` as far as they were captured."""
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


def reaches(half: Half, seq: int, now: float) -> None:
    """The other side, or a RST, tells that the direction has come to `seq`: what we have not seen of it is missing."""
    if half.next >= 0 and ahead(seq, half.next) > 0 and not is_far(half, seq) and not half.fin:
        pass_over(half, seq, now)


def pass_over(half: Half, target: int, now: float) -> None:
    """The octets before `target` are missing."""
    octets = ahead(target, half.next)
    told = half.conn.reader is not None and half.feed is not None
    if len(half.holes) < MAX_HOLES:
        half.holes.append(Hole(half.next, octets, told))
    half.next = target
    half.missing += octets
    half.gapped = True
    if half.conn.reader is not None and told:
        half.conn.reader.gap(half.from_client, octets, now)


def fill(half: Half, seq: int, length: int) -> None:
    """Octets that come again, or late into gaps: count the late ones."""
    holes: list[Hole] = []
    for hole in half.holes:
        offset = ahead(seq, hole.start)
        low, high = max(offset, 0), min(offset + length, hole.size)
        if low >= high:
            holes.append(hole)
            continue
        half.octets += high - low
        half.missing -= high - low
        half.late += high - low if hole.told else 0
        rest = (Hole(hole.start, low, hole.told), Hole((hole.start + high) & MASK, hole.size - high, hole.told))
        holes += [each for each in rest if each.size]
    half.holes = holes[:MAX_HOLES]
