"""What every firewall backend can do, and which one is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from smtpwatch.firewall.block import Scope
from smtpwatch.firewall.prefixes import Network


class BackendError(Exception):
    """The firewall did not do it, or cannot be read; the message is one line for the admin. `unsure`: it may have been
    done nevertheless (a tool that hung), so that only reading back tells."""

    def __init__(self, message: str, unsure: bool = False) -> None:
        super().__init__(message)
        self.unsure = unsure


class Kind(NamedTuple):
    """What can stand in one hash set: networks of one family and length, for the same ports."""

    scope: Scope
    version: int
    length: int


def kind(network: Network, scope: Scope) -> Kind:
    """What a network is of."""
    return Kind(scope, network.version, network.prefixlen)


class Wanted(NamedTuple):
    """A network that is to be blocked. `seconds` None: until removed; `tag` is kept beside it in the firewall, where
    that has room for it: the number of the act."""

    network: Network
    scope: Scope
    seconds: float | None
    tag: str
    there: bool = False
    """The firewall may hold it already: its time is to be set anew."""


class Change(NamedTuple):
    """What is to be done as one: all of it, or nothing. `ports` are those of scope "smtp"; `standing` all else that the
    firewall holds of ours already."""

    ports: tuple[int, ...]
    add: tuple[Wanted, ...] = ()
    remove: tuple[tuple[Network, Scope], ...] = ()
    standing: frozenset[Kind] = frozenset()


class Entry(NamedTuple):
    """What the firewall holds of one network. `expires` in seconds from now, None: it does not; `packets` and `octets`
    dropped since it was put there, None where the firewall does not count."""

    expires: float | None
    packets: int | None
    octets: int | None
    tag: str


class Held(NamedTuple):
    """All that the firewall holds of ours. `trouble` is "" where its rules are in force as they should be, else what is
    wrong with them."""

    entries: dict[tuple[Network, Scope], Entry]
    trouble: str
    ports: frozenset[int] | None = None
    """Those of scope "smtp", None where they are not ours to say."""


class Backend(Protocol):
    """One means to block. Every method may take as long as its tool does, and raises BackendError."""

    name: str
    keeps_time: bool
    """It blocks for as long, and on the ports, that it is told; else by settings of its own."""

    def apply(self, change: Change) -> None:
        """Do all of it, or nothing. What is there already has its time set anew; what is not there is not missed."""

    def read(self) -> Held:
        """What is true now. Nothing of ours at all is an empty Held, no error."""

    def commands(self, change: Change) -> list[str]:
        """The commands that `apply` would run, as one would type them, with what goes to their standard input."""


def kinds(change: Change) -> frozenset[Kind]:
    """All that will be there after a change."""
    return change.standing | {kind(each.network, each.scope) for each in change.add}


def lines_of(tool: Sequence[str], fed: str) -> str:
    """A command with what it is fed, as one would type it into a shell."""
    return f"{' '.join(tool)} <<'END'\n{fed}\nEND"
