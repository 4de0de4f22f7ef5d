"""What the logs tell: facts that one line of a mail log states, as its program states them.

An empty string or tuple, None, or the port 0 stand for what the line does not say. Words are those of the program that
wrote the line; codes are RFC 5321's and RFC 3463's."""

from typing import Literal

import msgspec

from smtpwatch.events.base import Event

LoginOutcome = Literal["success", "failure", "deferred"]
DeliveryStatus = Literal["sent", "deferred", "bounced", "expired", "suppressed", "deliverable", "undeliverable"]
VerdictResult = Literal[
    "pass", "fail", "softfail", "neutral", "none", "temperror", "permerror", "clean", "spam", "infected", "listed",
    "greylisted", "rejected",
]  # fmt: skip
Severity = Literal["warning", "error", "fatal", "panic"]
Reason = Literal[
    "relay denied", "unknown user", "sender", "blocklist", "SPF", "DKIM", "DMARC", "rate", "greylist", "HELO", "client",
    "content", "TLS required", "auth required", "auth failed", "protocol", "size", "mailbox full", "resources",
    "policy", "other",
]  # fmt: skip
"""Why a client was refused, in classes that an admin acts on. "sender": of an address or domain that cannot be;
"client": its address or name, by our own tables; "policy": a rule of ours that says no more; "resources": we were not
able to."""


class LogEvent(Event, frozen=True, gc=False):
    """A fact of a log line. `program` is as logged, without its process id ("postfix/smtpd", "exim"); `pid` 0: not
    logged; `text` is the line after time, host and program, the same for each fact of one line.

    `host` is the one that the line names, else the host that the sensor runs on."""

    program: str
    pid: int
    text: str


class ClientEvent(LogEvent, frozen=True, gc=False):
    """A fact about a client: `source` is its address, as an admin would block it; "" where the line blames nobody.
    `name` is its host name as far as the server believes it."""

    source: str
    client_port: int
    name: str


class ClientConnected(ClientEvent, frozen=True, gc=False):
    """A client has connected. `server`, `server_port`: the address of ours it came to."""

    server: str = ""
    server_port: int = 0


class ClientPortSeen(ClientEvent, frozen=True, gc=False):
    """The port of a client whose log line names none: the process has that connection open at `time`, by this host's
    own clock. `text` is ""."""


class ClientDisconnected(ClientEvent, frozen=True, gc=False):
    """A session has ended. `reason` as logged ("quit", "lost connection"), "" where the line has none. `commands`
    counts each SMTP command: {"auth": (0, 3)} is none of three accepted (Postfix)."""

    reason: str = ""
    commands: dict[str, tuple[int, int]] = msgspec.field(default_factory=dict)


class ClientLost(ClientEvent, frozen=True, gc=False):
    """A session that did not end properly: `reason` is "lost connection", "timeout", "too many errors" or the like;
    `stage` the verb or phase after which ("RCPT", "CONNECT"). Its end is told separately."""

    reason: str
    stage: str = ""


class TlsEstablished(ClientEvent, frozen=True, gc=False):
    """A handshake has ended well. `version` ("TLSv1.3") and `cipher` as logged; `bits` of the cipher, 0 not said;
    `trust` of the peer's certificate: anonymous, untrusted, trusted, verified. Where we were the client, `source` is ""
    and `relay` names the server, as "mx.example.org[192.0.2.1]:25"."""

    version: str
    cipher: str
    bits: int = 0
    trust: str = ""
    group: str = ""
    relay: str = ""


class TlsTroubled(ClientEvent, frozen=True, gc=False):
    """A handshake has failed. `relay` as in TlsEstablished."""

    reason: str
    relay: str = ""


class LoginTried(ClientEvent, frozen=True, gc=False):
    """A login and how it ended; "deferred": the server could not tell. `service` is smtp, submission, imap, pop3 or the
    like; `account` "" where it is not logged."""

    service: str
    outcome: LoginOutcome
    account: str = ""
    mechanism: str = ""
    reason: str = ""
    queue_id: str = ""


class Refused(ClientEvent, frozen=True, gc=False):
    """A client was refused something. `stage` is the verb or phase ("CONNECT", "RCPT", "END-OF-MESSAGE"); `code` 0 and
    `enhanced` "" where the line has none; `reply` is what it was told, as far as logged; `blocklist` names the list.
    `warning`: the rule only warns, the client was not refused."""

    stage: str
    code: int
    enhanced: str
    reason: Reason
    reply: str
    blocklist: str = ""
    sender: str | None = None
    recipient: str | None = None
    helo: str | None = None
    queue_id: str = ""
    warning: bool = False


class MessageReceived(ClientEvent, frozen=True, gc=False):
    """A message has begun to exist under `queue_id`. `origin` tells how it came: smtp, local (`uid` or `user` of its
    submitter), bounce (made here), or forwarded. `account` is whom the client had logged in as; `orig_queue_id` the id
    it had before a content filter."""

    queue_id: str
    origin: Literal["smtp", "local", "bounce", "forwarded", "other"]
    sender: str | None = None
    recipients: tuple[str, ...] = ()
    size: int | None = None
    message_id: str | None = None
    account: str = ""
    mechanism: str = ""
    protocol: str = ""
    helo: str | None = None
    uid: int | None = None
    user: str = ""
    orig_queue_id: str = ""


class MessageIdentified(LogEvent, frozen=True, gc=False):
    """The Message-ID header field of a message, with its brackets taken off."""

    queue_id: str
    message_id: str


class MessageQueued(LogEvent, frozen=True, gc=False):
    """A message is in the queue, to be delivered: its envelope. `recipients` counts them."""

    queue_id: str
    sender: str
    size: int
    recipients: int


class MessageHandled(LogEvent, frozen=True, gc=False):
    """A rule of the server did something to a message: `action` is hold, discard, redirect, filter, prepend, replace,
    warn, release, ...; `detail` says what for."""

    queue_id: str
    action: str
    detail: str


class Delivery(LogEvent, frozen=True, gc=False):
    """One attempt to deliver a message to a recipient. `original` is the address before aliases; `relay` the next hop
    by name, `relay_address` and `relay_port` where it was reached; `delays` in seconds: before the queue manager, in
    it, connecting, sending; `enhanced` the RFC 3463 code; `reply` what the next hop, or our own program, said;
    `next_queue_id` the id that it gave the message."""

    queue_id: str
    recipient: str
    status: DeliveryStatus
    enhanced: str = ""
    reply: str = ""
    original: str = ""
    relay: str = ""
    relay_address: str = ""
    relay_port: int = 0
    delay: float | None = None
    delays: tuple[float, ...] = ()
    code: int = 0
    next_queue_id: str = ""
    sender: str | None = None
    transport: str = ""


class NoticeSent(LogEvent, frozen=True, gc=False):
    """The sender (or the postmaster) is told what became of a message: `kind` is bounce, delay, success or postmaster;
    `notice_id` the notice's own queue id."""

    queue_id: str
    kind: Literal["bounce", "delay", "success", "postmaster", "other"]
    notice_id: str = ""


class MessageExpired(LogEvent, frozen=True, gc=False):
    """A message was too long in the queue, and goes back to its sender."""

    queue_id: str
    sender: str | None = None


class MessageRemoved(LogEvent, frozen=True, gc=False):
    """A message has left the queue for good: all its recipients are done with, or an admin has deleted it
    (`reason`)."""

    queue_id: str
    reason: str = ""


class Verdict(LogEvent, frozen=True, gc=False):
    """What a filter thinks of a message or its client. `by` is SPF, DKIM, DMARC, ARC, spam, virus, DNSBL or greylist;
    `score` and `threshold` where it is a matter of points; `domain` whom it is about; `detail` as logged."""

    by: str
    result: VerdictResult
    queue_id: str = ""
    source: str = ""
    message_id: str = ""
    domain: str = ""
    recipient: str = ""
    score: float | None = None
    threshold: float | None = None
    detail: str = ""


class Screened(ClientEvent, frozen=True, gc=False):
    """What postscreen(8) found before any smtpd saw the client: `finding` in its own words, lower case ("pass new",
    "pregreet", "dnsbl", "hangup"); `detail` as logged."""

    finding: str
    detail: str = ""


class ClientPeak(ClientEvent, frozen=True, gc=False):
    """anvil(8): the highest `kind` ("connection rate", "connection count", "message rate") of a client within its
    report interval; `interval` in seconds, 0 for counts. `source` "" where it tells of no client."""

    kind: str
    value: int
    interval: int
    service: str


class ClientOddity(ClientEvent, frozen=True, gc=False):
    """A client did what a well-behaved one does not, without being refused for it: `kind` from README.md's set."""

    kind: str
    detail: str


class LocalSubmission(LogEvent, frozen=True, gc=False):
    """A local program called the mailer: in which directory, with which arguments (Exim's cwd= lines)."""

    directory: str
    arguments: tuple[str, ...]


class ServiceTrouble(LogEvent, frozen=True, gc=False):
    """A service is not well, whoever the client: a daemon that died, a table that cannot be read, no disk space."""

    severity: Severity
    detail: str
    queue_id: str = ""


class PlainLine(LogEvent, frozen=True, gc=False):
    """A line of a mail program that states no fact: not `understood`, or of no interest. The screen's log shows it; it
    is sent to nothing else, and not all of them while there are many: `left_out` counts those before this one that were
    not."""

    understood: bool
    left_out: int
