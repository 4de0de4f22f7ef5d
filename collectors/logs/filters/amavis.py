"""amavisd's line for each message, as its default $log_templ writes it (README.customize):

    (12345-01) Passed CLEAN {RelayedInbound}, [203.0.113.7]:4711 [198.51.100.1] <a@b> -> <c@d>,<e@f>, quarantine: x,
    Queue-ID: ABC, Message-ID: <..>, mail_id: xyz, Hits: -1.9, size: 1234, queued_as: DEF, 1234 ms

The first address is the client's, as the MTA told it (XFORWARD); the second is from the message's own Received fields,
and is not used. The envelope is quoted as RFC 5321 has it, so the line is read from its beginning up to Queue-ID; of
what follows the Message-ID only what the line has once is believed.
"""

from __future__ import annotations

import re

from collectors.logs.addresses import MAILBOX, address
from collectors.logs.head import NOTHING, Facts, Head
from smtpwatch import events as ev
from smtpwatch.events import Event, VerdictResult

_START = re.compile(r"\([\w-]{1,40}\) (Passed|Blocked) ([A-Z]+(?:-[A-Z]+)*)(?:-\d+)?", re.ASCII)
_CLIENT = (
    r"(?: [\w./-]+)?(?: LOCAL)?(?: \[([0-9a-fA-F.:]+)\](?::\d+)?)?(?: \[[0-9a-fA-F.:]+\])?(?: [A-Z0-9]+/[A-Z0-9]+)?"
)
_ENVELOPE = re.compile(
    rf"(?: \{{[\w,]*\}})?,{_CLIENT} <({MAILBOX})> -> (<{MAILBOX}>(?:,<{MAILBOX}>)*)"
    r"(?:, \([^()]{0,300}\))?(?:, tls: [^\s,]{1,80})?(?:, quarantine: [^\s,]{1,200})?(?:, Queue-ID: ([\w.-]+))?",
    re.ASCII,
)
_ACTIONS = re.compile(rf" \{{[\w,]*\}},{_CLIENT} <", re.ASCII)
_HITS = re.compile(
    r", Hits: (-?[\d.]+|-)[^,]{0,20}, size: \d+(?:, pt: [^\s,]+)?(?:, queued_as: ([0-9A-Za-z]+))?(?=[,/])", re.ASCII
)
_RESULTS: dict[str, tuple[str, VerdictResult]] = {
    "CLEAN": ("spam", "clean"), "SPAMMY": ("spam", "spam"), "SPAM": ("spam", "spam"),
    "INFECTED": ("virus", "infected"), "UNCHECKED": ("virus", "none"), "UNCHECKED-ENCRYPTED": ("virus", "none"),
}  # fmt: skip
_NOT_FILTERED = ("MTA-BLOCKED", "TEMPFAIL", "OTHER")


def parse(text: str, head: Head) -> Facts:
    """The facts of one line. The id under which the MTA took the message back: a MessageHandled, "requeue"."""
    match = _START.match(text)
    if match is None:
        return _other(text, head)
    passed, category = match[1] == "Passed", match[2]
    at = match.end()
    if text.startswith(" (", at):  # names of viruses and of files, which may hold anything
        found = [each.start() for each in _ACTIONS.finditer(text, at)]
        if len(found) != 1:
            return (_verdict(category, passed, head, ""),)
        at = found[0]
    envelope = _ENVELOPE.match(text, at)
    if envelope is None:
        return (_verdict(category, passed, head, ""),)
    return _message(text, category, passed, envelope, head)


def _other(text: str, head: Head) -> Facts:
    if "(!!)" in text[:40] and "TROUBLE" in text[:80]:
        return (ev.ServiceTrouble(*head, "error", text),)
    return NOTHING


def _message(text: str, category: str, passed: bool, envelope: re.Match[str], head: Head) -> Facts:
    source, _, recipients, queue_id = (group or "" for group in envelope.groups())
    score, queued_as = None, ""
    if text.count(", Hits: ") == 1:
        hits = _HITS.search(text, envelope.end())
        if hits is not None:
            score, queued_as = _points(hits[1]), hits[2] or ""
    if category in _NOT_FILTERED:
        return (ev.MessageHandled(*head, queue_id, "pass" if passed else "block", category),)
    verdict = _verdict(
        category, passed, head, queue_id, address(source) if source else "", _message_id(text, envelope.end()),
        recipients[1:-1] if recipients.count("<") == 1 else "", score,
    )  # fmt: skip
    if not queued_as:
        return (verdict,)
    return (verdict, ev.MessageHandled(*head, queue_id, "requeue", queued_as))


def _verdict(
    category: str, passed: bool, head: Head, queue_id: str, source: str = "", message_id: str = "", recipient: str = "",
    score: float | None = None,
) -> Event:  # fmt: skip
    # Banned files, bad headers, sizes: neither spam nor virus, but content that the site's rules do not like.
    by, result = _RESULTS.get(category, ("content", "none" if passed else "rejected"))
    detail = f"{'Passed' if passed else 'Blocked'} {category}"
    return ev.Verdict(*head, by, result, queue_id, source, message_id, recipient=recipient, score=score, detail=detail)


def _message_id(text: str, at: int) -> str:
    if not text.startswith(", Message-ID: <", at) or text.count(", mail_id: ") != 1:
        return ""
    end = text.find(">", at)
    return text[at + 15 : end] if text.startswith(">, ", end) else ""


def _points(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
