"""Curves in braille."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from widgets.braille import ACROSS, Texture, curve, spread

RISE = [0, 1, 2, 3, 4, 5, 6, 7, 8, 0, None, 8]
TEXTURES: tuple[Texture, ...] = ("line", "area", "bars")


@pytest.mark.parametrize(
    ("texture", "shown"),
    [("line", ["  ⣀⠔⢱⠈", "⡠⠊  ⢸ "]), ("area", ["  ⢀⣴⡇⢸", "⢀⣴⣿⣿⡇⢸"]), ("bars", ["  ⡀⡆⡇⡇", "⡀⡆⡇⡇⡇⡇"])],
)
def test_each_texture(texture: Texture, shown: list[str]) -> None:
    assert curve(RISE, 8, 6, 2, texture) == shown


def test_nothing_is_a_line_on_the_ground_and_no_area_and_no_bar() -> None:
    assert [curve([0] * 8, 1, 4, 1, texture) for texture in TEXTURES] == [["⣀⣀⣀⣀"], ["    "], ["    "]]


def test_a_little_is_seen_beside_a_huge_peak() -> None:
    assert curve([0, 0, 0.001, 0, 1e9, 0], 1e9, 3, 1, "area") == [" ⡀⡇"]
    assert curve([0, 0, 0.001, 0.001], 1e9, 2, 1, "line") == ["⣀⠤"]


def test_spread() -> None:
    assert spread([1, 2, 3, 4, 9, 0, 0], 3) == [2, 4, 9]
    assert spread([1, 2], 5) == [1, 1, 1, 2, 2]
    assert spread([None, None, 3, None], 2) == [None, 3]
    assert spread([], 2) == [None, None]


values = st.lists(st.none() | st.floats(0, 1e12), max_size=100)


@given(values, st.floats(1e-9, 1e12), st.integers(0, 60), st.integers(0, 12), st.sampled_from(TEXTURES))
def test_it_is_as_large_as_asked_and_shows_all_that_is_there(
    shown: list[float | None], full: float, cells: int, lines: int, texture: Texture
) -> None:
    drawn = curve(shown, full, cells, lines, texture)
    assert [len(line) for line in drawn] == [cells] * lines
    places = spread(shown, cells if texture == "bars" else ACROSS * cells)
    step = len(places) // cells if cells else 1
    for at in range(cells):
        share = places[at * step : (at + 1) * step]
        there = any(value is not None and (value > 0 or texture == "line") for value in share)
        assert any(line[at] != " " for line in drawn) == (there and lines > 0)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=60), st.integers(1, 8))
def test_areas_and_bars_stand_on_the_ground(shown: list[float], lines: int) -> None:
    for texture in ("area", "bars"):
        for column in zip(*curve(shown, 100, 30, lines, texture), strict=True):
            assert "".join(column).lstrip().count(" ") == 0
