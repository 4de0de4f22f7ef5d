"""The capture ring on interfaces of its own: loopback and veth pairs in network namespaces."""

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from scapy.layers.inet import IP, TCP, IPOption_NOP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether
from scapy.packet import Packet as ScapyPacket
from scapy.packet import Raw

from collectors.wire import bpf, frames
from collectors.wire.interfaces import Interfaces
from collectors.wire.portable import PortableCapture, expression
from collectors.wire.ring import Ring
from smtpwatch.errors import CaptureError
from tests.hosts.namespaces import Namespace, join

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("ip") is None,
    reason="needs root and iproute2 for network namespaces",
)

PORT = 2525
SNAPLEN = 8192
TIMEOUT_MS = 10
SETTLE = 2.0  # seconds within which a packet must have come

Seen = tuple[int, frames.Segment | str, bytes]
"""(octets kept, what it decodes to, payload)."""


@pytest.fixture
def host() -> Iterator[Namespace]:
    with Namespace("ring") as namespace:
        yield namespace


@pytest.fixture
def peer() -> Iterator[Namespace]:
    with Namespace("peer") as namespace:
        yield namespace


def _ring(host: Namespace, program: bpf.Program, size_mib: int = 4) -> Ring:
    with host.entered():
        return Ring(program, size_mib, TIMEOUT_MS)


def _index(namespace: Namespace, interface: str) -> int:
    with namespace.entered():
        return socket.if_nametoindex(interface)


def _seen(capture: Ring | PortableCapture, wanted: int) -> list[Seen]:
    """At least `wanted` packets, and whatever else comes within a few block times after them."""
    found: list[Seen] = []
    deadline = time.monotonic() + SETTLE
    while time.monotonic() < deadline:
        capture.wait(0.05)
        for stamp, buf, at, end, wire_end, decode in capture.batch():
            assert abs(stamp - time.time()) < 60
            segment = decode(buf, at, end, wire_end)
            payload = b"" if isinstance(segment, str) else buf[segment[4] : segment[4] + segment[6]]
            found.append((end - at, segment, bytes(payload)))
        if len(found) >= wanted:
            deadline = min(deadline, time.monotonic() + 0.1)
    return found


def _talk(server: Namespace, client: Namespace, address: str, port: int, text: bytes) -> None:
    """One TCP connection that carries `text` from the client to the server."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with server.entered():
        listener = socket.create_server((address, port), family=family)
    with client.entered():
        caller = socket.socket(family)
    with listener, caller:
        caller.settimeout(5)
        caller.connect((address, port))
        accepted, _ = listener.accept()
        with accepted:
            caller.sendall(text)
            caller.shutdown(socket.SHUT_WR)
            while accepted.recv(65536):
                pass


def _told(seen: list[Seen]) -> bytes:
    return b"".join(payload for _, _, payload in seen)


def _ports(seen: list[Seen]) -> set[int]:
    ports = set()
    for _, segment, _ in seen:
        assert isinstance(segment, tuple)
        _, sport, _, dport = frames.addresses(segment[0])
        ports |= {sport, dport}
    return ports


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_loopback_shows_each_packet_once(host: Namespace, address: str) -> None:
    with closing(_ring(host, bpf.watch((PORT,), SNAPLEN, ()))) as ring:
        _talk(host, host, address, PORT + 1, b"not for us")
        _talk(host, host, address, PORT, b"EHLO client.example\r\n")
        seen = _seen(ring, 8)
        assert _told(seen) == b"EHLO client.example\r\n"
        segments = [segment for _, segment, _ in seen]
        assert len(set(segments)) == len(segments)
        begun = [segment for segment in segments if isinstance(segment, tuple) and segment[3] & frames.SYN]
        assert len(begun) == 2
        assert PORT in _ports(seen) and PORT + 1 not in _ports(seen)
        assert ring.dropped() == 0


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
def test_both_ends_of_a_veth_pair(host: Namespace, peer: Namespace, address: str) -> None:
    join((host, "eth0", ["192.0.2.1/24", "2001:db8::1/64"]), (peer, "eth0", ["192.0.2.2/24", "2001:db8::2/64"]))
    for namespace in (host, peer):
        with closing(_ring(namespace, bpf.watch((PORT,), SNAPLEN, ()))) as ring:
            _talk(host, peer, address, PORT, b"EHLO client.example\r\n")
            assert _told(_seen(ring, 8)) == b"EHLO client.example\r\n"


def test_snaplen_cuts_what_is_kept_but_not_the_length(host: Namespace) -> None:
    with closing(_ring(host, bpf.watch((PORT,), 128, ()))) as ring:
        _talk(host, host, "127.0.0.1", PORT, b"x" * 5000)
        seen = _seen(ring, 8)
        assert max(kept for kept, _, _ in seen) == 128
        assert sum(segment[5] for _, segment, _ in seen if isinstance(segment, tuple)) == 5000


def test_vlan_is_seen_on_the_wire_and_on_its_interface(host: Namespace, peer: Namespace) -> None:
    join((host, "eth0", []), (peer, "eth0", []))
    for namespace, address in ((host, "192.0.2.1/24"), (peer, "192.0.2.2/24")):
        try:
            namespace.ip("link", "add", "link", "eth0", "name", "eth0.5", "type", "vlan", "id", "5")
        except subprocess.CalledProcessError as error:
            if "Unknown device type" in error.stderr:
                pytest.skip("this kernel has no VLAN devices")
            raise
        namespace.ip("address", "add", address, "dev", "eth0.5")
        namespace.ip("link", "set", "eth0.5", "up")
    with closing(_ring(host, bpf.watch((PORT,), SNAPLEN, ()))) as ring:
        _talk(host, peer, "192.0.2.1", PORT, b"EHLO vlan\r\n")
        seen = _seen(ring, 16)
        assert sorted(payload for _, _, payload in seen if payload) == [b"EHLO vlan\r\n"] * 2  # once for each interface
        ring.refilter(bpf.watch((PORT,), SNAPLEN, (_index(host, "eth0.5"),)))
        _talk(host, peer, "192.0.2.1", PORT, b"EHLO again\r\n")
        assert _told(_seen(ring, 8)) == b"EHLO again\r\n"


LINK = Ether(dst="02:00:00:00:00:01", src="02:00:00:00:00:02")
SEGMENT = TCP(sport=40000, dport=PORT, seq=7, flags="PA") / Raw(b"NOOP\r\n")
V4 = IP(src="192.0.2.2", dst="192.0.2.1")
V6 = IPv6(src="2001:db8::2", dst="2001:db8::1")


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (LINK / V4 / SEGMENT, b"NOOP\r\n"),
        (LINK / IP(src="192.0.2.2", dst="192.0.2.1", options=[IPOption_NOP()] * 8) / SEGMENT, b"NOOP\r\n"),
        (LINK / V6 / IPv6ExtHdrDestOpt() / SEGMENT, b"NOOP\r\n"),
        (LINK / Dot1Q(vlan=5) / V4 / SEGMENT, b"NOOP\r\n"),
        (LINK / Dot1AD(vlan=5) / Dot1Q(vlan=7) / V4 / SEGMENT, b"NOOP\r\n"),
        (LINK / Dot1Q(vlan=5) / Dot1Q(vlan=7) / V6 / SEGMENT, b"NOOP\r\n"),
        (LINK / Dot1AD(vlan=5) / Dot1Q(vlan=7) / Dot1Q(vlan=8) / V4 / SEGMENT, b"NOOP\r\n"),
        (LINK / IP(dst="192.0.2.1", frag=9, proto=6) / Raw(b"x" * 600), frames.FRAGMENT),
        (LINK / V6 / IPv6ExtHdrFragment(nh=6, offset=9) / Raw(b"x" * 600), frames.FRAGMENT),
        (LINK / Dot1AD(vlan=5) / Dot1Q(vlan=0x501, prio=2) / V4 / SEGMENT, b"NOOP\r\n"),
        (LINK / Dot1AD(vlan=5) / Dot1Q(vlan=7, prio=3) / V6 / SEGMENT, b"NOOP\r\n"),
        (LINK / V4 / TCP(dport=PORT, dataofs=4), frames.MALFORMED),
    ],
)
def test_frames_of_every_shape(host: Namespace, peer: Namespace, frame: ScapyPacket, expected: bytes | str) -> None:
    join((host, "eth0", []), (peer, "eth0", []))
    index = _index(host, "eth0")
    with closing(_ring(host, bpf.watch((PORT,), SNAPLEN, (index,)))) as ring:
        _inject(peer, frame)
        seen = _seen(ring, 1)
    assert len(seen) == 1
    kept, segment, payload = seen[0]
    assert expected == (segment if isinstance(expected, str) else payload)
    if expected == frames.FRAGMENT:
        assert kept == bpf.FRAGMENT_OCTETS


def _inject(namespace: Namespace, frame: ScapyPacket) -> None:
    with namespace.entered(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind(("eth0", 0))
        wire.send(bytes(frame))


def test_interface_that_appears_later(host: Namespace, peer: Namespace) -> None:
    with host.entered():
        interfaces = Interfaces(())
    assert interfaces.names() == ("lo",)
    with closing(_ring(host, bpf.watch((PORT,), SNAPLEN, interfaces.indexes()))) as ring:
        join((host, "late0", ["192.0.2.1/24"]), (peer, "eth0", ["192.0.2.2/24"]))
        _talk(host, peer, "192.0.2.1", PORT, b"EHLO late\r\n")
        assert _told(_seen(ring, 8)) == b"EHLO late\r\n"
    with host.entered():
        assert interfaces.changed()
        assert not interfaces.changed()
    assert interfaces.names() == ("lo", "late0")


def test_refilter_watches_other_ports_at_once(host: Namespace) -> None:
    with closing(_ring(host, bpf.watch((PORT,), SNAPLEN, ()))) as ring:
        _talk(host, host, "127.0.0.1", PORT, b"one")
        ring.refilter(bpf.watch((PORT + 1,), SNAPLEN, ()))
        _talk(host, host, "127.0.0.1", PORT, b"two")
        _talk(host, host, "127.0.0.1", PORT + 1, b"three")
        assert _told(_seen(ring, 16)) == b"onethree"


def test_filter_of_the_admin_comes_first(host: Namespace) -> None:
    user = bpf.compile_expression("src host 127.0.0.1", bpf.DLT_RAW)
    with closing(_ring(host, bpf.behind(user, bpf.watch((PORT,), SNAPLEN, ())))) as ring:
        _talk(host, host, "::1", PORT, b"six")
        _talk(host, host, "127.0.0.1", PORT, b"four")
        assert _told(_seen(ring, 8)) == b"four"


def test_what_comes_before_the_filter_never_shows(host: Namespace) -> None:
    stop = threading.Event()

    def chatter() -> None:
        with host.entered():
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with sender:
            while not stop.is_set():
                sender.sendto(b"noise", ("127.0.0.1", 9))

    thread = threading.Thread(target=chatter)
    thread.start()
    try:
        for _ in range(5):
            with closing(_ring(host, bpf.watch((PORT,), SNAPLEN, ()))) as ring:
                ring.wait(0.03)
                assert list(ring.batch()) == []
    finally:
        stop.set()
        thread.join()


def test_overload_is_counted_and_passes(host: Namespace) -> None:
    with closing(_ring(host, bpf.watch((PORT,), SNAPLEN, ()), size_mib=1)) as ring:
        for _ in range(8):
            _talk(host, host, "127.0.0.1", PORT, b"x" * 2_000_000)
        dropped = ring.dropped()
        assert dropped > 0
        assert ring.dropped() == dropped
        assert len(list(ring.batch())) > 0
        _seen(ring, 0)
        _talk(host, host, "127.0.0.1", PORT, b"EHLO after\r\n")
        assert _told(_seen(ring, 8)) == b"EHLO after\r\n"
        assert ring.dropped() == dropped


def test_many_turns_round_the_ring_lose_nothing(host: Namespace) -> None:
    octets = 0
    with closing(_ring(host, bpf.watch((PORT,), 128, ()), size_mib=1)) as ring:
        for _ in range(400):
            for _ in range(5):
                _talk(host, host, "127.0.0.1", PORT, b"x" * 1000)
            for _, buf, at, end, wire_end, decode in ring.batch():
                segment = decode(buf, at, end, wire_end)
                assert isinstance(segment, tuple)
                octets += segment[5]
        octets += sum(segment[5] for _, segment, _ in _seen(ring, 0) if isinstance(segment, tuple))
        assert ring.dropped() == 0
    assert octets == 400 * 5 * 1000


def test_named_interfaces(host: Namespace, peer: Namespace) -> None:
    with host.entered():
        with pytest.raises(CaptureError, match=r"^no interface eth9 \(there are: lo\)$"):
            Interfaces(("lo", "eth9"))
        join((host, "eth0", ["192.0.2.1/24"]), (peer, "eth0", ["192.0.2.2/24"]))
        interfaces = Interfaces(("eth0",))
    index = _index(host, "eth0")
    assert interfaces.names() == ("eth0",) and interfaces.indexes() == (index,)
    host.ip("link", "delete", "eth0")
    with host.entered():
        assert interfaces.changed()
    assert interfaces.names() == ()
    octets = bytes(V4 / SEGMENT)
    program = bpf.watch((PORT,), SNAPLEN, interfaces.indexes())
    assert bpf.run(program, octets, len(octets), protocol=0x0800, ifindex=index) == 0


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
def test_portable_capture(host: Namespace, peer: Namespace, address: str) -> None:
    join((host, "eth0", ["192.0.2.1/24", "2001:db8::1/64"]), (peer, "eth0", ["192.0.2.2/24", "2001:db8::2/64"]))
    index = _index(host, "eth0")
    with host.entered():
        capture = PortableCapture({index: "eth0"}, expression((PORT,), ""))
    with closing(capture):
        _talk(host, peer, address, PORT + 1, b"not for us")
        _talk(host, peer, address, PORT, b"EHLO client.example\r\n")
        seen = _seen(capture, 8)
        assert _told(seen) == b"EHLO client.example\r\n"
        assert capture.dropped() == 0
        capture.listen({})
        _talk(host, peer, address, PORT, b"no more")
        assert _seen(capture, 0) == []


def test_portable_capture_survives_its_interface(host: Namespace, peer: Namespace) -> None:
    join((host, "eth0", ["192.0.2.1/24"]), (peer, "eth0", ["192.0.2.2/24"]))
    with host.entered():
        capture = PortableCapture({_index(host, "eth0"): "eth0"}, expression((), "not host 192.0.2.9"))
        with closing(capture):
            host.ip("link", "delete", "eth0")
            assert _seen(capture, 0) == []
            join((host, "eth0", ["192.0.2.1/24"]), (peer, "eth0", ["192.0.2.2/24"]))
            capture.listen({_index(host, "eth0"): "eth0"})
            _talk(host, peer, "192.0.2.1", PORT, b"EHLO again\r\n")
            assert _told(_seen(capture, 8)) == b"EHLO again\r\n"


def test_portable_capture_refuses_a_wrong_filter(host: Namespace) -> None:
    with host.entered(), pytest.raises(CaptureError, match=r"^lo: Cannot set filter"):
        PortableCapture({1: "lo"}, expression((PORT,), "hots 192.0.2.1"))
