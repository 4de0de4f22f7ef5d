"""A head that stays and a body that scrolls."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.segment import Segment
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.strip import Strip

from widgets.scroll import WHEEL, Scroll

SIZE = (40, 12)


class Lines(Scroll):
    """As many head and body lines as it is told."""

    legend = "what is what"

    def __init__(self, head: int, body: int) -> None:
        super().__init__(id="lines")
        self.head, self.body = head, body

    def _content(self, cells: int) -> tuple[list[Strip], list[Strip]] | None:
        if self.body < 0:
            return None
        return _lines("head", self.head), _lines("body", self.body)

    def draw(self) -> None:
        self._draw()


def _lines(name: str, count: int) -> list[Strip]:
    return [Strip([Segment(f"{name} {number}")]) for number in range(count)]


class Alone(App[None]):
    """One such pane on the whole screen."""

    CSS = "Lines { height: 1fr; }"

    def __init__(self, pane: Lines) -> None:
        super().__init__()
        self.pane = pane

    def compose(self) -> ComposeResult:
        yield self.pane


@asynccontextmanager
async def shown(head: int = 2, body: int = 30) -> AsyncIterator[tuple[Lines, Pilot[None]]]:
    app = Alone(Lines(head, body))
    async with app.run_test(size=SIZE) as pilot:
        app.pane.focus()
        await pilot.pause()
        yield app.pane, pilot


def bodies(pane: Lines) -> list[int]:
    return [int(line.split()[1]) for line in pane.lines if line.startswith("body")]


async def test_head_rule_body() -> None:
    async with shown(body=3) as (pane, _):
        assert [line.rstrip() for line in pane.lines] == [
            "head 0", "head 1", "── what is what " + "─" * 24, "body 0", "body 1", "body 2",
        ]  # fmt: skip


async def test_it_stays_at_the_end_until_it_is_moved() -> None:
    async with shown() as (pane, pilot):
        assert bodies(pane) == list(range(21, 30))
        pane.body += 5
        pane.draw()
        assert bodies(pane)[-1] == 34
        await pilot.press("up", "k")
        assert bodies(pane)[-1] == 32
        pane.body += 5
        pane.draw()
        assert bodies(pane)[-1] == 32
        await pilot.press("end")
        pane.body += 1
        pane.draw()
        assert bodies(pane)[-1] == 40


async def test_keys() -> None:
    async with shown() as (pane, pilot):
        await pilot.press("home")
        assert bodies(pane)[0] == 0
        await pilot.press("down", "j")
        assert bodies(pane)[0] == 2
        await pilot.press("pagedown")
        assert bodies(pane)[0] == 2 + 8
        await pilot.press("space")
        assert bodies(pane)[0] == 2 + 16
        await pilot.press("pageup")
        assert bodies(pane)[0] == 2 + 8
        await pilot.press("home", "up")
        assert bodies(pane)[0] == 0
        pane.on_mouse_scroll_down()
        assert bodies(pane)[0] == WHEEL
        pane.on_mouse_scroll_up()
        assert bodies(pane)[0] == 0


async def test_a_long_head_leaves_half_to_the_body() -> None:
    async with shown(head=50) as (pane, _):
        assert sum(line.startswith("head") for line in pane.lines) == 5
        assert len(bodies(pane)) == SIZE[1] - 5 - 1


async def test_nothing_to_show_yet() -> None:
    async with shown(body=-1) as (pane, _):
        assert pane.lines == []


async def test_another_size_wraps_anew() -> None:
    async with shown() as (pane, pilot):
        await pilot.resize_terminal(20, 6)
        await pilot.pause()
        assert len(pane.lines) == 6 and bodies(pane) == [27, 28, 29]
        await pilot.resize_terminal(3, 2)
        await pilot.pause()
        assert len(pane.lines) == 2
