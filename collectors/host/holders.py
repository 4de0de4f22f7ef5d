"""Which process has a socket open, and whether it is the mail server's: its descriptors name the socket's inode
(proc(5)). That is the costly part of a look-up, so that those who may have it are looked at first.

Processes that had one before are asked for the very descriptor that it was: mail servers open theirs again and again
under the same number. Then come the likely ones, the newest first, and then all others."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple

from collectors.host import processes
from collectors.host.mail_programs import is_mail_server

KNOWN = 200  # processes remembered; Postfix has 100 that deliver, if all are at work
DESCRIPTORS = 5_000  # of one process that are looked at: 20 ms
ALL_DESCRIPTORS = 20_000  # of all processes together, for one socket

GENERATIONS = 10  # that a socket may have been passed on; most are not passed on at all


class Holder(NamedTuple):
    """A process that has a connection open."""

    pid: int
    mail_server: bool


class _Known(NamedTuple):
    uid: int
    """Of the socket."""
    descriptor: str
    started: int
    program: str
    mail_server: bool


class Holders:
    """Finds the process of a socket."""

    def __init__(self) -> None:
        self._known: OrderedDict[int, _Known] = OrderedDict()
        """By process id, the one found last at the end."""

    def find(
        self, inode: int, uid: int, likely: Callable[[int], bool], there: Callable[[], bool] = lambda: True
    ) -> Holder | None:
        """The process that has the socket `inode` open, which user `uid` made; None if none is found. Of several it is
        the one that the others have it from. `likely` says which processes to look at first; it may raise OSError for
        one that has ended. `there` says whether the socket is still there: to look at all processes in vain is what
        costs most."""
        name = f"socket:[{inode}]"
        found = self._again(name, uid) or _from_its_parent(name, _search(name, likely, there))
        if found is None:
            return None
        pid, descriptor = found
        return self._judged(pid, descriptor, uid)

    def _again(self, name: str, uid: int) -> tuple[int, str] | None:
        """The process that is known, if it has it under the number that it had the last one. Those that have ended are
        forgotten on the way."""
        for pid in [pid for pid, known in reversed(self._known.items()) if known.uid == uid]:
            descriptor = self._known[pid].descriptor
            names = _names(pid, descriptor)
            if names == name:
                return pid, descriptor
            if not names and not processes.runs(pid):
                del self._known[pid]
        return None

    def _judged(self, pid: int, descriptor: str, uid: int) -> Holder | None:
        about = processes.status(pid)
        if about is None:
            return None
        program = processes.program(pid)
        known = self._known.pop(pid, None)
        # Another process may have got its number, and it may have become another program.
        if known is not None and (known.started, known.program) == (about.started, program):
            mail_server = known.mail_server
        else:
            mail_server = is_mail_server(pid, program)
        self._known[pid] = _Known(uid, descriptor, about.started, program, mail_server)
        if len(self._known) > KNOWN:
            self._known.popitem(last=False)
        return Holder(pid, mail_server)


def _search(name: str, likely: Callable[[int], bool], there: Callable[[], bool]) -> tuple[int, str] | None:
    """The process, and its descriptor."""
    left = ALL_DESCRIPTORS
    for pid in _in_order(likely, there):
        descriptors = _descriptors(pid)
        for descriptor in descriptors:
            if _names(pid, descriptor) == name:
                return pid, descriptor
        left -= len(descriptors)
        if left <= 0:
            return None
    return None


def _from_its_parent(name: str, found: tuple[int, str] | None) -> tuple[int, str] | None:
    """The process that opened it: a child gets what its parent has open, under the same number."""
    if found is None:
        return None
    pid, descriptor = found
    for _ in range(GENERATIONS):
        about = processes.status(pid)
        if about is None or _names(about.parent, descriptor) != name:
            break
        pid = about.parent
    return pid, descriptor


def _in_order(likely: Callable[[int], bool], there: Callable[[], bool]) -> Iterator[int]:
    """The likely ones, and then all others, as long as it is there."""
    tried = set()
    others = []
    for pids in (processes.newest, processes.pids):
        for pid in pids() if there() else ():
            if pid in tried:
                continue
            with suppress(OSError):
                if likely(pid):
                    tried.add(pid)
                    yield pid
                elif pids is processes.pids:
                    others.append(pid)
    if there():
        yield from others


def _descriptors(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/fd")[:DESCRIPTORS]  # noqa: PTH208 (half the time)
    except OSError:  # it has ended, or we may not know
        return []


def _names(pid: int, descriptor: str) -> str:
    """What it is open on."""
    try:
        return os.readlink(f"/proc/{pid}/fd/{descriptor}")  # noqa: PTH115 (half the time, and there may be thousands)
    except OSError:
        return ""
