"""A log, its writer and its rotation, one step at a time: each step is what logrotate or the writer does at once."""

from __future__ import annotations

import gzip
import lzma
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import zstandard

from collectors.logs.tail import Tail

Step = Callable[["Log"], object]

PACK: dict[str, Callable[[bytes], bytes]] = {
    ".gz": lambda octets: gzip.compress(octets, mtime=0),
    ".xz": lzma.compress,
    ".zst": lambda octets: zstandard.ZstdCompressor().compress(octets),
}


class Log:
    """A log in `directory`: numbered lines are written to it by whoever has it open."""

    def __init__(self, directory: Path, append: bool = True) -> None:
        self.directory = directory
        self.path = directory / "mail.log"
        self.written: list[str] = []
        """Every line, in order."""
        self.lost: set[str] = set()
        """Those that are in no file: written between copy and cut."""
        self._flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if append else 0)
        self._fd = -1
        self._since_copy: list[str] | None = None
        self._time = 1_795_000_000 * 10**9
        self.reopen()

    def reopen(self) -> None:
        """The writer opens the log by its name."""
        self.stop()
        new = not self.path.exists()
        self._fd = os.open(self.path, self._flags, 0o640)
        if new:
            self._touch(self._fd)

    def _touch(self, file: Path | int) -> None:
        """Each change is later than the one before, which the kernel's clock is too coarse to tell."""
        self._time += 10**6
        os.utime(file, ns=(self._time, self._time))

    def stop(self) -> None:
        """The writer closes it."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def write(self, lines: int = 1) -> None:
        """The writer writes."""
        for _ in range(lines):
            line = f"Nov 25 09:00:00 mx test[7]: line {len(self.written)} " + "x" * 40
            self.written.append(line)
            if self._since_copy is not None:
                self._since_copy.append(line)
            self.raw(line.encode() + b"\n")

    def raw(self, octets: bytes) -> None:
        """The writer writes whatever this is."""
        os.write(self._fd, octets)
        self._touch(self._fd)

    def rename(self, old: str, new: str) -> None:
        """A file gets another name."""
        (self.directory / old).rename(self.directory / new)

    def create(self) -> None:
        """An empty log in its place."""
        os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o640))
        self._touch(self.path)

    def copy(self, name: str) -> None:
        """copytruncate's first half."""
        shutil.copyfile(self.path, self.directory / name)
        self._touch(self.directory / name)
        self._since_copy = []

    def cut(self) -> None:
        """copytruncate's second half."""
        os.truncate(self.path, 0)
        self._touch(self.path)
        self.lost.update(self._since_copy or ())
        self._since_copy = None

    def begin_packing(self, name: str, suffix: str) -> None:
        """A packed file that is not whole yet, beside the one it is made of."""
        packed = PACK[suffix]((self.directory / name).read_bytes())
        (self.directory / (name + suffix)).write_bytes(packed[: len(packed) // 2])

    def end_packing(self, name: str, suffix: str) -> None:
        """It is whole, and of the same age."""
        path, whole = self.directory / name, self.directory / (name + suffix)
        whole.write_bytes(PACK[suffix](path.read_bytes()))
        status = path.stat()
        os.utime(whole, ns=(status.st_atime_ns, status.st_mtime_ns))

    def unlink(self, name: str) -> None:
        """A file is gone."""
        (self.directory / name).unlink()


class Follower:
    """A Tail and what it gave."""

    def __init__(self, path: Path, since: float | None = None) -> None:
        self.tail = Tail(path, since)
        self.got: list[str] = []
        self.now = 1_000.0

    def look(self) -> None:
        """Read all there is, a fifth of a second later."""
        self.now += 0.2
        while True:
            self.got += self.tail.read(self.now)
            if not self.tail.more:
                return

    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds


def create(suffix: str = "", name: str = "mail.log.1", older: Sequence[tuple[str, str]] = ()) -> list[Step]:
    """logrotate's create, the writer told afterwards; packed at once if there is a `suffix`."""
    steps: list[Step] = [lambda log, old=old, new=new: log.rename(old, new) for old, new in older]  # type: ignore[misc]
    steps += [lambda log: log.rename("mail.log", name), Log.create, Log.reopen]
    return steps + packing(name, suffix)


def copytruncate(suffix: str = "", name: str = "mail.log.1", older: Sequence[tuple[str, str]] = ()) -> list[Step]:
    """logrotate's copytruncate."""
    steps: list[Step] = [lambda log, old=old, new=new: log.rename(old, new) for old, new in older]  # type: ignore[misc]
    steps += [lambda log: log.copy(name), Log.cut]
    return steps + packing(name, suffix)


def packing(name: str, suffix: str) -> list[Step]:
    """A rotated file is packed."""
    if not suffix:
        return []
    return [
        lambda log: log.begin_packing(name, suffix),
        lambda log: log.end_packing(name, suffix),
        lambda log: log.unlink(name),
    ]


def play(
    log: Log, follower: Follower, steps: Iterable[Step], looks: Sequence[bool], lines: Sequence[int] = (1,)
) -> None:
    """Between any two steps lines are written; and there is a look, before and after that, where `looks` says so."""
    for number, step in enumerate(steps):
        step(log)
        if looks[2 * number % len(looks)]:
            follower.look()
        log.write(lines[number % len(lines)])
        if looks[(2 * number + 1) % len(looks)]:
            follower.look()


def check(log: Log, follower: Follower) -> None:
    """Every line that is in a file came once, and in order; of those that are in none, none came twice."""
    follower.look()
    assert len(set(follower.got)) == len(follower.got), "a line came twice"
    here = [line for line in log.written if line not in log.lost]
    assert [line for line in follower.got if line not in log.lost] == here
