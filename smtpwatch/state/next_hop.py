"""Where a delivery goes: to another host, into a mailbox here, or through a filter and back."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, NamedTuple

from smtpwatch.events import Delivery

LOOPBACK = ("127.", "::1")
NOWHERE = ("", "none")
"""What stands for a relay where there was none."""

Way = Literal["out", "local", "filter", ""]
"""To another host; into a mailbox, a file or a program; to a program on this host that sends it on. "": the line does
not tell."""

_LOCAL_AGENTS = ("local", "virtual", "pipe", "lmtp", "discard", "maildrop")  # Postfix's
_LOCAL_TRANSPORTS = (
    "prog", "*file*", "*include*", "procmail", "mda", "discard", "lmtp", "dovecot", "cyrus", "local", "maildir",
    "mailbox", "mail_spool", "pipe", "address_file", "address_reply", "bsmtp",
)  # fmt: skip
"""Parts of the names that Sendmail's mailers and Exim's transports go by."""
_REMOTE_TRANSPORTS = ("smtp", "relay", "mta")
_NAMED = re.compile(
    r"(?:delivery temporarily suspended: )?(?:connect to|lost connection with|conversation with|host) "
    r"([^\s\[\]]{1,255})\[([0-9A-Fa-f:.]{2,45})\](?::(\d{1,5}))?"
)
_RELAY = re.compile(r"([^\s\[\]]{1,255})\[([0-9A-Fa-f:.]{2,45})\](?::(\d{1,5}))?")


class Hop(NamedTuple):
    """A next hop: its name in lower case; address "" and port 0 where they are not known."""

    name: str
    address: str
    port: int

    @property
    def key(self) -> str:
        """As Postfix writes it: `mx.example.org[192.0.2.1]:25`, as far as it is known."""
        where = f"{self.name}[{self.address}]" if self.address else self.name
        return f"{where}:{self.port}" if self.port else where


def hop_of(delivery: Delivery) -> Hop | None:
    """The host that was spoken to, or could not be: then only Postfix's words name it. None: nobody was tried."""
    if delivery.relay not in NOWHERE or delivery.relay_address:
        return Hop(delivery.relay.lower(), delivery.relay_address, delivery.relay_port)
    named = _NAMED.match(delivery.reply)
    return Hop(named[1].lower(), named[2], int(named[3] or 0)) if named is not None else None


@lru_cache(4_096)  # a host delivers to few others, over and over
def hop_named(relay: str) -> Hop:
    """The next hop as TlsEstablished and TlsTroubled name it; Sendmail has a name alone, with a dot at its end."""
    match = _RELAY.fullmatch(relay)
    if match is None:
        return Hop(relay.rstrip(".").lower(), "", 0)
    return Hop(match[1].lower(), match[2], int(match[3] or 0))


def way_of(delivery: Delivery, hop: Hop | None) -> Way:
    """Which way it went, or would have gone.

    Postfix's agent tells: local(8), virtual(8), pipe(8), lmtp(8) and discard(8) put mail into mailboxes, and error(8)
    bounces users that its tables do not have. Of other servers the mailer or transport tells by its name. What went to
    a loopback address by SMTP went to a filter."""
    way = _side(delivery.program, delivery.transport)
    if way != "local" and hop is not None and hop.address.startswith(LOOPBACK):
        return "filter"
    if way == "":
        if delivery.relay_address:
            return "out"
        return "local" if delivery.status == "sent" else ""
    if way == "out" and hop is None and delivery.reply.startswith("User unknown in "):
        return "local"
    return way


@lru_cache(1_024)  # there are some tens
def _side(program: str, transport: str) -> Way:
    if transport:
        name = transport.lower()
        if any(part in name for part in _LOCAL_TRANSPORTS):
            return "local"
        return "out" if any(part in name for part in _REMOTE_TRANSPORTS) else ""
    service, slash, agent = program.rpartition("/")
    if not slash or not service:  # no service of Postfix
        return ""
    return "local" if agent in _LOCAL_AGENTS else "out"
