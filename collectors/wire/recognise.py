"""SMTP on any port: connections that turn out to speak it, from their first words, after a tunnel's own talk, or in
mid-stream.

What is said before the dialogue (HTTP CONNECT, SOCKS) is no part of it, but of the connection: it is counted in the
connection's octets, and the connection is as whole as its capture is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from collectors.wire import proxy, signs
from collectors.wire.streams import Connection, Half

if TYPE_CHECKING:
    from collectors.wire.smtp import Dialogue

MAX_KEPT = 16384  # octets kept until the proof; a banner, a hello and their replies have some hundreds
MAX_PARTS = 1024  # pieces of them; each segment is one, however small

_MISSING = b"\0"  # stands for octets that were not captured; no word of SMTP has it

_Part = tuple[Half, bytes | int, float]
"""Octets of one direction, or how many of them are missing, and when."""


class Recogniser:
    """Watches both directions of a connection until it is SMTP beyond doubt, then hands its dialogue to a Dialogue.

    The proof is what one side says and the other answers: a hello after a 220, a reply after a command that only SMTP
    has, a reply with an enhanced code. It is looked for once in each turn of the talk, as soon as the turn's first
    line is whole. Where one side is silent or not in the capture, the other's words decide in the end."""

    __slots__ = ("_announce", "_conn", "_judged", "_octets", "_parts", "_whole")

    def __init__(self, conn: Connection, announce: Callable[[Connection, float], Dialogue]) -> None:
        self._conn = conn
        self._announce = announce
        self._parts: list[_Part] = []
        self._octets = 0
        self._whole = True  # nothing has been dropped
        self._judged = False  # this turn has been looked at
        for half in (conn.client, conn.server):
            half.feed = self._reading(half)

    @property
    def fresh(self) -> bool:
        """Nothing has been said."""
        return not self._parts and self._whole

    def _reading(self, half: Half) -> Callable[[bytes, float], None]:
        return lambda data, now: self._read(half, data, now)

    def _read(self, half: Half, data: bytes, now: float) -> None:
        self._keep(half, data, now)
        self._octets += len(data)
        if b"\n" in data:
            if self._alone_proves() or (not self._judged and self._turn_proves()):
                return
            self._judged = True
        if self._octets > MAX_KEPT or len(self._parts) > MAX_PARTS:
            self._drop_oldest()

    def gap(self, from_client: bool, octets: int, now: float) -> None:
        """Octets are missing here."""
        self._keep(self._conn.client if from_client else self._conn.server, octets, now)

    def close(self) -> None:
        """Nothing more will come: the words so far have to do."""
        if self._parts and not self._turn_proves():
            self._greeting_proves()

    # ---- what is kept

    def _keep(self, half: Half, what: bytes | int, now: float) -> None:
        if self._parts and self._parts[-1][0] is not half:
            self._judged = False
        self._parts.append((half, what, now))

    def _drop_oldest(self) -> None:
        self._whole = False
        parts, count = self._parts, 0
        while count + 1 < len(parts) and (self._octets > MAX_KEPT or len(parts) - count > MAX_PARTS):
            what = parts[count][1]
            self._octets -= len(what) if isinstance(what, bytes) else 0
            count += 1
        del parts[:count]

    def _turn(self, end: int) -> tuple[int, bytes]:
        """The turn that the part before `end` belongs to: the index of its first part, and its octets."""
        begin = end
        while begin and self._parts[begin - 1][0] is self._parts[end - 1][0]:
            begin -= 1
        return begin, b"".join(_octets(part) for part in self._parts[begin:end])

    # ---- proofs

    def _turn_proves(self) -> bool:
        """Whether the last turn, together with the one before it, is SMTP; then the dialogue is handed over."""
        parts = self._parts
        half = parts[-1][0]
        begin, said = self._turn(len(parts))
        if signs.ENHANCED_REPLY.match(said) or (begin and signs.REPLY.match(said)):
            asked = self._turn(begin)[1] if begin else b""
            at = signs.commands_at(asked, signs.UNDERSTOOD.match(said) is not None)
            if at >= 0:
                return self._hand_over(half.peer, len(asked) - at + len(said))
            return signs.ENHANCED_REPLY.match(said) is not None and self._hand_over(half.peer, len(said))
        if not begin:
            return False
        if not signs.HELLO.match(said):
            return said[:4].upper() != b"USER" and self._greeting_proves(begin)
        greeting = self._turn(begin)[1]
        at = signs.greeting_at(greeting)
        if at < 0 or signs.SAYS_FTP.search(greeting, at):
            return False  # for now: its reply tells
        return self._hand_over(half, len(greeting) - at + len(said))

    def _greeting_proves(self, end: int | None = None) -> bool:
        """Whether the turn before `end` is a greeting that needs no hello after it: it says that it is of SMTP, and
        nothing but a tunnel's talk comes before it."""
        parts = self._parts
        end = len(parts) if end is None else end
        server = parts[end - 1][0]
        begin, said = self._turn(end)
        at = signs.greeting_at(said)
        if at < 0 or not signs.says_smtp(said[at:]):
            return False
        asked = self._turn(begin)[1] if begin else b""
        if at:
            granted = signs.TUNNEL_GIVEN.fullmatch(said, 0, at) and (
                signs.TUNNEL_ASKED.match(asked) or not server.peer.seen
            )
        else:
            granted = self._whole and not any(half is server for half, _, _ in parts[:begin])
        if not granted:
            return False
        return self._hand_over(server.peer, len(said) - at + sum(len(_octets(part)) for part in parts[end:]))

    def _alone_proves(self) -> bool:
        """The same for a capture of one direction, by all of its words from the first on."""
        half = self._parts[-1][0]
        if half.peer.seen or not self._whole:
            return False
        said = self._turn(len(self._parts))[1]
        asked = signs.TUNNEL_ASKED.match(said)
        if signs.run_of_commands(signs.behind_header(said[asked.end() :] if asked else said)):
            return self._hand_over(half, len(said) - (asked.end() if asked else 0))
        given = signs.TUNNEL_GIVEN.match(said)
        at = given.end() if given else 0
        replies = signs.REPLIES.match(said, at)
        assert replies is not None
        answers = replies.group()
        greeting = signs.GREETING.match(answers)
        if signs.SMTP_REPLY.search(answers) or (greeting and signs.says_smtp(greeting.group())):
            return self._hand_over(half.peer, len(said) - at)
        return False

    # ---- handing over

    def _hand_over(self, client: Half, length: int) -> bool:
        """The last `length` octets kept are SMTP, and before them what belongs to it. Returns True."""
        conn = self._conn
        earlier, parts = _split(self._parts, length)
        if self._whole and _is_of_smtp(earlier, client):
            earlier, parts = [], self._parts
        else:
            parts = [*_header_before(earlier, client), *parts]
        if client is conn.server:
            _swap(conn)
        for half in (conn.client, conn.server):
            half.feed = None
        start = parts[0][2]
        dialogue = self._announce(conn, start)
        answers = b"".join(_octets(part) for part in parts if part[0] is conn.server)
        if (earlier or not self._whole) and not answers.startswith(b"220") and not conn.midstream:
            dialogue.gap(True, 0, start)  # what came before of the dialogue was not recognised
        for half, what, at in parts:
            if half.feed is None:
                continue
            if isinstance(what, int):
                dialogue.gap(half.from_client, what, at)
            else:
                half.feed(what, at)
        return True


def _octets(part: _Part) -> bytes:
    return part[1] if isinstance(part[1], bytes) else _MISSING


def _split(parts: list[_Part], length: int) -> tuple[list[_Part], list[_Part]]:
    """`parts` in two, the second with the last `length` octets."""
    at = len(parts)
    while length > 0:
        at -= 1
        length -= len(_octets(parts[at]))
    half, what, now = parts[at]
    if length and isinstance(what, bytes):
        return [*parts[:at], (half, what[:-length], now)], [(half, what[-length:], now), *parts[at + 1 :]]
    return parts[:at], parts[at:]


def _is_of_smtp(earlier: list[_Part], client: Half) -> bool:
    """Whether what was said before the proof looks like the dialogue's beginning and not like a tunnel's."""
    asked = b"".join(what for half, what, _ in earlier if half is client and isinstance(what, bytes))
    answered = b"".join(what for half, what, _ in earlier if half is not client and isinstance(what, bytes))
    if signs.TUNNEL_ASKED.match(asked) or (answered and not signs.REPLY.match(answered)):
        return False
    return not asked or proxy.is_begun(asked) or signs.TEXT.fullmatch(asked) is not None


def _header_before(earlier: list[_Part], client: Half) -> list[_Part]:
    """The PROXY header that the client's last words before the proof end with."""
    said: list[_Part] = []
    for part in reversed(earlier):
        if part[0] is client:
            said.insert(0, part)
        elif said:
            break
    text = b"".join(map(_octets, said))
    at = max(text.rfind(proxy.V1), text.rfind(proxy.V2))
    header = proxy.read(text[at:]) if at >= 0 else None
    if header is None or not 0 < header.size == len(text) - at:
        return []
    return [(client, text[at:], said[-1][2])]


def _swap(conn: Connection) -> None:
    """The dialogue says that the side we took for the server is the client."""
    conn.client, conn.server = conn.server, conn.client
    conn.client.from_client, conn.server.from_client = True, False
    conn.client_address, conn.server_address = conn.server_address, conn.client_address
    conn.client_port, conn.server_port = conn.server_port, conn.client_port
    if conn.closed_first != "nobody":
        conn.closed_first = "server" if conn.closed_first == "client" else "client"
