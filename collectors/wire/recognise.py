"""SMTP on any port: connections that turn out to speak it, from their first words or in mid-stream (behind a
tunnel's own talk)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from collectors.wire.streams import Connection, Half

if TYPE_CHECKING:
    from collectors.wire.smtp import Dialogue

MAX_KEPT = 16384  # octets kept from the first sign of SMTP until the proof

_BANNER = re.compile(rb"(?:^|\n)(220[ -][^\n]*\n)")
_BANNER_SAYS = re.compile(rb"\b(?:E?SMTP|LMTP)\b", re.IGNORECASE)
_HELLO = re.compile(rb"(?:EHLO|HELO|LHLO)[ \r]", re.IGNORECASE)
_MAIL = re.compile(rb"MAIL FROM:", re.IGNORECASE)
_ENVELOPE = re.compile(rb"(?:^|\n)(?:RCPT TO:|DATA\r?\n|MAIL FROM:)", re.IGNORECASE)
_REPLY = re.compile(rb"[245]\d\d[ -]")


class Recogniser:
    """Watches both directions of a connection until it is SMTP beyond doubt, then hands all it kept to a Dialogue.

    A sign is a 220 line, a HELO or EHLO, or a MAIL FROM; the proof is what the dialogue makes of it: a hello after
    the 220
    (FTP greets alike), a reply after the hello, or more of an envelope where replies are not in the capture."""

    __slots__ = ("_announce", "_client", "_conn", "_kept", "_kept_octets")

    def __init__(self, conn: Connection, announce: Callable[[Connection, float], Dialogue]) -> None:
        self._conn = conn
        self._announce = announce
        self._client: Half | None = None
        self._kept: list[tuple[Half, bytes, float]] = []
        self._kept_octets = 0
        for half in (conn.client, conn.server):
            half.feed = self._reading(half)

    def _reading(self, half: Half) -> Callable[[bytes, float], None]:
        return lambda data, now: self._read(half, data, now)

    def gap(self, from_client: bool, octets: int, now: float) -> None:
        """Octets are missing: a sign from before does not hold."""
        self._forget()

    def _forget(self) -> None:
        self._client = None
        self._kept.clear()
        self._kept_octets = 0

    def _read(self, half: Half, data: bytes, now: float) -> None:
        sign = self._sign(half, data)
        if sign >= 0:
            self._forget()
            banner = _BANNER.match(data, max(sign - 1, 0)) is not None
            self._client = half.peer if banner else half
            data = data[sign:]
        elif self._client is None:
            return
        self._kept.append((half, data, now))
        self._kept_octets += len(data)
        if self._proven():
            self._hand_over(now)
        elif self._kept_octets > MAX_KEPT:
            self._forget()

    def _sign(self, half: Half, data: bytes) -> int:
        """Where in `data` the SMTP dialogue would begin, -1 if nothing says so."""
        if self._client is not None and half is self._client:
            return -1
        banner = _BANNER.search(data)
        if banner is not None:
            return banner.start(1)
        if self._client is None and (_HELLO.match(data) or _MAIL.match(data)):
            return 0
        return -1

    def _proven(self) -> bool:
        said = b"".join(data for half, data, _ in self._kept if half is self._client)
        answered = b"".join(data for half, data, _ in self._kept if half is not self._client)
        if answered.startswith(b"220"):
            first = said.lstrip()
            if _HELLO.match(first):
                return True
            return _BANNER_SAYS.search(answered.partition(b"\n")[0]) is not None and (
                not said or first[:4].upper() != b"USER"
            )
        if _HELLO.match(said):
            return _REPLY.match(answered) is not None or _ENVELOPE.search(said) is not None
        return _MAIL.match(said) is not None and (
            _REPLY.match(answered) is not None or _ENVELOPE.search(said, 5) is not None
        )

    def _hand_over(self, now: float) -> None:
        conn, client = self._conn, self._client
        if client is conn.server:
            _swap(conn)
        for half in (conn.client, conn.server):
            half.feed = None
        if self._before(conn):
            conn.midstream = conn.midstream or not self._begins_with_banner()
        dialogue = self._announce(conn, now)
        for half, data, at in self._kept:
            if half.feed is not None:
                half.feed(data, at)
        dialogue.now = now

    def _begins_with_banner(self) -> bool:
        return self._kept[0][1].startswith(b"220")

    def _before(self, conn: Connection) -> bool:
        """Whether the connection carried other octets before the dialogue."""
        kept = sum(len(data) for _, data, _ in self._kept)
        return conn.client.octets + conn.server.octets > kept


def _swap(conn: Connection) -> None:
    """The dialogue says that the side we took for the server is the client."""
    conn.client, conn.server = conn.server, conn.client
    conn.client.from_client, conn.server.from_client = True, False
    conn.client_address, conn.server_address = conn.server_address, conn.client_address
    conn.client_port, conn.server_port = conn.server_port, conn.client_port
