"""Why mail could not be delivered to another host, in classes that an admin acts on.

What the next hop said is classed as our own refusals are (smtpwatch.reasons), told from the other side; what our own
server says of a next hop that it could not speak to has classes of its own."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from smtpwatch.events import Delivery, Reason
from smtpwatch.reasons import LONGEST, classified

_SUSPENDED = "delivery temporarily suspended"
_SAID = (" said: ", " refused to talk to me: ")

_BY_THEM: dict[Reason, str] = {
    "greylist": "greylisted", "rate": "rate limited", "blocklist": "on a blocklist", "content": "blocked as spam",
    "mailbox full": "over quota", "client": "host refused", "sender": "sender refused", "resources": "busy there",
    "size": "too big", "auth failed": "login failed", "auth required": "login required", "HELO": "HELO refused",
}  # fmt: skip
"""Classes whose words would tell of the wrong side."""
_AS_OURS = {theirs: ours for ours, theirs in _BY_THEM.items()}

_THEIR_WORDS = (
    ("SPF", r"sender policy framework"),
    ("rate limited", r"user complaints|unexpected volume|too much mail|try again more slowly|deferred due to volume"),
    ("blocked as spam", r"suspicious due to|likely (?:suspicious|unsolicited)|not accepted for policy reasons"),
    ("over quota", r"out of storage|storage (?:space|limit)|inbox is full"),
)
"""What large hosts say of senders, beyond what reasons knows."""

_LESS_CLEAR: frozenset[Reason] = frozenset(("resources", "policy", "other", "auth failed", "client", "content"))
"""Classes of replies in which these words say more."""

_OUR_WORDS = (
    ("retries used up", r"retry timeout exceeded|(?:envelope|message) expired|too long in"),
    ("accepts no mail", r"null ?mx|does not accept mail|seem to reject all mails?"),
    ("mail loop", r"loops? back to myself|loop detected|too many hops|points? to (?:the )?local host"),
    ("login failed", r"sasl .*fail|authentication (?:failed|required)|no worthy mechs"),
    ("TLS failure",
     r"cannot start tls|\btls\b.*(?:required|not offered|unavailable|fail|error)|certificate|handshake|\bssl\b|\btlsa\b"
     r"|\bdane\b|starttls"),
    ("connection refused", r"connection refused"),
    ("timed out", r"tim(?:ed?|e-?) ?out"),
    ("no route", r"no route to host|network (?:is )?unreachable|host is (?:down|unreachable)|no valid route"),
    ("connection lost",
     r"lost connection|connection (?:reset|closed|lost)|(?:dropped|closed) (?:the )?connection|broken pipe|read error"
     r"|premature end|network error"),
    ("no DNS answer",
     r"try again|lookup did not complete|lookup failure|temporary failure in|unexpected name server reply|servfail"
     r"|name server (?:error|timeout)"),
    ("no such host",
     r"host not found|not found|name or service not known|does not exist|non-existent|unknown (?:mail )?domain"
     r"|unrouteable|no mx|no address associated|no data record|invalid domain|illegal host"),
    ("retry pending", r"retry time not reached|temporarily suspended|host status|deferred until"),
    ("own trouble", r"transport|resources|queue file|disk|configuration|lookup error|bad command|internal|system"),
)  # fmt: skip
"""What Postfix, Exim, Sendmail and OpenSMTPD say of a next hop, in order: what is sure first."""

_STATES = {
    "connection refused": "refused", "timed out": "timed out", "no route": "no route", "connection lost": "lost",
    "no DNS answer": "no DNS", "no such host": "no host", "TLS failure": "no TLS", "login failed": "no login",
}  # fmt: skip
OF_RECIPIENTS = ("unknown user", "over quota")
"""Reasons that lie with the one recipient: the destination itself is well."""

UNWELCOME = "unwelcome"
"""The connection was taken, and the greeting was a refusal."""

_ADDRESSED = re.compile(r"\S+\[[0-9A-Fa-f:.]+\](?::\d+)?")


def _compiled(table: tuple[tuple[str, str], ...]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((name, re.compile(pattern, re.IGNORECASE)) for name, pattern in table)


_THEIRS, _OURS = _compiled(_THEIR_WORDS), _compiled(_OUR_WORDS)


class Said(NamedTuple):
    """Words about a delivery. `by_them`: the next hop's own, without those around them; `greeting`: they are all that
    it said before it hung up."""

    words: str
    by_them: bool
    greeting: bool


class Trouble(NamedTuple):
    """`why` it failed; `connection` in a word or two, "" where that says nothing of it."""

    why: str
    connection: str


def said(delivery: Delivery) -> Said:
    """Who said what. Postfix: `host mx[192.0.2.1] said: 450 ... (in reply to RCPT TO command)`."""
    reply = delivery.reply
    if reply.startswith(_SUSPENDED):
        reply = reply[len(_SUSPENDED) :].removeprefix(": ") or reply
    if reply.startswith("host "):
        for at, mark in enumerate(_SAID):
            _, found, words = reply.partition(mark)
            if found:
                return Said(words.partition(" (in reply to ")[0], True, at == 1)
    return Said(reply, delivery.code > 0 or _coded(reply), False)


def _coded(reply: str) -> bool:
    """It begins with a reply code of SMTP."""
    return reply[:1] in ("4", "5") and reply[1:3].isdecimal() and reply[3:4] in (" ", "-")


def trouble(delivery: Delivery) -> Trouble:
    """Why a delivery that was not sent was not."""
    words, by_them, greeting = said(delivery)
    if by_them:
        return Trouble(_by_them(delivery.enhanced, words), UNWELCOME if greeting else "ok")
    if ": " in words and words.startswith("connect to "):  # what stands before names only whom
        words = words.rpartition(": ")[2]
    why = _by_us(_ADDRESSED.sub("", words[:LONGEST]) if "[" in words else words[:LONGEST])
    return Trouble(why, _STATES.get(why, ""))


def _by_them(enhanced: str, words: str) -> str:
    why = classified(enhanced, words)[0]
    if why in _LESS_CLEAR:
        known = next((name for name, pattern in _THEIRS if pattern.search(words[:LONGEST])), None)
        if known is not None:
            return known
    return _BY_THEM.get(why, why)


@lru_cache(4_096)  # a server says few things over and over
def _by_us(words: str) -> str:
    known = next((name for name, pattern in _OURS if pattern.search(words)), None)
    return known if known is not None else _by_them("", words)


def as_ours(why: str) -> str:
    """What the class of a refusal of ours would be called, "" where there is none of another name."""
    return _AS_OURS.get(why, "")
