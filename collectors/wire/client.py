"""The client's octets, as what they are at each point of the dialogue: command lines, credentials, message, chunk, TLS.

Which of them it is hangs on replies: after DATA, AUTH and STARTTLS the octets are held until the reply is there (or, in a
capture of this side only, told by their looks).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from collectors.wire import commands, proxy
from collectors.wire.content import Content
from collectors.wire.tls import looks_like_client_hello

if TYPE_CHECKING:
    from collectors.wire.smtp import Dialogue

MAX_LINE = 4096  # octets kept of a command line; RFC 5321 allows 512 (AUTH has more by RFC 4954, but that is dropped anyway)
MAX_HELD = 65536  # octets held while a reply decides what they are; no client sends more before it has to wait


class ClientReader:
    """Reads one connection's client side for its Dialogue; `conn.client.feed` is always one of this class's methods."""

    __slots__ = ("_blind", "_chunk", "_conn", "_dialogue", "_held", "_rest", "_turned", "held_octets", "waiting")

    def __init__(self, dialogue: Dialogue) -> None:
        self._dialogue = dialogue
        self._conn = dialogue.conn
        self._rest = b""
        self._turned = False  # the octets that follow are something else, within one segment
        self._held: list[bytes | int] = []
        self._chunk = 0
        self._blind = False  # AUTH without sight of the replies
        self.held_octets = 0
        self.waiting = ""
        """The verb whose reply decides what comes next: DATA, AUTH, STARTTLS, or "" for none."""
        self._conn.client.feed = self.first

    def read_as(self, feed: Callable[[bytes, float], None] | None) -> None:
        """From here on the client's octets go to `feed` (None: they are not read)."""
        self._conn.client.feed = feed
        self._turned = True

    def _go_on(self, data: bytes, now: float) -> None:
        """Read what is left of a segment in the way that was turned to."""
        self._turned = False
        feed = self._conn.client.feed
        if data and feed is not None:
            feed(data, now)

    def first(self, data: bytes, now: float) -> None:
        """The client's first octets: a TLS record, a PROXY header, or a command."""
        dialogue, conn = self._dialogue, self._conn
        dialogue.now = now
        data = self._rest + data
        self._rest = b""
        if looks_like_client_hello(data):
            dialogue.start_tls(implicit=True)
        elif conn.midstream and data[:1] in b"\x14\x15\x16\x17" and data[1:2] == b"\x03":
            dialogue.go_dark()
        elif proxy.is_begun(data):
            header = proxy.read(data)
            if header is None:
                self._rest = data
                return
            dialogue.header = header
            data = data[header.size :]
            if not data:
                return  # the dialogue, or TLS, begins with the next octets
            self.read_as(self.first)
        else:
            if not dialogue.greeted and conn.server.seen and not conn.midstream:
                dialogue.odd("early talker", "spoke before the greeting")
            self.read_as(self.lines)
        self._go_on(data, now)

    def lines(self, data: bytes, now: float) -> None:
        """Command lines."""
        if self._rest:
            data = self._rest + data
            self._rest = b""
        command = self._dialogue.command
        at = 0
        while (end := data.find(b"\n", at)) >= 0:
            if data[end - 1 : end] == b"\r":
                command(data[at : end - 1], now, True)
            else:
                self._dialogue.odd("bare LF", "a command line ended without CR")
                command(data[at:end], now, True)
            at = end + 1
            if self._turned:
                self._go_on(data[at:], now)
                return
        self._rest = data[at:]
        if len(self._rest) > MAX_LINE:
            self._dialogue.odd("long line", f"a command line of over {MAX_LINE} octets")
            self._rest = self._rest[:MAX_LINE]

    # ---- held until a reply

    def wait_for(self, verb: str) -> None:
        """Hold the client's octets until the reply to `verb` says what they are."""
        self.waiting = verb
        self.read_as(self._hold)

    def _hold(self, data: bytes, now: float) -> None:
        if self._conn.server.seen and self.held_octets + len(data) <= MAX_HELD:
            self._held.append(data)
            self.held_octets += len(data)
        else:
            self._presume(data, now)

    def _presume(self, data: bytes, now: float) -> None:
        """The reply will not be seen (one-sided capture): go by what the client does."""
        dialogue = self._dialogue
        dialogue.now = now
        self._held.append(data)
        if self.waiting == "DATA":
            dialogue.unanswered()
            self.begin_content()
        elif self.waiting == "AUTH":
            self._blind = True
            self.read_as(self.credentials)
        elif looks_like_client_hello(b"".join(part for part in self._held if isinstance(part, bytes))):
            dialogue.start_tls(implicit=False)
        else:
            self.read_as(self.lines)
        self.release()

    def release(self) -> None:
        """Read what was held."""
        held, self._held, self.held_octets = self._held, [], 0
        self.waiting = ""
        now = self._dialogue.now
        for part in held:
            if isinstance(part, int):
                self.gap(part)
            else:
                self._go_on(part, now)
        self._turned = False

    # ---- what is no command

    def credentials(self, data: bytes, now: float) -> None:
        """The answer to a challenge: one line, dropped unread but for "*" (RFC 4954, 4)."""
        dialogue = self._dialogue
        dialogue.now = now
        line, newline, rest = (self._rest + data).partition(b"\n")
        self._rest = b"" if newline else line[: 4 * MAX_LINE]
        if not newline:
            return
        if self._blind and commands.verb_of(line.rstrip(b"\r")) is not None:
            self._blind = False
            dialogue.unanswered()
            self.read_as(self.lines)
            self._go_on(line + newline + rest, now)
            return
        dialogue.credentials(line)
        if not self._blind:
            self.wait_for("AUTH")
        self._go_on(rest, now)

    @property
    def is_challenged(self) -> bool:
        """A challenge of the server's is not answered yet."""
        return self._conn.client.feed == self.credentials

    def begin_content(self) -> None:
        """DATA was answered with 354: what follows is the message."""
        self._dialogue.envelope_or_implied().content = Content()
        self.read_as(self._content)

    def _content(self, data: bytes, now: float) -> None:
        dialogue = self._dialogue
        envelope = dialogue.envelope
        assert envelope is not None and envelope.content is not None
        content = envelope.content
        end = content.feed(data)
        if content.doubtful:
            dialogue.now = now
            dialogue.odd("smuggling", f"{content.doubtful} in the message: some servers take it for the end of data")
        if end < 0:
            return
        dialogue.now = now
        dialogue.end_of_data(content.size)
        self.read_as(self.lines)
        self._go_on(data[end:], now)

    def begin_chunk(self, octets: int) -> None:
        """BDAT: that many octets follow, whatever the reply (RFC 3030, 2)."""
        self._chunk = octets
        if octets:
            self.read_as(self._in_chunk)

    def _in_chunk(self, data: bytes, now: float) -> None:
        taken = min(self._chunk, len(data))
        self._chunk -= taken
        if not self._chunk:
            self.read_as(self.lines)
            self._go_on(data[taken:], now)

    # ---- what is not there

    def gap(self, octets: int) -> None:
        """`octets` of the client's are not in the capture."""
        dialogue = self._dialogue
        content = dialogue.envelope.content if dialogue.envelope is not None else None
        if self.waiting:
            self._held.append(octets)
        elif content is not None:
            content.gap(octets)
        elif self._chunk:
            self._chunk = max(self._chunk - octets, 0)
            if not self._chunk:
                self.read_as(self.lines)
        else:
            if self._conn.client.feed == self.first:
                self.read_as(self.lines)
            line, self._rest = self._rest, b""
            if line:
                dialogue.command(line, dialogue.now, False)
        self._turned = False
