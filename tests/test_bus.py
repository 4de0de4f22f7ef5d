"""The bus: what must not be lost is kept and asks for patience, what may be lost goes oldest first, counted."""

from hypothesis import given
from hypothesis import strategies as st

from smtpwatch.bus import CAPACITY, Bus
from smtpwatch.events import Event, SensorStatus


def _events(first: int, count: int) -> list[Event]:
    return [SensorStatus(float(at), "wire", "mx", "running", "", 0, 0, 0, {}, ()) for at in range(first, first + count)]


def _times(bus_batch: object) -> list[float]:
    assert isinstance(bus_batch, (list, tuple))
    return [event.time for event in bus_batch]


def test_lossless_keeps_everything_and_says_when_it_is_full() -> None:
    bus = Bus()
    subscription = bus.subscribe(lossless=True)
    bus.publish(_events(0, CAPACITY - 1))
    assert bus.has_room
    bus.publish(_events(CAPACITY - 1, 1))
    assert not bus.has_room
    bus.publish(_events(CAPACITY, 10))
    assert (subscription.waiting, subscription.dropped, bus.published) == (CAPACITY + 10, 0, CAPACITY + 10)
    taken: list[float] = []
    while batch := subscription.take():
        taken += _times(batch)
        assert bus.has_room is (subscription.waiting < CAPACITY)
    assert taken == [float(at) for at in range(CAPACITY + 10)]


def test_a_lossy_one_never_makes_anyone_wait_and_drops_its_oldest() -> None:
    bus = Bus()
    subscription = bus.subscribe()
    for at in range(3):
        bus.publish(_events(at * CAPACITY // 2, CAPACITY // 2))
    assert bus.has_room
    assert (subscription.waiting, subscription.dropped) == (CAPACITY, CAPACITY // 2)
    assert _times(subscription.take())[0] == CAPACITY // 2


def test_a_lossy_one_keeps_the_newest_batch_even_if_it_is_too_long() -> None:
    bus = Bus()
    subscription = bus.subscribe()
    bus.publish(_events(0, 1))
    bus.publish(_events(1, CAPACITY + 1))
    assert (subscription.waiting, subscription.dropped) == (CAPACITY + 1, 1)


@given(st.lists(st.one_of(st.just(0), st.integers(1, CAPACITY))))
def test_what_was_put_is_taken_waits_or_was_dropped(steps: list[int]) -> None:
    """Zero takes a batch, another number publishes that many events."""
    bus = Bus()
    subscription = bus.subscribe()
    one = _events(0, 1)
    taken = 0
    for step in steps:
        if step:
            bus.publish(one * step)
        else:
            taken += len(subscription.take())
        assert subscription.waiting <= CAPACITY
        assert taken + subscription.waiting + subscription.dropped == bus.published


def test_everyone_is_served_and_woken_until_unsubscribed() -> None:
    bus = Bus()
    first, second = bus.subscribe(), bus.subscribe(lossless=True)
    woken: list[str] = []
    first.wake = lambda: woken.append("first")
    bus.publish(_events(0, 2))
    bus.unsubscribe(first)
    bus.publish(_events(2, 1))
    assert woken == ["first"]
    assert (first.waiting, second.waiting) == (2, 3)
    assert _times(first.take()) == [0.0, 1.0]
    assert first.take() == ()
