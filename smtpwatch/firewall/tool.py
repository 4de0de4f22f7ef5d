"""Running a firewall's tool: an argument list, a time limit, and an error in one line."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence

from smtpwatch.clean import clean
from smtpwatch.firewall.backend import BackendError

PATH = "/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/sbin:/usr/local/bin"
"""Where tools are looked for, whatever the caller's PATH says: they are run with root's rights."""
LIMIT = 10.0  # seconds; 100,000 members take half a second
SAID = 300  # characters of what a tool says that are passed on


class ToolError(BackendError):
    """The program ran, and failed."""


def find(name: str, path: str = PATH) -> str | None:
    """Where a program is, None if it is not there."""
    return shutil.which(name, path=path)


def run(
    tool: Sequence[str], fed: bytes = b"", limit: float = LIMIT, words: Callable[[bytes], str] | None = None
) -> bytes:
    """Run a program to its end; returns what it wrote to standard output. Raises ToolError with what it said where it
    fails, BackendError where it is not there or takes longer than `limit` seconds (`unsure`, then). `words` picks from
    what it wrote what is to be passed on, in one line that is safe to show: `said`, if not given."""
    name = os.path.basename(tool[0])  # noqa: PTH119 (a name, not a file)
    try:
        done = subprocess.run(
            tool, input=fed, capture_output=True, timeout=limit, check=False, cwd="/",
            env={"PATH": PATH, "LC_ALL": "C"}, start_new_session=True,  # Ctrl-C is ours alone
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise BackendError(f"{name} hangs: no answer within {limit:.0f} s", unsure=True) from None
    except OSError as error:
        raise BackendError(f"{name} cannot be run: {error.strerror}") from None
    if done.returncode != 0:
        raise ToolError(f"{name}: {(words or said)(done.stderr or done.stdout) or f'exit status {done.returncode}'}")
    return done.stdout


def said(words: bytes) -> str:
    """The first line of what a program said that is of use, made safe to show."""
    text = words.decode("utf-8", "replace")
    line = next((line for line in text.splitlines() if line.strip()), "")
    return clean(line.strip())[:SAID]
