"""The kernel's part of finding out who sends mail: of all packets, only those that begin a connection to a mail port
elsewhere are handed to us, so that the others cost next to nothing, a flood of connections to us included.

For an AF_PACKET SOCK_DGRAM socket, where the data begins at the network header. Sources: RFC 791, 8200 and 9293."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from collectors.wire.bpf import (
    AD_HATYPE,
    AD_PROTOCOL,
    AND_K,
    JA,
    JEQ,
    JSET,
    LD_BYTE_ABS,
    LD_HALF_ABS,
    LD_HALF_IND,
    LD_WORD_ABS,
    LDX_MSH,
    RET_K,
    Instruction,
    Program,
)
from collectors.wire.frames import ACK, ETHERTYPE_IPV4, ETHERTYPE_IPV6, SYN

SNAPLEN: Final = 120
"""Octets kept of a packet: the longest IPv4 header and TCP's own."""

OWN_IPV4: Final = 300
OWN_IPV6: Final = 50
"""Addresses that the kernel compares; more are left to the reader. Together they stay below the 20 kB that older
kernels grant a socket for its filter (net.core.optmem_max)."""

PORTS: Final = 300
"""Compared at most: a program is no longer than 4096 instructions, and nobody watches as many."""

_LD_BYTE_IND = 0x50  # linux/bpf_common.h
_ARPHRD_LOOPBACK = 772
_TCP = 6
_FRAGMENT_OFFSET = 0x1FFF
_TCP_PORT, _TCP_FLAGS = 2, 13  # where the destination's port and the flags are in a TCP header
_IPV4_DESTINATION, _IPV6_DESTINATION, _IPV6_LENGTH = 16, 24, 40
_REJECT: Instruction = (RET_K, 0, 0, 0)
_ACCEPT: Instruction = (RET_K, 0, 0, SNAPLEN)
_SYN_ALONE: tuple[Instruction, ...] = ((AND_K, 0, 0, SYN | ACK), (JEQ, 1, 0, SYN), _REJECT)


def program(ports: Sequence[int], own: Collection[bytes]) -> Program:
    """Accept TCP segments with SYN and without ACK to one of `ports`, on any interface but loopback, whose destination
    is none of our `own` addresses (packed).

    IPv6 with extension headers is not looked into: nothing that opens a connection sends them. A frame that still has
    its VLAN tag is seen without it as well, on the interface of that VLAN. Of `ports` the first PORTS count."""
    ports = ports[:PORTS]
    ipv4 = _ipv4(ports, [address for address in own if len(address) == 4][:OWN_IPV4])
    return (
        (LD_WORD_ABS, 0, 0, AD_HATYPE),
        (JEQ, 0, 1, _ARPHRD_LOOPBACK),
        _REJECT,
        (LD_WORD_ABS, 0, 0, AD_PROTOCOL),
        (JEQ, 1, 0, ETHERTYPE_IPV4),
        (JA, 0, 0, len(ipv4)),  # a conditional jump reaches only 255 further
        *ipv4,
        (JEQ, 1, 0, ETHERTYPE_IPV6),
        _REJECT,
        *_ipv6(ports, [address for address in own if len(address) == 16][:OWN_IPV6]),
    )


def _ipv4(ports: Sequence[int], own: Iterable[bytes]) -> list[Instruction]:
    return [
        (LD_BYTE_ABS, 0, 0, 9),
        (JEQ, 1, 0, _TCP),
        _REJECT,
        (LD_HALF_ABS, 0, 0, 6),
        (JSET, 0, 1, _FRAGMENT_OFFSET),
        _REJECT,
        (LDX_MSH, 0, 0, 0),
        (_LD_BYTE_IND, 0, 0, _TCP_FLAGS),
        *_SYN_ALONE,
        (LD_HALF_IND, 0, 0, _TCP_PORT),
        *_one_of(ports),
        *_unless(_IPV4_DESTINATION, own),
        _ACCEPT,
    ]


def _ipv6(ports: Sequence[int], own: Iterable[bytes]) -> list[Instruction]:
    return [
        (LD_BYTE_ABS, 0, 0, 6),
        (JEQ, 1, 0, _TCP),
        _REJECT,
        (LD_BYTE_ABS, 0, 0, _IPV6_LENGTH + _TCP_FLAGS),
        *_SYN_ALONE,
        (LD_HALF_ABS, 0, 0, _IPV6_LENGTH + _TCP_PORT),
        *_one_of(ports),
        *_unless(_IPV6_DESTINATION, own),
        _ACCEPT,
    ]


def _one_of(values: Sequence[int]) -> list[Instruction]:
    """Go on behind this if the accumulator equals one of `values`, else reject."""
    parts: list[Instruction] = []
    for at, value in enumerate(values):
        parts += [(JEQ, 0, 1, value), (JA, 0, 0, 2 * (len(values) - at - 1) + 1)]  # over the others, and the end
    return [*parts, _REJECT]


def _unless(at: int, addresses: Iterable[bytes]) -> list[Instruction]:
    """Reject the packet if what it holds there is one of `addresses`, else go on behind this."""
    parts: list[Instruction] = []
    for address in addresses:
        words = [int.from_bytes(address[word : word + 4], "big") for word in range(0, len(address), 4)]
        for number, word in enumerate(words):
            left = 2 * (len(words) - number - 1) + 1
            parts += [(LD_WORD_ABS, 0, 0, at + 4 * number), (JEQ, 0, left, word)]
        parts.append(_REJECT)
    return parts
