"""Courier: logins to its IMAP and POP3 servers, and what its SMTP server refused (courieresmtpd(8), imapd(8)).

courieresmtpd repeats the client's last line after `cmd:`, which may be a password: facts of such a line have its text
up to there.
"""

from __future__ import annotations

import re
from functools import lru_cache

from collectors.logs.addresses import address
from collectors.logs.head import NOTHING, Facts, Head
from smtpwatch import events as ev
from smtpwatch.reasons import classified

# What a client wrote (user, method) comes first, and may hold anything; what follows is Courier's own, to the end.
_LOGIN = re.compile(
    r"(?:INFO: )?LOGIN( FAILED)?, (user|method)=(.*), ip=\[([0-9A-Fa-f:.]+)\](?:, port=\[(\d{1,5})\])?"
    r"(?:, protocol=(\w+))?(?:, (?:stls|starttls)=\d)?",
    re.ASCII | re.DOTALL,
)
_ERROR = re.compile(r"error,relay=([0-9A-Fa-f:.]+?)(?:,port=(\d{1,5}))?(?=,|: )", re.ASCII)
_ADDRESS = r'[^"<>()\\]*(?:"[^"\\]*"[^"<>()\\]*)*'
_REFUSED = re.compile(
    rf"(?:,ident=[^,\s]*)?(?:,from=<({_ADDRESS})>)?(?:,to=<({_ADDRESS})>)?: (?:(\d{{3}})[ -](.*))?",
    re.ASCII | re.DOTALL,
)
_COMMAND = re.compile(r',msg="(?:(\d{3})[ -])?([^"]*)",cmd:', re.ASCII)
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?= |$)", re.ASCII)
_IGNORED = (
    "started", "completed", "newmsg,", "Connection, ip=", "Disconnected", "DISCONNECTED", "LOGOUT", "TIMEOUT", "INFO: ",
    "DEBUG: ", "NOTICE: ", "Waiting", "Loading", "Installing", "Initializing", "queuelo=", "queuehi=", "Purging",
    "ID, ", "id=", "DELETED, ", "EXPUNGED, ", "EXPUNGE", "LOCKED, ", "IMAPD", "couriertls: ", "ip=[",
)  # fmt: skip
_NOT_NOW = "430", "432", "454"


def parse(text: str, head: Head) -> Facts:
    """What a line of courieresmtpd, imapd or pop3d says."""
    if text.startswith("error,relay="):
        return _error(text, head)
    if text.startswith(("LOGIN, ", "LOGIN FAILED, ", "INFO: LOGIN, ", "INFO: LOGIN FAILED, ")):
        return _login(text, head)
    return NOTHING if text.startswith(_IGNORED) else None


@lru_cache(4_096)  # Courier writes IPv4 as IPv6 has it, which takes time to read
def _address(text: str) -> str:
    return address(text)


def _login(text: str, head: Head) -> Facts:
    match = _LOGIN.fullmatch(text)
    source = _address(match[4]) if match is not None else ""
    if match is None or not source:
        return None
    failed, kind, what, _, port, protocol = match.groups()
    service = (protocol or ("pop3" if "pop3" in head[3] else "imap" if "imap" in head[3] else "")).lower()
    account, mechanism = (what, "") if kind == "user" else ("", what)
    outcome: ev.LoginOutcome = "failure" if failed else "success"
    return [ev.LoginTried(*head, source, int(port or 0), "", service, outcome, account, mechanism)]


def _error(text: str, head: Head) -> Facts:
    """`error,relay=::ffff:192.0.2.1,from=<a@b>,to=<c@d>: 550 User unknown.`: the client comes first."""
    match = _ERROR.match(text)
    source = _address(match[1]) if match is not None else ""
    if match is None or not source:
        return None
    port, at = int(match[2] or 0), match.end()
    command = _COMMAND.match(text, at)
    if command is not None:
        told: Head = (*head[:5], text[: command.end()])
        return _answered(told, (source, port, ""), "", command[1] or "", command[2], None, None)
    refused = _REFUSED.fullmatch(text, at)
    if refused is None:  # an address that might be mistaken for what follows it
        return [ev.Refused(*head, source, port, "", "", 0, "", "other", "")]
    sender, recipient, code, reply = refused.groups()
    stage = "RCPT" if recipient is not None else "MAIL" if sender is not None else ""
    return _answered(head, (source, port, ""), stage, code or "", reply or "", sender, recipient)


def _answered(
    head: Head, who: tuple[str, int, str], stage: str, code: str, reply: str, sender: str | None, recipient: str | None
) -> Facts:
    if not code:
        return NOTHING  # the connection broke
    if code == "535":
        return [ev.LoginTried(*head, *who, "smtp", "failure", reason=f"{code} {reply}")]
    if code in _NOT_NOW and "uthentication" in reply:
        return [ev.LoginTried(*head, *who, "smtp", "deferred", reason=f"{code} {reply}")]
    match = _ENHANCED.match(reply)
    enhanced = match[0] if match is not None else ""
    why, listed = classified(enhanced, reply)
    return [ev.Refused(*head, *who, stage, int(code), enhanced, why, f"{code} {reply}", listed, sender, recipient)]
