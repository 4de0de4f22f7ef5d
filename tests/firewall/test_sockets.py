"""TCP sockets as the kernel lists and ends them: real ones, on loopback."""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import NamedTuple

import pytest

from smtpwatch.firewall.sockets import (
    CLOSE,
    CONNECTED,
    ESTABLISHED,
    LISTEN,
    SYN_SENT,
    TIME_WAIT,
    Connection,
    Sockets,
    SocketsError,
)

LOOPBACK, LOOPBACK6 = "127.0.0.1", "::1"
UP = 1 << ESTABLISHED


@dataclass
class Pair:
    """A connection: `server` is its end at the port that was listened on."""

    listener: socket.socket
    client: socket.socket
    server: socket.socket

    @property
    def port(self) -> int:
        return _port(self.listener)


class Seen(NamedTuple):
    state: int
    port: int
    peer: str


@contextmanager
def pair(listens: str = LOOPBACK, connects: str = LOOPBACK) -> Iterator[Pair]:
    with ExitStack() as stack:
        listener = stack.enter_context(listening(listens))
        client = stack.enter_context(socket.create_connection((connects, _port(listener)), 5))
        yield Pair(listener, client, stack.enter_context(listener.accept()[0]))


def listening(address: str) -> socket.socket:
    """On a free port; an IPv6 socket takes IPv4 too."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, 0), family=family, dualstack_ipv6=address == "::")


def _port(end: socket.socket) -> int:
    return int(end.getsockname()[1])


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    with Sockets() as made:
        yield made


def seen(sockets: Sockets, states: int, *ports: int) -> list[Seen]:
    return sorted(Seen(each.state, each.local_port, _peer(each)) for each in sockets.connections(states, ports))


def _peer(connection: Connection) -> str:
    address = ip_address(connection.peer.to_bytes(4 if connection.peer_version == 4 else 16, "big"))
    return str(address)


class TestStates:
    def test_both_ends_of_a_connection_and_who_listens(self, sockets: Sockets) -> None:
        with pair() as made:
            local = _port(made.client)
            ends = sorted([Seen(ESTABLISHED, made.port, LOOPBACK), Seen(ESTABLISHED, local, LOOPBACK)])
            assert seen(sockets, CONNECTED, made.port, local) == ends
            assert seen(sockets, 1 << LISTEN, made.port, local) == [Seen(LISTEN, made.port, "0.0.0.0")]
            assert seen(sockets, UP | 1 << LISTEN, made.port) == [
                Seen(ESTABLISHED, made.port, LOOPBACK), Seen(LISTEN, made.port, "0.0.0.0"),
            ]  # fmt: skip

    def test_inodes_are_those_of_descriptors(self, sockets: Sockets) -> None:
        with pair() as made:
            found = {each.local_port: each.inode for each in sockets.connections(UP, [made.port, _port(made.client)])}
            for end in (made.client, made.server):
                assert os.fstat(end.fileno()).st_ino == found[_port(end)]

    def test_one_that_waits_to_be_accepted_has_none(self, sockets: Sockets) -> None:
        with listening(LOOPBACK) as listener, socket.create_connection(listener.getsockname()):
            assert [each.inode for each in sockets.connections(UP, [_port(listener)])] == [0]

    def test_one_that_is_over_can_carry_nothing(self, sockets: Sockets) -> None:
        with pair() as made:
            port = made.port
            made.server.close()
            assert made.client.recv(1) == b""
            made.client.close()
            assert seen(sockets, 1 << TIME_WAIT, port) == [Seen(TIME_WAIT, port, LOOPBACK)]
            assert seen(sockets, CONNECTED, port) == []

    def test_masks_of_states(self) -> None:
        for state in (ESTABLISHED, SYN_SENT):
            assert CONNECTED & 1 << state
        for state in (LISTEN, TIME_WAIT, CLOSE):
            assert not CONNECTED & 1 << state


class TestFamilies:
    @pytest.mark.parametrize(
        ("listens", "connects", "family", "version"),
        [
            (LOOPBACK, LOOPBACK, socket.AF_INET, 4),
            (LOOPBACK6, LOOPBACK6, socket.AF_INET6, 6),
            ("::", LOOPBACK, socket.AF_INET6, 4),  # mapped: the socket is IPv6's, the peer is IPv4
        ],
    )
    def test_the_peer(self, sockets: Sockets, listens: str, connects: str, family: int, version: int) -> None:
        with pair(listens, connects) as made:
            (found,) = sockets.connections(UP, [made.port])
            assert (found.state, found.local_port) == (ESTABLISHED, made.port)
        assert (found.family, found.peer_version, _peer(found)) == (family, version, connects)


def _place(plain: socket.socket, peer: bool = False) -> tuple[bytes, int]:
    """An end of a connection as `owner` takes it."""
    host, port = (plain.getpeername() if peer else plain.getsockname())[:2]
    return ip_address(host).packed, port


class TestOwner:
    @pytest.mark.parametrize(
        ("listens", "connects"), [(LOOPBACK, LOOPBACK), (LOOPBACK6, LOOPBACK6), ("::", LOOPBACK), ("::", LOOPBACK6)]
    )
    def test_of_either_place(self, sockets: Sockets, listens: str, connects: str) -> None:
        with pair(listens, connects) as made:
            client, server = _place(made.client), _place(made.client, peer=True)
            for own, ends in ((made.client, (client, server)), (made.server, (server, client))):
                assert sockets.owner(*ends) == (os.getuid(), os.fstat(own.fileno()).st_ino)

    def test_who_listens_is_not_it(self, sockets: Sockets) -> None:
        with listening(LOOPBACK) as listener:
            assert sockets.owner(_place(listener), (ip_address(LOOPBACK).packed, 9)) is None

    def test_nobody_has_one_that_is_over(self, sockets: Sockets) -> None:
        with pair() as made:
            ends = _place(made.client), _place(made.client, peer=True)
            made.client.close()
            assert sockets.owner(*ends) is None
            made.server.close()
        assert sockets.owner(*ends) is None

    def test_one_that_never_was(self, sockets: Sockets) -> None:
        address = ip_address("203.0.113.1").packed
        assert sockets.owner((address, 1), (address, 2)) is None


class TestPorts:
    def test_none_is_all(self, sockets: Sockets) -> None:
        with pair() as one, pair(LOOPBACK6, LOOPBACK6) as other:
            mine = {one.port, _port(one.client), other.port, _port(other.client)}
            # The machine's other sockets come and go meanwhile.
            assert mine <= {each.port for each in seen(sockets, UP)}
            assert mine <= {each.port for each in seen(sockets, UP, *range(1 << 11), *mine)}

    @pytest.mark.parametrize("count", [1, 2, 3, 5])
    def test_those_alone(self, sockets: Sockets, count: int) -> None:
        """Each of them is found, in whatever place it is asked for, and no other."""
        with ExitStack() as stack:
            made = [stack.enter_context(pair()) for _ in range(6)]
            for first in range(len(made)):
                ports = [(made * 2)[first + at].port for at in range(count)]
                assert seen(sockets, UP, *ports) == sorted(Seen(ESTABLISHED, port, LOOPBACK) for port in ports)

    @pytest.mark.parametrize("port", [1, 255, 256, 65535])
    def test_one_that_nobody_has(self, sockets: Sockets, port: int) -> None:
        with pair():
            assert seen(sockets, UP, port) == []

    def test_of_listeners_and_of_both_families(self, sockets: Sockets) -> None:
        with listening(LOOPBACK) as one, listening(LOOPBACK6) as other, listening(LOOPBACK6):
            ports = _port(one), _port(other)
            assert {each.port for each in seen(sockets, 1 << LISTEN, *ports)} == set(ports)


@pytest.mark.needs("root")
class TestEnd:
    def test_is_a_reset(self, sockets: Sockets) -> None:
        with pair() as made, pair() as other:
            assert _end(sockets, list(sockets.connections(UP, [made.port]))) == 1
            with pytest.raises(ConnectionResetError):
                made.client.recv(1)
            other.client.sendall(b"x")
            assert other.server.recv(1) == b"x"

    @pytest.mark.parametrize(("listens", "connects"), [(LOOPBACK6, LOOPBACK6), ("::", LOOPBACK)])
    def test_of_either_family(self, sockets: Sockets, listens: str, connects: str) -> None:
        with pair(listens, connects) as made:
            assert _end(sockets, list(sockets.connections(UP, [made.port]))) == 1
            with pytest.raises(ConnectionResetError):
                made.client.recv(1)

    def test_counts_those_that_were_there_still(self, sockets: Sockets) -> None:
        with ExitStack() as stack:
            made = [stack.enter_context(pair()) for _ in range(3)]
            found = list(sockets.connections(UP, [each.port for each in made]))
            assert _end(sockets, found[:1]) == 1
            assert _end(sockets, found) == 2  # the first is gone, which is what was wanted
            assert _end(sockets, found) == 0

    def test_is_not_that_of_another_between_the_same_addresses(self, sockets: Sockets) -> None:
        """The kernel knows it by a number too, which no two have."""
        with pair() as made:
            (found,) = sockets.connections(UP, [made.port])
            other = bytes(byte ^ 0xFF for byte in found.id[-8:])
            assert _end(sockets, [found._replace(id=found.id[:-8] + other)]) == 0
            made.client.sendall(b"x")
            assert made.server.recv(1) == b"x"


def test_a_namespace_that_is_gone() -> None:
    with pytest.raises(SocketsError, match=r"^sockets: No such file or directory$"):
        Sockets("/proc/0/ns/net")


def _end(sockets: Sockets, connections: list[Connection]) -> int:
    """Skips where the kernel was built without."""
    try:
        return sockets.end(connections)
    except SocketsError as error:
        if os.strerror(errno.EOPNOTSUPP) not in str(error):
            raise
        pytest.skip(str(error))
