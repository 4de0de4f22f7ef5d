"""Histories: four resolutions at once, held to a list of everything that happened."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpwatch.state.history import FEW, MOST, ZOOMS, History, Together, first_bucket
from smtpwatch.state.rates import Rate

START = 1_699_999_200.0  # a full hour
SERIES = 3
ACCEPTED, REFUSED, AUTH_FAILED = range(SERIES)

Event = tuple[float, int, int]
"""Time, series and n."""


class Model:
    """Every event there was. A ring ends with the bucket of the newest, and reaches as far as it is long."""

    def __init__(self, events: list[Event]) -> None:
        self._events = events
        self._newest = max((int(time) for time, _, _ in events), default=0)

    def bucket(self, zoom: int, number: int, series: int) -> int:
        """What the bucket of that number since the epoch holds."""
        _, seconds, buckets = ZOOMS[zoom]
        if number < self._newest // seconds - buckets:
            return 0
        return sum(n for time, its, n in self._events if its == series and int(time) // seconds == number)

    def buckets(self, now: float, zoom: int, series: int) -> list[int]:
        _, seconds, buckets = ZOOMS[zoom]
        end = int(now // seconds)
        return [self.bucket(zoom, number, series) for number in range(end - buckets, end)]

    def rate(self, now: float, zoom: int, wanted: int, *series: int) -> float:
        seconds = ZOOMS[zoom].seconds
        end = int(now // seconds)
        counts = (self.bucket(zoom, number, each) for number in range(end - wanted, end) for each in series)
        return sum(counts) / (wanted * seconds)

    def total(self, series: int) -> int:
        return sum(n for _, its, n in self._events if its == series)


def filled(events: list[Event]) -> History:
    history = History(SERIES)
    for event in events:
        history.add(*event)
    return history


DAY = 86400.0
steps = st.one_of(
    st.floats(0, 2),
    st.floats(-3, 3),
    st.floats(0, 2000),
    st.floats(-5000, 5000),
    st.floats(-2 * DAY, 2 * DAY),
    st.sampled_from([0.0, 1.0, 59.0, 60.0, 61.0, 600.0, 610.0, 3600.0, 3660.0, DAY, DAY + 900, -60.0, -610.0, -DAY]),
)


@st.composite
def happenings(draw: st.DrawFn) -> list[Event]:
    """Events a step after one another, back or forth, near or far."""
    time, events = START, []
    for step in draw(st.lists(steps, max_size=40)):
        time += step
        events.append((time, draw(st.integers(0, SERIES - 1)), draw(st.integers(1, 5))))
    return events


@given(happenings(), st.floats(-2 * DAY, 2 * DAY))
def test_agrees_with_a_list_of_all_events(events: list[Event], later: float) -> None:
    history, model = filled(events), Model(events)
    for now in (START + later, (events[-1][0] if events else START) + 0.5):
        for series in range(SERIES):
            assert history.total(series) == model.total(series)
            for zoom in range(len(ZOOMS)):
                assert history.buckets(now, zoom, series) == model.buckets(now, zoom, series)


@given(happenings(), st.floats(-DAY, DAY))
def test_rates_agree_with_it_too(events: list[Event], later: float) -> None:
    history, model = filled(events), Model(events)
    for now in (START + later, (events[-1][0] if events else START) + 0.5):
        for window, zoom, wanted in ((10, 0, 10), (60, 0, 60), (600, 1, 60), (900, 2, 15), (3600, 2, 60)):
            expected = model.rate(now, zoom, wanted, ACCEPTED, REFUSED)
            assert history.rate(now, window, ACCEPTED, REFUSED) == pytest.approx(expected)
        assert history.rate(now, 10 * DAY, REFUSED) == pytest.approx(model.rate(now, 3, 96, REFUSED))


@given(happenings())
def test_reading_changes_nothing(events: list[Event]) -> None:
    history = History(SERIES)
    for event in events:
        history.add(*event)
        for zoom in range(len(ZOOMS)):
            history.buckets(event[0], zoom, REFUSED)
        history.rate(event[0] + 5, 60, ACCEPTED)
    assert [history.buckets(START, zoom, REFUSED) for zoom in range(4)] == [
        filled(events).buckets(START, zoom, REFUSED) for zoom in range(4)
    ]


@given(happenings(), st.floats(0, 100))
def test_agrees_with_a_rate_of_whole_seconds(events: list[Event], later: float) -> None:
    rate, history = Rate(61, 1.0), History(SERIES)
    for time, _, n in events:
        rate.add(time, n)
        history.add(time, REFUSED, n)
    now = START + later
    for window in (1, 5, 60):
        assert history.rate(now, window, REFUSED) == pytest.approx(rate.per_second(now, window))


def test_nothing_happened() -> None:
    history = History(SERIES)
    assert history.rate(START, 10, ACCEPTED, REFUSED) == 0.0
    assert [history.buckets(START, zoom, REFUSED) for zoom in range(4)] == [[0] * zoom.buckets for zoom in ZOOMS]
    assert [history.total(series) for series in range(SERIES)] == [0, 0, 0]


def test_the_bucket_that_is_filling_is_left_out() -> None:
    history = History(SERIES)
    for second in range(100):
        history.add(START + second, REFUSED, 2)
    now = START + 99.5
    assert history.rate(now, 10, REFUSED) == 2.0
    assert history.buckets(now, 0, REFUSED) == [2] * 60
    assert history.buckets(now, 1, REFUSED) == [0] * 51 + [20] * 9
    assert history.buckets(now, 2, REFUSED) == [0] * 59 + [120]
    assert history.buckets(now, 3, REFUSED) == [0] * 96


def test_buckets_begin_on_the_clock() -> None:
    for zoom, (_, seconds, buckets) in enumerate(ZOOMS):
        first = first_bucket(START + 12.3, zoom)
        assert first % seconds == 0
        assert first + buckets * seconds <= START + 12.3 < first + (buckets + 1) * seconds
        history = History(SERIES)
        history.add(first, ACCEPTED, 7)
        history.add(first + (buckets - 1) * seconds, ACCEPTED, 9)
        assert history.buckets(START + 12.3, zoom, ACCEPTED) == [7, *[0] * (buckets - 2), 9]


def test_a_clock_set_back_by_hours_corrupts_nothing() -> None:
    history = History(SERIES)
    for second in range(300):
        history.add(START + second, REFUSED)
    before = [history.buckets(START + 300, zoom, REFUSED) for zoom in range(4)]
    for second in range(300):
        history.add(START - 3 * 3600 + second, REFUSED)
    assert [history.buckets(START + 300, zoom, REFUSED) for zoom in range(3)] == before[:3]
    assert sum(history.buckets(START + 900, 3, REFUSED)) == 600
    assert history.total(REFUSED) == 600


def test_more_than_a_bucket_holds_stays_at_the_most() -> None:
    history = History(SERIES)
    for _ in range(FEW + 1):
        history.add(START, REFUSED, MOST // 2)
        history.add(START, ACCEPTED)
    assert history.total(REFUSED) == (FEW + 1) * (MOST // 2)
    assert [history.buckets(START + 900, zoom, REFUSED)[-1] for zoom in (2, 3)] == [0, MOST]
    assert history.buckets(START + 1, 0, REFUSED)[-1] == MOST


@pytest.mark.parametrize("count", [1, FEW, FEW + 1, 50])
def test_a_series_that_is_not_there(count: int) -> None:
    history = History(SERIES)
    for second in range(count):
        history.add(START + second, second % SERIES)
    with pytest.raises(IndexError):
        history.add(START + count, SERIES)
    assert history.total(AUTH_FAILED) == count // 3


def read(history: History | Together, now: float) -> list[object]:
    every = [(zoom, series) for zoom in range(len(ZOOMS)) for series in range(SERIES)]
    return [*(history.buckets(now, *each) for each in every), history.rate(now, 60, ACCEPTED, REFUSED)]


@given(happenings(), happenings())
def test_a_still_copy_stays_as_it_is(events: list[Event], later: list[Event]) -> None:
    history = filled(events)
    still, now = history.still(), START + 1000
    before = read(still, now)
    totals = [still.total(series) for series in range(SERIES)]
    for event in later:
        history.add(*event)
    assert read(still, now) == before == read(filled(events), now)
    assert [still.total(series) for series in range(SERIES)] == totals


def test_several_are_read_as_one() -> None:
    events = [(START + at, at % SERIES, at) for at in range(1, 100)]
    apart = Together(filled(events[::2]), filled(events[1::2]), History(SERIES))
    assert read(apart, START + 100) == read(filled(events), START + 100)
