"""The live session table: draws the rows in view, keeps the cursor on its session."""

from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from smtpwatch.state.sessions import Session
from widgets.cells import wrap
from widgets.columns import COLUMNS, layout
from widgets.line_pane import LinePane
from widgets.session_row import header, row
from widgets.session_view import Key, SessionView

HEADER = 1  # lines
WHEEL = 3  # rows that one notch of the mouse wheel moves


class SessionTable(LinePane, can_focus=True):
    """Rows of `view`. Until a row is picked the top stays in sight; a picked row keeps its line as it moves."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "open the transcript"),
        Binding("s", "sort", "sort by the next column"),
        Binding("S", "reverse", "reverse the order"),
        Binding("up,k", "move(-1)", "up a row"),
        Binding("down,j", "move(1)", "down a row"),
        Binding("pageup", "page(-1)", "up a page"),
        Binding("pagedown", "page(1)", "down a page"),
        Binding("home", "home", "to the top, stay there"),
        Binding("end", "end", "to the last row"),
    ]

    class Opened(Message):
        """A session is to be shown in full."""

        def __init__(self, key: Key) -> None:
            super().__init__()
            self.key = key

    def __init__(self, view: SessionView, id: str) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(id=id)
        self.view = view
        self.notice = ""
        """What the table says when it has no row."""
        self._now = 0.0
        self._top = 0
        self._row = 0
        self._key: Key | None = None

    @property
    def cursor(self) -> Session | None:
        """The session under the cursor, None if the table is empty."""
        return next(iter(self.view.window(self._row, self._row + 1)), None)

    def look(self, now: float) -> None:
        """Show what is true at `now`."""
        self._now = now
        self.view.settle(now)
        self._follow()
        self._draw()

    def freeze(self) -> None:
        """Stand still (SessionView.freeze)."""
        above = self.view.freeze(self._row)
        self._top, self._row = max(0, self._top - above), self._row - above
        self.look(self._now)

    def on_resize(self) -> None:
        """A new size is a new layout."""
        self.look(self._now)

    def action_move(self, rows: int) -> None:
        """Move the cursor."""
        self._pick(self._row + rows)

    def action_page(self, pages: int) -> None:
        """Move the cursor by what is in sight, less one row to hold on to."""
        self._pick(self._row + pages * max(1, self._height - 1))

    def action_home(self) -> None:
        """To the first row, and let go of the session there."""
        self._row = self._top = 0
        self._key = None
        self._draw()

    def action_end(self) -> None:
        """To the last row."""
        self._pick(len(self.view) - 1)

    def action_open(self) -> None:
        """Ask for the transcript of the session under the cursor."""
        session = self.cursor
        if session is not None:
            self.post_message(self.Opened(session.key))

    def action_sort(self) -> None:
        """Sort by the next column in sight, and at the end of them by none."""
        places = [COLUMNS.index(placed.column) for placed in layout(self.size.width)]
        current = self.view.sorted_by
        self._sort(next((place for place in places if current is None or place > current), None))

    def action_reverse(self) -> None:
        """Turn the order round."""
        self.view.reverse = not self.view.reverse
        self.look(self._now)

    def on_mouse_scroll_down(self) -> None:
        """Wheel."""
        self.action_move(WHEEL)

    def on_mouse_scroll_up(self) -> None:
        """Wheel."""
        self.action_move(-WHEEL)

    def on_click(self, event: events.Click) -> None:
        """A row: pick it, twice to open it. A title: sort by it, again to reverse."""
        if event.y < HEADER:
            self._sort_at(event.x)
        elif self._top + event.y - HEADER < len(self.view):
            self._pick(self._top + event.y - HEADER)
            if event.chain > 1:
                self.action_open()

    @property
    def _height(self) -> int:
        return max(0, self.size.height - HEADER)

    def _sort_at(self, x: int) -> None:
        placed = next((each for each in layout(self.size.width) if x <= each.start + each.cells), None)
        if placed is None:
            return
        place = COLUMNS.index(placed.column)
        if place == self.view.sorted_by:
            self.action_reverse()
        else:
            self._sort(place)

    def _sort(self, place: int | None) -> None:
        self.view.sorted_by = place
        self.view.reverse = False
        self.look(self._now)

    def _pick(self, row_: int) -> None:
        """Put the cursor on a row, as near as there is one, and hold on to its session."""
        self._row = max(0, min(row_, len(self.view) - 1))
        session = self.cursor
        self._key = session.key if session is not None else None
        self._top = min(self._row, max(self._top, self._row - self._height + 1))
        self._draw()

    def _follow(self) -> None:
        """Find the cursor's session where it is now, on the same line of the screen if that can be."""
        last = max(0, len(self.view) - 1)
        if self._key is None:
            self._row = min(self._row, last)
        else:
            row_ = self.view.row_of(self._key, self._row)
            line = self._row - self._top
            if row_ is None:  # it is gone: rest on what has taken its place
                self._row, self._key = min(self._row, last), None
            else:
                self._row = row_
                self._top = row_ - line
        self._top = max(0, min(self._top, self._row, len(self.view) - self._height))
        if self._row >= self._top + self._height:
            self._top = max(0, self._row - self._height + 1)

    def _draw(self) -> None:
        placed = layout(self.size.width)
        rows = self.view.window(self._top, self._top + self._height)
        strips = [header(placed, self.view.sorted_by, self.view.descending)]
        strips += [row(session, placed, self._now, self._top + at == self._row) for at, session in enumerate(rows)]
        if not rows:
            strips += [Strip([Segment(line)]) for line in ["", *wrap(self.notice, self.size.width)]]
        self.paint(strips)
