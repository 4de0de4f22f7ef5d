"""Sendmail: what its daemons log at the usual LogLevel, 9, and up to 14 ("Sendmail Installation and Operation Guide").

A line is `QUEUEID: what=value, ...`, or has no queue id, or NOQUEUE. Much of it is strangers' text: an address may hold
quoted strings, comments and backslashes that look like what follows it, and sendmail repeats it as it came. So a client
is read from the end of a line, where only sendmail writes, or after an argument that nobody can mistake; else `source`
is "".
"""

from __future__ import annotations

from collections.abc import Callable

from collectors.logs.head import NOTHING, Facts, Head
from collectors.logs.sendmail import clients, queue
from collectors.logs.sendmail.tokens import is_queue_id
from smtpwatch import events as ev

_SOLARIS = "[ID "  # syslog(3C) of Solaris: `[ID 801593 mail.info] `


def parse(text: str, head: Head) -> Facts:
    """What a line of sendmail(8) says."""
    at = 0
    if text.startswith(_SOLARIS):
        at = text.find("] ") + 2
    colon = text.find(": ", at, at + 40)
    queue_id = ""
    if colon > 0:
        word = text[at:colon]
        if is_queue_id(word):
            queue_id, at = word, colon + 2
        elif word == "NOQUEUE":
            at = colon + 2
    said = text[at:] if at else text
    told = _BEGINNINGS.get(said[:5])
    if told is not None:
        return told(said, queue_id, head)
    if said.startswith("to="):
        return queue.delivered(said, queue_id, head)
    if said.startswith(_IGNORED):
        return NOTHING
    return _other(said, queue_id, head)


def _other(said: str, queue_id: str, head: Head) -> Facts:
    """Lines that begin with a client, another queue id or a recipient."""
    colon = said.find(": ", 0, 40)
    if colon > 0 and queue_id and is_queue_id(said[:colon]):
        return queue.noticed(said, colon, queue_id, head)
    told = clients.behaved(said, queue_id, head)
    if told is None and said.endswith(" parameter unrecognized"):
        return NOTHING  # of MAIL or RCPT: a stranger's word
    return clients.undeliverable(said, queue_id, head) if told is None else told


def _trouble(said: str, queue_id: str, head: Head) -> Facts:
    return [ev.ServiceTrouble(*head, "error", said, queue_id)]


def _ignored(said: str, queue_id: str, head: Head) -> Facts:
    return NOTHING


def _rejecting(said: str, queue_id: str, head: Head) -> Facts:
    if said.startswith(_OVERLOADED):
        return [ev.ServiceTrouble(*head, "warning", said, queue_id)]
    return clients.rejected_commands(said, queue_id, head)


_BEGINNINGS: dict[str, Callable[[str, str, Head], Facts]] = {
    "from=": queue.received, "done;": queue.done, "rules": clients.checked, "conne": clients.connected,
    "START": clients.tls, "AUTH=": clients.logged_in, "AUTH ": clients.login_failed, "lost ": clients.lost,
    "timeo": clients.timed_out, "inval": clients.bad_helo, "Milte": clients.filtered, "milte": _ignored,
    "tcpwr": clients.tcp_wrapped, "Too m": clients.too_many, "unaut": clients.pipelined, "rejec": _rejecting,
    "defer": _rejecting, "delay": _rejecting, "SYSER": _trouble, "Authe": _ignored, "SMTP ": _ignored,
    "<-- E": _ignored, "AUTH:": _ignored,
}  # fmt: skip
_OVERLOADED = "rejecting connections", "rejecting new messages", "deferring connections", "delaying connections"
_IGNORED = (
    "--- ", "<-- ", "tls_", "engine=", "starting daemon", "started as: ", "started with: ", "restarting ",
    "stopping daemon", "alias database ", "/", "forward ", "accepting connections again", "collect: ", "clone: ",
    "grew WorkList", "runqueue: ", "aliases", "Losing ", "SYNC", "Warning: ", "discarded", "removed",
    "running queue", "queue ", "dsn: ", "locked", "have been rejecting connections", "headers too large",
    "makeconnection", "daemon ", "error connecting to filter", "Fixed MIME ", "Truncated ", "  fixed MIME ",
    "  truncated ", "SASL", "srv_features",
)  # fmt: skip
"""What is said of the daemon itself, and of sessions in a detail that is for debugging (which may hold passwords)."""
