"""The screen: composes the panes, folds events into the picture between keys, and binds keys to actions."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import islice
from typing import ClassVar

from textual.app import App, ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.filter import LineFilter, NoColor
from textual.screen import Screen

from smtpwatch import clock
from smtpwatch.config import Config
from smtpwatch.events import Event
from smtpwatch.state.picture import Picture
from widgets.foot_line import FootLine
from widgets.key_lines import Help, key_name
from widgets.session_row import as_text
from widgets.session_table import SessionTable
from widgets.session_view import Key, SessionView
from widgets.status_bar import Clock, StatusLine, Trouble
from widgets.transcript import Transcript
from widgets.vitals import nothing_yet

# Events folded before the loop gets its turn, which is to come every 10 ms: 0.3 ms here, 2.5 ms when all open sessions,
# and a host under load is several times slower.
SLICE = 250

NOTES = (
    "Marks: x refused or failing, ! a peer that does odd things, ~ seen only in part. "
    "Sensors: ● running, ○ starting, ▲ degraded, ✖ failed.",
    "A filter's words must all be in a row (any case); !word leaves out rows that have it. "
    "Click picks a row, a second click opens it; click on a title sorts.",
)
TABLE_KEYS = (
    ("Enter", "open"),
    ("/", "filter"),
    ("s", "sort"),
    ("S", "reverse"),
    ("Space", "freeze"),
    ("y", "copy"),
    ("?", "help"),
    ("q", "quit"),
)
PANE_KEYS = (("Esc", "back"), ("PgUp PgDn", "scroll"), ("y", "copy"), ("?", "help"), ("q", "quit"))


class SmtpWatch(App[None]):
    """Events come from `take` (the oldest batch that waits, empty if none), after `wake` told that there are some.

    `clock` gives epoch seconds; `host` is the name shown."""

    CSS_PATH = "app.tcss"
    TITLE = "smtpwatch"
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        # Priority, so that the keys typed right after it meet a focus that has moved already.
        Binding("slash", "filter", "filter the rows", priority=True),
        Binding("escape", "step_back", "back, unfilter, unfreeze"),
        Binding("space", "freeze", "freeze the view, or thaw"),
        Binding("y", "copy", "copy the row"),
        Binding("question_mark", "help", "this help"),
        Binding("ctrl+p", "command_palette", "all of this by name"),
        Binding("q", "quit", "quit"),
    ]

    def __init__(
        self, config: Config, host: str, take: Callable[[], Sequence[Event]], clock: Callable[[], float]
    ) -> None:
        super().__init__(ansi_color=True)
        if config.theme == "mono":
            self.no_color = True
        self.theme = "ansi-dark"
        self.animation_level = "none"
        self._monochrome = NoColor()
        self.picture = Picture()
        self.view = SessionView(self.picture.sessions)
        self._config = config
        self._host = host
        self._take = take
        self._clock = clock
        self._woken = asyncio.Event()
        self._now = 0.0
        self._seen = 0.0
        """The time that the panes show: `_now`, but for a frozen view."""
        self._opened: Key | None = None
        self._frozen_at: int | None = None
        self._note = ""

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's filters; without colours when the theme or NO_COLOR says so."""
        filters = super().get_line_filters()
        return [*filters, self._monochrome] if self.no_color else filters

    def compose(self) -> ComposeResult:
        """Status, one of three panes, and the foot."""
        with Horizontal(id="status"):
            yield StatusLine(id="vitals")
            yield Clock(id="clock")
        yield Trouble(id="trouble")
        yield SessionTable(self.view, id="sessions")
        yield Transcript(id="transcript")
        groups = (("Table", SessionTable.BINDINGS), ("Transcript", Transcript.BINDINGS), ("Everywhere", self.BINDINGS))
        yield Help(groups, NOTES, id="help")
        yield FootLine(id="foot")

    def on_mount(self) -> None:
        """Start to fold and to tick."""
        self.table = self.query_one(SessionTable)
        self.transcript = self.query_one(Transcript)
        self.help = self.query_one(Help)
        self.foot = self.query_one(FootLine)
        self._status = self.query_one(StatusLine)
        self._time = self.query_one(Clock)
        self._trouble = self.query_one(Trouble)
        self.foot.can_focus = False
        self.table.focus()
        self.run_worker(self._fold(), exit_on_error=True)
        self.set_interval(self._config.refresh, self.tick)
        self.call_after_refresh(self.tick)

    def on_resize(self) -> None:
        """What was laid out for another size is laid out anew."""
        self.call_after_refresh(self._look)

    def wake(self) -> None:
        """Events wait to be taken. To be called on the app's own loop."""
        self._woken.set()

    async def _fold(self) -> None:
        """Take and fold events for ever, in slices, so that keys and ticks come in between."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            while batch := self._take():
                events = iter(batch)
                while part := list(islice(events, SLICE)):
                    self.picture.apply(part)
                    await asyncio.sleep(0)

    def tick(self) -> None:
        """The UI clock: only here does the screen follow the traffic."""
        self._now = self.picture.now(self._clock())
        if self._frozen_at is None:
            self._seen = self._now
        self._look()

    def _look(self) -> None:
        picture, now = self.picture, self._now
        waiting = None if self._frozen_at is None else picture.events - self._frozen_at
        self._status.look(picture, now, self._host, waiting)
        self._time.look(now)
        self._trouble.look(picture)
        if self.table.display and waiting is None:
            self._look_at_table()
        elif self.transcript.display and waiting is None and self._opened is not None:
            self.transcript.look(self.view.get(self._opened), self._seen)
        self._look_at_foot()

    def _look_at_table(self) -> None:
        self.table.notice = self._notice()
        self.table.look(self._seen)
        if self.view.pending:  # the filter is not through with all sessions: go on when the loop is free
            self.call_later(self._look_at_table)
        self._look_at_foot()

    def _look_at_foot(self) -> None:
        count = f"{len(self.view):,}{'+' if self.view.pending else ''} of {self.view.total:,}"
        self.foot.look(TABLE_KEYS if self.table.display else PANE_KEYS, count, self._note)

    def _notice(self) -> str:
        if self.view.total:
            return "No session passes the filter." if self.foot.text else ""
        ports = "any port" if self._config.any_port else "ports " + " ".join(map(str, self._config.ports))
        since = min(self.picture.since.values(), default=self._now)
        return nothing_yet(self.picture, ports, clock.of_day(since)[:5])

    def _show(self, pane: SessionTable | Transcript | Help) -> None:
        """Bring one pane to the front; the others cost nothing while they are hidden."""
        for each in (self.table, self.transcript, self.help):
            each.display = each is pane
        self.screen.set_focus(pane)
        self.call_after_refresh(self._look)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The filter key is text where text is typed."""
        return action != "filter" or isinstance(self.focused, SessionTable | Transcript | Help)

    def action_filter(self) -> None:
        """Type a filter."""
        self._show(self.table)
        self._note = ""
        self.foot.can_focus = True
        self.screen.set_focus(self.foot)

    def action_step_back(self) -> None:
        """One step back to the plain table."""
        if self.help.display and self._opened is not None:
            self._show(self.transcript)
        elif not self.table.display:
            self._opened = None
            self._show(self.table)
        elif self.foot.text:
            self._filter("")
        elif self._frozen_at is not None:
            self.action_freeze()

    def action_freeze(self) -> None:
        """Stop the view, or let it go on."""
        if self._frozen_at is None:
            self._frozen_at = self.picture.events
            self.table.freeze()
        else:
            self._frozen_at = None
            self.view.thaw()
        self._look()

    def action_copy(self) -> None:
        """Put the session's row on the clipboard of the admin's terminal (OSC 52)."""
        session = self.view.get(self._opened) if self._opened is not None else self.table.cursor
        if session is not None:
            self.copy_to_clipboard(as_text(session, self._seen))
            self._note = "copied"
            self._look_at_foot()
            self.set_timer(2 * self._config.refresh, self._forget_note)

    def action_help(self) -> None:
        """Show all keys, or go back."""
        if self.help.display:
            self.action_step_back()
            return
        self._show(self.help)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every key's action by name."""
        for owner in (self, self.table if self.table.display else self.transcript):
            for binding in owner.BINDINGS:
                if isinstance(binding, Binding) and binding.action != "command_palette":
                    act = partial(self.run_action, binding.action, owner)
                    name = binding.description
                    yield SystemCommand(name[:1].upper() + name[1:], f"key {key_name(binding.key)}", act)

    def on_session_table_opened(self, message: SessionTable.Opened) -> None:
        """Show that session in full."""
        session = self.view.get(message.key)
        if session is not None:
            self._opened = message.key
            self.transcript.open(session, self._seen)
            self._show(self.transcript)

    def on_foot_line_typed(self, message: FootLine.Typed) -> None:
        """The table follows the filter as it is typed."""
        self._filter(message.text)

    def on_foot_line_done(self) -> None:
        """Back to the table, the filter stays."""
        self._end_typing()

    def on_foot_line_dropped(self) -> None:
        """Back to the table, without a filter."""
        self._end_typing()
        self._filter("")

    def _end_typing(self) -> None:
        self.screen.set_focus(self.table)
        self.foot.can_focus = False

    def _filter(self, typed: str) -> None:
        self.foot.text = typed
        self.view.filter(typed)
        self._look_at_table()

    def _forget_note(self) -> None:
        self._note = ""
        self._look_at_foot()
