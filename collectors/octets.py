"""Files read once from their beginning, plain or compressed (gzip, xz, zstd): told apart by their first octets, not
their names. "-" is standard input."""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from collectors.unpack import DamagedError, Gzip, Input, Unpacked, Xz, Zstd
from smtpwatch.errors import CaptureError

CHUNK: Final = 1 << 16
"""Octets per read: what stays in the processor's cache until it has been looked at."""

STDIN: Final = Path("-")

_MAGICS: Final[dict[bytes, Callable[[Input], Unpacked]]] = {
    b"\x1f\x8b": Gzip,
    b"\xfd7zXZ\0": Xz,
    b"\x28\xb5\x2f\xfd": Zstd,
}
_LONGEST_MAGIC = max(map(len, _MAGICS))


class Octets:
    """The octets of a file, decompressed. Raises CaptureError in one line for whatever stops them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = "standard input" if path == STDIN else str(path)
        self._ahead = b""
        try:
            self._file = _opened(path)
            self.status = os.fstat(self._file.fileno())
            self._unpacked = self._look()
        except OSError as error:
            raise CaptureError(f"{self.name}: {error.strerror or error}") from None

    @property
    def changed(self) -> float | None:
        """When the file was last written before it was opened, epoch seconds; None for what is no file."""
        return self.status.st_mtime if stat.S_ISREG(self.status.st_mode) else None

    def head(self, size: int) -> bytes:
        """The first octets, which are still to be read; fewer where there are no more."""
        while len(self._ahead) < size:
            more = self._read("")
            if not more:
                break
            self._ahead += more
        return self._ahead[:size]

    def more(self, where: str = "") -> bytes:
        """The next octets, about CHUNK of them, b"" at the end. `where` tells an error's place within the file."""
        ahead, self._ahead = self._ahead, b""
        return ahead or self._read(where)

    def skip(self, size: int) -> bool:
        """Leave out the next octets; False if there are not as many."""
        if size > len(self._ahead) and self._unpacked is None and stat.S_ISREG(self.status.st_mode):
            self._file.seek(size - len(self._ahead), os.SEEK_CUR)
            self._ahead = b""
            return self._file.tell() <= os.fstat(self._file.fileno()).st_size
        while size:
            octets = self.more()
            if not octets:
                return False
            self._ahead = octets[size:]
            size -= min(size, len(octets))
        return True

    def duplicate(self) -> int | None:
        """A descriptor of the same file; None if it is compressed."""
        return os.dup(self._file.fileno()) if self._unpacked is None else None

    def close(self) -> None:
        """Close the file; there is no more to come."""
        self._file.close()

    def _look(self) -> Unpacked | None:
        """Whether it is compressed. A pipe may give its first octets one by one."""
        while len(self._ahead) < _LONGEST_MAGIC:
            more = self._file.read1(CHUNK)
            if not more:
                break
            self._ahead += more
        for magic, kind in _MAGICS.items():
            if self._ahead.startswith(magic):
                packed, self._ahead = self._ahead, b""
                return kind(Input(packed, self._file))
        return None

    def _read(self, where: str) -> bytes:
        place = f"{self.name}: {where}" if where else self.name
        try:
            return self._file.read1(CHUNK) if self._unpacked is None else self._unpacked.more(CHUNK)
        except DamagedError as error:
            raise CaptureError(f"{place}: damaged {error}") from None
        except OSError as error:
            raise CaptureError(f"{place}: {error.strerror or error}") from None


def _opened(path: Path) -> io.BufferedReader:
    if path == STDIN:
        if sys.stdin is None:
            raise OSError("is closed")
        return sys.stdin.buffer  # type: ignore[return-value]  # typed as any BinaryIO
    return path.open("rb")
