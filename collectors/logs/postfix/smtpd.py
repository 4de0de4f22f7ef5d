"""smtpd(8): clients that come and go, what they are refused, how they log in, which TLS they negotiate.

The client is named before any word of the client's own, so nobody else can be blamed by what a client says.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from collectors.logs.head import NOTHING, Facts, Head
from collectors.logs.postfix.evidence import refused
from collectors.logs.postfix.smtpd_warnings import service_of, warning
from collectors.logs.postfix.tokens import (
    NOQUEUE,
    client,
    handshake_failed,
    housekeeping,
    tls,
    trouble,
)
from smtpwatch import events as ev

_REFUSALS = frozenset(("reject", "milter-reject", "proxy-reject", "reject_warning", "hangup"))
_ACTIONS = {
    "hold": "hold", "milter-hold": "hold", "discard": "discard", "milter-discard": "discard", "redirect": "redirect",
    "filter": "filter", "prepend": "prepend", "bcc": "bcc", "warn": "warn", "delay": "delay",
}  # fmt: skip
_UNREFUSED = frozenset(("permit", "info", "proxy-accept"))
_GONE = ("lost connection after ", "timeout after ", "too many errors after ")

_COUNT = re.compile(r"([a-z]+)=(\d{1,9})(?:/(\d{1,9}))?(?= |$)", re.ASCII)
_LOST = re.compile(
    r"(lost connection|timeout|too many errors) after ([A-Z-]+(?: [A-Za-z]+)?)(?: \(\d+ bytes\))? from (\S+)$"
)
_PIPELINED = re.compile(
    r"improper command pipelining after ([A-Z-]+(?: [A-Za-z]+)?) from (\S+?)(?:$|:$|: (.*)$)", re.DOTALL
)


def parse(text: str, head: Head) -> Facts:
    """A line of smtpd."""
    word = text[: text.find(" ")]
    special = _FIRST.get(word)
    if special is not None:
        return special(text, head)
    queue_id = word[:-1]
    if word[-1:] == ":" and queue_id.isalnum():
        return _of_message(text, head, "" if queue_id == NOQUEUE else queue_id, len(word) + 1)
    return housekeeping(text)


def _connected(text: str, head: Head) -> Facts:
    who = client(text[13:]) if text.startswith("connect from ") else None
    return None if who is None else [ev.ClientConnected(*head + who)]


def _disconnected(text: str, head: Head) -> Facts:
    if not text.startswith("disconnect from "):
        return None
    token, _, counts = text[16:].partition(" ")
    who = client(token)
    return None if who is None else [ev.ClientDisconnected(*head + who + ("", _commands(counts)))]


@lru_cache(4_096)  # most sessions go one of a few ways
def _commands(counts: str) -> dict[str, tuple[int, int]]:
    """`ehlo=1 auth=0/3 commands=1/4` as {"ehlo": (1, 1), "auth": (0, 3)}."""
    commands: dict[str, tuple[int, int]] = {}
    for match in _COUNT.finditer(counts):
        command, good, all_ = match.groups()
        if command != "commands":
            commands[command] = (int(good), int(all_ or good))
    return commands


def _lost(text: str, head: Head) -> Facts:
    """`lost connection after AUTH from name[address]`; since 3.10 with a queue id before it, which is cut off here."""
    match = _LOST.match(text)
    who = client(match[3]) if match is not None else None
    if match is None or who is None:
        return None
    return [ev.ClientLost(*head, *who, match[1], match[2])]


def _pipelined(text: str, head: Head) -> Facts:
    match = _PIPELINED.match(text)
    who = client(match[2]) if match is not None else None
    if match is None or who is None:
        return None
    return [ev.ClientOddity(*head, *who, "pipelining", f"after {match[1]}" + (f": {match[3]}" if match[3] else ""))]


def _after_filter(text: str, head: Head) -> Facts:
    """`proxy-reject: END-OF-MESSAGE: 554 ...; from=<a> ...`: a before-queue filter's answer. It names no client."""
    verdict, _, rest = text.partition(": ")
    stage, _, reply = rest.partition(": ")
    if not stage.replace("-", "").isupper():
        return None
    if verdict == "proxy-accept":
        return NOTHING
    return [refused(reply, head, "", ("", 0, ""), stage, 0, warning=False)]


def _of_message(text: str, head: Head, queue_id: str, at: int) -> Facts:
    """`QID: client=...` and `QID: reject: RCPT from ...`, from `at` on."""
    if text.startswith("client=", at):
        return _received(text[at + 7 :], head, queue_id)
    colon = text.find(": ", at)
    what = text[at:colon]
    known = what in _REFUSALS
    if not known and what not in _ACTIONS and what not in _UNREFUSED:
        return _other(text[at:], head)
    at = colon + 2
    end = text.find(" from ", at)
    stage = text[at:end]
    at = end + 6
    end = text.find(": ", at)
    who = client(text[at:end]) if end > 0 else None
    if who is None or not stage.replace("-", "").isupper():
        return None
    if known:
        return [refused(text, head, queue_id, who, stage, end + 2, warning=what == "reject_warning")]
    if what in _UNREFUSED:
        return NOTHING
    return [ev.MessageHandled(*head, queue_id, _ACTIONS[what], text[end + 2 :])]


def _other(said: str, head: Head) -> Facts:
    if said.startswith(_GONE):
        return _lost(said, head)
    peer, _, why = said.removeprefix("abort: TLS from ").partition(": ")
    who = client(peer) if said.startswith("abort: TLS from ") else None
    return None if who is None else [ev.TlsTroubled(*head, *who, why)]


def _received(said: str, head: Head, queue_id: str) -> Facts:
    """`client=name[address]:port, sasl_method=PLAIN, sasl_username=bob`, and what XFORWARD told of a filter's client.

    The sender of AUTH= is the client's word, and so could be what follows it. An account may be named as its owner
    likes: where there is one, no further client is believed."""
    if "," not in said:
        who = client(said)
        return None if who is None else [ev.MessageReceived(*head + who + (queue_id, "smtp"))]
    rest, _, account = said.partition(", sasl_sender=")[0].partition(", sasl_username=")
    rest, _, mechanism = rest.partition(", sasl_method=")
    account, _, before = account.partition(", orig_queue_id=") if account else ("", "", "")
    original = ""
    if not account:
        rest, _, original = rest.partition(", orig_client=")
        rest, _, before = rest.partition(", orig_queue_id=")
    before = before.partition(",")[0]
    who = client(original) or client(rest)
    if who is None:
        return None
    received = ev.MessageReceived(
        *head, *who, queue_id, "smtp", account=account, mechanism=mechanism, orig_queue_id=before
    )
    if not account:
        return [received]
    login = ev.LoginTried(*head, *who, service_of(head[3]), "success", account, mechanism, "", queue_id)
    return [login, received]


_FIRST: dict[str, Callable[[str, Head], Facts]] = {
    "connect": _connected,
    "disconnect": _disconnected,
    "lost": _lost,
    "timeout": _lost,
    "too": _lost,
    "improper": _pipelined,
    "SSL_accept": handshake_failed,
    "proxy-reject:": _after_filter,
    "proxy-accept:": _after_filter,
    "warning:": warning,
    "error:": trouble,
    "fatal:": trouble,
    "panic:": trouble,
    "Anonymous": tls,
    "Untrusted": tls,
    "Trusted": tls,
    "Verified": tls,
}
