"""BPF programs: what `watch` accepts, how filters combine, and the machine in Python against the kernel's."""

import socket
from collections.abc import Iterator

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP, IPOption_NOP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop
from scapy.layers.l2 import ARP, Dot1Q
from scapy.packet import Packet, Raw

from collectors.wire import bpf

SNAPLEN = 8192
PORTS = (25, 465, 587)
IPV4, IPV6, VLAN, QINQ = 0x0800, 0x86DD, 0x8100, 0x88A8
LOOPBACK, ETHERNET = 772, 1
HOST, OUTGOING = 0, 4


def _accepted(program: bpf.Program, packet: Packet | bytes, protocol: int = 0) -> int:
    octets = bytes(packet)
    if not protocol:
        protocol = IPV6 if octets[0] >> 4 == 6 else IPV4
    return bpf.run(program, octets, len(octets), protocol=protocol, ifindex=2, hatype=ETHERNET)


def _tagged(packet: Packet) -> bytes:
    """What follows the EtherType of a VLAN tag."""
    return bytes(Dot1Q(vlan=5) / packet)


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        (IP() / TCP(sport=40000, dport=25), SNAPLEN),
        (IP() / TCP(sport=25, dport=40000), SNAPLEN),
        (IP() / TCP(sport=40000, dport=587), SNAPLEN),
        (IP() / TCP(sport=40000, dport=2525), 0),
        (IP(options=[IPOption_NOP()] * 40) / TCP(sport=40000, dport=465), SNAPLEN),
        (IP(options=[IPOption_NOP()] * 4) / TCP(sport=40000, dport=26), 0),
        (IP() / UDP(sport=25, dport=25), 0),
        (IP(flags="MF") / TCP(dport=25), SNAPLEN),
        (IP(frag=1, proto=6) / Raw(b"x" * 100), bpf.FRAGMENT_OCTETS),
        (IP(frag=1, proto=17) / Raw(b"x" * 100), 0),
        (IPv6() / TCP(sport=40000, dport=25), SNAPLEN),
        (IPv6() / TCP(sport=587, dport=40000), SNAPLEN),
        (IPv6() / TCP(sport=40000, dport=2525), 0),
        (IPv6() / UDP(sport=25, dport=25), 0),
        (IPv6() / IPv6ExtHdrHopByHop() / TCP(dport=2525), SNAPLEN),
        (IPv6() / IPv6ExtHdrDestOpt() / TCP(dport=25), SNAPLEN),
        (IPv6() / IPv6ExtHdrHopByHop() / UDP(sport=25, dport=25), 0),
        (IPv6() / IPv6ExtHdrFragment(offset=1, nh=17) / Raw(b"x" * 100), 0),
        (IPv6() / IPv6ExtHdrFragment(offset=0, m=1) / TCP(dport=25), SNAPLEN),
        (IPv6() / IPv6ExtHdrFragment(offset=1, nh=6) / Raw(b"x" * 100), bpf.FRAGMENT_OCTETS),
    ],
)
def test_watch_decides(packet: Packet, expected: int) -> None:
    program = bpf.watch(PORTS, SNAPLEN, ())
    protocol = IPV6 if isinstance(packet, IPv6) else IPV4
    assert _accepted(program, packet, protocol) == expected
    for tag in (VLAN, QINQ):
        assert _accepted(program, _tagged(packet), tag) == expected
        # A tag named by the protocol though the data begins behind it.
        assert _accepted(program, packet, tag) == expected


def test_watch_without_ports_takes_all_tcp_and_nothing_else() -> None:
    program = bpf.watch((), SNAPLEN, ())
    assert _accepted(program, IP() / TCP(sport=1, dport=2)) == SNAPLEN
    assert _accepted(program, IPv6() / TCP(sport=1, dport=2)) == SNAPLEN
    assert _accepted(program, IP() / UDP()) == 0
    assert _accepted(program, ARP(), 0x0806) == 0
    assert _accepted(program, bytes(Dot1Q() / ARP()), VLAN) == 0


def test_watch_leaves_a_second_tag_to_the_decoder() -> None:
    assert _accepted(bpf.watch(PORTS, 99, ()), bytes(Dot1Q() / Dot1Q() / IP() / TCP()), QINQ) == 99


def test_watch_takes_loopback_once() -> None:
    program = bpf.watch(PORTS, SNAPLEN, ())
    octets = bytes(IP() / TCP(dport=25))
    seen = {
        (hatype, pkttype): bpf.run(program, octets, len(octets), protocol=IPV4, hatype=hatype, pkttype=pkttype)
        for hatype in (LOOPBACK, ETHERNET)
        for pkttype in (HOST, OUTGOING)
    }
    assert {case for case, octets in seen.items() if not octets} == {(LOOPBACK, OUTGOING)}


@pytest.mark.parametrize("interfaces", [(3,), (1, 3, 9), tuple(range(3, 600))])
def test_watch_on_some_interfaces(interfaces: tuple[int, ...]) -> None:
    program = bpf.watch(PORTS, SNAPLEN, interfaces)
    octets = bytes(IP() / TCP(dport=25))
    for index in (0, 1, 2, 3, 9, 10, 599, 600):
        taken = bpf.run(program, octets, len(octets), protocol=IPV4, ifindex=index)
        assert taken == (SNAPLEN if index in interfaces else 0)


def test_watch_many_ports_and_too_many() -> None:
    ports = tuple(range(1000, 1900))
    program = bpf.watch(ports, SNAPLEN, ())
    for port in (999, 1000, 1500, 1899, 1900):
        expected = SNAPLEN if port in ports else 0
        assert _accepted(program, IP() / TCP(sport=1, dport=port)) == expected
        assert _accepted(program, IPv6() / TCP(sport=port, dport=1)) == expected
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with left, right:
        bpf.attach(right, program)  # the kernel checks every jump
    with pytest.raises(bpf.BpfError, match=r"too long: \d+ instructions, at most 4096"):
        bpf.watch(range(1, 2000), SNAPLEN, ())


@given(st.binary(max_size=80), st.sampled_from((IPV4, IPV6, VLAN, QINQ, 0x0806)))
@settings(max_examples=300, deadline=None)
def test_watch_on_any_octets(octets: bytes, protocol: int) -> None:
    program = bpf.watch(PORTS, SNAPLEN, (2,))
    assert _accepted(program, octets or b"\0", protocol) in (0, SNAPLEN, bpf.FRAGMENT_OCTETS)


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("host 192.0.2.1", [True, False, False]),
        ("not host 192.0.2.1", [False, True, True]),
        ("src net 198.51.100.0/24 and dst port 25", [False, True, False]),
        ("ip6", [False, False, True]),
        ("len > 1000", [False, False, False]),
    ],
)
def test_behind_needs_both(text: str, matches: list[bool]) -> None:
    user = bpf.compile_expression(text, bpf.DLT_RAW)
    both = bpf.behind(user, bpf.watch(PORTS, SNAPLEN, ()))
    addresses = [IP(src="192.0.2.1"), IP(src="198.51.100.9"), IPv6(src="2001:db8::1")]
    watched = [_accepted(both, header / TCP(sport=40000, dport=25)) for header in addresses]
    assert watched == [SNAPLEN if match else 0 for match in matches]
    assert not any(_accepted(both, header / TCP(sport=40000, dport=26)) for header in addresses)


def test_behind_a_program_that_returns_its_accumulator() -> None:
    user: bpf.Program = ((bpf.LD_BYTE_ABS, 0, 0, 8), (bpf.RET_A, 0, 0, 0))
    both = bpf.behind(user, bpf.watch(PORTS, SNAPLEN, ()))
    assert _accepted(both, IP(ttl=7) / TCP(dport=25)) == SNAPLEN
    assert _accepted(both, IP(ttl=0) / TCP(dport=25)) == 0


@pytest.mark.parametrize(
    "user",
    [
        (),
        ((bpf.LD_BYTE_ABS, 0, 0, 0),),
        ((bpf.JA, 0, 0, 1), (bpf.RET_K, 0, 0, 1)),
        ((bpf.JEQ, 0, 9, 1), (bpf.RET_K, 0, 0, 1)),
    ],
)
def test_behind_refuses_what_does_not_end(user: bpf.Program) -> None:
    with pytest.raises(bpf.BpfError, match="does not come to an end"):
        bpf.behind(user, bpf.REJECT_ALL)


def test_behind_refuses_what_is_too_long() -> None:
    with pytest.raises(bpf.BpfError, match="too long"):
        bpf.behind(((bpf.LD_BYTE_ABS, 0, 0, 0),) * 4095 + bpf.REJECT_ALL, bpf.REJECT_ALL)


@pytest.mark.parametrize(
    "text",
    ["hots 192.0.2.1", "port", "ether host 02:00:00:00:00:01", "ip6 protochain 6", "tcp\0", "\udcff"],
)
def test_wrong_expression_is_one_line(text: str) -> None:
    with pytest.raises(bpf.BpfError) as caught:
        bpf.compile_expression(text, bpf.DLT_RAW)
    assert str(caught.value).startswith("filter ") and "\n" not in str(caught.value)


def test_expression_for_the_link_type_of_a_file() -> None:
    octets = bytes(IP() / TCP(dport=25))
    for linktype, link in ((1, bytes(12) + b"\x08\x00"), (101, b""), (113, bytes(14) + b"\x08\x00")):
        program = bpf.compile_expression("tcp dst port 25", linktype)
        assert bpf.run(program, link + octets, len(link + octets)) > 0
        assert bpf.run(program, link + octets[:-20] + bytes(20), len(link + octets)) == 0


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends between which the kernel filters datagrams, without privileges."""
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with left, right:
        right.setblocking(False)
        yield left, right


def _by_the_kernel(ends: tuple[socket.socket, socket.socket], program: bpf.Program, octets: bytes) -> int:
    bpf.attach(ends[1], program)
    ends[0].send(octets)
    try:
        return len(ends[1].recv(65536))
    except BlockingIOError:
        return 0


def _in_python(program: bpf.Program, octets: bytes) -> int:
    return min(bpf.run(program, octets, len(octets)), len(octets))


EXPRESSIONS = (
    "tcp port 25",
    "host 192.0.2.1 or net 2001:db8::/32",
    "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
    "ip[2:2] - ((ip[0] & 0xf) << 2) > 30",
    "portrange 20-600 and not port 587",
    "len >= 60 and ip[8] % 3 = 1",
)


@pytest.mark.parametrize("text", EXPRESSIONS)
@given(
    header=st.sampled_from(
        (
            IP(src="192.0.2.1"),
            IP(src="198.51.100.1", options=[IPOption_NOP()] * 8),
            IP(frag=3, proto=6),
            IPv6(src="2001:db8::7"),
            IPv6(src="2001:db9::7") / IPv6ExtHdrHopByHop(),
        )
    ),
    port=st.sampled_from((25, 26, 465, 587, 601)),
    flags=st.integers(0, 255),
    size=st.integers(0, 60),
    cut=st.integers(1, 200),
)
@settings(max_examples=40, deadline=None)
def test_machine_agrees_with_the_kernel_on_expressions(
    pair: tuple[socket.socket, socket.socket],
    text: str,
    header: Packet,
    port: int,
    flags: int,
    size: int,
    cut: int,
) -> None:
    program = bpf.compile_expression(text, bpf.DLT_RAW)
    octets = bytes(header / TCP(sport=40000, dport=port, flags=flags) / Raw(b"x" * size))[:cut]
    assert _in_python(program, octets) == _by_the_kernel(pair, program, octets)


def _instruction(codes: tuple[int, ...], k: st.SearchStrategy[int]) -> st.SearchStrategy[bpf.Instruction]:
    return st.tuples(st.sampled_from(codes), st.integers(0, 2), st.integers(0, 2), k)


LOADS = (0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0xB1)
IMMEDIATE = (0x00, 0x01, 0x80, 0x81)
MEMORY = (0x60, 0x61, 0x02, 0x03)
ALU_K = tuple(0x04 | operation for operation in range(0, 0xB0, 0x10))
ALU_X = tuple(code | 0x08 for code in ALU_K)
JUMPS = tuple(0x05 | operation | operand for operation in (0x10, 0x20, 0x30, 0x40) for operand in (0, 8))
numbers = st.one_of(st.integers(0, 40), st.integers(0, 2**32 - 1))


@given(
    st.lists(
        st.one_of(
            _instruction(LOADS, st.integers(0, 40)),
            _instruction(IMMEDIATE, numbers),
            _instruction(MEMORY, st.integers(0, 15)),
            _instruction((*ALU_K, *ALU_X), numbers),
            _instruction(JUMPS, numbers),
            _instruction((bpf.TAX, bpf.TXA), st.just(0)),
        ),
        max_size=12,
    ),
    st.binary(min_size=300, max_size=300),
)
@settings(max_examples=400, deadline=None)
def test_machine_agrees_with_the_kernel_on_any_program(
    pair: tuple[socket.socket, socket.socket], parts: list[bpf.Instruction], octets: bytes
) -> None:
    # The low octet of what was reckoned comes out as the length.
    stores = [(0x02, 0, 0, at) for at in range(16)]
    program = (*stores, *parts, (bpf.LDX_IMM, 0, 0, 0), *((bpf.AND_K, 0, 0, 0xFF),) * 2, (bpf.RET_A, 0, 0, 0))
    try:
        expected = _by_the_kernel(pair, program, octets)
    except OSError:  # not a valid program: a shift too far, a constant division by zero
        assume(False)
    assert _in_python(program, octets) == expected
