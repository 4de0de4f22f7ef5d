"""The routes of this network namespace, of all tables: rtnetlink(7), what `ip route show table all` is made of."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from struct import Struct
from typing import NamedTuple

from smtpwatch.firewall.prefixes import Network

_RTM_GETROUTE = 26  # linux/rtnetlink.h
_NLMSG_ERROR, _NLMSG_DONE = 2, 3  # linux/netlink.h
_REQUEST_DUMP = 0x301
_UNICAST, _LOCAL = 1, 2
_DST, _OIF, _GATEWAY, _MULTIPATH, _VIA = 1, 4, 5, 9, 18
_HEADER = Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, port
_ROUTE = Struct("=BBBBBBBBI")  # rtmsg: family, length of destination, ..., table, protocol, scope, type, flags
_ATTRIBUTE = Struct("=HH")  # rtattr: length, type
_HOP = Struct("=HBBi")  # rtnexthop: length, flags, hops, interface
_FAMILY, _INDEX = Struct("=H"), Struct("=i")
_ROOM = 1 << 16

Address = IPv4Address | IPv6Address


class Hop(NamedTuple):
    """A next hop, and the interface that leads to it, "" where it has gone."""

    gateway: Address
    interface: str


class Route(NamedTuple):
    """Where packets for a network go; `local`: they are for this host itself."""

    network: Network
    local: bool
    hops: tuple[Hop, ...]


def routes() -> Iterator[Route]:
    """All of them. Raises OSError."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as netlink:
        body = _ROUTE.pack(socket.AF_UNSPEC, *(0,) * 8)
        netlink.send(_HEADER.pack(_HEADER.size + len(body), _RTM_GETROUTE, _REQUEST_DUMP, 0, 0) + body)
        while True:
            told, at = netlink.recv(_ROOM), 0
            while at < len(told):
                length, kind = _HEADER.unpack_from(told, at)[:2]
                if kind in (_NLMSG_DONE, _NLMSG_ERROR) or length < _HEADER.size:
                    return
                yield from _route(told[at + _HEADER.size : at + length])
                at += length + 3 & ~3


def _route(message: bytes) -> Iterator[Route]:
    family, bits, *_, kind, _flags = _ROUTE.unpack_from(message)
    if family not in (socket.AF_INET, socket.AF_INET6) or kind not in (_UNICAST, _LOCAL):
        return
    found = dict(_attributes(message[_ROUTE.size :]))
    anywhere = bytes(4 if family == socket.AF_INET else 16)
    network = ip_network((found.get(_DST, anywhere), bits), strict=False)
    hops = list(_hops(found, _INDEX.unpack(found[_OIF])[0] if _OIF in found else 0))
    rest = found.get(_MULTIPATH, b"")
    while len(rest) >= _HOP.size:
        length, _, _, index = _HOP.unpack_from(rest)
        hops += _hops(dict(_attributes(rest[_HOP.size : length])), index)
        rest = rest[max(length, _HOP.size) + 3 & ~3 :]
    yield Route(network, kind == _LOCAL, tuple(hops))


def _hops(found: dict[int, bytes], index: int) -> Iterator[Hop]:
    for octets in (found.get(_GATEWAY), found[_VIA][_FAMILY.size :] if _VIA in found else None):
        if octets is not None and len(octets) in (4, 16):
            name = ""
            with suppress(OSError):
                name = socket.if_indextoname(index)
            yield Hop(ip_address(octets), name)


def _attributes(octets: bytes) -> Iterator[tuple[int, bytes]]:
    while len(octets) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(octets)
        yield kind & 0x3FFF, octets[_ATTRIBUTE.size : length]
        octets = octets[max(length, _ATTRIBUTE.size) + 3 & ~3 :]
