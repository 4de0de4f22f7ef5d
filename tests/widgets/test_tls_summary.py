"""The TLS summary on a screen: it scrolls, and says how high it wants to be."""

import pytest
from textual.app import App, ComposeResult

from smtpwatch.state.tls import Tls
from tests.screens import tls as scene
from tests.screens.scenes import NOW
from tests.screens.tls import fold
from widgets.scroll import WHEEL
from widgets.tls_lines import tls_lines
from widgets.tls_summary import TlsSummary


class Alone(App[None]):
    """One such pane on the whole screen."""

    CSS = "TlsSummary { height: 1fr; }"

    def compose(self) -> ComposeResult:
        yield TlsSummary(id="summary")


def every(tls: Tls, width: int) -> list[str]:
    return [strip.text for strip in tls_lines(tls, NOW, width)]


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_it_shows_its_lines_from_the_top(size: tuple[int, int]) -> None:
    tls = fold(scene.afternoon())
    lines = every(tls, size[0])
    app = Alone()
    async with app.run_test(size=size):
        pane = app.query_one(TlsSummary)
        pane.look(tls, NOW)
        assert (pane.lines, pane.needed) == (lines[: size[1]], len(lines))


async def test_keys_scroll_as_far_as_there_is_something() -> None:
    tls = fold(scene.afternoon())
    lines = every(tls, 80)
    last = len(lines) - 12
    app = Alone()
    async with app.run_test(size=(80, 12)) as pilot:
        pane = app.query_one(TlsSummary)
        pane.look(tls, NOW)
        pane.focus()
        for key, top in (
            ("up", 0), ("down", 1), ("j", 2), ("pagedown", 13), ("pageup", 2), ("end", last), ("down", last),
            ("k", last - 1), ("home", 0),
        ):  # fmt: skip
            await pilot.press(key)
            assert pane.lines == lines[top : top + 12]
        pane.on_mouse_scroll_down()
        assert pane.lines[0] == lines[WHEEL]
        pane.on_mouse_scroll_up()
        assert pane.lines[0] == lines[0]


async def test_a_new_size_is_laid_out_anew() -> None:
    tls = fold(scene.afternoon())
    app = Alone()
    async with app.run_test(size=(80, 24)) as pilot:
        pane = app.query_one(TlsSummary)
        assert pane.lines == []
        pane.look(tls, NOW)
        await pilot.resize_terminal(120, 40)
        await pilot.pause()
        assert pane.lines == every(tls, 120)
