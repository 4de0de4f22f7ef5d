"""Packets are dropped by what ipset with iptables holds: two hosts that are joined, and a listener."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts.ipset_host import MAIL, Firewall, assert_in, change, firewall_host, net, until, wanted
from tests.hosts.namespaces import Namespace, join

pytestmark = pytest.mark.needs("ipset", "iptables", "namespaces")
SERVER, SERVER6 = "192.0.2.25", "2001:db8:1::25"
CLIENT, CLIENT6 = "192.0.2.7", "2001:db8:1::7"
OTHER = 2222
_LISTENER = """
import selectors, socket, sys
listening = selectors.DefaultSelector()
for port in map(int, sys.argv[1:]):
    listening.register(socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True), 1)
print("up", flush=True)
kept = []
while True:
    for key, _ in listening.select():
        kept.append(key.fileobj.accept()[0])
        kept[-1].sendall(b"220 here\\r\\n")
"""
_PATIENCE = 0.4  # seconds; an answer takes a millisecond


@pytest.fixture(params=["nft", "legacy"])
def firewall(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Firewall]:
    with firewall_host(tmp_path, request.param) as made:
        yield made


@pytest.fixture
def world(firewall: Firewall) -> Iterator[Namespace]:
    """A client's host, joined to one that listens on MAIL and OTHER."""
    with Namespace("client") as client:
        join(
            (firewall.host, "eth0", [f"{SERVER}/24", f"{SERVER6}/64"]),
            (client, "eth0", [f"{CLIENT}/24", f"{CLIENT6}/64"]),
        )
        listener = firewall.host.popen(sys.executable, "-c", _LISTENER, str(MAIL), str(OTHER), stdout=subprocess.PIPE)
        assert listener.stdout is not None
        assert listener.stdout.readline() == b"up\n"
        yield client


def _reached(client: Namespace, address: str, port: int) -> bool:
    """A connection is made, and greeted."""
    with client.entered():
        assert_in(client)
        try:
            with socket.create_connection((address, port), _PATIENCE) as connection:
                return connection.recv(100) == b"220 here\r\n"
        except TimeoutError:
            return False


@pytest.mark.parametrize(
    ("server", "client", "around"), [(SERVER, CLIENT, "192.0.2.0/28"), (SERVER6, CLIENT6, "2001:db8:1::/64")]
)
def test_packets_are_dropped(firewall: Firewall, world: Namespace, server: str, client: str, around: str) -> None:
    assert _reached(world, server, MAIL)
    firewall.apply(change(wanted(client)))
    assert not _reached(world, server, MAIL)
    assert _reached(world, server, OTHER)
    entry = firewall.read().entries[net(client), "smtp"]
    assert (entry.packets or 0) >= 1
    assert (entry.octets or 0) >= 40 * (entry.packets or 0)

    firewall.apply(change(wanted(around)))
    count = _counted(firewall, client)
    assert not _reached(world, server, MAIL)
    assert _counted(firewall, client) > count
    assert _counted(firewall, around) == 0, "the narrowest counts it"

    firewall.apply(change(remove=((client, "smtp"),)))
    assert not _reached(world, server, MAIL)
    assert _counted(firewall, around) > 0
    firewall.apply(change(remove=((around, "smtp"),)))
    assert _reached(world, server, MAIL)


def _counted(firewall: Firewall, text: str) -> int:
    return firewall.read().entries[net(text), "smtp"].packets or 0


@pytest.mark.parametrize(("server", "client"), [(SERVER, CLIENT), (SERVER6, CLIENT6)])
def test_scope_all_drops_every_port_and_an_open_connection(
    firewall: Firewall, world: Namespace, server: str, client: str
) -> None:
    with world.entered(), socket.create_connection((server, MAIL), _PATIENCE) as connection:
        assert connection.recv(100) == b"220 here\r\n"
        firewall.apply(change(wanted(client, "all")))
        connection.sendall(b"QUIT\r\n")
        until(lambda: (firewall.read().entries[net(client), "all"].packets or 0) > 0)
    assert not _reached(world, server, OTHER)
    assert not _reached(world, server, MAIL)
    firewall.apply(change(remove=((client, "all"),)))
    assert _reached(world, server, OTHER)
