"""The port that a process has open: of real processes, with real connections, in a network namespace."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from collectors.logs import sockets
from collectors.logs.sockets import AGAIN, Ports, client_port
from smtpwatch import events as ev
from tests.hosts.namespaces import Namespace

pytestmark = [pytest.mark.needs("namespaces"), pytest.mark.xdist_group("hosts")]

HOST = socket.gethostname()
SMTPD = "postfix/smtpd"
ADDRESSES = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}

# A server that takes as many connections as it is told to on its standard input, and keeps them.
_SERVER = """
import socket, sys
family, kept = socket.AddressFamily(int(sys.argv[1])), []
if sys.argv[2] == "mapped":
    listener = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
else:
    listener = socket.create_server((sys.argv[2], 0), family=family)
other = socket.socketpair()
print(listener.getsockname()[1], flush=True)
for line in sys.stdin:
    if line == "take\\n":
        kept.append(listener.accept()[0])
    elif line == "drop\\n":
        kept.pop(0).close()
    elif line == "dial\\n":
        listener.settimeout(5)
        mine = socket.create_connection(listener.getsockname()[:2])
        kept += [mine, listener.accept()[0]]
    print("done", flush=True)
"""


class Server:
    """A process that serves clients in a namespace."""

    def __init__(self, namespace: Namespace, family: int, mapped: bool) -> None:
        self._namespace = namespace
        self.address = ADDRESSES[socket.AddressFamily(family)]
        bound = "mapped" if mapped else self.address
        with namespace.entered():
            self.process = subprocess.Popen(
                [sys.executable, "-c", _SERVER, str(int(family)), bound],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
        assert self.process.stdout is not None
        self._port = int(self.process.stdout.readline())
        self._clients: list[socket.socket] = []

    def order(self, word: str) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"

    def client(self) -> int:
        """A client that it serves; its port."""
        with self._namespace.entered():
            client = socket.create_connection((self.address, self._port))
        self._clients.append(client)
        self.order("take")
        port: int = client.getsockname()[1]
        return port

    def connected(self, at: float, port: int = 0, host: str = HOST) -> ev.ClientConnected:
        """The line of it."""
        return ev.ClientConnected(at, "log", host, SMTPD, self.process.pid, "connect from", self.address, port, "")

    def gone(self, at: float) -> ev.ClientDisconnected:
        return ev.ClientDisconnected(at, "log", HOST, SMTPD, self.process.pid, "disconnect", self.address, 0, "")

    def close(self) -> None:
        for client in self._clients:
            client.close()
        self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="module")
def namespace() -> Iterator[Namespace]:
    with Namespace("sockets") as made:
        yield made


@contextmanager
def serving(namespace: Namespace, family: int = socket.AF_INET, mapped: bool = False) -> Iterator[Server]:
    server = Server(namespace, family, mapped)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def server(namespace: Namespace) -> Iterator[Server]:
    with serving(namespace) as made:
        yield made


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_the_clients_port(namespace: Namespace, family: int) -> None:
    with serving(namespace, family) as server:
        port = server.client()
        assert client_port(server.process.pid, server.address) == port
        server.order("drop")
        assert client_port(server.process.pid, server.address) == 0


def test_an_ipv4_client_of_an_ipv6_socket(namespace: Namespace) -> None:
    """As Postfix has them with inet_protocols = all on some systems: ::ffff:127.0.0.1."""
    with serving(namespace, mapped=True) as server:
        port = server.client()
        assert client_port(server.process.pid, "127.0.0.1") == port


def test_of_two_connections_with_one_address_none_is_told(server: Server) -> None:
    """A content filter, or a policy server, beside the client."""
    server.client()
    server.order("dial")
    assert client_port(server.process.pid, server.address) == 0


def test_who_cannot_be_looked_at(server: Server) -> None:
    server.client()
    pid = server.process.pid
    assert client_port(pid, "203.0.113.7") == 0
    assert client_port(pid, "") == 0
    assert client_port(2**31 - 1, server.address) == 0
    assert client_port(10**10, server.address) == 0
    assert client_port(0, server.address) == 0
    assert client_port(-1, server.address) == 0


def test_a_kernel_that_cannot(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.client()
    monkeypatch.delattr(os, "pidfd_open")
    assert client_port(server.process.pid, server.address) == 0


def test_no_descriptor_is_left_open(server: Server) -> None:
    server.client()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(200):
        client_port(server.process.pid, server.address)
        client_port(2**31 - 1, server.address)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_look_is_cheap(server: Server) -> None:
    server.client()
    began = time.process_time()
    for _ in range(200):
        client_port(server.process.pid, server.address)
    assert (time.process_time() - began) / 200 < 0.002


def seen(ports: Ports, events: list[ev.Event], now: float) -> list[tuple[float, int, str, int]]:
    found = []
    for each in ports.seen(events, now):
        assert isinstance(each, ev.ClientPortSeen)
        found.append((each.time, each.pid, each.source, each.client_port))
    return found


def test_once_when_it_is_read_and_once_more(server: Server) -> None:
    port, ports = server.client(), Ports()
    told = (server.process.pid, server.address, port)
    assert seen(ports, [server.connected(99.9)], 100.0) == [(100.0, *told)]
    assert seen(ports, [], 100.5) == []
    assert seen(ports, [], 100.0 + AGAIN) == [(100.0 + AGAIN, *told)]
    assert seen(ports, [], 110.0) == []


def test_who_is_gone_is_not_looked_at(server: Server) -> None:
    server.client()
    ports = Ports()
    assert seen(ports, [server.connected(99.9), server.gone(99.95)], 100.0) == []
    assert len(seen(ports, [server.connected(100.9)], 101.0)) == 1
    assert seen(ports, [server.gone(101.5)], 101.0 + AGAIN) == []


@pytest.mark.parametrize(
    ("stamp", "fresh"),
    [(99.9, True), (99.1, True), (98.5, False), (100.5, False), (99.0, True), (98.0, True), (97.0, False)],
)
def test_only_what_was_just_written(server: Server, stamp: float, fresh: bool) -> None:
    """Old lines, and those of a clock that is not this host's, say nothing of what a process does now. A stamp in whole
    seconds may be of all of its second."""
    server.client()
    assert bool(seen(Ports(), [server.connected(stamp)], 100.0)) is fresh


def test_a_port_that_is_logged_needs_no_look(server: Server) -> None:
    server.client()
    assert seen(Ports(), [server.connected(99.9, port=4_711)], 100.0) == []


def test_processes_of_other_hosts_are_not_here(server: Server) -> None:
    """A central log: the number is that of a process of this host too, by chance, and so is the client's address."""
    server.client()
    other = server.connected(99.9, host="another")
    assert len(seen(Ports(), [server.connected(99.9), other], 100.0)) == 1
    assert len(seen(Ports(), [other, server.connected(99.9)], 100.0)) == 1
    ports = Ports()
    seen(ports, [ev.ClientConnected(99.9, "log", HOST, SMTPD, 2**31 - 1, "", server.address, 0, "")], 100.0)
    assert seen(ports, [other], 100.0) == []


def test_other_programs_are_not_looked_at(server: Server) -> None:
    server.client()
    head = (99.9, "log", HOST, "postfix/postscreen", server.process.pid, "")
    assert seen(Ports(), [ev.ClientConnected(*head, server.address, 0, "")], 100.0) == []


def test_what_is_remembered_is_bounded(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "OPEN", 10)
    ports = Ports()
    for n in range(100):
        ports.seen([ev.ClientConnected(99.9, "log", HOST, SMTPD, 10**6 + n, "", server.address, 0, "")], 100.0)
    assert len(ports._open) <= 11
