"""Whom this host relays for: which domains are ours, which clients may send anywhere.

Read from the running mail servers (RelayPolicy events) and from the settings. Without either nothing is known, and
nothing can be proven: rules ask `known` first."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_network

from smtpwatch.config import Config
from smtpwatch.events import RelayPolicy
from smtpwatch.firewall.prefixes import NetworkError, Prefixes, as_network

WIDEST = {4: 8, 6: 16}  # shortest prefix that can be somebody's own: who trusts more of the net trusts strangers
SERVERS = 64  # mail servers remembered; a host has one, or a few instances of Postfix
_LOOPBACK = ("127.0.0.0/8", "::1/128")
_ADDRESSES = 4_096  # of which it is remembered whether they are trusted

_Server = tuple[str, str, str]


class Policy:
    """What the settings and the mail servers say together. Domains are in lower case."""

    def __init__(self, config: Config) -> None:
        self._set = tuple(domain.lower() for domain in config.domains)
        self._networks = tuple(config.relaying())
        self._servers: dict[_Server, RelayPolicy] = {}
        self._join()

    def take(self, event: RelayPolicy) -> None:
        """A mail server's configuration was read."""
        key = (event.host, event.mta, event.instance)
        before = self._servers.pop(key, None)
        self._servers[key] = event
        if len(self._servers) > SERVERS:
            del self._servers[next(iter(self._servers))]
        if before is None or (before.domains, before.networks) != (event.domains, event.networks):
            self._join()

    @property
    def known(self) -> bool:
        """Which domains are ours is known, and none is missing."""
        return bool(self._exact or self._below) and all(event.complete for event in self._servers.values())

    def ours(self, domain: str) -> bool:
        """We take mail for it from anyone. "" and what is no name at all are ours: such mail stays here."""
        domain = domain.lower().rstrip(".")
        if not domain or domain in self._exact:
            return True
        return any(domain.endswith(end) for end in self._below)

    def trusts(self, address: str) -> bool:
        """A client at that address may send anywhere, without a login. What is no address is not judged: it is."""
        return self._trusts(address)

    @property
    def too_wide(self) -> tuple[str, ...]:
        """Networks that the servers trust and that are too wide to be anyone's own."""
        return tuple(dict.fromkeys(self._too_wide))

    def _join(self) -> None:
        told = (domain.lower() for event in self._servers.values() for domain in event.domains)
        domains = {*self._set, *told}
        self._exact = frozenset(domain for domain in domains if not domain.startswith("."))
        self._below = tuple(domain for domain in domains if domain.startswith("."))
        self._prefixes: Prefixes[bool] = Prefixes()
        for network in (*self._networks, *map(ip_network, _LOOPBACK)):
            self._prefixes.put(as_network(str(network)), True)
        self._too_wide: list[str] = []
        for event in self._servers.values():
            for text in event.networks:
                self._trust(text)
        self._trusts = lru_cache(_ADDRESSES)(self._look)

    def _trust(self, text: str) -> None:
        try:
            network = as_network(text)
        except NetworkError:
            return
        if network.prefixlen < WIDEST[network.version]:
            self._too_wide.append(text)
        else:
            self._prefixes.put(network, True)

    def _look(self, address: str) -> bool:
        try:
            network = as_network(address)
        except NetworkError:
            return True
        return self._prefixes.holding(network.version, int(network.network_address)) is not None
