"""Networks of sources: the one that an address is in, and the smallest one that holds several."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton

IPV4_BITS = 24
IPV6_BITS = 64  # what a customer gets at the least: an address of it says nothing
_REST = bytes(16 - IPV6_BITS // 8)
_MAPPED = bytes(10) + b"\xff\xff"  # RFC 4291, 2.5.5.2

Network = IPv4Network | IPv6Network


def network_of(address: str) -> str:
    """The /24 or /64 of an address; the text itself if it is none."""
    if ":" not in address:
        head, _, last = address.rpartition(".")
        return f"{head}.0/{IPV4_BITS}" if last.isdecimal() and head.count(".") == 2 else address
    try:
        packed = inet_pton(
            AF_INET6, address.partition("%")[0]
        )  # a tenth of what ipaddress takes, and a flood asks it of each source
    except OSError:
        return address
    if packed.startswith(_MAPPED):
        return network_of(inet_ntop(AF_INET, packed[len(_MAPPED) :]))
    return f"{inet_ntop(AF_INET6, packed[: IPV6_BITS // 8] + _REST)}/{IPV6_BITS}"


def smallest(addresses: Iterable[str]) -> Network | None:
    """The smallest network that holds all of them; None for none, or if they are of both families, or
    one is no address."""
    numbers: list[int] = []
    kinds: set[type[IPv4Address] | type[IPv6Address]] = set()
    for text in addresses:
        try:
            address = ip_address(text)
        except ValueError:
            return None
        kinds.add(type(address))
        numbers.append(int(address))
    if len(kinds) != 1:
        return None
    kind = kinds.pop()
    free = (min(numbers) ^ max(numbers)).bit_length()
    length = (32 if kind is IPv4Address else 128) - free
    return ip_network((kind(min(numbers)), length), strict=False)
