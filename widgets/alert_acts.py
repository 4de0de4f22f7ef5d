"""What the keys do to an alert, be it a row of the table or opened; and where they lead from it."""

from __future__ import annotations

from typing import Literal

from textual.binding import Binding, BindingType
from textual.message import Message

from smtpwatch.clean import clean
from smtpwatch.firewall.target import Target
from smtpwatch.query import sift
from smtpwatch.state.sessions import Sessions
from smtpwatch.triage.alert import Alert
from smtpwatch.triage.alerts import Alerts
from widgets.cells import cut
from widgets.led import Led
from widgets.log_table import LogTable

SILENCE = 3_600.0  # seconds that one key silences an alert for
LONGER = 86_400.0  # and once more
WHY = 120  # cells of an alert's sentence that go into the journal of blocks

Act = Literal["acknowledge", "silence", "rows"]

KEYS: tuple[BindingType, ...] = (
    Binding("a", "act('acknowledge')", "acknowledge it, or not"),
    Binding("x", "act('silence')", "silence it: 1 h, 1 d, not"),
    Binding("o", "act('rows')", "the rows that it is about"),
)
FOOT_KEYS = (("a", "ack"), ("x", "silence"), ("o", "rows"))

_PANES = {
    **dict.fromkeys(("src", "net", "helo", "ja4", "asn", "cc", "account"), "sources"),
    **dict.fromkeys(("relay", "domain", "status", "reason"), "deliveries"),
}
"""Where the rows are that a term of that field finds; those of others are sessions."""


class AlertAct(Message):
    """A key was pressed for the alert of that number."""

    def __init__(self, number: int, act: Act) -> None:
        super().__init__()
        self.number = number
        self.act = act


def act(alerts: Alerts, sessions: Sessions, message: AlertAct, now: float) -> str | Message:
    """Do what was asked for; returns what to say of it, or the message that leads on."""
    alert = alerts.get(message.number)
    if alert is None:
        return "this alert is part of another one by now, or long over"
    if message.act == "rows":
        return rows_of(alert, sessions)
    return silence(alerts, alert, now) if message.act == "silence" else acknowledge(alerts, alert)


def acknowledge(alerts: Alerts, alert: Alert) -> str:
    """The admin knows of it, or takes that back."""
    if alert.state == "over":
        return "it is over"
    if alert.state == "acknowledged":
        alerts.reopen(alert)
        return "open again"
    alerts.reopen(alert)  # it is silenced no longer
    alerts.acknowledge(alert)
    return "acknowledged; opens again if it becomes worse"


def silence(alerts: Alerts, alert: Alert, now: float) -> str:
    """For an hour, then for a day, then not at all."""
    left = silenced(alerts, alert) - now
    if left > SILENCE:
        alerts.reopen(alert)
        return "no longer silenced"
    seconds, words = (LONGER, "1 d") if left > 0 else (SILENCE, "1 h")
    alerts.silence(alert, now + seconds)
    return f"silenced for {words}, though it come again"


def silenced(alerts: Alerts, alert: Alert) -> float:
    """Until when it is; one that is over may be, too, for when it comes again."""
    until = alerts.silence_of(alert)
    return max(until, alert.silenced_until) if alert.state == "silenced" else until


def rows_of(alert: Alert, sessions: Sessions) -> str | Message:
    """The way to what it is about: by its filter, else to its session if that is the only one."""
    if alert.term:
        return Led(_pane(alert), alert.term, alone=True)
    if len(alert.sessions) == 1 and sessions.get(alert.sessions[0]) is not None:
        return LogTable.Jump("session", alert.sessions[0])
    return "no filter finds just what it is about: Enter shows its evidence"


def _pane(alert: Alert) -> str:
    fields = sift(alert.term).fields
    if alert.subject.kind == "queue":
        return "messages"
    return next((_PANES[field] for field in fields if field in _PANES), "sessions")


def target_of(alert: Alert) -> Target:
    """What is blocked when it is: the sources that it names."""
    if not alert.sources:
        return Target(refusal="this alert names no source to block")
    named = f"{alert.rule}: {len(alert.sources):,} sources" if len(alert.sources) > 1 else ""
    return Target(alert.sources, named, cut(clean(alert.says), WHY))
