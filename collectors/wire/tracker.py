"""The table of connections: which segment belongs to which, who is the client, when one begins and ends.

`segment(now, buf, segment)` is the hot path: one look-up, and in the usual case (the next octets, or a bare
acknowledgement) little
more. Time is the packets' own. Closed connections leave at once; the table is bounded.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable

from collectors.wire import streams
from collectors.wire.frames import ACK, FIN, RST, SYN, Octets, Segment, addresses, reverse
from collectors.wire.recognise import Recogniser
from collectors.wire.smtp import Dialogue
from collectors.wire.streams import MASK, Connection, Half, ahead
from smtpwatch import events as ev
from smtpwatch.events import ClosedBy, Direction

MAX_CONNECTIONS = 100_000  # about 2 kB each; more at once is an attack, and then the oldest are given up
IDLE = 900.0  # seconds of silence; RFC 5321 4.5.3.2 lets a client wait 10 minutes for the answer to a message
HALF_OPEN = 75.0  # seconds for a SYN to be answered; Linux gives up after 63 (server) to 127
CLOSING = 60.0  # seconds after the first FIN
OVER = 1.0  # seconds after both FINs, for the last acknowledgement
CLOSED_KEPT = 65_536  # connections that ended lately, so that a late retransmission does not look like a new one
CLOSED_FOR = 30.0  # seconds that a closed connection's addresses are remembered
WINDOW = 1 << 20  # octets; as large as receivers let it grow in practice
_UNUSUAL = SYN | FIN | RST
REUSE_IDLE = 30.0  # seconds of silence after which a SYN on the same ports starts a new connection without more proof


class Tracker:
    """Turns segments into events, by way of a Dialogue for each connection.

    ports: TCP ports watched; any_port: recognise SMTP on all others too. `direction(client, server, port)` names a
    session's
    direction. Events are handed to `append`."""

    def __init__(
        self,
        ports: Iterable[int],
        any_port: bool,
        direction: Callable[[str, str, int], Direction],
        append: Callable[[ev.Event], None],
        host: str,
    ) -> None:
        self.ports = frozenset(ports)
        self.any_port = any_port
        self._direction = direction
        self._append = append
        self._host = host
        self._halves: dict[bytes, Half] = {}
        self._closed: OrderedDict[bytes, float] = OrderedDict()
        self._live: dict[int, Connection] = {}  # by number, so in the order of their first packets
        self._unanswered: dict[int, Connection] = {}  # those of them with a SYN and no answer yet
        self._holding: dict[int, Connection] = {}
        self._numbers = 0

    def segment(self, now: float, buf: Octets, segment: Segment) -> None:
        """Take in one segment of `buf` captured at `now`."""
        key, seq, ack, flags, start, length, captured = segment
        half = self._halves.get(key)
        if half is None:
            half = self._begin(now, key, flags, length)
            if half is None:
                return
        conn = half.conn
        conn.last = now
        if not flags & _UNUSUAL and not conn.attention:
            if not length:
                if half.peer.next < 0 and flags & ACK:
                    half.peer.next = ack  # its first octet to come; later, a gap before it shows
                return
            if seq == half.next and ack == half.peer.next and length == captured:
                half.next = (seq + length) & MASK
                half.octets += length
                feed = half.feed
                if feed is not None:
                    feed(buf[start : start + length], now)  # type: ignore[arg-type]
                return
        self._careful(now, half, buf[start : start + captured] if captured else b"", segment)  # type: ignore[arg-type]

    def _careful(self, now: float, half: Half, data: bytes, segment: Segment) -> None:
        """Everything but the usual case."""
        _, seq, ack, flags, _, length, _ = segment
        conn = half.conn
        if flags & SYN:
            self._syn(now, half, seq, ack, flags, data)
            return
        if flags & RST:
            self._reset(now, half, seq, ack if flags & ACK else None)
            return
        answered = ack if flags & ACK else None
        if length or flags & FIN:
            streams.take(half, now, seq, answered, data, length, bool(flags & FIN))
        elif conn.over:
            self._close(conn, "fin")  # the acknowledgement of the last FIN, in all likelihood
            return
        if conn.held_until != streams.NEVER:
            if answered is not None:
                streams.acknowledged(half.peer, answered, now)
            if now >= conn.held_until:
                streams.release(conn, now)
            self._holding[conn.id] = conn

    # ---- beginnings

    def _begin(self, now: float, key: bytes, flags: int, length: int) -> Half | None:
        """The direction that a first packet belongs to: the other side of a known connection, or a new connection's.
        None for what belongs to none: late packets of a closed one, a bare ACK, FIN or RST, ports not watched."""
        other = self._halves.get(reverse(key))
        if other is not None:
            half = other.peer
            self._unanswered.pop(half.conn.id, None)
        else:
            if not flags & SYN and (not length or self._closed_lately(key, now)):
                return None
            opened = self._open(now, key, flags)
            if opened is None:
                return None
            half = opened
        half.seen = True
        self._halves[key] = half
        if not flags & SYN and half.next < 0 and not half.conn.midstream:
            half.conn.headless = True  # how much came before is not known
        return half

    def _closed_lately(self, key: bytes, now: float) -> bool:
        return now - self._closed.get(key, -CLOSED_FOR) < CLOSED_FOR

    def _open(self, now: float, key: bytes, flags: int) -> Half | None:
        source, sport, destination, dport = addresses(key)
        if not self.any_port and sport not in self.ports and dport not in self.ports:
            return None
        if flags & SYN:
            from_client = not flags & ACK
        elif (sport in self.ports) != (dport in self.ports):
            from_client = dport in self.ports
        else:
            from_client = dport <= sport
        if len(self._live) >= MAX_CONNECTIONS:
            self._give_up_oldest()
        if not from_client:
            source, sport, destination, dport = destination, dport, source, sport
        self._numbers += 1
        client_key, server_key = (key, reverse(key)) if from_client else (reverse(key), key)
        conn = Connection(self._numbers, now, client_key, server_key)
        conn.client_address, conn.client_port = source, sport
        conn.server_address, conn.server_port = destination, dport
        conn.midstream = not flags & SYN
        self._live[conn.id] = conn
        if flags & SYN:
            self._unanswered[conn.id] = conn
        if dport in self.ports:
            self.announce(conn, now)
        elif self.any_port:
            conn.reader = Recogniser(conn, self.announce)
        return conn.client if from_client else conn.server

    def announce(self, conn: Connection, now: float) -> Dialogue:
        """The connection is an SMTP session: tell so, and read its dialogue."""
        conn.direction = self._direction(conn.client_address, conn.server_address, conn.server_port)
        conn.announced = True
        conn.reader = dialogue = Dialogue(conn, self._append, self._host)
        dialogue.now = now
        dialogue.emit(
            ev.SessionOpened, conn.first, conn.client_port, conn.server_address, conn.server_port, conn.direction
        )
        return dialogue

    def _syn(self, now: float, half: Half, seq: int, ack: int, flags: int, data: bytes) -> None:
        """SYN: the first of its direction, one sent again, or a new connection on the ports of an old one.

        A stranger can forge the last kind, so it counts only if the old connection is over or silent, or the server
        answers."""
        conn = half.conn
        following = (seq + 1) & MASK
        if half.next < 0:
            half.next = following
            if flags & ACK and half.peer.next < 0:
                half.peer.next = ack
            if data:  # TCP Fast Open (RFC 7413)
                streams.take(half, now, following, None, data, len(data), False)
            return
        if 0 <= ahead(half.next, following) <= half.octets:
            return
        if flags & ACK:
            if conn.syn is not None and conn.syn[0] != half.from_client and ack == conn.syn[1]:
                self._restart(now, half, following, ack)
            return
        conn.syn = (half.from_client, following)
        if conn.closed_first != "nobody" or not half.peer.seen or now - max(conn.first, conn.last) > REUSE_IDLE:
            self._restart(now, half, following, None)

    def _restart(self, now: float, half: Half, following: int, ack: int | None) -> None:
        """The same ports, but a new connection."""
        key, peer_key, from_client = half.key, half.peer.key, half.from_client
        self._close(half.conn, "timeout")
        opener = key if (ack is None) else peer_key
        self._closed.pop(key, None)
        self._closed.pop(peer_key, None)
        fresh = self._begin(now, opener, SYN, 0)
        assert fresh is not None
        if ack is None:
            fresh.next = following
        else:
            fresh.next = ack
            other = self._begin(now, key, SYN | ACK, 0)
            assert other is not None
            other.next = following
        assert fresh.from_client or not from_client

    # ---- ends

    def _reset(self, now: float, half: Half, seq: int, ack: int | None) -> None:
        """RST: believed if its sequence number is in the receiver's window (RFC 5961, 3), since anybody can send
        one."""
        if half.next >= 0 and not 0 <= ahead(seq, half.next) < WINDOW:
            return
        conn = half.conn
        streams.release_all(conn, now)
        streams.reaches(half, seq, now)
        if ack is not None and half.peer.seen:
            streams.reaches(half.peer, ack, now)
        if conn.closed_first == "nobody":
            conn.closed_first = "client" if half.from_client else "server"
            self._close(conn, "rst")
        else:
            self._close(conn, "fin")

    def _close(self, conn: Connection, by: ClosedBy) -> None:
        """The connection is over; `by` tells how, short of a QUIT."""
        streams.release_all(conn, conn.last)
        if by in ("open", "timeout") and conn.closed_first != "nobody":
            by = "fin"
        for half in (conn.client, conn.server):
            self._halves.pop(half.key, None)
            self._closed[half.key] = conn.last
        while len(self._closed) > CLOSED_KEPT:
            self._closed.popitem(last=False)
        self._holding.pop(conn.id, None)
        self._live.pop(conn.id, None)
        self._unanswered.pop(conn.id, None)
        conn.closed_by = by
        if isinstance(conn.reader, Recogniser):
            conn.reader.close()
        if isinstance(conn.reader, Dialogue):
            self._tell_end(conn, conn.reader, by)
            conn.reader.dissolve()
        conn.dissolve()

    def _tell_end(self, conn: Connection, dialogue: Dialogue, by: ClosedBy) -> None:
        client, server = conn.client, conn.server
        partial = _partial(conn)
        if dialogue.given_up:
            partial = "; ".join(filter(None, (partial, dialogue.given_up)))
        visible = partial is None and (by == "rst" or (by == "fin" and conn.over))
        dialogue.close(conn.last, conn.closed_first, visible)
        if conn.contradicts:
            dialogue.odd("overlap", "octets came twice with different content")
        closed_by: ClosedBy = "quit" if dialogue.quit else by
        smtp = bool(client.octets or server.octets)
        dialogue.emit(ev.SessionClosed, conn.last, closed_by, client.octets, server.octets, partial, smtp)

    def _give_up_oldest(self) -> None:
        """Make room: a connection that was never answered if there is one, else the one that is oldest."""
        queue = self._unanswered or self._live
        self._close(next(iter(queue.values())), "timeout")

    # ---- the passing of time

    def tick(self, now: float) -> None:
        """Once a second of packet time: end what fell silent, release what waited enough, tell how far the others
        are."""
        for conn in list(self._holding.values()):
            self._release(conn, now)
        for conn in list(self._live.values()):
            if now - conn.last >= self._patience(conn):
                self._close(conn, "timeout")
            else:
                self._progress(conn, now)

    def _release(self, conn: Connection, now: float) -> None:
        while now >= conn.held_until:
            streams.release(conn, now)
        if conn.held_until == streams.NEVER:
            self._holding.pop(conn.id, None)

    def _patience(self, conn: Connection) -> float:
        """Seconds of silence after which nothing more is to be expected of a connection."""
        if conn.over:
            return OVER
        if conn.closed_first != "nobody":
            return CLOSING
        return HALF_OPEN if conn.id in self._unanswered and not conn.client.octets else IDLE

    def _progress(self, conn: Connection, now: float) -> None:
        told = (conn.client.octets, conn.server.octets)
        if told != conn.told and isinstance(conn.reader, Dialogue):
            conn.told = told
            conn.reader.now = now
            conn.reader.emit(ev.SessionProgress, *told)

    def finish(self) -> None:
        """The capture is over: sessions still open are told as such, in the order of their beginning."""
        for conn in list(self._live.values()):
            self._close(conn, "open")


def _partial(conn: Connection) -> str | None:
    """What is missing of a connection, and why; None if nothing is."""
    client, server = conn.client, conn.server
    if not (conn.midstream or conn.headless or client.gapped or server.gapped) and client.seen and server.seen:
        return None
    missing = []
    if conn.midstream:
        missing.append("began before the capture")
    if conn.headless:
        missing.append("its beginning was not captured whole")
    for half, name in ((conn.client, "client to server"), (conn.server, "server to client")):
        if not half.seen and (half.peer.octets or conn.midstream):
            missing.append(f"{name} not captured")
        if half.missing:
            missing.append(f"{half.missing:,} octets {name} not captured")
        if half.cut:
            missing.append(f"{half.cut:,} octets {name} cut by the capture's snap length")
    return "; ".join(missing) or None
