"""The columns of alerts."""

from __future__ import annotations

from collections.abc import Mapping

from rich.style import Style

from smtpwatch import clock
from smtpwatch.query import SHOWS
from smtpwatch.triage.alert import Alert, Severity
from widgets import figures, ink
from widgets.cells import cut_middle
from widgets.table_layout import Column, Picked, Sortable, by

MARKS = {Severity.CRITICAL: "x", Severity.WARNING: "!", Severity.NOTICE: "."}
INKS: dict[Severity, Style | None] = {Severity.CRITICAL: ink.BAD, Severity.WARNING: ink.WARN, Severity.NOTICE: None}
FAINT: dict[Severity, Style] = {
    Severity.CRITICAL: ink.BAD_FAINT, Severity.WARNING: ink.WARN_FAINT, Severity.NOTICE: ink.FAINT,
}  # fmt: skip
"""Of those that are not open."""

SAYS = 1_000  # characters of a sentence that the table looks at; opened, an alert has all of it
COUNTED = 100_000  # from which on there is no room for every digit

FROM: Mapping[str, int] = {"first": 100, "rule": 110, "severity": 140, "whom": 170}
"""Cells of the table from which on it has these columns: the sentence needs the room, and tells most of them itself."""

_STATES = ("open", "acknowledged", "silenced", "over")
_TELLING = ("account", "user", "script", "process", "queue", "sensor")
"""Kinds of subjects that their names alone do not tell."""


def mark(alert: Alert) -> str:
    """x critical, ! warning, . notice."""
    return MARKS[alert.severity]


def state(alert: Alert, now: float) -> str:
    """`open`, `ack`, `over`, or for how long it is silenced yet."""
    if alert.state == "silenced":
        return f"mute {figures.age(alert.silenced_until - now)}"
    return "ack" if alert.state == "acknowledged" else alert.state


def whom(alert: Alert) -> str:
    """Whom or what it is about: `203.0.113.7`, `account bob`."""
    kind, name = alert.subject
    return f"{kind} {name}" if kind in _TELLING else name


def much(alert: Alert) -> int:
    """How much of it there is, however it was told: some rules only tell how often."""
    return max(alert.count, alert.times)


def order(alert: Alert) -> tuple[int, int, float, int]:
    """Open ones before others, the worst first, of those the newest: by when they began, so that rows stand still
    though all of them go on. Those that are over as a history."""
    standing = _STATES.index(alert.state)
    if alert.state == "over":
        return standing, 0, -(alert.over_at or 0.0), -alert.number
    return standing, -alert.severity, -alert.first, -alert.number


def _says(alert: Alert, now: float) -> str:
    return alert.says[:SAYS]


def _count(alert: Alert, now: float) -> str:
    count = much(alert)
    return f"{count:,}" if count < COUNTED else figures.octets(count)


def _worth(alert: Alert, now: float) -> Sortable:
    return float(alert.severity), ""


def _whom(alert: Alert, now: float) -> str:
    return whom(alert)


def _pick_whom(alert: Alert, now: float) -> Picked:
    kind, name = alert.subject
    if kind in ("source", "network"):
        return "src", name
    return ("account", name) if kind in ("account", "user") else (SHOWS, whom(alert))


# What changes often is at the left, since a line is sent again up to its last change.
COLUMNS: tuple[Column[Alert], ...] = (
    Column("", 1, 1, 1, 0, lambda alert, now: mark(alert), _worth, descending=True, sought=False,
           pick=lambda alert, now: ("mark", mark(alert))),
    Column("last", 4, 4, 4, 0, lambda alert, now: figures.age(now - alert.last), lambda a, now: (a.last, ""),
           right=True, descending=True, sought=False, pick=lambda a, now: ("age", now - a.last)),
    Column("count", 6, 6, 6, 1, _count, lambda a, now: (much(a), ""), right=True, descending=True, sought=False),
    Column("state", 8, 8, 8, 2, state, lambda a, now: (_STATES.index(a.state), ""), seek=lambda alert: alert.state,
           pick=lambda alert, now: ("state", alert.state)),
    Column("first", 8, 8, 8, 3, lambda alert, now: clock.of_day(alert.first), lambda a, now: (a.first, ""),
           descending=True, sought=False),
    Column("severity", 8, 8, 8, 4, lambda alert, now: alert.severity.word, _worth, descending=True, term="severity"),
    Column("rule", 12, 17, 17, 4, lambda alert, now: alert.rule, by(lambda alert, now: alert.rule), term="rule"),
    Column("whom", 24, 30, 30, 5, _whom, by(_whom), shorten=cut_middle, pick=_pick_whom),
    Column("what", 20, 60, 400, 0, _says, by(_says), term="reason"),
)  # fmt: skip
