"""Delivery attempts: smtp(8), lmtp, local(8), virtual(8), pipe(8), error(8), discard(8)."""

from __future__ import annotations

import re
from functools import lru_cache

from collectors.logs.addresses import MAILBOX, address
from collectors.logs.head import NOTHING, Facts, Head
from collectors.logs.postfix.tokens import code_of, either, handshake_failed, is_queue_id, tls, trouble
from collectors.queue_ids import queue_id as id_given
from smtpwatch import events as ev

_ATTEMPT = re.compile(
    rf"to=<({MAILBOX})>, (?:orig_to=<({MAILBOX})>, )?relay=([^,]+), (?:conn_use=\d+, )?delay=([\d.]{{1,20}}), "
    r"(?:delays=([\d./]{1,80}), )?dsn=([245]\.\d{1,3}\.\d{1,3}), status=([A-Za-z-]+) \((.*)\)$"
)
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}", re.ASCII)
_STATUSES: dict[str, ev.DeliveryStatus] = {
    "sent": "sent", "deferred": "deferred", "bounced": "bounced", "SOFTBOUNCE": "deferred", "expired": "expired",
    "deliverable": "deliverable", "undeliverable": "undeliverable",
}  # fmt: skip
_SAID = " said: "
_FORWARDED = "forwarded as "

# What an attempt's own line says again, or that tells of no mail.
_STEPS = (
    "host ", "lost connection with ", "conversation with ", "connect to ", "enabling PIX workarounds",
    "Cannot start TLS", "TLS is required", "Server certificate not ", "SASL authentication failed", "SASL [CACHED] ",
    "SMTPUTF8 is required", "client TLS configuration problem", "message size ", "mail for ", "unable to ", "server ",
    "unexpected server message", "breaking line > ", "passing <", "status=deferred (", "network address ",
    "Sender requires verified TLS",
)  # fmt: skip
# smtp_header_checks and the like: what stood in the header is a stranger's, what was done comes first.
_CHECKED = {
    "warning: ": "warn", "replace: ": "replace", "prepend: ": "prepend", "strip: ": "strip", "info: ": "info",
    "filter: ": "filter", "redirect: ": "redirect", "discard: ": "discard", "reject: ": "reject",
}  # fmt: skip
_CHECKS = re.compile(rf"({'|'.join(_CHECKED)})((?:mime-|nested-)?header |body )")


def parse(text: str, head: Head) -> Facts:
    """A line of a delivery agent."""
    colon = text.find(": ")
    if colon >= 0 and is_queue_id(text[:colon]):
        at = colon + 2
        if text.startswith("to=<", at):
            return attempt(text, head, text[:colon], at)
        if text.startswith(_STEPS, at):
            return NOTHING
        checked = _CHECKS.match(text, at)
        if checked is None:
            return None
        return [ev.MessageHandled(*head, text[:colon], _CHECKED[checked[1]], text[checked.start(2) :])]
    if " TLS connection " in text[:30]:
        return tls(text, head)
    if text.startswith("SSL_connect"):
        return handshake_failed(text, head)
    if text.startswith(_STEPS):  # the attempt's own line says it again
        return NOTHING
    return either(trouble(text, head), text)


def attempt(text: str, head: Head, queue_id: str, at: int) -> Facts:
    """`to=<a@b>, relay=mx.example.org[192.0.2.1]:25, delay=1, ..., dsn=2.0.0, status=sent (250 ...)`, from `at`."""
    parts = _plain_parts(text, at)
    if parts is None:
        match = _ATTEMPT.match(text, at)
        if match is None:
            return None
        parts = match.groups("")
    recipient, original, hop, delay, delays, enhanced, status, reply = parts
    known = _STATUSES.get(status)
    if known is None:
        return None
    if ">, relay=" in reply:
        # Before 3.5, or with info_log_address_format = internal, an address is logged without its quotes, and may hold
        # what looks like the rest of a line: the true rest is then in what looks like the reply.
        return None
    name, where, port = relay(hop)
    code, given = 0, ""
    if where or "[" in hop:  # a server spoke, over TCP or a socket
        code, given = _answer(reply, known)
    elif reply.startswith(_FORWARDED):
        given = reply[len(_FORWARDED) :]
    try:
        waited, spent = float(delay), _delays(delays)
    except ValueError:
        return None
    # By position, as the struct has them: by name would cost as much again.
    of_it = (queue_id, recipient, known, enhanced, reply, original, name, where, port, waited, spent, code, given)
    return [ev.Delivery(*head + of_it)]


def _plain_parts(text: str, at: int) -> tuple[str, ...] | None:
    """What _ATTEMPT reads, at half its cost, of a line as nearly all are: None for any other."""
    end = text.find(">, relay=", at)
    recipient = text[at + 4 : end]
    original = ""
    if ">" in recipient:
        recipient, _, original = recipient.partition(">, orig_to=<")
    hop, first, rest = text[end + 9 :].partition(", delay=")
    delay, second, rest = rest.partition(", delays=")
    delays, third, rest = rest.partition(", dsn=")
    enhanced, fourth, rest = rest.partition(", status=")
    status, fifth, reply = rest.partition(" (")
    if end < 0 or not (first and second and third and fourth and fifth) or reply[-1:] != ")":
        return None
    addresses = recipient + original
    if '"' in addresses or "<" in addresses or ">" in addresses or "," in hop or not _is_enhanced(enhanced):
        return None
    return recipient, original, hop, delay, delays, enhanced, status, reply[:-1]


@lru_cache(1_024)  # there are some tens
def _is_enhanced(word: str) -> bool:
    return _ENHANCED.fullmatch(word) is not None


def _answer(reply: str, status: ev.DeliveryStatus) -> tuple[int, str]:
    """(code, queue id) of what the next hop said, as quoted by our own words, if it said something."""
    said = reply.find(_SAID)
    start = said + len(_SAID) if said >= 0 and reply.startswith("host ") else 0
    code = code_of(reply[start : start + 4])[0]
    return code, (id_given(reply) or "") if status == "sent" else ""


@lru_cache(4_096)  # a host delivers to few others, over and over
def relay(hop: str) -> tuple[str, str, int]:
    """(name, address, port) of `mx.example.org[192.0.2.1]:25`, `local`, `none` or `mx1[private/lmtp]`; the address is
    "" where it is no IP address."""
    name, bracket, rest = hop.partition("[")
    inside, _, port = rest.rpartition("]")
    if not bracket:
        return hop, "", 0
    where = address(inside)
    if not where:
        return hop, "", 0
    port = port[1:]
    return name, where, int(port[:6]) if port.isascii() and port.isdecimal() else 0


def _delays(text: str) -> tuple[float, ...]:
    return tuple(map(float, text.split("/"))) if text else ()
