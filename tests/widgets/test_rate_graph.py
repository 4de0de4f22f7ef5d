"""The pane that graphs a history: its pages, its keys, and what it sends."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from smtpwatch.state.history import ZOOMS, History
from smtpwatch.state.party import Outcome
from widgets.rate_graph import START_ZOOM, TURNS, RateGraph, series_of, window

NOON = 1_700_049_600.0  # 2023-11-15, 12:00 UTC
SIZE = (58, 12)


@pytest.fixture(autouse=True)
def utc() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def busy(until: float, seconds: int = 900) -> History:
    """Ten accepted a second, and for the last two minutes forty refused."""
    history = History(len(Outcome))
    for at in range(seconds):
        second = until - seconds + at
        history.add(second, Outcome.ACCEPTED, 10)
        if second >= until - 120:
            history.add(second, Outcome.REFUSED, 40)
        if at % 300 == 150:
            history.add(second, Outcome.AUTH_FAILED)
    return history


class Alone(App[None]):
    """The pane on the whole screen."""

    CSS = "RateGraph { height: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self.pane = RateGraph("graph")

    def compose(self) -> ComposeResult:
        yield self.pane


@asynccontextmanager
async def pane(history: History | None, now: float) -> AsyncIterator[tuple[RateGraph, Pilot[None]]]:
    app = Alone()
    async with app.run_test(size=SIZE) as pilot:
        app.pane.focus()
        if history is not None:
            app.pane.look(history, now, "Mail and refusals")
        await pilot.pause()
        yield app.pane, pilot


@pytest.mark.parametrize("zoom", range(len(ZOOMS)))
def test_a_page_ends_at_the_next_turn(zoom: int) -> None:
    _, seconds, buckets = ZOOMS[zoom]
    turn = TURNS[zoom]
    for now in (NOON, NOON + 0.5, NOON + turn - 0.5):
        assert window(now, zoom).start == NOON + turn - seconds * buckets
    assert window(NOON + turn, zoom).start == NOON + 2 * turn - seconds * buckets


@given(st.floats(0, 4e9), st.sampled_from(range(len(ZOOMS))))
def test_a_page_holds_now_and_whole_buckets(now: float, zoom: int) -> None:
    page = window(now, zoom)
    assert page.start % page.seconds == 0
    assert page.start <= now < page.start + page.seconds * page.buckets
    values = series_of(History(len(Outcome)), now, zoom, page, 0.0)[0].values
    passed = page.start + len(values) * page.seconds
    assert passed - page.seconds <= now < passed + page.seconds
    assert len(values) <= page.buckets


def test_the_last_value_is_the_mean_over_as_long_as_a_bucket() -> None:
    now = NOON + 3.5
    history = busy(NOON + 3)
    accepted, refused, auth = series_of(history, now, 1, window(now, 1), 0.0)
    assert accepted.values == [10.0] * 55
    assert refused.values == [0.0] * 42 + [28.0] + [40.0] * 12
    assert (accepted.now, refused.now, auth.now) == (10.0, 40.0, 0.0)


def test_before_counting_began_nothing_is_shown() -> None:
    history = History(len(Outcome))
    for at in range(30):
        history.add(NOON - 30 + at, Outcome.ACCEPTED)
    page = window(NOON, 1)
    accepted, refused, _ = series_of(history, NOON, 1, page, NOON - 45)
    assert accepted.values == [None] * 49 + [0.0] * 2 + [1.0] * 4
    assert refused.values == [None] * 49 + [0.0] * 6


async def test_shown() -> None:
    async with pane(busy(NOON + 3), NOON + 3.5) as (graph, _):
        assert [line.rstrip() for line in graph.lines] == [
            "Mail and refusals, 10 min                peak refused 40/s",
            "  10┤⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠁   accepted      10/s",
            "    │                                   peak          10/s",
            "   0┤",
            "  40┤                        ⢸⣿⣿⣿⣿⣿⣿⡇   refused       40/s",
            "    │                        ⣾⣿⣿⣿⣿⣿⣿⡇   peak          40/s",
            "    │                        ⣿⣿⣿⣿⣿⣿⣿⡇",
            "   0┤                        ⣿⣿⣿⣿⣿⣿⣿⡇",
            " 0.1┤     ⡇                ⡇            auth fail      0/s",
            "    │     ⡇                ⡇            peak         0.1/s",
            "   0┤     ⡇                ⡇",
            "    └───┬11:52─┬:54───┬:56──┬:58───┬───",
        ]  # fmt: skip


async def test_keys_zoom_and_stop_at_both_ends() -> None:
    async with pane(busy(NOON), NOON) as (graph, pilot):
        assert graph.zoom == START_ZOOM
        names = []
        for key in ("plus", "plus", "minus", "minus", "minus", "minus", "right_square_bracket", "left_square_bracket"):
            await pilot.press(key)
            names.append(graph.lines[0].split(", ")[1].split("  ")[0])
        assert names == ["1 min", "1 min", "10 min", "1 h", "24 h", "24 h", "1 h", "24 h"]


async def test_columns_stand_still_until_the_page_is_turned() -> None:
    async with pane(None, NOON) as (graph, _):
        shown = []
        for at in (20.5, 30.5, 59.5, 60.5):
            graph.look(busy(NOON + at), NOON + at, "Mail and refusals")
            shown.append(list(graph.lines))
        assert shown[0][-1] == shown[1][-1] == shown[2][-1] != shown[3][-1]


async def test_nothing_to_look_at_yet_and_another_size() -> None:
    async with pane(None, NOON) as (graph, pilot):
        assert graph.lines == []
        await pilot.press("plus")
        graph.look(busy(NOON), NOON, "Mail and refusals")
        assert len(graph.lines) == 12
        await pilot.resize_terminal(40, 6)
        await pilot.pause()
        assert [len(line) for line in graph.lines] == [40] * 6
        await pilot.resize_terminal(1, 1)
        await pilot.pause()
        assert graph.lines == ["…"]
