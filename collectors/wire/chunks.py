"""A capture file read in pieces, whole or through gzip, so that packets are positions and not copies."""

import gzip
import zlib
from io import BufferedReader
from pathlib import Path
from typing import Final

from smtpwatch.errors import CaptureError

CHUNK: Final = 1 << 16
"""Octets per read: what stays in the processor's cache until its packets have been looked at."""

_GZIP_MAGIC = b"\x1f\x8b"


class Chunks:
    """The octets of a file in order. Raises CaptureError in one line for whatever stops them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._octets: BufferedReader | gzip.GzipFile
        try:
            self._file = self._octets = path.open("rb")
            if self._file.peek(2)[:2] == _GZIP_MAGIC:
                self._octets = gzip.GzipFile(fileobj=self._file)
        except OSError as error:
            raise CaptureError(f"{path}: {error.strerror or error}") from None

    def more(self, rest: bytes, wanted: int, packets: int | None = None) -> bytes:
        """`rest` and what follows it, at least `wanted` octets in all unless the file ends before. `packets` were read
        so far: an error names the next."""
        where = str(self.path) if packets is None else f"{self.path}: packet {packets + 1}"
        pieces = [rest]
        size = len(rest)
        while True:
            piece = self._read(where)
            pieces.append(piece)
            size += len(piece)
            if not piece or size >= wanted:
                return b"".join(pieces)

    def close(self) -> None:
        """Close the file; there is no more to come."""
        self._file.close()

    def _read(self, where: str) -> bytes:
        try:
            # Unlike read(), read1() hands out what a gzip holds before its damage.
            return self._octets.read1(CHUNK)
        except gzip.BadGzipFile as error:
            raise CaptureError(f"{where}: damaged gzip: {error}") from None
        except EOFError:
            raise CaptureError(f"{where}: damaged gzip: ends before its end marker") from None
        except zlib.error as error:
            raise CaptureError(f"{where}: damaged gzip: {error}") from None
        except OSError as error:
            raise CaptureError(f"{where}: {error.strerror or error}") from None
