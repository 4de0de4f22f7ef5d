"""Questions to a name server: a real one, in a network namespace of its own."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from smtpwatch.lookup import resolver as module
from smtpwatch.lookup.names import Name, Names, ResolverError
from smtpwatch.lookup.resolver import Resolver, servers
from tests.hosts.name_server import ADDRESS, NameServer
from tests.hosts.namespaces import Namespace

pytestmark = pytest.mark.needs("namespaces")

HOSTS = {
    "mail.example.net": "203.0.113.7",
    "smtp6.example.com": "2001:db8:6::25",
    "liar.example.org": "203.0.113.8",
}
POINTERS = {
    "203.0.113.7": (b"mail", b"example", b"net"),
    "2001:db8:6::25": (b"smtp6", b"example", b"com"),
    "203.0.113.9": (b"liar", b"example", b"org"),
    "203.0.113.10": (b"gone", b"example", b"org"),
    "203.0.113.66": (b"\x1b[2J[red]", b"a.b\\", b"\xff\xfe example"),
    "203.0.113.67": (b"a" * 63, b"a" * 63, b"a" * 63, b"a" * 61),
    "203.0.113.68": (),
}


@pytest.fixture(scope="module")
def lab() -> Iterator[Namespace]:
    with Namespace("names") as namespace, NameServer(namespace, HOSTS, POINTERS):
        yield namespace


@pytest.fixture
def silent() -> Iterator[Namespace]:
    """A host whose resolver is not there."""
    with Namespace("silent") as namespace:
        yield namespace


def _asked(lab: Namespace, question: str, *arguments: object) -> tuple[str, ...]:
    with lab.entered():  # the sockets of this thread
        answer: tuple[str, ...] = asyncio.run(getattr(Resolver((ADDRESS,)), question)(*arguments))
    return answer


def test_pointers(lab: Namespace) -> None:
    assert _asked(lab, "pointers", "203.0.113.7") == ("mail.example.net.",)
    assert _asked(lab, "pointers", "2001:db8:6::25") == ("smtp6.example.com.",)
    assert _asked(lab, "pointers", "192.0.2.1") == ()


def test_addresses(lab: Namespace) -> None:
    assert _asked(lab, "addresses", "mail.example.net", 4) == ("203.0.113.7",)
    assert _asked(lab, "addresses", "mail.example.net", 6) == (), "it is there, without an AAAA"
    assert _asked(lab, "addresses", "smtp6.example.com", 6) == ("2001:db8:6::25",)
    assert _asked(lab, "addresses", "gone.example.org", 4) == ()


def test_what_cannot_be_asked(lab: Namespace) -> None:
    with pytest.raises(ResolverError):
        _asked(lab, "addresses", "a" * 64 + ".example", 4)


def test_nobody_answers(silent: Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT", 0.2)
    monkeypatch.setattr(module, "LIFETIME", 0.3)
    with pytest.raises(ResolverError):
        _asked(silent, "pointers", "203.0.113.7")


def test_names_of_a_real_server(lab: Namespace) -> None:
    async def ask() -> dict[str, Name | None]:
        names = Names(Resolver((ADDRESS,)))
        wished = (*POINTERS, "203.0.113.11")
        task = asyncio.create_task(names.run())
        end = time.monotonic() + 20
        while None in [names.of(address) for address in wished] and time.monotonic() < end:
            await asyncio.sleep(0.05)
        task.cancel()
        return {address: names.of(address) for address in wished}

    with lab.entered():
        assert asyncio.run(ask()) == {
            "203.0.113.7": Name("mail.example.net", "confirmed"),
            "2001:db8:6::25": Name("smtp6.example.com", "confirmed"),
            "203.0.113.9": Name("liar.example.org", "unconfirmed"),
            "203.0.113.10": Name("gone.example.org", "unconfirmed"),
            "203.0.113.66": Name("", "none"),
            "203.0.113.67": Name(".".join(("a" * 63, "a" * 63, "a" * 63, "a" * 61)), "unconfirmed"),
            "203.0.113.68": Name("", "none"),
            "203.0.113.11": Name("", "none"),
        }


class Hanging(asyncio.DatagramProtocol):
    """A name server that takes questions and never answers."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.asked.set()


def test_the_end_does_not_wait_for_a_server_that_hangs(lab: Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT", 3600.0)
    monkeypatch.setattr(module, "LIFETIME", 3600.0)

    async def ask() -> None:
        transport, server = await asyncio.get_running_loop().create_datagram_endpoint(Hanging, (ADDRESS, 0))
        names = Names(Resolver((ADDRESS,), transport.get_extra_info("sockname")[1]))
        task = asyncio.create_task(names.run())
        names.of("203.0.113.7")
        await server.asked.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        transport.close()
        assert names.of("203.0.113.7") is None

    with lab.entered():
        asyncio.run(ask())


def test_the_servers_of_resolv_conf(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import dns.resolver

    conf = tmp_path / "resolv.conf"
    read = dns.resolver.BaseResolver.read_resolv_conf
    monkeypatch.setattr(dns.resolver.BaseResolver, "read_resolv_conf", lambda self, _: read(self, str(conf)))
    conf.write_text("search example.net\nnameserver 192.0.2.53\nnameserver 2001:db8::53\n")
    assert servers() == ("192.0.2.53", "2001:db8::53")
    for text in ("", "search example.net\n", "nameserver nonsense\n", "\xff\n"):
        conf.write_text(text, "latin-1")
        with pytest.raises(ResolverError):
            servers()
    conf.unlink()
    with pytest.raises(ResolverError):
        servers()
