"""Networks that are asked by address: which of them hold it, and which lie in a wider one."""

from __future__ import annotations

from abc import ABC
from bisect import bisect_left, insort
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    Network = IPv4Network | IPv6Network
else:

    class Network(ABC):  # noqa: B024 (it has none, as they are Python's own)
        """Either of both: a decoder of messages takes one type of this kind in a union, and no two."""

    Network.register(IPv4Network)
    Network.register(IPv6Network)

T = TypeVar("T")

_MAPPED = IPv6Network("::ffff:0:0/96")  # RFC 4291, 2.5.5.2
_MAPPED_BITS = 96


class NetworkError(ValueError):
    """No network; the message is one line for the admin."""


def as_network(text: str) -> Network:
    """An address or a network as an admin types it. Host bits are dropped; an IPv4 address written as IPv6
    (::ffff:192.0.2.1) is the IPv4 one, since that is what its packets have. Raises NetworkError."""
    if "%" in text:
        raise NetworkError(f"a zone names a link, not a source: {text!r}")
    mask = text.strip().partition("/")[2]
    if mask.startswith("0.") and mask.strip("0."):  # Python takes a mask either way round
        raise NetworkError(f"not a mask of a network: {mask!r}")
    try:
        network = ip_network(text.strip(), strict=False)
    except ValueError:
        raise NetworkError(f"not an address or network: {text!r}") from None
    return unmapped(network)


def unmapped(network: Network) -> Network:
    """The IPv4 network that an IPv4-mapped IPv6 one stands for; any other as it is."""
    if isinstance(network, IPv6Network) and network.prefixlen >= _MAPPED_BITS and network.subnet_of(_MAPPED):
        address = IPv6Address(network.network_address).ipv4_mapped
        return IPv4Network((int(address or 0), network.prefixlen - _MAPPED_BITS))
    return network


def is_single(network: Network) -> bool:
    """It holds one address only."""
    return network.prefixlen == network.max_prefixlen


def shown(network: Network) -> str:
    """As an admin writes it: one address without its length."""
    return str(network.network_address) if is_single(network) else str(network)


class _Kind(NamedTuple):
    """Networks of one family and length are told apart by their first bits alone."""

    version: int
    length: int


class Prefixes(Generic[T]):
    """A value for each network; networks may lie in one another. One look-up for each length that is in use."""

    def __init__(self) -> None:
        self._values: dict[Network, T] = {}
        self._kinds: dict[_Kind, dict[int, Network]] = {}
        self._firsts: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
        """By family, (first address, length) of each, in order."""

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[Network]:
        return iter(self._values)

    def get(self, network: Network) -> T | None:
        """The value of just that network."""
        return self._values.get(network)

    def items(self) -> Iterator[tuple[Network, T]]:
        """All of them."""
        return iter(self._values.items())

    def put(self, network: Network, value: T) -> None:
        """A value for a network, in place of the one it had."""
        if network not in self._values:
            kind = _Kind(network.version, network.prefixlen)
            first = int(network.network_address)
            self._kinds.setdefault(kind, {})[first >> (network.max_prefixlen - network.prefixlen)] = network
            insort(self._firsts[network.version], (first, network.prefixlen))
        self._values[network] = value

    def drop(self, network: Network) -> None:
        """Forget a network, if it is there."""
        if self._values.pop(network, None) is None:
            return
        kind = _Kind(network.version, network.prefixlen)
        first = int(network.network_address)
        same = self._kinds[kind]
        del same[first >> (network.max_prefixlen - network.prefixlen)]
        if not same:
            del self._kinds[kind]
        firsts = self._firsts[network.version]
        del firsts[bisect_left(firsts, (first, network.prefixlen))]

    def clear(self) -> None:
        """Forget all."""
        self._values.clear()
        self._kinds.clear()
        for firsts in self._firsts.values():
            firsts.clear()

    def around(self, network: Network) -> list[Network]:
        """Those that hold all of it, itself among them, the narrowest first."""
        bits, first = network.max_prefixlen, int(network.network_address)
        found = [
            holder
            for kind, same in self._kinds.items()
            if kind.version == network.version
            and kind.length <= network.prefixlen
            and (holder := same.get(first >> (bits - kind.length))) is not None
        ]
        return sorted(found, key=lambda holder: -holder.prefixlen)

    def holding(self, version: int, address: int) -> Network | None:
        """The narrowest that holds an address, given as a number."""
        bits = 32 if version == 4 else 128
        best: Network | None = None
        for kind, same in self._kinds.items():
            if kind.version == version and (best is None or kind.length > best.prefixlen):
                best = same.get(address >> (bits - kind.length)) or best
        return best

    def within(self, network: Network) -> Iterator[Network]:
        """Those that lie in it, itself among them, in the order of their addresses."""
        firsts = self._firsts[network.version]
        last = int(network.broadcast_address)
        at = bisect_left(firsts, (int(network.network_address), network.prefixlen))
        for first, length in firsts[at:]:
            if first > last:
                return
            if length >= network.prefixlen:
                yield self._kinds[_Kind(network.version, length)][first >> (network.max_prefixlen - length)]
