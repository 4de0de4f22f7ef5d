"""Streams of events in time order."""

from collections.abc import Iterator, Sequence

from collectors.merge import BATCH, merged
from smtpwatch.events import Event


def events(host: str, *times: float) -> list[Event]:
    return [Event(time, "test", host) for time in times]


def told(batches: Iterator[Sequence[Event]]) -> list[tuple[float, str]]:
    return [(event.time, event.host) for batch in batches for event in batch]


def test_by_time() -> None:
    left, right = [events("a", 1, 4), [], events("a", 5)], [events("b", 2, 3, 6)]
    assert told(merged([left, right])) == [(1, "a"), (2, "b"), (3, "b"), (4, "a"), (5, "a"), (6, "b")]


def test_the_same_time_in_the_order_of_the_streams() -> None:
    assert told(merged([[events("a", 1, 1)], [events("b", 1)]])) == [(1, "a"), (1, "a"), (1, "b")]


def test_each_stream_keeps_its_own_order() -> None:
    """A log whose clock was set back is not sorted: what it tells follows from what it told before."""
    assert told(merged([[events("a", 5, 1, 7)], [events("b", 6)]])) == [(5, "a"), (1, "a"), (6, "b"), (7, "a")]


def test_one_stream_stays_as_it_is() -> None:
    batches = [events("a", 2, 1), [], events("a", 0)]
    assert list(merged([batches])) == batches


def test_none_and_empty_ones() -> None:
    assert list(merged([])) == list(merged([[], [[]]])) == []


def test_batches_are_bounded_and_lazy() -> None:
    taken: list[int] = []

    def endless() -> Iterator[Sequence[Event]]:
        while True:
            taken.append(1)
            yield events("a", *[float(len(taken))] * 1_000)

    batches = merged([endless(), [events("b", 0.5)]])
    assert [len(next(batches)) for _ in range(3)] == [BATCH] * 3
    assert len(taken) <= 3 * BATCH // 1_000 + 1
