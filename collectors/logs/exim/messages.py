"""Lines of a message that have no flag: its end, its freezing, its signatures, what an ACL says of it."""

from __future__ import annotations

import re

from collectors.logs.addresses import MAILBOX
from collectors.logs.exim.client import WORD, client
from collectors.logs.exim.refusals import refusal, refused
from collectors.logs.head import NOTHING, Facts, Head
from smtpwatch import events as ev

_BY = re.compile(r"(frozen|unfrozen|Unfrozen|removed|cancelled) by (.+)$", re.DOTALL)
_DKIM = re.compile(r"DKIM: d=([^\s=]+) s=.* \[([^\[\]]*)\]$", re.DOTALL)
_TOO_MUCH = re.compile(rf"rejected from <({MAILBOX})> H=", re.DOTALL)
_LOCAL_SCAN = re.compile(rf"F=(<>|{WORD})(?: DS)? H=", re.ASCII)
_SCANNED = re.compile(r"(?: U=\S++)?(?: P=\S++)?(?: L\S*+)? (?:temporarily )?rejected by local_scan\(\): ", re.ASCII)
_DROPPED = "SMTP connection lost after final dot"
_FREEZING = ("Frozen", "*** Frozen", "Message frozen on arrival")
_STEPS = (
    "Message is frozen", "Spool file ", "spool file is locked", "no immediate delivery: ", "no recipients", "address <",
    "recipient <", "sender address changed to ", "all recipients marked delivered", "Message is locked",
    "retry time not reached", "Warning message sent", "cancelled", "SMTP error from ", "Remote host ",
    "failed to connect to ", "Failed to connect to ",
)  # fmt: skip
_ERRORS = (
    "failed to ", "Failed to ", "Spool error", "Format error in spool file", "error in ", "Error ", "unlink(",
    "delivery to ", "local_scan() function ",
)  # fmt: skip


def of_message(text: str, head: Head, queue_id: str, at: int) -> Facts:
    """A line whose words begin at `at`."""
    if text.startswith("Completed", at):
        return [ev.MessageRemoved(*head, queue_id)] if _ended(text, at) else None
    if text.startswith("H=", at):
        return refusal(text, head, queue_id, at)
    if text.startswith(_FREEZING, at):
        return [ev.MessageHandled(*head, queue_id, "hold", text[at:])]
    by = _BY.match(text, at)
    if by is not None:
        return _done_by(text[at:], by[1], head, queue_id)
    if text.startswith("DKIM: ", at):
        return _signature(text, head, queue_id, at)
    if text.startswith(("rejected from <", "F="), at):
        return _refused(text, head, queue_id, at)
    if text.startswith(_DROPPED, at):
        return _dropped(text, head, at + len(_DROPPED))
    if text.startswith("Message removed because older than ", at):
        return [ev.MessageExpired(*head, queue_id)]
    if text.startswith(_STEPS, at) or ": error ignored" in text:
        return NOTHING
    if text.startswith(_ERRORS, at):
        return [ev.ServiceTrouble(*head, "error", text[at:], queue_id)]
    return None


def _ended(text: str, at: int) -> bool:
    rest = text[at + len("Completed") :]
    return not rest or rest.startswith(" QT=")


def _done_by(words: str, what: str, head: Head, queue_id: str) -> Facts:
    """What an admin, a rule or the age of a message did to it. "Completed" follows where that ends it."""
    if what == "removed":
        return [ev.MessageRemoved(*head, queue_id, words)]
    action = {"frozen": "hold", "cancelled": "cancel"}.get(what, "release")
    return [ev.MessageHandled(*head, queue_id, action, words)]


def _signature(text: str, head: Head, queue_id: str, at: int) -> Facts:
    """`DKIM: d=b.example s=sel c=relaxed/relaxed a=rsa-sha256 b=2048 [verification succeeded]`: the result is last."""
    match = _DKIM.match(text, at)
    if match is None:
        return None
    domain, found = match.groups()
    result: ev.VerdictResult = "permerror"
    if found.startswith("verification succeeded"):
        result = "pass"
    elif found.startswith("verification failed"):
        result = "fail"
    elif "unavailable" in found:
        result = "temperror"
    return [ev.Verdict(*head, "DKIM", result, queue_id, domain=domain, detail=found)]


def _refused(text: str, head: Head, queue_id: str, at: int) -> Facts:
    """`rejected from <a@b> H=...: message too big: read=2 max=1`, `F=a@b H=... rejected by local_scan(): reason`."""
    scanned = text.startswith("F=", at)
    begun = (_LOCAL_SCAN if scanned else _TOO_MUCH).match(text, at)
    who = client(text, begun.end()) if begun is not None else None
    if begun is None or who is None or who.ident:
        return None
    end = who.end
    if scanned:
        said = _SCANNED.match(text, end)
        if said is None:
            return None
        end = said.end()
    elif text.startswith(": ", end):
        end += 2
    else:
        return None
    sender = "" if begun[1] == "<>" else begun[1]
    return [refused(head, who, "END-OF-MESSAGE", text[end:], sender, None, queue_id)]


def _dropped(text: str, head: Head, at: int) -> Facts:
    """The client was gone before it could be told that its message is accepted; Exim then gives the message up."""
    who = client(text, at + 3) if text.startswith(" H=", at) else None
    if who is None:
        return None
    return [ev.ClientLost(*head, who.source, who.port, who.name, "lost connection", "END-OF-MESSAGE")]
