"""One file that is being written to: an inode, and how far it was read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from collectors.logs.lines import Lines
from collectors.logs.rotated import HEAD, Rotated, inode
from collectors.octets import Octets
from smtpwatch.errors import CaptureError

CHUNK = 1 << 18  # octets read at a time: 2,000 lines, 10 ms of parsing
BACK = 1 << 16  # octets before a file's end in which its last line begins


class EndError(Exception):
    """Nothing follows what was read so far: the file was cut to nothing meanwhile, or is one that is read once."""


class Followed:
    """A file, read from its beginning or from the line that is being written now. Raises OSError."""

    def __init__(self, file: Path | int, from_end: bool = False) -> None:
        """`file` is a path, or a descriptor to take over."""
        # O_NONBLOCK: no waiting for a writer, should it be a pipe.
        self._fd = file if isinstance(file, int) else os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        status = os.fstat(self._fd)
        if not stat.S_ISREG(status.st_mode):
            os.close(self._fd)
            raise OSError(0, "is no regular file")
        self.inode = inode(status)
        self.lines = Lines()
        self.at = 0
        self.head = b""
        """Its first octets, HEAD at most."""
        self._before = b""
        """The octets before `at`, HEAD at most: still there if it is still the same file."""
        self.changed = status.st_mtime_ns
        """When it had last been written to when there was last something to read, nanoseconds."""
        self._exhausted = (-1, 0)
        """Size and time of change with which there was nothing more to read."""
        self.read_on = False
        """Whether the last `read` found anything."""
        if from_end:
            self._go_to_end()
        else:
            self.head = self.first()

    def _go_to_end(self) -> None:
        """To the beginning of the line that is being written: it is to be read whole."""
        while True:
            head = os.pread(self._fd, HEAD, 0)
            size = os.fstat(self._fd).st_size
            start = max(0, size - BACK - HEAD)
            octets = os.pread(self._fd, size - start, start)
            if os.pread(self._fd, HEAD, 0).startswith(head) and len(octets) == size - start:
                break  # else it was cut meanwhile
        newline = octets.rfind(b"\n", HEAD if start else 0) + 1
        if start and not newline:
            self.lines, newline = Lines(within=True), len(octets)
        self.at = start + newline
        self.head = head
        self._before = octets[:newline][-HEAD:]

    @property
    def caught_up(self) -> bool:
        """Whether the last `read` came to its end, as it was then."""
        return self._exhausted[0] == self.at

    @property
    def empty(self) -> bool:
        """Whether nothing of it was seen yet."""
        return not self.head

    def stirred(self) -> bool:
        """Whether a file that was empty is not, or was not meanwhile."""
        status = os.fstat(self._fd)
        # Both: the clock of files stands still for some milliseconds, in which one may be made, opened and written to.
        return status.st_size > 0 or status.st_mtime_ns != self.changed

    def whole(self) -> bool:
        """Whether it was not cut since it was read."""
        base = max(0, self.at - HEAD)
        known = self._before if base else self.head
        return os.pread(self._fd, HEAD, base).startswith(known)

    def first(self) -> bytes:
        """Its first octets now."""
        return os.pread(self._fd, HEAD, 0)

    def read(self) -> list[str]:
        """The next lines. Raises EndError if it was cut, and is what it was before that."""
        status = os.fstat(self._fd)
        self.read_on = False
        if (status.st_size, status.st_mtime_ns) == self._exhausted:
            return []
        base = max(0, self.at - HEAD)
        known = self._before if base else self.head
        # No more than there is: memory for a whole chunk costs more than reading a few lines.
        size = min(CHUNK, max(HEAD, status.st_size - self.at))
        octets = os.pread(self._fd, self.at - base + size, base)
        # Once more: it might have been cut while it was read, and then the octets are of before and after.
        if not octets.startswith(known) or not os.pread(self._fd, HEAD, base).startswith(octets[:HEAD]):
            raise EndError
        if len(self.head) < HEAD and not base:
            self.head = octets[:HEAD]
        new = octets[self.at - base :]
        self.at += len(new)
        self._before = octets[-HEAD:]
        if not new:
            self._exhausted = (self.at, status.st_mtime_ns)
            return []
        self.changed = status.st_mtime_ns
        self.read_on = True
        if status.st_size == self.at:
            self._exhausted = (self.at, status.st_mtime_ns)
        return self.lines.cut(new)

    def written(self) -> int:
        """When it was last written to, nanoseconds."""
        return os.fstat(self._fd).st_mtime_ns

    @property
    def deleted(self) -> bool:
        """Whether it has no name any more."""
        return os.fstat(self._fd).st_nlink == 0

    def is_same(self, other: Rotated) -> bool:
        """Whether that is this file under another name, or a copy of it, packed or not."""
        if other.inode == self.inode:
            return True
        # It may have been empty when it was last looked at.
        return other.is_of(self.head or self.first())

    def close(self) -> None:
        """Let go of it."""
        os.close(self._fd)


class Leftover:
    """A rotated file that is read once, to its end; what is damaged ends there. It goes on with `lines` from `at` if it
    is a copy of what was followed; without one there is but the line that was begun."""

    def __init__(self, octets: Octets | None, lines: Lines | None = None, at: int = 0) -> None:
        self._octets = octets
        self.lines = lines or Lines()
        self.read_on = False
        self._at = at

    def read(self) -> list[str]:
        """The next lines. Raises EndError at its end."""
        self.read_on = False
        try:
            at, self._at = self._at, 0
            octets = self._octets.more() if self._octets is not None and self._octets.skip(at) else b""
        except CaptureError:
            octets = b""
        if not octets:
            raise EndError
        self.read_on = True
        return self.lines.cut(octets)

    def close(self) -> None:
        """Let go of it."""
        if self._octets is not None:
            self._octets.close()
