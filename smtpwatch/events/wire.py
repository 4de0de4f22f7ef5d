"""What the wire tells: one SMTP session's packets, read."""

from typing import Literal

from smtpwatch.events.base import Event

Direction = Literal["inbound", "submission", "outbound"]
Outcome = Literal["accepted", "rejected", "deferred", "reset", "abandoned", "unknown"]
AuthOutcome = Literal["success", "failure", "aborted", "unknown"]
ClosedBy = Literal["quit", "fin", "rst", "timeout", "open"]

CUT = "…"
"""At the end of a command's argument or a reply's text: the capture cut it there."""


class SessionEvent(Event, frozen=True, gc=False):
    """An event of one SMTP session: `session` is unique while its sensor runs; `source` is the client as an
    admin would block it (the TCP peer, or the address that a PROXY header or XCLIENT names)."""

    session: int
    source: str


class SessionOpened(SessionEvent, frozen=True, gc=False):
    """A TCP connection to a watched port (its first packet), or, on other ports, one that speaks SMTP.
    `time` is when the session was recognised, `start` the time of its first packet."""

    start: float
    client_port: int
    server: str
    server_port: int
    direction: Direction


class SourceNamed(SessionEvent, frozen=True, gc=False):
    """A PROXY protocol header (`by` "PROXY v1", "PROXY v2") or XCLIENT named the real client: `source` and
    `client_port` (0: not said) are what it named, `via` the address that said so."""

    client_port: int
    via: str
    by: str


class Greeting(SessionEvent, frozen=True, gc=False):
    """The server's opening reply (RFC 5321, 3.1). `text` has the lines without their codes, joined by \\n."""

    code: int
    text: str


class Command(SessionEvent, frozen=True, gc=False):
    """A command line. `verb` is upper case; `argument` as sent. AUTH carries its mechanism and nothing more;
    lines that could be part of an AUTH exchange carry a note in place of their text."""

    verb: str
    argument: str


class Reply(SessionEvent, frozen=True, gc=False):
    """A whole reply. `to` is the verb it answers, "." for the end of data, "" where that is not known.
    `enhanced` is the RFC 3463 code ("5.7.1"); `text` the lines without reply codes, joined by \\n."""

    to: str
    code: int
    enhanced: str | None
    text: str


class ReplyUnseen(SessionEvent, frozen=True, gc=False):
    """The reply to a HELO, EHLO or LHLO (`to`) is not in the capture, so the next such reply answers a later one."""

    to: str


class TransactionOpened(SessionEvent, frozen=True, gc=False):
    """MAIL was accepted, or cannot be seen to have been refused. `sender` is the address alone, "" the null sender,
    None where MAIL itself was not seen."""

    sender: str | None


class RecipientDecided(SessionEvent, frozen=True, gc=False):
    """A reply to RCPT. code None: the reply was not seen; recipient None: the command was not, or was cut short."""

    recipient: str | None
    code: int | None
    enhanced: str | None
    text: str


class MessageDecided(SessionEvent, frozen=True, gc=False):
    """The end of a transaction, or a MAIL that was refused with none open (`opened` False).

    `code`, `enhanced` and `text` answer the end of data (None: never reached, or not answered); `queue_id` is the
    id in that reply; `accepted` and `refused` count recipients; `octets` is the size of the message as sent,
    0 where no data was seen."""

    sender: str | None
    opened: bool
    outcome: Outcome
    code: int | None
    enhanced: str | None
    text: str | None
    queue_id: str | None
    accepted: int
    refused: int
    octets: int


class AuthAttempted(SessionEvent, frozen=True, gc=False):
    """One AUTH command and how it ended. `encrypted` tells whether TLS covered it. The wire never reads the
    account, since credentials are dropped unread."""

    mechanism: str
    outcome: AuthOutcome
    encrypted: bool


class TlsOffered(SessionEvent, frozen=True, gc=False):
    """A ClientHello. Names are IANA's (unknown numbers as 0xNNNN); `versions` as "TLSv1.3", best first; `implicit`:
    TLS from the first octet on, without STARTTLS."""

    implicit: bool
    versions: tuple[str, ...]
    ciphers: tuple[str, ...]
    groups: tuple[str, ...]
    sni: str | None
    alpn: tuple[str, ...]
    ja3: str
    ja4: str


class TlsNegotiated(SessionEvent, frozen=True, gc=False):
    """A ServerHello (after HelloRetryRequest: the second one). `group` is None where the key exchange has none
    or does not show it; `alpn` is the protocol that the server chose in clear (TLS 1.2 and before). `resumed` is
    None where it hangs on a ClientHello that was not seen; `implicit` as in TlsOffered."""

    version: str
    cipher: str
    group: str | None
    alpn: str | None
    ja3s: str
    resumed: bool | None
    implicit: bool


class TlsFailed(SessionEvent, frozen=True, gc=False):
    """A handshake that ended in clear: `by` client, server or nobody (closed without a word); `alert` is the
    RFC 8446 name; `reason` says what can be known: no common version, cipher, group, or certificate refused."""

    by: Literal["client", "server", "nobody"]
    alert: str | None
    reason: str


class Oddity(SessionEvent, frozen=True, gc=False):
    """Something a well-behaved peer does not do. `kind` is from a fixed set (README.md), `detail` explains."""

    kind: str
    detail: str


class SessionProgress(SessionEvent, frozen=True, gc=False):
    """How far an open session has come, told about once a second while octets flow, and as they stop."""

    octets_client: int
    octets_server: int


class SessionClosed(SessionEvent, frozen=True, gc=False):
    """The end of a session. `end` is the time of its last packet; octets are distinct TCP payload octets each
    way; `partial` says what is missing and why; `smtp` is False for a connection that carried nothing."""

    end: float
    closed_by: ClosedBy
    octets_client: int
    octets_server: int
    partial: str | None
    smtp: bool
