"""Greylisting: postgrey(8), a policy service, and milter-greylist(8).

The client's address stands before the envelope in both, or at the very end; the first one, or the last, is believed.
"""

from __future__ import annotations

import re

from collectors.logs.addresses import MAILBOX, address
from collectors.logs.head import NOTHING, Facts, Head
from smtpwatch import events as ev
from smtpwatch.events import VerdictResult

_ACTIONS: dict[str, VerdictResult] = {"greylist": "greylisted", "pass": "pass"}
_POSTGREY = re.compile(
    r"(?:([\w.-]{1,40}): )?action=(greylist|pass), (reason=[^,=]+(?:, delay=\d+)?)"
    r"(?:, client_name=[^\s,=]+)?, client_address=([0-9a-fA-F.:]+)(?=, |$)",
    re.ASCII,
)
_RECIPIENT = ", recipient="

_MILTER = re.compile(
    rf"([\w.-]{{1,40}}|\([^()]*\)): addr (?:[^\s\[\]]*\[)?([0-9a-fA-F.:]+)\]? from <{MAILBOX}> (?:to|rcpt) "
    rf"<({MAILBOX})>:? (delayed|autowhitelisted) (?:for|to) ",
    re.ASCII,
)
_SKIPPED = re.compile(r"([\w.-]{1,40}|\([^()]*\)): skipping greylist because ", re.ASCII)
_ADDRESS = re.compile(r", addr=[^\s\[\],()=<>]*\[([0-9a-fA-F.:]+)\]\)(?: ACL [\w-]+)?", re.ASCII)


def postgrey(text: str, head: Head) -> Facts:
    """The facts of a line of postgrey: "action=greylist, reason=new, client_name=.., client_address=.., sender=..."."""
    text = text.rstrip("\n")
    match = _POSTGREY.match(text)
    if match is None:
        return None if "action=" in text[:50] else NOTHING
    queue_id, action, why, source = match.groups(default="")
    _, _, recipient = text.rpartition(_RECIPIENT)
    if text.count(_RECIPIENT) != 1 or _RECIPIENT in text[: match.end()]:
        recipient = ""
    return (
        ev.Verdict(*head, "greylist", _ACTIONS[action], queue_id, address(source), recipient=recipient, detail=why),
    )


def milter_greylist(text: str, head: Head) -> Facts:
    """The facts of a line of milter-greylist: "QID: addr host[..] from <..> to <..> delayed for 00:05:00 (ACL 12)"."""
    match = _MILTER.match(text)
    if match is not None:
        queue_id, source, recipient, what = match.groups()
        result: VerdictResult = "greylisted" if what == "delayed" else "pass"
        detail = text[match.start(4) :]
        return (
            ev.Verdict(
                *head, "greylist", result, _known(queue_id), address(source), recipient=recipient, detail=detail
            ),
        )
    match = _SKIPPED.match(text)
    if match is None:
        return None
    at = text.rfind(", addr=")
    end = _ADDRESS.fullmatch(text, at) if at > 0 else None
    source = address(end[1]) if end is not None else ""
    return (ev.Verdict(*head, "greylist", "pass", _known(match[1]), source, detail=text[match.end() :]),)


def _known(queue_id: str) -> str:
    return "" if queue_id.startswith("(") else queue_id
