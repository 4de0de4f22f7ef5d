"""A real process to look at."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534
# Says so once it is what it is to be, and waits to be ended.
WAIT = "import os, sys; print('up', flush=True); sys.stdin.read()"


@contextmanager
def running(
    *arguments: str | bytes, executable: str | Path = sys.executable, directory: str | Path | bytes = "/", uid: int = -1
) -> Iterator[int]:
    """The process id of a program that has written a line."""
    with subprocess.Popen(
        arguments, executable=executable, cwd=directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        user=None if uid < 0 else uid, env={},
    ) as made:  # fmt: skip
        assert made.stdout is not None
        assert made.stdout.readline() == b"up\n"
        try:
            yield made.pid
        finally:
            made.kill()
