"""The histogram of delays against the delays themselves."""

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpwatch.state.spread import BUCKETS, LEAST, PER_OCTAVE, RECENT, Spread, bucket_of

_WITHIN = 2 ** (0.5 / PER_OCTAVE) * (1 + 1e-9)


def _spread(times: list[float]) -> Spread:
    spread = Spread()
    for time in times:
        spread.add(bucket_of(time))
    return spread


@given(st.lists(st.floats(0, 5_000_000), min_size=1, max_size=300), st.floats(0, 1))
def test_quantiles_are_right_within_the_bound(times: list[float], part: float) -> None:
    told = _spread(times).quantile(part)
    true = sorted(times)[max(1, ceil(part * len(times))) - 1]
    assert told is not None
    if true <= LEAST:
        assert told == LEAST
    else:
        assert true / _WITHIN <= told <= true * _WITHIN


@pytest.mark.parametrize("seconds", [-1.0, 0.0, LEAST, 0.011, 1.0, 1e9, 1e300])
def test_every_time_has_a_bucket(seconds: float) -> None:
    assert 0 <= bucket_of(seconds) < BUCKETS
    assert (bucket_of(seconds) == 0) == (seconds <= LEAST)


def test_nothing_is_no_time() -> None:
    assert Spread().quantile(0.5) is None


def test_what_was_long_ago_weighs_less() -> None:
    spread = _spread([100.0] * 10 * RECENT + [1.0] * RECENT)
    half, most = spread.quantile(0.4), spread.quantile(0.95)
    assert half is not None and most is not None
    assert 1 / _WITHIN <= half <= _WITHIN and 100 / _WITHIN <= most <= 100 * _WITHIN
    spread = _spread([100.0] * 10 * RECENT + [1.0] * 8 * RECENT)
    assert spread.quantile(0.99) == spread.quantile(0.01)
