"""What the host itself tells: how much mail waits in its server's queues, whom that relays for, which certificates it
shows, and which other processes send mail past it."""

from typing import Literal

import msgspec

from smtpwatch.events.base import Event

MailServer = Literal["postfix", "exim"]

AGE_LIMITS = (5, 10, 20, 40, 80, 160, 320, 640, 1280)
"""Minutes: where the age buckets of a queue end, as qshape(1) has them; one more bucket is for what is older."""


class QueueSample(Event, frozen=True, gc=False):
    """The queues of one mail server, as they were read. `instance` is the configuration directory of a Postfix that is
    not the default one, else "".

    `counts` are messages by queue: maildrop, incoming, active, deferred, hold for Postfix; queued, frozen and, if there
    are any, unreadable for Exim. It is empty if nothing could be read; `note` says why, and is "" when all went well.
    `oldest` is the age in seconds of the oldest message in each queue that has one; Exim tells minutes, hours or days.
    `waiting` are the recipients not yet delivered to, of the few domains with the most ("": no domain); where a queue
    has mail for many thousand domains they may be too low, never too high. `octets` is the size of all messages, as the
    server tells it. Not `complete`: there is more than was read.

    `ages` counts the recipients in `waiting` by how long their messages have waited, as qshape(1) has it: up to each of
    AGE_LIMITS, and beyond the last; "" is all recipients of the queue together, those without a domain among them."""

    mta: MailServer
    instance: str
    counts: dict[str, int]
    oldest: dict[str, float]
    waiting: dict[str, int]
    octets: int
    complete: bool
    note: str
    ages: dict[str, tuple[int, ...]] = msgspec.field(default_factory=dict)


class CertificateSeen(Event, frozen=True, gc=False):
    """A certificate that a server of ours showed: the one for itself, not those of its issuers (RFC 5280).

    `server` and `port` are where it was shown. `how`: "wire" in a client's handshake, up to TLS 1.2, where it travels
    in clear; "asked" in a handshake of our own, of which the host sensor makes one now and then. `names` are those of
    the subject alternative name, DNS and IP, the first 20 of them; without any, the subject's common name. `subject` is
    that common name ("" where it has none), `issuer` the issuer's, or else its organisation. `not_before` and
    `not_after` are epoch seconds. `key` is "RSA 2048", "EC P-256", "Ed25519", or an algorithm's OID. `self_signed`:
    with the very key that it certifies. `fingerprint` is the SHA-256 of the certificate (DER) in hex. Nothing of it was
    verified."""

    server: str
    port: int
    names: tuple[str, ...]
    subject: str
    issuer: str
    not_before: float
    not_after: float
    key: str
    self_signed: bool
    how: Literal["wire", "asked"]
    fingerprint: str


class RelayPolicy(Event, frozen=True, gc=False):
    """Whom a mail server relays for, by its own configuration as it was read at `time`. `mta` and `instance` are as in
    QueueSample; OpenSMTPD is "opensmtpd", which has no instances.

    `domains` are those that it takes mail for from anyone, in lower case: its own, virtual ones, and those that it is a
    relay for; one that begins with a dot stands for all below it. `networks` are those whose clients may send anywhere,
    as `ipaddress` prints them. Where not `complete`, there may be more of either, and `note` says what could not be
    read."""

    mta: str
    instance: str
    domains: tuple[str, ...]
    networks: tuple[str, ...]
    complete: bool
    note: str


class ProcessSeen(Event, frozen=True, gc=False):
    """A process of this machine that is not its mail server has a connection to a mail port elsewhere: who it is, as
    the kernel told at `time`.

    `source`, `client_port`, `server` and `server_port` are the connection's as SessionOpened has them. `user` is ""
    where the number `uid` has no name; `program` its executable, `directory` where it runs, `command` its arguments,
    each "" or empty where it cannot be known; `since` is when it was started, in epoch seconds; `parent` its parent's
    process id, 0 without one, and `parent_name` that one's name. `container` is the identifier of the container that
    it runs in, as far as its control group tells one, else ""; a process in a network namespace of its own has its
    process id and uid as this host counts them."""

    source: str
    client_port: int
    server: str
    server_port: int
    pid: int
    uid: int
    user: str
    name: str
    program: str
    directory: str
    command: tuple[str, ...]
    parent: int
    parent_name: str
    since: float
    container: str
