"""Capture files: pcap and pcapng, plain or compressed, told apart by their first octets and not by their names."""

from collections.abc import Iterator
from pathlib import Path

from collectors.octets import Octets
from collectors.wire import frames
from collectors.wire.chunks import Chunks
from collectors.wire.pcap import FILE_HEADER, MAGICS, Packet, Pcap
from collectors.wire.pcapng import SECTION_MAGIC, Pcapng
from smtpwatch.errors import CaptureError

__all__ = ["CaptureError", "CaptureFile", "Packet"]


def is_capture(octets: Octets) -> bool:
    """Whether a file begins as captures do; nothing of it is consumed."""
    head = octets.head(4)
    return head in MAGICS or head == SECTION_MAGIC


class CaptureFile:
    """One capture file, to be read once from its beginning.

    Raises CaptureError in one line: missing, unreadable, empty, no capture, a link type we cannot read."""

    def __init__(self, file: Path | Octets) -> None:
        octets = file if isinstance(file, Octets) else Octets(file)
        self._chunks = Chunks(octets)
        self.unparsed: dict[str, int] = {}
        """Packets left out so far, by reason."""
        self.linktypes: dict[frames.Decode, int] = {}
        """The LINKTYPE_ number of the packets that come with a decoder; a pcapng file may mix several."""
        try:
            self._format = self._detect()
        except CaptureError:
            self._chunks.close()
            raise

    def _detect(self) -> Pcap | Pcapng:
        head = self._chunks.more(b"", FILE_HEADER)
        if head[:4] in MAGICS:
            return Pcap(self._chunks, head, self.linktypes)
        if head[:4] == SECTION_MAGIC:
            return Pcapng(self._chunks, head, self.linktypes, self.unparsed)
        raise CaptureError(f"{self._chunks.path}: {'is not a capture file (pcap, pcapng)' if head else 'is empty'}")

    def packets(self) -> Iterator[Packet]:
        """Packets in file order, (time, buf, at, end, wire_end, decode) for decode(buf, at, end, wire_end).

        `buf` holds many packets; positions are good for as long as it is kept. On damage, every good packet
        before it is yielded, then CaptureError names the packet and what is wrong with it."""
        return self._format.packets()
