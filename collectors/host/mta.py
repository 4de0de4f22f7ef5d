"""Which mail servers run here, and the command that lists the queue of each.

What is run is always a program at a usual place. A process only tells that a server is there and, if it is root's, with
which configuration: anyone can start a process of any name.
"""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from smtpwatch.events import MailServer

PROGRAMS = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"
DEFAULT_DIRECTORIES = ("/etc/postfix", "/usr/local/etc/postfix")  # as packages have it; FreeBSD's ports the latter
EXIM = ("exim4", "exim")  # as Debian calls it, as everyone else does


class Mta(NamedTuple):
    """A mail server: `instance` is its configuration directory where that is not the default."""

    kind: MailServer
    instance: str
    command: tuple[str, ...]
    running: bool

    @property
    def name(self) -> str:
        """What it is called among what is watched."""
        return f"{self.kind} {self.instance}".rstrip()


def mail_servers(path: str = PROGRAMS) -> list[Mta]:
    """Those that run, else those that are installed and set up."""
    postqueue = shutil.which("postqueue", path=path)
    exim = next(filter(None, (shutil.which(name, path=path) for name in EXIM)), None)
    found: dict[Mta, None] = {}
    for process in of_this_system(psutil.process_iter()):
        with suppress(psutil.Error):
            name = process.name()
            if name == "master" and postqueue is not None:
                directory = _postfix_directory(process)
                if directory is not None:
                    found[postfix(postqueue, directory, True)] = None
            elif name in EXIM and exim is not None:
                found[Mta("exim", "", (exim, "-bpr"), True)] = None
    if found:
        return sorted(found)
    if postqueue is not None and any(map(_set_up, DEFAULT_DIRECTORIES)):
        found[postfix(postqueue, "", False)] = None
    if exim is not None:
        found[Mta("exim", "", (exim, "-bpr"), False)] = None
    return list(found)


def postfix(postqueue: str, directory: str, running: bool) -> Mta:
    """The Postfix configured in `directory`, "" the default."""
    where = ("-c", directory) if directory else ()
    return Mta("postfix", directory, (postqueue, *where, "-j"), running)


def _set_up(directory: str) -> bool:
    """Postfix was configured there; no if we may not look (pathlib would raise)."""
    return os.path.exists(f"{directory}/main.cf")  # noqa: PTH110 (as said)


def of_this_system(processes: Iterable[psutil.Process]) -> Iterator[psutil.Process]:
    """Without those of containers, whose files are not ours, and of other network namespaces, whose mail is not what
    we see on the wire. Where we may not look, it is taken to be ours."""
    here = _place("self")
    for process in processes:
        if _place(str(process.pid)) in (here, None):
            yield process


def _place(process: str) -> tuple[int, ...] | None:
    """What tells a process's root directory and network from others; None if we may not know."""
    try:
        root, network = (Path(f"/proc/{process}/{name}").stat() for name in ("root", "ns/net"))
    except OSError:
        return None
    return root.st_dev, root.st_ino, network.st_dev, network.st_ino


def _postfix_directory(process: psutil.Process) -> str | None:
    """The configuration directory of a Postfix's master(8), "" the default; None if it is another program's.

    It is named by -c, or by MAIL_CONFIG in the environment, as postfix(1) does it; that only root can see."""
    arguments = process.cmdline()
    if not arguments or process.uids().real != 0:
        return None
    if "postfix" not in arguments[0] or not arguments[0].endswith("/master"):  # Cyrus has a master too
        return None
    directory = option(arguments, "-c")
    if not directory:
        with suppress(psutil.AccessDenied):
            directory = process.environ().get("MAIL_CONFIG", "")
    usable = directory.startswith("/") and directory.isprintable()  # printable: it becomes part of events
    return directory if usable and directory not in DEFAULT_DIRECTORIES else ""


def option(arguments: list[str], name: str) -> str:
    """What an option of one letter ("-c") names, "" if it is not there."""
    for at, argument in enumerate(arguments[1:], 1):
        if argument == name:
            return arguments[at + 1] if at + 1 < len(arguments) else ""
        if argument.startswith(name):
            return argument[len(name) :]
    return ""
