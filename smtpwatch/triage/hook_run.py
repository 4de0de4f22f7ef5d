"""One run of the admin's command: a process of its own session, with a time limit, that never keeps us waiting."""

from __future__ import annotations

import fcntl
import os
import pwd
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from typing import IO

from smtpwatch.clean import clean
from smtpwatch.firewall.tool import PATH

GRACE = 1.0  # seconds between asking it to end and ending it
ROOM = 1 << 20  # octets of what it says on standard error that wait to be read; until then it waits
TAIL = 4_096  # octets of that which are kept
SAID = 200  # characters of its last line that are passed on
READ = 1 << 16  # octets read at a time


class Run:
    """The command with `fed` on its standard input, started at `now`; ended after `limit` seconds, with all that it
    started (its process group). `look` does what is due; once it is `over`, `problem` says what went wrong, "" if
    nothing did.

    Raises OSError if it cannot be started."""

    def __init__(self, command: Sequence[str], fed: bytes, now: float, limit: float) -> None:
        self.over = False
        self.problem = ""
        self._name = command[0]
        self._limit = limit
        self._until = now + limit
        self._asked_to_end = False
        self._killed = False
        self._tail = b""
        with _file() as file:
            file.write(fed)
            file.seek(0)
            self._process = subprocess.Popen(
                command, stdin=file, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                cwd="/", env=_environment(), start_new_session=True,
            )  # fmt: skip
        assert self._process.stderr is not None
        self._stderr = self._process.stderr
        os.set_blocking(self._stderr.fileno(), False)
        with suppress(OSError, AttributeError):  # its user has many pipes already; elsewhere than on Linux
            fcntl.fcntl(self._stderr.fileno(), fcntl.F_SETPIPE_SZ, ROOM)

    def look(self, now: float) -> None:
        """Has it ended, or is it to be ended?"""
        self._read()
        # From when it is asked to end until it is killed it is not reaped: its number stays that of its group.
        if self._killed or not self._asked_to_end:
            status = self._process.poll()
            if status is not None:
                self._close(status)
                return
        if now < self._until or self._killed:
            return
        if self._asked_to_end:
            self._kill()
        else:
            self.problem = f"not done within {self._limit:g} s, so it was ended"
            self.ask_to_end()
            self._until = now + GRACE

    def ask_to_end(self) -> None:
        """If it still runs."""
        if not self._asked_to_end and self._process.poll() is None:
            self._asked_to_end = True
            self._signal(signal.SIGTERM)

    def end(self) -> None:
        """Now, after it was asked to. Takes a moment, or a second where the kernel does not let it go."""
        if self._asked_to_end:
            self._kill()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(GRACE)
        self._close(0)

    def _kill(self) -> None:
        self._killed = True
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):  # it is gone, or has become another user
            os.killpg(self._process.pid, number)

    def _read(self) -> None:
        """What it has said by now."""
        for _ in range(ROOM // READ):
            try:
                octets = os.read(self._stderr.fileno(), READ)
            except BlockingIOError:
                return
            if not octets:
                return
            self._tail = (self._tail + octets)[-TAIL:]

    def _close(self, status: int) -> None:
        self._read()  # its last words
        self._stderr.close()
        self.over = True
        if not self.problem and status:
            self.problem = f"exit status {status}" if status > 0 else f"ended by signal {-status}"
        if self.problem:
            said = [line for line in self._tail.decode("utf-8", "replace").splitlines() if line.strip()]
            last = f": {clean(said[-1].strip())[:SAID]}" if said else ""
            self.problem = f"{self._name}: {self.problem}{last}"


def _file() -> IO[bytes]:
    """A file without a name: unlike a pipe it takes all there is to read at once, though nobody reads."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("alert"), "w+b")
    return tempfile.TemporaryFile()


def _environment() -> dict[str, str]:
    """Nothing of ours: a hook does the same from a terminal, from cron and as a service."""
    try:
        home = pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        home = "/"
    return {"PATH": PATH, "HOME": home, "LANG": "C.UTF-8"}
