"""Scales, units and clock times."""

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from widgets import axes

NOON = 1_700_049_600.0  # 2023-11-15, 12:00 UTC


def zoned(monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()


@pytest.fixture(autouse=True)
def utc() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        zoned(patch, "UTC")
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("peak", "end"),
    [(0, 1), (0.07, 0.08), (0.3, 0.3), (1, 1), (1.01, 2), (12, 20), (41, 50), (61, 80), (99, 100), (1234, 2000)],
)
def test_a_scale_ends_at_a_round_number(peak: float, end: float) -> None:
    assert axes.full(peak) == pytest.approx(end)


@given(st.floats(1e-6, 1e15))
def test_a_scale_holds_its_peak_and_wastes_less_than_half(peak: float) -> None:
    assert peak * (1 - 1e-6) <= axes.full(peak) <= peak * 2.000001


@given(st.floats(0.1, 8e14))
def test_round_numbers_and_their_halves_are_short(peak: float) -> None:
    end = axes.full(peak)
    assert len(axes.figure(end)) <= 4
    assert len(axes.figure(end / 2)) <= 4


def test_figures() -> None:
    assert [axes.figure(value) for value in (0.05, 0.25, 1, 1.5, 40, 100, 1500, 2000)] == [
        "0.05", "0.25", "1", "1.5", "40", "100", "1.5k", "2k",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rate", "text"),
    [(0, "0/s"), (41.2, "41/s"), (0.1, "0.1/s"), (1 / 60, "1.0/min"), (1 / 900, "4.0/h"), (1e-9, "0.1/h")],
)
def test_the_unit_makes_more_than_a_shred_of_it(rate: float, text: str) -> None:
    assert axes.told(rate, axes.unit_of(rate)) == text


@pytest.mark.parametrize(
    ("seconds", "cells", "axis"),
    [
        (60, 34, "┬12:00:00──┬:20───────┬:40────────"),
        (600, 34, "┬12:00┬:02───┬:04───┬:06───┬:08───"),
        (3600, 40, "┬12:00┬:10───┬:20───┬:30──┬:40───┬:50───"),
        (86400, 40, "┬12:00────┬18:00────┬00:00────┬06:00────"),
        (600, 5, "┬────"),
        (600, 0, ""),
    ],
)
def test_clock_times(seconds: float, cells: int, axis: str) -> None:
    assert axes.times(NOON, seconds, cells) == axis


def test_a_new_hour_and_a_new_minute_are_told_in_full() -> None:
    assert axes.times(NOON - 300, 600, 30) == "───┬11:56┬:58──┬12:00┬:02──┬──"
    assert axes.times(NOON - 30, 60, 40) == "┬11:59:30─┬:45──────┬12:00:00─┬:15──────"


def test_times_are_round_on_the_clock_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    zoned(monkeypatch, "Asia/Kolkata")
    assert axes.zone(NOON) == 5.5 * 3600
    assert axes.times(NOON, 4 * 3600, 24) == "───┬18:00┬19:00┬20:00┬──"


def test_a_time_beyond_any_calendar() -> None:
    assert axes.zone(1e30) == 0
    assert set(axes.times(1e15, 600, 40)) <= set("┬─:-")


@given(st.floats(0, 4e9), st.sampled_from([60, 600, 3600, 86400]), st.integers(0, 120))
def test_it_is_as_long_as_asked_and_no_times_run_into_each_other(start: float, seconds: int, cells: int) -> None:
    axis = axes.times(start, seconds, cells)
    assert len(axis) == cells
    for label in axis.split("┬")[1:]:
        said = label.rstrip("─")
        assert "─" not in said
        assert not said or len(said) in (3, 5, 8)
