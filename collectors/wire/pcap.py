"""The classic pcap file format, either byte order, microseconds or nanoseconds (draft-ietf-opsawg-pcap)."""

import struct
from collections.abc import Iterator
from typing import Final

from collectors.wire import frames
from collectors.wire.chunks import Chunks
from smtpwatch.errors import CaptureError

Packet = tuple[float, bytes, int, int, int, frames.Decode]
"""(time, buf, at, end, wire_end, decode); time in UTC epoch seconds, the rest as frames.Decode takes them."""

MAGICS: Final = {
    b"\xd4\xc3\xb2\xa1": ("<", 1e6),
    b"\xa1\xb2\xc3\xd4": (">", 1e6),
    b"\x4d\x3c\xb2\xa1": ("<", 1e9),
    b"\xa1\xb2\x3c\x4d": (">", 1e9),
}
"""The first four octets: byte order, and time units in a second."""

FILE_HEADER: Final = 24
"""Octets of it."""

LONGEST_PACKET: Final = 1 << 20
"""Octets of one packet, twice what a kernel makes with its largest offload; a greater length is damage."""

_PACKET_HEADER = 16
_LINKTYPE = 0xFFFF  # the upper bits of that field tell about the frame check sequence


class Pcap:
    """Packets of one pcap file; `head` is what has been read of it. `linktypes` learns its link type.

    Raises CaptureError for a header cut short and for a link type that cannot be decoded."""

    def __init__(self, chunks: Chunks, head: bytes, linktypes: dict[frames.Decode, int]) -> None:
        self._chunks = chunks
        self._buf = head
        order, self._units = MAGICS[head[:4]]
        if len(head) < FILE_HEADER:
            lengths = f"(wants {FILE_HEADER} octets, has {len(head)})"
            raise CaptureError(f"{chunks.path}: file header cut short {lengths}")
        self._record = struct.Struct(f"{order}IIII").unpack_from
        linktype = struct.unpack_from(f"{order}I", head, 20)[0] & _LINKTYPE
        try:
            self._decode = frames.decoder(linktype)
        except ValueError as error:
            raise CaptureError(f"{chunks.path}: {error}") from None
        linktypes[self._decode] = linktype

    def packets(self) -> Iterator[Packet]:
        """Every whole packet in order; then CaptureError if the file is damaged there."""
        record, units, decode = self._record, self._units, self._decode
        buf = self._buf
        at = FILE_HEADER
        number = 0
        try:
            while True:
                limit = len(buf)
                last_header = limit - _PACKET_HEADER
                wanted = _PACKET_HEADER
                while at <= last_header:
                    seconds, fraction, captured, original = record(buf, at)
                    start = at + _PACKET_HEADER
                    at = start + captured
                    if at > limit:
                        at = start - _PACKET_HEADER
                        wanted = _PACKET_HEADER + captured
                        break
                    number += 1
                    wire_end = start + original if original > captured else at
                    yield seconds + fraction / units, buf, start, at, wire_end, decode
                if wanted > _PACKET_HEADER + LONGEST_PACKET:
                    raise self._damage(number, f"impossible length {wanted - _PACKET_HEADER}")
                buf = self._chunks.more(buf[at:], wanted, number)
                at = 0
                if len(buf) < wanted:
                    if buf:
                        raise self._damage(number, f"cut short (wants {wanted} octets, has {len(buf)})")
                    return
        finally:
            self._chunks.close()

    def _damage(self, number: int, what: str) -> CaptureError:
        return CaptureError(f"{self._chunks.path}: packet {number + 1}: {what}")
