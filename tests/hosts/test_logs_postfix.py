"""A real Postfix's log: the facts that Reader makes of it are what each client saw, and no line is left over."""

import os
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from collectors.logs.reader import Reader
from smtpwatch import events as ev
from tests.hosts import log_plays
from tests.hosts import mail_hosts as scene
from tests.hosts.log_scene import (
    ANSWERS,
    HELO,
    HOP,
    LATER,
    NEVER,
    SENDER,
    SETTINGS,
    SILENT,
    UNREACHABLE,
    Handshake,
    Login,
    Message,
    Refusal,
    Scene,
    of,
)
from tests.hosts.mail_hosts import mail_hosts
from tests.hosts.next_hop import NextHop

pytestmark = [
    pytest.mark.xdist_group("log hosts"),
    pytest.mark.needs("namespaces", "postfix", "smtp-sink", "saslpasswd2", "openssl"),
]


@pytest.fixture(scope="module")
def played() -> Iterator[Scene]:
    with (
        mail_hosts((f"{HOP}/24", f"{SILENT}/24"), SETTINGS) as hosts,
        NextHop(hosts.world, HOP, ANSWERS),
    ):
        scene_ = Scene(hosts)
        with hosts.world.entered():
            log_plays.in_clear(scene_)
            log_plays.refusals(scene_)
            log_plays.secured(scene_)
            log_plays.logins(scene_)
            log_plays.impolite(scene_)
        log_plays.local(scene_)
        scene_.until(log_plays.settled)
        log_plays.expired(scene_)
        yield scene_


def test_every_line_is_understood(played: Scene) -> None:
    _, reader = played.facts()
    assert reader.samples == {}


def test_clients(played: Scene) -> None:
    facts, _ = played.facts()
    for kind in (ev.ClientConnected, ev.ClientDisconnected):
        told = [(fact.source, fact.client_port) for fact in of(facts, kind)]
        assert Counter(told) == Counter(played.clients)


def test_commands(played: Scene) -> None:
    facts, _ = played.facts()
    told = {fact.client_port: fact.commands for fact in of(facts, ev.ClientDisconnected)}
    assert {port: told[port] for port in played.commands} == played.commands


def test_refusals(played: Scene) -> None:
    facts, _ = played.facts()
    told = [
        Refusal(fact.source, fact.client_port, fact.stage, fact.code, fact.enhanced, fact.reply)
        for fact in of(facts, ev.Refused)
    ]
    assert Counter(told) == Counter(played.refusals)


def test_envelopes_of_refusals(played: Scene) -> None:
    facts, _ = played.facts()
    told = Counter((fact.reason, fact.sender, fact.recipient, fact.helo) for fact in of(facts, ev.Refused))
    assert told == Counter(
        [
            ("unknown user", SENDER, scene.UNKNOWN_RECIPIENT, HELO),
            ("unknown user", SENDER, scene.UNKNOWN_RECIPIENT, HELO),
            ("relay denied", SENDER, scene.FOREIGN_RECIPIENT, HELO),
            ("relay denied", SENDER, '"a b"@example.com', HELO),
            ("size", SENDER, None, HELO),
            ("client", SENDER, scene.RECIPIENT, HELO),
        ]
    )


def test_logins(played: Scene) -> None:
    facts, _ = played.facts()
    told = [Login(fact.source, fact.client_port, fact.outcome, fact.mechanism) for fact in of(facts, ev.LoginTried)]
    assert Counter(told) == Counter(played.logins)
    accounts = {fact.account for fact in of(facts, ev.LoginTried) if fact.outcome == "success"}
    assert accounts == {scene.USER}


def test_handshakes(played: Scene) -> None:
    facts, _ = played.facts()
    told = [
        Handshake(fact.source, fact.client_port, fact.version, fact.cipher)
        for fact in of(facts, ev.TlsEstablished)
        if not fact.relay
    ]
    assert Counter(told) == Counter(played.handshakes)
    to = [fact.relay for fact in of(facts, ev.TlsEstablished) if fact.relay]
    assert set(to) == {f"{scene.FAR_MX}[{scene.FAR_MX}]:25"}


def test_messages(played: Scene) -> None:
    facts, _ = played.facts()
    ids = {fact.queue_id: fact.message_id for fact in of(facts, ev.MessageIdentified)}
    delivered: dict[str, list[str]] = {}
    for fact in of(facts, ev.Delivery):
        if fact.recipient not in delivered.setdefault(fact.queue_id, []):
            delivered[fact.queue_id].append(fact.recipient)
    told = [
        Message(
            fact.source, fact.client_port, fact.queue_id, fact.account, ids[fact.queue_id],
            tuple(sorted(delivered[fact.queue_id])),
        )
        for fact in of(facts, ev.MessageReceived)
        if fact.origin == "smtp"
    ]  # fmt: skip
    assert sorted(told) == sorted(seen._replace(recipients=tuple(sorted(seen.recipients))) for seen in played.messages)
    envelopes = {fact.queue_id: (fact.sender, fact.recipients) for fact in of(facts, ev.MessageQueued)}
    for message in played.messages:
        assert envelopes[message.queue_id] == (SENDER, len(message.recipients))


def test_a_local_submission(played: Scene) -> None:
    facts, _ = played.facts()
    (local,) = (fact for fact in of(facts, ev.MessageReceived) if fact.origin == "local")
    assert (local.uid, local.sender, local.source) == (os.getuid(), SENDER, "")


def test_deliveries(played: Scene) -> None:
    facts, _ = played.facts()
    told = {
        (fact.recipient, fact.status, fact.code, fact.enhanced, fact.relay_address, fact.relay_port)
        for fact in of(facts, ev.Delivery)
    }
    assert told == {
        (scene.RECIPIENT, "sent", 0, "2.0.0", "", 0),
        (scene.SECOND_RECIPIENT, "sent", 0, "2.0.0", "", 0),
        (scene.FAR_RECIPIENT, "sent", 250, "2.0.0", scene.FAR_MX, 25),
        (LATER, "deferred", 450, "4.2.0", HOP, 25),
        (NEVER, "bounced", 550, "5.1.1", HOP, 25),
        (UNREACHABLE, "deferred", 0, "4.4.1", "", 0),
    }


def test_the_next_queue_ids(played: Scene) -> None:
    """The far host's own log names its messages as ours says it does."""
    facts, _ = played.facts()
    given = {fact.next_queue_id for fact in of(facts, ev.Delivery) if fact.relay_address == scene.FAR_MX}
    far = Reader("far", None, time.time()).read(played.hosts.far.log.read_text().split("\n")[:-1])
    taken = {fact.queue_id for fact in of(far, ev.MessageReceived) if fact.source == scene.MX}
    assert given == taken
    assert "" not in given


def test_notices(played: Scene) -> None:
    facts, _ = played.facts()
    notices = of(facts, ev.NoticeSent)
    assert Counter(fact.kind for fact in notices) == {"bounce": 3}
    queued = {fact.queue_id: fact.sender for fact in of(facts, ev.MessageQueued)}
    assert {queued[fact.notice_id] for fact in notices} == {""}
    assert {fact.queue_id for fact in of(facts, ev.MessageExpired)} < {fact.queue_id for fact in notices}


def test_impolite_clients(played: Scene) -> None:
    facts, _ = played.facts()
    assert [(fact.kind, fact.detail) for fact in of(facts, ev.ClientOddity)] == [("not SMTP", "GET / HTTP/1.1")]
    assert Counter(fact.stage for fact in of(facts, ev.ClientLost)) == {"RCPT": 1, "MAIL": 1}
