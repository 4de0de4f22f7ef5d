"""Lines of Dovecot 2.2 to 2.4, from syslog ("dovecot: ") or from its own log file, where a level follows the service.

A line is "service(user)<pid><session>: Level: text" (https://doc.dovecot.org/, "Logging"). Of them all only the login
processes and the auth process speak of strangers; the other services act for somebody who has logged in.
"""

from __future__ import annotations

from collections.abc import Callable

from collectors.logs.dovecot.logins import login
from collectors.logs.dovecot.mail import session, store
from collectors.logs.dovecot.passdbs import passdb
from collectors.logs.head import NOTHING, Facts, Head
from smtpwatch import events as ev
from smtpwatch.events import Severity

_Read = Callable[[str, str, Head], Facts]
"""A service's lines: what stands before the first colon, what stands after it and after the level, and the head."""

_LEVELS: dict[str, Severity | None] = {
    "Debug": None, "Info": None, "Warning": "warning", "Error": "error", "Fatal": "fatal", "Panic": "panic",
}  # fmt: skip


def _quiet(_service: str, _text: str, _head: Head) -> Facts:
    return NOTHING


_SERVICES: dict[str, _Read] = {
    "imap-login": login, "pop3-login": login, "managesieve-login": login, "submission-login": login,
    "auth": passdb, "auth-worker": passdb,
    "lmtp": store, "lda": store, "deliver": store,
    "submission": session, "imap": session, "pop3": session, "managesieve": session,
    "master": _quiet, "indexer": _quiet, "indexer-worker": _quiet, "stats": _quiet, "config": _quiet, "anvil": _quiet,
    "log": _quiet, "ssl-params": _quiet, "replicator": _quiet, "doveadm": _quiet, "dict": _quiet,
}  # fmt: skip


def parse(text: str, head: Head) -> Facts:
    """The facts of one line."""
    service, colon, said = text.partition(": ")
    if not colon:
        return None
    level = said[: said.find(": ")] if said[:1] in "DIWEFP" else ""
    if level in _LEVELS:
        said = said[len(level) + 2 :]
        severity = _LEVELS[level]
        if severity is not None:
            return _trouble(service, said, severity, head)
        if level == "Debug":
            return NOTHING  # may hold passwords, and what matters is told again
    read = _SERVICES.get(service)
    if read is None:
        name = service.partition("(")[0]
        read = _SERVICES.get(name)
    return None if read is None else read(service, said, head)


def _trouble(service: str, said: str, severity: Severity, head: Head) -> Facts:
    if said.startswith("Killed with signal 15 ") or "given password" in said:
        return NOTHING  # an admin stopped it; or a secret
    return (ev.ServiceTrouble(*head, severity, f"{service}: {said}"),)
