"""The pane that tells one alert in full."""

from typing import ClassVar

from textual.binding import BindingType
from textual.strip import Strip

from smtpwatch.state.picture import Picture
from smtpwatch.state.session import Session
from smtpwatch.triage.alert import Alert
from smtpwatch.triage.alerts import Alerts
from widgets.alert_acts import acknowledge, rows_of, silence
from widgets.alert_lines import body, head
from widgets.alert_table import KEYS, AlertSaid
from widgets.detail import Detail


class AlertStory(Detail[Alert]):
    """What was found at the top; how, and what shows it, below."""

    called = "An alert"
    legend = "b B u: block, network, undo"
    BINDINGS: ClassVar[list[BindingType]] = list(KEYS)

    def __init__(self, picture: Picture, alerts: Alerts, id: str = "alert-story") -> None:  # noqa: A002
        super().__init__(id=id)
        self._picture = picture
        self._alerts = alerts

    def action_acknowledge(self) -> None:
        """The admin knows of it."""
        if self._alert is not None:
            self.post_message(AlertSaid(acknowledge(self._alerts, self._alert)))

    def action_silence(self) -> None:
        """Nothing is to be heard of it for a while."""
        if self._alert is not None:
            self.post_message(AlertSaid(silence(self._alerts, self._alert, self._now)))

    def action_rows(self) -> None:
        """Go to what it is about."""
        way = rows_of(self.row) if self.row is not None else None
        self.post_message(way if way is not None else AlertSaid("no filter finds what it is about"))

    @property
    def _alert(self) -> Alert | None:
        return None if self.row is None else self._alerts.get(self.row.number)

    def _content(self, cells: int) -> tuple[list[Strip], list[Strip]] | None:
        alert = self.row
        if alert is None:
            return None
        return head(alert, self._now, cells), body(alert, self._sessions(alert), self._now, cells)

    def _sessions(self, alert: Alert) -> list[Session]:
        """Those that are still held, the latest first."""
        held = (self._picture.sessions.get(key) for key in reversed(alert.sessions))
        return [session for session in held if session is not None]
