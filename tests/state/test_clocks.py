"""How far log and packets are apart, and how far each has come."""

from __future__ import annotations

import random

import pytest

from smtpwatch.state.clocks import BELIEVED, ENOUGH, TOLERANCE, Clocks, Latest, Offset


def told(offset: Offset, clock: float, whole: bool, pairs: int, delay: float = 0.0, seed: int = 1) -> None:
    draw = random.Random(seed)
    for _ in range(pairs):
        seen = 1_000 + draw.random() * 60
        logged = seen + clock - draw.random() * delay
        stamp = float(int(logged)) if whole else logged
        offset.learn(stamp - seen, stamp + whole - seen)


@pytest.mark.parametrize("clock", [-4.9, -0.3, 0.0, 2.7, 4.9])
@pytest.mark.parametrize("whole", [True, False])
def test_enough_pairs_tell_how_far(clock: float, whole: bool) -> None:
    """Whole seconds too, to a fraction of one."""
    offset = Offset()
    told(offset, clock, whole, ENOUGH - 1)
    assert offset.window == BELIEVED
    told(offset, clock, whole, 200)
    least, most = offset.window
    assert least <= clock <= most
    assert most - least < 0.3


@pytest.mark.parametrize("whole", [True, False])
def test_what_differs_is_allowed_for(whole: bool) -> None:
    """A server that looks up its clients' names writes its line up to two seconds early."""
    offset = Offset()
    told(offset, 1.0, whole, 300, delay=2.0)
    least, most = offset.window
    assert least <= -0.8 and most >= 0.8 + whole * 0.0


def test_what_is_beyond_the_tolerance_is_not_learnt() -> None:
    offset = Offset()
    for _ in range(20):
        offset.learn(TOLERANCE + 1, TOLERANCE + 1)
        offset.learn(-TOLERANCE - 1, -TOLERANCE - 1)
    assert not offset.known


def test_likely_pairs_make_one_sure_if_they_are_alike() -> None:
    offset = Offset()
    for n in range(5):
        offset.suggest(2.0 + n / 100, 2.0 + n / 100)
    assert not offset.known
    offset.suggest(2.0, 2.0)
    assert offset.known
    assert offset.window[0] < 2.0 < offset.window[1]


def test_likely_pairs_that_are_not_alike_tell_nothing() -> None:
    offset = Offset()
    for n in range(40):
        offset.suggest((n * 37 % 100) / 10 - 5, (n * 37 % 100) / 10 - 5)
    assert not offset.known


def test_a_clock_that_was_set() -> None:
    offset = Offset()
    told(offset, 0.0, False, 100)
    for _ in range(6):
        offset.suggest(3.0, 3.0)
    assert offset.window[0] < 3.0 < offset.window[1]
    assert offset.window[0] > 1.0


def test_one_stamp_far_ahead_does_not_stop_time() -> None:
    latest = Latest()
    for time in (10.0, 11.0, 10.5, 1e9, 12.0):
        latest.tell(time)
    assert latest.time == 12.0


def test_files_wait_for_all_that_may_be_late() -> None:
    clocks = Clocks()
    clocks.wire.tell(1_000.0)
    clocks.log.tell(1_000.0)
    assert not clocks.told(990.0)
    assert clocks.told(980.0)
    assert not clocks.seen(990.0, 0.0)
    assert clocks.seen(980.0, 0.0)


def test_live_there_is_less_to_wait_for() -> None:
    clocks = Clocks()
    clocks.live = True
    clocks.wire.tell(1_000.0)
    clocks.marks.tell(1_000.0)
    arrived, seen_to = clocks.arrival()
    assert 1_000.0 < seen_to < arrived < 1_002.0
    assert not clocks.seen(999.0, seen_to)
    clocks.wire.tell(seen_to)
    assert clocks.seen(999.0, seen_to)
