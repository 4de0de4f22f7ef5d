"""OpenDKIM and OpenDMARC: milters that tell what a message's signatures and its author's domain are worth.

Forms as in opendkim(8) and opendmarc(8) of 2.11 and 1.4. A line begins with the message's queue id. Domains and
selectors are a stranger's, so the result is taken from the line's end, and a domain counts only if it is one word.
"""

from __future__ import annotations

import re

from collectors.logs.head import NOTHING, Facts, Head
from smtpwatch import events as ev
from smtpwatch.events import VerdictResult

_QUEUE_ID = re.compile(r"[\w.-]{1,40}", re.ASCII)
_SELECTOR = re.compile(r"s=(\S+),? d=([^\s,)]+)", re.ASCII)
_RESULT = ' result="'
_NO_ERROR = "no signature error"
_TEMPORARY = ("key retrieval failed", "key DNS reply", "internal error", "signature timestamp in the future")
_TROUBLE = (
    "error loading key", "smfi_", "resource unavailable", "dkim", "signature processing failed",
    "error reading signing table", "signing table references unknown key", "signature generation error",
)  # fmt: skip
_PLAIN: dict[str, VerdictResult] = {
    "DKIM verification successful": "pass",
    "bad signature data": "fail",
    "no signature data": "none",
}


def opendkim(text: str, head: Head) -> Facts:
    """The facts of a line of OpenDKIM."""
    text = text.rstrip("\n")
    if text.startswith("signature="):
        return _signature("", text, head)
    queue_id, colon, said = text.partition(": ")
    if not colon or not _QUEUE_ID.fullmatch(queue_id):
        return _no_message(text, head)
    result = _PLAIN.get(said)
    if result is not None:
        return (ev.Verdict(*head, "DKIM", result, queue_id, detail=said),)
    if said.startswith("signature="):
        return _signature(queue_id, said, head)
    if said.startswith("DKIM-Signature field added "):
        return (ev.MessageHandled(*head, queue_id, "sign", said[28:-1]),)
    return _key(queue_id, said, head)


def _no_message(text: str, head: Head) -> Facts:
    if "key data is not secure" in text or text.startswith("can't load key from"):
        return (ev.ServiceTrouble(*head, "error", text),)
    return NOTHING if text.startswith("OpenDKIM Filter ") else None


def _signature(queue_id: str, said: str, head: Head) -> Facts:
    """`LogResults`: one line for each signature."""
    at = said.rfind(_RESULT)
    if at < 0:
        return None
    _, _, domain = said[:at].partition(" domain=")
    domain = domain.partition(" selector=")[0]
    why = said[at + len(_RESULT) : -1]
    result: VerdictResult = "pass" if why == _NO_ERROR else "temperror" if why.startswith(_TEMPORARY) else "fail"
    return (ev.Verdict(*head, "DKIM", result, queue_id, domain=_word(domain), detail=why),)


def _key(queue_id: str, said: str, head: Head) -> Facts:
    """Why a signature could not be checked; whether it was for us to sign."""
    if said.startswith(("key retrieval failed", "key revoked")):
        match = _SELECTOR.search(said)
        domain = match[2] if match is not None else ""
        lasting = said.startswith("key revoked") or "not found" in said
        return (
            ev.Verdict(*head, "DKIM", "permerror" if lasting else "temperror", queue_id, domain=domain, detail=said),
        )
    if said.startswith("syntax error: "):
        return (ev.Verdict(*head, "DKIM", "permerror", queue_id, detail=said),)
    if said.startswith("s=") and " SSL " in said:
        match = _SELECTOR.match(said)
        domain = match[2] if match is not None else ""
        return (ev.Verdict(*head, "DKIM", "fail", queue_id, domain=domain, detail=said),)
    if said.startswith(_TROUBLE):
        return (ev.ServiceTrouble(*head, "error", said, queue_id),)
    return NOTHING  # "not internal", "not authenticated", "no signing domain match for ...": nothing of ours to sign


def _word(text: str) -> str:
    return "" if any(blank in text for blank in " \t") else text


_DMARC: dict[str, VerdictResult] = {
    "pass": "pass", "fail": "fail", "none": "none", "softfail": "softfail", "neutral": "neutral",
    "temperror": "temperror", "permerror": "permerror",
}  # fmt: skip


def opendmarc(text: str, head: Head) -> Facts:
    """The facts of a line of OpenDMARC: "QID: example.com pass", "QID: SPF(mailfrom): example.com fail"."""
    text = text.rstrip("\n")
    queue_id, colon, said = text.partition(": ")
    if not colon or not _QUEUE_ID.fullmatch(queue_id):
        known = text.startswith(("OpenDMARC Filter ", "implicit authentication service", "ignoring connection from"))
        return NOTHING if known or " ignoring Authentication-Results at " in text else None
    by = "DMARC"
    if said.startswith("SPF("):
        by, said = "SPF", said.partition("): ")[2]
    domain, blank, last = said.rpartition(" ")
    result = _DMARC.get(last)
    if blank and result is not None and _word(domain):
        return (ev.Verdict(*head, by, result, queue_id, domain=domain, detail=said),)
    if said.startswith(("smfi_", "opendmarc_policy_")):
        return (ev.ServiceTrouble(*head, "error", said, queue_id),)
    return NOTHING
