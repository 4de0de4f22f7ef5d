"""OpenSMTPD: what smtpd(8) logs, in the form of 6.0 and later; old.py has the form before that.

A line begins with the id of its session, 16 hexadecimal digits. Only the first line of a session names the client's
address (6.0 to 6.3 name it in some more), so that `source` is "" in most facts here: it is found by the id in `text`.

A message's id is 8 hexadecimal digits; each of its envelopes, one a recipient, has 16 that begin with those. It is the
message's id that becomes the queue id. A received message is told by one line, and its sender with each recipient by
another: all of them are MessageReceived with one queue id.

A command that was refused is logged as the client sent it, with quotation marks and all, so that what looks like the
reply may be the client's: where there is any doubt, the fact has no reply. AUTH with its argument holds a password, and
so may a command that is none (the answer to a challenge that never came): nothing is told of either.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from collectors.logs.head import NOTHING, Facts, Head
from collectors.logs.opensmtpd import facts, old
from collectors.logs.opensmtpd.facts import PATH
from smtpwatch import events as ev

_AT = 17  # where the text after a session's id begins
_NAMED = r"(?:address=(\S+) host=(\S+) )?"  # 6.0 to 6.3

_CONNECTED = re.compile(r"address=(\S+) host=(\S+)", re.ASCII)
_MESSAGE = re.compile(
    _NAMED
    + r"msgid=([0-9a-f]{8}) (?:from="
    + PATH
    + " to="
    + PATH
    + r" )?size=(\d{1,15}) (?:nrcpt|ndest)=\d+ proto=(\w+)",
    re.ASCII,
)
_ENVELOPE = re.compile(r"evpid=([0-9a-f]{8})[0-9a-f]{8} from=" + PATH + " to=" + PATH)
_TLS = re.compile(
    _NAMED + r'(?:ciphers=)?"?(?:version=)?([\w.]+)[:,](?: cipher=)?([\w-]+)[:,](?: bits=)?(\d{1,5})"?', re.ASCII
)
# User names are written with blanks, and all that a terminal would mind, as backslashes and digits.
_LOGIN = re.compile(r"user=(\S*) " + _NAMED + r"result=(ok|permfail|tempfail)")
_ENDED = re.compile(r' ?(?:address=\S+ host=\S+ )?reason=(?:"(.*)"|([\w-]+))')
_DELIVERY = re.compile(
    r"evpid=([0-9a-f]{8})[0-9a-f]{8} from=" + PATH + " to=" + PATH + " (?:rcpt=" + PATH + " )?"
    r'(?:source="[^"]*" relay="([^"]*)" |user=\S+ )?(?:method=\S+ )?delay=(\w+) result="?(\w+)"? stat=(.*)',
    re.DOTALL,
)

_OUTCOMES: dict[str, ev.LoginOutcome] = {"ok": "success", "permfail": "failure", "tempfail": "deferred"}
_SEVERITIES: dict[str, ev.Severity] = {"warn": "warning", "warning": "warning", "fatal": "fatal"}


def parse(text: str, head: Head) -> Facts:
    """What a line of smtpd(8) says."""
    if text.startswith(" smtp ", 16):
        at = _AT + 5
        known = _SMTP
    elif text.startswith((" mta ", " mda "), 16):
        at = _AT + 4
        known = _MTA
    else:
        return _other(text, head)
    if text.startswith("event=", at):
        at += 6
    blank = text.find(" ", at)
    told = known.get(text[at:blank] if blank > 0 else text[at:])
    return told(text, blank + 1, head) if told is not None else None


def _connected(text: str, at: int, head: Head) -> Facts:
    match = _CONNECTED.fullmatch(text, at)
    if match is None:
        return None
    return [ev.ClientConnected(*head, *facts.client(match[1], match[2]))]


def _message(text: str, at: int, head: Head) -> Facts:
    match = _MESSAGE.fullmatch(text, at)
    if match is None:
        return None
    where, name, msgid, sender, recipient, size, protocol = match.groups()
    to = () if recipient is None else (recipient,)
    return [
        ev.MessageReceived(
            *head, *facts.client(where, name), msgid, "smtp", sender, to, int(size), None, "", "", protocol
        )
    ]


def _envelope(text: str, at: int, head: Head) -> Facts:
    match = _ENVELOPE.fullmatch(text, at)
    if match is None:
        return None
    return [ev.MessageReceived(*head, "", 0, "", match[1], "smtp", match[2], (match[3],))]


def _tls(text: str, at: int, head: Head) -> Facts:
    if text.startswith("tls=", at):
        return NOTHING  # of a listener
    match = _TLS.fullmatch(text, at)
    if match is None:
        return None
    where, name, version, cipher, bits = match.groups()
    return [ev.TlsEstablished(*head, *facts.client(where, name), version, cipher, int(bits))]


def _login(text: str, at: int, head: Head) -> Facts:
    match = _LOGIN.fullmatch(text, at)
    if match is None:
        return None
    account, where, name, result = match.groups()
    return [ev.LoginTried(*head, *facts.client(where, name), "smtp", _OUTCOMES[result], account)]


def _ended(text: str, at: int, head: Head) -> Facts:
    match = _ENDED.fullmatch(text, at)
    if match is None:
        return None
    return facts.ended(match[1] or match[2] or "", head)


def _failed_command(text: str, at: int, head: Head) -> Facts:
    """`command="RCPT TO:<a@b>" result="550 Invalid recipient: <a@b>"`; both parts may hold what a client wrote."""
    if text.startswith("address=", at):
        at = text.find(" command=", at) + 1
    if not text.startswith('command="', at) or not text.endswith('"'):
        return None
    return facts.failed(text, at + 9, '" result="', len(text) - 1, head)


def _bad_input(text: str, at: int, head: Head) -> Facts:
    if text.startswith("address=", at):
        at = text.find(" result=", at) + 1
    if not text.startswith('result="', at) or not text.endswith('"'):
        return None
    return [facts.refused("", "", text[at + 8 : -1], head)]


def _delivery(text: str, at: int, head: Head) -> Facts:
    match = _DELIVERY.fullmatch(text, at)
    if match is None:
        return None
    msgid, sender, recipient, original, relay, delay, result, said = match.groups()
    if said.startswith('"') and said.endswith('"'):
        said = said[1:-1]
    return facts.delivery(
        head, text[_AT : _AT + 3], msgid, sender, recipient, original, relay or "", delay, result, said
    )


def _relay_error(text: str, at: int, head: Head) -> Facts:
    """The deliveries that failed by it have lines of their own; a handshake that failed has only this one."""
    said = text[at:].removeprefix("reason=").strip('"')
    if said.startswith(("IO Error: ", "IO error: ")) and ("SSL" in said or "handshake" in said):
        return [ev.TlsTroubled(*head, "", 0, "", said[10:])]
    return NOTHING


def _ignored(text: str, at: int, head: Head) -> Facts:
    return NOTHING


def _other(text: str, head: Head) -> Facts:
    """Lines of no session."""
    word, colon, said = text.partition(": ")
    if not colon:
        return NOTHING if text.startswith("proxy ") or text.startswith(" filter", 16) else None
    told = old.KINDS.get(word)
    if told is not None:
        return told(text, len(word) + 2, head)
    severity = _SEVERITIES.get(word)
    if severity is not None:
        return [ev.ServiceTrouble(*head, severity, said, _reported(said))]
    if word in ("info", "debug", "smtp-out", "smtp", "mta", "mda", "scheduler", "queue", "bounce", "lookup", "filter"):
        return NOTHING
    return NOTHING if text.startswith(" filters ", 16) else None


def _reported(said: str) -> str:
    """The message that a bounce could not be made for."""
    match = _REPORT.match(said)
    return match[1] if match is not None else ""


_REPORT = re.compile(r"\w+ injecting failure report on message ([0-9a-f]{8}) ")

_SMTP: dict[str, Callable[[str, int, Head], Facts]] = {
    "connected": _connected, "message": _message, "envelope": _envelope, "tls": _tls, "starttls": _tls,
    "authentication": _login, "disconnected": _ended, "closed": _ended, "failed-command": _failed_command,
    "bad-input": _bad_input,
    "filter": _ignored, "client-cert-check": _ignored, "proxy": _ignored, "cert-check": _ignored,
}  # fmt: skip
_MTA: dict[str, Callable[[str, int, Head], Facts]] = {
    "delivery": _delivery, "tls": _tls, "starttls": _tls, "error": _relay_error, "connecting": _ignored,
    "connected": _ignored, "disconnected": _ignored, "closing": _ignored, "closed": _ignored,
    "server-cert-check": _ignored, "cert-check": _ignored, "host-rejects-all-mails": _ignored,
    "ssl_check_name:": _ignored,
}  # fmt: skip
