"""What was done, by whom and why: JSON lines that are only ever added to, on the disk before an act is reported.

An act is two lines: what is about to be done, then what came of it. Whoever is killed in between leaves the first
alone, and the next one to hold the lock asks the firewall which of the two it is."""

from __future__ import annotations

import fcntl
import os
import secrets
import signal
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import msgspec

from smtpwatch.firewall.block import Scope, State

VERSION = 1
LOCK_LIMIT = 20.0  # seconds to wait for another one's act, which takes as long as its tool: tool.LIMIT
LOCK_POLL = 0.01

HEAD = 200  # octets, of which no two journals have the same: the first line's time and act are among them

_CAREFUL = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # which opens a FIFO, too, and does not wait for another end
_CUTTING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals that would cut an act short."""


class JournalError(Exception):
    """It cannot be written or read, so nothing was done; the message is one line for the admin."""


class Record(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=False):
    """What every line has. `act` is the number of the act, `time` epoch seconds."""

    v: int = VERSION
    act: str
    time: float


class Blocking(Record, frozen=True, kw_only=True, tag="block"):
    """These networks are about to be blocked, or their time is set anew: each for so many seconds, None: until removed.
    `probation`: the seconds after which it ends nevertheless, unless it is kept. `wide` are those that are blocked on
    all ports, whatever `scope` says, as they were before. `findings` are what the guard had to say.

    `undoes`: the act that this one takes back; `again`: it puts back what the firewall has lost. Either way the blocks
    are what they were but for their time."""

    who: str
    uid: int
    pid: int
    backend: str
    networks: dict[str, float | None]
    probation: float | None
    scope: Scope
    ports: tuple[int, ...]
    why: str
    findings: tuple[str, ...] = ()
    wide: tuple[str, ...] = ()
    undoes: str = ""
    again: bool = False


class Unblocking(Record, frozen=True, kw_only=True, tag="unblock"):
    """These networks are about to be let in again."""

    who: str
    uid: int
    pid: int
    backend: str
    networks: tuple[str, ...]
    why: str


class Refusal(Record, frozen=True, kw_only=True, tag="refused"):
    """What was asked for and not done, since the guard said no."""

    who: str
    uid: int
    pid: int
    networks: tuple[str, ...]
    why: str
    findings: tuple[str, ...]


class Result(Record, frozen=True, kw_only=True, tag="result"):
    """What came of an act. `ended` are the sessions that were ended with it."""

    state: State
    reason: str = ""
    ended: int = 0


AnyRecord = Blocking | Unblocking | Refusal | Result
_DECODER: msgspec.json.Decoder[AnyRecord] = msgspec.json.Decoder(AnyRecord)
_ENCODER = msgspec.json.Encoder()


def new_act() -> str:
    """A number for an act, told apart from all others."""
    return secrets.token_hex(4)


class Journal:
    """The one at `path`, made with its directory when there is something to write."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damaged = 0
        """Lines that cannot be read: another version's, or what a crash left of one."""
        self.anew = False
        """What `news` gave last are all lines there are: the file is not the one that was read before."""
        self._read_to = 0
        self._file: tuple[int, int, bytes] | None = None
        """Device, inode and the beginning of what was read so far: an inode is used again at once."""

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else acts meanwhile, on this host; and Ctrl-C waits until the act is over. Raises JournalError where
        the file cannot be had, or another one's act does not end."""
        descriptor = self._open()
        try:
            self._wait(descriptor)
            with _uninterrupted():
                yield
        finally:
            os.close(descriptor)

    def _open(self) -> int:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            new = not self.path.exists()
            descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | _CAREFUL, 0o600)
            if new:
                _sync_directory(self.path.parent)
        except OSError as error:
            why = "its directory is a file" if isinstance(error, FileExistsError) else error.strerror
            raise JournalError(f"the journal {self.path} cannot be written: {why}") from None
        wrong = _wrong(os.fstat(descriptor))
        if wrong:
            os.close(descriptor)
            raise JournalError(f"the journal {self.path} is not written: {wrong}")
        return descriptor

    def _wait(self, descriptor: int) -> None:
        end = time.monotonic() + LOCK_LIMIT
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > end:
                    raise JournalError(f"another smtpwatch holds the journal {self.path}, and does not end") from None
                time.sleep(LOCK_POLL)
            except OSError as error:
                raise JournalError(f"the journal {self.path} cannot be locked: {error.strerror}") from None
            else:
                return

    def append(self, record: AnyRecord) -> None:
        """Add a line; on return it is on the disk. To be called while locked. Raises JournalError, and the journal is
        as it was."""
        descriptor = self._open()
        try:
            size = os.fstat(descriptor).st_size
            whole = size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"
            octets = (b"" if whole else b"\n") + _ENCODER.encode(record) + b"\n"
            try:
                _write(descriptor, octets)
                os.fsync(descriptor)
            except OSError as error:
                with suppress(OSError):
                    os.ftruncate(descriptor, size)
                raise JournalError(f"the journal {self.path} cannot be written: {error.strerror}") from None
        finally:
            os.close(descriptor)

    def news(self) -> list[AnyRecord]:
        """The lines since the last call, in order; all of them where the file is another one now (`anew`). None at all
        where there is no file. Raises JournalError."""
        self.anew = False
        try:
            with os.fdopen(os.open(self.path, os.O_RDONLY | _CAREFUL), "rb") as file:
                status = os.fstat(file.fileno())
                wrong = _wrong(status)
                if wrong:
                    raise JournalError(f"the journal {self.path} is not read: {wrong}")
                head = file.read(HEAD)
                here = status.st_dev, status.st_ino, head
                if self._file is None or self._file[:2] != here[:2] or not head.startswith(self._file[2]):
                    self.anew = self._file is not None
                    self._read_to = 0
                elif status.st_size < self._read_to:
                    self.anew, self._read_to = True, 0
                self._file = here
                file.seek(self._read_to)
                octets = file.read()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise JournalError(f"the journal {self.path} cannot be read: {error.strerror}") from None
        whole = octets[: octets.rfind(b"\n") + 1]
        self._read_to += len(whole)
        return list(self._decoded(whole))

    def _decoded(self, octets: bytes) -> Iterator[AnyRecord]:
        for line in octets.splitlines():
            if not line:
                continue
            try:
                yield _DECODER.decode(line)
            except (msgspec.MsgspecError, RecursionError):
                self.damaged += 1


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Signals wait until the end. They are not masked, as another thread would take them then. Python handles them in
    the main thread, and only there can that be changed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)

    before = {number: signal.signal(number, note) for number in _CUTTING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
        for came_first in came[:1]:
            os.kill(os.getpid(), came_first)


def _wrong(status: os.stat_result) -> str:
    """Why a file is not to be trusted with what is blocked, "" if it is: whoever may write it could have us block."""
    if not stat.S_ISREG(status.st_mode):
        return "it is no file"
    if status.st_uid not in (0, os.geteuid()):
        return "it belongs to another user"
    return "others may write it" if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) else ""


def _write(descriptor: int, octets: bytes) -> None:
    """All of it. A disk that fills up takes a part first, and says so at the next try."""
    left = memoryview(octets)
    while left:
        left = left[os.write(descriptor, left) :]


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
