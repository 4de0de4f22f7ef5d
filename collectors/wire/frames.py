"""Frames: from a captured link-layer frame to the TCP segment in it, as positions in the buffer.

A decoder looks at headers only and copies nothing but the addresses and ports. The shapes that make up nearly
all traffic (IPv4 without options, IPv6 without extension headers) take one unpack over the link, IP and TCP
headers at once; every other shape, and every doubt, goes to the general path, which reads header by header.

Sources: RFC 791, RFC 8200, RFC 9293, IEEE 802.1Q; for link types https://www.tcpdump.org/linktypes.html.
"""

import ipaddress
import mmap
import socket
import struct
from collections.abc import Callable
from functools import cache
from typing import Final

Octets = bytes | mmap.mmap
"""What a frame is read from; a slice of either is bytes."""

Segment = tuple[bytes, int, int, int, int, int, int]
"""(key, seq, ack, flags, start, length, captured).

key: source address, destination address, source port, destination port in network order, 12 octets for IPv4,
36 for IPv6; flags: the low eight TCP flag bits; start: where the payload begins in the buffer; length: its
octets by the IP header, so without link padding; captured: how many of them the buffer holds."""

Decode = Callable[[Octets, int, int, int], Segment | str]
"""decode(buf, at, end, wire_end): the frame is buf[at:end]; uncut it would end at wire_end (>= end).

Returns a Segment, or one of the constants below that says why there is none. Never raises."""

NOT_IP: Final = "not IP"
NOT_TCP: Final = "not TCP"
FRAGMENT: Final = "fragment"
"""A later fragment of a TCP packet, or a first one too short for the TCP header."""
MALFORMED: Final = "malformed"
"""Lengths or versions that contradict each other."""
CUT_SHORT: Final = "cut short"
"""The capture ends before the TCP header does."""

LINK_NULL: Final = 0
LINK_ETHERNET: Final = 1
LINK_PPP: Final = 9
LINK_RAW: Final = 101
LINK_LOOP: Final = 108
LINK_LINUX_SLL: Final = 113
LINK_IPV4: Final = 228
LINK_IPV6: Final = 229
LINK_LINUX_SLL2: Final = 276
DLT_RAW: Final = (12, 14)  # what raw IP is called in files by BSDs and by OpenBSD

ETHERTYPE_IPV4: Final = 0x0800
ETHERTYPE_IPV6: Final = 0x86DD
ETHERTYPES_VLAN: Final = (0x8100, 0x88A8, 0x9100)  # 802.1Q, 802.1ad, and QinQ as it was before the standard

ACK: Final = 0x10
PSH: Final = 0x08
RST: Final = 0x04
SYN: Final = 0x02
FIN: Final = 0x01

IPV6_FRAGMENT: Final = 44
IPV6_EXTENSIONS: Final = (0, 43, IPV6_FRAGMENT, 51, 60, 135, 139, 140)
"""What may stand between an IPv6 header and TCP: hop-by-hop, routing, fragment, authentication, destination
options, mobility, HIP and shim6 headers (IANA, IPv6 Extension Header Types)."""

_TCP = 6
_AUTHENTICATION = 51

_MORE_FRAGMENTS = 0x2000
_FRAGMENTED = 0x3FFF  # more fragments, or an offset
_OFFSET = 0x1FFF

# Address families of NULL and LOOP frames, in whichever byte order the writer had; IPv6's differs by system.
_AF_INET = frozenset((2, 2 << 24))
_AF_INET6 = frozenset(family << shift for family in (10, 24, 28, 30) for shift in (0, 24))
_PPP_IPV4 = 0x0021
_PPP_IPV6 = 0x0057

# From the version octet to the TCP flags.
_IPV4_TCP = "BxH2xHxB2x12sIIBB"
_IPV6_TCP = "B3xHBx36sIIBB"

_PORTS = struct.Struct("!HH").unpack_from
_WORD = struct.Struct("!H").unpack_from
_LONG = struct.Struct("!I").unpack_from
_TWO_OCTETS = struct.Struct("!BB").unpack_from
_TAG = struct.Struct("!2xH").unpack_from
_IPV4 = struct.Struct("!BxH2xHxB2x8s").unpack_from
_IPV6 = struct.Struct("!B3xHBx32s").unpack_from
_IPV6_FRAGMENT = struct.Struct("!BxH").unpack_from
_TCP_HEADER = struct.Struct("!4sIIBB").unpack_from


@cache
def decoder(linktype: int) -> Decode:
    """The decoder of one LINKTYPE_ number, always the same. Raises ValueError for one that is not known."""
    if linktype == LINK_ETHERNET:
        return _link("12xH", 14)
    if linktype == LINK_LINUX_SLL:
        return _link("14xH", 16)
    if linktype == LINK_LINUX_SLL2:
        return _link("H18x", 20)
    if linktype in (LINK_RAW, LINK_IPV4, LINK_IPV6, *DLT_RAW):
        return raw_ip
    if linktype in (LINK_NULL, LINK_LOOP):
        return _null
    if linktype == LINK_PPP:
        return _ppp
    raise ValueError(f"link type {linktype} is not supported")


def reverse(key: bytes) -> bytes:
    """The key of the other direction."""
    if len(key) == 12:
        return key[4:8] + key[:4] + key[10:] + key[8:10]
    return key[16:32] + key[:16] + key[34:] + key[32:34]


def addresses(key: bytes) -> tuple[str, int, str, int]:
    """(source, source port, destination, destination port) of a key, addresses as `ipaddress` prints them."""
    if len(key) == 12:
        sport, dport = _PORTS(key, 8)
        return socket.inet_ntoa(key[:4]), sport, socket.inet_ntoa(key[4:8]), dport
    sport, dport = _PORTS(key, 32)
    return str(ipaddress.IPv6Address(key[:16])), sport, str(ipaddress.IPv6Address(key[16:32])), dport


def _link(prefix: str, size: int) -> Decode:
    """The decoder of frames whose `size` octets of link header hold an EtherType, which `prefix` unpacks."""
    ipv4 = struct.Struct(f"!{prefix}{_IPV4_TCP}").unpack_from
    ipv6 = struct.Struct(f"!{prefix}{_IPV6_TCP}").unpack_from
    ethertype = struct.Struct(f"!{prefix}").unpack_from
    ipv4_tcp = size + 20
    ipv6_tcp = size + 40

    def decode(buf: Octets, at: int, end: int, wire_end: int) -> Segment | str:
        try:
            kind, version, total, fragment, protocol, key, seq, ack, offset, flags = ipv4(buf, at)
            if kind == ETHERTYPE_IPV4:
                if version == 0x45 and protocol == _TCP and not fragment & _FRAGMENTED:
                    # The unpack may have read on beyond `end`; then `stop <= end` below does not hold.
                    start = at + ipv4_tcp + (offset >> 4 << 2)
                    stop = at + size + total
                    if offset >= 0x50 and start <= stop <= end:
                        length = stop - start
                        return key, seq, ack, flags, start, length, length
            elif kind == ETHERTYPE_IPV6:
                _, version, total, protocol, key, seq, ack, offset, flags = ipv6(buf, at)
                start = at + ipv6_tcp + (offset >> 4 << 2)
                stop = at + ipv6_tcp + total
                if version >> 4 == 6 and protocol == _TCP and offset >= 0x50 and start <= stop <= end:
                    length = stop - start
                    return key, seq, ack, flags, start, length, length
        except struct.error:
            pass  # the buffer ends before a whole TCP header: the general path says what is missing
        if at + size > end:
            return _missing(at + size, wire_end)
        return network(buf, at + size, end, wire_end, ethertype(buf, at)[0])

    return decode


def raw_ip(buf: Octets, at: int, end: int, wire_end: int) -> Segment | str:
    """The decoder of packets that begin with their IP header; the version octet tells which."""
    try:
        version, total, fragment, protocol, key, seq, ack, offset, flags = _RAW_IPV4(buf, at)
        if version == 0x45:
            if protocol == _TCP and not fragment & _FRAGMENTED:
                start = at + 20 + (offset >> 4 << 2)
                stop = at + total
                if offset >= 0x50 and start <= stop <= end:
                    length = stop - start
                    return key, seq, ack, flags, start, length, length
        elif version >> 4 == 6:
            _, total, protocol, key, seq, ack, offset, flags = _RAW_IPV6(buf, at)
            start = at + 40 + (offset >> 4 << 2)
            stop = at + 40 + total
            if protocol == _TCP and offset >= 0x50 and start <= stop <= end:
                length = stop - start
                return key, seq, ack, flags, start, length, length
    except struct.error:
        pass  # as in _link
    if at >= end:
        return _missing(at + 1, wire_end)
    version = buf[at] >> 4
    if version == 4:
        return _ipv4(buf, at, end, wire_end)
    if version == 6:
        return _ipv6(buf, at, end, wire_end)
    return NOT_IP


_RAW_IPV4 = struct.Struct(f"!{_IPV4_TCP}").unpack_from
_RAW_IPV6 = struct.Struct(f"!{_IPV6_TCP}").unpack_from


def _null(buf: Octets, at: int, end: int, wire_end: int) -> Segment | str:
    if at + 4 > end:
        return _missing(at + 4, wire_end)
    family = _LONG(buf, at)[0]
    if family in _AF_INET or family in _AF_INET6:
        return raw_ip(buf, at + 4, end, wire_end)
    return NOT_IP


def _ppp(buf: Octets, at: int, end: int, wire_end: int) -> Segment | str:
    if at + 4 > end:
        return _missing(at + 4, wire_end)
    if buf[at] == 0xFF:  # address and control (RFC 1662) may be there or compressed away
        at += 2
    if _WORD(buf, at)[0] in (_PPP_IPV4, _PPP_IPV6):
        return raw_ip(buf, at + 2, end, wire_end)
    return NOT_IP


def network(buf: Octets, at: int, end: int, wire_end: int, ethertype: int) -> Segment | str:
    """Decode from the network header on, given its EtherType; VLAN tags, any number, are stepped over."""
    while ethertype in ETHERTYPES_VLAN:
        if at + 4 > end:
            return _missing(at + 4, wire_end)
        ethertype = _TAG(buf, at)[0]
        at += 4
    if ethertype == ETHERTYPE_IPV4:
        return _ipv4(buf, at, end, wire_end)
    if ethertype == ETHERTYPE_IPV6:
        return _ipv6(buf, at, end, wire_end)
    return NOT_IP


def _missing(wanted: int, wire_end: int) -> str:
    """Why a header up to `wanted` is not there: the capture cut it off, or it was never sent."""
    return CUT_SHORT if wanted <= wire_end else MALFORMED


def _ipv4(buf: Octets, at: int, end: int, wire_end: int) -> Segment | str:
    if at + 20 > end:
        return _missing(at + 20, wire_end)
    version, total, fragment, protocol, pair = _IPV4(buf, at)
    header = (version & 0x0F) << 2
    # A total length of 0 is a packet captured before segmentation offload filled it in.
    stop = at + total if total else wire_end
    if version >> 4 != 4 or header < 20 or at + header > stop or stop > wire_end:
        return MALFORMED
    if protocol != _TCP:
        return NOT_TCP
    if fragment & _OFFSET:
        return FRAGMENT
    too_short = FRAGMENT if fragment & _MORE_FRAGMENTS else MALFORMED
    return _tcp(buf, at + header, min(stop, end), stop, pair, too_short)


def _ipv6(buf: Octets, at: int, end: int, wire_end: int) -> Segment | str:
    if at + 40 > end:
        return _missing(at + 40, wire_end)
    version, payload, following, pair = _IPV6(buf, at)
    at += 40
    # A payload length of 0 is a jumbogram (RFC 2675) or, as with IPv4, segmentation offload.
    stop = at + payload if payload else wire_end
    if version >> 4 != 6 or stop > wire_end:
        return MALFORMED
    end = min(stop, end)
    too_short = MALFORMED
    # Every turn moves on by at least 8 octets, so the packet's length bounds the loop.
    while following != _TCP:
        if following not in IPV6_EXTENSIONS:
            return NOT_TCP
        if at + 8 > end:
            return too_short if at + 8 > stop else CUT_SHORT
        header = following
        following, size = _TWO_OCTETS(buf, at)
        if header == IPV6_FRAGMENT:
            fragment = _IPV6_FRAGMENT(buf, at)[1]
            if fragment & 0xFFF8:
                return FRAGMENT if following == _TCP or following in IPV6_EXTENSIONS else NOT_TCP
            if fragment & 1:
                too_short = FRAGMENT
            at += 8
        elif header == _AUTHENTICATION:
            at += (size + 2) << 2  # in 4 octets, less 2 (RFC 4302)
        else:
            at += (size + 1) << 3
    return _tcp(buf, at, end, stop, pair, too_short)


def _tcp(buf: Octets, at: int, end: int, stop: int, pair: bytes, too_short: str) -> Segment | str:
    """The segment at `at`; `stop` is where the IP packet ends, `end` where its captured part does."""
    if at + 20 > stop:
        return too_short
    if at + 20 > end:
        return CUT_SHORT
    ports, seq, ack, offset, flags = _TCP_HEADER(buf, at)
    header = offset >> 4 << 2
    if header < 20:
        return MALFORMED
    start = at + header
    if start > stop:
        return too_short
    if start > end:
        return CUT_SHORT
    return pair + ports, seq, ack, flags, start, stop - start, end - start
