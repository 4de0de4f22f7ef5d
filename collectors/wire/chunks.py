"""A capture file read in pieces, so that packets are positions and not copies."""

from collectors.octets import CHUNK, Octets

__all__ = ["CHUNK", "Chunks"]


class Chunks:
    """The octets of a capture in order. Raises CaptureError in one line for whatever stops them."""

    def __init__(self, octets: Octets) -> None:
        self.path = octets.name
        self._octets = octets

    def more(self, rest: bytes, wanted: int, packets: int | None = None) -> bytes:
        """`rest` and what follows it, at least `wanted` octets in all unless the file ends before. `packets` were read
        so far: an error names the next."""
        where = "" if packets is None else f"packet {packets + 1}"
        pieces = [rest]
        size = len(rest)
        while True:
            piece = self._octets.more(where)
            pieces.append(piece)
            size += len(piece)
            if not piece or size >= wanted:
                return b"".join(pieces)

    def close(self) -> None:
        """Close the file; there is no more to come."""
        self._octets.close()
