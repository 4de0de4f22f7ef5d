"""What the commands share: how they end, where they print, and which events they read."""

from __future__ import annotations

import os
import socket
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from smtpwatch.config import Config

if TYPE_CHECKING:
    from smtpwatch.events import Event

OK = 0
FAILED = 1  # something that was asked for could not be had: no rights, no such interface, a sensor that does not start
USAGE = 2  # the command line or the settings make no sense
DAMAGED = 3  # a file was read, but not to its end: what came before the damage was given


class CommandError(Exception):
    """The end of a command: a line for the admin and an exit code."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


def put(octets: bytes) -> None:
    """Write to stdout at once. Raises BrokenPipeError once the reader has gone, CommandError for a full disk and the
    like."""
    if sys.stdout is None:  # closed by whoever started us: `>&-`
        raise CommandError("standard output is closed")
    try:
        sys.stdout.buffer.write(octets)
        sys.stdout.buffer.flush()
    except OSError as error:
        # Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise
        raise CommandError(f"standard output: {error.strerror}") from None


def for_people() -> bool:
    """Standard output is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def hostname(config: Config) -> str:
    """This host's name, in events and on screen."""
    return config.hostname or socket.gethostname()


def files(options: Namespace) -> list[Path]:
    """Those of `-r`. Raises CommandError where standard input is named twice."""
    found: list[Path] = getattr(options, "read", [])
    if found.count(Path("-")) > 1:
        raise CommandError("standard input can be read once only", USAGE)
    return found


def check(config: Config, read: Sequence[Path]) -> None:
    """What is wrong with interfaces or filter is told before anything starts, as CommandError."""
    from smtpwatch.sensors import check

    problem = check(config, read)
    if problem:
        raise CommandError(problem)


def batches(options: Namespace, config: Config) -> Iterator[Sequence[Event]]:
    """Batches from files or from the sensors, as feed.batches has them; a file's problems end in CommandError."""
    from smtpwatch.feed import FeedError
    from smtpwatch.feed import batches as fed

    read = files(options)
    check(config, read)
    try:
        yield from fed(config, hostname(config), read)
    except FeedError as error:
        raise CommandError(str(error), DAMAGED if error.damaged else FAILED) from None
