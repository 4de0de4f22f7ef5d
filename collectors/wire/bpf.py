"""Classic BPF: the kernel's part of the filtering, and the same filtering for files.

A program is what SO_ATTACH_FILTER takes (Linux: Documentation/networking/filter.rst, linux/filter.h). `watch`
is for an AF_PACKET SOCK_DGRAM socket, where the data begins at the network header and the EtherType comes
beside it.
"""

import ctypes
import socket
import struct
from collections.abc import Sequence
from typing import Final

from collectors.wire import frames
from collectors.wire.bpf_machine import Instruction, Program, run
from smtpwatch.errors import CaptureError

__all__ = ["BpfError", "Instruction", "Program", "attach", "behind", "compile_expression", "run", "watch"]

LONGEST_PROGRAM: Final = 4096  # BPF_MAXINSNS: the kernel takes no more

REJECT_ALL: Final[Program] = ((0x06, 0, 0, 0),)

DLT_RAW: Final = 12
"""What a user's filter for live capture is compiled for: packets from the network header on."""

_LINKTYPE_RAW = 101  # the same in files

FRAGMENT_OCTETS: Final = 64
"""Kept of a later fragment, which is only counted: the longest IPv4 header, or IPv6's and the fragment's."""

# Codes, named as in linux/bpf_common.h: class, size or operation, addressing mode.
LD_WORD_ABS: Final = 0x20
LD_HALF_ABS: Final = 0x28
LD_BYTE_ABS: Final = 0x30
LD_HALF_IND: Final = 0x48
LDX_IMM: Final = 0x01
LDX_MSH: Final = 0xB1
ADD_K: Final = 0x04
AND_K: Final = 0x54
JA: Final = 0x05
JEQ: Final = 0x15
JSET: Final = 0x45
RET_K: Final = 0x06
RET_A: Final = 0x16
TAX: Final = 0x07
TXA: Final = 0x87

# Loads from here read what the kernel knows of the packet (SKF_AD_OFF + SKF_AD_... in linux/filter.h).
AD_PROTOCOL: Final = 0xFFFFF000
AD_PKTTYPE: Final = 0xFFFFF004
AD_IFINDEX: Final = 0xFFFFF008
AD_HATYPE: Final = 0xFFFFF01C

_ARPHRD_LOOPBACK = 772
_PACKET_OUTGOING = 4
_SO_ATTACH_FILTER = 26
_TCP = 6
_NETMASK_UNKNOWN = 0xFFFFFFFF
_LIBPCAP_SNAPLEN = 1 << 18

_REJECT: Instruction = (RET_K, 0, 0, 0)
_TO_PORTS: Instruction = (JA, 0, 0, -1)  # its distance is known once the program is whole


class BpfError(CaptureError):
    """A filter that cannot be had; the message is one line for the admin."""


def watch(ports: Sequence[int], snaplen: int, interfaces: Sequence[int]) -> Program:
    """Accept TCP to or from one of `ports` (none: all) on the interfaces with these indexes (none: all).

    Of an accepted packet `snaplen` octets are kept from the network header on, of later fragments
    FRAGMENT_OCTETS. IPv6 with extension headers is accepted whatever the ports. Each packet on loopback passes once, as
    received. A VLAN tag that is still in the frame is stepped over. Raises BpfError for more ports than a
    program can hold."""
    accept: Instruction = (RET_K, 0, 0, snaplen)
    parts: list[Instruction] = [
        *_without_loopback_copies(),
        *_on_interfaces(interfaces),
        (LD_WORD_ABS, 0, 0, AD_PROTOCOL),
        *_when(frames.ETHERTYPE_IPV4, _ipv4(0)),
        *_when(frames.ETHERTYPE_IPV6, _ipv6(0, accept)),
        *_unless(frames.ETHERTYPES_VLAN, [_REJECT]),
        (LD_HALF_ABS, 0, 0, 2),
        *_when(frames.ETHERTYPE_IPV4, _ipv4(4)),
        *_when(frames.ETHERTYPE_IPV6, _ipv6(4, accept)),
        *(instruction for tag in frames.ETHERTYPES_VLAN for instruction in _when(tag, [accept])),
        # Before Linux 6.11 the protocol of a frame that goes out with a tag put in by software is the tag's,
        # while the data begins behind it.
        (LD_BYTE_ABS, 0, 0, 0),
        (AND_K, 0, 0, 0xF0),
        *_when(0x40, _ipv4(0)),
        *_when(0x60, _ipv6(0, accept)),
        _REJECT,
    ]
    tail = len(parts)
    parts += _ports(ports, accept)
    return _checked(tuple((JA, 0, 0, tail - at - 1) if part is _TO_PORTS else part for at, part in enumerate(parts)))


def _when(value: int, then: list[Instruction]) -> list[Instruction]:
    """`then`, which must end the program's run, if the accumulator equals `value`; else go on behind it."""
    return [(JEQ, 0, len(then), value), *then]


def _unless(values: Sequence[int], then: list[Instruction]) -> list[Instruction]:
    """`then`, which must end the program's run, if the accumulator equals none of `values`.

    Two instructions for each, since a conditional jump reaches only 255 further."""
    parts: list[Instruction] = []
    for at, value in enumerate(values):
        parts += [(JEQ, 0, 1, value), (JA, 0, 0, 2 * (len(values) - at - 1) + len(then))]
    return parts + then


def _without_loopback_copies() -> list[Instruction]:
    """What is sent on loopback is received on it as well: the outgoing copy goes."""
    outgoing = [(LD_WORD_ABS, 0, 0, AD_PKTTYPE), *_when(_PACKET_OUTGOING, [_REJECT])]
    return [(LD_WORD_ABS, 0, 0, AD_HATYPE), (JEQ, 0, len(outgoing), _ARPHRD_LOOPBACK), *outgoing]


def _on_interfaces(interfaces: Sequence[int]) -> list[Instruction]:
    if not interfaces:
        return []
    return [(LD_WORD_ABS, 0, 0, AD_IFINDEX), *_unless(interfaces, [_REJECT])]


def _ipv4(at: int) -> list[Instruction]:
    """For an IPv4 header at that offset: on to the ports, with X at the TCP header."""
    return [
        (LD_BYTE_ABS, 0, 0, at + 9),
        (JEQ, 1, 0, _TCP),
        _REJECT,
        (LD_HALF_ABS, 0, 0, at + 6),
        (JSET, 0, 1, 0x1FFF),
        (RET_K, 0, 0, FRAGMENT_OCTETS),
        (LDX_MSH, 0, 0, at),
        (TXA, 0, 0, 0),
        (ADD_K, 0, 0, at),
        (TAX, 0, 0, 0),
        _TO_PORTS,
    ]


def _ipv6(at: int, accept: Instruction) -> list[Instruction]:
    """The same for IPv6; extension headers that may hide a TCP header are accepted."""
    return [
        (LD_BYTE_ABS, 0, 0, at + 6),
        *_when(_TCP, [(LDX_IMM, 0, 0, at + 40), _TO_PORTS]),
        *_unless(frames.IPV6_EXTENSIONS, [_REJECT]),
        # An extension header begins with the kind of the next: that is mostly ICMPv6, behind hop-by-hop options.
        (LD_BYTE_ABS, 0, 0, at + 40),
        *_unless((_TCP, *frames.IPV6_EXTENSIONS), [_REJECT]),
        (LD_BYTE_ABS, 0, 0, at + 6),
        (JEQ, 0, 3, frames.IPV6_FRAGMENT),
        (LD_HALF_ABS, 0, 0, at + 42),
        (JSET, 0, 1, 0xFFF8),
        (RET_K, 0, 0, FRAGMENT_OCTETS),
        accept,
    ]


def _ports(ports: Sequence[int], accept: Instruction) -> list[Instruction]:
    if not ports:
        return [accept]
    parts: list[Instruction] = []
    for offset in (0, 2):
        parts.append((LD_HALF_IND, 0, 0, offset))
        for port in ports:
            parts += [(JEQ, 0, 1, port), accept]
    return [*parts, _REJECT]


def behind(user: Program, ours: Program) -> Program:
    """A program that accepts what both accept, and as much of it as `ours` says.

    Raises BpfError if `user` could loop or run out of itself, or if both together are too long."""
    if not _comes_to_an_end(user):
        raise BpfError("the filter does not come to an end within itself")
    # `ret a` goes to a test of its own between the two; `ret k` is decided here.
    test: Program = ((JEQ, 0, 1, 0), _REJECT) if any(part[0] == RET_A for part in user) else ()
    linked: list[Instruction] = []
    for at, part in enumerate(user):
        left = len(user) - at - 1
        if part[0] == RET_A:
            linked.append((JA, 0, 0, left))
        elif part[0] == RET_K and part[3]:
            linked.append((JA, 0, 0, left + len(test)))
        else:
            linked.append(part)
    return _checked((*linked, *test, *ours))


def _comes_to_an_end(program: Program) -> bool:
    """Whether every way through goes forward to a return (a jump back is a distance far too large)."""
    for at, (code, jt, jf, k) in enumerate(program):
        reach = k if code == JA else max(jt, jf) if code & 0x07 == 0x05 else 0
        if at + 1 + reach >= len(program) and code & 0x07 != 0x06:
            return False
    return bool(program)


def _checked(program: Program) -> Program:
    if len(program) > LONGEST_PROGRAM:
        raise BpfError(f"the filter is too long: {len(program)} instructions, at most {LONGEST_PROGRAM}")
    return program


def attach(sock: socket.socket, program: Program) -> None:
    """Have the kernel filter what `sock` receives; any earlier filter goes at once. Raises OSError."""
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in program)
    held = ctypes.create_string_buffer(code, len(code))
    # The kernel copies what struct sock_fprog points to before setsockopt returns.
    sock_fprog = struct.pack("HP", len(program), ctypes.addressof(held))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, sock_fprog)


def compile_expression(text: str, linktype: int) -> Program:
    """A filter in libpcap's language (pcap-filter(7)) compiled for one link type (its LINKTYPE_ number, or
    DLT_RAW for live capture).

    Raises BpfError: libpcap is missing, or what it says is wrong with the filter."""
    if "\0" in text:
        raise BpfError(f"filter {text!r}: holds a NUL")
    try:
        from scapy.libs import winpcapy as libpcap
        from scapy.libs.structures import bpf_program
    except OSError:
        raise BpfError("a filter expression needs libpcap, which is not installed") from None
    handle = libpcap.pcap_open_dead(DLT_RAW if linktype == _LINKTYPE_RAW else linktype, _LIBPCAP_SNAPLEN)
    compiled = bpf_program()
    try:
        expression = text.encode(errors="backslashreplace")
        if libpcap.pcap_compile(handle, ctypes.byref(compiled), expression, 1, _NETMASK_UNKNOWN) != 0:
            reason = ctypes.string_at(libpcap.pcap_geterr(handle)).decode(errors="replace")
            raise BpfError(f"filter {text!r}: {reason}")
        parts = compiled.bf_insns[: compiled.bf_len]
        program = tuple((part.code, part.jt, part.jf, part.k & 0xFFFFFFFF) for part in parts)
        libpcap.pcap_freecode(ctypes.byref(compiled))
        if not _comes_to_an_end(program):
            raise BpfError(f"filter {text!r}: loops (protochain does), and the kernel runs no loops")
        return program
    finally:
        libpcap.pcap_close(handle)
