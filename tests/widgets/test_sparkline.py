"""Rows of bars."""

from hypothesis import given
from hypothesis import strategies as st

from widgets.sparkline import BARS, fold, sparkline


def test_eight_levels_and_nothing() -> None:
    assert sparkline(range(9), 9) == " ▁▂▃▄▅▆▇█"


def test_the_largest_fills_a_cell_unless_a_scale_is_given() -> None:
    assert sparkline([1, 2, 4], 3) == "▂▄█"
    assert sparkline([1, 2, 4], 3, scale=8) == "▁▂▄"
    assert sparkline([1, 2, 400], 3, scale=4) == "▂▄█"


def test_nothing_is_blank_and_a_little_is_seen() -> None:
    assert sparkline([0, 0, 0], 3) == "   "
    assert sparkline([0, 0.001, 1000], 3) == " ▁█"
    assert sparkline([0, 0, 5], 3, scale=0) == "  █"


def test_folded_by_the_maximum() -> None:
    assert fold([1, 2, 3, 4, 9, 0, 0], 3) == [2, 4, 9]
    assert sparkline([0] * 59 + [8], 6) == "     █"
    assert sparkline([8] + [0] * 59, 6) == "█     "


def test_fewer_values_stand_at_the_right() -> None:
    assert sparkline([1, 2], 5) == "   ▄█"
    assert sparkline([], 5) == "     "


def test_no_room() -> None:
    assert sparkline([1, 2, 3], 0) == ""
    assert sparkline([1, 2, 3], -1) == ""


@given(st.lists(st.floats(0, 1e12), max_size=200), st.integers(0, 80), st.none() | st.floats(0, 1e12))
def test_it_is_as_wide_as_asked_and_hides_nothing(values: list[float], cells: int, scale: float | None) -> None:
    line = sparkline(values, cells, scale)
    assert len(line) == cells
    assert set(line) <= set(BARS)
    assert bool(line.strip()) == bool(cells and any(values))
