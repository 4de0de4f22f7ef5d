"""Whom one mail server relays for, as it is found: domains, networks, and what could not be read."""

import socket
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

import psutil

from collectors.host.reading import SENSOR
from collectors.host.trusted_found import Found, Notes, UnreadableError, quoted
from smtpwatch.events import RelayPolicy

DOMAINS = 20_000  # of one server; some 400 kB in an event
DOMAIN_MAX = 255  # octets of a domain (RFC 1035, 2.3.4)
TABLE_MAX = 16 << 20  # octets of a table: some 300,000 aliases, among which a few are domains
NOTES_SHOWN = 5  # of an event, which is one line

Address = IPv4Address | IPv6Address


class Policy(NamedTuple):
    """What RelayPolicy tells of one mail server. `troubled`: to read it anew may leave a line in the mail log."""

    mta: str
    instance: str
    domains: tuple[str, ...]
    networks: tuple[str, ...]
    complete: bool
    note: str
    troubled: bool

    def event(self, now: float, host: str) -> RelayPolicy:
        """The event that tells it."""
        return RelayPolicy(
            now, SENSOR, host, self.mta, self.instance, self.domains, self.networks, self.complete, self.note
        )


class Domains(Notes):
    """Domains beside the notes, in the order they were found, each once."""

    def __init__(self) -> None:
        super().__init__()
        self._domains: dict[str, None] = {}

    def add(self, server: str, setting: str, domain: str) -> None:
        """`server` takes mail for `domain` (all below it, where it begins with a dot), by `setting`."""
        domain = domain.lower().removesuffix(".")
        if not domain.isprintable() or len(domain) > DOMAIN_MAX:
            self.note(server, f"{setting}: {quoted(domain)}: no domain")
        elif len(self._domains) < DOMAINS:
            self._domains[domain] = None
        elif domain not in self._domains:
            self.note(server, f"{setting}: more than {DOMAINS:,} domains; the others are left out")

    def domains(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(self._domains)


def read_policy(mta: str, instance: str, name: str, read: Callable[[Domains, Found], None]) -> Policy:
    """The policy of a server that is called `name` in notes, as `read` finds it."""
    domains, found = Domains(), Found()
    try:
        read(domains, found)
    except UnreadableError as error:
        domains.note(name, str(error))
        domains.troubled = True
    networks, notes = found.all()
    said = [note.removeprefix(f"{name}: ") for note in dict.fromkeys((*domains.notes(), *notes))]
    more = f"; and {len(said) - NOTES_SHOWN:,} more" if len(said) > NOTES_SHOWN else ""
    return Policy(
        mta,
        instance,
        domains.domains(),
        tuple(dict.fromkeys(str(each.network) for each in networks)),
        not said,
        "; ".join(said[:NOTES_SHOWN]) + more,
        domains.troubled or found.troubled,
    )


def own_addresses() -> Iterator[Address]:
    """This host's addresses, without the link-local ones: those come and go with every container."""
    for addresses in psutil.net_if_addrs().values():
        for address in addresses:
            if address.family in (socket.AF_INET, socket.AF_INET6):
                parsed = ip_address(address.address.partition("%")[0])
                if not parsed.is_link_local:
                    yield parsed


def literal(address: Address) -> str:
    """An address as the domain of a mail address (RFC 5321, 4.1.3), in lower case."""
    return f"[{address}]" if address.version == 4 else f"[ipv6:{address}]"
