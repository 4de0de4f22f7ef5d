"""The screen: composes the panes, and binds keys to actions."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, ClassVar

from textual.app import ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.filter import LineFilter, NoColor
from textual.screen import Screen

from smtpwatch.config import Config
from smtpwatch.events import Event
from smtpwatch.firewall.acting import Acting
from smtpwatch.firewall.blocking import Blocking
from smtpwatch.folding import Folding
from smtpwatch.lookup import NO_LOOKUPS, Lookups
from smtpwatch.query import with_term
from smtpwatch.state.party import Dimension
from smtpwatch.state.picture import Picture
from smtpwatch.triage.alert import Severity
from smtpwatch.triage.alerts import News
from smtpwatch.triage.hook import Hook
from smtpwatch.triage.triage import Triage
from widgets.alert_acts import AlertAct, act
from widgets.alert_line import AlertLine
from widgets.alert_story import AlertStory
from widgets.block_app import BlockApp
from widgets.block_table import BlockTable
from widgets.board import Board
from widgets.detail import Detail
from widgets.foot_line import FootLine
from widgets.key_lines import key_name, keys_of
from widgets.led import Led
from widgets.log_table import LogTable
from widgets.notices import notice
from widgets.palette import PALETTES, Palette
from widgets.pane import Pane
from widgets.rows import Key
from widgets.source_table import SourceTable
from widgets.status_bar import Clock, StatusLine, Trouble
from widgets.table import Table
from widgets.table_layout import as_text

BLOCK_KEYS = (("b", "block"), ("B", "network"), ("u", "undo"))
MORE_KEYS = (("?", "help"), ("e", "explain"), ("y", "copy"), ("q", "quit"))
OPENED_KEYS = (("Esc", "back"), ("PgUp PgDn", "scroll"), ("1-9", "panes"), *MORE_KEYS)
HOOK = 1.0  # seconds between looks at the admin's commands
HELP_KEYS = (("Esc", "back"), ("q", "quit"))


class SmtpWatch(BlockApp):
    """Events come from `take` (the oldest batch that waits, empty if none), after `wake` told that there are some.

    `clock` gives epoch seconds; `host` is the name shown; `lookups` tell more of addresses; `blocking` is who blocks
    sources, None where nothing can be blocked; `hook` runs the admin's command for alerts."""

    CSS_PATH = "app.tcss"
    TITLE = "smtpwatch"
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "filter the rows"),
        Binding("escape,backspace", "step_back", "back, unfilter, unfreeze"),
        Binding("space", "freeze", "freeze the view, or thaw"),
        Binding("tab", "other", "to the pane's other part", priority=True),
        Binding("z", "maximise", "the table alone, or not"),
        Binding("y", "copy", "copy the row"),
        Binding("1", "pane('home')", "home"),
        Binding("2", "pane('sources')", "sources"),
        Binding("3", "pane('sessions')", "sessions"),
        Binding("4", "pane('messages')", "messages"),
        Binding("5", "pane('deliveries')", "deliveries"),
        Binding("6", "pane('tls')", "TLS"),
        Binding("7", "pane('alerts')", "alerts"),
        Binding("8", "pane('blocks')", "blocks"),
        Binding("9", "pane('log')", "log"),
        Binding("e", "explain", "what stands behind it"),
        Binding("plus", "zoom(-1)", "a graph's shorter time"),
        Binding("minus", "zoom(1)", "a graph's longer time"),
        Binding("question_mark", "help", "this help"),
        Binding("ctrl+p", "command_palette", "all of this by name"),
        Binding("q", "quit", "quit"),
    ]

    def __init__(
        self,
        config: Config,
        host: str,
        take: Callable[[], Sequence[Event]],
        clock: Callable[[], float],
        lookups: Lookups = NO_LOOKUPS,
        blocking: Blocking | None = None,
        hook: Hook | None = None,
    ) -> None:
        super().__init__()
        self.animation_level = "none"
        self._set_colours(config.theme)
        self.picture = Picture(lookups.place)
        self._lookups = lookups
        acting = None if blocking is None else Acting(blocking, self.picture, lambda: self._now, lookups)
        if acting is not None:
            self.can_block(acting)
        self.triage = Triage(self.picture, config)
        self.board = Board(self.picture, lookups, self.triage, config.pane, acting)
        self.folding = Folding(self.triage, take)
        self._config = config
        self._hook = hook
        self._host = host
        self._clock = clock
        self._now = 0.0
        self._seen = 0.0
        """The time that the panes show: `_now`, but for a frozen view."""
        self._frozen_at: int | None = None
        self._to_filter = False
        self._note = ""

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's filters, and that of the theme."""
        return [*super().get_line_filters(), self._colours]

    def _set_colours(self, theme: str) -> None:
        """Those of a theme; none if NO_COLOR says so, whatever the theme."""
        self.theme = "ansi-light" if theme == "light" else "ansi-dark"
        self._colours: LineFilter = NoColor() if theme == "mono" or self.no_color else Palette(theme)

    def compose(self) -> ComposeResult:
        """Status, one of the panes, and the foot."""
        with Horizontal(id="status"):
            yield StatusLine(id="vitals")
            yield Clock(id="clock")
        yield Trouble(id="trouble")
        yield AlertLine(self.triage.alerts, id="alert")
        yield self.board
        if self.blocks is not None:
            yield self.blocks.bar
        yield FootLine(id="foot")

    def on_mount(self) -> None:
        """Start to fold and to tick."""
        self.foot = self.query_one(FootLine)
        self._status = self.query_one(StatusLine)
        self._time = self.query_one(Clock)
        self._trouble = self.query_one(Trouble)
        self._alert = self.query_one(AlertLine)
        self.foot.can_focus = False
        self._show()
        self.run_worker(self.folding.run(), exit_on_error=True)
        if self._lookups.names is not None:
            self.run_worker(self._lookups.names.run(), exit_on_error=True)
        if self.blocks is not None:
            self.run_worker(self.blocks.acting.blocking.run(), exit_on_error=True)
        self.set_interval(self._config.refresh, self.tick)
        if self._hook is not None:
            self.set_interval(HOOK, self._hook.poll)
        self.call_after_refresh(self.tick)

    @property
    def table(self) -> Table[Any]:
        """The table that keys act on, though what was opened from it may hide it."""
        return self.board.table

    @property
    def pane(self) -> Pane:
        """The pane in front, or behind what was opened from it."""
        return self.board.pane

    def on_resize(self) -> None:
        """What was laid out for another size is laid out anew."""
        self.call_after_refresh(self._look)

    def wake(self) -> None:
        """Events wait to be taken. To be called on the app's own loop."""
        self.folding.wake()

    def no_more(self) -> None:
        """All there is has been handed over. On the app's own loop."""
        self.folding.no_more()

    def tick(self) -> None:
        """The UI clock: only here does the screen follow the traffic."""
        self._now = self.picture.now(self._clock())
        if self._frozen_at is None:
            self._seen = self._now
        if self._lookups.places is not None:
            self._lookups.places.refresh(self._now)
        self.triage.tick(self._now)
        self._tell(self.triage.alerts.take_news())
        self._look()

    def _tell(self, news: Sequence[News]) -> None:
        """What has happened to alerts, to whom the screen is not in sight."""
        if self._hook is not None:
            self._hook.take(news)
        worse = any(each.what == "worse" and each.alert.severity is Severity.CRITICAL for each in news)
        if self._config.alerts.bell and (worse or any(each.what == "raised" for each in news)):
            self.bell()

    def _look(self) -> None:
        picture, now = self.picture, self._now
        waiting = None if self._frozen_at is None else picture.events - self._frozen_at
        self._status.look(picture, now, self._host, waiting)
        self._time.look(now)
        if self.blocks is not None:
            self.blocks.look(now, self.pane.id == "blocks" and self.pane.display)
        blocking = "" if self.blocks is None else self.blocks.acting.blocking.problem
        self._trouble.look(
            picture, {"blocking": blocking, "on_alert": "" if self._hook is None else self._hook.problem}
        )
        front = self.board.front
        opened = front.row if isinstance(front, AlertStory) else None
        self._alert.look(self.pane.id != "alerts" or not self.pane.display, opened)
        if self.pane.display:
            self._look_at_pane()
        else:
            self.board.look_at_opened(self._seen)
            self._look_at_foot()

    def _look_at_pane(self) -> None:
        for table in self.pane.tables:
            table.notice = self._notice(table)
        self.pane.look(self._seen)
        if any(table.view.pending for table in self.pane.tables):  # the filter is not through: go on when there is time
            self.call_after_refresh(self._look_at_pane)
        self._look_at_foot()

    def _look_at_foot(self) -> None:
        view = self.table.view
        count = f"{len(view):,}{'+' if view.pending else ''} of {view.total:,}"
        keys: tuple[tuple[str, str], ...] = HELP_KEYS if self.board.help.display else OPENED_KEYS
        if self.blocks is not None and self.blocks.bar.asking:
            keys = ()  # they are above
        elif self.pane.display:
            keys = (*self._block_keys, *self.pane.keys, ("1-9", "panes"), *MORE_KEYS)
            keys = (("Esc", "clear filter"), *keys) if self.foot.text else keys
        elif isinstance(self.board.front, Detail) and not self.board.help.display:
            keys = (*self.board.front.keys, *OPENED_KEYS)
        self.foot.look(keys, count, self._note, view.left_out)

    @property
    def _block_keys(self) -> tuple[tuple[str, str], ...]:
        """Where there is something to block."""
        blockable = self.blocks is not None and "src" in self.table.view.fields
        return BLOCK_KEYS if blockable and not isinstance(self.table, BlockTable) else ()

    def _notice(self, table: Table[Any]) -> str:
        """What an empty table says."""
        if table.view.total:
            return f"No {self.pane.word} passes the filter." if self.foot.text else ""
        ports = "any port" if self._config.any_port else "ports " + " ".join(map(str, self._config.ports))
        return notice(table, self.picture, ports, self._now)

    def _show(self, help_: bool = False) -> None:
        """What the board says is to be in front, or the help."""
        self.board.show(help_)
        self.call_after_refresh(self._look)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that are text where text is typed; and those of what is behind an opened row."""
        if self.asking:
            return False
        if action in ("maximise", "zoom"):
            return self.pane.display
        if action == "pane" and parameters and parameters[0] not in self.board.panes:
            return False
        return action != "other" or self.focused is not self.foot

    def action_pane(self, name: str) -> None:
        """Go to a pane; the filter goes along."""
        self._note = ""
        self.board.go(name)
        self._filter_tables()
        self._show()

    def action_other(self) -> None:
        """The keys go to the next part of the pane."""
        stops = list(self.pane.stops)
        if self.pane.display:
            at = next((at for at, stop in enumerate(stops) if stop.has_focus), 0)
            self.screen.set_focus(stops[(at + 1) % len(stops)])
            self.pane.lay_out()
            self.call_after_refresh(self._look)

    def action_maximise(self) -> None:
        """The table in front takes all the room, or gives it back."""
        self.pane.maximise()
        self.call_after_refresh(self._look)

    def action_zoom(self, steps: int) -> None:
        """The pane's graph shows a longer time, or a shorter one."""
        self.pane.zoom(steps)
        self._look()

    def action_filter(self) -> None:
        """Type a filter."""
        self.board.opened.clear()
        self._show()
        self._note = ""
        self.foot.can_focus = True
        view = self.pane.front.view
        self.foot.offer(view.values, view.fields)
        self.screen.set_focus(self.foot)

    def action_step_back(self) -> None:
        """One step back to the plain table."""
        board = self.board
        if board.help.display:
            self._show()
        elif board.opened:
            board.opened.pop()
            self._show()
        elif self.pane.back():
            self._look()
        elif board.way:
            self.foot.text = board.lead_back()
            self._filter_tables()
            self._show()
        elif self.foot.text:
            self._unfilter()
        elif self._frozen_at is not None:
            self.action_freeze()

    def action_freeze(self) -> None:
        """Stop the view, or let it go on."""
        if self._frozen_at is None:
            self._frozen_at = self.picture.events
            for pane in self.board.panes.values():
                pane.freeze()
        else:
            self._frozen_at = None
            for pane in self.board.panes.values():
                pane.thaw()
        self._look()

    def action_copy(self) -> None:
        """Put the row on the clipboard of the admin's terminal (OSC 52)."""
        table, row = self.table, self._row
        if row is not None:
            self.copy_to_clipboard(as_text(table.view.columns, row, self._seen))
            self.say("copied")

    def say(self, words: str) -> None:
        """A word in the foot, for a moment."""
        self._note = words
        if self.blocks is not None:
            self.blocks.bar.quiet()
        self._look_at_foot()
        self.set_timer(2 * self._config.refresh, self._forget_note)

    def action_explain(self) -> None:
        """What stands behind the row that was picked or opened, what the filter lets through, or all."""
        board, row = self.board, self._row
        if board.explained.display or board.help.display:
            return
        picked = row if row is not None and (board.opened or self.table.picked) else None
        term = "" if picked is None else self.table.selects(picked)
        selection = self.foot.text if not term else with_term(self.foot.text, term)
        board.explain(selection, self._seen)
        self._show()

    def action_help(self) -> None:
        """Show all keys, or go back."""
        if self.board.help.display:
            self.action_step_back()
            return
        front = self.board.front
        self.board.help.tell(((front.called, keys_of(type(front))), ("Everywhere", keys_of(type(self)))))
        self._show(help_=True)

    def action_theme(self, theme: str) -> None:
        """Other colours, until the end."""
        self._set_colours(theme)
        self.refresh(layout=True)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every key's action by name, and the themes."""
        for theme in (*PALETTES, "mono"):
            yield SystemCommand(f"Theme: {theme}", "other colours, until the end", partial(self.action_theme, theme))
        for owner in (self, self.board.front):
            for binding in keys_of(type(owner)):
                if binding.action != "command_palette":
                    act = partial(self.run_action, binding.action, owner)
                    name = binding.description
                    yield SystemCommand(name[:1].upper() + name[1:], f"key {key_name(binding.key)}", act)

    def on_alert_act(self, message: AlertAct) -> None:
        """A key is to do something to an alert, or leads from it."""
        came = act(self.triage.alerts, self.picture.sessions, message, self._now)
        if not isinstance(came, str):
            self.post_message(came)
            return
        self.board.acted(message.number)
        self.say(came)
        self._look()

    def on_table_opened(self, message: Table.Opened) -> None:
        """Show that row in full."""
        self.open(message.pane, message.key)

    def open(self, table: Table[Any], key: Key) -> None:
        """Show a row in full, if it is still held."""
        if self.board.open(table, key, self._seen):
            self._show()

    def on_led(self, message: Led) -> None:
        """Go to another pane, with one term more in the filter; Esc leads back."""
        self.board.lead(message.pane, self.foot.text)
        self.foot.text = with_term("" if message.alone else self.foot.text, message.term)
        table = self.table
        if isinstance(table, SourceTable) and table.view.dimension is not Dimension.ADDRESS:
            table.group_by(Dimension.ADDRESS)  # of groups, the term would leave none out
        self._note = ""
        self._filter_tables()
        self._show()

    def on_log_table_jump(self, message: LogTable.Jump) -> None:
        """Show what a line is of."""
        pane = self.board.panes["sessions" if message.kind == "session" else "messages"]
        self.open(pane.table, message.key)

    def on_table_narrowed(self, message: Table.Narrowed) -> None:
        """The filter gets one term more."""
        self.foot.text = with_term(self.foot.text, message.text)
        self._filter_rows()

    def on_source_table_members(self, message: SourceTable.Members) -> None:
        """Show the sources that are in a group."""
        self.foot.text = message.text
        self._filter_rows()

    def on_foot_line_typed(self, message: FootLine.Typed) -> None:
        """The table follows the filter as it is typed, once for all that was typed meanwhile: a look at many rows
        takes longer than a key."""
        if not self._to_filter:
            self._to_filter = True
            self.after_keys(self._filter_rows)

    def on_foot_line_done(self) -> None:
        """Back to the table, the filter stays."""
        self._end_typing()

    def on_foot_line_dropped(self) -> None:
        """Back to the table, without a filter."""
        self._end_typing()
        self._unfilter()

    def _end_typing(self) -> None:
        self.screen.set_focus(self.pane.front)
        self.foot.can_focus = False
        self._filter_rows()

    def _unfilter(self) -> None:
        self.foot.text = ""
        self._filter_rows()

    def _filter_rows(self) -> None:
        self._to_filter = False
        self._filter_tables()
        self._look_at_pane()

    def _filter_tables(self) -> None:
        for table in self.pane.tables:
            table.view.filter(self.foot.text, self.foot.cursor)

    def _forget_note(self) -> None:
        self._note = ""
        self._look_at_foot()
