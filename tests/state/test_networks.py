"""Networks of addresses."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpwatch.state.networks import network_of, smallest


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8::1", "2001:db8::/64"),
        ("::ffff:192.0.2.7", "192.0.2.0/24"),
        ("unknown", "unknown"),
        ("mail.example.org", "mail.example.org"),
        ("fe80::zz", "fe80::zz"),
        ("", ""),
    ],
)
def test_network_of(address: str, network: str) -> None:
    assert network_of(address) == network


@given(st.ip_addresses(v=4))
def test_networks_of_ipv4(address: object) -> None:
    assert ip_address(str(address)) in ip_network(network_of(str(address)))


@pytest.mark.parametrize(
    ("addresses", "network"),
    [
        ([], "None"),
        (["192.0.2.7"], "192.0.2.7/32"),
        (["192.0.2.7", "192.0.2.6"], "192.0.2.6/31"),
        (["192.0.2.1", "192.0.2.200", "192.0.2.9"], "192.0.2.0/24"),
        (["2001:db8::1", "2001:db8::ffff"], "2001:db8::/112"),
        (["192.0.2.1", "2001:db8::1"], "None"),
        (["192.0.2.1", "unknown"], "None"),
    ],
)
def test_smallest(addresses: list[str], network: str) -> None:
    assert str(smallest(addresses)) == network


@given(st.lists(st.ip_addresses(v=4), min_size=1) | st.lists(st.ip_addresses(v=6), min_size=1))
def test_smallest_holds_all_and_is_the_smallest(addresses: list[object]) -> None:
    network = smallest(map(str, addresses))
    assert network is not None
    assert all(address in network for address in addresses)
    halves = list(network.subnets()) if network.num_addresses > 1 else []
    assert not any(all(address in half for address in addresses) for half in halves)  # type: ignore[operator]
