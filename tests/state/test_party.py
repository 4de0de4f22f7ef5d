"""One source or group: its figures, and its order among the others."""

from __future__ import annotations

from math import exp, inf, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpwatch.state.party import MEMORY, OPENING, Dimension, Outcome, Party
from tests.state.joint import NOW


def party() -> Party:
    return Party(Dimension.ADDRESS, "203.0.113.7")


def test_what_is_counted() -> None:
    made = party()
    made.begun(NOW + 2)
    made.begun(NOW + 1, False)
    made.count(Outcome.REFUSED, NOW + 3, 4)
    made.count(Outcome.ACCEPTED, NOW + 4)
    assert (made.sessions, made.open, made.refused, made.accepted, made.auth_failed, made.abandoned) == (
        2,
        1,
        4,
        1,
        0,
        0,
    )
    assert (made.first, made.last, made.weight, made.blank) == (NOW + 1, NOW + 4, 7, False)
    assert made.rate(NOW + 10, 10) == pytest.approx(0.5)


@given(st.lists(st.tuples(st.floats(0, 600), st.floats(0.5, 100)), min_size=1, max_size=30))
def test_heat_is_what_was_done_of_late(doings: list[tuple[float, float]]) -> None:
    """In whatever order it is told, each thing weighs less by a third every MEMORY seconds."""
    made = party()
    for time, n in doings:
        made.warm(NOW + time, n)
    expected = log(sum(n * exp((time - 600) / MEMORY) for time, n in doings)) + (NOW + 600) / MEMORY
    assert made.heat == pytest.approx(expected, rel=1e-12)


def test_heat_after_a_long_time() -> None:
    made = party()
    made.warm(NOW, 1000)
    made.warm(NOW + 1e6, 1)
    assert made.heat == (NOW + 1e6) / MEMORY


def test_who_does_more_of_late_comes_first() -> None:
    long_ago, now, hanging = party(), party(), party()
    long_ago.count(Outcome.REFUSED, NOW, 10)
    now.count(Outcome.REFUSED, NOW + 5 * MEMORY)
    hanging.begun(NOW + 5 * MEMORY)
    assert now.heat > hanging.heat > long_ago.heat
    assert hanging.heat == pytest.approx((NOW + 5 * MEMORY) / MEMORY + log(OPENING))


def test_a_session_that_is_anothers_leaves_nothing() -> None:
    made = party()
    made.begun(NOW)
    made.withdrawn(NOW, True)
    assert (made.sessions, made.open, made.weight, made.heat, made.blank) == (0, 0, 0, -inf, True)


@given(st.lists(st.floats(0, 300), min_size=1, max_size=20), st.floats(0, 300))
def test_a_session_that_is_anothers_leaves_the_rest(times: list[float], other: float) -> None:
    made, pure = party(), party()
    for time in times:
        pure.begun(NOW + time)
        made.begun(NOW + time)
    made.begun(NOW + other)
    made.withdrawn(NOW + other, True)
    assert (made.sessions, made.open, made.weight) == (pure.sessions, pure.open, pure.weight)
    assert made.heat == pytest.approx(pure.heat, abs=1e-4)


def test_members() -> None:
    made = Party(Dimension.NETWORK, "203.0.113.0/24")
    assert made.members is not None
    for source in ("203.0.113.7", "203.0.113.7", "203.0.113.8", "203.0.113.9"):
        made.join(source)
    made.leave("203.0.113.9")
    assert len(made.members) == 2
    alone = party()
    alone.join("203.0.113.7")
    alone.leave("203.0.113.7")
    assert alone.members is None
