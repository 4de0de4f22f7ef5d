"""Exim itself: its daemon, its queue runs, its troubles; and local programs that call it."""

from __future__ import annotations

import re

from collectors.logs.head import NOTHING, Facts, Head
from smtpwatch import events as ev

_CALLED = re.compile(r"cwd=(.*?) (\d{1,6}) args:(?: |$)", re.DOTALL)
_ARGUMENT = re.compile(r'"[^"]*"|[^\s"]+')
_OWN_CALLS = ("-M", "-q", "-bd", "-bp", "-bP", "-bV", "-bt", "-bv", "-bh", "-be", "-bi", "-bw", "-bf", "-bF", "-bI")
_DAEMON = re.compile(r"exim \S+ daemon (?:started: pid=|terminating)|pid \d+: SIG\w+ received", re.ASCII)
_HOUSEKEEPING = ("Start ", "End ", "SIGHUP received", "SIGTERM received", "ETRN ", "Abandon queue run: ", "queue_only ")
_FATAL = ("Exim configuration error", "daemon abandoned", "exim abandoned", "socket bind() to port ")
_ERRORS = (
    "failed to ", "Failed to ", "Cannot ", "cannot ", "queue run: ", "spool directory space check failed",
    "log directory space", "unable to ", "fork ", "daemon: ", "write failed on panic log", "DKIM: error",
    "tls_validate_require_cipher", "ACL for ", "error in ACL", "exec of ", "Tainted ", "LOG: ", "expansion of ",
    "Expansion of ",
)  # fmt: skip


def service(text: str, head: Head) -> Facts:
    """A line that is about no client."""
    if text.startswith("cwd="):
        return _called(text, head)
    if text.startswith("Warning: "):
        return [ev.ServiceTrouble(*head, "warning", text[9:])]
    if text.startswith(_HOUSEKEEPING) or _DAEMON.match(text) is not None:
        return NOTHING
    if text.startswith(_FATAL):
        return [ev.ServiceTrouble(*head, "fatal", text)]
    if text.startswith(_ERRORS):
        return [ev.ServiceTrouble(*head, "error", text)]
    return None


def _called(text: str, head: Head) -> Facts:
    """`cwd=/var/www/x 4 args: /usr/sbin/sendmail -t -i "-f a@b"`. Exim puts quotation marks around an argument with
    blanks, but leaves those in it as they are: if the number of arguments does not come out, they are told as one."""
    match = _CALLED.match(text)
    if match is None:
        return None
    rest = text[match.end() :]
    arguments = tuple(word[1:-1] if word[0] == '"' else word for word in _ARGUMENT.findall(rest))
    if len(arguments) != int(match[2]):
        arguments = (rest,)
    elif len(arguments) > 1 and arguments[1].startswith(_OWN_CALLS):  # a delivery, a queue run, a look at the queue
        return NOTHING
    return [ev.LocalSubmission(*head, match[1], arguments)]
