"""The pane that tells one alert in full."""

from typing import ClassVar

from textual.binding import BindingType
from textual.strip import Strip

from smtpwatch.state.picture import Picture
from smtpwatch.state.session import Session
from smtpwatch.triage.alert import Alert
from smtpwatch.triage.alerts import Alerts
from widgets.alert_acts import FOOT_KEYS, KEYS, Act, AlertAct, silenced
from widgets.alert_lines import body, head
from widgets.blocked import Blocked, not_blocked
from widgets.detail import Detail


class AlertStory(Detail[Alert]):
    """What it says and what helps at the top; how it came about, and what shows it, scrolling below."""

    legend = "how it came about, and what shows it"
    keys = FOOT_KEYS
    BINDINGS: ClassVar[list[BindingType]] = [*KEYS]

    def __init__(
        self,
        picture: Picture,
        alerts: Alerts,
        blocked: Blocked = not_blocked,
        id: str = "alert-story",  # noqa: A002 (Textual's own name for it)
    ) -> None:
        super().__init__(id=id)
        self._picture = picture
        self._alerts = alerts
        self._blocked = blocked
        self._gone = False
        """It is no longer held."""

    def look(self, row: Alert | None, now: float) -> None:
        """As Detail has it; one that is gone has become part of another, or is long over."""
        self._gone = row is None
        super().look(row, now)

    def action_act(self, act: Act) -> None:
        """Do that to it."""
        if self.row is not None:
            self.post_message(AlertAct(self.row.number, act))

    def _content(self, cells: int) -> tuple[list[Strip], list[Strip]] | None:
        alert = self.row
        if alert is None:
            return None
        until = silenced(self._alerts, alert)
        said = body(alert, self._sessions(alert), self._now, cells, self._blocked)
        return head(alert, self._now, cells, until, self._gone, self._blocked), said

    def _sessions(self, alert: Alert) -> list[Session]:
        """Those that are still held, the latest first."""
        held = (self._picture.sessions.get(key) for key in reversed(alert.sessions))
        return [session for session in held if session is not None]
