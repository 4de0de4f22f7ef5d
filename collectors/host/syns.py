"""Connections to mail ports elsewhere, at the moment that they begin: their first segments, as they leave this host or
come out of a container on it (packet(7))."""

from __future__ import annotations

import socket
import struct
from collections.abc import Collection, Sequence
from typing import NamedTuple

from collectors.host.syn_filter import SNAPLEN, program
from collectors.wire import bpf

_ETH_P_ALL = 3
_SOL_PACKET = 263
_PACKET_STATISTICS = 6
_COUNTS = struct.Struct("II")  # tpacket_stats: packets, drops
_ROOM = 1 << 20  # octets of the socket's queue: some thousand segments of a burst, the kernel grants what it will

_IPV4 = struct.Struct("!12x4s4s")
_IPV6 = struct.Struct("!8x16s16s")
_TCP = struct.Struct("!HHI")


class Syn(NamedTuple):
    """The first segment of a connection. Addresses are packed; `number` is TCP's initial sequence number, which stays
    the same where the segment is sent again, and where a router gives it another source; `interface` is the name of
    that on which it was seen."""

    source: bytes
    client_port: int
    server: bytes
    server_port: int
    number: int
    interface: str


class Syns:
    """A socket that gets the first segments of connections to `ports` on servers that are not ours.

    Linux alone has it. Needs CAP_NET_RAW. Raises PermissionError, or OSError."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = ports
        self._dropped = 0
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_ALL))
        try:
            self._socket.setblocking(False)
            # What has come before there is a filter may be anything, and goes.
            bpf.attach(self._socket, bpf.REJECT_ALL)
            while self._read() is not None:
                pass
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM)
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """The descriptor that poll() finds readable when a segment is there."""
        return self._socket.fileno()

    def filter(self, own: Collection[bytes]) -> None:
        """From now on those to one of our `own` addresses (packed) are left out. Before the first call there are none
        at all. Raises OSError."""
        try:
            bpf.attach(self._socket, program(self._ports, own))
        except OSError:  # too long for what this kernel grants: they are left to the reader
            bpf.attach(self._socket, program(self._ports, ()))

    def read(self) -> Syn | None:
        """The next one, None if there is none."""
        while (seen := self._read()) is not None:
            syn = parsed(*seen)
            if syn is not None:
                return syn
        return None

    def _read(self) -> tuple[bytes, str] | None:
        try:
            octets, address = self._socket.recvfrom(SNAPLEN)
        except BlockingIOError:
            return None
        return octets, address[0]

    def dropped(self) -> int:
        """Segments that there was no room for, since the start."""
        # The kernel sets its counts to zero with every look.
        self._dropped += _COUNTS.unpack(self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, _COUNTS.size))[1]
        return self._dropped

    def close(self) -> None:
        """See no more."""
        self._socket.close()


def parsed(octets: bytes, interface: str) -> Syn | None:
    """A packet from its network header on, as the filter lets it pass; None if it was cut short."""
    try:
        if octets[0] >> 4 == 4:
            source, server = _IPV4.unpack_from(octets)
            start = (octets[0] & 0x0F) * 4
        else:
            source, server = _IPV6.unpack_from(octets)
            start = _IPV6.size
        client_port, server_port, number = _TCP.unpack_from(octets, start)
    except (struct.error, IndexError):
        return None
    return Syn(source, client_port, server, server_port, number, interface)
