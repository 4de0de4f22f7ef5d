"""Rules on events of the tests' own making, and the alerts that come of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from smtpwatch import events as ev
from smtpwatch.config import Config
from smtpwatch.state.origins import Place
from smtpwatch.state.picture import Picture
from smtpwatch.thresholds import Thresholds
from smtpwatch.triage.alert import Alert
from smtpwatch.triage.rules import RULES
from smtpwatch.triage.triage import Triage
from tests.state.doings import Log, Wire, flat
from tests.state.joint import HOST, NOW

Events = list[ev.Event]
OURS, THEIRS = "ours.example", "theirs.example"
DAY = 86_400.0


class Where(NamedTuple):
    """Where an address is."""

    country: str
    asn: int | None = None
    org: str = ""


def place(address: str) -> Place | None:
    """Each /8 is a country of its own."""
    first = address.partition(".")[0]
    return Where(f"C{first}") if first.isdecimal() else None


def triage(events: Iterable[ev.Event], *only: str, limits: Thresholds | None = None, finish: bool = True) -> Triage:
    """All rules, or `only` some, on these events in order of time."""
    off = tuple(rule.name for rule in RULES if only and rule.name not in only)
    config = Config(domains=(OURS,), alerts=msgspec.structs.replace(limits or Thresholds(), off=off))
    judged = Triage(Picture(place), config)
    judged.apply(sorted(events, key=lambda event: event.time))
    if finish:
        judged.finish()
    return judged


def alerts(events: Iterable[ev.Event], *only: str, limits: Thresholds | None = None) -> list[Alert]:
    """All that were raised, over or not, in the order in which they were."""
    return sorted(triage(events, *only, limits=limits).alerts, key=lambda alert: alert.number)


def all_of(parts: Iterable[Iterable[ev.Event]]) -> Events:
    """What all of them tell, in a row."""
    return [event for part in parts for event in part]


_numbers = iter(range(1, 1_000_000))


def session(source: str, time: float, *, port: int = 25, helo: str = "mail.theirs.example") -> Wire:
    """A client's session on the wire, which has not begun to speak."""
    number = next(_numbers)
    return Wire(number, source, 1_024 + number % 60_000, time, port)


def opened(wire: Wire, helo: str = "mail.theirs.example") -> Events:
    """It begins, and its client says its name."""
    return flat(wire.opened, wire.greeting(wire.start + 0.01), wire.hello(wire.start + 0.02, helo))


def refused_recipient(
    source: str, time: float, recipient: str, text: str, code: int = 550, helo: str = "x.example"
) -> Events:
    """A session with one refused recipient."""
    wire = session(source, time)
    enhanced = "5.7.1" if "elay" in text else "5.1.1"
    refusal = wire.of(ev.RecipientDecided, time + 0.1, recipient, code, enhanced, text)
    mail = wire.of(ev.TransactionOpened, time + 0.05, f"a@{THEIRS}")
    return flat(opened(wire, helo), mail, refusal, wire.closed(time + 0.2))


def failed_login(source: str, time: float, account: str = "", port: int = 587) -> Events:
    """A login that a log tells of, with its account if there is one."""
    log = Log(next(_numbers), source, next(_numbers) % 60_000 + 1_024, program="postfix/submission/smtpd")
    return flat(log.connected(time), log.tried(time, "failure", account), log.gone(time + 1))


def login(source: str, time: float, account: str, queue_id: str = "") -> Events:
    """One that succeeds, and brings a message."""
    log = Log(next(_numbers), source, next(_numbers) % 60_000 + 1_024, program="postfix/submission/smtpd")
    return flat(log.connected(time), log.login(time, account, queue_id or f"Q{next(_numbers):X}"), log.gone(time + 1))


def queued(queue_id: str, time: float, recipients: int, sender: str = f"bob@{OURS}") -> ev.Event:
    """A message is in the queue."""
    return ev.MessageQueued(time, "log", HOST, "postfix/qmgr", 2, "from=", queue_id, sender, 900, recipients)


def delivery(queue_id: str, time: float, recipient: str, status: str = "sent", **more: object) -> ev.Delivery:
    """An attempt to deliver to another host."""
    facts = {"relay": f"mx.{THEIRS}", "relay_address": "198.51.100.25", "relay_port": 25, "reply": "250 ok", **more}
    return ev.Delivery(time, "log", HOST, "postfix/smtp", 3, f"{queue_id}: to=", queue_id, recipient, status, **facts)  # type: ignore[arg-type]


__all__ = ["HOST", "NOW"]
