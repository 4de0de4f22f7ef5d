"""Messages in a Sendmail's queue: how they came, where they went, who was told."""

from __future__ import annotations

import re
from functools import lru_cache

from collectors.logs.addresses import address
from collectors.logs.head import NOTHING, Facts, Head
from collectors.logs.sendmail.tokens import ADDRESS, NOBODY, client, codes
from collectors.queue_ids import queue_id as id_given
from smtpwatch import events as ev

_FROM = re.compile(rf"from=(?:<({ADDRESS})>|([^\s,<>\"()\\]*)), size=(-?\d{{1,15}}), class=-?\d+, nrcpts=(\d{{1,9}})")
_MESSAGE_ID = re.compile(r", msgid=<([^<>]*)>(?=, )")
_PROTOCOL = re.compile(r", proto=(\w+)(?:, daemon=[^,=]*)?", re.ASCII)
_LOCAL = re.compile(r"(\S+)@localhost")

_ONE = rf'(?:<{ADDRESS}>|[^\s,<>"()\\]+|"[^"]*")'
_TO = re.compile(
    rf"to=({_ONE}(?:,{_ONE})*)(?: \[more\])?(?:, ctladdr=(?:<{ADDRESS}>|[^\s,<>\"()\\]+)(?: \(\d+/\d+\))?)?"
    r", delay=([\d:+]+)(?:, xdelay=[\d:+]+)?(?:, mailer=([^\s,]+))?(?:, pri=\d+)?"
    r"(?:, relay=([^,]*))?(?:, dsn=([245]\.\d+\.\d+))?, ",
    re.ASCII,
)
_RECIPIENT = re.compile(_ONE)
_RELAY = re.compile(r"(\S+?)\.? \[((?:IPv6:)?[0-9A-Fa-f.:]+)\]", re.ASCII)
_DELAY = re.compile(r"(?:(\d{1,6})\+)?(\d\d):(\d\d):(\d\d)", re.ASCII)
_STATUSES: dict[str, ev.DeliveryStatus] = {"2": "sent", "4": "deferred", "5": "bounced"}
_STAT = "stat="


def received(said: str, queue_id: str, head: Head) -> Facts:
    """`from=<..>, size=, class=, nrcpts=, msgid=<..>, proto=ESMTP, daemon=MTA, relay=name [address]`. A transaction
    that came to nothing has a line as well, without msgid."""
    match = _FROM.match(said)
    end = said.rfind(", relay=")
    if match is None or end < match.end():
        return None
    sender = match[1] if match[1] is not None else match[2]
    size, recipients = int(match[3]), int(match[4])
    if not recipients or not said.startswith(", msgid=", match.end()):
        return NOTHING
    words = said[end + 8 :]
    who = client(words)
    local = _LOCAL.fullmatch(words) if who is None else None
    if who is None and local is None:
        return None
    identified = _MESSAGE_ID.match(said, match.end())
    at = said.rfind(", proto=", match.end(), end)
    protocol = _PROTOCOL.fullmatch(said, at, end) if at >= 0 else None
    return [
        ev.MessageReceived(
            *head, *(who or NOBODY), queue_id, "local" if who is None else "smtp", sender, (), size,
            identified[1] if identified is not None else None, "", "", protocol[1] if protocol is not None else "",
            None, None, local[1] if local is not None else "",
        ),
        ev.MessageQueued(*head, queue_id, sender, size, recipients),
    ]  # fmt: skip


def delivered(said: str, queue_id: str, head: Head) -> Facts:
    """`to=<a>,<b>, delay=00:00:01, xdelay=, mailer=esmtp, pri=, relay=host [address], dsn=2.0.0, stat=Sent (..)`. Only
    what stands before the next hop's words decides how it ended."""
    match = _TO.match(said)
    if match is None:
        return None
    recipients, delay, mailer, relay, dsn = match.groups()
    if dsn is None:
        return NOTHING if said.startswith(_STAT, match.end()) else None  # queued, or given up by the client
    reply = _reply(said, match.end())
    status = _STATUSES[dsn[0]]
    name, where = _hop(relay or "")
    code = codes(reply)[0] if where else 0
    given = (id_given(reply) or "") if status == "sent" and where else ""
    return [
        ev.Delivery(
            *head, queue_id, recipient.removeprefix("<").removesuffix(">"), status, dsn, reply, "", name, where, 0,
            _seconds(delay), (), code, given, None, mailer or "",
        )
        for recipient in _RECIPIENT.findall(recipients)
    ]  # fmt: skip


@lru_cache(4_096)  # a host delivers to few others, over and over
def _hop(relay: str) -> tuple[str, str]:
    """(name, address) of "name [address]"; what is none is a name."""
    hop = _RELAY.fullmatch(relay)
    return (hop[1].strip("[]"), address(hop[2])) if hop is not None else (relay.rstrip("."), "")


def _reply(said: str, at: int) -> str:
    """What the next hop said, or what sendmail says of it."""
    if said.startswith("reply=", at):
        end = said.find(", stat=", at)
        if end >= 0 and said.find(", stat=", end + 1) < 0:
            return said[at + 6 : end]
        return said[at + 6 :]
    stat = said[at:].removeprefix(_STAT)
    if stat.startswith("Sent (") and stat.endswith(")"):
        return stat[6:-1]
    return stat.removeprefix("Deferred: ")


def _seconds(delay: str) -> float | None:
    """`1+02:03:04`: days, hours, minutes, seconds."""
    match = _DELAY.fullmatch(delay)
    if match is None:
        return None
    return int(match[1] or 0) * 86_400.0 + int(match[2]) * 3_600 + int(match[3]) * 60 + int(match[4])


def noticed(said: str, colon: int, queue_id: str, head: Head) -> Facts:
    """`QUEUEID: NOTICEID: DSN: User unknown`: the notice that was made for a message."""
    notice, what = said[:colon], said[colon + 2 :]
    if what.startswith("DSN: "):
        return [ev.NoticeSent(*head, queue_id, "bounce", notice)]
    if what.startswith("return to sender: "):
        told: list[ev.LogEvent] = [ev.NoticeSent(*head, queue_id, "bounce", notice)]
        if "annot send message " in what:
            told.append(ev.MessageExpired(*head, queue_id))
        return told
    if what.startswith("sender notify: "):
        return [ev.NoticeSent(*head, queue_id, "delay" if "Warning: " in what else "other", notice)]
    if what.startswith("postmaster notify: "):
        return [ev.NoticeSent(*head, queue_id, "postmaster", notice)]
    if what.startswith("return receipt"):
        return [ev.NoticeSent(*head, queue_id, "success", notice)]
    return NOTHING if what.startswith("clone: ") else None


def done(said: str, queue_id: str, head: Head) -> Facts:
    """`done; delay=00:00:01, ntries=1`: LogLevel 10."""
    return [ev.MessageRemoved(*head, queue_id)] if said.startswith("done; delay=") and queue_id else NOTHING
