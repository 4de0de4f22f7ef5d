"""What happens to a message in the queue: qmgr(8), pickup(8), bounce(8), postsuper(1)."""

from __future__ import annotations

import re
from typing import Literal

from collectors.logs.head import NOTHING, Facts, Head
from collectors.logs.postfix.delivery import attempt
from collectors.logs.postfix.tokens import either, is_queue_id, trouble
from smtpwatch import events as ev

_ACTIVE = " (queue active)"
_PICKED = re.compile(r"uid=(\d{1,10}) from=<(.*)>(?: orig_id=([0-9A-Za-z]{5,25}))?$")
_EXPIRED = (">, status=expired, returned to sender", ">, status=force-expired, returned to sender")
_NOTICES: dict[str, Literal["bounce", "delay", "success", "postmaster"]] = {
    "sender non-delivery notification": "bounce",
    "sender delay notification": "delay",
    "sender delivery status notification": "success",
    "postmaster non-delivery notification": "postmaster",
    "postmaster delay notification": "postmaster",
}
# postsuper's own count of what it did: "Deleted: 3 messages".
_TOTALS = (
    "Deleted: ",
    "Placed on hold: ",
    "Released from hold: ",
    "Requeued: ",
    "Force-expired: ",
    "Renamed to match ",
)
_STEPS = ("skipped, still being delivered", "not sending trace/success notification", "status=deferred (")
_SUPER = {"placed on hold": "hold", "released from hold": "release", "requeued": "requeue", "expired": "expire"}


def parse(text: str, head: Head) -> Facts:
    """A line of one of them."""
    colon = text.find(": ")
    queue_id = text[:colon]
    if colon < 0 or not is_queue_id(queue_id):
        return NOTHING if text.startswith(_TOTALS) else either(trouble(text, head), text)
    at = colon + 2
    if text.startswith("from=<", at):
        return _from(text, head, queue_id, at + 6)
    if text.startswith("removed", at) and len(text) == at + 7:
        return [ev.MessageRemoved(*head, queue_id, "by an admin" if head[3].endswith("/postsuper") else "")]
    if text.startswith("to=<", at):
        return attempt(text, head, queue_id, at)
    if text.startswith("uid=", at):
        return _picked(text[at:], head, queue_id)
    said = text[at:]
    notice, _, notice_id = said.partition(": ")
    if notice in _NOTICES and is_queue_id(notice_id):
        return [ev.NoticeSent(*head, queue_id, _NOTICES[notice], notice_id)]
    if said in _SUPER:
        return [ev.MessageHandled(*head, queue_id, _SUPER[said], "by an admin")]
    return NOTHING if said.startswith(_STEPS) else None


def _from(text: str, head: Head, queue_id: str, at: int) -> Facts:
    """The end of the line is Postfix's own, whatever the sender's address holds."""
    end = text.rfind(">, size=", at)
    size, _, count = text[end + 8 :].partition(", nrcpt=")
    count = count.removesuffix(_ACTIVE)
    digits = size + count
    if end >= 0 and size and count and digits.isdecimal() and len(digits) < 30 and text.endswith(_ACTIVE):
        return [ev.MessageQueued(*head + (queue_id, text[at:end], int(size), int(count)))]
    for expired in _EXPIRED:
        if text.endswith(expired):
            return [ev.MessageExpired(*head, queue_id, text[at : -len(expired)])]
    return None


def _picked(said: str, head: Head, queue_id: str) -> Facts:
    match = _PICKED.match(said)
    if match is None:
        return None
    return [
        ev.MessageReceived(
            *head, "", 0, "", queue_id, "local", match[2], uid=int(match[1]), orig_queue_id=match[3] or ""
        )
    ]
