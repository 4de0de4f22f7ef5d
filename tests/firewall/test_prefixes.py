"""Networks asked by address, against ipaddress's own word."""

from ipaddress import IPv4Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpwatch.firewall.prefixes import NetworkError, Prefixes, as_network, is_single, shown


@pytest.mark.parametrize(
    ("typed", "network"),
    [
        ("192.0.2.7", "192.0.2.7/32"),
        (" 192.0.2.7/24 ", "192.0.2.0/24"),
        ("192.0.2.7/255.255.255.0", "192.0.2.0/24"),
        ("2001:DB8::1", "2001:db8::1/128"),
        ("2001:db8:7::1/64", "2001:db8:7::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("::ffff:192.0.2.7/120", "192.0.2.0/24"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::/64", "::/64"),
    ],
)
def test_what_an_admin_types(typed: str, network: str) -> None:
    assert str(as_network(typed)) == network


@pytest.mark.parametrize(
    "typed",
    ["", "bob", "192.0.2", "192.0.2.256", "192.0.2.1/33", "010.0.0.1", "192.0.2.1; drop", "fe80::1%eth0", "-j", "1e3",
     "192.0.2.1/24/24", "\x1b[2J", "١٩٢.0.2.1"],
)  # fmt: skip
def test_what_is_no_network_is_told(typed: str) -> None:
    with pytest.raises(NetworkError):
        as_network(typed)


def test_one_address_is_shown_without_its_length() -> None:
    assert shown(as_network("192.0.2.7/32")) == "192.0.2.7"
    assert shown(as_network("2001:db8::/64")) == "2001:db8::/64"
    assert is_single(as_network("2001:db8::1")) and not is_single(as_network("192.0.2.0/31"))


networks = st.builds(
    lambda number, length: ip_network((number, length), strict=False), st.integers(0, 2**12 - 1), st.integers(18, 32)
) | st.builds(
    lambda number, length: ip_network((number << 116, length), strict=False),
    st.integers(0, 2**12 - 1),
    st.integers(0, 16),
).filter(lambda network: network.version == 6)


@given(st.lists(networks), st.lists(networks), networks)
def test_it_says_what_ipaddress_says(put: list, dropped: list, asked) -> None:  # type: ignore[no-untyped-def,type-arg]
    prefixes: Prefixes[str] = Prefixes()
    for network in put:
        prefixes.put(network, str(network))
    for network in dropped:
        prefixes.drop(network)
    left = set(put) - set(dropped)
    same = {network for network in left if network.version == asked.version}
    assert set(prefixes) == left and len(prefixes) == len(left)
    assert prefixes.around(asked) == sorted(
        (network for network in same if asked.subnet_of(network)), key=lambda network: -network.prefixlen
    )
    assert list(prefixes.within(asked)) == sorted(network for network in same if network.subnet_of(asked))
    address = asked.network_address
    holders = [network for network in same if address in network]
    best = max(holders, key=lambda network: network.prefixlen, default=None)
    assert prefixes.holding(asked.version, int(address)) == best
    assert all(prefixes.get(network) == str(network) for network in left)


def test_a_value_is_replaced() -> None:
    prefixes: Prefixes[int] = Prefixes()
    prefixes.put(as_network("192.0.2.0/24"), 1)
    prefixes.put(as_network("192.0.2.0/24"), 2)
    assert list(prefixes.items()) == [(as_network("192.0.2.0/24"), 2)]
    assert prefixes.holding(4, int(IPv4Address("192.0.2.9"))) == as_network("192.0.2.0/24")
    assert prefixes.holding(6, int(ip_address("::c000:209"))) is None
