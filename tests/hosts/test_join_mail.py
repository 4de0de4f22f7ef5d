"""Mail through a real Postfix, as wire and log tell of it together: from the client's session through a content filter,
put off and tried again, to its last delivery, and back to whoever sent it."""

import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pytest

from smtpwatch.events import AnyEvent
from smtpwatch.state.message import Message
from smtpwatch.state.session import Session
from smtpwatch.state.sessions import Sessions
from tests.hosts import mail_hosts as scene
from tests.hosts.client import Client
from tests.hosts.mail_filter import PORT, MailFilter
from tests.hosts.mail_hosts import MailHosts, mail_hosts
from tests.hosts.namespaces import Namespace
from tests.hosts.next_hop import NextHop
from tests.hosts.program import Facts, Live

pytestmark = [pytest.mark.needs("namespaces", "postfix", "smtp-sink", "saslpasswd2"), pytest.mark.xdist_group("hosts")]

HOP = "198.51.100.27"
LATER = "later@hop.example"
_LIMIT = 20.0  # seconds
_FILTER = f"FILTER smtp:[127.0.0.1]:{PORT}"
_FILTERED = {
    "smtpd_client_restrictions": f"check_client_access inline:{{ {{ {scene.CLIENT} = {_FILTER} }} }}",
    "smtp_send_xforward_command": "yes",
    "smtpd_authorized_xforward_hosts": "127.0.0.0/8",
    "smtp_tls_security_level": "none",
}
_RETRIED = {
    "transport_maps": f"inline:{{ hop.example=smtp:[{HOP}]:25 }}",
    "minimal_backoff_time": "1s",
    "maximal_backoff_time": "1s",
    "queue_run_delay": "1s",
}


class Watched:
    """What smtpwatch makes of a host, from all that its sensors have told so far."""

    def __init__(self, hosts: MailHosts, live: Live) -> None:
        self.hosts = hosts
        self._live = live
        self._decode = msgspec.json.Decoder(AnyEvent).decode

    def state(self) -> Sessions:
        sessions = Sessions()
        for line in self._live.output.split(b"\n")[:-1]:
            sessions.apply(self._decode(line))
        return sessions

    def until_over(self, queue_id: str) -> Sessions:
        """The state as soon as that message and all that it became have left the queue, and their clients are known."""
        limit = time.monotonic() + _LIMIT
        while True:
            sessions = self.state()
            message = _message(sessions, queue_id)
            if message is not None and all(_over(each) for each in message.family()):
                return sessions
            assert time.monotonic() < limit, self._live.output.decode()[-3_000:]
            time.sleep(0.2)


def _over(message: Message) -> bool:
    return message.end is not None and message.visit is not None and message.visit.session is not None


@contextmanager
def _watched(settings: dict[str, str], addresses: tuple[str, ...] = ()) -> Iterator[Watched]:
    with (
        mail_hosts(addresses, settings) as hosts,
        Live(hosts.mx, "events", "--sensors", "wire,log", "--log", str(hosts.postfix.log)) as live,
    ):
        assert live.wait(_watch, _LIMIT)
        yield Watched(hosts, live)


def _watch(lines: list[Facts]) -> bool:
    """Both sensors have what they look at."""
    return {"wire", "log"} <= {line["sensor"] for line in lines if line["type"] == "SensorStatus" and line["watching"]}


def _message(sessions: Sessions, queue_id: str) -> Message | None:
    held = sessions.logs.messages.held
    return next((message for (_, id_), message in held.items() if id_ == queue_id), None)


def _session_of(sessions: Sessions, message: Message) -> Session:
    assert message.visit is not None
    assert message.visit.session is not None
    return message.visit.session


@pytest.fixture(scope="module")
def filtered() -> Iterator[Watched]:
    with _watched(_FILTERED) as watched:
        yield watched


def _send(world: Namespace, message_id: str) -> tuple[int, str]:
    """One message in clear; the client's port and the queue id."""
    with world.entered():
        client = Client(scene.MX, source=scene.CLIENT)
    client.reply()
    client.command("EHLO client.example.net")
    client.command("MAIL FROM:<frank@example.net>")
    client.command(f"RCPT TO:<{scene.RECIPIENT}>")
    text = f"From: <frank@example.net>\r\nMessage-ID: <{message_id}>\r\nSubject: test\r\n\r\nHello."
    queue_id = client.message(text.encode()).queue_id
    client.quit()
    assert queue_id is not None
    return client.port, queue_id


@pytest.mark.parametrize(
    ("names_id", "forwards"),
    [(True, False), (False, False), (False, True), (True, True)],
    ids=["by its reply", "by Message-ID", "by XFORWARD", "by all"],
)
def test_through_a_content_filter(filtered: Watched, names_id: bool, forwards: bool) -> None:
    before = dict(filtered.state().logs.messages.by_source.get(scene.CLIENT, {}))
    with MailFilter(filtered.hosts.mx, names_id, forwards):
        port, queue_id = _send(filtered.hosts.world, f"{names_id}.{forwards}@example.net")
        sessions = filtered.until_over(queue_id)
    message = _message(sessions, queue_id)
    assert message is not None
    (back,) = message.became
    assert (message.state, back.state, back.tie, back.root) == ("sent", "sent", "filter", message)
    session = _session_of(sessions, message)
    assert (session.sensor, session.source, session.client_port) == ("wire", scene.CLIENT, port)
    assert [each.queue_id for each in session.transactions] == [queue_id]
    # One delivery, of whoever sent it; the filter's own session is from loopback.
    sent = sessions.logs.messages.by_source[scene.CLIENT]
    assert sent == {**before, "sent": before.get("sent", 0) + 1}
    assert _session_of(sessions, back).source == "127.0.0.1"


def test_put_off_and_sent_at_last() -> None:
    """Submission with a login behind TLS: the session knows its account by the log, and the account what became of its
    mail."""
    answers = {"later": "450 4.2.0 come back later"}
    with _watched(_RETRIED, (f"{HOP}/24",)) as watched:
        hosts = watched.hosts
        with NextHop(hosts.world, HOP, answers):
            port, queue_id = _submit(hosts)
            limit = time.monotonic() + _LIMIT
            while (message := _message(watched.state(), queue_id)) is None or message.state != "deferred":
                assert time.monotonic() < limit
                time.sleep(0.2)
            answers.clear()
            sessions = watched.until_over(queue_id)
    message = _message(sessions, queue_id)
    assert message is not None
    (delivery,) = message.recipients.values()
    assert delivery is not None
    assert (message.state, message.account, delivery.relay_address) == ("sent", scene.USER, HOP)
    session = _session_of(sessions, message)
    assert (session.sensor, session.client_port, session.account) == ("wire", port, scene.USER)
    assert (session.auth, session.messages) == ([("PLAIN", "success")], 1)
    for origins, name in (
        (sessions.logs.messages.by_account, scene.USER),
        (sessions.logs.messages.by_source, scene.CLIENT),
    ):
        assert origins[name]["sent"] == 1
        assert origins[name]["deferred"] >= 1


def _submit(hosts: MailHosts) -> tuple[int, str]:
    with hosts.world.entered():
        client = Client(scene.MX, 587, source=scene.CLIENT)
    client.reply()
    client.command("EHLO laptop.example.net")
    client.starttls(hosts.trust(), scene.MX_NAME)
    client.command("EHLO laptop.example.net")
    words = b64encode(f"\0{scene.USER}\0{scene.PASSWORD}".encode()).decode()
    assert client.command(f"AUTH PLAIN {words}").code == 235
    client.command("MAIL FROM:<bob@example.org>")
    client.command(f"RCPT TO:<{LATER}>")
    queue_id = client.message(b"Message-ID: <later@example.org>\r\nSubject: test\r\n\r\nHello.").queue_id
    client.quit()
    assert queue_id is not None
    return client.port, queue_id
