"""What is known of the queues: totals, ages and growth, of whatever samples come."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpwatch import events as ev
from smtpwatch.state.picture import Picture
from smtpwatch.state.queue import LEAST, QUEUES_MAX, STALE, WINDOW, Queues

_AT = 1_772_361_600.0


def sample(
    after: float, messages: int, *, instance: str = "", complete: bool = True, note: str = "", oldest: float = 0.0
) -> ev.QueueSample:
    """A sample `after` seconds; with a note it could not be read."""
    counts = {} if note else {"active": messages // 2, "deferred": messages - messages // 2}
    return ev.QueueSample(
        _AT + after, "host", "mx", "postfix", instance, counts, {"deferred": oldest} if oldest else {}, {}, 0,
        complete and not note, note,
    )  # fmt: skip


def queues(*samples: ev.QueueSample) -> Queues:
    made = Queues()
    for each in samples:
        made.apply(each)
    return made


def test_nothing_is_known_at_first() -> None:
    empty = Queues()
    assert (empty.total(_AT), empty.oldest(_AT), empty.growth(_AT), empty.trend(_AT)) == (None, None, 0.0, 0)
    assert empty.complete(_AT) and empty.queues(_AT) == []


def test_the_picture_holds_them() -> None:
    picture = Picture()
    picture.apply([sample(0, 7), ev.SensorStatus(_AT, "host", "mx", "running", "", 0, 0, 0, {}, ("postfix",))])
    assert picture.queues.total(_AT) == 7
    (queue,) = picture.queues.queues(_AT)
    assert queue.latest == sample(0, 7)


def test_the_latest_sample_of_each_counts() -> None:
    seen = queues(
        sample(0, 100, oldest=50), sample(0, 10, instance="/etc/out", oldest=900), sample(30, 40, oldest=60),
        sample(30, 20, instance="/etc/out", oldest=930),
    )  # fmt: skip
    assert seen.total(_AT + 30) == 60
    assert seen.oldest(_AT + 40) == 940
    assert [queue.latest.instance for queue in seen.queues(_AT + 30)] == ["", "/etc/out"]


def test_an_empty_queue_is_known() -> None:
    seen = queues(sample(0, 0))
    assert (seen.total(_AT), seen.oldest(_AT), seen.trend(_AT)) == (0, None, 0)


def test_what_could_not_be_read_is_not_counted() -> None:
    seen = queues(sample(0, 100), sample(30, 0, note="not allowed"))
    assert (seen.total(_AT + 30), seen.oldest(_AT + 30), seen.complete(_AT + 30)) == (None, None, False)
    assert [queue.latest.note for queue in seen.queues(_AT + 30)] == ["not allowed"]
    seen.apply(sample(30, 5, instance="/etc/out"))
    assert (seen.total(_AT + 30), seen.complete(_AT + 30)) == (5, False)


def test_what_is_long_ago_says_nothing_of_now() -> None:
    seen = queues(sample(0, 100), sample(STALE, 5, instance="/etc/out"))
    assert seen.total(_AT + STALE) == 105
    assert seen.total(_AT + STALE + 1) == 5


@pytest.mark.parametrize(
    ("messages", "growth", "trend"),
    [
        ([100, 100, 100], 0, 0),
        ([100, 150, 200], 100, 1),
        ([200, 150, 100], -100, -1),
        ([0, 0, LEAST], LEAST, 1),
        ([0, 0, LEAST - 1], LEAST - 1, 0),
        ([100_000, 100_000, 100_100], 100, 0),
        ([100_000, 100_000, 101_100], 1_100, 1),
        ([100, 500, 100], 0, 0),
        ([100], 0, 0),
    ],
)
def test_growth(messages: list[int], growth: float, trend: int) -> None:
    seen = queues(*(sample(30.0 * at, count) for at, count in enumerate(messages)))
    now = _AT + 30 * len(messages)
    assert seen.growth(now) == pytest.approx(growth)
    assert seen.trend(now) == trend


def test_growth_is_of_the_last_minutes() -> None:
    """An hour of growth by 60 a minute, then ten minutes and more of none."""
    seen = Queues()
    for second in range(0, 3_600, 10):
        seen.apply(sample(second, second))
    assert seen.growth(_AT + 3_600) == pytest.approx(60)
    for second in range(3_600, 3_600 + int(WINDOW) + 60, 10):
        seen.apply(sample(second, 3_590))
    assert (seen.growth(_AT + second), seen.trend(_AT + second)) == (0, 0)


def test_growth_of_queues_that_are_read_rarely() -> None:
    seen = queues(sample(0, 1_000), sample(1_200, 3_000))
    assert seen.growth(_AT + 1_200) == pytest.approx(100)


def test_growth_of_several_is_their_sum() -> None:
    seen = queues(
        sample(0, 100), sample(0, 100, instance="/etc/out"), sample(60, 160), sample(60, 80, instance="/etc/out")
    )
    assert seen.growth(_AT + 60) == pytest.approx(40)
    assert seen.trend(_AT + 60) == 1


def test_a_part_is_no_trend() -> None:
    seen = queues(sample(0, 1_000), sample(60, 300, complete=False))
    assert (seen.total(_AT + 60), seen.complete(_AT + 60)) == (300, False)
    assert (seen.growth(_AT + 60), seen.trend(_AT + 60)) == (0, 0)
    seen.apply(sample(120, 1_200))
    assert seen.growth(_AT + 120) == pytest.approx(100)


def test_a_clock_that_was_set_back() -> None:
    seen = queues(sample(1_000, 100), sample(0, 500), sample(60, 600))
    assert seen.growth(_AT + 60) == pytest.approx(100)


def test_memory_does_not_grow() -> None:
    seen = Queues()
    for second in range(0, 10_000, 5):
        seen.apply(sample(second, second))
    tracemalloc.start()
    for second in range(10_000, 100_000, 5):
        seen.apply(sample(second, second))
    grown = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert grown < 20_000
    for number in range(10 * QUEUES_MAX):
        seen.apply(sample(100_000, 1, instance=f"/etc/{number}"))
    assert len(seen.queues(_AT + 100_000)) == QUEUES_MAX


@given(st.lists(st.tuples(st.floats(0, 4_000), st.integers(0, 10**7), st.booleans()), max_size=60))
def test_any_samples(given_: list[tuple[float, int, bool]]) -> None:
    seen = Queues()
    for after, messages, complete in given_:
        seen.apply(sample(after, messages, complete=complete))
        now = _AT + after
        assert seen.total(now) == messages
        assert seen.trend(now) in (-1, 0, 1)
        assert abs(seen.growth(now)) < float("inf")
