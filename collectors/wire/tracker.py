"""The table of connections: which segment belongs to which, who is the client, when one begins and ends.

`segment(now, buf, segment)` is the hot path: one look-up, and in the usual case (the next octets, or a bare
acknowledgement) little more. What is told has the packets' own times; silence is judged by those that are believed.
Closed connections leave at once; the table is bounded.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterable
from itertools import islice
from typing import TypeVar

from collectors.wire import asleep, ends, held, streams
from collectors.wire.certificates import Shown
from collectors.wire.clock import UNKNOWN, Clock
from collectors.wire.frames import ACK, FIN, RST, SYN, Octets, Segment, addresses, reverse
from collectors.wire.recognise import Recogniser
from collectors.wire.smtp import Dialogue
from collectors.wire.streams import MASK, NEVER, Connection, Half, Reset, Syn, ahead
from smtpwatch import events as ev
from smtpwatch.events import ClosedBy, Direction
from smtpwatch.passing import Passing

MAX_CONNECTIONS = 100_000  # 3 kB each, 0.4 kB asleep; more at once is an attack, then the oldest are given up
MAX_HELD = 64 << 20  # octets of memory that held segments of all connections take, looked at once a tick
CLOSED_KEPT = 16_384  # connections that ended lately, so that a late retransmission does not look like a new one
CLOSED_FOR = 30.0  # seconds that a closed connection's addresses are remembered
_UNUSUAL = SYN | FIN | RST
AHEAD = 1_000  # connections to give up that are looked up at once
REUSE_IDLE = 30.0  # seconds of silence after which a SYN on the same ports starts a new connection without more proof

Key = TypeVar("Key")


class Tracker:
    """Turns segments into events, by way of a Dialogue for each connection.

    ports: TCP ports watched; any_port: recognise SMTP on all others too. `direction(client, server, port)` names a
    session's direction. Events are handed to `append`; `clock` knows the time that silence is judged by."""

    def __init__(
        self,
        ports: Iterable[int],
        any_port: bool,
        direction: Callable[[str, str, int], Direction],
        append: Callable[[ev.Event], None],
        host: str,
        clock: Clock,
    ) -> None:
        self.ports = frozenset(ports)
        self.any_port = any_port
        self._direction = direction
        self._append = append
        self._host = host
        self._clock = clock
        self._certificates = Shown()
        self._ticked = clock.now
        self._halves: dict[bytes, Half] = {}
        self._closed: OrderedDict[bytes, float] = OrderedDict()
        self._awake: dict[int, Connection] = {}  # by number, in the order in which they began or woke
        self._talking: dict[int, None] = {}  # of those, who were not silent yet since then
        self._asleep: Passing[bytes, bytes] = Passing()  # by the client's key, in the order in which they fell asleep
        self._unanswered: Passing[int, bytes] = Passing()  # numbers of those with a SYN and no answer yet, and keys
        self._holding: dict[int, Connection] = {}
        self._numbers = 0
        self._longest_asleep: deque[bytes] = deque()
        self._longest_awake: deque[int] = deque()
        self._longest_unanswered: deque[int] = deque()

    def segment(self, now: float, buf: Octets, segment: Segment) -> None:
        """Take in one segment of `buf` captured at `now`."""
        key, seq, ack, flags, start, length, captured = segment
        half = self._halves.get(key)
        if half is None:
            half = self._begin(now, key, flags, length)
            if half is None:
                return
        conn = half.conn
        if not flags & _UNUSUAL and not conn.attention:
            conn.last = now
            if not length:
                if half.peer.next < 0 and flags & ACK:
                    half.peer.next = ack  # its first octet to come; later, a gap before it shows
                return
            if seq == half.next and ack == half.peer.next and length == captured:
                half.next = (seq + length) & MASK
                half.octets += length
                feed = half.feed
                if feed is not None:
                    feed(buf[start : start + length], now)
                return
        self._careful(now, half, buf[start : start + captured] if captured else b"", segment)

    def _careful(self, now: float, half: Half, data: bytes, segment: Segment) -> None:
        """Everything but the usual case."""
        _, seq, ack, flags, _, length, _ = segment
        conn = half.conn
        answered = ack if flags & ACK else None
        if flags & SYN:
            self._syn(now, half, seq, answered, data, length)
            return
        if flags & RST:
            self._reset(now, half, seq, answered)
            return
        self._hear(conn, now)
        if conn.doubt is not None:
            conn.doubt = None
            conn.attend()
        if seq != half.next:
            streams.heed(half, seq, True)
        if answered is not None and answered != half.peer.next:
            streams.heed(half.peer, answered, False)
        if length or flags & FIN:
            held.take(half, now, seq, answered, data, length, bool(flags & FIN))
        elif conn.over:
            self._close(conn, "fin")  # the acknowledgement of the last FIN, in all likelihood
            return
        if conn.held_until != NEVER:
            if answered is not None:
                held.acknowledged(half.peer, answered)
            if conn.heard >= conn.held_until:
                held.release(conn, now)
            self._holding[conn.id] = conn

    def _hear(self, conn: Connection, now: float) -> None:
        """One of its packets came."""
        conn.last = now
        clock = self._clock
        conn.heard = now if clock.low <= now < clock.high else clock.believed(now)

    # ---- beginnings

    def _begin(self, now: float, key: bytes, flags: int, length: int) -> Half | None:
        """The direction that a first packet belongs to: the other side of a known connection, or a new connection's.
        None for what belongs to none: late packets of a closed one, a bare ACK, FIN or RST, ports not watched."""
        back = reverse(key)
        if self._asleep and (key in self._asleep or back in self._asleep):
            self._wake(key if key in self._asleep else back)
            known = self._halves.get(key)
            if known is not None:
                return known
        other = self._halves.get(back)
        if other is not None:
            half = other.peer
            self._unanswered.pop(half.conn.id, None)
        else:
            if not flags & SYN and (not length or self._closed_lately(key, now)):
                return None
            opened = self._open(now, key, back, flags)
            if opened is None:
                return None
            half = opened
        half.seen = True
        self._halves[key] = half
        if not flags & (SYN | RST) and not half.conn.midstream:
            half.conn.headless = True  # how much came before is not known
        return half

    def _closed_lately(self, key: bytes, now: float) -> bool:
        closed = self._closed.get(key, self._closed.get(reverse(key)))
        return closed is not None and abs(self._clock.believed(now) - closed) < CLOSED_FOR

    def _open(self, now: float, key: bytes, back: bytes, flags: int) -> Half | None:
        source, sport, destination, dport = addresses(key)
        if not self.any_port and sport not in self.ports and dport not in self.ports:
            return None
        if flags & SYN:
            from_client = not flags & ACK
        elif (sport in self.ports) != (dport in self.ports):
            from_client = dport in self.ports
        else:
            from_client = dport <= sport
        if len(self._awake) + len(self._asleep) >= MAX_CONNECTIONS:
            self._give_up_one()
        if not from_client:
            source, sport, destination, dport = destination, dport, source, sport
        self._numbers += 1
        client_key, server_key = (key, back) if from_client else (back, key)
        conn = Connection(self._numbers, now, client_key, server_key)
        conn.client_address, conn.client_port = source, sport
        conn.server_address, conn.server_port = destination, dport
        conn.midstream = not flags & SYN
        self._awake[conn.id] = conn
        self._talking[conn.id] = None
        if flags & SYN:
            self._unanswered[conn.id] = client_key
        if dport in self.ports:
            self.announce(conn, now)
        elif self.any_port:
            conn.reader = self._recogniser(conn)
        return conn.client if from_client else conn.server

    def announce(self, conn: Connection, now: float) -> Dialogue:
        """The connection is an SMTP session: tell so, and read its dialogue."""
        conn.direction = self._direction(conn.client_address, conn.server_address, conn.server_port)
        conn.announced = True
        conn.reader = dialogue = self._dialogue(conn)
        dialogue.now = now
        dialogue.emit(
            ev.SessionOpened, conn.first, conn.client_port, conn.server_address, conn.server_port, conn.direction
        )
        return dialogue

    def _dialogue(self, conn: Connection) -> Dialogue:
        ours = self._certificates if conn.direction != "outbound" else None
        return Dialogue(conn, self._append, self._host, ours)

    def _recogniser(self, conn: Connection) -> Recogniser:
        return Recogniser(conn, self.announce)

    def _syn(self, now: float, half: Half, seq: int, ack: int | None, data: bytes, length: int) -> None:
        """SYN: the first of its direction, one sent again, or that of a new connection on the ports of an old one."""
        following = (seq + 1) & MASK
        if half.next < 0:
            self._hear(half.conn, now)
            half.next = following
            if ack is not None and half.peer.next < 0:
                half.peer.next = ack
            if length:  # TCP Fast Open (RFC 7413)
                held.take(half, now, following, None, data, length, False)
        elif 0 <= ahead(half.next, following) <= half.octets:
            self._hear(half.conn, now)
        elif ack is None:
            self._ask(half, Syn(now, half.key, seq, data, length))
        else:
            self._answer(half.conn, Syn(now, half.key, seq, data, length), ack)

    def _ask(self, half: Half, syn: Syn) -> None:
        """A SYN on the ports of a known connection. A stranger can forge it, so it counts only if that is over or
        silent, or the server answers."""
        conn = half.conn
        conn.syn = syn
        silent = syn.time - conn.last > REUSE_IDLE
        if conn.closed_first != "nobody" or conn.doubt is not None or not half.peer.seen or silent:
            self._restart(conn, syn)

    def _answer(self, conn: Connection, syn: Syn, ack: int) -> None:
        """A SYN-ACK on the ports of a known connection."""
        asked = conn.syn
        if asked is not None and asked.key != syn.key and 0 < ahead(ack, asked.seq) <= 1 + asked.length:
            self._restart(conn, asked)
            half = self._begin(syn.time, syn.key, SYN | ACK, 0)
            assert half is not None
            self._syn(syn.time, half, syn.seq, ack, syn.data, syn.length)

    def _restart(self, old: Connection, syn: Syn) -> None:
        """The same ports, but a new connection, which begins with `syn`."""
        key = old.client.key
        self._close(old, "timeout")
        self._closed.pop(key, None)
        half = self._begin(syn.time, syn.key, SYN, 0)
        assert half is not None
        self._syn(syn.time, half, syn.seq, None, syn.data, syn.length)

    # ---- ends

    def _reset(self, now: float, half: Half, seq: int, ack: int | None) -> None:
        """RST: believed if the receiver does so, since anybody can send one (RFC 5961, 3). It is in doubt where that
        does not show: then what follows of the connection, or that nothing does, tells."""
        conn = half.conn
        if ends.is_certain(half, seq):
            self._hear(conn, now)
            conn.reset = True
            self._end_reset(half, seq, ack)
        elif ends.is_possible(half, seq):
            self._hear(conn, now)
            conn.doubt = Reset(half, seq, ack)
            conn.attend()

    def _end_reset(self, half: Half, seq: int, ack: int | None) -> None:
        """A RST with these numbers, sent by the side of `half`, has ended the connection."""
        conn = half.conn
        conn.doubt = None
        held.release_all(conn, conn.last)
        streams.reaches(half, seq, conn.last)
        if ack is not None and half.peer.seen:
            streams.reaches(half.peer, ack, conn.last)
        if conn.closed_first == "nobody":
            conn.closed_first = "client" if half.from_client else "server"
            self._close(conn, "rst")
        else:
            self._close(conn, "fin")

    def _close(self, conn: Connection, by: ClosedBy) -> None:
        """The connection is over; `by` tells how, short of a QUIT."""
        doubted = conn.doubt
        if doubted is not None:  # and nothing more came
            self._end_reset(*doubted)
            self._closed.pop(conn.client.key, None)  # if more comes after all, it is to be read
            return
        held.release_all(conn, conn.last)
        if by in ("open", "timeout") and conn.closed_first != "nobody":
            by = "fin"
        for half in (conn.client, conn.server):
            self._halves.pop(half.key, None)
        self._closed[conn.client.key] = conn.heard
        while len(self._closed) > CLOSED_KEPT:
            self._closed.popitem(last=False)
        self._holding.pop(conn.id, None)
        self._awake.pop(conn.id, None)
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
        partial = ends.unseen(conn)
        if dialogue.given_up:
            partial = "; ".join(filter(None, (partial, dialogue.given_up)))
        visible = partial is None and (conn.reset or conn.over)
        dialogue.close(conn.last, conn.closed_first, visible)
        closed_by: ClosedBy = "quit" if dialogue.quit else by
        smtp = bool(client.octets or server.octets)
        dialogue.emit(ev.SessionClosed, conn.last, closed_by, client.octets, server.octets, partial, smtp)

    def _give_up_one(self) -> None:
        """Make room: a connection that was never answered if there is one, else one that is silent, else the oldest."""
        if self._unanswered:
            number = _first(self._unanswered, self._longest_unanswered)
            conn = self._awake.get(number) or self._wake(self._unanswered[number])
        elif self._asleep:
            conn = self._wake(_first(self._asleep, self._longest_asleep))
        else:
            conn = self._awake[_first(self._awake, self._longest_awake)]
        self._close(conn, "timeout")

    # ---- sleep

    def _wake(self, key: bytes) -> Connection:
        conn = asleep.awake(key, self._asleep[key], self._dialogue, self._recogniser)
        del self._asleep[key]
        for half in (conn.client, conn.server):
            if half.seen:
                self._halves[half.key] = half
        self._awake[conn.id] = conn
        self._talking[conn.id] = None
        return conn

    def _rest(self, conn: Connection) -> None:
        """Let it sleep, unless it is in the middle of something."""
        packed = None if conn.id in self._holding else asleep.record(conn, conn.id in self._unanswered)
        if packed is None:
            return
        key = conn.client.key
        for half in (conn.client, conn.server):
            self._halves.pop(half.key, None)
        self._asleep[key] = packed
        del self._awake[conn.id]
        if isinstance(conn.reader, Dialogue):
            conn.reader.dissolve()
        conn.dissolve()

    # ---- the passing of time

    def tick(self, now: float) -> None:
        """Time has come to `now`: end what fell silent, release what waited enough, tell how far the others are."""
        before = self._ticked if self._ticked > UNKNOWN else now
        self._ticked = now
        for conn in list(self._holding.values()):
            if now < before:
                held.set_back(conn, before - now)
            self._release(conn, now)
        self._shed(now)
        due = [key for key, packed in self._asleep.items() if not asleep.sleeps_on(packed, now)]
        for conn in [*self._awake.values(), *map(self._wake, due)]:
            self._look(conn, before, now)

    def lull(self, now: float) -> None:
        """Between two ticks: let those sleep that have just fallen silent, lest all that came within a second is awake
        at a time."""
        for number in list(self._talking):
            conn = self._awake.get(number)
            if conn is None or now - conn.last >= asleep.QUIET:
                del self._talking[number]
                if conn is not None:
                    self._look(conn, self._ticked, now)

    def _look(self, conn: Connection, before: float, now: float) -> None:
        """Look after one that is awake; `before` is when the last tick was."""
        if conn.last != conn.stamp:  # it was heard since, whatever the packet says
            conn.stamp = conn.last
            conn.heard = min(max(conn.last, before), now)
        elif conn.heard > now:
            conn.heard = now
        if now - conn.heard >= ends.patience(conn, conn.id in self._unanswered):
            self._close(conn, "timeout")
        else:
            self._progress(conn, now)
            if now - conn.heard >= asleep.QUIET:
                self._rest(conn)

    def _release(self, conn: Connection, now: float) -> None:
        while now >= conn.held_until:
            held.release(conn, now)
        if conn.held_until == NEVER:
            self._holding.pop(conn.id, None)

    def _shed(self, now: float) -> None:
        """All together hold no more than memory has for them; who has done so longest gives way."""
        octets = sum(conn.held_octets for conn in self._holding.values())
        for conn in list(self._holding.values()):
            if octets <= MAX_HELD:
                return
            octets -= conn.held_octets
            held.release_all(conn, now)

    def _progress(self, conn: Connection, now: float) -> None:
        told = (conn.client.octets, conn.server.octets)
        if told != conn.told and isinstance(conn.reader, Dialogue):
            conn.told = told
            conn.reader.now = now
            conn.reader.emit(ev.SessionProgress, *told)

    def finish(self) -> None:
        """The capture is over: sessions still open are told as such, in the order of their beginning."""
        sleeping = {asleep.number_of(packed): key for key, packed in self._asleep.items()}
        for number in sorted([*self._awake, *sleeping]):
            self._close(self._awake.get(number) or self._wake(sleeping[number]), "open")


def _first(table: Collection[Key], ahead: deque[Key]) -> Key:
    """The first key of a dict that is not empty. Where many before it have gone it is far to seek, so a few more of
    those that follow are kept `ahead`: whatever of them has gone by the next time is left out."""
    while True:
        while ahead:
            key = ahead.popleft()
            if key in table:
                return key
        ahead.extend(islice(table, AHEAD))
