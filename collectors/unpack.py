"""gzip, xz and zstd, a piece at a time, so that a damaged file gives what precedes its damage.

zlib, lzma and zstandard all withhold what they made of a piece of input if that piece turns out to be damaged."""

from __future__ import annotations

import io
import lzma
import zlib
from typing import Final, Protocol

import zstandard

PACKED: Final = 1 << 12
"""Octets of a file unpacked at a time: 128 MB of zstd, if they were made to do harm."""

XZ_PIECE: Final = 1 << 10
"""Octets made at a time of xz, which has no way back: so many are lost before damage. A tenth slower than at once."""

GZIP = 31  # zlib's number for gzip with the largest window


class DamagedError(Exception):
    """The compressed octets make no sense or end too soon: "gzip: ends before its end marker"."""


class Input:
    """A file's compressed octets, the first of which were read already."""

    def __init__(self, first: bytes, file: io.BufferedReader) -> None:
        self._first = first
        self._file = file

    def more(self) -> bytes:
        """The next octets, b"" at the end."""
        if not self._first:
            return self._file.read1(PACKED)
        first, self._first = self._first[:PACKED], self._first[PACKED:]
        return first

    def put_back(self, octets: bytes) -> None:
        """They are to be read once more."""
        self._first = octets + self._first

    def another(self, magic: bytes) -> bool:
        """Whether another member follows after padding, with its magic; the end of the file is none.

        Raises DamagedError for anything else."""
        while more := self.more():
            if more := more.lstrip(b"\0"):
                while len(more) < len(magic) and (further := self.more()):
                    more += further
                self.put_back(more)
                if more.startswith(magic):
                    return True
                raise DamagedError("something else follows its end")
        return False


class Unpacked(Protocol):
    """A compressed file's contents."""

    def more(self, size: int) -> bytes:
        """The next octets, about `size` of them, b"" at the end. Raises DamagedError, after all that could be read."""


class Gzip:
    """gzip (RFC 1952), members one after another."""

    def __init__(self, packed: Input) -> None:
        self._packed = packed
        self._member = zlib.decompressobj(GZIP)
        self._error = ""

    def more(self, size: int) -> bytes:
        """As Unpacked."""
        while not self._error:
            if self._member.eof:
                self._packed.put_back(self._member.unused_data)
                if not _another(self._packed, b"\x1f\x8b", "gzip"):
                    return b""
                self._member = zlib.decompressobj(GZIP)
            piece = self._packed.more()
            before = self._member.copy()  # 40 kB, copied in a hundredth of the time that unpacking takes
            try:
                octets = self._member.decompress(piece, size)
            except zlib.error as error:
                self._error = f"gzip: {error}"
                octets = _until_damage(before, piece, size)
            else:
                if not piece and not octets and not self._member.eof:
                    raise DamagedError("gzip: ends before its end marker")
                self._packed.put_back(self._member.unconsumed_tail)
            if octets:
                return octets
        raise DamagedError(self._error)


def _until_damage(member: zlib._Decompress, piece: bytes, size: int) -> bytes:
    """Octet by octet on either side, for zlib tells the damage before it hands out what it made."""
    made = bytearray()
    try:
        for octet in piece:
            one = member.decompress(bytes((octet,)), 1)
            while one and len(made) < size:
                made += one
                one = member.decompress(member.unconsumed_tail, 1)
    except zlib.error:
        pass
    return bytes(made)


class Xz:
    """xz, streams one after another."""

    def __init__(self, packed: Input) -> None:
        self._packed = packed
        self._stream = lzma.LZMADecompressor(lzma.FORMAT_XZ)

    def more(self, size: int) -> bytes:
        """As Unpacked."""
        made = b""
        while not made:
            if self._stream.eof:
                self._packed.put_back(self._stream.unused_data)
                if not _another(self._packed, b"\xfd7zXZ\0", "xz"):
                    return b""
                self._stream = lzma.LZMADecompressor(lzma.FORMAT_XZ)
            piece = self._packed.more() if self._stream.needs_input else b""
            if not piece and self._stream.needs_input:
                raise DamagedError("xz: ends before its end marker")
            try:
                made = self._stream.decompress(piece, XZ_PIECE)
            except lzma.LZMAError as error:
                raise DamagedError(f"xz: {error}") from None
        return made


class Zstd:
    """zstd (RFC 8878), frames one after another. A block is the least that can be unpacked, 128 kB at most."""

    def __init__(self, packed: Input) -> None:
        self._packed = packed
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._begun = False

    def more(self, size: int) -> bytes:
        """As Unpacked; more than `size` where they pack well."""
        while piece := self._packed.more():
            self._begun = True
            try:
                made = self._frame.decompress(piece)
            except zstandard.ZstdError as error:
                raise DamagedError(f"zstd: {error}") from None
            if self._frame.eof:
                self._packed.put_back(self._frame.unused_data)
                self._frame, self._begun = zstandard.ZstdDecompressor().decompressobj(), False
            if made:
                return made
        if self._begun:
            raise DamagedError("zstd: ends before its end marker")
        return b""


def _another(packed: Input, magic: bytes, kind: str) -> bool:
    try:
        return packed.another(magic)
    except DamagedError as error:
        raise DamagedError(f"{kind}: {error}") from None
