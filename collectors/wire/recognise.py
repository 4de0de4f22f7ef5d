"""SMTP on any port: connections that turn out to speak it, from their first words, after a tunnel's own talk, or in
mid-stream.

What is said before the dialogue (HTTP CONNECT, SOCKS) is no part of it, but of the connection: it is counted in the
connection's octets, and the connection is as whole as its capture is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from collectors.wire import commands, proxy
from collectors.wire.streams import Connection, Half

if TYPE_CHECKING:
    from collectors.wire.smtp import Dialogue

MAX_KEPT = 16384  # octets kept until the proof; a banner, a hello and their replies have some hundreds
MAX_PARTS = 1024  # pieces of them; each segment is one, however small

_MISSING = b"\0"  # stands for octets that were not captured; no word of SMTP has it

_HELLO = re.compile(rb"\s*(?:EHLO|HELO|LHLO)[ \t\r\n]", re.IGNORECASE)
_ENVELOPE = re.compile(rb"(?:MAIL FROM|RCPT TO):", re.IGNORECASE)
_SMTP_COMMAND = re.compile(
    rb"(?:EHLO|HELO|LHLO)[ \t\r\n]|(?:DATA|STARTTLS)\r?\n|XCLIENT [A-Z]+="
    rb"|AUTH (?:PLAIN|LOGIN|CRAM-MD5|SCRAM-|XOAUTH2|OAUTHBEARER|NTLM)",  # FTP has AUTH with other mechanisms
    re.IGNORECASE,
)
_REPLY = re.compile(rb"[2-5]\d\d[ -]")
_UNDERSTOOD = re.compile(rb"(?:2[2-5]\d|334|354|4\d\d|5(?!00|02|30|80)\d\d)[ -]")
"""The same from a server that knows the command; FTP and NNTP servers refuse it with the codes left out."""
_ENHANCED = rb"(?!220)([245])\d\d[ -]\1\.\d{1,3}\.\d{1,3}[ \r]"  # RFC 2034; only SMTP and LMTP have it
_ENHANCED_REPLY = re.compile(_ENHANCED)
_REPLIES = re.compile(rb"(?:[2-5]\d\d[ -][^\n]*\n)*")
_SMTP_REPLY = re.compile(
    rb"^(?:354 |250[ -](?:PIPELINING|8BITMIME|SIZE|STARTTLS|DSN)\b|" + _ENHANCED + rb")", re.IGNORECASE | re.MULTILINE
)
_GREETING = re.compile(rb"(?:220[ -][^\n]*\n)+")
_SAYS_SMTP = re.compile(rb"(?<![\w.@-])(?:E?SMTP|LMTP)(?![\w-]|\.\w)", re.IGNORECASE)  # smtp.example.com does not
_SAYS_FTP = re.compile(rb"FTP(?![\w-]*\.\w)", re.IGNORECASE)
_TEXT = re.compile(rb"[\t\r\n\x20-\x7e]*\n")

_HEAD = rb"(?:(?!Content-|Transfer-)[^\r\n][^\n]*\n)*\r?\n"  # no content follows (RFC 9110, 9.3.6)
_ADDRESS = rb"(?:\x01.{6}|\x04.{18})"  # with the port; IPv4 or IPv6
_TUNNEL_ASKED = re.compile(
    rb"CONNECT [^\n]*\n" + _HEAD + rb"|\x04\x01.{6}[^\0]*\0"
    rb"|\x05(?:\x01.|\x02..|\x03...)(?:\x05\x01\0" + _ADDRESS + rb")?"
    rb"|\x05\x01\0" + _ADDRESS,
    re.IGNORECASE | re.DOTALL,
)
_TUNNEL_GIVEN = re.compile(
    rb"HTTP/1\.\d 2\d\d[^\n]*\n" + _HEAD + rb"|\0\x5a.{6}|(?:\x05\0)?\x05\0\0" + _ADDRESS,
    re.IGNORECASE | re.DOTALL,
)
"""How a tunnel is asked for and given by HTTP, SOCKS 4 and SOCKS 5 (RFC 1928)."""

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
        if _ENHANCED_REPLY.match(said) or (begin and _REPLY.match(said)):
            asked = self._turn(begin)[1] if begin else b""
            at = _commands_at(asked, _UNDERSTOOD.match(said) is not None)
            if at >= 0:
                return self._hand_over(half.peer, len(asked) - at + len(said))
            return _ENHANCED_REPLY.match(said) is not None and self._hand_over(half.peer, len(said))
        if not begin:
            return False
        if not _HELLO.match(said):
            return said[:4].upper() != b"USER" and self._greeting_proves(begin)
        greeting = self._turn(begin)[1]
        at = _greeting_at(greeting)
        if at < 0 or _SAYS_FTP.search(greeting, at):
            return False  # for now: its reply tells
        return self._hand_over(half, len(greeting) - at + len(said))

    def _greeting_proves(self, end: int | None = None) -> bool:
        """Whether the turn before `end` is a greeting that needs no hello after it: it says that it is of SMTP, and
        nothing but a tunnel's talk comes before it."""
        parts = self._parts
        end = len(parts) if end is None else end
        server = parts[end - 1][0]
        begin, said = self._turn(end)
        at = _greeting_at(said)
        if at < 0 or not _says_smtp(said[at:]):
            return False
        asked = self._turn(begin)[1] if begin else b""
        if at:
            granted = _TUNNEL_GIVEN.fullmatch(said, 0, at) and (_TUNNEL_ASKED.match(asked) or not server.peer.seen)
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
        asked = _TUNNEL_ASKED.match(said)
        if _run_of_commands(_behind_header(said[asked.end() :] if asked else said)):
            return self._hand_over(half, len(said) - (asked.end() if asked else 0))
        given = _TUNNEL_GIVEN.match(said)
        at = given.end() if given else 0
        replies = _REPLIES.match(said, at)
        assert replies is not None
        answers = replies.group()
        greeting = _GREETING.match(answers)
        if _SMTP_REPLY.search(answers) or (greeting and _says_smtp(greeting.group())):
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
    if _TUNNEL_ASKED.match(asked) or (answered and not _REPLY.match(answered)):
        return False
    return not asked or proxy.is_begun(asked) or _TEXT.fullmatch(asked) is not None


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


def _behind_header(said: bytes) -> bytes:
    header = proxy.read(said) if said and proxy.is_begun(said) else None
    return said[header.size :] if header is not None else said


def _greeting_at(said: bytes) -> int:
    """Where the 220 reply begins that `said` ends with, -1 if it ends otherwise. It need not begin a line: the answer
    of a SOCKS proxy has no line end."""
    end = len(said)
    if not said.endswith(b"\n"):
        return -1
    while end:
        begin = said.rfind(b"\n", 0, end - 1) + 1
        if said[begin : begin + 4] not in (b"220 ", b"220-"):
            glued = _GREETING.search(said, begin, end)
            return glued.start() if glued is not None else end if end < len(said) else -1
        end = begin
    return 0


def _says_smtp(greeting: bytes) -> bool:
    return _SAYS_SMTP.search(greeting) is not None and not _SAYS_FTP.search(greeting)


def _commands_at(said: bytes, understood: bool) -> int:
    """Where the command lines begin that `said` ends with, -1 if none is of SMTP only; `understood`: their reply is one
    of a server that knows them."""
    end, found = len(said), False
    if not said.endswith(b"\n"):
        return -1
    limit = max(said.rfind(proxy.V2), 0)
    limit = len(said) - len(_behind_header(said[limit:]))
    while end > limit:
        begin = max(said.rfind(b"\n", 0, end - 1) + 1, limit)
        line = said[begin:end]
        if commands.verb_of(line.rstrip(b"\r\n")) is None:
            break
        found = found or _ENVELOPE.match(line) is not None or (understood and _SMTP_COMMAND.match(line) is not None)
        end = begin
    return end if found else -1


def _run_of_commands(said: bytes) -> bool:
    """Whether `said` begins with two commands, one of them of SMTP only."""
    lines = said.split(b"\n", 2)[:-1]
    return (
        len(lines) == 2
        and all(commands.verb_of(line.rstrip(b"\r")) is not None for line in lines)
        and any(_ENVELOPE.match(line) or _SMTP_COMMAND.match(line + b"\n") for line in lines)
    )


def _swap(conn: Connection) -> None:
    """The dialogue says that the side we took for the server is the client."""
    conn.client, conn.server = conn.server, conn.client
    conn.client.from_client, conn.server.from_client = True, False
    conn.client_address, conn.server_address = conn.server_address, conn.client_address
    conn.client_port, conn.server_port = conn.server_port, conn.client_port
    if conn.closed_first != "nobody":
        conn.closed_first = "server" if conn.closed_first == "client" else "client"
    if conn.syn is not None:
        conn.syn = (not conn.syn[0], conn.syn[1])
