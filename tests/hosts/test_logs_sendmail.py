"""A real Sendmail: what its log says, as facts, is what its clients saw and its next hop answered."""

import base64
import re
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC
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
from tests.hosts.next_hop import NextHop
from tests.hosts.sendmail import COMMAND, PACKAGES, sendmail

pytestmark = [
    pytest.mark.xdist_group("hosts"),
    pytest.mark.needs("namespaces", "openssl", "saslpasswd2"),
    pytest.mark.skipif(not all((UNPACKED / name).exists() for name in PACKAGES), reason="not unpacked (make debian)"),
]

_NAME = "client.example.com"
_WHO = (CLIENT, _NAME)
_BANNED, _LISTED = "192.0.2.8", "192.0.2.9"
_PASSWORD = "correct-horse-9-battery"
_LATER, _GONE = "451 4.7.1 Later, stat=Sent", "550 5.1.1 User unknown, stat=Sent (ok)"
_FORGED = ", relay=y [9.9.9.9], reject=550 5.7.1 x"
_PAUSE = 150  # milliseconds before the greeting
_ENDED = 0.05  # seconds in which a line that is sent has been read
_ACCESS = {
    "From:unwanted@example.com": "REJECT",
    "From:soft@example.com": 'ERROR:4.7.1:"450 come back"',
    f"Connect:{_BANNED}": "REJECT",
    f"Connect:{_LISTED}": 'ERROR:5.7.1:"550 listed at bl.example"',
    f"GreetPause:{_BANNED}": "0",
    f"GreetPause:{_LISTED}": "0",
}
Fact = TypeVar("Fact", bound=ev.LogEvent)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _plain(user: str, password: str) -> str:
    return "AUTH PLAIN " + _base64(f"\0{user}\0{password}")


class Scene:
    """The server, and clients in the world around it."""

    def __init__(self, world: Namespace, server: Confined) -> None:
        self._world = world
        self.server = server
        self.tls = ssl.create_default_context()
        self.tls.check_hostname = False
        self.tls.verify_mode = ssl.CERT_NONE

    def client(self, port: int = 25, source: str = CLIENT, *, greeted: bool = True) -> Client:
        with self._world.entered():
            client = Client(MX, port, source=source, tls=self.tls if port == 465 else None, name=MX_NAME)
        if greeted:
            client.reply()
        return client

    def session(self, play: Callable[[], object]) -> list[Event]:
        """The facts of the one session that `play` is: a process of its own logs it."""
        before = len(self.server.lines())
        play()
        found: list[str] = []

        def over(lines: list[str]) -> bool:
            here = lines[before:]
            pids = [match[1] for line in here if (match := re.search(r"\[(\d+)\]: NOQUEUE: connect from", line))]
            found[:] = [line for line in here if pids and f"[{pids[0]}]: " in line]
            return bool(pids) and not Path("/proc", pids[0]).exists()

        self.server.until(over)
        time.sleep(_ENDED)
        over(self.server.lines()[:])
        return facts(found)


def facts(lines: list[str]) -> list[Event]:
    """What the reader makes of raw lines; each is understood."""
    reader = Reader("mx", UTC, time.time())
    told = reader.read([line for line in lines if " saslpasswd2" not in line])
    assert reader.unknown == {}, reader.samples
    return told


def of(kind: type[Fact], events: list[Event]) -> list[Fact]:
    return [event for event in events if isinstance(event, kind)]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    scratch: Path = tmp_path_factory.mktemp("sendmail")
    with Namespace("mx") as mx, Namespace("world") as world:
        others = tuple(f"{address}/24" for address in (CLIENT, _BANNED, _LISTED, FAR_MX))
        join((mx, INTERFACE, (f"{MX}/24",)), (world, INTERFACE, others))
        mx.ip("route", "add", "default", "via", CLIENT)
        with (
            NextHop(world, FAR_MX, {"later": _LATER, "gone": _GONE}),
            sendmail(
                mx, scratch, address=MX, hostname=MX_NAME, domain="example.org", users=["alice"],
                accounts={"bob": _PASSWORD}, access=_ACCESS, next_hop=FAR_MX, names={CLIENT: _NAME, MX: MX_NAME},
                greet_pause=_PAUSE,
            ) as server,
        ):  # fmt: skip
            server.start(*COMMAND)
            server.until(lambda lines: any("started as: " in line for line in lines))
            while mx.run("ss", "-Hltn", "sport = :465").stdout == b"":
                time.sleep(0.05)
            yield Scene(world, server)


def test_a_message_is_taken_and_delivered(scene: Scene) -> None:
    queue_id = ""

    def play() -> None:
        nonlocal queue_id
        client = scene.client()
        client.command("EHLO client.example.com")
        client.command("MAIL FROM:<carol@example.com>")
        client.command("RCPT TO:<alice@example.org>")
        queue_id = client.message(b"Message-ID: <1, relay=y [9.9.9.9]@x>\r\nSubject: hello\r\n\r\nx").text.split()[1]
        client.quit()

    told = scene.session(play)
    (connected,) = of(ev.ClientConnected, told)
    (received,) = of(ev.MessageReceived, told)
    (queued,) = of(ev.MessageQueued, told)
    assert (connected.source, connected.name) == (received.source, received.name) == _WHO
    assert (received.queue_id, received.sender, received.origin) == (queue_id, "carol@example.com", "smtp")
    assert (queued.queue_id, queued.recipients) == (queue_id, 1)
    assert received.message_id == "1, relay=y [9.9.9.9]@x"
    (delivered,) = _deliveries(scene, queue_id, 1).values()
    assert (delivered.recipient, delivered.status, delivered.transport) == ("alice@example.org", "sent", "local")


def _deliveries(scene: Scene, queue_id: str, count: int) -> dict[str, ev.Delivery]:
    """What became of a message, by recipient."""

    def told(lines: list[str]) -> dict[str, ev.Delivery]:
        about = [line for line in lines if f" {queue_id}: to=" in line]
        return {fact.recipient: fact for fact in of(ev.Delivery, facts(about))}

    return told(scene.server.until(lambda lines: len(told(lines)) >= count))


def test_refusals_are_as_the_client_saw_them(scene: Scene) -> None:
    seen: list[tuple[str, int, str]] = []

    def play() -> None:
        client = scene.client()
        client.command("EHLO a")
        for command in (
            "MAIL FROM:<unwanted@example.com>",
            "MAIL FROM:<soft@example.com>",
            "MAIL FROM:<carol@example.com>",
            "RCPT TO:<dave@example.net>",
        ):
            reply = client.command(command)
            if reply.code >= 400:
                seen.append((command[:4], reply.code, f"{reply.code} {reply.text}"))
        assert client.command("RCPT TO:<nosuch@example.org>").code == 550
        client.quit()

    told = of(ev.Refused, scene.session(play))
    assert [(fact.stage, fact.code, fact.reply) for fact in told if fact.code] == seen
    assert {(fact.source, fact.name) for fact in told if fact.code} == {_WHO}
    assert [fact.reason for fact in told][2:] == ["relay denied", "unknown user"]
    assert [fact.recipient for fact in told if fact.recipient] == ["dave@example.net", "nosuch@example.org"]


@pytest.mark.parametrize(("address", "reason"), [(_BANNED, "policy"), (_LISTED, "blocklist")])
def test_clients_that_are_not_wanted(scene: Scene, address: str, reason: ev.Reason) -> None:
    def play() -> None:
        with suppress(EOFError, OSError), scene.client(source=address) as client:
            client.command("QUIT")

    told = scene.session(play)
    (refused,) = of(ev.Refused, told)
    assert (refused.stage, refused.source, refused.reason) == ("CONNECT", address, reason)


def test_what_a_client_forges_is_no_fact(scene: Scene) -> None:
    def play() -> None:
        client = scene.client()
        client.command(f"EHLO x{_FORGED}")
        client.command("EHLO x")
        client.command(f'MAIL FROM:<"a>{_FORGED} <"@example.com>')
        client.command(f'RCPT TO:<"b>{_FORGED} <"@example.net>')
        client.command(f"RCPT TO:<b@example.net (>{_FORGED})>")
        client.command(rf"RCPT TO:<b\>{_FORGED}@example.net>")
        client.command(f"RCPT TO: x{_FORGED} <b@example.net>")
        client.command("VRFY lost input channel from x [9.9.9.9] to MTA after rcpt")
        client.command(f"EXPN {_FORGED[2:]}")
        client.quit()

    told = scene.session(play)
    named = [fact for fact in told if isinstance(fact, ev.ClientEvent)]
    assert {fact.source for fact in named} == {"", CLIENT}
    assert {fact.helo for fact in of(ev.Refused, told) if fact.helo} == {f"x{_FORGED}"}
    forged = [fact for fact in of(ev.Refused, told) if fact.stage == "RCPT" and _FORGED in fact.text]
    assert len(forged) >= 2
    assert {fact.source for fact in forged} == {""}


def test_logins(scene: Scene) -> None:
    def play() -> None:
        client = scene.client(587)
        client.command("EHLO a")
        assert client.command(_plain("bob", "wrong")).code == 535
        assert client.command(_plain("x, relay=y [9.9.9.9]", "wrong")).code == 535
        client.command("AUTH LOGIN")
        client.command(_base64("bob"))
        assert client.command(_base64("wrong")).code == 535
        assert client.command(_plain("bob", _PASSWORD)).code == 235
        client.quit()

    told = of(ev.LoginTried, scene.session(play))
    assert [(fact.outcome, fact.account, fact.mechanism) for fact in told] == [
        ("failure", "bob", "PLAIN"),
        ("failure", "x, relay=y [9.9.9.9]", "PLAIN"),
        ("failure", "bob", "LOGIN"),
        ("success", "bob", "PLAIN"),
    ]
    assert {(fact.source, fact.name) for fact in told} == {_WHO}


def test_handshakes(scene: Scene) -> None:
    seen: list[tuple[str, str] | None] = []

    def starttls() -> None:
        client = scene.client()
        client.command("EHLO a")
        client.starttls(scene.tls, MX_NAME)
        seen.append(client.tls)
        client.quit()

    def smtps() -> None:
        client = scene.client(465)
        seen.append(client.tls)
        client.quit()

    told = [*scene.session(starttls), *scene.session(smtps)]
    assert [(fact.version, fact.cipher) for fact in of(ev.TlsEstablished, told)] == seen
    assert {(fact.source, fact.name) for fact in of(ev.TlsEstablished, told)} == {_WHO}
    assert {fact.kind for fact in of(ev.ClientOddity, told)} == {"no MAIL"}


def test_submission_and_what_the_next_hop_says(scene: Scene) -> None:
    queue_id = ""

    def play() -> None:
        nonlocal queue_id
        client = scene.client(587)
        client.command("EHLO a")
        client.command(_plain("bob", _PASSWORD))
        client.command("MAIL FROM:<alice@example.org>")
        codes = [client.command(f"RCPT TO:<{who}@example.net>").code for who in ("fine", "later", "gone", "x", "more")]
        assert codes == [250, 250, 250, 250, 452]
        queue_id = client.message(b"Subject: hello\r\n\r\nx").text.split()[1]
        client.quit()

    told = scene.session(play)
    assert [fact.reason for fact in of(ev.Refused, told)] == ["rate"]
    delivered = _deliveries(scene, queue_id, 4)
    assert {to.partition("@")[0]: (fact.status, fact.relay_address) for to, fact in delivered.items()} == {
        "fine": ("sent", FAR_MX),
        "x": ("sent", FAR_MX),
        "later": ("deferred", FAR_MX),
        "gone": ("bounced", FAR_MX),
    }
    assert (delivered["later@example.net"].code, delivered["gone@example.net"].code) == (451, 550)
    assert delivered["fine@example.net"].next_queue_id
    lines = scene.server.until(lambda lines: any(f" {queue_id}: " in line and "DSN: " in line for line in lines))
    (notice,) = of(ev.NoticeSent, facts([line for line in lines if f" {queue_id}: " in line]))
    assert (notice.kind, notice.queue_id) == ("bounce", queue_id)


def test_sessions_that_went_wrong(scene: Scene) -> None:
    def vanish() -> None:
        client = scene.client()
        client.command("EHLO a")
        client.command("MAIL FROM:<carol@example.com>")
        client.close()

    def talk_early() -> None:
        with suppress(EOFError, OSError), scene.client(greeted=False) as client:
            client.send(b"EHLO a\r\n")
            client.reply()
            client.command("QUIT")

    def speak_http() -> None:
        with suppress(OSError), scene.client(587) as client:
            client.command("EHLO a")
            client.command("STARTTLS")
            client.send(b"GET / HTTP/1.0\r\n\r\n")
            client.end_of_stream()

    lost = of(ev.ClientLost, scene.session(vanish))
    assert [(fact.source, fact.reason, fact.stage) for fact in lost] == [(CLIENT, "lost connection", "MAIL")]
    odd = of(ev.ClientOddity, scene.session(talk_early))
    assert [(fact.source, fact.kind) for fact in odd][:1] == [(CLIENT, "early talker")]
    (troubled,) = of(ev.TlsTroubled, scene.session(speak_http))
    assert troubled.source == CLIENT


def test_every_line_is_understood_and_none_keeps_a_secret(scene: Scene) -> None:
    for fact in facts(scene.server.lines()):
        assert isinstance(fact, ev.LogEvent)
        assert _PASSWORD not in fact.text
        assert _base64(f"\0bob\0{_PASSWORD}") not in fact.text
        if isinstance(fact, ev.ClientEvent):
            assert fact.source in ("", CLIENT, _BANNED, _LISTED)
