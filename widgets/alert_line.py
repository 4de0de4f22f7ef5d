"""The worst alert that is open, in one line of every pane."""

from __future__ import annotations

from smtpwatch.triage.alert import Alert
from smtpwatch.triage.alerts import Alerts
from widgets.alert_lines import summary
from widgets.line_pane import LinePane


class AlertLine(LinePane):
    """Not there while none is open. It stays with the alert it shows until that one is no longer open, or a worse one
    is; then comes, of those alike, the first that was found: a busy one does not jump to the front."""

    def __init__(self, alerts: Alerts, id: str) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(id=id)
        self._alerts = alerts
        self._shown: Alert | None = None
        self._others = 0

    def look(self, wanted: bool, opened: Alert | None = None) -> None:
        """Show what is the case, if it is wanted at all, and more than what is told in full already: `opened`."""
        standing = [alert for alert in self._alerts.present.values() if alert.open]
        worst = max((alert.severity for alert in standing), default=None)
        if self._shown is None or self._shown not in standing or self._shown.severity != worst:
            self._shown = min(standing, key=_rank, default=None)
        self._others = len(standing) - 1
        told = opened is not None and self._shown is not None and opened.number == self._shown.number
        self.display = wanted and self._shown is not None and not told
        if self.display:
            self._draw()

    def on_resize(self) -> None:
        """There is room now for what is to be said."""
        self._draw()

    def _draw(self) -> None:
        if self._shown is not None:
            self.paint([summary(self._shown, self._others, self.size.width)])


def _rank(alert: Alert) -> tuple[int, float, int]:
    return -alert.severity, alert.first, alert.number
