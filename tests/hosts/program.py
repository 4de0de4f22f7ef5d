"""smtpwatch itself, run as an admin runs it: a command that prints JSON lines."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import psutil

from tests.hosts.namespaces import Namespace

PROGRAM = Path(sys.executable).with_name("smtpwatch")
Facts = dict[str, Any]
_EXIT_LIMIT = 10.0  # seconds
_POLL = 0.02  # seconds


def read(command: str, capture: Path, *options: str) -> list[Facts]:
    """The lines of `smtpwatch COMMAND -r CAPTURE OPTIONS`. Raises CalledProcessError."""
    ran = subprocess.run([PROGRAM, command, "-r", capture, *options], capture_output=True, check=True)
    return [json.loads(line) for line in ran.stdout.splitlines()]


class Live:
    """`smtpwatch ARGUMENTS` in a namespace while the `with` block runs; `lines` is what it has printed so far."""

    def __init__(self, namespace: Namespace, *arguments: str) -> None:
        self._namespace = namespace
        self._arguments = arguments

    def __enter__(self) -> Self:
        # A file, not a pipe: a pipe would have to be emptied all the time lest the program stand still.
        descriptor, name = tempfile.mkstemp(prefix="smtpwatch-")
        self._output = Path(name)
        self.process = self._namespace.popen(PROGRAM, *self._arguments, stdout=descriptor, stderr=descriptor)
        os.close(descriptor)
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.stop(signal.SIGINT)
        self._output.unlink()

    @property
    def output(self) -> bytes:
        """What it has printed so far, errors too."""
        return self._output.read_bytes()

    @property
    def lines(self) -> list[Facts]:
        """What it has printed so far, whole lines only."""
        return [json.loads(line) for line in self.output.split(b"\n")[:-1]]

    def wait(self, enough: Callable[[list[Facts]], bool], limit: float) -> bool:
        """Whether `enough` came to hold of the lines within `limit` seconds."""
        return self._until(lambda: enough(self.lines), limit)

    def wait_for_capture(self, limit: float) -> bool:
        """Whether its sensor took packets within `limit` seconds: for commands that do not say so."""
        return self._until(self._captures, limit)

    def _until(self, holds: Callable[[], bool], limit: float) -> bool:
        end = time.monotonic() + limit
        while not holds():
            if time.monotonic() > end or self.process.poll() is not None:
                return False
            time.sleep(_POLL)
        return True

    def _captures(self) -> bool:
        """One of its processes has mapped a socket, which is the last thing that opening the ring does."""
        for process in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(OSError):  # it has just ended
                if "socket:[" in Path(f"/proc/{process.pid}/maps").read_text():
                    return True
        return False

    def stop(self, number: signal.Signals) -> int:
        """Send a signal; returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(_EXIT_LIMIT)


def running(lines: list[Facts]) -> bool:
    """The capture is open: `smtpwatch events` says so."""
    return any(line["type"] == "SensorStatus" and line["state"] == "running" for line in lines)
