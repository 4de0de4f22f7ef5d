"""Which domains a Postfix takes mail for: its own, virtual ones, and those that it is a relay for (postconf(5)).

An item is a domain; in relay_domains it stands for all below it too, or one with a dot before it does, as
parent_domain_matches_subdomains says. As a rule virtual_alias_domains and virtual_mailbox_domains are tables of
addresses, in which a key that is a domain alone makes it one (virtual(5)); "@domain" is an address and does not. What
is excluded by "!" is not told, but all below a domain may be, though something below it be excluded.
"""

from collections.abc import Iterable

from collectors.host.mta import Mta
from collectors.host.postfix_lists import ListReader, items, program, settings_of
from collectors.host.relay_found import TABLE_MAX, Domains, literal, own_addresses
from collectors.host.trusted_found import network_of

RELAY = "relay_domains"
LISTS = ("mydestination", "virtual_alias_domains", "virtual_mailbox_domains", RELAY)
PARENTS = "parent_domain_matches_subdomains"
INTERFACES = ("inet_interfaces", "proxy_interfaces")


def read(mta: Mta, domains: Domains) -> None:
    """What `mta` takes mail for from anyone, as its postconf(1) tells it. Raises UnreadableError."""
    told = tuple(settings_of(mta, (*LISTS, PARENTS, *INTERFACES)))
    parents = RELAY in items(dict(told).get(PARENTS, ""))
    for setting, value in told:
        name = setting.rpartition("/")[2]
        if name in LISTS:
            below = "" if name != RELAY else "all" if parents else "dotted"
            _List(mta.name, setting, program(mta, "postmap"), domains, below).take(value)
        elif name in INTERFACES:
            _literals(mta.name, setting, value, domains)


def _literals(server: str, setting: str, value: str, domains: Domains) -> None:
    """Mail for user@[address] is taken at each address that Postfix listens on or has a proxy for."""
    for item in items(value):
        if item in ("all", "loopback-only"):
            for address in own_addresses():
                if item == "all" or address.is_loopback:
                    domains.add(server, setting, literal(address))
            continue
        network = network_of(item.strip("[]"), strict=True)
        if network is not None:
            domains.add(server, setting, literal(network.network_address))


class _List(ListReader):
    """One setting's list as it is read. `below`: which items stand for all below a domain: "all" of them, only those
    that are "dotted", or "" none."""

    MOST = TABLE_MAX

    def __init__(self, server: str, setting: str, postmap: tuple[str, ...], domains: Domains, below: str) -> None:
        super().__init__(server, setting, postmap, domains)
        self._domains = domains
        self._below = below
        self._out: set[str] = set()
        """Domains that were excluded before they came: the first match counts."""

    def _table(self, table: str, excluded: bool) -> None:
        if not table.removeprefix("proxy:").startswith("cidr:"):  # in which a name never matches
            super()._table(table, excluded)

    def _items(self, patterns: Iterable[str], place: str, excluded: bool) -> None:
        for pattern in patterns:
            for domain in self._meant(pattern.lower()):
                if excluded:
                    self._out.add(domain)
                elif domain not in self._out:
                    self._domains.add(self._server, self._setting, domain)

    def _keys(self, keys: Iterable[str], place: str, excluded: bool) -> None:
        self._items((key for key in keys if "@" not in key), place, excluded)

    def _meant(self, pattern: str) -> tuple[str, ...]:
        """What an item stands for."""
        if pattern.startswith("."):
            return (pattern,) if self._below == "dotted" else ()
        return (pattern, f".{pattern}") if self._below == "all" else (pattern,)
