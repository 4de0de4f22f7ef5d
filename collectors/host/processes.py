"""What a process is: who runs it, which program, where, since when, and in which container (proc(5)).

Text is as the kernel has it, decoded as UTF-8 with other octets as \\xNN. Read directly: psutil takes several times as
long, and a process that sends mail may be gone in a moment."""

from __future__ import annotations

import os
import pwd
import re
import time
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

NEWEST = 30  # process ids that are tried before all processes are listed
ARGUMENTS = 30  # told of a command line
ARGUMENT_LENGTH = 300  # characters told of each
_COMMAND_OCTETS = ARGUMENTS * ARGUMENT_LENGTH * 4  # as many as that may be, UTF-8 having up to four for one
_STATUS_OCTETS = 4_096  # of /proc/<pid>/stat, which has some 300
_CGROUP_OCTETS = 16_384  # twelve lines of paths, with control groups of version 1
_TICKS = os.sysconf("SC_CLK_TCK")  # a second

_CONTAINER = re.compile(r"(?<![0-9a-f])([0-9a-f]{64})(?![0-9a-f])(?!.*[0-9a-f]{64})")
"""The identifier that Docker, Podman, containerd and CRI-O give, the innermost in a path: `/docker/<id>`,
`/system.slice/docker-<id>.scope`, `/kubepods.slice/.../cri-containerd-<id>.scope`, `/.../libpod-<id>.scope`."""
_LXC = re.compile(r"/lxc(?:\.payload)?[./]([^/\n]+)")
_SHORT = 12  # digits of it that are told, as `docker ps` does


class Status(NamedTuple):
    """Of a process: the kernel's name for it, its parent's process id, and when it was started, in ticks since the
    boot: with its process id, that tells it from all others."""

    name: str
    parent: int
    started: int


class Process(NamedTuple):
    """A process; the fields are those of ProcessSeen."""

    pid: int
    uid: int
    user: str
    name: str
    program: str
    directory: str
    command: tuple[str, ...]
    parent: int
    parent_name: str
    since: float
    container: str


def pids() -> list[int]:
    """All processes, the newest first as far as their ids tell."""
    return sorted((int(name) for name in os.listdir("/proc") if name.isdecimal()), reverse=True)  # noqa: PTH208 (time)


def newest() -> range:
    """Process ids that were given last, the latest first; most of them are those of processes that have ended, or of
    threads. To list all processes takes ten times as long."""
    try:
        last = int(Path("/proc/loadavg").read_text().split()[4])
    except (OSError, ValueError, IndexError):
        return range(0)
    return range(last, max(0, last - NEWEST), -1)


def runs(pid: int) -> bool:
    """Whether it has not ended."""
    return os.path.exists(f"/proc/{pid}")  # noqa: PTH110 (half the time)


def uid_of(pid: int) -> int:
    """The effective user id. Raises OSError where it has ended."""
    return os.stat(f"/proc/{pid}").st_uid  # noqa: PTH116 (half the time, and there may be thousands)


def status(pid: int) -> Status | None:
    """None if it has ended."""
    line = _read(pid, "stat", _STATUS_OCTETS)
    name, closed, rest = line.partition(b"(")[2].rpartition(b")")
    fields = rest.split()
    if not closed or len(fields) < 20:
        return None
    return Status(_text(name), int(fields[1]), int(fields[19]))


def program(pid: int) -> str:
    """The path of its executable, with " (deleted)" behind it where it is no longer there; "" if it cannot be known."""
    return _link(pid, "exe")


def process(pid: int, boot: float) -> Process | None:
    """What it is, None if it has ended. `boot` is when this system was booted, in epoch seconds."""
    about = status(pid)
    if about is None:
        return None
    try:
        uid = uid_of(pid)
    except OSError:
        return None
    parent = status(about.parent)
    return Process(
        pid,
        uid,
        user_name(uid),
        about.name,
        program(pid),
        _link(pid, "cwd"),
        command(_read(pid, "cmdline", _COMMAND_OCTETS)),
        about.parent,
        parent.name if parent is not None else "",
        boot + about.started / _TICKS,
        container(_text(_read(pid, "cgroup", _CGROUP_OCTETS))),
    )


def booted(now: float) -> float:
    """When this system was booted, by the clock that is `now`."""
    return now - time.clock_gettime(time.CLOCK_BOOTTIME)


@lru_cache(1_000)  # users; a name may come from a server on the network
def user_name(uid: int) -> str:
    """ "" where the number has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return ""


def command(octets: bytes) -> tuple[str, ...]:
    """A command line as the kernel has it, a NUL behind each argument."""
    arguments = octets.removesuffix(b"\0").split(b"\0") if octets else []
    return tuple(_text(argument)[:ARGUMENT_LENGTH] for argument in arguments[:ARGUMENTS])


def container(groups: str) -> str:
    """The container that a list of control groups, /proc/<pid>/cgroup, is one of: the first digits of its identifier,
    or its name where it has no other (LXC); "" if it is none that can be told."""
    for line in groups.splitlines():
        found = _CONTAINER.search(line)
        if found is not None:
            return found[1][:_SHORT]
    found = _LXC.search(groups)
    return found[1] if found is not None else ""


def _read(pid: int, name: str, most: int) -> bytes:
    """The first `most` octets of a file about a process, b"" if it cannot be read."""
    try:
        descriptor = os.open(f"/proc/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.read(descriptor, most)
        finally:
            os.close(descriptor)
    except OSError:
        return b""


def _link(pid: int, name: str) -> str:
    try:
        return _text(os.readlink(f"/proc/{pid}/{name}".encode()))  # noqa: PTH115 (as octets)
    except OSError:
        return ""


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "backslashreplace")
