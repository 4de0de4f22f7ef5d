"""Who must never be blocked, and what an admin should know before they block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Literal, NamedTuple

from smtpwatch.firewall.prefixes import Network, Prefixes, is_single, shown

WIDEST = {4: 16, 6: 32}
"""The shortest prefix of each family that is blocked at all. A /16 is 65,536 addresses, an IPv6 /32 all of a
provider's."""

Kind = Literal[
    "loopback", "special", "own address", "gateway", "resolver", "ssh", "mynetworks", "allowlist", "proxy", "too wide",
    "via proxy", "ssh open", "container", "good mail", "provider", "logins",
]  # fmt: skip

REFUSED: frozenset[Kind] = frozenset(
    {
        "loopback", "special", "own address", "gateway", "resolver", "ssh", "mynetworks", "allowlist", "proxy",
        "too wide", "via proxy",
    }
)  # fmt: skip
"""Findings that are not asked about: to block there would cut off the admin, the host itself, or nobody at all."""


class Protected(NamedTuple):
    """A network that is not to be blocked without more ado. `says` completes "it is ..."."""

    network: Network
    kind: Kind
    says: str


class Finding(NamedTuple):
    """What the guard has to say of one network; `says` is a sentence for the admin."""

    network: Network
    kind: Kind
    says: str

    @property
    def refuses(self) -> bool:
        """No answer of the admin's changes it."""
        return self.kind in REFUSED


_NEVER: tuple[tuple[str, Kind, str], ...] = (
    ("127.0.0.0/8", "loopback", "loopback: this host talking to itself"),
    ("::1/128", "loopback", "loopback: this host talking to itself"),
    ("0.0.0.0/8", "special", "no source: addresses of this network (RFC 6890)"),
    ("::/128", "special", "no source: the unspecified address (RFC 4291)"),
    ("224.0.0.0/4", "special", "multicast, which is never a source (RFC 5771)"),
    ("ff00::/8", "special", "multicast, which is never a source (RFC 4291)"),
    ("255.255.255.255/32", "special", "the broadcast address, which is never a source (RFC 919)"),
    ("fe80::/10", "special", "link-local: our own neighbours, the router among them (RFC 4291)"),
    ("::ffff:0:0/96", "special", "IPv4 addresses written as IPv6, which no packet has (RFC 4291)"),
)
NAT64 = IPv6Network("64:ff9b::/96")
SIX_TO_FOUR = IPv6Network("2002::/16")

SPECIAL = tuple(Protected(ip_network(network), kind, says) for network, kind, says in _NEVER)
"""Protected wherever we are."""


class Guard:
    """Asked about each network before anything is done. `protected` are those of this host and its admin."""

    def __init__(self, protected: Iterable[Protected] = ()) -> None:
        self._protected: Prefixes[tuple[Protected, ...]] = Prefixes()
        for each in (*SPECIAL, *protected):
            self._protected.put(each.network, (*(self._protected.get(each.network) or ()), each))

    def judge(self, networks: Sequence[Network]) -> list[Finding]:
        """All there is to say, the refusals first. In time that grows with the networks, not with what is protected."""
        found = [finding for network in networks for finding in self._of(network)]
        return sorted(found, key=lambda finding: not finding.refuses)

    def _of(self, network: Network) -> Iterator[Finding]:
        widest = WIDEST[network.version]
        if network.prefixlen < widest:
            says = f"{network} is wider than /{widest}: {_many(network)} addresses"
            yield Finding(network, "too wide", says)
        for inner in _translated(network):
            for finding in self._of(inner):
                says = f"{shown(network)} stands for IPv4: {finding.says}"
                yield finding._replace(network=network, says=says)
        if network != NAT64 and _holds(network, NAT64):
            yield Finding(network, "too wide", f"{network} holds {NAT64}, which stands for all of IPv4 (RFC 6052)")
        seen: set[Protected] = set()
        for holder in self._protected.around(network):
            for each in self._protected.get(holder) or ():
                seen.add(each)
                yield Finding(network, each.kind, f"{shown(network)} {_is_in(network, each)}")
        for part in self._protected.within(network):
            for each in self._protected.get(part) or ():
                if each not in seen:
                    yield Finding(network, each.kind, f"{shown(network)} holds {shown(part)}, {each.says}")


def _translated(network: Network) -> Iterator[Network]:
    """The IPv4 network that an IPv6 one stands for: RFC 6052 (behind a NAT64), RFC 3056 (6to4)."""
    if not isinstance(network, IPv6Network):
        return
    first = int(network.network_address)
    if _holds(NAT64, network):
        yield IPv4Network((first & 0xFFFFFFFF, network.prefixlen - NAT64.prefixlen), strict=False)
    elif _holds(SIX_TO_FOUR, network):
        yield IPv4Network((first >> 80 & 0xFFFFFFFF, min(32, network.prefixlen - SIX_TO_FOUR.prefixlen)), strict=False)


def _holds(network: Network, other: Network) -> bool:
    return (
        network.version == other.version and network.prefixlen <= other.prefixlen and other.network_address in network
    )


def _is_in(network: Network, protected: Protected) -> str:
    if network == protected.network or is_single(protected.network):
        return f"is {protected.says}"
    return f"is in {shown(protected.network)}, {protected.says}"


def _many(network: Network) -> str:
    return f"{network.num_addresses:,}" if network.version == 4 else f"2^{network.max_prefixlen - network.prefixlen}"
