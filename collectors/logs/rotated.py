"""What a log was rotated to: mail.log.1, mail.log.2.gz, mail.log-20261124.xz, mail.1.log (logrotate(8), newsyslog(8),
exicyclog(8))."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from collectors.octets import Octets
from smtpwatch.errors import CaptureError

HEAD = 256
"""Octets at the beginning of a log's content by which it is known again, wherever it was moved, copied or packed to:
two lines with their stamps."""

LATEST = 64  # rotated files looked at; logrotate keeps 52 at most where it keeps weekly ones for a year

PACKED = (".gz", ".xz", ".zst")

Inode = tuple[int, int]


def inode(status: os.stat_result) -> Inode:
    """What a file is, whatever it is called."""
    return status.st_dev, status.st_ino


class Rotated:
    """A rotated file, open: it stays what it is while logrotate goes on."""

    def __init__(self, octets: Octets) -> None:
        self.octets = octets
        self.inode = inode(octets.status)
        self.changed = octets.status.st_mtime_ns
        try:
            self.head = octets.head(HEAD)[:HEAD]
        except CaptureError:  # damaged, or still being packed: not to be told from others
            self.head = b""

    def is_of(self, head: bytes) -> bool:
        """Whether it is a copy of the file that begins so, though it may not be finished."""
        return bool(head and self.head) and (head.startswith(self.head) or self.head.startswith(head))

    def close(self) -> None:
        """Let go of it."""
        self.octets.close()


def rotated(path: Path, since: int = 0) -> list[Rotated]:
    """What the log `path` was rotated to, the latest first. Those last written before `since` (nanoseconds) are left
    out."""
    found = _names(path)
    names = sorted(found, key=lambda name: _rank(found[name], name), reverse=True)
    names = [name for name in names if found[name].st_mtime_ns >= since][:LATEST]
    return [each for name in names if (each := _open(path.with_name(name))) is not None]


def names(path: Path) -> dict[str, Inode]:
    """The names of what the log `path` was rotated to, and what they lead to."""
    return {name: inode(status) for name, status in _names(path).items()}


def _open(path: Path) -> Rotated | None:
    try:
        return Rotated(Octets(path))
    except CaptureError:  # no right to read it, or it was moved meanwhile
        return None


def _names(path: Path) -> dict[str, os.stat_result]:
    found: dict[str, tuple[str, os.stat_result]] = {}
    is_rotated = _pattern(path)
    try:
        there = list(os.scandir(path.parent))
    except OSError:
        return {}
    for entry in there:
        if not is_rotated(entry.name):
            continue
        packed = entry.name.endswith(PACKED)
        bare = entry.name.rpartition(".")[0] if packed else entry.name
        # While one is being packed both are there, the packed one not yet whole.
        if bare in found and packed:
            continue
        try:
            if entry.is_file():
                found[bare] = (entry.name, entry.stat())
        except OSError:
            continue
    return dict(found.values())


def _pattern(path: Path) -> Callable[[str], object]:
    number = r"[.-]\d[\d.:T_-]*"
    packed = "|".join(map(re.escape, PACKED))
    stem, suffix = re.escape(path.stem), re.escape(path.suffix)
    return re.compile(rf"{stem}(?:{suffix}{number}|{number}{suffix})(?:{packed})?", re.ASCII).fullmatch


def _rank(status: os.stat_result, name: str) -> tuple[int, int]:
    """The later, the more: by when it was written; if that is the same, mail.log.1 is later than mail.log.2."""
    numbers = [int(digits) for digits in re.findall(r"\d+", name)[-1:]]
    return status.st_mtime_ns, max((number if number > 10_000 else -number for number in numbers), default=0)
