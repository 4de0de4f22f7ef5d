"""A table: draws the rows in view, keeps the cursor on its row."""

import time
from typing import ClassVar, Generic, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from smtpwatch.firewall.target import Target
from smtpwatch.query import written
from widgets import ink
from widgets.cells import wrap
from widgets.line_pane import LinePane
from widgets.row_line import header
from widgets.rows import Key, Rows
from widgets.table_layout import Column, Placed, layout

T = TypeVar("T")

HEADER = 1  # lines
WHEEL = 3  # rows that one notch of the mouse wheel moves


class Table(LinePane, Generic[T], can_focus=True):
    """Rows of `view`. Until a row is picked the top stays in sight; a picked row keeps its line as it moves.

    A column is picked with left and right: its title is reversed, and its cell stands out of the row that is picked."""

    called = "This table"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "open the row"),
        Binding("s", "sort", "sort by the next column"),
        Binding("S", "reverse", "reverse the order"),
        Binding("left", "column(-1)", "pick the column before"),
        Binding("right", "column(1)", "pick the next column"),
        Binding("=", "narrow('')", "only what has this cell"),
        Binding("!", "narrow('!')", "all but what has this cell"),
        Binding("c", "hide_column", "hide the column"),
        Binding("C", "show_columns", "show all columns"),
        Binding("f", "follow", "follow the newest, or stay"),
        Binding("up,k", "move(-1)", "up a row"),
        Binding("down,j", "move(1)", "down a row"),
        Binding("pageup", "page(-1)", "up a page"),
        Binding("pagedown", "page(1)", "down a page"),
        Binding("home", "home", "to the top, stay there"),
        Binding("end", "end", "to the last row"),
    ]

    class Opened(Message):
        """A row is to be shown in full."""

        def __init__(self, pane: "Table[T]", key: Key) -> None:
            super().__init__()
            self.pane = pane
            self.key = key

    class Narrowed(Message):
        """The filter is to get one term more: `text`, in `pane`."""

        def __init__(self, pane: "Table[T]", text: str) -> None:
            super().__init__()
            self.pane = pane
            self.text = text

    def __init__(self, view: Rows[T], id: str) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(id=id)
        self.view = view
        self.notice = ""
        """What the table says when it has no row."""
        self.columns_shown: tuple[str, ...] | None = None
        """Titles of the columns that may be shown, in the table's own order; None: of all. Those that fit are."""
        self.active = True
        """It is the one of its pane that the keys go to: only there is a cursor."""
        self._column: Column[T] | None = None
        self._now = 0.0
        self._top = 0
        self._row = 0
        self._key: Key | None = None
        self._under: Key | None = None
        self.changed = 0.0
        """When another row came under the cursor, by time.monotonic."""

    @property
    def cursor(self) -> T | None:
        """The row under the cursor, None if the table is empty."""
        return self.view.at(self._row)

    def target(self, row: T) -> Target:
        """What is blocked when the row is: the addresses that it says it is from."""
        read = self.view.fields.get("src")
        said = read(row) if read is not None else None
        told = [said] if isinstance(said, str) else said if isinstance(said, list) else []
        sources = tuple(dict.fromkeys(str(each) for each in told if each))
        return Target(sources, refusal="" if sources else "this row has no source that could be blocked")

    def selects(self, row: T) -> str:
        """A term that selects the sessions that the row stands for, "" if none does."""
        sources = self.target(row).sources
        return written("src", sources[0]) if len(sources) == 1 else ""

    @property
    def column(self) -> str | None:
        """The title of the column that is picked, None if there is none."""
        placed = self._picked_column(self._layout())
        return None if placed is None else placed.column.title

    @property
    def picked(self) -> bool:
        """Whether a row was picked, and is held on to."""
        return self._key is not None

    @property
    def following(self) -> bool:
        """Whether no row is held on to: the top stays in sight."""
        return self._key is None and self._top == 0 and self._row == 0

    def activate(self, active: bool) -> None:
        """The keys of its pane go to it, or do so no longer."""
        if active is not self.active:
            self.active = active
            self._draw()

    def look(self, now: float) -> None:
        """Show what is true at `now`."""
        self._now = now
        self.view.settle(now)
        self._follow()
        self._draw()

    def freeze(self) -> None:
        """Stand still (Rows.freeze), from the next look on."""
        above = self.view.freeze(self._row)
        self._top, self._row = max(0, self._top - above), self._row - above

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
        """To the first row, and let go of the row there."""
        self._row = self._top = 0
        self._key = None
        self._draw()

    def action_end(self) -> None:
        """To the last row."""
        self._pick(len(self.view) - 1)

    def action_open(self) -> None:
        """Ask for all there is of the row under the cursor."""
        under = self.cursor
        if under is not None:
            self.post_message(self.Opened(self, self.view.key(under)))

    def action_sort(self) -> None:
        """Sort by the column that is picked, and again by none; without one by the next in sight, after the last by
        none."""
        placed = self._layout()
        current = self.view.sorted_by
        under = self._picked_column(placed)
        if under is not None:
            place = self.view.columns.index(under.column)
            self._sort(None if place == current else place)
            return
        places = [self.view.columns.index(each.column) for each in placed]
        self._sort(next((place for place in places if current is None or place > current), None))

    def action_reverse(self) -> None:
        """Turn the order round."""
        self.view.reverse = not self.view.reverse
        self.look(self._now)

    def action_column(self, columns: int) -> None:
        """Pick a column in sight; beyond the first and the last there is none."""
        placed = self._layout()
        under = self._picked_column(placed)
        at = placed.index(under) + columns if under is not None else 0 if columns > 0 else len(placed) - 1
        self._column = placed[at].column if 0 <= at < len(placed) else None
        self._draw()

    def action_narrow(self, sign: str) -> None:
        """Ask for the cell under the cursor to become a term of the filter: with `!`, one that leaves it out."""
        under, row_ = self._picked_column(self._layout()), self.cursor
        written = self.view.term(under.column, row_) if under is not None and row_ is not None else ""
        if written:
            self.post_message(self.Narrowed(self, sign + written))

    def action_hide_column(self) -> None:
        """Hide the column that is picked; one with a title is always left."""
        placed = self._layout()
        under = self._picked_column(placed)
        hidden = under.column.title if under is not None else None
        if under is None or not any(each.column.title not in ("", hidden) for each in placed):
            return
        titles = self.columns_shown or tuple(column.title for column in self.view.columns)
        self.columns_shown = tuple(title for title in titles if title != hidden)
        at = placed.index(under)
        self._column = placed[at + 1 if at + 1 < len(placed) else at - 1].column
        self._draw()

    def action_show_columns(self) -> None:
        """All columns again, as far as they fit."""
        self.columns_shown = None
        self._draw()

    def action_follow(self) -> None:
        """Keep the newest rows in sight, or hold on to the row under the cursor."""
        if self.following and self.view.sorted_by is None and self.view.reverse is not self.view.newest_on_top:
            self._pick(self._row)
            return
        self.view.sorted_by, self.view.reverse = None, not self.view.newest_on_top
        self._row = self._top = 0
        self._key = None
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
        placed = next((each for each in self._layout() if x <= each.start + each.cells), None)
        if placed is None:
            return
        place = self.view.columns.index(placed.column)
        if place == self.view.sorted_by:
            self.action_reverse()
        else:
            self._sort(place)

    def _sort(self, place: int | None) -> None:
        self.view.sorted_by = place
        self.view.reverse = False
        self.look(self._now)

    def _pick(self, row_: int) -> None:
        """Put the cursor on a row, as near as there is one, and hold on to what is there."""
        self._row = max(0, min(row_, len(self.view) - 1))
        under = self.cursor
        self._key = self.view.key(under) if under is not None else None
        self._top = min(self._row, max(self._top, self._row - self._height + 1))
        self._draw()

    def _follow(self) -> None:
        """Find the cursor's row where it is now, on the same line of the screen if that can be."""
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

    def _layout(self) -> tuple[Placed[T], ...]:
        return layout(self.size.width, self.view.columns, self.columns_shown)

    def _picked_column(self, placed: tuple[Placed[T], ...]) -> Placed[T] | None:
        return next((each for each in placed if each.column is self._column), None)

    def _row_line(self, row_: T, placed: tuple[Placed[T], ...], cursor: bool) -> Strip:
        """One row as a line."""
        raise NotImplementedError

    def _draw(self) -> None:
        if not self.size.width:  # never shown yet
            return
        placed = self._layout()
        rows = self.view.window(self._top, self._top + self._height)
        at = self._row - self._top
        under_cursor = self.view.key(rows[at]) if 0 <= at < len(rows) else None
        if under_cursor != self._under:
            self._under, self.changed = under_cursor, time.monotonic()
        sorted_by = None if self.view.sorted_by is None else self.view.columns[self.view.sorted_by]
        strips = [header(placed, sorted_by, self.view.descending)]
        strips += [
            self._row_line(each, placed, self.active and self._top + at == self._row) for at, each in enumerate(rows)
        ]
        under = self._picked_column(placed)
        if under is not None and self.active:
            strips[0] = _styled(strips[0], under, ink.CURSOR)
            at = self._row - self._top + HEADER
            if HEADER <= at < len(strips):
                strips[at] = _styled(strips[at], under, ink.STRONG)
        if not rows:
            strips += [Strip([Segment(line)]) for line in ["", *wrap(self.notice, self.size.width)]]
        self.paint(strips)


def _styled(strip: Strip, placed: Placed[T], style: Style) -> Strip:
    """`strip` with that cell in `style`."""
    stop = placed.start + placed.cells
    before, cell, after = strip.divide([placed.start, stop, max(stop, strip.cell_length)])
    return Strip([*before, Segment(cell.text, style), *after]).simplify()
