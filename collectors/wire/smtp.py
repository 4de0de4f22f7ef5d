"""The SMTP dialogue on one connection: octets of both directions become events.

Replies drive it: a command is a wish, the reply says what became of it. So the dialogue survives gaps (resync.py),
one-sided captures and clients that do not follow the rules. Credentials of AUTH are dropped here, before an event
exists.

RFC 5321; pipelining RFC 2920, STARTTLS RFC 3207, AUTH RFC 4954, BDAT RFC 3030, LMTP RFC 2033.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from collectors.wire import commands, proxy, resync, unanswered
from collectors.wire.answers import ANSWERS
from collectors.wire.client import ClientReader
from collectors.wire.credentials import NOT_SHOWN, UNSEEN, Withheld, unknown_line, unseen
from collectors.wire.envelope import Envelope
from collectors.wire.replies import ReplyReader, invites_tls
from collectors.wire.tls import Handshake
from collectors.wire.turns import TURNS
from smtpwatch import events as ev

if TYPE_CHECKING:
    from collectors.wire.certificates import Shown
    from collectors.wire.streams import Connection

SENSOR = "wire"
IMPLICIT_TLS = 465  # RFC 8314, 3.3
BEGIN_IN_CLEAR = (25, 587)  # there TLS needs STARTTLS
MAX_PENDING = 4096  # commands without a reply; real pipelines have tens, and Postfix takes 1,000 recipients

_PROXY_UNKNOWN = frozenset((500, 501, 502, 503, 554))  # how a server answers to a PROXY header that it does not expect


class Dialogue:
    """Reads one connection. The tracker feeds `conn.client.feed` and `conn.server.feed`, which this class sets as the
    dialogue moves on (None: nothing more to read); events go to `append`."""

    __slots__ = (
        "adrift", "append", "auth_tried", "certificates", "client", "conn", "envelope", "given_up", "greeted",
        "handshake", "header", "host", "id", "lmtp", "lossy", "now", "oddities", "pending", "pipelining", "quit",
        "reader", "source", "withheld",
    )  # fmt: skip

    def __init__(
        self, conn: Connection, append: Callable[[ev.Event], None], host: str, certificates: Shown | None = None
    ) -> None:
        self.conn = conn
        self.certificates = certificates
        """Where the server's certificate goes; None: it is none of ours."""
        self.append = append
        self.host = host
        self.id = conn.id
        self.source = conn.client_address
        self.now = conn.first
        self.greeted = False
        self.lossy = conn.midstream
        """Octets of the dialogue are missing: replies may answer commands that were not seen."""
        self.pipelining: bool | None = None if conn.midstream else False
        """Whether the server offers PIPELINING; None: not known, since the reply to EHLO was not seen."""
        self.lmtp = False
        self.quit = False
        self.given_up = ""
        """Why this connection is not read any more."""
        self.auth_tried = conn.midstream
        self.envelope: Envelope | None = None
        self.pending: list[tuple[str, Any]] = []
        """Commands that wait for their reply: (verb, what its answer needs to know). A list, since a deque takes 700
        octets when it is empty, and there are few."""
        self.adrift: resync.Adrift | None = None
        self.withheld: Withheld | None = None
        self.oddities: tuple[str, ...] = ()
        self.handshake: Handshake | None = None
        self.header: proxy.Header | None = None
        """A PROXY header that the server has not confirmed yet."""
        self.reader = ReplyReader(self.reply, self._junk, self._tls_shows)
        self.client = ClientReader(self)
        if conn.midstream:
            resync.commands_lost(self, math.inf)
        conn.server.feed = self.reader.read

    def emit(self, kind: Callable[..., ev.Event], *fields: Any) -> None:
        """Append an event of this session, now."""
        self.append(kind(self.now, SENSOR, self.host, self.id, self.source, *fields))

    def odd(self, kind: str, detail: str) -> None:
        """Tell an oddity, once for each kind."""
        if kind not in self.oddities:
            self.oddities += (kind,)
            self.emit(ev.Oddity, kind, detail)

    # ---- commands

    def command(self, line: bytes, now: float, whole: bool) -> None:
        """One command line without its end; not `whole`: the capture cut it."""
        self.now = now
        verb = commands.VERBS.get(line[:5].upper())
        if verb is None or (len(verb) > 4 and not commands.verb_of(line)):
            verb, argument = commands.oddly_spaced(line)
            if verb is None:
                self._unknown(line)
                return
        else:
            argument = line[len(verb) + 1 :]
        if self.pending:
            self._overtaken()
        data: Any = None
        if verb == "AUTH":
            data = shown = commands.mechanism(argument)
            self.auth_tried = True
            self._withhold(argument)
        else:
            shown = argument.decode("utf-8", "backslashreplace")
            if verb == "MAIL" or verb == "RCPT":
                data = commands.path(argument, whole)
        self.append(ev.Command(now, SENSOR, self.host, self.id, self.source, verb, shown if whole else shown + ev.CUT))
        turn = TURNS.get(verb)
        if turn is None:
            self.pending.append((verb, data))
        else:
            turn(self, data, argument)

    def _overtaken(self) -> None:
        """A command came while earlier ones have no reply yet."""
        adrift = resync.is_adrift(self)
        if len(self.pending) >= MAX_PENDING:
            if self.conn.server.seen and not adrift:
                self.give_up(f"over {MAX_PENDING:,} commands without a reply")
            unanswered.resolve_all(self)
            if adrift:
                resync.commands_lost(self, math.inf)
        elif not self.conn.server.seen:
            return
        elif adrift:
            resync.command(self)
        elif self.pipelining is False and self.greeted and not self.lossy:
            self.odd("pipelining", "sent commands without waiting, unasked (no PIPELINING in the EHLO reply)")

    def _unknown(self, line: bytes) -> None:
        self._withhold(line)
        self.emit(ev.Command, "?", unknown_line(line, self.auth_tried or self.lossy))
        if resync.no_command(self):
            self.client.presume_content()
            return
        if self.pending:
            self._overtaken()
        self.pending.append(("?", None))

    def quits(self) -> None:
        """QUIT, if nobody has closed the connection before."""
        self.quit = self.quit or self.conn.closed_first == "nobody"

    def give_up(self, why: str) -> None:
        """What follows is not read any more, lest it grows without bound."""
        self.given_up = why
        self.lossy = True
        self.go_dark()

    def _withhold(self, line: bytes) -> None:
        if self.withheld is None:
            self.withheld = Withheld()
        self.withheld.add(line)

    def credentials(self, line: bytes) -> None:
        """The client answered a challenge with `line`, or cancelled with "*"."""
        cancelled = line.strip() == b"*"
        if cancelled:
            self.emit(ev.Command, "*", "")
        else:
            self._withhold(line)
            self.emit(ev.Command, "(credentials)", NOT_SHOWN)
        if self.pending and self.pending[-1][0] == "AUTH":
            self.pending[-1] = ("*" if cancelled else "AUTH", self.pending[-1][1])

    def end_of_data(self, size: int) -> None:
        """The message of `size` octets has ended; the server owes its answer, for LMTP one for each recipient."""
        envelope = self.envelope_or_implied()
        self.emit(ev.Command, ".", f"{size} octets")
        envelope.octets, envelope.content = envelope.octets + size, None
        self.pending.extend([(".", None)] * (max(envelope.accepted, 1) if self.lmtp else 1))

    def end_early(self, size: int) -> None:
        """The message has ended before the reply to its DATA."""
        self.emit(ev.Command, ".", f"{size} octets")
        self.pending.append((".", size))

    # ---- replies

    def _junk(self, line: bytes, now: float) -> None:
        self.now = now
        if not self.lossy:
            self.odd("not a reply", f"the server sent a line of {len(line)} octets that is no reply")

    def reply(self, code: int, enhanced: str | None, text: str, now: float) -> None:
        """One whole reply."""
        self.now = now
        if not self.greeted and self._greeting(code, text):
            return
        if self.withheld is not None:
            text = self.withheld.hide(text)
        if self.header is not None and self._header_refused(self.header, code):
            verb, data = "PROXY", None
        elif self.pending and not self.lossy:
            verb, data = self.pending.pop(0)
        else:
            verb, data = self._whose(code, enhanced, text)
            if verb in UNSEEN and self.lossy:
                text = unseen(code, text)
        self.append(ev.Reply(now, SENSOR, self.host, self.id, self.source, verb, code, enhanced, text))
        answer = ANSWERS.get(verb)
        if answer is not None:
            answer(self, data, code, enhanced, text)

    def _greeting(self, code: int, text: str) -> bool:
        """Whether the server's first reply is its greeting; in mid-stream it may be the answer to something unseen."""
        self.greeted = True
        if not self.conn.client.seen or self.conn.headless or 220 != code < 400:  # no server greets with a 250
            self.lossy = True
        if self.lossy and (code != 220 or any(verb in ("STARTTLS", "XCLIENT") for verb, _ in self.pending)):
            return False
        if (self.conn.midstream or self.conn.headless) and invites_tls(text):
            return False
        self.emit(ev.Greeting, code, text)
        return True

    def _whose(self, code: int, enhanced: str | None, text: str) -> tuple[str, Any]:
        """The (verb, data) that a reply answers, where that is not simply the oldest pending."""
        envelope = self.envelope
        self.client.no_content()
        if envelope is not None and envelope.content is not None and not self.pending:
            return self._content_answered(envelope, code)
        return resync.answered(self, code, enhanced, text) if self.lossy else ("", None)

    def _content_answered(self, envelope: Envelope, code: int) -> tuple[str, Any]:
        """The server spoke while the message seemed to go on: it has seen an end that we have not, or takes no more."""
        content = envelope.content
        assert content is not None
        if content.doubtful or content.holes or not self.conn.client.seen:
            smuggled = b"" if content.holes else content.smuggled
            self.end_of_data(content.size - len(smuggled))
            answered = self.pending.pop(0)
            self.client.mode = self.client.lines
            self.client.read(smuggled, self.now)
            return answered
        if code >= 400:
            envelope.stopped = code
        return "", None

    def _header_refused(self, header: proxy.Header, code: int) -> bool:
        """A PROXY header counts once the server goes on as if it had understood: a stranger's forged one is refused as
        a command that the server does not know, and names nobody."""
        self.header = None
        quits = bool(self.pending) and self.pending[0][0] == "QUIT"
        if code in _PROXY_UNKNOWN or (code == 221 and not quits):
            self.odd("PROXY refused", "sent a PROXY header that the server did not take")
            return True
        if header.named is not None:
            self.name_source(header.named)
        return False

    def name_source(self, named: proxy.Named) -> None:
        """The real client is another than the TCP peer."""
        via, self.source = self.source, named.address
        self.emit(ev.SourceNamed, named.port, via, named.by)

    # ---- TLS

    def start_tls(self, implicit: bool) -> None:
        """From here on both directions are TLS. `implicit`: without a STARTTLS that was seen; where octets are missing,
        the port tells whether there was one."""
        if self.lossy and self.conn.server_port != IMPLICIT_TLS:
            implicit = implicit and not self.greeted and self.conn.server_port not in BEGIN_IN_CLEAR
        self.handshake = Handshake(implicit, self.emit, self._certificate if self.certificates is not None else None)
        self.reader.go_on = self._tls_server
        self.client.mode = self._tls_client
        self.conn.server.feed = self._tls_server

    def _certificate(self, der: bytes) -> None:
        """Our server has shown its certificate in clear."""
        assert self.certificates is not None
        conn = self.conn
        seen = self.certificates.new(der, self.now, SENSOR, self.host, conn.server_address, conn.server_port)
        if seen is not None:
            self.append(seen)

    def _tls_shows(self, data: bytes, now: float) -> bool:
        """A TLS record in place of a reply: proof that TLS has begun, where what led to it is not in the capture."""
        if self.conn.client.seen and not self.lossy:
            return False
        self.now = now
        self.start_tls(implicit=True)
        self.client.release()
        self._tls_server(data, now)
        return True

    def go_dark(self) -> None:
        """Encrypted from before our time: nothing to read."""
        self.client.mode = self.client.ignore
        self.conn.client.feed = None
        self.conn.server.feed = None

    def _tls_client(self, data: bytes, now: float) -> bytes:
        self.now = now
        assert self.handshake is not None
        if not self.handshake.client(data):
            self.conn.client.feed = None
        return b""

    def _tls_server(self, data: bytes, now: float) -> None:
        self.now = now
        assert self.handshake is not None
        if self.header is not None:
            self._header_refused(self.header, 220)
        if not self.handshake.server(data):
            self.conn.server.feed = None

    # ---- transactions

    def open_envelope(self, sender: str | None) -> Envelope:
        """MAIL was accepted."""
        if self.envelope is not None:
            self.end_envelope("unknown")
        self.envelope = envelope = Envelope(sender)
        self.append(ev.TransactionOpened(self.now, SENSOR, self.host, self.id, self.source, sender))
        return envelope

    def envelope_or_implied(self) -> Envelope:
        """The open transaction, or a new one whose MAIL was not seen."""
        return self.envelope if self.envelope is not None else self.open_envelope(None)

    def end_envelope(self, outcome: ev.Outcome, queue: str | None = None) -> None:
        """The transaction, if one is open, is over."""
        envelope, self.envelope = self.envelope, None
        if envelope is not None:
            if envelope.content is not None:
                self.client.mode = self.client.lines
            self.emit(ev.MessageDecided, *envelope.decision(outcome, queue))

    # ---- what is not there

    def gap(self, from_client: bool, octets: int, now: float) -> None:
        """`octets` of one direction are not in the capture (lost, or cut by its snap length)."""
        self.now = now
        if self.handshake is not None:
            self.handshake.gap(from_client)
            return
        self.lossy = True
        if from_client:
            self.client.gap(octets)
        else:
            self.greeted = True
            resync.replies_lost(self, self.reader.gap(now))

    def close(self, now: float, by: Literal["client", "server", "nobody"], visible: bool) -> None:
        """The connection is over. `visible`: its end and both directions were captured whole, so what is missing did
        not happen."""
        self.now = now
        if self.handshake is not None:
            self.handshake.closed(by)
        else:
            unanswered.close(self, visible and not self.lossy)

    def dissolve(self) -> None:
        """Let go of the parts that refer back."""
        self.handshake = None
        del self.client.mode, self.client, self.reader
