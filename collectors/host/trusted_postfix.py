"""Which networks a Postfix trusts: mynetworks, and the proxies that may speak for other clients.

What is excluded by "!" is left out as a pattern only: a network around it still counts as trusted, which errs towards
blocking too little.
"""

from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network

from collectors.host.mta import Mta
from collectors.host.postfix_lists import ListReader, program, settings_of
from collectors.host.trusted_found import Found, network_of, quoted

SETTINGS = ("mynetworks", "smtpd_authorized_xclient_hosts", "smtpd_authorized_xforward_hosts")

_AsNetwork = Callable[[str], IPv4Network | IPv6Network | None]


def read(mta: Mta, found: Found, settings: Sequence[str] = SETTINGS) -> None:
    """What `mta` trusts, as postconf(1) beside its postqueue(1) tells it. Raises UnreadableError."""
    for setting, value in settings_of(mta, settings):
        _List(mta.name, setting, program(mta, "postmap"), found).take(value)


class _List(ListReader):
    """One setting's list as it is read."""

    def __init__(self, server: str, setting: str, postmap: tuple[str, ...], found: Found) -> None:
        super().__init__(server, setting, postmap, found)
        self._found = found

    def _pattern(self, pattern: str, excluded: bool) -> None:
        if not excluded:
            super()._pattern(pattern, excluded)

    def _items(self, patterns: Iterable[str], place: str, excluded: bool) -> None:
        """Those in a list or a CIDR table."""
        self._all(patterns, lambda pattern: network_of(_bare(pattern), strict=True), place, "no network to Postfix")

    def _keys(self, keys: Iterable[str], place: str, excluded: bool) -> None:
        """Keys of a table in which Postfix looks up an address as it is written: a network there matches nothing."""
        self._all(keys, lambda key: None if "/" in key else network_of(key, strict=True), place, "no address")

    def _all(self, patterns: Iterable[str], as_network: _AsNetwork, place: str, otherwise: str) -> None:
        """Add those that are networks; of the others the first is told, and how many there are."""
        others, first = 0, ""
        for pattern in patterns:
            network = as_network(pattern)
            if network is not None:
                self._found.add(self._server, self._setting, network)
                continue
            others, first = others + 1, first or pattern
        if others:
            more = f" and {others - 1:,} more" if others > 1 else ""
            self._note(f"{place}{quoted(first)}{more}: {otherwise}")


def _bare(pattern: str) -> str:
    """Without the brackets of "[address]/length" or "[address/length]"."""
    if not pattern.startswith("["):
        return pattern
    address, _, length = pattern[1:].partition("]")
    return address + length
