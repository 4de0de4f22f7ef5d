"""The processes of one time, and of the SSH servers among them who serves a login: proc(5).

OpenSSH says in the title of each process what it does. "sshd: alice@pts/0", "sshd: alice@notty" and, of a session that
only forwards, "sshd: alice" are those of a login; before it they are "sshd: [accepted]", "sshd: [net]",
"sshd: alice [net]" and "sshd: alice [priv]", and the last one stays for as long as the session lasts. From version 9.8
on, they begin with "sshd-session: ". Other servers tell nothing: theirs are judged by what they have started, and as
whom they run.

Anyone can start a process called sshd, with any title; but not one that holds a connection of somebody else's.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

OPENSSH = frozenset({"sshd", "sshd-session", "sshd-auth"})
SERVERS = OPENSSH | {"dropbear", "tinysshd"}
MULTIPLEXERS = frozenset({"tmux", "screen"})
REMOTE = SERVERS | {"mosh-server"}

_SOCKET = "socket:["


class _Process(NamedTuple):
    name: str
    parent: int


class Processes:
    """All processes below `proc` (/proc), as far as they can be seen; `own` is the number of this one, and `servers`
    are those of SSH servers, in the order of their numbers. Nothing here raises: what vanishes meanwhile, or is only
    root's to know, is left out. 10 ms with a thousand of them."""

    def __init__(self, proc: Path) -> None:
        self._proc = str(proc)
        self._processes: dict[int, _Process] = {}
        self.own = 0
        with suppress(OSError, ValueError):
            # Not getpid(2): that is the number within our own PID namespace, which may not be that of this /proc.
            self.own = int(os.readlink(f"{proc}/self"))  # noqa: PTH115 (text is what is wanted)
        with suppress(OSError):
            for name in os.listdir(proc):  # noqa: PTH208 (half the time, and there may be thousands)
                if name.isdecimal():
                    with suppress(OSError, ValueError, IndexError):
                        self._processes[int(name)] = _process(_read(f"{self._proc}/{name}/stat"))
        self.servers = tuple(sorted(pid for pid, each in self._processes.items() if each.name in SERVERS))
        self._employers = {each.parent for each in self._processes.values() if each.name not in SERVERS}

    def name(self, pid: int) -> str:
        """What the kernel calls it, "" if it is not there: "sshd", "tmux: client"."""
        process = self._processes.get(pid)
        return process.name if process is not None else ""

    def line(self, pid: int) -> list[int]:
        """A process and its ancestors, from it upwards."""
        found: list[int] = []
        while pid in self._processes and pid not in found:  # numbers are used again: there may be a circle
            found.append(pid)
            pid = self._processes[pid].parent
        return found

    def attached(self, line: list[int]) -> list[int]:
        """If `line` has a tmux or screen in it, all of these that were started over SSH and so may be looking at it.
        Which does is only in the server's memory."""
        if not any(is_multiplexer(self.name(pid)) for pid in line):
            return []
        screens = [pid for pid, each in self._processes.items() if is_multiplexer(each.name) and pid not in line]
        return [pid for pid in screens if any(self.name(above) in REMOTE for above in self.line(pid))]

    def environment(self, pid: int) -> Iterator[tuple[str, str]]:
        """The names and values that a process had when its program started; non-ASCII is replaced."""
        with suppress(OSError):
            for entry in Path(f"{self._proc}/{pid}/environ").read_bytes().split(b"\0"):
                name, _, value = entry.decode("ascii", "replace").partition("=")
                yield name, value

    def serves_login(self, pid: int) -> bool:
        """Whether this process of an SSH server says or shows that its client has logged in. Of OpenSSH's several for
        one session, not each does."""
        program, colon, says = self._title(pid).partition(": ")
        if colon and program in OPENSSH:
            # Nothing else counts then: it runs AuthorizedKeysCommand before the login, and its helper has another user.
            return bool(says) and not says.startswith("[") and " [" not in says
        # Its own children only: at accept(2) the listener too holds the socket, and everybody's shells are below it.
        return pid in self._employers or self._runs_as_a_user(pid)

    def sockets(self, pid: int) -> Iterator[int]:
        """The inodes of the sockets that a process holds."""
        folder = f"{self._proc}/{pid}/fd"
        with suppress(OSError):
            for name in os.listdir(folder):  # noqa: PTH208 (as above)
                with suppress(OSError, ValueError):
                    target = os.readlink(f"{folder}/{name}")  # noqa: PTH115 (a name, and no path)
                    if target.startswith(_SOCKET):
                        yield int(target[len(_SOCKET) : -1])

    def other_networks(self) -> Iterator[str]:
        """A path for each network namespace beside ours in which an SSH server runs."""
        own = self._network(self.own)
        seen = {own, None}
        for pid in self.servers if own is not None else ():
            network = self._network(pid)
            if network not in seen:
                seen.add(network)
                yield f"{self._proc}/{pid}/ns/net"

    def _network(self, pid: int) -> str | None:
        with suppress(OSError):
            return os.readlink(f"{self._proc}/{pid}/ns/net")  # noqa: PTH115 (a name, and no path)
        return None

    def _title(self, pid: int) -> str:
        with suppress(OSError):
            return _read(f"{self._proc}/{pid}/cmdline").partition(b"\0")[0].decode("utf-8", "replace")
        return ""

    def _runs_as_a_user(self, pid: int) -> bool:
        """As one who is not root, not who started it (in a container, root has another number), and not the one whom
        sshd's helper becomes before the login."""
        process = self._processes.get(pid)
        user, starter = self._user(pid), self._user(process.parent) if process is not None else None
        return user not in (None, 0, starter) and user != _privilege_separation()

    def _user(self, pid: int) -> int | None:
        """The real user: the effective one is that of the client, for a moment, when its keys are looked for."""
        with suppress(OSError, ValueError, IndexError):
            return int(_read(f"{self._proc}/{pid}/status").partition(b"\nUid:")[2].split(None, 1)[0])
        return None


def is_multiplexer(name: str) -> bool:
    """Whether it is tmux or screen. tmux calls its processes "tmux: server" and "tmux: client"."""
    return name.partition(":")[0].lower() in MULTIPLEXERS


@cache
def _privilege_separation() -> int | None:
    """sshd(8), "FILES": the user of the helper that speaks with clients who are not logged in."""
    try:
        return pwd.getpwnam("sshd").pw_uid
    except KeyError:
        return None


def _process(stat: bytes) -> _Process:
    # The name may hold anything, parentheses too; nothing behind it does.
    before, _, after = stat.rpartition(b")")
    return _Process(before.partition(b"(")[2].decode("utf-8", "replace"), int(after.split(None, 2)[1]))


def _read(path: str) -> bytes:
    """The first 4 kB. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)  # a third less time than open()
    try:
        return os.read(descriptor, 4096)
    finally:
        os.close(descriptor)
