"""What the keys do to an alert, be it a row of the table or opened."""

from __future__ import annotations

from smtpwatch.firewall.target import Target
from smtpwatch.triage.alert import Alert
from smtpwatch.triage.alerts import Alerts
from widgets.led import Led

HOUR, DAY = 3_600.0, 86_400.0
WHY = 160  # characters of an alert's sentence that go into the journal of blocks
SOURCES = ("src:", "net:", "helo:", "ja4:", "asn:", "cc:", "account:")
"""Terms that the pane of sources has rows for."""


def acknowledge(alerts: Alerts, alert: Alert) -> str:
    """The admin knows of it, or not after all; what to say of that."""
    if alert.state == "over":
        return "it is over"
    if alert.state == "open":
        alerts.acknowledge(alert)
        return "acknowledged; it opens again if it becomes worse"
    alerts.reopen(alert)
    return "open again"


def silence(alerts: Alerts, alert: Alert, now: float) -> str:
    """For an hour, then for a day, then not at all; what to say of that."""
    left = alert.silenced_until - now if alert.state == "silenced" else 0.0
    if left > HOUR:
        alerts.reopen(alert)
        return "no longer silenced"
    alerts.silence(alert, now + (DAY if left > 0 else HOUR))
    return f"silenced for {'a day' if left > 0 else 'an hour'}, though it come again"


def rows_of(alert: Alert) -> Led | None:
    """The way to the rows that it is about, None if no filter finds them."""
    if not alert.term:
        return None
    if alert.term.startswith(SOURCES):
        pane = "sources"
    elif alert.term.startswith(("relay:", "domain:")):
        pane = "deliveries"
    else:
        pane = "sessions"
    return Led(pane, alert.term)


def target_of(alert: Alert) -> Target:
    """What is blocked when it is: the sources that it names."""
    if not alert.sources:
        return Target(refusal="this alert names no source to block")
    named = "" if len(alert.sources) == 1 else f"{alert.rule}: {len(alert.sources):,} sources"
    return Target(alert.sources, named, f"{alert.rule}: {alert.says}"[:WHY])
