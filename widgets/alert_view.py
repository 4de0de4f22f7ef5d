"""The alerts' rows: those that are open first, the worst before the others; those that are over only if asked for."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from copy import copy

from smtpwatch.query import Read
from smtpwatch.triage.alert import Alert
from smtpwatch.triage.alerts import Alerts
from widgets.alert_columns import COLUMNS, mark, urgency
from widgets.rows import Key, Rows

FIELDS: Mapping[str, Read[Alert]] = {
    "src": lambda alert: list(alert.sources),
    "net": lambda alert: list(alert.sources),
    "state": lambda alert: alert.state,
    "reason": lambda alert: f"{alert.rule} {alert.says}",
    "account": lambda alert: alert.subject.name if alert.subject.kind == "account" else None,
    "mark": mark,
}


class AlertView(Rows[Alert]):
    """Rows of alerts."""

    def __init__(self, alerts: Alerts) -> None:
        super().__init__(COLUMNS, FIELDS)
        self.alerts = alerts
        self.history = False
        """Those that are over are shown too."""
        self._rows: dict[int, Alert] = {}
        self._made_for: tuple[int, bool] = (-1, False)

    def settle(self, now: float) -> None:
        """Anew where anything has happened to any of them."""
        made_for = self.alerts.changed, self.history
        if made_for != self._made_for:
            self._made_for = made_for
            there = self.alerts if self.history else self.alerts.present.values()
            self._rows = {alert.number: alert for alert in sorted(there, key=urgency)}
            self._listed = None
        super().settle(now)

    def key(self, row: Alert) -> Key:
        """Its number."""
        return "alert", row.number

    def _stamp(self, row: Alert) -> Hashable:
        return row.state, row.severity, row.says, row.sources

    def _there(self) -> int:
        return len(self._rows)

    def _find(self, key: Key) -> Alert | None:
        return self._rows.get(int(key[1]))

    def _still(self, row: Alert) -> Alert:
        return copy(row)

    def _in_order(self) -> Iterator[Alert]:
        return reversed(self._rows.values()) if self._newest_first else iter(self._rows.values())
