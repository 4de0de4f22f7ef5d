"""Heavy hitters: against exact counts, and as bounded as they say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable

from hypothesis import given
from hypothesis import strategies as st

from smtpwatch.state.heavy import Heavy, Held


def heavy(places: int) -> Heavy[Held]:
    return Heavy(places, Held)


def add(held: Heavy[Held], key: Hashable, n: int = 1) -> None:
    held.touch(key).weight += n


def told(held: Heavy[Held]) -> dict[Hashable, tuple[int, int]]:
    return {thing.key: (thing.weight, thing.error) for thing in held}


@given(st.integers(1, 8), st.lists(st.tuples(st.integers(0, 20), st.integers(1, 9)), max_size=200))
def test_bounds(places: int, stream: list[tuple[int, int]]) -> None:
    held, truth = heavy(places), Counter[Hashable]()
    for key, n in stream:
        add(held, key, n)
        truth[key] += n
    everything = truth.total()
    assert held.total == everything
    assert len(held) <= places
    for thing in held:
        assert thing.held and held.get(thing.key) is thing
        assert truth[thing.key] <= thing.weight <= truth[thing.key] + thing.error
    assert held.error <= everything / places
    assert {key for key, n in truth.items() if n > everything / places} <= {thing.key for thing in held}
    if len(truth) <= places:
        assert told(held) == {key: (n, 0) for key, n in truth.items()}


@given(
    st.integers(1, 5),
    st.lists(st.tuples(st.integers(0, 12), st.sampled_from(("add", "back", "drop"))), max_size=200),
)
def test_bounds_where_weight_is_taken_back(places: int, stream: list[tuple[int, str]]) -> None:
    """By who gave it, from what is still held, as a proxy's session goes to the client that it names."""
    held, truth, given_ = heavy(places), Counter[Hashable](), 0
    gifts: dict[int, list[Held]] = {}
    for key, what in stream:
        if what == "add":
            add(held, key)
            truth[key] += 1
            given_ += 1
            gifts.setdefault(key, []).append(held.touch(key))
        elif gifts.get(key):
            thing = gifts[key].pop()
            if thing.held:
                thing.weight -= 1
                truth[key] -= 1
                if what == "drop" and thing.weight == thing.error:
                    held.drop(thing)
    assert truth.total() <= held.total <= given_
    if not held._heap:
        assert held.total == truth.total()
    for thing in held:
        assert truth[thing.key] <= thing.weight <= truth[thing.key] + thing.error
    assert held.error <= given_ / places


def test_a_flood_of_strangers_drives_no_big_one_out() -> None:
    """A million keys that come once, and five that come a thousand times among them."""
    places, strangers, times = 2_000, 1_000_000, 1_000
    held = heavy(places)
    for n in range(strangers):
        add(held, n)
        if n % (strangers // times) == 0:
            for big in "abcde":
                add(held, big)
    assert len(held) == places
    assert len(held._heap) == places
    assert held.total == strangers + 5 * times
    assert held.error <= held.total / places
    for big in "abcde":
        thing = held.get(big)
        assert thing is not None
        assert (thing.weight, thing.error) == (times, 0)  # they came while there was room


def test_of_several_that_weigh_as_little_the_first_gives_way() -> None:
    held = heavy(3)
    for key in "abc":
        add(held, key)
    gone = held.touch("a")
    add(held, "d")
    assert told(held) == {"b": (1, 0), "c": (1, 0), "d": (2, 1)}
    assert not gone.held
    assert held.get("a") is None
    add(held, "b")
    add(held, "e")
    assert told(held) == {"b": (2, 0), "d": (2, 1), "e": (2, 1)}


def test_who_comes_back_is_another_one() -> None:
    held = heavy(1)
    add(held, "a", 5)
    first = held.touch("a")
    add(held, "b")
    add(held, "a")
    again = held.touch("a")
    assert (first.held, again.held, again is first) == (False, True, False)
    assert (again.weight, again.error) == (7, 6)


def test_dropped_while_there_is_room() -> None:
    held = heavy(2)
    thing = held.touch("a")
    held.drop(thing)
    assert (thing.held, len(held), held.error, held.total) == (False, 0, 0, 0)
    held.drop(thing)
    for key in "abc":
        add(held, key)
    last = held.touch("c")
    last.weight -= 1
    held.drop(last)  # the places have run out: it stays until it gives way
    assert told(held) == {"b": (1, 0), "c": (1, 1)}
