"""What is protected on this host, read from files of the kernel's and the system's form."""

from collections import namedtuple
from pathlib import Path
from socket import AF_INET, AF_INET6, AF_PACKET

import psutil
import pytest

from smtpwatch.config import Config
from smtpwatch.firewall import surroundings as module
from smtpwatch.firewall.guard import Protected
from smtpwatch.firewall.surroundings import Surroundings, gateways, own_addresses, resolvers
from smtpwatch.trusted import Trusted, TrustedNetwork
from tests.firewall.fakes import nets

ROUTES = """\
Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010200C0	0003	0	0	0	00000000	0	0	0
eth1	00000000	00000000	0001	0	0	0	00000000	0	0	0
eth0	000200C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
eth0	0A000000	FE0200C0	0003	0	0	0	000000FF	0	0	0
"""
ROUTES6 = (
    "00000000000000000000000000000000 00 00000000000000000000000000000000 00 20010db8000000000000000000000001 "
    "00000400 00000001 00000000 00000003     eth0\n"
    "20010db8000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 "
    "00000100 00000001 00000000 00000001     eth0\n"
    "00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 "
    "ffffffff 00000001 00000000 00200200       lo\n"
)


def listed(found: object) -> list[tuple[str, str, str]]:
    return [(str(each.network), each.kind, each.says) for each in found]  # type: ignore[attr-defined]


def test_default_gateways(tmp_path: Path) -> None:
    (tmp_path / "route").write_text(ROUTES)
    (tmp_path / "ipv6_route").write_text(ROUTES6)
    assert listed(gateways(tmp_path)) == [
        ("192.0.2.1/32", "gateway", "the default gateway (eth0)"),
        ("2001:db8::1/128", "gateway", "the default gateway (eth0)"),
    ]
    assert listed(gateways(tmp_path / "none")) == []


def test_resolvers(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text(
        "# nameserver 192.0.2.9\nnameserver 192.0.2.53\nnameserver 127.0.0.53\nnameserver\nsearch example.org\n"
        "nameserver fe80::53%eth0\nnameserver bob\n options rotate\nnameserver ::ffff:192.0.2.54\n"
    )
    assert [network for network, _, _ in listed(resolvers([str(file), str(tmp_path / "none")]))] == [
        "192.0.2.53/32", "fe80::53/128", "192.0.2.54/32",
    ]  # fmt: skip


Address = namedtuple("Address", "family address netmask")


def test_own_addresses_and_the_networks_of_bridges(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {
        "lo": [Address(AF_INET, "127.0.0.1", "255.0.0.0")],
        "eth0": [Address(AF_INET, "192.0.2.25", "255.255.255.0"), Address(AF_PACKET, "aa:bb", None)],
        "eth1": [Address(AF_INET6, "fe80::1%eth1", "ffff:ffff:ffff:ffff::"), Address(AF_INET, "192.0.2.26", None)],
        "br-0a1b": [Address(AF_INET, "172.18.0.1", "255.255.0.0"), Address(AF_INET6, "fd00::1", "ffff:ffff::")],
        "docker0": [Address(AF_INET, "172.17.0.1", None)],
    }
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: there)
    assert [(network, kind) for network, kind, _ in listed(own_addresses())] == [
        ("192.0.2.25/32", "own address"), ("fe80::1/128", "own address"), ("192.0.2.26/32", "own address"),
        ("172.18.0.1/32", "own address"), ("172.18.0.0/16", "container"),
        ("fd00::1/128", "own address"), ("fd00::/32", "container"), ("172.17.0.1/32", "own address"),
    ]  # fmt: skip


def test_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("own_addresses", "gateways", "resolvers"):
        monkeypatch.setattr(module, name, list)
    trusted = Trusted(
        (
            TrustedNetwork(nets("10.1.0.0/16")[0], "postfix", "mynetworks"),
            TrustedNetwork(nets("0.0.0.0/0")[0], "postfix", "mynetworks"),
            TrustedNetwork(nets("2000::/3")[0], "exim", "relay_from_hosts"),
        ),
        ("a table could not be read",),
    )
    config = Config(allow=("192.0.2.1",), proxies=("192.0.2.2",), local=("198.51.100.0/24",))
    made = Surroundings(config, lambda: trusted)
    made.look()
    found = [each for each in made.protected() if not each.kind.startswith("ssh")]
    assert found == [
        Protected(nets("192.0.2.1")[0], "allowlist", "on the allowlist (allow)"),
        Protected(nets("192.0.2.2")[0], "proxy", "a proxy that others come through (proxies)"),
        Protected(nets("198.51.100.0/24")[0], "own address", "ours (local)"),
        Protected(nets("10.1.0.0/16")[0], "mynetworks", "trusted by postfix (mynetworks)"),
    ]
    assert made.notes == (
        "a table could not be read",
        "postfix trusts 0.0.0.0/0 (mynetworks): anybody, which protects nobody",
        "exim trusts 2000::/3 (relay_from_hosts): anybody, which protects nobody",
    )
