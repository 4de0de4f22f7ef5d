"""The few most frequent values."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from smtpwatch.state.few import FEW, Few


@given(st.lists(st.tuples(st.sampled_from("abcdefghijklmnop"), st.integers(1, 5))))
def test_bounds(stream: list[tuple[str, int]]) -> None:
    few, truth = Few(), Counter[str]()
    for value, n in stream:
        few.add(value, n)
        truth[value] += n
    assert few.total == truth.total() == sum(n for _, n in few.most())
    assert len(few) == len(few.values) == min(FEW, len(few.values))
    for value, n in few.most():
        assert truth[value] <= n <= truth[value] + few.total / FEW
    assert {value for value, n in truth.items() if n > few.total / FEW} <= set(few.values)
    if len(truth) <= FEW:
        assert dict(few.most()) == truth


def test_most_frequent_first() -> None:
    few = Few()
    for value, n in (("a", 1), ("b", 3), ("c", 2)):
        few.add(value, n)
    assert few.most() == [("b", 3), ("c", 2), ("a", 1)]
    assert "a" in few and "d" not in few
