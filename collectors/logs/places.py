"""Where mail logs are, on a host that was not told: the usual files, a running Postfix's maillog_file, journald."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

from collectors.logs.twins import REJECT, kind

SYSLOG = ("var/log/mail.log", "var/log/maillog", "var/log/mail")
"""What syslog writes the mail facility to: Debian, Red Hat and FreeBSD, SUSE."""
EXIM = ("var/log/exim4/mainlog", "var/log/exim/mainlog", "var/log/exim/main.log", "var/log/exim_mainlog")
REJECTED = ("var/log/exim4/rejectlog", "var/log/exim/rejectlog", "var/log/exim/reject.log", "var/log/exim_rejectlog")
USUAL = (*SYSLOG, *EXIM)
JOURNALS = ("run/log/journal", "var/log/journal")
STALE = 3 * 86_400.0  # seconds without a line after which a log file is a relic, if there is a journal
JOURNALD = "journald"
POSTCONF = 5.0  # seconds; it reads two files

ROOT = Path("/")


class Found(NamedTuple):
    """A log file. `syslog`: it has what journald has."""

    path: Path
    syslog: bool


def logs(root: Path = ROOT) -> list[Found]:
    """The log files there are, each once; those that repeat another's lines last."""
    paths = [Found(root / name, True) for name in SYSLOG]
    paths += [Found(root / name, False) for name in EXIM]
    if root == ROOT:
        paths += [Found(path, False) for path in _of_postfix()]
    paths += [Found(root / name, False) for name in REJECTED]
    found: dict[tuple[int, int], Found] = {}
    for each in paths:
        try:
            status = each.path.stat()
        except OSError:
            continue
        if each.path.is_file():
            found.setdefault((status.st_dev, status.st_ino), each)
    return list(found.values())


def _of_postfix() -> Iterator[Path]:
    """maillog_file of postconf(5), where Postfix is here and writes its log itself."""
    postconf = shutil.which("postconf", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if postconf is None:
        return
    for directory in dict.fromkeys((*configurations(), "")):
        where = ["-c", directory] if directory else []
        try:
            said = subprocess.run(
                [postconf, *where, "-h", "maillog_file"], capture_output=True, text=True, timeout=POSTCONF, check=False
            ).stdout.strip()
        except (OSError, subprocess.TimeoutExpired):
            continue
        if said.startswith("/") and said != "/dev/stdout":
            yield Path(said)


def configurations() -> Iterator[str]:
    """The configuration directories of running Postfix instances, as far as their processes let us see."""
    for process in psutil.process_iter():
        try:
            if process.name() != "master" or not _is_here(process.pid):
                continue
            arguments = process.cmdline()
            if "/postfix/" not in process.exe():
                continue
            # `postfix -c DIR start` hands it on in the environment; master(8) can be started by itself, too.
            directory = process.environ().get("MAIL_CONFIG", "")
            if "-c" in arguments[:-1]:
                directory = arguments[arguments.index("-c") + 1]
        except (psutil.Error, OSError):
            continue
        if directory.startswith("/"):
            yield directory


def _is_here(pid: int) -> bool:
    """Whether a process sees the files and the network that we see: a container has others by the same names."""
    process, own = Path(f"/proc/{pid}"), Path("/proc/self")
    return all(os.path.samestat((process / name).stat(), (own / name).stat()) for name in ("root/", "ns/net"))


def journald(root: Path = ROOT) -> str | None:
    """The journalctl(1) to follow journald with, None if it keeps no journal here."""
    kept = any(any((root / name).glob("*/*.journal")) for name in JOURNALS if (root / name).is_dir())
    return journalctl() if kept else None


def journalctl() -> str | None:
    """Where journalctl(1) is."""
    return shutil.which("journalctl", path="/usr/bin:/bin:/usr/local/bin")


def followed(named: Sequence[str], now: float) -> list[str]:
    """What is to be followed: the logs that were `named`, else those that are found; "journald" among them."""
    if named:
        return list(dict.fromkeys(named))
    found = logs()
    if journald() is None:
        return [str(log.path) for log in found]
    # A host that had rsyslog once keeps its last log for ever, and where both write, one is enough.
    live = [log for log in found if kind(log.path) == REJECT or now - _changed(log.path) < STALE]
    names = [str(log.path) for log in live]
    return names if any(log.syslog for log in live) else [*names, JOURNALD]


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
