"""rspamd's line for each message, in the form of its default log_format
(https://rspamd.com/doc/configuration/logging.html):

    <ab12cd>; task; rspamd_task_write_log: id: <mid>, qid: <QID>, ip: 203.0.113.7, from: <..>, (default: T (reject):
    [15.20/15.00] [SYMBOL(1.00){..}]), len: 1, time: 2ms, dns req: 3, digest: <..>, rcpts: <..>, mime_rcpts: <..>

A stranger's words stand in front (Message-ID, sender), in the middle (what the symbols found) and behind (recipients).
So the verdict is believed if the line has but one "(default: ", and what stands in front only if it has no > of its
own.
"""

from __future__ import annotations

import re

from collectors.logs.addresses import address
from collectors.logs.head import NOTHING, Facts, Head
from smtpwatch import events as ev
from smtpwatch.events import VerdictResult

_WRITE = "rspamd_task_write_log: "
_NEAR = 60  # characters of a line in which its function's name begins
_DEFAULT = " (default: "
_FRONT = re.compile(
    r"id: <([^<>]*)>,(?: qid: <([\w.-]*)>,)?(?: ip: ([0-9a-fA-F.:]+),)?(?: user: [^,<>]*,)?(?: from: <[^<>]*>,)?",
    re.ASCII,
)
_VERDICT = re.compile(r"([TFS]) \(([a-z ]{1,30})\): \[(-?[\d.]+|-?nan|-?inf)/(-?[\d.]+|nan|-?inf)\]", re.ASCII)
_RECIPIENTS = re.compile(r", rcpts: <([^<>]*)>", re.ASCII)
_ACTIONS: dict[str, VerdictResult] = {
    "no action": "clean", "greylist": "greylisted", "add header": "spam", "rewrite subject": "spam",
    "quarantine": "spam", "soft reject": "rejected", "reject": "rejected", "discard": "rejected",
}  # fmt: skip


def parse(text: str, head: Head) -> Facts:
    """The facts of one line."""
    at = text.find("; ", text.find("; ", 0, _NEAR) + 2, _NEAR) + 2  # after the task's tag, and the module
    if not text.startswith(_WRITE, at):
        return NOTHING
    start = at + len(_WRITE)
    middle = text.find(_DEFAULT, start)
    if middle < 0 or text.find(_DEFAULT, middle + 1) > 0:
        return None
    verdict = _VERDICT.match(text, middle + len(_DEFAULT))
    if verdict is None:
        return None
    letter, action, score, threshold = verdict.groups()
    result = _ACTIONS.get(action, "spam" if letter == "T" else "clean")
    message_id = queue_id = source = ""
    front = _FRONT.fullmatch(text, start, middle)
    if front is not None:
        message_id, queue_id, source = (group or "" for group in front.groups())
    return (
        ev.Verdict(
            *head, "spam", result, _known(queue_id), address(source) if source else "", _known(message_id),
            recipient=_recipient(text, verdict.end()), score=_points(score), threshold=_points(threshold),
            detail=action,
        ),
    )  # fmt: skip


def _recipient(text: str, at: int) -> str:
    """The recipient, if the line names one and only one."""
    found = _RECIPIENTS.findall(text, at)
    return found[0] if len(found) == 1 and "," not in found[0] else ""


def _known(name: str) -> str:
    return "" if name in ("undef", "undefined") else name


def _points(text: str) -> float | None:
    try:
        points = float(text)
    except ValueError:
        return None
    return points if abs(points) < 1e9 else None  # neither nan nor inf
