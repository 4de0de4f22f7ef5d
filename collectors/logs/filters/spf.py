"""The SPF policy services for Postfix: policyd-spf (Python, policyd-spf(1)) and postfix-policyd-spf-perl.

HELO, envelope and, in an explanation that a domain publishes itself, even whole sentences are strangers' text. An
address is believed only where nothing of theirs can stand before it, or where the line names but one.
"""

from __future__ import annotations

import re

from collectors.logs.addresses import address
from collectors.logs.head import NOTHING, Facts, Head
from smtpwatch import events as ev
from smtpwatch.events import VerdictResult

_RESULTS: dict[str, VerdictResult] = {
    "pass": "pass", "fail": "fail", "softfail": "softfail", "neutral": "neutral", "none": "none",
    "temperror": "temperror", "permerror": "permerror",
}  # fmt: skip
_QUEUE_ID = re.compile(r"([\w.-]{1,40}): ", re.ASCII)
_DETAIL = re.compile(r"([A-Z][a-z]+); identity=(?:mailfrom|helo); client-ip=([0-9a-fA-F.:]+); helo=", re.ASCII)
_HEADER = re.compile(
    r"Received-SPF: ([A-Z][a-z]+) \((mailfrom|[^()]*)\) identity=(?:mailfrom|helo); client-ip=([0-9a-fA-F.:]+); helo=",
    re.ASCII,
)
_WHY = re.compile(r";ip=([0-9a-fA-F.:]+);r=", re.ASCII)
_OWN_WORDS = re.compile(r"\w+ (?:\d\.\d\.\d+ )?Message (?:rejected|deferred) due to: ", re.ASCII)
_LAST_IP = re.compile(r"client-ip=([0-9a-fA-F.:]+)\s*", re.ASCII)
_REFUSING = ("550 ", "defer_if_permit ")
_TEMPORARY = "defer_if_permit "


def policyd_spf(text: str, head: Head) -> Facts:
    """The facts of a line of policyd-spf."""
    queue_id = ""
    if (match := _QUEUE_ID.match(text)) is not None and match[1] not in (
        "spfcheck",
        "ERROR",
        "Config",
        "Action",
        "Ouch",
    ):
        queue_id, text = match[1], text[match.end() :]
    match = _DETAIL.match(text)
    if match is not None:
        return _verdict(match[1], match[2], text, queue_id, head)
    if text.startswith(("prepend Received-SPF: ", "Header field not prepended: Received-SPF: ")):
        return _header(text, queue_id, head)
    if text.startswith(_REFUSING):
        return _refusal(text, queue_id, head)
    if text.startswith(("ERROR: ", "Ouch, caught exc", "Configuration File parsing error")):
        return (ev.ServiceTrouble(*head, "error", text),)
    known = ("spfcheck: ", "prepend ", "Starting", "Normal exit", "Read line: ", "Config: ", "Action: ", "result_only ")
    return NOTHING if text.startswith(known) else None


def _verdict(result: str, source: str, detail: str, queue_id: str, head: Head) -> Facts:
    known = _RESULTS.get(result.lower())
    if known is None:
        return None
    return (ev.Verdict(*head, "SPF", known, queue_id, address(source), detail=detail),)


def _header(text: str, queue_id: str, head: Head) -> Facts:
    match = _HEADER.search(text)
    if match is None:
        word = text.partition("Received-SPF: ")[2].partition(" ")[0]
        return _verdict(word, "", text, queue_id, head)
    # For HELO the words in brackets may be an explanation that the client's domain publishes.
    believed = match[2] == "mailfrom" or text.count("client-ip=") == 1
    return _verdict(match[1], match[3] if believed else "", text, queue_id, head)


def _refusal(text: str, queue_id: str, head: Head) -> Facts:
    """What Postfix is to answer: it logs the refusal itself."""
    result = "Temperror" if text.startswith(_TEMPORARY) else "Fail"
    # The default Reason_Message ends with a URL of policyd-spf's own; what precedes may be the domain's explanation.
    named = _WHY.findall(text) if _OWN_WORDS.match(text) is not None else []
    return _verdict(result, named[0] if len(named) == 1 else "", text, queue_id, head)


def policy_spf(text: str, head: Head) -> Facts:
    """The facts of a line of postfix-policyd-spf-perl: "Policy action=PREPEND Received-SPF: pass (..) ..."."""
    if not text.startswith("Policy action="):
        known = ("SPF ", "handler ", "Attribute: ", "warning: ignoring garbage")
        return NOTHING if text.startswith(known) else None
    action = text[14:]
    if action.startswith("PREPEND Received-SPF: "):
        at = action.rfind("client-ip=")
        match = _LAST_IP.fullmatch(action, at) if at > 0 else None
        return _verdict(action[22:].partition(" ")[0], match[1] if match is not None else "", action, "", head)
    if action.startswith("550 "):
        return _verdict("fail", "", action, "", head)  # an explanation of the domain's own making
    if action.startswith("DEFER_IF_PERMIT SPF-Result="):
        return _verdict("temperror", "", action, "", head)
    return NOTHING
