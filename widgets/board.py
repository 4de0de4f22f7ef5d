"""All that can be in front: the panes, what is opened from their rows, and the help; and the way back."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from textual.app import ComposeResult
from textual.containers import Container

from smtpwatch.firewall.acting import Acting
from smtpwatch.lookup import Lookups
from smtpwatch.state.picture import Picture
from smtpwatch.triage.triage import Triage
from widgets.alert_story import AlertStory
from widgets.alert_table import PANE_KEYS as ALERT_KEYS
from widgets.alert_table import AlertTable
from widgets.alert_view import AlertView
from widgets.block_table import BlockTable
from widgets.block_view import BlockView
from widgets.blocked import Blocked, not_blocked
from widgets.delivery_pane import DeliveryPane
from widgets.delivery_story import DeliveryStory
from widgets.delivery_table import DeliveryTable
from widgets.detail import Detail
from widgets.explain_story import ExplainStory
from widgets.home import Home
from widgets.key_lines import Help
from widgets.log_detail import LogDetail
from widgets.log_table import LogTable
from widgets.log_view import LogView
from widgets.message_story import MessageStory
from widgets.message_table import MessageTable
from widgets.message_view import MessageView
from widgets.pane import Pane
from widgets.rows import Key
from widgets.session_table import SessionTable
from widgets.session_view import SessionView
from widgets.source_pane import SourcePane
from widgets.source_story import SourceStory
from widgets.source_table import SourceTable
from widgets.table import Table
from widgets.tls_pane import TlsPane
from widgets.transcript import Transcript

LOG_KEYS = (("Enter", "open"), ("o", "its session"), ("/", "filter"), ("End", "follow"), ("Space", "freeze"))
BLOCK_KEYS = (("u", "let in"), ("t", "time"), ("m", "merge"), ("Enter", "sources"), ("/", "filter"))
NOTES = (
    "Marks: x refused, failing or lost; ! a peer that does odd things, mail that waits; ~ seen in part; ■ blocked. "
    "Of alerts: x critical, ! warning, . notice.",
    "Sensors: ● running, ○ starting, ▲ degraded, ✖ failed.",
    "A filter's words must all be in a row (any case); !word leaves out rows that have it. "
    "Click picks a row, a second click opens it; click on a title sorts.",
)


class Opened(NamedTuple):
    """What is shown in full: a row of `table`; without a key it is of no row."""

    detail: Detail[Any]
    table: Table[Any]
    key: Key | None


class Place(NamedTuple):
    """Where one was: a pane, what was opened there, and the filter."""

    pane: Pane
    opened: tuple[Opened, ...]
    filter: str


class Board(Container):
    """Shows one of them; the others cost nothing while they are hidden."""

    def __init__(
        self, picture: Picture, lookups: Lookups, triage: Triage, first: str, acting: Acting | None = None
    ) -> None:
        super().__init__()
        blocked: Blocked = not_blocked if acting is None else acting.covering
        self.panes = {str(pane.id): pane for pane in _panes(picture, lookups, triage, acting, blocked)}
        """By name, in the order of their numbers."""
        self.details: dict[type[Table[Any]], Detail[Any]] = {
            SessionTable: Transcript(id="transcript"),
            MessageTable: MessageStory(picture.sessions, id="story"),
            SourceTable: SourceStory(picture, lookups, blocked, id="source-story"),
            DeliveryTable: DeliveryStory(picture, id="delivery-story"),
            LogTable: LogDetail(picture.sessions, id="log-detail"),
            AlertTable: AlertStory(picture, triage.alerts, blocked, id="alert-story"),
        }
        self.explained = ExplainStory(picture, triage, lookups)
        self.help = Help(NOTES, id="help")
        self.pane = self.panes.get(first, self.panes["home"])
        """The one in front, or behind what was opened from it."""
        self.opened: list[Opened] = []
        """What was opened, each from the one before; the last is in front."""
        self.way: list[Place] = []
        """Where we were led from, the first place first."""

    def compose(self) -> ComposeResult:
        """All of them."""
        yield from self.panes.values()
        yield from self.details.values()
        yield self.explained
        yield self.help

    @property
    def table(self) -> Table[Any]:
        """The table that keys act on, though what was opened from it may hide it."""
        return self.opened[-1].table if self.opened else self.pane.front

    @property
    def front(self) -> Detail[Any] | Table[Any]:
        """What has the keys, but for the help."""
        return self.opened[-1].detail if self.opened else self.pane.front

    def show(self, help_: bool = False) -> None:
        """Bring what is the case to the front, or the help before it."""
        shown = self.help if help_ else self.opened[-1].detail if self.opened else self.pane
        for each in (*self.panes.values(), *self.details.values(), self.explained, self.help):
            each.display = each is shown
        self.screen.set_focus(self.help if help_ else self.front)

    def go(self, pane: str) -> None:
        """To a pane, for good."""
        self.pane = self.panes[pane]
        self.opened.clear()
        self.way.clear()

    def lead(self, pane: str, filter_: str) -> None:
        """To a pane, and from there back to what is shown now; `filter_` is the one in force now."""
        way = [*self.way, Place(self.pane, tuple(self.opened), filter_)]
        self.go(pane)
        self.way = way

    def lead_back(self) -> str:
        """To where we were led from, as it was; returns the filter of then. There must be a `way`."""
        self.pane, opened, filter_ = self.way.pop()
        self.opened = list(opened)
        return filter_

    def open(self, table: Table[Any], key: Key, now: float) -> bool:
        """Tell a row in full, if it is still held."""
        row = table.view.get(key)
        if row is None:
            return False
        detail = self.details[type(table)]
        detail.open(row, now)
        self.opened.append(Opened(detail, table, key))
        return True

    def explain(self, selection: str, now: float) -> None:
        """Tell what stands behind the sessions that a filter selects."""
        self.explained.open(selection, now)
        self.opened.append(Opened(self.explained, self.table, None))

    def acted(self, number: int) -> None:
        """The admin has done something to the alert of that number."""
        table = self.panes["alerts"].table
        if isinstance(table, AlertTable):
            table.view.acted(number)

    def look_at_opened(self, now: float) -> None:
        """What is opened follows its row."""
        if self.opened and self.opened[-1].detail.display:
            detail, table, key = self.opened[-1]
            detail.look(None if key is None else table.view.get(key), now)


def _panes(
    picture: Picture, lookups: Lookups, triage: Triage, acting: Acting | None, blocked: Blocked
) -> Iterator[Pane]:
    """In the order of their numbers."""
    yield Home(picture, lookups, blocked, id="home")
    yield SourcePane(picture, lookups, blocked, id="sources")
    sessions = SessionView(picture.sessions, lookups.place, lookups.host, blocked)
    yield Pane(SessionTable(sessions, id="session-table"), "session", id="sessions")
    messages = MessageView(picture.messages, lookups.place, lookups.host)
    yield Pane(MessageTable(messages, id="message-table"), "message", id="messages")
    yield DeliveryPane(picture, id="deliveries")
    yield TlsPane(picture, id="tls")
    alerts = AlertTable(AlertView(triage.alerts), len(triage.rules), id="alert-table")
    yield Pane(alerts, "alert", id="alerts", keys=ALERT_KEYS)
    if acting is not None:
        blocks = BlockTable(BlockView(acting.blocking.blocks), id="block-table")
        yield Pane(blocks, "block", id="blocks", keys=BLOCK_KEYS)
    lines = LogTable(LogView(picture.sessions.logs.lines), picture.sessions, id="log-table")
    yield Pane(lines, "line", id="log", keys=LOG_KEYS)
