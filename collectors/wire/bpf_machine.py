"""The classic BPF machine in Python, for filtering what does not come through a kernel that does it.

It decides as Linux does (Documentation/networking/filter.rst): a load from outside the packet and a division
by zero reject.
"""

import operator
from collections.abc import Callable
from typing import Final

Instruction = tuple[int, int, int, int]
"""(code, jt, jf, k), as in struct sock_filter."""

Program = tuple[Instruction, ...]

_MASK = 0xFFFFFFFF
_ANCILLARY = 0xFFFFF000
_MEMORY_WORDS = 16  # BPF_MEMWORDS

_SIZES: Final = {0x00: 4, 0x08: 2, 0x10: 1}
_ABSOLUTE, _INDIRECT, _MEMORY, _LENGTH, _HEADER = 0x20, 0x40, 0x60, 0x80, 0xA0
_X_OPERAND = 0x08


def _shift_left(a: int, b: int) -> int:
    return a << (b & 31)


def _shift_right(a: int, b: int) -> int:
    return a >> (b & 31)


_ALU: Final[dict[int, Callable[[int, int], int]]] = {
    0x00: operator.add,
    0x10: operator.sub,
    0x20: operator.mul,
    0x30: operator.floordiv,
    0x40: operator.or_,
    0x50: operator.and_,
    0x60: _shift_left,
    0x70: _shift_right,
    0x80: lambda a, _: -a,
    0x90: operator.mod,
    0xA0: operator.xor,
}
_JUMPS: Final[dict[int, Callable[[int, int], bool]]] = {
    0x10: operator.eq,
    0x20: operator.gt,
    0x30: operator.ge,
    0x40: lambda a, b: a & b != 0,
}


class _RejectedError(Exception):
    """The packet does not hold what the program reads."""


class _Machine:
    """The registers while one program looks at one packet."""

    __slots__ = ("a", "ancillary", "memory", "packet", "wire_length", "x")

    def __init__(self, packet: bytes, wire_length: int, ancillary: dict[int, int]) -> None:
        self.packet = packet
        self.wire_length = wire_length
        self.ancillary = ancillary
        self.a = 0
        self.x = 0
        self.memory = [0] * _MEMORY_WORDS

    def load(self, code: int, k: int) -> int:
        """The value of a load instruction into A or X."""
        mode = code & 0xE0
        if mode == _ABSOLUTE:
            return self.octets(k, _SIZES[code & 0x18])
        if mode == _INDIRECT:
            return self.octets(self.x + k & _MASK, _SIZES[code & 0x18])
        if mode == _MEMORY:
            return self.memory[k]
        if mode == _LENGTH:
            return self.wire_length
        if mode == _HEADER:
            return (self.octets(k, 1) & 0x0F) << 2
        return k

    def octets(self, at: int, size: int) -> int:
        """`size` octets of the packet as a number; at offsets reserved for that, what is known beside it."""
        if at >= _ANCILLARY:
            try:
                return self.ancillary[at - _ANCILLARY]
            except KeyError:
                raise _RejectedError from None
        if at + size > len(self.packet):
            raise _RejectedError
        return int.from_bytes(self.packet[at : at + size], "big")

    def step(self, code: int, k: int) -> None:
        """Carry out anything but a jump or a return."""
        kind = code & 0x07
        if kind == 0x00:
            self.a = self.load(code, k)
        elif kind == 0x01:
            self.x = self.load(code, k)
        elif kind == 0x02:
            self.memory[k] = self.a
        elif kind == 0x03:
            self.memory[k] = self.x
        elif kind == 0x04:
            self.a = _ALU[code & 0xF0](self.a, self.x if code & _X_OPERAND else k) & _MASK
        elif code & 0x80:
            self.a = self.x
        else:
            self.x = self.a


def run(
    program: Program,
    packet: bytes,
    wire_length: int,
    *,
    protocol: int = 0,
    pkttype: int = 0,
    ifindex: int = 0,
    hatype: int = 0,
) -> int:
    """How many octets of the packet the program accepts; 0: none of it.

    `packet` is what was captured of `wire_length` octets; the rest is what Linux knows beside a packet
    (packet(7), struct sockaddr_ll). The program must be valid, as those of libpcap and `bpf.watch` are."""
    machine = _Machine(packet, wire_length, {0: protocol, 4: pkttype, 8: ifindex, 28: hatype})
    at = 0
    try:
        while True:
            code, jt, jf, k = program[at]
            at += 1
            kind = code & 0x07
            if kind == 0x06:
                return machine.a if code & 0x18 == 0x10 else k
            if kind != 0x05:
                machine.step(code, k)
            elif code & 0xF0 == 0:
                at += k
            else:
                operand = machine.x if code & _X_OPERAND else k
                at += jt if _JUMPS[code & 0xF0](machine.a, operand) else jf
    except (_RejectedError, ZeroDivisionError):
        return 0
