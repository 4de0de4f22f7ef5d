"""How many different values: exact while few, an estimate then, the same in each run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpwatch.state.distinct import EXACT, Distinct


def counted(values: int, times: int = 1) -> Distinct:
    made = Distinct()
    for _ in range(times):
        for n in range(values):
            made.add(f"203.0.113.{n}")
    return made


@given(st.lists(st.text(max_size=3), max_size=EXACT))
def test_few_are_exact(values: list[str]) -> None:
    made = Distinct()
    for value in values:
        made.add(value)
    assert (len(made), made.exact) == (len(set(values)), True)


@pytest.mark.parametrize("values", [65, 100, 500, 1_000, 2_500, 3_000, 5_000, 20_000, 300_000])
def test_many_are_estimated(values: int) -> None:
    """Within three standard errors; the worst is where one formula gives way to the other."""
    made = counted(values)
    assert not made.exact
    assert len(made) == pytest.approx(values, rel=0.1)


def test_what_comes_again_is_not_new() -> None:
    assert len(counted(1_000, times=3)) == len(counted(1_000))
    assert len(counted(EXACT, times=3)) == EXACT


def test_the_same_in_each_run() -> None:
    """A recording comes to the same figures each time."""
    assert len(counted(10_000)) == 10_309


def test_one_that_was_none() -> None:
    made = counted(3)
    made.discard("203.0.113.1")
    made.discard("198.51.100.1")
    assert len(made) == 2
    many = counted(1_000)
    many.discard("203.0.113.1")
    assert len(many) == len(counted(1_000))
