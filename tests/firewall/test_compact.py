"""Neighbours as one network: as wide as is safe, never sparse, never shorter than the longest of them."""

from hypothesis import given
from hypothesis import strategies as st

from smtpwatch.firewall.block import Block, Scope
from smtpwatch.firewall.compact import DENSE, LEAST, Merged, candidates, chosen
from smtpwatch.firewall.prefixes import Network
from tests.firewall.fakes import NOW, nets


def block(network: str, until: float | None = NOW + 60, scope: Scope = "smtp", kept: bool = True) -> Block:
    return Block(nets(network)[0], scope, NOW, until, "", "ada", "fake", "a", "verified", kept=kept)


def merged(*blocks: Block, unsafe: tuple[Network, ...] = ()) -> list[Merged]:
    return chosen(candidates(blocks), unsafe)


def inside(network: Network, wider: Network) -> bool:
    return network.network_address in wider and network.prefixlen >= wider.prefixlen


def addresses(*last: int) -> list[Block]:
    return [block(f"192.0.2.{at}") for at in last]


def test_the_smallest_that_holds_them() -> None:
    (found,) = merged(*addresses(1, 2, 3, 6))
    assert str(found.network) == "192.0.2.0/29" and found.parts == nets(
        "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.6"
    )


def test_what_is_far_apart_stays_as_it_is() -> None:
    assert merged(*addresses(1, 100, 200)) == []
    assert merged(*addresses(1, 2)) == []
    assert [str(found.network) for found in merged(*addresses(1, 2, 3, 130, 131, 129))] == [
        "192.0.2.0/30",
        "192.0.2.128/30",
    ]


def test_what_is_not_safe_is_made_of_its_parts() -> None:
    eight = addresses(*range(8))
    assert [str(found.network) for found in merged(*eight)] == ["192.0.2.0/29"]
    found = merged(*eight, unsafe=nets("192.0.2.0/29", "192.0.2.0/30"))
    assert [str(each.network) for each in found] == ["192.0.2.4/30"]


def test_as_long_as_the_longest() -> None:
    (found,) = merged(block("192.0.2.0"), block("192.0.2.1", NOW + 900), block("192.0.2.2"))
    assert found.until == NOW + 900
    (found,) = merged(block("192.0.2.0"), block("192.0.2.1", None), block("192.0.2.2"))
    assert found.until is None


def test_ports_and_probation_are_kept_apart() -> None:
    assert merged(block("192.0.2.0"), block("192.0.2.1", scope="all"), block("192.0.2.2")) == []
    assert merged(block("192.0.2.0"), block("192.0.2.1", kept=False), block("192.0.2.2")) == []
    (found,) = merged(*(block(f"192.0.2.{at}", scope="all") for at in range(3)))
    assert found.scope == "all"


def test_ipv6_by_its_64s() -> None:
    (found,) = merged(*(block(f"2001:db8:0:{at}::/64") for at in (0, 1, 2)))
    assert str(found.network) == "2001:db8::/62"
    assert merged(*(block(f"2001:db8:0:{at}::/64") for at in (0, 0x40, 0x80))) == []


def test_networks_and_what_lies_in_them() -> None:
    (found,) = merged(block("192.0.2.0/28"), block("192.0.2.1"), block("192.0.2.16/28"))
    assert str(found.network) == "192.0.2.0/27" and len(found.parts) == 3
    assert merged(block("192.0.2.0/24"), block("192.0.2.1"), block("192.0.2.2")) == []


@given(st.sets(st.integers(0, 255), max_size=40), st.sets(st.integers(0, 255), max_size=5))
def test_whatever_is_blocked(last: set[int], good: set[int]) -> None:
    blocks = addresses(*sorted(last))
    senders = nets(*(f"192.0.2.{at}" for at in sorted(good)))
    unsafe = {each.network for each in candidates(blocks) if any(inside(one, each.network) for one in senders)}
    found = chosen(candidates(blocks), unsafe)
    parts = [part for each in found for part in each.parts]
    assert len(parts) == len(set(parts)) and set(parts) <= {each.network for each in blocks}
    for each in found:
        assert each.network not in unsafe and len(each.parts) >= LEAST
        assert all(inside(part, each.network) for part in each.parts)
        assert len(each.parts) * DENSE >= each.network.num_addresses
