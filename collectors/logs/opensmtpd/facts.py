"""The facts that OpenSMTPD's lines state alike, whichever their form."""

from __future__ import annotations

import re
from functools import lru_cache

from collectors.logs.addresses import address
from collectors.logs.head import NOTHING, Facts, Head
from collectors.queue_ids import queue_id
from smtpwatch import events as ev
from smtpwatch.reasons import blocklist, reason

PATH = r"<([^<>]*)>"
"""A pattern for an address: smtpd takes none with quotation marks, blanks or brackets in it."""

_RELAY = re.compile(r"([0-9A-Fa-f.:]+|\[[0-9A-Fa-f.:]+\])(?: \(([^()]*)\))?", re.ASCII)
_DURATION = re.compile(r"(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?", re.ASCII)
_CODES = re.compile(r"([2-5]\d\d)[ -](?:([245]\.\d{1,3}\.\d{1,3}):? ?)?", re.ASCII)
_COMMAND = re.compile(r"([A-Za-z]{3,8}|)(?: (.*))?", re.DOTALL)
_PARAMETER = re.compile(r"(?:FROM|TO): ?" + PATH + r"(?: |$)", re.IGNORECASE)

_STATUSES: dict[str, ev.DeliveryStatus] = {
    "Ok": "sent", "TempFail": "deferred", "PermFail": "bounced", "Loop": "bounced", "Expire": "expired",
}  # fmt: skip
# Commands of SMTP and those of what else comes to port 25. Any other word may be a piece of a login.
_VERBS = frozenset(
    (
        "HELO", "EHLO", "LHLO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP", "QUIT", "VRFY", "EXPN", "HELP", "ETRN",
        "TURN", "STARTTLS", "AUTH", "XCLIENT", "XFORWARD", "GET", "POST", "HEAD", "PUT", "OPTIONS", "CONNECT",
    )
)  # fmt: skip
_SHIFTED = "AUTH PLAIN (...)", "AUTH LOGIN (username)", "AUTH LOGIN (password)", "AUTH [...]"
"""What stands for an AUTH command with the secret part taken off."""


@lru_cache(4_096)  # clients come again
def client(where: str | None, name: str | None) -> tuple[str, int, str]:
    """The first fields of a ClientEvent. `where` is "local" for a program on this host."""
    if name is None or name == "<unknown>":
        name = ""
    if where is None or where == "local":
        return "", 0, name
    return address(where[1:-1] if where.startswith("[") else where), 0, name


def ended(why: str, head: Head) -> Facts:
    """A session's end. `why` is smtpd's own word, or a library's."""
    end = ev.ClientDisconnected(*head, "", 0, "", why)
    if why == "disconnect":
        return [ev.ClientLost(*head, "", 0, "", "lost connection"), end]
    if why.startswith(("io-error: ", "IO error: ", "I/O error: ")):
        said = why[why.find(": ") + 2 :]
        if "SSL" in said or "handshake" in said or "certificate" in said:
            return [ev.TlsTroubled(*head, "", 0, "", said), end]
        return [ev.ClientLost(*head, "", 0, "", said), end]
    if why == "timeout":
        return [ev.ClientLost(*head, "", 0, "", "timeout"), end]
    return [end]


def failed(text: str, at: int, between: str, end: int, head: Head) -> Facts:
    """A command that was refused: it begins at `at`; `between` parts it from the reply, which reaches to `end`."""
    middle = text.find(between, at, end)
    if middle < 0:
        return None
    reply = text[middle + len(between) : end]
    command = text[at:middle]
    if text.find(between, middle + 1, end) >= 0:
        reply = ""  # the client wrote one of the two itself
    match = _COMMAND.fullmatch(command)
    verb = match[1].upper() if match is not None else ""
    if match is None or not (verb in _VERBS or command == ""):
        return NOTHING
    if verb == "AUTH" and command not in _SHIFTED and match[2] and " " in match[2].strip():
        return NOTHING  # its argument is a secret
    if command in _SHIFTED and reply.startswith(("535 ", "454 ", "421 ")):
        return NOTHING  # a line of its own tells of the login
    return [refused(verb or "CONNECT", match[2] or "", reply, head)]


def refused(stage: str, argument: str, reply: str, head: Head) -> ev.Refused:
    """A refusal of a command, `argument` is what follows its verb."""
    codes = _CODES.match(reply)
    code, enhanced = (int(codes[1]), codes[2] or "") if codes is not None else (0, "")
    said = reply[codes.end() :] if codes is not None else reply
    why = reason(enhanced, said)
    path = _PARAMETER.match(argument) if stage in ("MAIL", "RCPT") and reply else None
    sender = path[1] if path is not None and stage == "MAIL" else None
    recipient = path[1] if path is not None and stage == "RCPT" else None
    listed = blocklist(said) if why == "blocklist" else ""
    return ev.Refused(*head, "", 0, "", stage, code, enhanced, why, reply, listed, sender, recipient)


def delivery(
    head: Head, transport: str, msgid: str, sender: str, recipient: str, original: str | None, relay: str, delay: str,
    result: str, said: str,
) -> Facts:  # fmt: skip
    """One envelope's fate. `relay` is "address (name)"; `said` the next hop's reply, or ours."""
    status = _STATUSES.get(result)
    if status is None:
        return None
    codes = _CODES.match(said) if relay else None
    code, enhanced = (int(codes[1]), codes[2] or "") if codes is not None else (0, "")
    where, name = _hop(relay)
    given = (queue_id(said) or "") if code and status == "sent" else ""
    before = "" if original is None or original in ("-", recipient) else original
    return [
        ev.Delivery(
            *head, msgid, recipient, status, enhanced, said, before, name, where, 0, seconds(delay), (), code, given,
            sender, transport,
        )
    ]  # fmt: skip


@lru_cache(4_096)  # a host delivers to few others, over and over
def _hop(relay: str) -> tuple[str, str]:
    """(address, name) of "address (name)"; what is none is a name."""
    hop = _RELAY.fullmatch(relay)
    return (address(hop[1].strip("[]")), hop[2] or "") if hop is not None else ("", relay)


def seconds(duration: str) -> float | None:
    """`1d2h3m4s` in seconds; None for what is no duration."""
    match = _DURATION.fullmatch(duration)
    if match is None or not duration:
        return None
    days, hours, minutes, rest = (float(part or 0) for part in match.groups())
    return days * 86_400 + hours * 3_600 + minutes * 60 + rest
