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
from widgets.message_story import MessageStory
from widgets.message_table import MessageTable
from widgets.message_view import MessageView
from widgets.rows import Key
from widgets.scroll import Scroll
from widgets.session_table import SessionTable
from widgets.session_view import SessionView
from widgets.status_bar import Clock, StatusLine, Trouble
from widgets.table import Table
from widgets.table_layout import as_text
from widgets.transcript import Transcript
from widgets.vitals import no_message_yet, nothing_yet

# Events folded before the loop gets its turns: 0.3 ms of packets here, 2.5 ms when all open sessions, 5 ms of log
# lines, and a host under load is several times slower.
SLICE = 250
TURNS = 10  # of the loop in between: a key takes that many until it is on the screen

NOTES = (
    "Marks: x refused, failing or lost; ! a peer that does odd things, mail that waits; ~ seen in part.",
    "Sensors: ● running, ○ starting, ▲ degraded, ✖ failed.",
    "A filter's words must all be in a row (any case); !word leaves out rows that have it. "
    "Click picks a row, a second click opens it; click on a title sorts.",
)
_TABLE_KEYS = (("Enter", "open"), ("/", "filter"), ("s", "sort"), ("Space", "freeze"))
_MORE_KEYS = (("y", "copy"), ("?", "help"), ("q", "quit"))
SESSIONS_KEYS = (*_TABLE_KEYS, ("4", "messages"), *_MORE_KEYS)
MESSAGES_KEYS = (*_TABLE_KEYS, ("3", "sessions"), *_MORE_KEYS)
OPENED_KEYS = (("Esc", "back"), ("PgUp PgDn", "scroll"), ("3", "sessions"), ("4", "messages"), *_MORE_KEYS)
HELP_KEYS = (("Esc", "back"), ("q", "quit"))


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
        Binding("3", "pane('sessions')", "sessions", priority=True),
        Binding("4", "pane('messages')", "messages", priority=True),
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
        self.message_view = MessageView(self.picture.messages)
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
        self._over = False
        self._to_filter = False
        self._note = ""

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's filters; without colours when the theme or NO_COLOR says so."""
        filters = super().get_line_filters()
        return [*filters, self._monochrome] if self.no_color else filters

    def compose(self) -> ComposeResult:
        """Status, one of the panes, and the foot."""
        with Horizontal(id="status"):
            yield StatusLine(id="vitals")
            yield Clock(id="clock")
        yield Trouble(id="trouble")
        yield SessionTable(self.view, id="sessions")
        yield MessageTable(self.message_view, id="messages")
        yield Transcript(id="transcript")
        yield MessageStory(self.picture.sessions, id="story")
        groups = (("Tables", Table.BINDINGS), ("An opened row", Scroll.BINDINGS), ("Everywhere", self.BINDINGS))
        yield Help(groups, NOTES, id="help")
        yield FootLine(id="foot")

    def on_mount(self) -> None:
        """Start to fold and to tick."""
        self.sessions = self.query_one(SessionTable)
        self.messages = self.query_one(MessageTable)
        self.table: SessionTable | MessageTable = self.sessions
        """The table in front, or behind what was opened from it."""
        self.transcript = self.query_one(Transcript)
        self.story = self.query_one(MessageStory)
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

    def no_more(self) -> None:
        """All there is has been handed over: what waits for its other half waits in vain. On the app's own loop."""
        self._over = True
        self.wake()

    async def _fold(self) -> None:
        """Take and fold events for ever, in slices, so that keys and ticks come in between."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            while batch := self._take():
                events = iter(batch)
                while part := list(islice(events, SLICE)):
                    self.picture.apply(part)
                    for _ in range(TURNS):
                        await asyncio.sleep(0)
            if self._over:
                self._over = False
                self.picture.sessions.finish()

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
        if self.table.display:
            self._look_at_table()
        elif self._opened is not None:
            self._look_at_opened(self._opened)
        self._look_at_foot()

    def _look_at_opened(self, key: Key) -> None:
        if self.transcript.display:
            self.transcript.look(self.view.get(key), self._seen)
        elif self.story.display:
            self.story.look(self.message_view.get(key), self._seen)

    def _look_at_table(self) -> None:
        self.table.notice = self._notice()
        self.table.look(self._seen)
        if self.table.view.pending:  # the filter is not through with all sessions: go on when the loop is free
            self.call_later(self._look_at_table)
        self._look_at_foot()

    def _look_at_foot(self) -> None:
        view = self.table.view
        count = f"{len(view):,}{'+' if view.pending else ''} of {view.total:,}"
        keys: tuple[tuple[str, str], ...] = HELP_KEYS if self.help.display else OPENED_KEYS
        if self.table.display:
            keys = SESSIONS_KEYS if self.table is self.sessions else MESSAGES_KEYS
            keys = (("Esc", "clear filter"), *keys) if self.foot.text else keys
        self.foot.look(keys, count, self._note)

    def _notice(self) -> str:
        if self.table.view.total:
            what = "message" if self.table is self.messages else "session"
            return f"No {what} passes the filter." if self.foot.text else ""
        if self.table is self.messages:
            return no_message_yet(self.picture, clock.of_day(self.picture.since.get("log", self._now))[:5])
        ports = "any port" if self._config.any_port else "ports " + " ".join(map(str, self._config.ports))
        since = min(self.picture.since.values(), default=self._now)
        return nothing_yet(self.picture, ports, clock.of_day(since)[:5])

    def _show(self, pane: SessionTable | MessageTable | Scroll | Help) -> None:
        """Bring one pane to the front; the others cost nothing while they are hidden."""
        for each in (self.sessions, self.messages, self.transcript, self.story, self.help):
            each.display = each is pane
        self.screen.set_focus(pane)
        self.call_after_refresh(self._look)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that are text where text is typed."""
        return action not in ("filter", "pane") or isinstance(self.focused, Table | Scroll | Help)

    def action_pane(self, name: str) -> None:
        """Go to a pane; the filter goes along."""
        self._opened = None
        self._note = ""
        self.table = self.messages if name == "messages" else self.sessions
        self.table.view.filter(self.foot.text)
        self._show(self.table)

    def action_filter(self) -> None:
        """Type a filter."""
        self._opened = None
        self._show(self.table)
        self._note = ""
        self.foot.can_focus = True
        self.screen.set_focus(self.foot)

    def action_step_back(self) -> None:
        """One step back to the plain table."""
        if self.help.display and self._opened is not None:
            self._show(self.transcript if self.table is self.sessions else self.story)
        elif not self.table.display:
            self._opened = None
            self._show(self.table)
        elif self.foot.text:
            self._unfilter()
        elif self._frozen_at is not None:
            self.action_freeze()

    def action_freeze(self) -> None:
        """Stop the view, or let it go on."""
        if self._frozen_at is None:
            self._frozen_at = self.picture.events
            self.sessions.freeze()
            self.messages.freeze()
        else:
            self._frozen_at = None
            self.view.thaw()
            self.message_view.thaw()
        self._look()

    def action_copy(self) -> None:
        """Put the row on the clipboard of the admin's terminal (OSC 52)."""
        text = _copied(self.table, self._opened, self._seen)
        if text:
            self.copy_to_clipboard(text)
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
        opened = self.transcript if self.table is self.sessions else self.story
        for owner in (self, self.table if self.table.display else opened):
            for binding in owner.BINDINGS:
                if isinstance(binding, Binding) and binding.action != "command_palette":
                    act = partial(self.run_action, binding.action, owner)
                    name = binding.description
                    yield SystemCommand(name[:1].upper() + name[1:], f"key {key_name(binding.key)}", act)

    def on_table_opened(self, message: Table.Opened) -> None:
        """Show that row in full."""
        if message.pane is self.sessions:
            session = self.view.get(message.key)
            if session is not None:
                self._opened = message.key
                self.transcript.open(session, self._seen)
                self._show(self.transcript)
        else:
            found = self.message_view.get(message.key)
            if found is not None:
                self._opened = message.key
                self.story.open(found, self._seen)
                self._show(self.story)

    def on_foot_line_typed(self, message: FootLine.Typed) -> None:
        """The table follows the filter as it is typed, once for all that was typed meanwhile: a look at many rows
        takes longer than a key."""
        if not self._to_filter:
            self._to_filter = True
            self.call_later(self._filter_rows)

    def on_foot_line_done(self) -> None:
        """Back to the table, the filter stays."""
        self._end_typing()

    def on_foot_line_dropped(self) -> None:
        """Back to the table, without a filter."""
        self._end_typing()
        self._unfilter()

    def _end_typing(self) -> None:
        self.screen.set_focus(self.table)
        self.foot.can_focus = False

    def _unfilter(self) -> None:
        self.foot.text = ""
        self._filter_rows()

    def _filter_rows(self) -> None:
        self._to_filter = False
        self.table.view.filter(self.foot.text)
        self._look_at_table()

    def _forget_note(self) -> None:
        self._note = ""
        self._look_at_foot()


def _copied(table: SessionTable | MessageTable, opened: Key | None, now: float) -> str:
    """The row under the cursor, or the one that is opened, as text."""
    if isinstance(table, SessionTable):
        session = table.view.get(opened) if opened is not None else table.cursor
        return as_text(table.view.columns, session, now) if session is not None else ""
    message = table.view.get(opened) if opened is not None else table.cursor
    return as_text(table.view.columns, message, now) if message is not None else ""
