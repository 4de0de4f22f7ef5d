"""A sensor process that is none: its end of the socket is in the test's hands, and it ends when and how the test
says."""

import io
import os
import socket
import subprocess
from collections.abc import Sequence
from typing import Any

import msgspec

from smtpwatch.outbox import HEADER
from smtpwatch.sensors import Assignment


class Impostor:
    """Takes the place of subprocess.Popen in smtpwatch.sensors, as far as that uses it."""

    def __init__(self, argv: Sequence[str], *, pass_fds: tuple[int], **_: Any) -> None:
        self.argv = argv
        self.socket = socket.socket(fileno=os.dup(pass_fds[0]))
        self.stderr = io.BytesIO()
        self.returncode: int | None = None
        self.killed = False

    def assignment(self) -> Assignment:
        """What the console told it first."""
        size = HEADER.unpack(self.socket.recv(HEADER.size, socket.MSG_WAITALL))[0]
        return msgspec.msgpack.decode(self.socket.recv(size, socket.MSG_WAITALL), type=Assignment)

    def exit(self, status: int, said: bytes = b"") -> None:
        """End with that status, after those last words."""
        self.stderr = io.BytesIO(said)
        self.returncode = status
        self.socket.close()

    def wait(self, timeout: float | None = None) -> int:
        """As Popen.wait, but time flies."""
        if self.returncode is None:
            raise subprocess.TimeoutExpired(list(self.argv), timeout or 0.0)
        return self.returncode

    def kill(self) -> None:
        """SIGKILL."""
        self.killed = True
        self.exit(-9)
