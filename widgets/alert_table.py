"""The table of alerts."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.strip import Strip

from smtpwatch.firewall.target import Target
from smtpwatch.triage.alert import Alert
from widgets import ink
from widgets.alert_acts import FOOT_KEYS, KEYS, Act, AlertAct, target_of
from widgets.alert_columns import FAINT, FROM, INKS
from widgets.alert_view import AlertView
from widgets.row_line import row_line
from widgets.table import Table
from widgets.table_layout import Placed, layout

PANE_KEYS = (*FOOT_KEYS, ("Enter", "open"), ("h", "history"), ("/", "filter"), ("Space", "freeze"))

_COLOURED = ("", "severity", "whom")


def row(alert: Alert, placed: tuple[Placed[Alert], ...], now: float, cursor: bool = False) -> Strip:
    """The line of an alert: colour on mark and subject, dimmed unless it is open, reversed under the cursor."""
    if cursor:
        return row_line(alert, placed, now, ink.CURSOR, ink.CURSOR, _COLOURED)
    if alert.open:
        return row_line(alert, placed, now, None, INKS[alert.severity], _COLOURED)
    return row_line(alert, placed, now, ink.FAINT, FAINT[alert.severity], _COLOURED)


class AlertTable(Table[Alert]):
    """Alerts, raised by so many `rules`."""

    BINDINGS: ClassVar[list[BindingType]] = [*KEYS, Binding("h", "hide", "hide what is over, or not")]

    view: AlertView

    def __init__(self, view: AlertView, rules: int, id: str) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(view, id)
        self.rules = rules

    def action_act(self, act: Act) -> None:
        """Do that to the alert under the cursor, which stays there."""
        under = self.cursor
        if under is None:
            return
        if act != "rows":
            self._pick(self._row)  # it may go to another place, and the same key takes it back
        self.post_message(AlertAct(under.number, act))

    def action_hide(self) -> None:
        """Hide those that are over, or show them."""
        self.view.hide()
        self.look(self._now)

    def selects(self, row: Alert) -> str:
        """Those that it is about."""
        return row.term

    def target(self, row: Alert) -> Target:
        """The sources that it names."""
        return target_of(row)

    def _layout(self) -> tuple[Placed[Alert], ...]:
        return self.placed(self.size.width)

    def placed(self, cells: int) -> tuple[Placed[Alert], ...]:
        """The columns that so many cells have room for."""
        columns = [column for column in self.view.columns if cells >= FROM.get(column.title, 0)]
        return layout(cells, columns, self.columns_shown)

    def _row_line(self, row_: Alert, placed: tuple[Placed[Alert], ...], cursor: bool) -> Strip:
        return row(row_, placed, self._now, cursor)
