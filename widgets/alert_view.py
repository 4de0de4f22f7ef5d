"""The alerts' rows: those that are open first, the worst before the others; at the end those that are over."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator, Mapping
from copy import copy

from smtpwatch.query import Read
from smtpwatch.triage.alert import Alert
from smtpwatch.triage.alerts import Alerts
from widgets.alert_columns import COLUMNS, SAYS, mark, order
from widgets.rows import Key, Rows


def _sources(alert: Alert) -> list[str]:
    """Those that it names, and the one that it is about."""
    kind, name = alert.subject
    return [*alert.sources, name] if kind in ("source", "network") else list(alert.sources)


def _account(alert: Alert) -> str | None:
    kind, name = alert.subject
    return name if kind in ("account", "user") else None


FIELDS: Mapping[str, Read[Alert]] = {
    "src": _sources,
    "net": _sources,
    "state": lambda alert: alert.state,
    "reason": lambda alert: (alert.rule, alert.says[:SAYS]),
    "rule": lambda alert: alert.rule,
    "severity": lambda alert: alert.severity.word,
    "account": _account,
    "mark": mark,
}


class AlertView(Rows[Alert]):
    """Rows of alerts. With `hides`, without those that are over."""

    def __init__(self, alerts: Alerts) -> None:
        super().__init__(COLUMNS, {**FIELDS, "age": lambda alert: self.now - alert.last})
        self.alerts = alerts
        self.hides = False
        self._rows: list[Alert] = []
        self._made_for: tuple[int, bool] = (-1, False)
        self._kept: dict[Key, Alert] = {}
        """Of a frozen view all rows, those that are hidden too."""

    @property
    def hidden(self) -> int:
        """How many are over and not shown."""
        return len(self.alerts.history) if self.hides else 0

    def hide(self) -> None:
        """Hide those that are over, or show them again."""
        self.hides = not self.hides
        if self._frozen is not None:
            self._frozen = {key: row for key, row in self._kept.items() if not self._out(row)}

    def acted(self, number: int) -> None:
        """What the admin has done to that alert shows, be the view frozen or not."""
        alert, still = self.alerts.get(number), self._kept.get(("alert", number))
        if alert is not None and still is not None:
            still.state, still.silenced_until = alert.state, alert.silenced_until

    def settle(self, now: float) -> None:
        """In order anew, where anything has happened to any of them."""
        made_for = self.alerts.changed, self.hides
        if made_for != self._made_for:
            self._made_for = made_for
            self._rows = sorted((alert for alert in self.alerts if not self._out(alert)), key=order)
            self._listed = None
        super().settle(now)

    def freeze(self, around: int) -> int:
        """Stand still, whatever is hidden or shown later."""
        hides, self.hides = self.hides, False
        self._rows = sorted(self.alerts, key=order)
        super().freeze(0)
        self._kept = self._frozen or {}
        if hides:
            self.hide()
        return 0

    def thaw(self) -> None:
        """Follow the alerts again."""
        super().thaw()
        self._kept = {}
        self._made_for = (-1, False)

    def key(self, row: Alert) -> Key:
        """Its number."""
        return "alert", row.number

    def _out(self, row: Alert) -> bool:
        return self.hides and row.state == "over"

    def _stamp(self, row: Alert) -> Hashable:
        return row.state, row.severity, row.says, row.sources

    def _there(self) -> int:
        return len(self._rows)

    def _find(self, key: Key) -> Alert | None:
        return self.alerts.get(int(key[1]))

    def _still(self, row: Alert) -> Alert:
        twin = copy(row)
        twin.sessions, twin.lines, twin.steps = deque(row.sessions), deque(row.lines), list(row.steps)
        return twin

    def _in_order(self) -> Iterator[Alert]:
        return reversed(self._rows) if self._newest_first else iter(self._rows)
