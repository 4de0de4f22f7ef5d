"""Which connections are looked up, and how much that may take: real sockets of real processes, with what the kernel
would tell of their first segments made here. With real segments it is all tested in tests/hosts/test_owners.py."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any

import pytest

from collectors.host import owners as module
from collectors.host.allowance import MOST, SHARE
from collectors.host.holders import Holder, Holders
from collectors.host.networks import AGE, Networks
from collectors.host.owners import REMEMBERED, REPEATED, Owners, open_owners
from collectors.host.syns import Syn
from smtpwatch.config import Config
from smtpwatch.events import ProcessSeen

NOW = 1_796_000_000.0
SERVER = "127.0.0.1"


class FakeSyns:
    """Segments that a test puts there."""

    def __init__(self, ports: Sequence[int]) -> None:
        self.coming: list[Syn] = []
        self.filtered: list[Collection[bytes]] = []
        self.reads = 0

    def filter(self, own: Collection[bytes]) -> None:
        self.filtered.append(own)

    def read(self) -> Syn | None:
        self.reads += 1
        return self.coming.pop(0) if self.coming else None

    def dropped(self) -> int:
        return 0

    def fileno(self) -> int:
        return -1

    def close(self) -> None:
        pass


class Host:
    """Owners, and connections of this very process that they are told of."""

    def __init__(self, owners: Owners) -> None:
        self.owners = owners
        self.syns: FakeSyns = owners._syns  # type: ignore[assignment]
        self._number = 0

    def begins(self, client: socket.socket, **fields: Any) -> Syn:
        """A connection of `client`'s; with other `fields`, as it is seen elsewhere."""
        self._number += 1
        source, server = client.getsockname(), client.getpeername()
        syn = Syn(_packed(source[0]), source[1], _packed(server[0]), server[1], self._number, "lo")
        syn = syn._replace(**fields)
        self.syns.coming.append(syn)
        return syn

    def told(self, now: float = NOW) -> list[tuple[int, int]]:
        """Process id and client port of each that is told."""
        return [(event.pid, event.client_port) for event in self.owners.read(now)]


def _packed(text: str) -> bytes:
    return ip_address(text).packed


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """To which loopback is elsewhere, though its addresses are known."""
    monkeypatch.setattr(module, "Syns", FakeSyns)
    monkeypatch.setattr(Networks, "is_ours", lambda self, address: False)
    with Owners(Config(), "mx") as owners:
        yield Host(owners)


@contextmanager
def _connected(server: str = SERVER) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with (
        socket.create_server((server, 0), family=family) as listener,
        socket.create_connection(listener.getsockname()[:2]) as client,
    ):
        yield client


@pytest.mark.parametrize("server", ["127.0.0.1", "::1"])
def test_told(host: Host, server: str) -> None:
    with _connected(server) as client:
        host.begins(client)
        (event,) = host.owners.read(NOW)
        port, server_port = client.getsockname()[1], client.getpeername()[1]
    assert isinstance(event, ProcessSeen)
    assert (event.time, event.sensor, event.host) == (NOW, "host", "mx")
    assert (event.source, event.client_port, event.server, event.server_port) == (server, port, server, server_port)
    assert (event.pid, event.uid, event.parent) == (os.getpid(), os.getuid(), os.getppid())
    assert event.directory == os.getcwd()  # noqa: PTH109


class TestOnce:
    def test_sent_again_and_on_other_interfaces(self, host: Host) -> None:
        with _connected() as client:
            syn = host.begins(client)
            host.syns.coming += [syn._replace(interface="br0"), syn]
            me = (os.getpid(), syn.client_port)
            assert host.told() == [me]
            host.syns.coming.append(syn)
            assert host.told(NOW + REPEATED) == []
            host.syns.coming.append(syn._replace(number=77))
            assert host.told(NOW + REPEATED) == [me], "another connection between the same ends"

    def test_with_the_address_that_a_router_gave_it(self, host: Host) -> None:
        """Whichever is seen first: with another address it has no owner."""
        with _connected() as client:
            syn = host.begins(client, client_port=9)
            host.syns.coming += [syn._replace(client_port=client.getsockname()[1]), syn]
            assert host.told() == [(os.getpid(), client.getsockname()[1])]

    def test_what_is_remembered_has_an_end(self, host: Host) -> None:
        for number in range(REMEMBERED + 10):
            host.owners._remember((b"", 25, number), NOW)
        assert len(host.owners._seen) == REMEMBERED
        host.owners._remember((b"", 25, 0), NOW + REPEATED + 1)
        assert len(host.owners._seen) == 1
        host.owners._remember((b"", 25, 1), NOW - 3_600)
        assert len(host.owners._seen) == 1, "the clock was set back"


class TestNotTold:
    def test_those_to_ourselves(self, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Networks, "is_ours", lambda self, address: True)
        with _connected() as client:
            host.begins(client)
            assert host.told() == []

    def test_those_that_only_come_through(self, host: Host) -> None:
        with _connected() as client:
            host.begins(client, source=_packed("203.0.113.1"))
            assert host.told() == []
        assert host.owners.missed == 0

    def test_one_that_is_over(self, host: Host) -> None:
        with _connected() as client:
            host.begins(client)
        assert host.told() == []

    def test_the_mail_servers_own(self, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Holders, "find", lambda *_: Holder(os.getpid(), True))
        with _connected() as client:
            host.begins(client)
            assert host.told() == []
        assert host.owners.missed == 0

    def test_one_whose_process_is_not_found(self, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Holders, "find", lambda *_: None)
        with _connected() as client:
            host.begins(client)
            assert host.told() == []
        assert host.owners.missed == 1


class TestTime:
    """A clock of processor time on which a look-up takes what the test says."""

    @pytest.fixture
    def spent(self, host: Host, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        """Its one item is what each look-up takes; all else is for nothing."""
        takes, clock = [0.0], [0.0]
        found = Holders.find

        def find(*arguments: object) -> Holder | None:
            clock[0] += takes[0]
            return found(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(Holders, "find", find)
        monkeypatch.setattr(time, "thread_time", lambda: clock[0])
        return takes

    def test_what_takes_too_long_rests(self, host: Host, spent: list[float]) -> None:
        spent[0] = MOST / 2
        with _connected() as client:
            for _ in range(5):
                host.begins(client)
            assert len(host.told()) == 2
            rest = host.owners.resting(NOW)
            assert 0 < rest < 1
            reads = host.syns.reads
            assert host.told(NOW + rest / 2) == []
            assert host.syns.reads == reads, "the kernel keeps them"
            assert len(host.told(NOW + rest)) == 1
            assert host.owners.resting(NOW - 3_600) == 0, "the clock was set back"

    def test_the_share(self, host: Host, spent: list[float]) -> None:
        spent[0] = SHARE / 10  # ten a second
        with _connected() as client:
            for _ in range(3_000):
                host.begins(client)
            told = sum(len(host.told(NOW + tick / 100)) for tick in range(10_000))
        assert told == pytest.approx(1_000 + MOST / spent[0], abs=5)

    def test_the_mail_server_leaves_time_for_others(
        self, host: Host, spent: list[float], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever runs as the mail server's user waits for its turn; others do not."""
        spent[0] = MOST / 10
        monkeypatch.setattr("collectors.host.holders.is_mail_server", lambda *_: True)
        with _connected() as client:
            for _ in range(20):
                host.begins(client)
            assert host.told() == []
            assert host.owners.missed == 14
            host.owners._servers.clear()
            monkeypatch.setattr(Holders, "find", lambda *_: Holder(os.getpid(), False))
            host.begins(client)
            assert len(host.told()) == 1

    def test_strangers_leave_time_for_others(self, host: Host, spent: list[float]) -> None:
        """Nobody's namespace is looked for while there is little time."""
        host.told()
        host.owners._allowance.spend(MOST * 0.9)
        with _connected() as client:
            looked = host.owners._networks._looked
            host.begins(client, source=_packed("203.0.113.1"))
            host.begins(client)
            assert len(host.told(NOW + 1)) == 1
            assert host.owners._networks._looked == looked


def test_own_addresses_are_left_to_the_kernel(host: Host) -> None:
    host.told()
    host.told(NOW + AGE)
    (own,) = host.syns.filtered
    assert _packed("127.0.0.1") in own


@pytest.mark.needs("setpriv", "root")
def test_who_may_not_know_goes_without() -> None:
    code = "import os; os.setgroups([]); os.setuid(65534); print(open_owners(Config(), 'mx'))"
    imports = "from collectors.host.owners import open_owners; from smtpwatch.config import Config; "
    ran = subprocess.run([sys.executable, "-c", imports + code], capture_output=True, check=True)
    assert ran.stdout == b"None\n"


@pytest.mark.needs("root")
def test_who_may_knows() -> None:
    owners = open_owners(Config(), "mx")
    assert owners is not None
    with owners:
        assert owners.fileno() > 0
        owners.read(NOW)
