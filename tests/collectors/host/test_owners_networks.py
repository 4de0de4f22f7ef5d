"""Addresses of this host and of those beside it, and the time that looking may take."""

import socket
from ipaddress import ip_address, ip_network

import pytest

from collectors.host import networks
from collectors.host.allowance import MOST, RESUME, SHARE, Allowance
from collectors.host.networks import AGE, Networks
from tests.hosts.namespaces import Namespace

NOW = 1_796_000_000.0
_TRIE = """\
Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 172.18.0.0/16 2 0 2
        +-- 172.18.0.0/30 2 0 2
           |-- 172.18.0.0
              /16 link UNICAST
           |-- 172.18.0.2
              /32 host LOCAL
        |-- 172.18.255.255
           /32 link BROADCAST
Local:
  +-- 0.0.0.0/0 3 0 5
     +-- 127.0.0.0/8 2 0 2
        |-- 127.0.0.0
           /8 host LOCAL
        |-- 127.0.0.1
           /32 host LOCAL
     |-- 192.0.2.9
        /32 link UNICAST
        /32 host LOCAL
"""
_INET6 = """\
20010db8000000000000000000000025 04 40 00 82     eth0
fe8000000000000000fc00fffe000001 04 40 20 80     eth0
00000000000000000000000000000001 01 80 10 80       lo
"""


def _packed(text: str) -> bytes:
    return ip_address(text).packed


class TestForms:
    def test_ipv4(self) -> None:
        assert list(networks._ipv4(_TRIE)) == [_packed("172.18.0.2"), _packed("192.0.2.9")]
        assert list(networks._ipv4("")) == []

    def test_ipv6(self) -> None:
        assert list(networks._ipv6(_INET6)) == [_packed("2001:db8::25"), _packed("fe80::fc:ff:fe00:1")]


class TestOurs:
    def test_own_networks(self) -> None:
        ours = Networks([ip_network("198.51.100.0/24"), ip_network("2001:db8:5::/48")])
        for text, its in (
            ("198.51.100.7", True), ("2001:db8:5::1", True),
            ("203.0.113.1", False), ("2001:db8:6::1", False),
        ):  # fmt: skip
            assert ours.is_ours(_packed(text)) == its

    def test_this_hosts(self) -> None:
        ours = Networks()
        assert not ours.knows(_packed("127.0.0.1"))
        assert ours.look(NOW)
        assert ours.is_ours(_packed("127.0.0.1"))
        assert ours.where(_packed("127.0.0.1"))[0]
        assert ours.where(_packed("203.0.113.1")) == (False, [])

    @pytest.mark.needs("namespaces")
    @pytest.mark.parametrize("contained", [True, False])
    def test_those_beside_ours(self, contained: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        """A container's are this host's, as its control group tells."""
        monkeypatch.setattr(networks, "container", lambda groups: "0123456789ab" if contained else "")
        with Namespace("beside") as beside:
            beside.ip("address", "add", "203.0.113.9/32", "dev", "lo")
            beside.ip("address", "add", "2001:db8:9::9/128", "dev", "lo", "nodad")
            process = beside.popen("sleep", "60")
            ours = Networks()
            while not ours.knows(_packed("203.0.113.9")):  # `ip netns exec` enters it first
                ours.look(ours._looked + AGE)
            for address in map(_packed, ("203.0.113.9", "2001:db8:9::9")):
                assert ours.where(address) == (False, [f"/proc/{process.pid}/ns/net"])
                assert ours.is_ours(address) == contained

    def test_how_often(self) -> None:
        ours = Networks()
        assert ours.look(NOW)
        assert not ours.look(NOW + AGE - 0.1)
        assert ours.look(NOW + AGE)
        assert not ours.look(NOW + AGE, 0.0), "it has just been done"
        assert ours.look(NOW + AGE + 2 * ours._pause, 0.0)
        assert not ours.look(NOW + AGE + 9.0)
        ours.outdated()
        assert ours.look(NOW + AGE + 9.0)
        assert ours.look(NOW - 3_600.0), "the clock was set back"


class TestAllowance:
    def test_a_burst_then_a_share(self) -> None:
        allowance = Allowance()
        assert allowance.left(NOW) == MOST
        allowance.spend(MOST + SHARE)
        assert allowance.left(NOW) == pytest.approx(-SHARE)
        assert allowance.left(NOW + 1) == pytest.approx(0.0)
        assert allowance.left(allowance.again_at(NOW + 1)) == pytest.approx(RESUME)
        assert allowance.left(NOW + 1_000) == MOST

    def test_a_clock_that_is_set_back(self) -> None:
        allowance = Allowance()
        allowance.left(NOW)
        allowance.spend(MOST)
        assert allowance.left(NOW - 3_600) == pytest.approx(0.0)
        assert allowance.left(NOW - 3_599) == pytest.approx(SHARE)


def test_families() -> None:
    """Addresses are compared packed: 4 octets and 16."""
    assert {len(address) for address in networks._own()} <= {4, 16}
    assert socket.inet_pton(socket.AF_INET, "127.0.0.1") in set(networks._own())
