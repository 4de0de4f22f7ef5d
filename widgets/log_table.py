"""The log: the newest lines at the bottom, followed until the cursor is moved.

Lines that scroll are all painted again for each that comes, and cannot be read meanwhile. Here a page is filled like a
sheet of paper, each line staying where it is; a full page is turned, with its last lines kept at the top."""

from typing import ClassVar, Literal

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.message import Message as Posted
from textual.strip import Strip

from smtpwatch.state.lines import Line
from smtpwatch.state.sessions import Sessions
from widgets import ink
from widgets.cells import width
from widgets.log_columns import WIDE
from widgets.log_lines import message_of_line, session_of_line
from widgets.log_row import row
from widgets.log_view import LogView
from widgets.rows import Key
from widgets.table import Table
from widgets.table_layout import Placed, layout

KEPT = 4  # one in so many of a page's lines is kept when it is turned
STANDS = 2  # looks that a page stands for at least: half the octets, and time to read a line, while lines pour in

JumpKind = Literal["session", "message"]


class LogTable(Table[Line]):
    """Lines of `view`. Enter opens one; `o` goes to what it is of, a session if there is one, else a message."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "jump", "to its session or message"),
        Binding("m", "jump('message')", "to its message"),
        Binding("end", "end", "follow the newest line"),
        Binding("s", "sort", show=False),  # a log has one order
        Binding("S", "reverse", show=False),
    ]

    class Jump(Posted):
        """A session's transcript or a message's story is to be shown. `key` is the session's or the message's own."""

        def __init__(self, kind: JumpKind, key: Key) -> None:
            super().__init__()
            self.kind = kind
            self.key = key

    def __init__(self, view: LogView, sessions: Sessions, id: str) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(view, id=id)
        self.log_view = view
        self.follows = True
        """The newest line is kept in sight, and no row has the cursor."""
        self._sessions = sessions
        self._page = 0
        """The number of the line at the top."""
        self._seen = 0
        """The number after the last line in sight."""
        self._stood = STANDS
        self._turns = 0

    @property
    def below(self) -> int:
        """Lines that are below those in sight."""
        return max(0, len(self.view) - self._top - self._height)

    def action_move(self, rows: int) -> None:
        """Move the cursor; from the last line on, follow."""
        if rows > 0 and self._row >= len(self.view) - 1:
            self.action_end()
        else:
            super().action_move(rows)

    def action_home(self) -> None:
        """To the oldest line."""
        self._pick(0)

    def action_end(self) -> None:
        """Follow the newest line."""
        self.follows, self._key = True, None
        self._show_latest()
        self._draw()

    @property
    def following(self) -> bool:
        """Whether the newest line is kept in sight."""
        return self.follows

    def action_follow(self) -> None:
        """Follow the newest line, or hold on to it."""
        if self.follows:
            self._pick(self._row)
        else:
            self.action_end()

    def action_sort(self) -> None:
        """A log has one order."""

    def action_reverse(self) -> None:
        """A log has one order."""

    def _sort_at(self, x: int) -> None:
        """A log has one order."""

    def action_jump(self, kind: JumpKind | None = None) -> None:
        """Go to what the line is of; a line of which that is not known is opened, and says so."""
        line = self.cursor
        if line is None:
            return
        found = jump(line, self._sessions, kind)
        if found is not None:
            self.post_message(found)
        else:
            self.action_open()

    def on_resize(self) -> None:
        """A new size is a new page."""
        if self.follows:
            self.view.settle(self._now)
            self._show_latest()
        super().on_resize()

    def _pick(self, row_: int) -> None:
        self.follows = False
        super()._pick(row_)
        self._note_page()

    def _follow(self) -> None:
        """Where the page begins now."""
        view, height = self.log_view, self._height
        last = len(view)
        self._stood += 1
        self._top = min(view.place(self._page), max(0, last - 1))
        if view.turns != self._turns:  # other rows: as many of them as there is room for
            self._turns = view.turns
            self._top = max(0, last - height) if self.follows else min(self._top, max(0, last - height))
        if not self.follows:
            self._stay()
        elif last - self._top > height and self._stood >= STANDS:
            self._top = max(view.place(self._seen) - height // KEPT, last - height)
            self._stood = 0
        if self.follows:
            self._row = max(0, last - 1)
        self._note_page()

    def _stay(self) -> None:
        """The cursor keeps its line, and the line its place on the screen; one that is gone leaves it to the next."""
        self._row = self.log_view.place(int(self._key[1])) if self._key is not None else self._row
        self._row = max(0, min(self._row, len(self.view) - 1))
        if not self._top <= self._row < self._top + self._height:
            self._top = max(0, min(self._row, len(self.view) - self._height))

    def _show_latest(self) -> None:
        """A page that ends with the newest line."""
        last = len(self.view)
        self._top, self._row = max(0, last - self._height), max(0, last - 1)
        self._stood = STANDS
        self._note_page()

    def _note_page(self) -> None:
        """Remember it by numbers: rows move up as the oldest lines go."""
        sight = self.view.window(self._top, self._top + self._height)
        if sight:
            self._page, self._seen = sight[0].number, sight[-1].number + 1

    def _layout(self) -> tuple[Placed[Line], ...]:
        cells, columns = self.size.width, self.view.columns
        return layout(cells, columns if cells >= WIDE else columns[:-1], self.columns_shown)

    def _row_line(self, row_: Line, placed: tuple[Placed[Line], ...], cursor: bool) -> Strip:
        return row(row_, placed, self._now, cursor and not self.follows)

    def paint(self, strips: list[Strip]) -> None:
        """Show `strips`, the first of them with what there is to say of the page."""
        super().paint([self._titles(strips[0]), *strips[1:]] if strips else strips)

    def _titles(self, titles: Strip) -> Strip:
        """The line of titles; at its right, how many lines wait below, or were left out."""
        left_out = self._sessions.logs.lines.left_out
        note = f"+{self.below:,} below, End follows" if not self.follows else ""
        if not note and left_out:
            note = f"{left_out:,} lines without facts left out"
        if not note or width(note) + 2 > self.size.width:
            return titles
        room = self.size.width - width(note) - 2
        return Strip([*titles.crop(0, room).adjust_cell_length(room), Segment(f"  {note}", ink.STRONG)]).simplify()


def jump(line: Line, sessions: Sessions, kind: JumpKind | None) -> LogTable.Jump | None:
    """The way to the session that a line is of, else to its message, or to what `kind` says; None where that is not
    known, or not held any longer."""
    if kind != "message":
        session = session_of_line(line, sessions)
        if session is not None:
            return LogTable.Jump("session", session.key)
    if kind != "session":
        message = message_of_line(line, sessions)
        if message is not None:
            return LogTable.Jump("message", message.key)
    return None
