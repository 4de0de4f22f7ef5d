"""The frame decoder against Scapy, frame by frame, and against any octets whatever."""

import ipaddress
import mmap
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP, IPOption_NOP
from scapy.layers.inet6 import (
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    PadN,
)
from scapy.layers.ipsec import AH
from scapy.layers.l2 import ARP, CookedLinux, CookedLinuxV2, Dot1AD, Dot1Q, Ether, Loopback
from scapy.packet import Packet, Raw

from collectors.wire import frames

UNKNOWN_TO_SCAPY = (135, 139, 140)  # extension headers that it takes for no such: mobility, HIP, shim6
REASONS = {frames.NOT_IP, frames.NOT_TCP, frames.FRAGMENT, frames.MALFORMED, frames.CUT_SHORT}
LINKS: dict[int, type[Packet] | None] = {
    frames.LINK_ETHERNET: Ether,
    frames.LINK_LINUX_SLL: CookedLinux,
    frames.LINK_LINUX_SLL2: CookedLinuxV2,
    frames.LINK_NULL: Loopback,
    frames.LINK_LOOP: Loopback,
    frames.LINK_RAW: None,
}
FAMILIES = {2, 10, 24, 28, 30}
TAGS = {0x8100: Dot1Q, 0x88A8: Dot1AD, 0x9100: Dot1Q}

v4 = st.ip_addresses(v=4).map(str)
v6 = st.ip_addresses(v=6).map(str)
port = st.integers(0, 65535)
word = st.integers(0, 2**32 - 1)


@st.composite
def ipv4_headers(draw: st.DrawFn) -> Packet:
    options = [IPOption_NOP() for _ in range(draw(st.sampled_from((0, 0, 1, 4, 40))))]
    flags = draw(st.sampled_from(("", "", "DF", "MF")))
    return IP(src=draw(v4), dst=draw(v4), tos=draw(st.integers(0, 255)), flags=flags, options=options)


@st.composite
def ipv6_headers(draw: st.DrawFn) -> Packet:
    flow = draw(st.integers(0, 2**20 - 1))
    header = IPv6(src=draw(v6), dst=draw(v6), tc=draw(st.integers(0, 255)), fl=flow)
    extensions = st.sampled_from(("hop", "destination", "routing", "fragment", "first"))
    for kind in draw(st.one_of(st.just([]), st.lists(extensions, max_size=4, unique=True))):
        if kind == "hop":
            header /= IPv6ExtHdrHopByHop(options=[PadN(optdata=b"\0" * draw(st.integers(0, 20)))])
        elif kind == "destination":
            header /= IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0" * draw(st.integers(0, 20)))])
        elif kind == "routing":
            header /= IPv6ExtHdrRouting(addresses=["2001:db8::1"] * draw(st.integers(0, 3)), segleft=0)
        else:
            header /= IPv6ExtHdrFragment(offset=0, m=kind == "first", id=7)
    if draw(st.booleans()):
        # Scapy does not fill in the next header here, nor the length.
        octets = draw(st.sampled_from((12, 16, 32)))
        header /= AH(nh=6, payloadlen=(octets + 12) // 4 - 2, icv=b"\1" * octets)
    return header


@st.composite
def segments(draw: st.DrawFn) -> tuple[int, bytes]:
    """A link type and the octets of a TCP segment on it, Ethernet ones padded as the wire demands."""
    linktype = draw(st.sampled_from(sorted(LINKS)))
    header = draw(st.one_of(ipv4_headers(), ipv6_headers()))
    link = LINKS[linktype]
    packet = header if link is None else _link(link, draw, header)
    options = draw(st.sampled_from(([], [("MSS", 1460)], [("Timestamp", (1, 2)), ("NOP", None), ("NOP", None)])))
    tcp = TCP(
        sport=draw(port), dport=draw(port), seq=draw(word), ack=draw(word),
        flags=draw(st.integers(0, 255)), options=options,
    )  # fmt: skip
    octets = bytes(packet / tcp / Raw(draw(st.binary(max_size=120))))
    if linktype == frames.LINK_ETHERNET and draw(st.booleans()):
        octets = octets.ljust(60, b"\0") + b"FCS!"
    return linktype, octets


def _link(link: type[Packet], draw: st.DrawFn, header: Packet) -> Packet:
    if link is Loopback:
        return link(type=2 if isinstance(header, IP) else draw(st.sampled_from((10, 24, 28, 30)))) / header
    tags = draw(st.sampled_from(((), (), (Dot1Q,), (Dot1AD, Dot1Q), (Dot1Q, Dot1Q, Dot1Q))))
    protocol = {(): 0x0800 if isinstance(header, IP) else 0x86DD, (Dot1AD, Dot1Q): 0x88A8}.get(tags, 0x8100)
    packet: Packet
    if link is Ether:
        packet = Ether(dst="02:00:00:00:00:01", src="02:00:00:00:00:02", type=protocol)
    else:
        packet = link(proto=protocol)
    for tag in tags:
        packet /= tag(vlan=draw(st.integers(1, 4094)))
    return packet / header


def _whole(linktype: int, octets: bytes) -> frames.Segment | str:
    return frames.decoder(linktype)(octets, 0, len(octets), len(octets))


def _told(segment: frames.Segment | str, buf: bytes) -> tuple[Any, ...] | str:
    """A Segment in the words of _dissected; what is no segment as it is."""
    if isinstance(segment, str):
        return segment
    key, seq, ack, flags, start, length, captured = segment
    assert captured == length
    return *frames.addresses(key), seq, ack, flags, buf[start : start + length]


def _network_layer(linktype: int, octets: bytes) -> Any:
    """Scapy's layer behind the link header and VLAN tags."""
    link = LINKS[linktype]
    if link is Loopback:  # Scapy knows the address families of its own system only
        if not {int.from_bytes(octets[:4], "little"), int.from_bytes(octets[:4], "big")} & FAMILIES:
            return None
        link, octets = None, octets[4:]
    if link is None:
        return (IPv6 if octets[:1] and octets[0] >> 4 == 6 else IP)(octets)
    layer: Any = link(octets)
    if isinstance(layer, CookedLinux | CookedLinuxV2) and layer.proto in TAGS:
        layer = TAGS[layer.proto](bytes(layer.payload.original))  # nor does it expect tags here
    while isinstance(layer, Ether | CookedLinux | CookedLinuxV2 | Dot1Q):
        layer = layer.payload
    return layer


def _ipv6_payload(ip: Any) -> tuple[int, Any, int]:
    """(octets left, layer, its number) behind the extension headers."""
    size, layer, kind = ip.plen, ip.payload, ip.nh
    while isinstance(layer, IPv6ExtHdrHopByHop | IPv6ExtHdrDestOpt | IPv6ExtHdrRouting | IPv6ExtHdrFragment | AH):
        step = 8 if isinstance(layer, IPv6ExtHdrFragment) else _extension_size(layer)
        size -= step
        kind = layer.nh
        if isinstance(layer, AH) and layer.nh == 6:  # Scapy looks no further
            layer = TCP(layer.original[step:]) if len(layer.original) >= step + 20 else None
        else:
            layer = layer.payload
    return size, layer, kind


def _dissected(linktype: int, octets: bytes) -> tuple[Any, ...] | None:
    """What Scapy says of the TCP segment in a frame; None if it finds none, or lengths that contradict; () if it
    leaves that open."""
    try:
        ip = _network_layer(linktype, octets)
    except IndexError:  # Scapy's own, where a routing header is cut short
        return None
    if isinstance(ip, IP):
        if ip.version == 4 and ip.len == 0:
            return ()
        if ip.version != 4 or ip.ihl < 5 or not ip.ihl * 4 <= ip.len <= len(ip.original):
            return None
        size, layer = ip.len - ip.ihl * 4, ip.payload
    elif isinstance(ip, IPv6):
        if ip.version == 6 and ip.plen == 0:
            return ()
        if ip.version != 6 or ip.plen + 40 > len(ip.original):
            return None
        size, layer, kind = _ipv6_payload(ip)
        if kind in UNKNOWN_TO_SCAPY:
            return ()
    else:
        return None
    if not isinstance(layer, TCP) or layer.dataofs < 5 or layer.dataofs * 4 > size:
        return None
    payload = bytes(layer.original)[layer.dataofs * 4 : size]
    ends = (str(ipaddress.ip_address(ip.src)), layer.sport, str(ipaddress.ip_address(ip.dst)), layer.dport)
    return *ends, layer.seq, layer.ack, int(layer.flags) & 0xFF, payload


def _extension_size(layer: Any) -> int:
    return int((layer.payloadlen + 2) * 4 if isinstance(layer, AH) else (layer.len + 1) * 8)


@given(segments())
@settings(max_examples=400, deadline=None)
def test_agrees_with_scapy_on_whole_segments(made: tuple[int, bytes]) -> None:
    linktype, octets = made
    expected = _dissected(linktype, octets)
    assert expected
    assert _told(_whole(linktype, octets), octets) == expected


@given(segments(), st.data())
@settings(max_examples=300, deadline=None)
def test_cut_frames_keep_their_length(made: tuple[int, bytes], data: st.DataObject) -> None:
    linktype, octets = made
    whole = _whole(linktype, octets)
    assert isinstance(whole, tuple)
    cut = data.draw(st.integers(0, len(octets)))
    # What lies behind the cut in the buffer is another packet's, and must not be looked at.
    for buf in (octets[:cut], octets[:cut] + b"\xff" * 200, octets[:cut] + bytes(200)):
        segment = frames.decoder(linktype)(buf, 0, cut, len(octets))
        start, length = whole[4], whole[5]
        if cut < start:
            assert segment == frames.CUT_SHORT
        else:
            assert segment == (*whole[:5], length, min(length, cut - start))


@given(segments(), st.binary(max_size=70), st.binary(max_size=70))
@settings(max_examples=200, deadline=None)
def test_position_in_the_buffer_does_not_matter(made: tuple[int, bytes], before: bytes, after: bytes) -> None:
    linktype, octets = made
    alone = _whole(linktype, octets)
    assert isinstance(alone, tuple)
    at, end = len(before), len(before) + len(octets)
    buffer = before + octets + after
    ring = mmap.mmap(-1, len(buffer))
    ring.write(buffer)
    for buf in (buffer, ring):
        among = frames.decoder(linktype)(buf, at, end, end)
        assert among == (*alone[:4], alone[4] + at, *alone[5:])


@given(segments(), st.lists(st.tuples(st.integers(0, 100), st.integers(0, 255)), max_size=4))
@settings(max_examples=400, deadline=None)
def test_agrees_with_scapy_on_damaged_frames(made: tuple[int, bytes], changes: list[tuple[int, int]]) -> None:
    linktype, octets = made
    damaged = bytearray(octets)
    for at, value in changes:
        damaged[at % len(damaged)] = value
    frame = bytes(damaged)
    expected = _dissected(linktype, frame)
    found = _told(_whole(linktype, frame), frame)
    if expected is None:
        assert found in REASONS
    elif expected:
        assert found == expected


@given(
    st.sampled_from((*LINKS, *frames.DLT_RAW, frames.LINK_PPP)),
    st.binary(max_size=150),
    st.integers(0, 150),
)
@settings(max_examples=500, deadline=None)
@example(frames.LINK_ETHERNET, b"", 0)
def test_any_octets_at_all(linktype: int, octets: bytes, missing: int) -> None:
    _stays_in_bounds(linktype, octets, missing)


def _stays_in_bounds(linktype: int, octets: bytes, missing: int) -> None:
    end = len(octets)
    found = frames.decoder(linktype)(octets, 0, end, end + missing)
    if isinstance(found, str):
        assert found in REASONS
    else:
        key, _, _, flags, start, length, captured = found
        assert len(key) in (12, 36) and flags < 256
        assert 0 < start <= start + captured <= end
        assert start + captured <= start + length <= end + missing


@given(
    st.sampled_from((4, 6)),
    st.lists(st.tuples(st.integers(0, 90), st.integers(0, 255)), max_size=6),
    st.integers(0, 120),
    st.integers(0, 40),
)
@settings(max_examples=500, deadline=None)
def test_nearly_good_packets_stay_in_bounds(
    version: int, changes: list[tuple[int, int]], size: int, missing: int
) -> None:
    packet = IP() / TCP() / Raw(b"x" * 40) if version == 4 else IPv6() / TCP() / Raw(b"x" * 40)
    octets = bytearray(bytes(packet))
    for at, value in changes:
        octets[at % len(octets)] = value
    _stays_in_bounds(frames.LINK_RAW, bytes(octets[:size]), missing)


TCP_OCTETS = bytes(TCP(sport=25, dport=40000, seq=1, ack=2, flags="PA") / Raw(b"220 hello\r\n"))


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        (Ether() / ARP(), frames.NOT_IP),
        (Ether() / IP() / UDP(), frames.NOT_TCP),
        (Ether() / IPv6() / UDP(), frames.NOT_TCP),
        (Ether() / IPv6() / IPv6ExtHdrHopByHop() / UDP(), frames.NOT_TCP),
        (Ether() / IP(frag=1, proto=6) / Raw(TCP_OCTETS), frames.FRAGMENT),
        (Ether() / IP(frag=1, proto=17) / Raw(TCP_OCTETS), frames.NOT_TCP),
        (Ether() / IP(flags="MF", proto=6) / Raw(TCP_OCTETS[:12]), frames.FRAGMENT),
        (Ether() / IP(proto=6) / Raw(TCP_OCTETS[:12]), frames.MALFORMED),
        (Ether() / IPv6() / IPv6ExtHdrFragment(nh=6, offset=4) / Raw(TCP_OCTETS), frames.FRAGMENT),
        (Ether() / IPv6() / IPv6ExtHdrFragment(nh=17, offset=4) / Raw(TCP_OCTETS), frames.NOT_TCP),
        (Ether() / IPv6() / IPv6ExtHdrFragment(nh=6, m=1) / Raw(TCP_OCTETS[:12]), frames.FRAGMENT),
        (Ether() / IP(len=200) / TCP(), frames.MALFORMED),
        (Ether() / IPv6(plen=200) / TCP(), frames.MALFORMED),
        (Ether() / IP(len=10) / TCP(), frames.MALFORMED),
        (Ether() / IP(ihl=4, proto=6) / TCP(), frames.MALFORMED),
        (Ether() / IP(version=5) / TCP(), frames.MALFORMED),
        (Ether() / IP() / TCP(dataofs=4), frames.MALFORMED),
        (Ether() / IP() / TCP(dataofs=15), frames.MALFORMED),
        (Ether(type=0x8100) / Raw(b"\0"), frames.MALFORMED),
    ],
)  # fmt: skip
def test_says_why_there_is_no_segment(packet: Packet, expected: str) -> None:
    assert _whole(frames.LINK_ETHERNET, bytes(packet)) == expected


@pytest.mark.parametrize("header", [IP(len=0, proto=6), IPv6(plen=0, nh=6)])
def test_length_left_open_by_offload_reaches_to_the_end_of_the_frame(header: Packet) -> None:
    octets = bytes(Ether(type=0x0800 if isinstance(header, IP) else 0x86DD) / header / Raw(TCP_OCTETS))
    segment = frames.decoder(frames.LINK_ETHERNET)(octets, 0, len(octets) - 3, len(octets))
    assert isinstance(segment, tuple)
    assert segment[5:] == (11, 8)


def test_first_fragment_with_a_whole_header_is_a_segment() -> None:
    octets = bytes(IP(flags="MF", proto=6) / Raw(TCP_OCTETS))
    segment = _whole(frames.LINK_RAW, octets)
    assert isinstance(segment, tuple)
    assert octets[segment[4] :] == b"220 hello\r\n"


@pytest.mark.parametrize("prefix", [b"\xff\x03\x00\x21", b"\x00\x21"])
def test_ppp_with_and_without_its_compressed_header(prefix: bytes) -> None:
    octets = prefix + bytes(IP(src="192.0.2.1", dst="192.0.2.2", proto=6) / Raw(TCP_OCTETS))
    segment = _whole(frames.LINK_PPP, octets)
    assert isinstance(segment, tuple)
    assert frames.addresses(segment[0]) == ("192.0.2.1", 25, "192.0.2.2", 40000)
    assert _whole(frames.LINK_PPP, b"\xff\x03\x80\x21" + bytes(60)) == frames.NOT_IP


@given(st.one_of(st.tuples(v4, v4), st.tuples(v6, v6)), port, port)
@settings(max_examples=100, deadline=None)
def test_a_key_reversed_swaps_the_ends(pair: tuple[str, str], sport: int, dport: int) -> None:
    source, destination = (ipaddress.ip_address(text) for text in pair)
    key = source.packed + destination.packed + sport.to_bytes(2, "big") + dport.to_bytes(2, "big")
    assert frames.addresses(key) == (str(source), sport, str(destination), dport)
    assert frames.addresses(frames.reverse(key)) == (str(destination), dport, str(source), sport)
    assert frames.reverse(frames.reverse(key)) == key


def test_unknown_link_type() -> None:
    with pytest.raises(ValueError, match="link type 105 is not supported"):
        frames.decoder(105)
