"""The foot line, typed into, on an app of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from rich.style import Style
from textual.app import App, ComposeResult
from textual.events import Paste
from textual.pilot import Pilot
from textual.widget import Widget

from smtpwatch.clean import clean
from widgets import ink
from widgets.cells import width
from widgets.foot_line import CROSS, WRONG, FootLine
from widgets.typed_line import HISTORY, LONGEST, TypedLine

SEEN = {"account": ["bob", "alice", "bo b"]}


class Other(Widget, can_focus=True):
    """Where the focus goes."""


class Foot(App[None]):
    """A foot line whose filter is told of as the app does it."""

    CSS = "FootLine { height: 1; } Other { height: 1; }"

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def compose(self) -> ComposeResult:
        yield FootLine(id="foot")
        yield Other()

    def on_mount(self) -> None:
        self.foot = self.query_one(FootLine)
        self.foot.offer(lambda field: SEEN.get(field, []), ["account", "tls", "to", "src"])
        self.foot.focus()
        self.look()

    def look(self) -> None:
        self.foot.look([("Enter", "open"), ("q", "quit")], "3 of 10", "a note", "tls: not in this pane")

    def on_foot_line_typed(self, message: FootLine.Typed) -> None:
        self.said.append(f"{message.text}|{message.cursor}")
        self.look()

    def on_foot_line_done(self) -> None:
        self.said.append("done")
        self.query_one(Other).focus()

    def on_foot_line_dropped(self) -> None:
        self.said.append("dropped")


class Typing:
    """The app under test."""

    def __init__(self, app: Foot, pilot: Pilot[None]) -> None:
        self.app, self.foot, self.pilot = app, app.foot, pilot

    async def press(self, *keys: str) -> "Typing":
        await self.pilot.press(*[key for word in keys for key in (word if word[:1] == "'" else [word]) if key != "'"])
        await self.pilot.pause()
        return self

    @property
    def shown(self) -> str:
        return self.foot.lines[0]

    @property
    def styled(self) -> dict[Style | None, str]:
        """What is shown in each style."""
        found: dict[Style | None, str] = {}
        for segment in self.foot.render_line(0):
            found[segment.style] = found.get(segment.style, "") + segment.text
        return found


@asynccontextmanager
async def typing(cells: int = 100) -> AsyncIterator[Typing]:
    app = Foot()
    async with app.run_test(size=(cells, 4)) as pilot:
        await pilot.pause()
        yield Typing(app, pilot)


@pytest.mark.parametrize(
    ("keys", "text", "cursor"),
    [
        (["'bob"], "bob", 3),
        (["'bob", "left", "left", "'x"], "bxob", 2),
        (["'bob", "home", "'x"], "xbob", 1),
        (["'bob", "ctrl+a", "delete"], "ob", 0),
        (["'bob", "home", "end", "'x"], "bobx", 4),
        (["'bob", "left", "ctrl+e", "'x"], "bobx", 4),
        (["'bob", "left", "backspace"], "bb", 1),
        (["'bob", "home", "backspace", "left"], "bob", 0),
        (["'a bc", "ctrl+w"], "a", 1),
        (["'a bc", "left", "ctrl+w"], "ac", 1),
        (["'a bc", "ctrl+u", "'x"], "x", 1),
        (["'bob", "right", "right"], "bob", 3),
        (["'acc", "tab"], "account:", 8),
        (["'acc", "tab", "tab"], "account:bob", 11),
        (["'acc", "tab", "tab", "tab"], "account:alice", 13),
        (["'acc", "tab", "tab", "shift+tab"], 'account:"bo b"', 14),
        (["'!t", "tab"], "!to:", 4),
        (["'!t", "tab", "tab"], "!tls:", 5),
        (["'tl", "tab", "tab"], "tls:1.3", 7),
        (["'t", "tab", "tab", "right", "tab"], "tls:1.3", 7),
        (["'zzz", "tab"], "zzz", 3),
    ],
)
async def test_keys(keys: list[str], text: str, cursor: int) -> None:
    async with typing() as line:
        await line.press(*keys)
        assert (line.foot.text, line.foot.cursor) == (text, cursor)
        assert line.app.said[-1] == f"{text}|{cursor}"


async def test_candidates_are_shown_dim_as_far_as_there_is_room() -> None:
    async with typing() as line:
        assert line.styled[ink.FAINT].split() == ["src:", "to:", "account:", "tls:"]
        await line.press("'account:b")
        assert '/account:b   3 of 10  bob "bo b"  Enter keep' in line.shown and "Esc clear" in line.shown
        await line.press("tab")
        assert line.foot.text == "account:bob" and "bob" in line.styled[ink.STRONG] and "bo b" in line.styled[ink.FAINT]


async def test_what_is_wrong_is_marked_and_told() -> None:
    async with typing() as line:
        await line.press("'tsl:1")
        assert CROSS not in line.shown  # it is still being typed
        await line.press("space", "'bob")
        assert f"/{CROSS}tsl:1 bob   3 of 10  {CROSS} tsl: no such field; tls?" in line.shown
        assert line.styled[WRONG] == "tsl:" and line.foot.faults[0].start == 0
        await line.press("enter")
        assert f"/tsl:1 bob  3 of 10  {CROSS} tsl: no such field; tls?" in line.shown


async def test_a_remark_and_the_keys_once_typing_is_over() -> None:
    async with typing() as line:
        await line.press("'tls:1", "enter")
        assert line.app.said[-1] == "done" and line.foot.cursor is None
        assert line.shown.rstrip() == "/tls:1  3 of 10  a note  Enter open  q quit"
        line.foot.look([("Enter", "open")], "3 of 10", "", "tls: not in this pane")
        assert line.shown.rstrip() == "/tls:1  3 of 10  tls: not in this pane  Enter open"
        line.foot.text = ""
        line.app.look()
        assert line.shown.rstrip() == "a note  Enter open  q quit"


async def test_history() -> None:
    async with typing() as line:
        for word in ("'one", "'two", "'one"):
            line.foot.text = ""
            line.foot.focus()
            await line.press(word, "enter")
        assert line.foot.history == ["two", "one"]
        line.foot.text = ""
        line.foot.focus()
        await line.press("'dr", "up")
        assert line.foot.text == "one"
        await line.press("up", "up")
        assert line.foot.text == "two"
        await line.press("down", "down", "down")
        assert line.foot.text == "dr"
        await line.press("escape")
        assert line.app.said[-1] == "dropped" and line.foot.history == ["two", "one"]


def test_the_history_is_bounded() -> None:
    line = TypedLine()
    for number in range(HISTORY + 10):
        line.text = f"  {number} "
        line.keep()
    assert line.history == [str(number) for number in range(10, HISTORY + 10)]


async def test_pasted_text_is_one_line_and_bounded() -> None:
    async with typing() as line:
        line.app.post_message(Paste("a\n b\tc" + "x" * 2 * LONGEST))
        await line.pilot.pause()
        assert line.foot.text == ("a b c" + "x" * LONGEST)[:LONGEST]


@pytest.mark.parametrize("cells", [20, 40, 80])
async def test_the_cursor_is_in_sight_and_nothing_is_beyond_the_edge(cells: int) -> None:
    text = "tsl:1 " + "漢字ab" * 28 + "\x1b x"
    async with typing(cells) as line:
        for at in (0, 1, 30, 31, 60, len(text) - 3, len(text) - 1, len(text)):
            line.foot._line.put(text, at)
            line.app.look()
            assert line.styled[ink.CURSOR] == (clean(text[at]) if at < len(text) else " ")
            assert width(line.shown) <= cells and "\x1b" not in line.shown
