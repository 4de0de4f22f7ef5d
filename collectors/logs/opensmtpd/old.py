"""OpenSMTPD before 6.0: lines such as `smtp-in: New session 4a1b... from host mail.example.org [192.0.2.1]`."""

from __future__ import annotations

import re
from collections.abc import Callable

from collectors.logs.head import NOTHING, Facts, Head
from collectors.logs.opensmtpd import facts
from collectors.logs.opensmtpd.facts import PATH
from smtpwatch import events as ev

_SESSION = r"(?:[0-9a-f]{16})"

_NEW = re.compile(rf"New session {_SESSION} from host (\S+) \[(\S+)\]", re.ASCII)
_ACCEPTED = re.compile(
    rf"Accepted message ([0-9a-f]{{8}}) on session {_SESSION}: from={PATH}, (?:to={PATH}, )?size=(\d{{1,15}}), "
    r"(?:ndest|nrcpts)=\d+, proto=(\w+)",
    re.ASCII,
)
# Account names are written with their blanks as backslashes and digits.
_LOGIN = re.compile(rf"(Accepted a|A)uthentication (failed |temporarily failed )?for user (\S*) on session {_SESSION}")
_TLS = re.compile(rf"Started TLS on session {_SESSION}: version=([\w.]+), cipher=([\w-]+), bits=(\d{{1,5}})", re.ASCII)
_ENDED = re.compile(rf"(?:Disconnecting|Ending) session {_SESSION}: (.*)")
_CLOSED = re.compile(rf"(?:Closing session|Received disconnect from session) {_SESSION}")
_FAILED = re.compile(rf"Failed command on session {_SESSION}: \"")
_BAD_INPUT = re.compile(rf"Bad input on session {_SESSION}: ")
_RELAYED = re.compile(
    rf"(\w+) for ([0-9a-f]{{8}})[0-9a-f]{{8}}: (?:session={_SESSION}, )?from={PATH}, to={PATH}, (?:rcpt={PATH}, )?"
    r"(?:user=\S+, |source=\S*, relay=((?:\[[^\],]*\]|[^ ,()]+)(?: \([^,()]*\))?), )?(?:method=\S+, )?"
    r"delay=(\w+), stat=(.*)",
    re.DOTALL,
)


def _smtp_in(text: str, at: int, head: Head) -> Facts:
    told = _IN.get(text[at : at + 3])
    return told(text, at, head) if told is not None else None


def _new(text: str, at: int, head: Head) -> Facts:
    match = _NEW.fullmatch(text, at)
    return [ev.ClientConnected(*head, *facts.client(match[2], match[1]))] if match is not None else None


def _accepted(text: str, at: int, head: Head) -> Facts:
    match = _ACCEPTED.fullmatch(text, at)
    if match is None:
        return _login(text, at, head)
    msgid, sender, recipient, size, protocol = match.groups()
    to = () if recipient is None else (recipient,)
    return [ev.MessageReceived(*head, "", 0, "", msgid, "smtp", sender, to, int(size), None, "", "", protocol)]


def _login(text: str, at: int, head: Head) -> Facts:
    match = _LOGIN.fullmatch(text, at)
    if match is None:
        return None
    accepted, failed = match[1] != "A", match[2]
    if accepted == (failed is not None):
        return None
    outcome: ev.LoginOutcome = "success" if accepted else "failure" if failed == "failed " else "deferred"
    return [ev.LoginTried(*head, "", 0, "", "smtp", outcome, match[3])]


def _tls(text: str, at: int, head: Head) -> Facts:
    match = _TLS.fullmatch(text, at)
    return [ev.TlsEstablished(*head, "", 0, "", match[1], match[2], int(match[3]))] if match is not None else None


def _ended(text: str, at: int, head: Head) -> Facts:
    match = _ENDED.fullmatch(text, at)
    return facts.ended(match[1], head) if match is not None else None


def _closed(text: str, at: int, head: Head) -> Facts:
    if _CLOSED.fullmatch(text, at) is None:
        return None
    return facts.ended("" if text.startswith("Closing", at) else "disconnect", head)


def _failed(text: str, at: int, head: Head) -> Facts:
    match = _FAILED.match(text, at)
    return facts.failed(text, match.end(), '" => ', len(text), head) if match is not None else None


def _bad_input(text: str, at: int, head: Head) -> Facts:
    match = _BAD_INPUT.match(text, at)
    return [facts.refused("", "", text[match.end() :], head)] if match is not None else None


def _ignored(text: str, at: int, head: Head) -> Facts:
    return NOTHING


def _relayed(text: str, at: int, head: Head) -> Facts:
    """`Ok for <evpid>: ...`: from 5.x, and from every version where an envelope expires or is removed."""
    match = _RELAYED.fullmatch(text, at)
    if match is None:
        return None
    result, msgid, sender, recipient, original, relay, delay, said = match.groups()
    if result == "Remove":
        return [ev.MessageHandled(*head, msgid, "remove", f"<{recipient}>: {said}")]
    transport = "mta" if text.startswith("relay") else "mda"
    return facts.delivery(head, transport, msgid, sender, recipient, original, relay or "", delay, result, said)


_IN: dict[str, Callable[[str, int, Head], Facts]] = {
    "New": _new, "Acc": _accepted, "Aut": _login, "Sta": _tls, "Dis": _ended, "End": _ended, "Clo": _closed,
    "Rec": _closed, "Fai": _failed, "Bad": _bad_input, "Cli": _ignored, "ses": _ignored, "Ser": _ignored,
}  # fmt: skip
KINDS: dict[str, Callable[[str, int, Head], Facts]] = {"smtp-in": _smtp_in, "relay": _relayed, "delivery": _relayed}
"""By the word before the first colon."""
