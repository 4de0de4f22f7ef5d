"""The pcapng file format (draft-ietf-opsawg-pcapng): several sections of either byte order, many interfaces.

Read are section headers, interface descriptions with their time resolution and offset, and enhanced, simple
and obsolete packet blocks; every other block is stepped over.
"""

import struct
from collections.abc import Iterator
from typing import Final

from collectors.wire import frames
from collectors.wire.chunks import Chunks
from collectors.wire.pcap import Packet
from smtpwatch.errors import CaptureError

SECTION_MAGIC: Final = b"\x0a\x0d\x0d\x0a"

LONGEST_BLOCK: Final = 16 << 20
"""Octets of one block, the limit libpcap has; a greater length is damage. It bounds the memory held."""

INTERFACES: Final = 65536
"""Interfaces in a section: what the obsolete packet block can number."""

_SECTION = 0x0A0D0D0A
_INTERFACE = 1
_OBSOLETE_PACKET = 2
_SIMPLE_PACKET = 3
_ENHANCED_PACKET = 6
_PACKET_BLOCKS = frozenset((_ENHANCED_PACKET, _SIMPLE_PACKET, _OBSOLETE_PACKET))

_ORDER_MAGICS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_SMALLEST_BLOCK = 12
_HIGH_HALF = float(1 << 32)
_OPTION_TSRESOL = 9
_OPTION_TSOFFSET = 14


class _DamageError(Exception):
    """What is wrong with the block at hand."""


class _Interface:
    """What an interface description says of its packets; decode None: a link type we cannot read."""

    __slots__ = ("decode", "linktype", "offset", "snaplen", "units")

    def __init__(self, linktype: int, snaplen: int, units: float, offset: float) -> None:
        self.linktype = linktype
        self.snaplen = snaplen or LONGEST_BLOCK
        self.units = units
        self.offset = offset
        self.decode: frames.Decode | None
        try:
            self.decode = frames.decoder(linktype)
        except ValueError:
            self.decode = None


class _Section:
    """The byte order of a section and the interfaces described in it so far."""

    def __init__(self, order: str) -> None:
        self.block = struct.Struct(f"{order}II").unpack_from
        self.long = struct.Struct(f"{order}I").unpack_from
        self.enhanced = struct.Struct(f"{order}5I").unpack_from
        self.obsolete = struct.Struct(f"{order}HHIIII").unpack_from
        self.description = struct.Struct(f"{order}HHI").unpack_from
        self.option = struct.Struct(f"{order}HH").unpack_from
        self.signed = struct.Struct(f"{order}q").unpack_from
        self.interfaces: list[_Interface] = []

    def describe(self, buf: bytes, at: int, end: int) -> _Interface:
        """Take in the body of an interface description. Raises _DamageError."""
        if end - at < 8:
            raise _DamageError("interface description cut short")
        if len(self.interfaces) >= INTERFACES:
            raise _DamageError(f"more than {INTERFACES} interfaces")
        linktype, _, snaplen = self.description(buf, at)
        at += 8
        units, offset = 1e6, 0
        while at + 4 <= end:
            code, length = self.option(buf, at)
            at += 4
            if code == 0 or at + length > end:
                break
            if code == _OPTION_TSRESOL and length == 1:
                resolution = buf[at]
                units = float(2 ** (resolution & 0x7F) if resolution & 0x80 else 10**resolution)
            elif code == _OPTION_TSOFFSET and length == 8:
                offset = self.signed(buf, at)[0]
            at += length + 3 & ~3
        interface = _Interface(linktype, snaplen, units, float(offset))
        self.interfaces.append(interface)
        return interface

    def fields(self, kind: int, buf: bytes, at: int, end: int) -> tuple[int, int, int, int, int, int]:
        """(interface, high and low half of the time, captured, original, where the data begins) of a simple
        or obsolete packet block whose body is buf[at:end]. Raises _DamageError."""
        fixed = 4 if kind == _SIMPLE_PACKET else 20
        if end - at < fixed:
            raise _DamageError("packet block cut short")
        if kind == _OBSOLETE_PACKET:
            number, _, high, low, captured, original = self.obsolete(buf, at)
            return number, high, low, captured, original, at + fixed
        if not self.interfaces:
            raise _DamageError("names interface 0 of 0")
        # The block does not say how much was captured: the interface's limit and the padding to 4 octets do.
        original = self.long(buf, at)[0]
        captured = min(original, self.interfaces[0].snaplen, end - at - fixed)
        return 0, 0, 0, captured, original, at + fixed


class Pcapng:
    """Packets of one pcapng file; `head` is what has been read of it.

    `linktypes` learns the interfaces' link types; packets of one that cannot be decoded are left out, counted in
    `unparsed`."""

    def __init__(
        self, chunks: Chunks, head: bytes, linktypes: dict[frames.Decode, int], unparsed: dict[str, int]
    ) -> None:
        self._chunks = chunks
        self._head = head
        self._linktypes = linktypes
        self._unparsed = unparsed

    def packets(self) -> Iterator[Packet]:
        """Every whole packet in order; then CaptureError if the file is damaged there."""
        buf = self._head
        at = 0
        number = 0
        section = _Section("<")
        try:
            while True:
                limit = len(buf)
                wanted = _SMALLEST_BLOCK
                while at + _SMALLEST_BLOCK <= limit:
                    kind, size = section.block(buf, at)
                    if kind == _SECTION:
                        section = _section(buf, at)
                        size = section.block(buf, at)[1]
                    if size > LONGEST_BLOCK or size < _SMALLEST_BLOCK or size & 3:
                        raise _DamageError(f"impossible block length {size}")
                    stop = at + size
                    if stop > limit:
                        wanted = size
                        break
                    if section.long(buf, stop - 4)[0] != size:
                        raise _DamageError("the block's two lengths differ")
                    if kind in _PACKET_BLOCKS:
                        packet = self._packet(section, kind, buf, at + 8, stop - 4)
                        number += 1
                        if packet is not None:
                            yield packet
                    elif kind == _INTERFACE:
                        self._describe(section, buf, at + 8, stop - 4)
                    at = stop
                buf = self._chunks.more(buf[at:], wanted, number)
                at = 0
                if len(buf) < wanted:
                    if buf:
                        raise _DamageError(f"cut short (wants {wanted} octets, has {len(buf)})")
                    return
        except _DamageError as damage:
            raise CaptureError(f"{self._chunks.path}: packet {number + 1}: {damage}") from None
        finally:
            self._chunks.close()

    def _describe(self, section: _Section, buf: bytes, at: int, end: int) -> None:
        interface = section.describe(buf, at, end)
        if interface.decode is not None:
            self._linktypes[interface.decode] = interface.linktype

    def _packet(self, section: _Section, kind: int, buf: bytes, at: int, end: int) -> Packet | None:
        """The packet of a block whose body is buf[at:end]; None if its link type cannot be decoded."""
        if kind == _ENHANCED_PACKET:  # nearly every block: spare it the call
            if end - at < 20:
                raise _DamageError("packet block cut short")
            number, high, low, captured, original = section.enhanced(buf, at)
            start = at + 20
        else:
            number, high, low, captured, original, start = section.fields(kind, buf, at, end)
        stop = start + captured
        if stop > end:
            raise _DamageError(f"impossible length {captured}")
        if number >= len(section.interfaces):
            raise _DamageError(f"names interface {number} of {len(section.interfaces)}")
        interface = section.interfaces[number]
        if interface.decode is None:
            reason = f"link type {interface.linktype}"
            self._unparsed[reason] = self._unparsed.get(reason, 0) + 1
            return None
        time = (high * _HIGH_HALF + low) / interface.units + interface.offset
        return time, buf, start, stop, start + original if original > captured else stop, interface.decode


def _section(buf: bytes, at: int) -> _Section:
    """The section whose header block begins at `at`, with at least the smallest block's octets there."""
    order = _ORDER_MAGICS.get(buf[at + 8 : at + 12])
    if order is None:
        raise _DamageError("section header without its byte order")
    return _Section(order)
