"""Every event type: one vocabulary for wire, logs, host and firewall.

The same structs are the bus's payload, the msgpack between a sensor and the console, and the JSON lines of
`smtpwatch events`. README.md, "Events as JSON lines", tells the JSON form; SCHEMA_VERSION changes when a field changes
its meaning or goes, never when one is added.

Times are UTC epoch seconds of the packet or the log line, so that a replay is exact. Addresses are text as `ipaddress`
prints them. Text from outside is decoded as UTF-8 with undecodable octets written as \\xNN; it may hold
control characters: whoever shows it cleans it (smtpwatch.clean).
"""

from smtpwatch.events.base import Event, Health, SensorStatus, Tally
from smtpwatch.events.host import AGE_LIMITS, CertificateSeen, MailServer, ProcessSeen, QueueSample, RelayPolicy
from smtpwatch.events.logs import (
    ClientConnected,
    ClientDisconnected,
    ClientEvent,
    ClientLost,
    ClientOddity,
    ClientPeak,
    ClientPortSeen,
    Delivery,
    DeliveryStatus,
    LocalSubmission,
    LogEvent,
    LoginOutcome,
    LoginTried,
    MessageExpired,
    MessageHandled,
    MessageIdentified,
    MessageQueued,
    MessageReceived,
    MessageRemoved,
    NoticeSent,
    PlainLine,
    Reason,
    Refused,
    Screened,
    ServiceTrouble,
    Severity,
    TlsEstablished,
    TlsTroubled,
    Verdict,
    VerdictResult,
)
from smtpwatch.events.wire import (
    CUT,
    AuthAttempted,
    AuthOutcome,
    ClosedBy,
    Command,
    Direction,
    Greeting,
    MessageDecided,
    Oddity,
    Outcome,
    RecipientDecided,
    Reply,
    ReplyUnseen,
    SessionClosed,
    SessionEvent,
    SessionOpened,
    SessionProgress,
    SourceNamed,
    TlsFailed,
    TlsNegotiated,
    TlsOffered,
    TransactionOpened,
)

SCHEMA_VERSION = 1

AnyEvent = (
    SessionOpened
    | SourceNamed
    | Greeting
    | Command
    | Reply
    | ReplyUnseen
    | TransactionOpened
    | RecipientDecided
    | MessageDecided
    | AuthAttempted
    | TlsOffered
    | TlsNegotiated
    | TlsFailed
    | Oddity
    | SessionProgress
    | SessionClosed
    | Tally
    | SensorStatus
    | ClientConnected
    | ClientPortSeen
    | ClientDisconnected
    | ClientLost
    | TlsEstablished
    | TlsTroubled
    | LoginTried
    | Refused
    | MessageReceived
    | MessageIdentified
    | MessageQueued
    | MessageHandled
    | Delivery
    | NoticeSent
    | MessageExpired
    | MessageRemoved
    | Verdict
    | Screened
    | ClientPeak
    | ClientOddity
    | LocalSubmission
    | ServiceTrouble
    | QueueSample
    | CertificateSeen
    | RelayPolicy
    | ProcessSeen
)

__all__ = [
    "AGE_LIMITS",
    "CUT",
    "SCHEMA_VERSION",
    "AnyEvent",
    "AuthAttempted",
    "AuthOutcome",
    "CertificateSeen",
    "ClientConnected",
    "ClientDisconnected",
    "ClientEvent",
    "ClientLost",
    "ClientOddity",
    "ClientPeak",
    "ClientPortSeen",
    "ClosedBy",
    "Command",
    "Delivery",
    "DeliveryStatus",
    "Direction",
    "Event",
    "Greeting",
    "Health",
    "LocalSubmission",
    "LogEvent",
    "LoginOutcome",
    "LoginTried",
    "MailServer",
    "MessageDecided",
    "MessageExpired",
    "MessageHandled",
    "MessageIdentified",
    "MessageQueued",
    "MessageReceived",
    "MessageRemoved",
    "NoticeSent",
    "Oddity",
    "Outcome",
    "PlainLine",
    "ProcessSeen",
    "QueueSample",
    "Reason",
    "RecipientDecided",
    "Refused",
    "RelayPolicy",
    "Reply",
    "ReplyUnseen",
    "Screened",
    "SensorStatus",
    "ServiceTrouble",
    "SessionClosed",
    "SessionEvent",
    "SessionOpened",
    "SessionProgress",
    "Severity",
    "SourceNamed",
    "Tally",
    "TlsEstablished",
    "TlsFailed",
    "TlsNegotiated",
    "TlsOffered",
    "TlsTroubled",
    "TransactionOpened",
    "Verdict",
    "VerdictResult",
]
