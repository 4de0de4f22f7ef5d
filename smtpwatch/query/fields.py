"""The fields that a filter can ask for: one table, read by parsing, completion and help."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol, get_args

from smtpwatch.events import Reason

Kind = Literal["text", "words", "address", "number"]
"""How a value is compared: as a whole, as a part of what a server said, as an address or network, as a number."""

Unit = Literal["", "seconds", "octets"]

_DIRECTIONS = {"in": "inbound", "sub": "submission", "out": "outbound"}


class Place(Protocol):
    """Where an address is: `country` as ISO 3166 has it ("RO"), "" unknown; `org` holds the network `asn`."""

    @property
    def country(self) -> str:
        """ISO 3166, two letters."""

    @property
    def asn(self) -> int | None:
        """The number of the autonomous system."""

    @property
    def org(self) -> str:
        """Who holds it."""


class Field(NamedTuple):
    """`meaning` explains it in a few words; `values` are those it can have, where they are few; `spelt` turns another
    spelling of a value into the one that rows have. `grows`: a number that is never the same for long, so that a
    cell's term asks for that many or more."""

    name: str
    kind: Kind
    meaning: str
    values: tuple[str, ...] = ()
    unit: Unit = ""
    grows: bool = False
    spelt: Callable[[str], str] = str


def _direction(typed: str) -> str:
    return _DIRECTIONS.get(typed.casefold(), typed)


_VERSION = re.compile(r"\Atls ?v?(?=[\d.*?])", re.IGNORECASE)
_SYSTEM = re.compile(r"\Aas ?(?=[\d*?])", re.IGNORECASE)


def _version(typed: str) -> str:
    """`TLSv1.3` and `tls1.3` are 1.3."""
    return _VERSION.sub("", typed, 1)


def _system(typed: str) -> str:
    """`AS64500` is 64500."""
    return _SYSTEM.sub("", typed, 1)


TABLE: tuple[Field, ...] = (
    Field("src", "address", "the client's address, or a network: 203.0.113.0/24"),
    Field("net", "address", "a network that the client is in"),
    Field("dst", "address", "the server's address"),
    Field("port", "number", "the server's port"),
    Field("dir", "text", "inbound, submission or outbound", tuple(_DIRECTIONS), spelt=_direction),
    Field("state", "text", "where a session, a message or an alert stands"),
    Field("helo", "text", "the name that the client gave"),
    Field("from", "text", "the sender; <> is the null sender"),
    Field("to", "text", "any of the recipients"),
    Field("account", "text", "whom the client logged in as, or the local user"),
    Field("tls", "text", "the version, or none, offered, refused, failed",
          ("1.3", "1.2", "1.1", "1.0", "none", "offered", "refused", "failed"), spelt=_version),
    Field("cipher", "text", "the cipher suite"),
    Field("group", "text", "the key exchange's group"),
    Field("ja4", "text", "the fingerprint of the client's TLS"),
    Field("verdict", "text", "what became of it", ("accepted", "rejected", "deferred", "abandoned")),
    Field("reason", "words", "why it was refused; a word is enough", get_args(Reason)),
    Field("code", "number", "the code of a reply; 5* are all refusals"),
    Field("reply", "words", "words in what a server said"),
    Field("cc", "text", "the client's country"),
    Field("asn", "number", "the number of the client's network", spelt=_system),
    Field("org", "words", "who holds the client's network"),
    Field("name", "text", "the client's host name"),
    Field("qid", "text", "the queue id"),
    Field("msgid", "text", "the Message-ID"),
    Field("status", "text", "what became of a delivery",
          ("sent", "deferred", "bounced", "expired", "suppressed", "deliverable", "undeliverable")),
    Field("relay", "text", "the next hop's name"),
    Field("domain", "text", "where mail goes: the recipients' domains"),
    Field("prog", "text", "the program that wrote the log line"),
    Field("pid", "number", "its process"),
    Field("host", "text", "the host that logged it"),
    Field("blocked", "text", "whether the client is blocked: yes, no", ("yes", "no")),
    Field("rule", "text", "the rule that raised an alert"),
    Field("severity", "text", "how bad an alert is", ("notice", "warning", "critical")),
    Field("mark", "text", "x trouble, ! odd or waiting, ~ seen in part, . a notice", ("x", "!", "~", ".")),
    Field("age", "number", "how old, in seconds: >60, >5m, <1h", unit="seconds", grows=True),
    Field("size", "number", "the message's octets: >1M", unit="octets"),
    Field("bytes", "number", "the connection's octets: >1M", unit="octets", grows=True),
    Field("rate", "number", "how many per second: >10", grows=True),
    Field("sessions", "number", "how many sessions", grows=True),
    Field("accepted", "number", "how much was accepted", grows=True),
    Field("refused", "number", "how much was refused: >0", grows=True),
    Field("auth", "number", "how many logins failed", grows=True),
)  # fmt: skip

FIELDS: dict[str, Field] = {field.name: field for field in TABLE}

OTHERWISE = {
    "ip": "src", "client": "src", "source": "src", "server": "dst", "sender": "from", "rcpt": "to", "recipient": "to",
    "user": "account", "login": "account", "country": "cc", "as": "asn", "ehlo": "helo", "rdns": "name", "ptr": "name",
    "queue": "qid", "id": "qid", "program": "prog", "why": "reason", "enhanced": "reply", "mx": "relay",
}  # fmt: skip
"""What the fields are called elsewhere, for the error that names the right one."""
