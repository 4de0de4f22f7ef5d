"""Live capture where there is no AF_PACKET ring (macOS, the BSDs): through Scapy, a socket per interface.

It sees the same packets as ring.Ring, more slowly; the kernel filters by an expression of libpcap's.
"""

import select
from collections.abc import Iterator, Sequence
from typing import Any, Final

from scapy.config import conf
from scapy.error import Scapy_Exception
from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether, Loopback

from collectors.wire import frames
from smtpwatch.errors import CaptureError

Packet = tuple[float, bytes, int, int, int, frames.Decode]
"""As ring.Packet, with `at` at the link header."""

BATCH: Final = 1000
"""Packets in one batch: about 50 ms of work, after which the caller has its turn."""

_DECODERS: Final = {
    Ether: frames.decoder(frames.LINK_ETHERNET),
    Loopback: frames.decoder(frames.LINK_NULL),
    IP: frames.raw_ip,
    IPv6: frames.raw_ip,
}
"""By what Scapy takes an interface's frames for: Ethernet, BSD loopback, tunnels."""


def expression(ports: Sequence[int], user: str) -> str:
    """What bpf.watch accepts, but for VLAN tags, in pcap-filter(7)'s language; `user`, if any, narrows it."""
    watched = " or ".join(f"tcp port {port}" for port in ports) or "tcp"
    later_fragments = "ip proto 6 and ip[6:2] & 0x1fff != 0"
    extended = " or ".join(f"ip6[6] == {header}" for header in frames.IPV6_EXTENSIONS)
    ours = f"{watched} or ({later_fragments}) or {extended}"
    return f"({user}) and ({ours})" if user else ours


class PortableCapture:
    """Capture on the interfaces of these indexes and names; `filter_text` is for the kernel.

    Raises OSError as it comes, CaptureError for a filter or a device that cannot be had."""

    def __init__(self, interfaces: dict[int, str], filter_text: str) -> None:
        self._filter = filter_text
        self._open: dict[int, Any] = {}
        self._dropped = 0  # by those closed since
        self.listen(interfaces)

    def listen(self, interfaces: dict[int, str]) -> None:
        """Capture on these from now on: new ones are opened, others closed. Raises like the constructor."""
        for index in self._open.keys() - interfaces.keys():
            self._close(index)
        for index in interfaces.keys() - self._open.keys():
            self._open[index] = self._listen(interfaces[index])

    def wait(self, seconds: float) -> None:
        """Wait until a packet is there, or that long."""
        self._ready(seconds)

    def batch(self) -> Iterator[Packet]:
        """The packets that are there now, at most BATCH."""
        taken = 0
        while taken < BATCH:
            ready = self._ready(0)
            if not ready:
                return
            for index in ready:
                try:
                    kind, octets, time = self._open[index].recv_raw()
                except OSError:  # the interface has gone; listen() opens it again if it comes back
                    self._close(index)
                    continue
                if octets is not None:
                    taken += 1
                    decode = _DECODERS.get(kind, _unknown)
                    yield float(time), octets, 0, len(octets), len(octets), decode

    def dropped(self) -> int:
        """Packets lost for want of room, since the start, as far as the system tells."""
        return self._dropped + sum(_drops(sock) for sock in self._open.values())

    def close(self) -> None:
        """Close every socket."""
        self.listen({})

    def _listen(self, name: str) -> Any:
        conf.ifaces.reload()  # Scapy looks at the interfaces once; this one may be new
        try:
            return conf.L2listen(iface=name, filter=self._filter, promisc=False)
        except Scapy_Exception as error:
            raise CaptureError(f"{name}: {error}") from None

    def _ready(self, seconds: float) -> list[int]:
        if not self._open:
            select.select([], [], [], seconds)
            return []
        sockets = list(self._open.values())
        ready = sockets[0].select(sockets, seconds)
        return [index for index, sock in self._open.items() if sock in ready]

    def _close(self, index: int) -> None:
        sock = self._open.pop(index)
        self._dropped += _drops(sock)
        sock.close()


def _drops(sock: Any) -> int:
    get_stats = getattr(sock, "get_stats", None)  # BPF devices count, other sockets of Scapy's do not
    return (get_stats()[1] or 0) if get_stats else 0


def _unknown(*_: object) -> frames.Segment | str:
    """Decode what Scapy has no name for that we know."""
    return frames.NOT_IP
