"""Whether a process is the mail server's own: told by the file that it executes, and not by a name that it gives
itself.

A file is known by its name and place, and must be root's. Users can make a view of the file system of their own, and
put anything at any place in it, but only in a user namespace of their own: what runs in another one than we do is never
taken for the mail server. That holds for containers whose root is not this host's, too; in others, whoever is root can
be the mail server. A program that users may start by hand with libraries of their own (ld.so(8), LD_PRELOAD) must have
been started by the server, which is root's."""

from __future__ import annotations

import os
import re
import stat
from pathlib import PurePosixPath

from collectors.host import processes

DELETED = " (deleted)"  # behind the path of an executable that was replaced, as an upgrade does it
ANCESTORS = 4  # looked at: OpenSMTPD's processes are children of root's, Exim's of each other

_POSTFIX = frozenset(("smtp", "lmtp", "smtpd"))  # smtpd: to a filter before the queue (smtpd_proxy_filter)
_MASTER = "master"  # parent of all that is Postfix's, in the same directory
_SERVERS = re.compile(
    r"exim(?:4|-4\.[\w.-]+)?"  # Exim's own installation has the version in the name
    r"|smtpd"  # OpenSMTPD
    r"|sendmail(?:\.sendmail)?"
    r"|sendmail-mta"
)
_UNPRIVILEGED = frozenset(("qmail-remote", "courieresmtp"))
"""Started by servers of which no process need be root's: these are known by their files alone."""


def is_mail_server(pid: int, program: str) -> bool:
    """Whether the process, which executes the file `program` (as processes.program tells it), sends mail for the mail
    server."""
    path = PurePosixPath(program.removesuffix(DELETED))
    if not _known(path):
        return False
    try:
        if not _same_view(pid):
            return False
        file = os.stat(f"/proc/{pid}/exe")  # noqa: PTH116 (as in processes)
        if not (_roots(file) and _roots_directory(pid, path)):
            return False
        privileged = bool(file.st_mode & (stat.S_ISUID | stat.S_ISGID)) or processes.uid_of(pid) == 0
    except OSError:  # it has ended, or we may not know
        return False
    return privileged or path.name in _UNPRIVILEGED or _started_by_root(pid, path)


def _known(path: PurePosixPath) -> bool:
    if "postfix" in str(path.parent):
        return path.name in _POSTFIX
    return path.name in _UNPRIVILEGED or _SERVERS.fullmatch(path.name) is not None


def _same_view(pid: int) -> bool:
    """It is in our user namespace: its mounts were made by root."""
    return _namespace(pid, "user") == _namespace("self", "user")


def _namespace(process: int | str, kind: str) -> str:
    return os.readlink(f"/proc/{process}/ns/{kind}")  # noqa: PTH115 (as said)


def _roots(file: os.stat_result) -> bool:
    return file.st_uid == 0 and not file.st_mode & stat.S_IWOTH


def _roots_directory(pid: int, path: PurePosixPath) -> bool:
    """Where the path is one of ours, nobody but root can have put a file there, a link to another one of root's
    neither."""
    if _namespace(pid, "mnt") != _namespace("self", "mnt"):
        return True
    return _roots(os.stat(path.parent))  # noqa: PTH116 (as in processes)


def _started_by_root(pid: int, path: PurePosixPath) -> bool:
    """An ancestor is root's and of the same server, and so are all in between."""
    own = {str(path), f"{path.parent}/{_MASTER}"}
    for _ in range(ANCESTORS):
        about = processes.status(pid)
        if about is None or processes.program(about.parent).removesuffix(DELETED) not in own:
            return False
        pid = about.parent
        if processes.uid_of(pid) == 0:
            return True
    return False
