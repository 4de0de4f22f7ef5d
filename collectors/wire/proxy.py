"""PROXY protocol headers, version 1 and 2 (the specification is HAProxy's doc/proxy-protocol.txt)."""

import struct
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

V2 = b"\r\n\r\n\0\r\nQUIT\n"
V1 = b"PROXY "
V1_MAX = 107  # octets with CRLF, by the specification
V2_READ = 16 + 36  # octets up to the end of IPv6 addresses and ports; TLVs follow, up to 64 kB


class Named(NamedTuple):
    """The client that a proxy names: `address` as text, `port` (0: not told), `by` the means."""

    address: str
    port: int
    by: str


class Header(NamedTuple):
    """A header of `size` octets (0: it is none after all), of which some may be to come; `named` None: it names nobody
    (UNKNOWN, LOCAL, nonsense)."""

    size: int
    named: Named | None


def is_begun(data: bytes) -> bool:
    """Whether a connection's first octets are, or may become, a PROXY header."""
    return data[:6] == V1[: len(data)] or data[:12] == V2[: len(data)]


def read(data: bytes) -> Header | None:
    """The header that `data` begins with; None while it is not whole, as far as we read it."""
    if data[0] == V1[0]:
        end = data.find(b"\r\n")
        if end < 0:
            return None if len(data) < V1_MAX else Header(0, None)
        return Header(end + 2, _v1(data[:end]))
    if len(data) < 16:
        return None
    size = 16 + struct.unpack_from("!H", data, 14)[0]
    needed = min(size, V2_READ)
    return Header(size, _v2(data[:needed])) if len(data) >= needed else None


def _v1(line: bytes) -> Named | None:
    words = line.decode("ascii", "replace").split(" ")
    if len(words) != 6 or words[1] not in ("TCP4", "TCP6") or not words[4].isdigit():
        return None
    try:
        return Named(str(ip_address(words[2])), min(int(words[4]), 65535), "PROXY v1")
    except ValueError:
        return None


def _v2(header: bytes) -> Named | None:
    command, family = header[12], header[13]
    if command != 0x21:  # version 2, PROXY; LOCAL is the proxy's own health check
        return None
    if family == 0x11 and len(header) >= 28:
        return Named(str(IPv4Address(header[16:20])), struct.unpack_from("!H", header, 24)[0], "PROXY v2")
    if family == 0x21 and len(header) >= 52:
        return Named(str(IPv6Address(header[16:32])), struct.unpack_from("!H", header, 48)[0], "PROXY v2")
    return None
