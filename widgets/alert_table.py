"""The table of alerts."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from smtpwatch.firewall.target import Target
from smtpwatch.triage.alert import Alert
from widgets import ink
from widgets.alert_acts import acknowledge, rows_of, silence, target_of
from widgets.alert_columns import INKS
from widgets.alert_view import AlertView
from widgets.row_line import row_line
from widgets.table import Table
from widgets.table_layout import Placed

KEYS: list[BindingType] = [
    Binding("a", "acknowledge", "acknowledge it, or not"),
    Binding("x", "silence", "silence it for an hour, a day"),
    Binding("o", "rows", "the rows it is about"),
]
_COLOURED = ("", "severity", "what")


class AlertSaid(Message):
    """Something is to be said of what a key has done."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self.words = words


class AlertTable(Table[Alert]):
    """Alerts."""

    BINDINGS: ClassVar[list[BindingType]] = [*KEYS, Binding("h", "history", "those that are over too, or not")]

    view: AlertView

    def __init__(self, view: AlertView, id: str) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(view, id)

    def action_acknowledge(self) -> None:
        """The admin knows of it."""
        alert = self._alert
        if alert is not None:
            self.post_message(AlertSaid(acknowledge(self.view.alerts, alert)))

    def action_silence(self) -> None:
        """Nothing is to be heard of it for a while."""
        alert = self._alert
        if alert is not None:
            self.post_message(AlertSaid(silence(self.view.alerts, alert, self._now)))

    def action_rows(self) -> None:
        """Go to what it is about."""
        under = self.cursor
        way = rows_of(under) if under is not None else None
        if way is not None:
            self.post_message(way)
        elif under is not None:
            self.action_open()

    def action_history(self) -> None:
        """Show what is over, or hide it."""
        self.view.history = not self.view.history
        self.post_message(AlertSaid("with those that are over" if self.view.history else "without those that are over"))

    @property
    def _alert(self) -> Alert | None:
        """The one under the cursor itself, though the view may be frozen."""
        under = self.cursor
        return None if under is None else self.view.alerts.get(under.number)

    def selects(self, row: Alert) -> str:
        """Those that it is about."""
        return row.term

    def target(self, row: Alert) -> Target:
        """The sources that it names."""
        return target_of(row)

    def _row_line(self, row_: Alert, placed: tuple[Placed[Alert], ...], cursor: bool) -> Strip:
        if cursor:
            return row_line(row_, placed, self._now, ink.CURSOR, ink.CURSOR, _COLOURED)
        style = INKS[row_.severity] if row_.open else ink.FAINT
        return row_line(row_, placed, self._now, None, style, _COLOURED)
