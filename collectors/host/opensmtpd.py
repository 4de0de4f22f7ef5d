"""Whether an OpenSMTPD runs here, and its configuration.

Its queue is not read, so that it is none of those in collectors.host.mta. Nothing of it is run: a process tells only
that it is there and, if it is root's, with which configuration.
"""

import shutil
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from collectors.host.mta import PROGRAMS, of_this_system, option
from collectors.host.trusted_found import UnreadableError, text_of

NAME = "opensmtpd"
PROGRAM = "smtpd"

CONFIGURATIONS = (
    "/etc/smtpd.conf",  # as it comes, Debian's
    "/etc/opensmtpd/smtpd.conf",  # Fedora
    "/etc/smtpd/smtpd.conf",  # Alpine, Arch
    "/etc/mail/smtpd.conf",  # OpenBSD
    "/usr/local/etc/mail/smtpd.conf",  # FreeBSD
)
_RULE = "match "


class OpenSmtpd(NamedTuple):
    """One, by its configuration."""

    configuration: str
    running: bool


def opensmtpd(path: str = PROGRAMS) -> OpenSmtpd | None:
    """The one that runs, else one that is installed and set up."""
    program = shutil.which(PROGRAM, path=path)
    if program is None:
        return None
    for process in of_this_system(psutil.process_iter()):
        with suppress(psutil.Error):
            if process.name() == PROGRAM and process.uids().real == 0 and _executes(process, program):
                return OpenSmtpd(option(process.cmdline(), "-f") or _default(), True)
    configuration = _default()
    return OpenSmtpd(configuration, False) if _has_rules(configuration) else None


def _executes(process: psutil.Process, program: str) -> bool:
    """It is that program: Postfix has an smtpd too. Where its file may not be known, its own word is taken."""
    try:
        executed = process.exe()
    except psutil.AccessDenied:
        executed = ""
    executed = executed or (process.cmdline() or [""])[0]
    return executed in (program, str(Path(program).resolve()))


def _default() -> str:
    """Where the configuration is by default, the first that is there."""
    for configuration in CONFIGURATIONS:
        with suppress(OSError):
            Path(configuration).stat()
            return configuration
    return CONFIGURATIONS[0]


def _has_rules(configuration: str) -> bool:
    """It is OpenSMTPD's, and not that of another program of that name."""
    try:
        return any(line.lstrip().startswith(_RULE) for line in text_of(configuration).splitlines())
    except UnreadableError:
        return False
