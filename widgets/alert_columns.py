"""The columns of alerts."""

from __future__ import annotations

from rich.style import Style

from smtpwatch import clock
from smtpwatch.triage.alert import Alert, Severity
from widgets import figures, ink
from widgets.cells import cut_middle
from widgets.table_layout import Column, Sortable, by

MARKS = {Severity.CRITICAL: "x", Severity.WARNING: "!", Severity.NOTICE: "."}
INKS: dict[Severity, Style | None] = {Severity.CRITICAL: ink.BAD, Severity.WARNING: ink.WARN, Severity.NOTICE: None}

_STATES = ("open", "acknowledged", "silenced", "over")


def mark(alert: Alert) -> str:
    """x critical, ! warning, . notice."""
    return MARKS[alert.severity]


def state(alert: Alert, now: float) -> str:
    """`open`, `ack`, `over`, or how long it is silenced yet."""
    if alert.state == "silenced":
        return f"mute {figures.age(alert.silenced_until - now)}"
    return "ack" if alert.state == "acknowledged" else alert.state


def whom(alert: Alert, now: float) -> str:
    """What it is about."""
    return alert.subject.name


def says(alert: Alert, now: float) -> str:
    """Its sentence."""
    return alert.says


def urgency(alert: Alert) -> tuple[int, int, float]:
    """Open ones before others, the worst first, of those the newest: rows stand still, though all of them go on."""
    if alert.state == "over":
        return _STATES.index("over"), 0, -(alert.over_at or 0.0)
    return _STATES.index(alert.state), -alert.severity, -alert.first


def _severity(alert: Alert, now: float) -> str:
    return alert.severity.word


def _worth(alert: Alert, now: float) -> Sortable:
    return float(alert.severity), ""


def _standing(alert: Alert, now: float) -> Sortable:
    return float(_STATES.index(alert.state)), ""


COLUMNS: tuple[Column[Alert], ...] = (
    Column("", 1, 1, 1, 0, lambda alert, now: mark(alert), _worth, descending=True, sought=False,
           pick=lambda alert, now: ("mark", mark(alert))),
    Column("severity", 8, 8, 8, 5, _severity, _worth, descending=True),
    Column("state", 8, 8, 8, 1, state, _standing, sought=False,
           pick=lambda alert, now: ("state", alert.state)),
    Column("last", 4, 4, 4, 0, lambda alert, now: figures.age(now - alert.last), lambda a, now: (a.last, ""),
           right=True, descending=True, sought=False),
    Column("since", 8, 8, 8, 4, lambda alert, now: clock.of_day(alert.first), lambda a, now: (a.first, ""),
           descending=True, sought=False),
    Column("count", 6, 6, 9, 2, lambda alert, now: f"{alert.count:,}", lambda a, now: (a.count, ""),
           right=True, descending=True, sought=False),
    Column("rule", 12, 17, 17, 3, lambda alert, now: alert.rule, by(lambda alert, now: alert.rule), term="reason"),
    Column("whom", 40, 40, 40, 6, whom, by(whom), shorten=cut_middle),
    Column("what", 40, 60, 400, 0, says, by(says)),
)  # fmt: skip
