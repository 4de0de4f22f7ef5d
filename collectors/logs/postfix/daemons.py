"""anvil(8), which counts clients; qmqpd(8); and the services and commands of which only troubles matter."""

from __future__ import annotations

import re

from collectors.logs.addresses import address
from collectors.logs.head import Facts, Head
from collectors.logs.postfix.tokens import client, either, is_queue_id, trouble
from smtpwatch import events as ev

_PEAK = re.compile(r"statistics: max ([a-z]+ (?:rate|count)) (\d{1,9})(?:/(\d{1,9})s)? for \((\S{1,300})\) at ")


def anvil(text: str, head: Head) -> Facts:
    """`statistics: max connection rate 5/60s for (smtp:192.0.2.1) at Nov 10 10:00:00`."""
    match = _PEAK.match(text)
    if match is None:
        return either(trouble(text, head), text)
    kind, value, interval, of = match.groups()
    service, source = _of(of)
    return [ev.ClientPeak(*head, source, 0, "", kind, int(value), int(interval or 0), service)]


def _of(ident: str) -> tuple[str, str]:
    """(service, address) of `smtp:192.0.2.1`. Both may hold colons: `192.0.2.25:smtp:2001:db8::1`."""
    at = ident.find(":")
    while at >= 0:
        source = address(ident[at + 1 :])
        if source:
            return ident[:at], source
        at = ident.find(":", at + 1)
    return ident.rpartition(":")[0], ""


def qmqpd(text: str, head: Head) -> Facts:
    """A line of qmqpd: clients that come and go, and their messages."""
    if text.startswith("connect from "):
        who = client(text[13:])
        return None if who is None else [ev.ClientConnected(*head, *who)]
    if text.startswith("disconnect from "):
        who = client(text[16:])
        return None if who is None else [ev.ClientDisconnected(*head, *who)]
    queue_id, _, rest = text.partition(": ")
    if is_queue_id(queue_id) and rest.startswith("client="):
        who = client(rest[7:])
        return None if who is None else [ev.MessageReceived(*head, *who, queue_id, "other")]
    peer, _, why = rest.partition(": ")
    who = client(peer) if is_queue_id(queue_id) else None
    if who is None:
        return either(trouble(text, head), text)
    said, _, stage = why.partition(" while ")
    return [ev.ClientLost(*head, *who, said, stage)]


def parse(text: str, head: Head) -> Facts:
    """A line of any other daemon or command."""
    return either(trouble(text, head), text)
