"""What a block would hit, and the smaller network that would do."""

from hypothesis import given
from hypothesis import strategies as st

from smtpwatch.firewall.radius import best, radius
from tests.firewall.fakes import nets
from tests.state.doings import A, Wire, picture
from tests.state.joint import NOW


def refused(number: int, address: str, times: int = 3, open_: bool = False) -> list[object]:
    wire = Wire(number, address, 40_000 + number, NOW)
    return [wire.opened, *(wire.refused(NOW + at) for at in range(times)), *([] if open_ else [wire.closed(NOW + 9)])]


def taken(number: int, address: str) -> list[object]:
    wire = Wire(number, address, 40_000 + number, NOW)
    return [wire.opened, *wire.taken(NOW, "a@example.net", "b@example.org"), wire.closed(NOW + 1)]


def test_sessions_and_offenders() -> None:
    made = picture(refused(1, A, open_=True), refused(2, "203.0.113.9"), taken(3, "203.0.113.200"), finish=False)  # type: ignore[arg-type]
    found = radius(made.activity, nets("203.0.113.0/24"))
    assert (found.open, found.refused, found.offenders) == (1, 1, 2)
    assert (str(found.smaller), found.covered) == ("203.0.113.0/28", 2)


def test_nothing_smaller_where_all_are_bad_or_it_is_one_address() -> None:
    made = picture(refused(1, A), refused(2, "203.0.113.9"))  # type: ignore[arg-type]
    assert radius(made.activity, nets("203.0.113.0/24")).smaller is None
    assert radius(made.activity, nets(A)).smaller is None
    assert radius(made.activity, nets("198.51.100.0/24")) == (0, 0, 0, None, 0)


def test_the_best_part_is_the_narrowest_of_those_with_most() -> None:
    bad, good = nets("192.0.2.1", "192.0.2.2", "192.0.2.130", "192.0.2.131", "192.0.2.132"), nets("192.0.2.3")
    assert best(nets("192.0.2.0/24")[0], bad, good) == (nets("192.0.2.128/29")[0], 3)
    assert best(nets("192.0.2.0/24")[0], bad[:2], good) == (None, 0)
    assert best(nets("192.0.2.0/24")[0], bad[:1], ()) == (None, 0)
    six = nets("2001:db8::1", "2001:db8::2")
    assert best(nets("2001:db8::/64")[0], six, nets("2001:db8::ff")) == (nets("2001:db8::/126")[0], 2)


@given(st.sets(st.integers(0, 255), max_size=12), st.sets(st.integers(0, 255), max_size=6))
def test_it_never_hits_a_good_one_and_counts_right(bad: set[int], good: set[int]) -> None:
    (wide,) = nets("192.0.2.0/24")
    offenders = nets(*(f"192.0.2.{at}" for at in sorted(bad)))
    senders = nets(*(f"192.0.2.{at}" for at in sorted(good)))
    found, covered = best(wide, offenders, senders)
    if found is None:
        return
    assert found.subnet_of(wide) and found != wide  # type: ignore[arg-type]
    assert not any(each.subnet_of(found) for each in senders)  # type: ignore[arg-type]
    assert covered == sum(each.subnet_of(found) for each in offenders) > 1  # type: ignore[arg-type]
