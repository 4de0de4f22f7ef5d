"""Which packets the kernel hands over, and what is read from them."""

import socket
import struct
from ipaddress import ip_address

import pytest

from collectors.host.syn_filter import OWN_IPV4, OWN_IPV6, SNAPLEN, program
from collectors.host.syn_filter import PORTS as MOST_PORTS
from collectors.host.syns import Syn, Syns, parsed
from collectors.wire import bpf

PORTS = (25, 465, 587)
PEER, PEER6 = "203.0.113.7", "2001:db8:7::7"
OWN, OWN6 = "192.0.2.25", "2001:db8::25"
OURS = tuple(ip_address(text).packed for text in (OWN, "192.0.2.26", OWN6, "2001:db8::26"))
SYN, ACK, RST = 0x02, 0x10, 0x04
ETHERNET, LOOPBACK = 1, 772  # linux/if_arp.h
_NUMBER = 0xFEDCBA98


def _tcp(port: int = 25, flags: int = SYN) -> bytes:
    return struct.pack("!HHIIBBHHH", 40_000, port, _NUMBER, 0, 0x50, flags, 1024, 0, 0)


def _ipv4(tcp: bytes, server: str = PEER, source: str = OWN, options: int = 0, offset: int = 0, kind: int = 6) -> bytes:
    first = 0x45 + options // 4
    ends = ip_address(source).packed + ip_address(server).packed
    header = struct.pack("!BBHHHBBH", first, 0, 20 + options + len(tcp), 1, offset, 64, kind, 0)
    return header + ends + b"\x01" * options + tcp


def _ipv6(tcp: bytes, server: str = PEER6, source: str = OWN6, kind: int = 6) -> bytes:
    return (
        struct.pack("!IHBB", 6 << 28, len(tcp), kind, 64) + ip_address(source).packed + ip_address(server).packed + tcp
    )


def _passes(packet: bytes, protocol: int | None = None, hatype: int = ETHERNET, own: tuple[bytes, ...] = OURS) -> bool:
    if protocol is None:
        protocol = 0x0800 if packet[0] >> 4 == 4 else 0x86DD
    kept = bpf.run(program(PORTS, own), packet, len(packet), protocol=protocol, hatype=hatype)
    assert kept in (0, SNAPLEN)
    return kept == SNAPLEN


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("own", [(), OURS], ids=["none", "some"])
def test_the_beginning_of_a_connection_passes(port: int, own: tuple[bytes, ...]) -> None:
    for options in (0, 4, 40):
        assert _passes(_ipv4(_tcp(port), options=options), own=own)
    assert _passes(_ipv6(_tcp(port)), own=own)
    assert _passes(_ipv4(_tcp(port, SYN | 0xC0)), own=own), "with ECN (RFC 3168)"


@pytest.mark.parametrize("port", [24, 26, 2525, 0x1900, 65_535])
def test_other_ports_do_not(port: int) -> None:
    assert not _passes(_ipv4(_tcp(port)))
    assert not _passes(_ipv6(_tcp(port)))


@pytest.mark.parametrize("flags", [SYN | ACK, ACK, RST, RST | ACK, 0])
def test_other_segments_do_not(flags: int) -> None:
    assert not _passes(_ipv4(_tcp(flags=flags)))
    assert not _passes(_ipv6(_tcp(flags=flags)))


@pytest.mark.parametrize("server", [OWN, "192.0.2.26"])
def test_those_to_us_do_not(server: str) -> None:
    assert not _passes(_ipv4(_tcp(), server, PEER))
    assert _passes(_ipv4(_tcp(), server, PEER), own=())


@pytest.mark.parametrize("server", [OWN6, "2001:db8::26"])
def test_those_to_us_do_not_ipv6(server: str) -> None:
    assert not _passes(_ipv6(_tcp(), server, PEER6))
    assert _passes(_ipv6(_tcp(), server, PEER6), own=())


def test_an_address_is_compared_to_its_end() -> None:
    assert _passes(_ipv6(_tcp(), "2001:db8::27"))
    assert _passes(_ipv6(_tcp(), "2001:db9::25"))
    assert _passes(_ipv4(_tcp(), "192.0.2.27"))


def test_what_is_no_such_packet_does_not() -> None:
    assert not _passes(_ipv4(_tcp(), kind=17))
    assert not _passes(_ipv6(_tcp(), kind=17))
    assert not _passes(_ipv4(_tcp(), offset=100)), "a later fragment"
    assert not _passes(_ipv4(_tcp()), protocol=0x0806)
    assert not _passes(_ipv4(_tcp()), hatype=LOOPBACK)
    assert not _passes(_ipv4(_tcp())[:30])


def test_as_many_own_addresses_as_are_taken() -> None:
    """More are left to the reader."""
    many = [bytes((10, 0, at >> 8, at & 255)) for at in range(OWN_IPV4 + 1)]
    many6 = [bytes(15) + bytes((at,)) for at in range(100, 100 + OWN_IPV6 + 1)]
    own = (*many, *many6)
    for address, passes in ((many[OWN_IPV4 - 1], False), (many[OWN_IPV4], True)):
        assert _passes(_ipv4(_tcp(), str(ip_address(address))), own=own) == passes
    for address, passes in ((many6[OWN_IPV6 - 1], False), (many6[OWN_IPV6], True)):
        assert _passes(_ipv6(_tcp(), str(ip_address(address))), own=own) == passes


def test_as_many_ports_as_are_compared() -> None:
    ports = range(10_000, 20_000)
    long = program(ports, OURS)
    assert len(long) < bpf.LONGEST_PROGRAM
    for port, passes in ((10_000, True), (10_000 + MOST_PORTS - 1, True), (10_000 + MOST_PORTS, False)):
        for packet, protocol in ((_ipv4(_tcp(port)), 0x0800), (_ipv6(_tcp(port)), 0x86DD)):
            kept = bpf.run(long, packet, len(packet), protocol=protocol, hatype=ETHERNET)
            assert (kept == SNAPLEN) == passes


def test_what_is_read() -> None:
    own, peer = ip_address(OWN).packed, ip_address(PEER).packed
    for options in (0, 40):
        packet = _ipv4(_tcp(465), options=options)[:SNAPLEN]
        assert parsed(packet, "eth0") == Syn(own, 40_000, peer, 465, _NUMBER, "eth0")
    own, peer = ip_address(OWN6).packed, ip_address(PEER6).packed
    assert parsed(_ipv6(_tcp(587)), "eth0") == Syn(own, 40_000, peer, 587, _NUMBER, "eth0")


@pytest.mark.parametrize("packet", [b"", _ipv4(_tcp())[:27], _ipv6(_tcp())[:47]])
def test_what_is_cut_short(packet: bytes) -> None:
    assert parsed(packet, "eth0") is None


@pytest.mark.needs("root")
class TestTheKernel:
    def test_takes_the_longest_filter(self) -> None:
        """Within what it grants a socket by default (net.core.optmem_max), or else without addresses."""
        syns = Syns(PORTS)
        try:
            syns.filter([bytes((10, 0, at >> 8, at & 255)) for at in range(OWN_IPV4)])
            syns.filter([*[bytes(15) + bytes((at,)) for at in range(OWN_IPV6)], *OURS])
            assert syns.dropped() == 0
        finally:
            syns.close()

    def test_hands_over_nothing_before_there_is_one(self) -> None:
        syns = Syns(PORTS)
        try:
            with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
                assert syns.read() is None
        finally:
            syns.close()
