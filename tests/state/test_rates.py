"""Rates: event time, whole buckets, bounded memory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpwatch.state.rates import Rate


def test_mean_over_whole_buckets_only() -> None:
    rate = Rate(61, 1.0)
    for second in range(10):
        rate.add(100.0 + second, 3)
    rate.add(110.5, 99)
    assert rate.per_second(110.9, 5) == 3.0
    assert rate.per_second(111.0, 1) == 99.0


def test_nothing_seen() -> None:
    assert Rate(10, 1.0).per_second(1e9, 5) == 0.0


def test_silence_brings_it_down_to_nothing() -> None:
    rate = Rate(61, 1.0)
    rate.add(100.0, 10)
    assert rate.per_second(101.0, 5) == 2.0
    assert rate.per_second(105.5, 5) == 2.0
    assert rate.per_second(106.0, 5) == 0.0
    assert rate.per_second(1e9, 5) == 0.0


def test_late_counts_are_taken_if_the_ring_reaches_back() -> None:
    rate = Rate(4, 1.0)
    rate.add(100.0)
    rate.add(98.0, 5)
    rate.add(96.0, 500)
    assert rate.per_second(101.0, 3) == pytest.approx(2.0)


def test_a_jump_forward_empties_what_it_passes() -> None:
    rate = Rate(4, 1.0)
    rate.add(100.0, 7)
    rate.add(104.0)
    assert rate.per_second(105.0, 3) == pytest.approx(1 / 3)


def test_window_is_no_wider_than_the_ring() -> None:
    rate = Rate(4, 0.5)
    rate.add(10.0, 6)
    assert rate.per_second(10.5, 1000) == 4.0


@given(st.lists(st.tuples(st.floats(0, 50), st.integers(1, 9)), max_size=60), st.floats(0, 60))
def test_agrees_with_counting_by_hand(added: list[tuple[float, int]], now: float) -> None:
    rate, window = Rate(61, 1.0), 5
    for time, n in added:
        rate.add(time, n)
    expected = sum(n for time, n in added if int(now) - window <= int(time) < int(now))
    assert rate.per_second(now, window) * window == pytest.approx(expected)
