"""Live capture on Linux: an AF_PACKET socket and its TPACKET_V3 ring, memory shared with the kernel.

The kernel fills blocks with packets and hands each over when it is full or its time is up; reading is a
matter of positions in that memory. Sources: packet(7), Documentation/networking/packet_mmap.rst,
linux/if_packet.h.
"""

import mmap
import select
import socket
import struct
from collections.abc import Iterator
from typing import Final

from collectors.wire import bpf, frames

Packet = tuple[float, mmap.mmap, int, int, int, frames.Decode]
"""(time, buf, at, end, wire_end, decode); time in UTC epoch seconds; at: the network header; the rest as frames.Decode
takes it."""

BLOCK: Final = 1 << 18
"""Octets of one block: the smallest ring then still has four, and the largest `snaplen` nearly fits."""

BATCH: Final = 4
"""Blocks read in one go: some thousand packets, so tens of milliseconds under full load."""

_MIB = 1 << 20
_SOL_PACKET = 263
_PACKET_RX_RING = 5
_PACKET_STATISTICS = 6
_PACKET_VERSION = 10
_TPACKET_V3 = 2
_TP_STATUS_KERNEL = 0
_TP_STATUS_USER = 1
_ETH_P_ALL = 3

_STATUS_AT = 8  # of struct tpacket_block_desc
# block_status, num_pkts, offset_to_first_pkt; in native mode, which reads and writes a status in one piece.
_BLOCK_HEADER = struct.Struct("III").unpack_from
_STATUS = struct.Struct("I").pack_into
# struct tpacket3_hdr: tp_next_offset, tp_sec, tp_nsec, tp_snaplen, tp_len, tp_net.
_PACKET_HEADER = struct.Struct("=5I6xH").unpack_from
_TYPE_OF_TAGGED = struct.Struct("!2xH").unpack_from
_BEHIND_A_TAG = frozenset((frames.ETHERTYPE_IPV4, frames.ETHERTYPE_IPV6, *frames.ETHERTYPES_VLAN))


class Ring:
    """A ring on all interfaces, those to come included; `program` decides which packets enter it.

    size_mib: memory for packets; timeout_ms: how long one may wait in a block that does not fill up. Needs
    CAP_NET_RAW. Raises PermissionError, or OSError where the kernel has no such ring or no memory for it."""

    def __init__(self, program: bpf.Program, size_mib: int, timeout_ms: int) -> None:
        self._blocks = size_mib * _MIB // BLOCK
        self._block = 0
        self._dropped = 0
        # What arrives before the filter is attached goes to the socket's queue, which the kernel empties when
        # it sets up the ring: nothing unfiltered is ever read.
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_ALL))
        try:
            bpf.attach(self._socket, program)
            self._socket.setsockopt(_SOL_PACKET, _PACKET_VERSION, _TPACKET_V3)
            request = struct.pack("7I", BLOCK, self._blocks, BLOCK, self._blocks, timeout_ms, 0, 0)
            self._socket.setsockopt(_SOL_PACKET, _PACKET_RX_RING, request)
            self._memory = mmap.mmap(self._socket.fileno(), self._blocks * BLOCK)
        except OSError:
            self._socket.close()
            raise
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)

    def fileno(self) -> int:
        """The descriptor that select() and poll() find readable when a block is there."""
        return self._socket.fileno()

    def wait(self, seconds: float) -> None:
        """Wait until a block is there, or that long."""
        self._poll.poll(seconds * 1000)

    def refilter(self, program: bpf.Program) -> None:
        """Let another program decide from now on; there is no moment without one. Raises OSError."""
        bpf.attach(self._socket, program)

    def batch(self) -> Iterator[Packet]:
        """The packets of the blocks that the kernel has handed over, at most BATCH of them, so that the reader gets to
        do something else in between.

        A packet's octets stay good until the next one is asked for; a block goes back to the kernel when its
        last packet has been taken, so the batch is to be read to its end."""
        memory = self._memory
        header, decode = _PACKET_HEADER, _decode
        for _ in range(BATCH):
            base = self._block * BLOCK
            status, count, first = _BLOCK_HEADER(memory, base + _STATUS_AT)
            if not status & _TP_STATUS_USER:
                return
            at = base + first
            for _ in range(count):
                step, seconds, nanos, captured, length, net = header(memory, at)
                time = seconds + nanos / 1e9
                start = at + net
                at += step
                yield time, memory, start, start + captured, start + length, decode
            _STATUS(memory, base + _STATUS_AT, _TP_STATUS_KERNEL)
            self._block = (self._block + 1) % self._blocks

    def dropped(self) -> int:
        """Packets that the ring had no room for, since its start."""
        # struct tpacket_stats_v3: packets, drops, freeze_q_cnt; the kernel sets them to zero with every look.
        counts = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 12)
        self._dropped += struct.unpack("III", counts)[1]
        return self._dropped

    def close(self) -> None:
        """Give everything back to the kernel."""
        self._memory.close()
        self._socket.close()


def _decode(buf: frames.Octets, at: int, end: int, wire_end: int) -> frames.Segment | str:
    """Decode from the network header on, or from the middle of a VLAN tag.

    The kernel takes one tag off a frame; a second one stays, and its latter half is then where the data begins.
    sll_protocol does not tell: since Linux 6.11 it names what follows the tags."""
    found = frames.raw_ip(buf, at, end, wire_end)
    if isinstance(found, str) and at + 4 <= end and _TYPE_OF_TAGGED(buf, at)[0] in _BEHIND_A_TAG:
        return frames.network(buf, at, end, wire_end, frames.ETHERTYPES_VLAN[0])
    return found
