"""A real OpenSMTPD: what its log says, as facts, is what its clients saw and its next hop answered."""

import base64
import re
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar

import pytest

from collectors.logs.reader import Reader
from smtpwatch import events as ev
from smtpwatch.events import Event
from tests.hosts.client import Client
from tests.hosts.confined import UNPACKED, Confined
from tests.hosts.mail_hosts import CLIENT, FAR_MX, INTERFACE, MX, MX_NAME
from tests.hosts.namespaces import Namespace, join
from tests.hosts.next_hop import ACCEPTED, NextHop
from tests.hosts.opensmtpd import CIPHERS, COMMAND, PACKAGES, opensmtpd

pytestmark = [
    pytest.mark.xdist_group("hosts"),
    pytest.mark.needs("namespaces", "openssl"),
    pytest.mark.skipif(not all((UNPACKED / name).exists() for name in PACKAGES), reason="not unpacked (make debian)"),
]

_NAME = "client.example.com"
_PASSWORD = "correct-horse-9-battery"
_LATER, _GONE = '451 4.7.1 Later "please" result="Ok"', "550 5.1.1 User unknown"
_FORGED = '" result="250 ok" address=9.9.9.9 host=x'
_SECRETS = (_PASSWORD, "wrong-1")
Fact = TypeVar("Fact", bound=ev.LogEvent)


def _plain(user: str, password: str) -> str:
    return "AUTH PLAIN " + base64.b64encode(f"\0{user}\0{password}".encode()).decode()


class Scene:
    """The server, and clients in the world around it."""

    def __init__(self, world: Namespace, server: Confined) -> None:
        self._world = world
        self._server = server
        self.tls = ssl.create_default_context()
        self.tls.check_hostname = False
        self.tls.verify_mode = ssl.CERT_NONE
        self.tls.maximum_version = ssl.TLSVersion.TLSv1_2
        self.tls.set_ciphers(CIPHERS)

    def client(self, port: int = 25) -> Client:
        with self._world.entered():
            client = Client(MX, port, source=CLIENT, tls=self.tls if port == 465 else None, name=MX_NAME)
        client.reply()
        return client

    def session(self, play: Callable[[], object], ends: str = "smtp disconnected") -> list[Event]:
        """The facts of the one session that `play` is: its lines begin with the same id."""
        before = len(self._server.lines())
        play()
        found: list[str] = []

        def over(lines: list[str]) -> bool:
            here = lines[before:]
            ids = [
                match[1] for line in here if (match := re.search(rf"(\w{{16}}) smtp connected address={CLIENT}", line))
            ]
            found[:] = [line for line in here if ids and ids[0] in line]
            return any(ends in line for line in found)

        self._server.until(over)
        return facts(found)

    def deliveries(self, msgid: str, count: int) -> dict[str, ev.Delivery]:
        """What became of a message, by recipient."""
        lines = self._server.until(lambda lines: len(_about(lines, msgid)) >= count)
        return {told.recipient: told for told in of(ev.Delivery, facts(_about(lines, msgid)))}

    def bounce(self) -> list[Event]:
        """The facts of the session in which a bounce is put into the queue: it comes from this host."""
        local = " smtp connected address=local"
        lines = self._server.until(lambda lines: any(local in line for line in lines))
        return facts([line for line in lines if local in line])

    def lines(self) -> list[str]:
        return self._server.lines()


def _about(lines: list[str], msgid: str) -> list[str]:
    return [line for line in lines if f" delivery evpid={msgid}" in line]


def facts(lines: list[str]) -> list[Event]:
    """What the reader makes of raw lines; each is understood."""
    reader = Reader("mx", UTC, time.time())
    told = reader.read(lines)
    assert reader.unknown == {}, reader.samples
    return told


def of(kind: type[Fact], events: list[Event]) -> list[Fact]:
    return [event for event in events if isinstance(event, kind)]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    scratch: Path = tmp_path_factory.mktemp("opensmtpd")
    with Namespace("mx") as mx, Namespace("world") as world:
        join((mx, INTERFACE, (f"{MX}/24",)), (world, INTERFACE, (f"{CLIENT}/24", f"{FAR_MX}/24")))
        mx.ip("route", "add", "default", "via", CLIENT)
        with (
            NextHop(world, FAR_MX, {"later": _LATER, "gone": _GONE}),
            opensmtpd(
                mx, scratch, address=MX, hostname=MX_NAME, domain="example.org", recipients=["alice@example.org",
                "bob@example.org"], accounts={"bob": _PASSWORD}, next_hop=FAR_MX, names={CLIENT: _NAME, MX: MX_NAME},
            ) as server,
        ):  # fmt: skip
            server.start(*COMMAND)
            server.until(lambda lines: any("starting" in line for line in lines))
            while mx.run("ss", "-Hltn", "sport = :587").stdout == b"":
                time.sleep(0.05)
            yield Scene(world, server)


def test_a_message_is_taken_and_delivered(scene: Scene) -> None:
    msgid = ""

    def play() -> None:
        nonlocal msgid
        client = scene.client()
        client.command("EHLO client.example.com")
        client.command("MAIL FROM:<carol@example.com>")
        client.command("RCPT TO:<alice@example.org>")
        msgid = client.message(b"Subject: hello\r\n\r\nx").text.split()[1]
        client.quit()

    told = scene.session(play)
    (connected,) = of(ev.ClientConnected, told)
    assert (connected.source, connected.name) == (CLIENT, _NAME)
    received = of(ev.MessageReceived, told)
    assert {fact.queue_id for fact in received} == {msgid}
    assert [(fact.sender, fact.recipients) for fact in received if fact.recipients] == [
        ("carol@example.com", ("alice@example.org",))
    ]
    assert [fact.reason for fact in of(ev.ClientDisconnected, told)] == ["quit"]
    delivered = scene.deliveries(msgid, 1)["alice@example.org"]
    assert (delivered.status, delivered.reply, delivered.sender) == ("sent", "Delivered", "carol@example.com")


def test_refusals_are_as_the_client_saw_them(scene: Scene) -> None:
    seen: list[tuple[str, int, str]] = []

    def play() -> None:
        client = scene.client()
        client.command("EHLO a")
        for command in (
            "MAIL FROM:<unwanted@example.com>",
            "MAIL FROM:<carol@example.com>",
            "RCPT TO:<nobody@example.org>",
            "RCPT TO:<dave@example.net>",
            "DATA",
            "VRFY alice",
        ):
            reply = client.command(command)
            if reply.code >= 400:
                seen.append((command[:4], reply.code, f"{reply.code} {reply.text}"))
        client.quit()

    told = of(ev.Refused, scene.session(play))
    assert [(fact.stage, fact.code, fact.reply) for fact in told] == seen
    assert {fact.source for fact in told} == {""}
    assert [fact.recipient for fact in told if fact.recipient] == ["nobody@example.org", "dave@example.net"]
    assert [fact.reason for fact in told][1:3] == ["unknown user", "unknown user"]
    assert told[0].sender == "unwanted@example.com"


def test_what_a_client_forges_is_no_fact(scene: Scene) -> None:
    def play() -> None:
        client = scene.client()
        client.command(f"EHLO x{_FORGED}")
        client.command("EHLO x")
        client.command(f"MAIL FROM:<a{_FORGED}>")
        client.command("MAIL FROM:<a@example.com>")
        client.command(f'RCPT TO:<"a{_FORGED}"@example.org>')
        client.command(f"VRFY {_FORGED}")
        client.command(f"NOOP {_FORGED}")
        client.quit()

    told = scene.session(play)
    assert {fact.source for fact in told if isinstance(fact, ev.ClientEvent)} == {"", CLIENT}
    assert [(fact.source, fact.name) for fact in of(ev.ClientConnected, told)] == [(CLIENT, _NAME)]
    refused = of(ev.Refused, told)
    assert {"EHLO", "MAIL", "RCPT", "NOOP"} <= {fact.stage for fact in refused}
    assert all((fact.code, fact.reply) == (0, "") for fact in refused)


def test_logins(scene: Scene) -> None:
    def play() -> None:
        client = scene.client(587)
        client.command("EHLO a")
        client.command(_plain("bob", _PASSWORD))
        client.starttls(scene.tls, MX_NAME)
        client.command("EHLO a")
        assert client.command(_plain("bob", "wrong-1")).code == 535
        assert client.command(_plain("x result=ok address=9.9.9.9", "wrong-1")).code == 535
        assert client.command(_plain("bob", _PASSWORD)).code == 235
        client.command(_plain("bob", _PASSWORD))
        client.quit()

    told = scene.session(play)
    assert [(fact.outcome, fact.account) for fact in of(ev.LoginTried, told)] == [
        ("failure", "bob"),
        ("failure", r"x\040result=ok\040address=9.9.9.9"),
        ("success", "bob"),
    ]
    (tls,) = of(ev.TlsEstablished, told)
    assert tls.version == "TLSv1.2"
    assert of(ev.Refused, told) == []


def test_submission_under_tls_from_the_start_and_what_the_next_hop_says(scene: Scene) -> None:
    msgid, cipher = "", ("", "")

    def play() -> None:
        nonlocal msgid, cipher
        client = scene.client(465)
        cipher = client.tls or cipher
        client.command("EHLO a")
        client.command(_plain("bob", _PASSWORD))
        client.command("MAIL FROM:<bob@example.org>")
        for local_part in ("fine", "later", "gone"):
            client.command(f"RCPT TO:<{local_part}@example.net>")
        msgid = client.message(b"Subject: hello\r\n\r\nx").text.split()[1]
        client.quit()

    told = scene.session(play)
    assert [(fact.version, fact.cipher) for fact in of(ev.TlsEstablished, told)] == [cipher]
    assert [fact.recipients[0] for fact in of(ev.MessageReceived, told) if fact.recipients] == [
        "fine@example.net", "later@example.net", "gone@example.net",
    ]  # fmt: skip
    delivered = scene.deliveries(msgid, 3)
    assert {
        to.partition("@")[0]: (fact.status, fact.code, fact.reply.rstrip("\r")) for to, fact in delivered.items()
    } == {
        "fine": ("sent", 250, ACCEPTED),
        "later": ("deferred", 451, _LATER),
        "gone": ("bounced", 550, _GONE),
    }
    assert {fact.relay_address for fact in delivered.values()} == {FAR_MX}
    assert delivered["fine@example.net"].next_queue_id == ACCEPTED.split()[-1]
    assert {fact.source for fact in of(ev.ClientConnected, scene.bounce())} == {""}


def test_sessions_that_broke(scene: Scene) -> None:
    def vanish() -> None:
        client = scene.client()
        client.command("EHLO a")
        client.close()

    def speak_http() -> None:
        with scene.client(587) as client, suppress(ConnectionResetError):
            client.command("EHLO a")
            client.command("STARTTLS")
            client.send(b"GET / HTTP/1.0\r\n\r\n")
            client.end_of_stream()

    told = scene.session(vanish)
    assert [fact.reason for fact in of(ev.ClientLost, told)] == ["lost connection"]
    told = scene.session(speak_http)
    assert ["SSL" in fact.reason for fact in of(ev.TlsTroubled, told)] == [True]


def test_every_line_is_understood_and_none_keeps_a_secret(scene: Scene) -> None:
    for fact in facts(scene.lines()):
        assert isinstance(fact, ev.LogEvent)
        decoded = [base64.b64decode(word + "==") for word in re.findall(r"[A-Za-z0-9+/]{16,}", fact.text)]
        assert not any(secret.encode() in text for secret in _SECRETS for text in (fact.text.encode(), *decoded))
        if isinstance(fact, ev.ClientEvent) and fact.source:
            assert ip_address(fact.source) == ip_address(CLIENT)
