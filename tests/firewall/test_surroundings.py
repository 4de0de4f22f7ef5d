"""What is protected on this host, read from files of the kernel's and the system's form."""

import sys
from collections import namedtuple
from pathlib import Path
from socket import AF_INET, AF_INET6, AF_PACKET

import psutil
import pytest

from smtpwatch.config import Config
from smtpwatch.firewall import surroundings as module
from smtpwatch.firewall.guard import Protected
from smtpwatch.firewall.surroundings import Surroundings, own_addresses, resolvers
from smtpwatch.trusted import Trusted, TrustedNetwork
from tests.firewall.fakes import nets
from tests.hosts.namespaces import Namespace, join


def listed(found: object) -> list[tuple[str, str, str]]:
    return [(str(each.network), each.kind, each.says) for each in found]  # type: ignore[attr-defined]


@pytest.mark.needs("namespaces")
def test_gateways_of_every_table_and_addresses_that_no_interface_has() -> None:
    ask = (
        "from smtpwatch.firewall.surroundings import gateways, local_routes\n"
        "for each in (*gateways(), *local_routes()): print(each.network, each.kind, each.says)"
    )
    with Namespace("routed") as made, Namespace("beside") as other:
        join((made, "eth0", ("192.0.2.25/24", "2001:db8::25/64")), (other, "eth0", ("192.0.2.1/24",)))
        for words in (
            "route add default nexthop via 192.0.2.1 nexthop via 192.0.2.2",
            "route add default via 192.0.2.3 table 100",
            "route add 10.0.0.0/8 via 192.0.2.4",
            "-6 route add default via fe80::1 dev eth0",
            "route add 198.18.0.0/15 via inet6 fe80::2 dev eth0",
            "route add default via inet6 fe80::3 dev eth0 table 101",
            "route add local 198.51.100.0/28 dev lo",
            "route add local 0.0.0.0/0 dev lo table 102",
        ):
            made.ip(*words.split())
        told = made.run(sys.executable, "-c", ask).stdout.decode().splitlines()
        assert sorted(told) == [
            "192.0.2.1/32 gateway the default gateway (eth0)",
            "192.0.2.2/32 gateway the default gateway (eth0)",
            "192.0.2.3/32 gateway the default gateway (eth0)",
            "198.51.100.0/28 own address an address of this host (a local route)",
            "fe80::1/128 gateway the default gateway (eth0)",
            "fe80::3/128 gateway the default gateway (eth0)",
        ]


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
    for name in ("own_addresses", "gateways", "resolvers", "routes"):
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


def test_whom_the_mail_server_trusts_is_known_though_it_cannot_be_asked_for_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("own_addresses", "gateways", "resolvers", "routes"):
        monkeypatch.setattr(module, name, list)
    told = [
        Trusted((TrustedNetwork(nets("10.1.0.0/16")[0], "postfix", "mynetworks"),), ()),
        Trusted((), ("postconf took longer than 10 s",)),
        Trusted((), ()),
    ]
    made = Surroundings(Config(), lambda: told.pop(0))
    seen = []
    for _ in range(3):
        made.look()
        seen.append([str(each.network) for each in made.protected() if each.kind == "mynetworks"])
    assert seen == [["10.1.0.0/16"], ["10.1.0.0/16"], []]


def test_what_is_not_routed_in_the_world_is_not_anybody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("own_addresses", "gateways", "resolvers", "routes"):
        monkeypatch.setattr(module, name, list)
    ours = ("fd00::/8", "fc00::/7", "fe80::/10", "10.0.0.0/8")
    networks = (*nets(*ours), *nets("2000::/3", "f000::/4"))
    made = Surroundings(
        Config(), lambda: Trusted(tuple(TrustedNetwork(each, "postfix", "mynetworks") for each in networks), ())
    )
    made.look()
    assert {str(each.network) for each in made.protected() if each.kind == "mynetworks"} == set(ours)
    assert len(made.notes) == 2
