"""The SMTP dialogue on one connection: octets of both directions become events.

Replies drive it: a command is a wish, the reply says what became of it. So the dialogue survives gaps, one-sided captures and
clients that do not follow the rules. Credentials of AUTH are dropped here, before an event exists.
RFC 5321; pipelining RFC 2920, STARTTLS RFC 3207, AUTH RFC 4954, BDAT RFC 3030, LMTP RFC 2033.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from collectors.wire import commands, infer, proxy
from collectors.wire.answers import ANSWERS
from collectors.wire.content import Content
from collectors.wire.envelope import Envelope
from collectors.wire.replies import ReplyReader, enhanced_code
from collectors.wire.tls import Handshake, looks_like_client_hello
from smtpwatch import events as ev

if TYPE_CHECKING:
    from collectors.wire.streams import Connection

SENSOR = "wire"
MAX_LINE = 4096  # octets kept of a command line; RFC 5321 allows 512, RFC 4954 12,288 for AUTH, which is dropped anyway
MAX_HELD = 65536  # octets held while a reply decides what they are; no client sends more before it has to wait
MAX_PENDING = 1024  # commands without a reply; real pipelines have tens
MAX_SECRETS = 8  # withheld lines remembered, in case the server echoes one

MAY_REPEAT = frozenset((500, 501, 502, 503, 504, 535, 334))
NOT_SHOWN = "(not shown: may be a credential)"


class Dialogue:
    """Reads one connection. The tracker feeds `conn.client.feed` and `conn.server.feed`, which this class sets as the
    dialogue moves on (None: nothing more to read); events go to `append`."""

    __slots__ = (
        "append", "auth_tried", "blind", "chunk", "conn", "envelope", "greeted", "handshake", "held", "held_octets", "host", "id",
        "lmtp", "lossy", "now", "oddities", "pending", "pipelining", "quit", "reader", "rest", "secrets", "source", "turned", "via",
        "waiting",
    )  # fmt: skip

    def __init__(self, conn: Connection, append: Callable[[ev.Event], None], host: str) -> None:
        self.conn = conn
        self.append = append
        self.host = host
        self.id = conn.id
        self.source = conn.client_address
        self.now = conn.first
        self.greeted = False
        self.lossy = conn.midstream
        """Octets of the dialogue are missing: replies may answer commands that were not seen."""
        self.pipelining = False
        self.lmtp = False
        self.quit = False
        self.auth_tried = conn.midstream
        self.blind = False
        self.envelope: Envelope | None = None
        self.pending: deque[tuple[str, Any]] = deque()
        self.waiting = ""
        """The verb whose reply decides what the client's next octets are: DATA, AUTH, STARTTLS, or "" for none."""
        self.held: list[bytes | int] = []
        self.held_octets = 0
        self.chunk = 0
        self.rest = b""
        self.turned = False
        self.secrets: list[str] = []
        self.oddities: set[str] = set()
        self.handshake: Handshake | None = None
        self.via: proxy.Named | None = None
        self.reader = ReplyReader(self.reply, self._junk)
        conn.client.feed = self._first
        conn.server.feed = self._replies

    def emit(self, kind: Callable[..., ev.Event], *fields: Any) -> None:
        """Append an event of this session, now."""
        self.append(kind(self.now, SENSOR, self.host, self.id, self.source, *fields))

    def odd(self, kind: str, detail: str) -> None:
        """Tell an oddity, once for each kind."""
        if kind not in self.oddities:
            self.oddities.add(kind)
            self.emit(ev.Oddity, kind, detail)

    # ---- the client's octets

    def read_as(self, feed: Callable[[bytes, float], None] | None) -> None:
        """From here on the client's octets go to `feed`."""
        self.conn.client.feed = feed
        self.turned = True

    def _first(self, data: bytes, now: float) -> None:
        """The client's first octets: a TLS record, a PROXY header, or a command."""
        self.now = now
        data = self.rest + data
        self.rest = b""
        if looks_like_client_hello(data):
            self.start_tls(implicit=True)
        elif self.conn.midstream and data[:1] in b"\x14\x15\x16\x17" and data[1:2] == b"\x03":
            self.go_dark()
            return
        elif proxy.is_begun(data):
            header = proxy.read(data)
            if header is None:
                self.rest = data
                return
            self.via = header.named
            data = data[header.size :]
            if not data:
                return
            self.read_as(self.client_lines)
        else:
            if not self.greeted and self.conn.server.seen and not self.conn.midstream:
                self.odd("early talker", "spoke before the greeting")
            self.read_as(self.client_lines)
        feed = self.conn.client.feed
        if feed is not None:
            self.turned = False
            feed(data, now)

    def client_lines(self, data: bytes, now: float) -> None:
        """Command lines."""
        if self.rest:
            data = self.rest + data
            self.rest = b""
        at = 0
        while (end := data.find(b"\n", at)) >= 0:
            if data[end - 1 : end] == b"\r":
                self._command(data[at : end - 1], now, True)
            else:
                self.odd("bare LF", "a command line ended without CR")
                self._command(data[at:end], now, True)
            at = end + 1
            if self.turned:
                self.turned = False
                feed = self.conn.client.feed
                if feed is not None and at < len(data):
                    feed(data[at:], now)
                return
        self.rest = data[at:]
        if len(self.rest) > MAX_LINE:
            self.odd("long line", f"a command line of over {MAX_LINE} octets")
            self.rest = self.rest[:MAX_LINE]

    def _command(self, line: bytes, now: float, whole: bool) -> None:
        self.now = now
        verb = commands.verb_of(line)
        if verb is None:
            self._unknown(line)
            return
        argument = line[len(verb) + 1 :]
        if self.pending:
            self._overtaken()
        elif self.lossy and not self.conn.server.seen and len(self.pending) >= MAX_PENDING:
            self.unanswered()
        data: Any = None
        shown: str
        if verb == "MAIL" or verb == "RCPT":
            data = commands.path(argument, whole)
            shown = argument.decode("utf-8", "backslashreplace")
        elif verb == "AUTH":
            data = shown = commands.mechanism(argument)
            self.auth_tried = True
            self._withhold(argument)
        else:
            shown = argument.decode("utf-8", "backslashreplace")
        self.append(ev.Command(now, SENSOR, self.host, self.id, self.source, verb, shown if whole else shown + "…"))
        turn = _TURNS.get(verb)
        if turn is None:
            self.pending.append((verb, data))
        else:
            turn(self, data, argument)

    def _overtaken(self) -> None:
        """A command came while earlier ones have no reply yet."""
        if self.pipelining or not self.conn.server.seen:
            if len(self.pending) >= MAX_PENDING:
                self.unanswered()
        elif self.conn.server.gapped:
            self.unanswered()  # this client waits for each reply, so those replies were in the gap
        elif self.greeted and not self.lossy:
            self.odd("pipelining", "sent commands without waiting, unasked (no PIPELINING in the EHLO reply)")

    def _unknown(self, line: bytes) -> None:
        """A line that is no SMTP command. Its text might be a credential, so only a first word is told, if even that."""
        word = line.split(b" ", 1)[0]
        if self.auth_tried or self.lossy or not (word.isalpha() and word.isascii() and len(word) <= 12 and b" " in line):
            self._withhold(line)
            self.emit(ev.Command, "?", NOT_SHOWN if self.auth_tried or self.lossy else f"({len(line)} octets, no command)")
        else:
            self._withhold(line[len(word) :])
            self.emit(ev.Command, "?", f"{commands.text(word)} ... ({len(line)} octets)")
        if len(self.pending) < MAX_PENDING:
            self.pending.append(("?", None))

    def _withhold(self, secret: bytes) -> None:
        """Remember what must not show, should a reply repeat it."""
        words = [commands.text(word) for word in secret.split() if len(word) >= 4 and word.upper().decode("latin-1") not in commands.MECHANISMS]
        self.secrets = (self.secrets + words)[-MAX_SECRETS:]

    def wait_for(self, verb: str) -> None:
        """Hold the client's octets until the reply to `verb` says what they are."""
        self.waiting = verb
        self.read_as(self._hold)

    def _hold(self, data: bytes, now: float) -> None:
        if self.conn.server.seen and self.held_octets + len(data) <= MAX_HELD:
            self.held.append(data)
            self.held_octets += len(data)
        else:
            self._presume(data, now)

    def _presume(self, data: bytes, now: float) -> None:
        """The reply will not be seen (one-sided capture): go by what the client does."""
        verb, self.waiting = self.waiting, ""
        self.now = now
        self.held.append(data)
        if verb == "DATA":
            self.unanswered()
            self.begin_content()
        elif verb == "AUTH":
            self.blind = True
            self.read_as(self.auth_lines)
        elif looks_like_client_hello(b"".join(part for part in self.held if isinstance(part, bytes))):
            self.start_tls(implicit=False)
        else:
            self.read_as(self.client_lines)
        self.release()

    def release(self) -> None:
        """Read what was held."""
        held, self.held, self.held_octets = self.held, [], 0
        self.waiting = ""
        self.turned = False
        for part in held:
            if isinstance(part, int):
                self.gap(True, part, self.now)
            elif self.conn.client.feed is not None:
                self.conn.client.feed(part, self.now)

    def auth_lines(self, data: bytes, now: float) -> None:
        """A client's answer to a challenge: one line, dropped unread but for "*" (RFC 4954, 4)."""
        self.now = now
        data = self.rest + data
        line, newline, rest = data.partition(b"\n")
        if not newline:
            self.rest = data[: 4 * MAX_LINE]
            return
        self.rest = b""
        if self.blind and commands.verb_of(line.rstrip(b"\r")) is not None:
            self.blind = False
            self.unanswered()
            self.read_as(self.client_lines)
            self.turned = False
            self.client_lines(data, now)
            return
        cancelled = line.strip() == b"*"
        self._withhold(b"" if cancelled else line)
        self.emit(ev.Command, "*" if cancelled else "(credentials)", "" if cancelled else NOT_SHOWN)
        if self.blind:
            if rest:
                self.auth_lines(rest, now)
            return
        mechanism = self.pending.pop()[1] if self.pending and self.pending[-1][0] == "AUTH" else "unknown"
        self.pending.append(("*" if cancelled else "AUTH", mechanism))
        self.wait_for("AUTH")
        self.turned = False
        if rest:
            self._hold(rest, now)

    def begin_content(self) -> None:
        """DATA was answered with 354: what follows is the message."""
        if self.envelope is None:
            self.open_envelope(None)
        assert self.envelope is not None
        self.envelope.content = Content()
        self.read_as(self._content)

    def _content(self, data: bytes, now: float) -> None:
        envelope = self.envelope
        assert envelope is not None and envelope.content is not None
        content = envelope.content
        end = content.feed(data)
        if content.doubtful and "smuggling" not in self.oddities:
            self.now = now
            self.odd("smuggling", f"{content.doubtful} in the message: some servers take it for the end of data")
        if end < 0:
            return
        self.now = now
        self._content_ended(envelope, content.size)
        if end < len(data):
            self.turned = False
            self.client_lines(data[end:], now)

    def _content_ended(self, envelope: Envelope, size: int) -> None:
        self.emit(ev.Command, ".", f"{size} octets")
        envelope.octets, envelope.content = envelope.octets + size, None
        self.pending.extend([(".", None)] * (max(envelope.accepted, 1) if self.lmtp else 1))
        self.read_as(self.client_lines)

    def _chunk(self, data: bytes, now: float) -> None:
        """The octets that a BDAT announced."""
        taken = min(self.chunk, len(data))
        self.chunk -= taken
        if not self.chunk:
            self.read_as(self.client_lines)
            self.turned = False
            if taken < len(data):
                self.client_lines(data[taken:], now)

    def begin_chunk(self, octets: int) -> None:
        """BDAT: that many octets follow, whatever the reply (RFC 3030, 2)."""
        if self.envelope is not None:
            self.envelope.octets += octets
        self.chunk = octets
        if octets:
            self.read_as(self._chunk)

    # ---- the server's octets

    def _replies(self, data: bytes, now: float) -> None:
        left = self.reader.read(data, now)
        if left and self.conn.server.feed is not None:
            self.conn.server.feed(left, now)

    def _junk(self, line: bytes, now: float) -> None:
        self.now = now
        if not self.lossy:
            self.odd("not a reply", f"the server sent a line of {len(line)} octets that is no reply")

    def reply(self, code: int, text: str, now: float) -> None:
        """One whole reply."""
        self.now = now
        for secret in self.secrets:
            text = text.replace(secret, "***")
        if not self.greeted and self._greeting(code, text):
            return
        enhanced = enhanced_code(text) if text[1:2] == "." else None
        if self.pending and not self.lossy:
            verb, data = self.pending.popleft()
        else:
            verb, data = self._answered(code, enhanced, text)
        if self.via is not None:
            self._confirm_proxy(code)
        if self.lossy and code in MAY_REPEAT and verb in ("", "?", "AUTH", "*"):
            text = NOT_SHOWN  # the line that it answers is not known, and some servers repeat it
        self.append(ev.Reply(now, SENSOR, self.host, self.id, self.source, verb, code, enhanced, text))
        answer = ANSWERS.get(verb)
        if answer is not None:
            answer(self, data, code, enhanced, text)

    def _greeting(self, code: int, text: str) -> bool:
        """Whether the server's first reply is its greeting; in mid-stream it may be the answer to something unseen."""
        self.greeted = True
        if not self.conn.client.seen:
            self.lossy = True
        if self.lossy and code != 220:
            return False
        self.emit(ev.Greeting, code, text)
        return True

    def _answered(self, code: int, enhanced: str | None, text: str) -> tuple[str, Any]:
        """The (verb, data) that a reply answers."""
        pending = self.pending
        envelope = self.envelope
        if not pending and envelope is not None and envelope.content is not None:
            return self._content_answered(envelope, code)
        if not self.lossy:
            return pending.popleft() if pending else ("", None)
        if pending and not infer.contradicts(pending[0][0], code, enhanced, text):
            return pending.popleft()
        told = infer.answered(code, enhanced, text, envelope is not None)
        if told and any(verb == told for verb, _ in pending):
            while pending[0][0] != told:
                self.resolve(*pending.popleft())
            return pending.popleft()
        return told, None

    def _content_answered(self, envelope: Envelope, code: int) -> tuple[str, Any]:
        """The server spoke while the message seemed to go on."""
        content = envelope.content
        assert content is not None
        if content.doubtful or content.holes:
            smuggled = b"" if content.holes else content.smuggled
            self._content_ended(envelope, content.size - len(smuggled))
            verb = self.pending.popleft()
            self.turned = False
            if smuggled:
                self.client_lines(smuggled, self.now)
            return verb
        if code >= 400:
            envelope.stopped = code
        return "", None

    def _confirm_proxy(self, code: int) -> None:
        """A PROXY header counts once the server goes on as if it had understood: a stranger's forged one is refused as a
        command that the server does not know, and names nobody."""
        named, self.via = self.via, None
        if named is None:
            return
        if code in (500, 501, 502, 503, 221, 554):
            self.odd("PROXY refused", "sent a PROXY header that the server did not take")
        else:
            self.name_source(named)

    def name_source(self, named: proxy.Named) -> None:
        """The real client is another than the TCP peer."""
        via, self.source = self.source, named.address
        self.emit(ev.SourceNamed, named.port, via, named.by)

    # ---- TLS

    def start_tls(self, implicit: bool) -> None:
        """From here on both directions are TLS."""
        self.handshake = Handshake(implicit, self.emit)
        self.reader.stopped = True
        self.greeted = True
        self.read_as(self._tls_client)
        self.conn.server.feed = self._tls_server

    def go_dark(self) -> None:
        """Encrypted from before our time: nothing to read."""
        self.read_as(None)
        self.conn.server.feed = None

    def _tls_client(self, data: bytes, now: float) -> None:
        self.now = now
        assert self.handshake is not None
        if not self.handshake.client(data):
            self.conn.client.feed = None

    def _tls_server(self, data: bytes, now: float) -> None:
        self.now = now
        assert self.handshake is not None
        if self.via is not None:
            self._confirm_proxy(250)
        if not self.handshake.server(data):
            self.conn.server.feed = None

    # ---- what is not there

    def gap(self, from_client: bool, octets: int, now: float) -> None:
        """`octets` of one direction are not in the capture (lost, or cut by its snap length)."""
        self.now = now
        if self.handshake is not None:
            self.handshake.gap(from_client)
            return
        self.lossy = True
        if not from_client:
            self.reader.gap()
            return
        content = self.envelope.content if self.envelope is not None else None
        if self.waiting:
            self.held.append(octets)
        elif content is not None:
            content.gap(octets)
        elif self.chunk:
            past = octets - self.chunk
            self.chunk = max(-past, 0)
            if past >= 0:
                self.read_as(self.client_lines)
                self.turned = False
        else:
            if self.conn.client.feed == self._first:
                self.read_as(self.client_lines)
                self.turned = False
            line, self.rest = self.rest, b""
            if line:
                self._command(line, now, False)
                self.turned = False

    def resolve(self, verb: str, data: Any) -> None:
        """A command whose reply is not to be seen."""
        if verb == "MAIL":
            self.open_envelope(data)
        elif verb == "RCPT":
            self.emit(ev.RecipientDecided, data, None, None, "")
        elif verb in ("AUTH", "*"):
            self.emit(ev.AuthAttempted, data, "aborted" if verb == "*" else "unknown", False)
        elif verb == "RSET":
            self.end_envelope("reset")
        elif verb == "." or (verb == "BDAT" and data is not None and data[1]):
            self.end_envelope("unknown")

    def unanswered(self) -> None:
        """None of the pending commands will get a reply that we see."""
        while self.pending:
            self.resolve(*self.pending.popleft())

    def open_envelope(self, sender: str | None) -> None:
        """MAIL was accepted."""
        if self.envelope is not None:
            self.end_envelope("unknown")
        self.envelope = Envelope(sender)
        self.emit(ev.TransactionOpened, sender)

    def end_envelope(self, outcome: ev.Outcome, queue: str | None = None) -> None:
        """The transaction, if one is open, is over."""
        envelope, self.envelope = self.envelope, None
        if envelope is not None:
            self.emit(ev.MessageDecided, *envelope.decision(outcome, queue))

    def close(self, now: float, by: str, visible: bool) -> None:
        """The connection is over. `visible`: its end and both directions were captured whole, so what is missing did not happen."""
        self.now = now
        if self.handshake is not None:
            self.handshake.closed("client" if by == "client" else "server" if by == "server" else "nobody")
            return
        sure = visible and not self.lossy
        if sure:
            for verb, data in self.pending:
                if verb == "AUTH" and self.conn.client.feed == self.auth_lines:
                    self.emit(ev.AuthAttempted, data, "aborted", False)
                elif verb == "MAIL":
                    self.open_envelope(data)
                elif verb in ("RCPT", "AUTH", "*"):
                    self.resolve(verb, data)
            self.pending.clear()
        else:
            self.unanswered()
        if self.envelope is not None:
            verdict = self.envelope.verdict()
            self.end_envelope(verdict or ("abandoned" if sure else "unknown"))


def _turn_data(dialogue: Dialogue, data: Any, argument: bytes) -> None:
    dialogue.pending.append(("DATA", None))
    dialogue.wait_for("DATA")


def _turn_auth(dialogue: Dialogue, mechanism: Any, argument: bytes) -> None:
    dialogue.pending.append(("AUTH", mechanism))
    dialogue.wait_for("AUTH")


def _turn_starttls(dialogue: Dialogue, data: Any, argument: bytes) -> None:
    dialogue.pending.append(("STARTTLS", None))
    dialogue.wait_for("STARTTLS")


def _turn_bdat(dialogue: Dialogue, data: Any, argument: bytes) -> None:
    chunk = commands.chunk(argument)
    dialogue.pending.append(("BDAT", chunk))
    if chunk is not None:
        dialogue.begin_chunk(chunk[0])


def _turn_xclient(dialogue: Dialogue, data: Any, argument: bytes) -> None:
    dialogue.pending.append(("XCLIENT", commands.xclient_address(argument)))


def _turn_quit(dialogue: Dialogue, data: Any, argument: bytes) -> None:
    dialogue.pending.append(("QUIT", None))
    dialogue.quit = True


# Commands that are more than a line with a reply: what follows may be no commands, or their argument matters.
_TURNS: dict[str, Callable[[Dialogue, Any, bytes], None]] = {
    "DATA": _turn_data,
    "AUTH": _turn_auth,
    "STARTTLS": _turn_starttls,
    "BDAT": _turn_bdat,
    "XCLIENT": _turn_xclient,
    "QUIT": _turn_quit,
}
