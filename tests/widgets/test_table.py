"""A table's column cursor, terms, columns to choose and following, on an app of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.pilot import Pilot

from smtpwatch import events as ev
from smtpwatch.state.picture import Picture
from tests.screens import scenes
from widgets import ink
from widgets.session_table import SessionTable
from widgets.session_view import SessionView
from widgets.table import Table
from widgets.table_layout import layout

FITTING = ["", "age", "client", "port", "dir", "state", "HELO", "ok/no", "TLS", "reply"]


class Sole(App[None]):
    """Nothing but the table."""

    CSS = "Table { height: 1fr; }"

    def __init__(self, picture: Picture) -> None:
        super().__init__()
        self.picture = picture
        self.table = SessionTable(SessionView(picture.sessions), id="sessions")
        self.narrowed: list[str] = []

    def compose(self) -> ComposeResult:
        yield self.table

    def on_mount(self) -> None:
        self.table.focus()

    def on_table_narrowed(self, message: Table.Narrowed) -> None:
        assert message.pane is self.table
        self.narrowed.append(message.text)


class Shown:
    """The app under test."""

    def __init__(self, app: Sole, pilot: Pilot[None]) -> None:
        self.app, self.table, self.pilot = app, app.table, pilot

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    @property
    def titles(self) -> list[str]:
        return [each.column.title for each in self.table._layout()]

    @property
    def numbers(self) -> list[int]:
        return [session.id for session in self.table.view.window(0, 99)]

    def reversed_(self, line: int) -> str:
        return "".join(each.text for each in self.table.render_line(line) if each.style == ink.CURSOR)


@asynccontextmanager
async def shown(events: list[ev.Event] | None = None) -> AsyncIterator[Shown]:
    picture = Picture()
    picture.apply(scenes.busy_evening() if events is None else events)
    app = Sole(picture)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        app.table.look(scenes.NOW)
        yield Shown(app, pilot)


async def test_left_and_right_pick_a_column_in_sight() -> None:
    async with shown() as screen:
        assert screen.titles == FITTING and screen.table.column is None
        seen: list[str | None] = []
        for _ in range(len(FITTING) + 2):
            await screen.press("right")
            seen.append(screen.table.column)
        assert seen == [*FITTING, None, ""]
        await screen.press("left")
        assert screen.table.column is None
        await screen.press("left")
        assert screen.table.column == "reply"


async def test_the_column_is_shown_on_its_title_and_out_of_the_row() -> None:
    async with shown() as screen:
        await screen.press("right", "right", "right", "down")
        assert screen.reversed_(0).strip() == "client"
        row = screen.table.render_line(2)
        assert [each.text.strip() for each in row if each.style == ink.STRONG] == ["2001:db…def0:25"]
        assert row.cell_length == 80 and screen.reversed_(1) == ""
        await screen.press("left", "left", "left")
        assert screen.reversed_(0) == "" and screen.reversed_(2) == row.text


async def test_only_what_changed_is_painted(monkeypatch: pytest.MonkeyPatch) -> None:
    async with shown() as screen:
        await screen.press("right", "right")
        painted: list[Region] = []
        monkeypatch.setattr(screen.table, "refresh", lambda *regions, **_: painted.extend(regions))
        await screen.press("right")
        placed = {each.column.title: each for each in layout(80, screen.table.view.columns)}
        end = placed["client"].start + placed["client"].cells
        assert {region.y for region in painted} == {0, 1} and {region.right for region in painted} == {end}


@pytest.mark.parametrize(
    ("columns", "rows", "term"),
    [
        (1, 4, "mark:x"), (2, 0, "age:>=61"), (3, 0, "src:198.51.100.23"), (3, 5, "dst:198.51.100.25"),
        (4, 0, "port:587"),
        (5, 0, "dir:submission"), (6, 0, "state:EHLO"), (7, 4, "helo:ylmf-pc"), (8, 4, "refused:>=12"),
        (9, 5, "tls:1.3"),
        (10, 0, 'reply:"535 5.7.8 Error: authentication failed"'), (7, 5, 'helo:""'), (9, 0, "tls:offered"),
    ],
)  # fmt: skip
async def test_a_cell_becomes_a_term(columns: int, rows: int, term: str) -> None:
    async with shown() as screen:
        await screen.press(*["right"] * columns, *["down"] * rows, "=", "!")
        assert screen.app.narrowed == [term, f"!{term}"]


async def test_without_a_column_or_a_row_there_is_no_term() -> None:
    async with shown() as screen:
        await screen.press("=", "!", "c")
        assert screen.app.narrowed == [] and screen.titles == FITTING
    async with shown([]) as screen:
        await screen.press("right", "right", "=", "!", "f", "s")
        assert screen.app.narrowed == []


async def test_s_sorts_by_the_column_that_is_picked() -> None:
    async with shown() as screen:
        before = screen.numbers
        await screen.press("right", "right", "right", "s")
        assert screen.table.view.sorted_by == 2 and "client▲" in screen.table.lines[0]
        await screen.press("S")
        assert "client▼" in screen.table.lines[0]
        await screen.press("s")
        assert screen.table.view.sorted_by is None and screen.numbers == before
        await screen.press("left", "left", "left", "s")
        assert screen.table.view.sorted_by == 0


async def test_columns_are_hidden_and_brought_back() -> None:
    async with shown() as screen:
        await screen.press("right", "right", "right", "c")
        assert "client" not in screen.titles and screen.table.column == "port"
        assert screen.table.columns_shown is not None and "client" not in screen.table.columns_shown
        await screen.press("c")
        assert screen.titles[:3] == ["", "age", "dir"] and screen.table.column == "dir"
        await screen.press("C")
        assert screen.titles == FITTING and screen.table.columns_shown is None
        for _ in range(20):
            await screen.press("c")
        assert len(screen.titles) == 2 and screen.titles[0] == "" != screen.titles[1]


async def test_chosen_columns_are_laid_out_alone() -> None:
    async with shown() as screen:
        screen.table.columns_shown = ("client", "reply", "no such column")
        screen.table.look(scenes.NOW)
        assert screen.titles == ["client", "reply"]
        screen.table.columns_shown = ("nothing of it",)
        assert screen.titles == FITTING


async def test_follow_the_newest_or_stay() -> None:
    async with shown() as screen:
        newest = scenes.Dialogue(50, "192.0.2.77", scenes.NOW).greeting().events
        await screen.press("down", "f")
        assert screen.table.following and not screen.table.picked and screen.numbers[0] == 3
        screen.app.picture.apply(newest)
        screen.table.look(scenes.NOW)
        assert screen.numbers[0] == 50 and screen.table.cursor is not None and screen.table.cursor.id == 50
        await screen.press("f")
        assert screen.table.picked and not screen.table.following
        screen.app.picture.apply(scenes.Dialogue(51, "192.0.2.78", scenes.NOW).greeting().events)
        screen.table.look(scenes.NOW)
        assert screen.numbers[:2] == [51, 50] and screen.table.cursor.id == 50
