"""What the generator of a normal day promises, held to on a smaller day."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from smtpwatch import events as ev
from smtpwatch.state.picture import Picture
from tests.triage.host_day import figures, hellos
from tests.triage.host_day.cast import RELAYED
from tests.triage.host_day.figures import DAY, LEAST, START
from tests.triage.host_day.normal_day import day, place
from tests.triage.host_day.telling import HOST, LAG, SERVER

SOME = 10_000
LOOK = 20  # batches, ten minutes: less than what the picture remembers of ended sessions

Events = list[ev.Event]


@pytest.fixture(scope="module")
def events() -> Events:
    """All of a smaller day."""
    return [event for batch in day(1, SOME) for event in batch]


def _refused(events: Events) -> Counter[str]:
    return Counter(event.reason for event in events if isinstance(event, ev.Refused))


def test_same_seed_same_day(events: Events) -> None:
    assert events == [event for batch in day(1, SOME) for event in batch]
    assert events != [event for batch in day(2, SOME) for event in batch]


def test_as_many_sessions_as_asked_for(events: Events) -> None:
    begun = Counter(event.direction for event in events if isinstance(event, ev.SessionOpened))
    ended = sum(isinstance(event, ev.SessionClosed) for event in events)
    assert sum(begun.values()) == pytest.approx(SOME, rel=0.02)
    assert sum(begun.values()) - 20 <= ended <= sum(begun.values())  # midnight cuts some
    assert 0.6 <= begun["inbound"] / SOME <= 0.9
    assert 0.04 <= begun["submission"] / SOME <= 0.1


def test_too_few_sessions_are_no_day() -> None:
    with pytest.raises(ValueError, match="at least"):
        next(day(1, LEAST - 1))


def test_what_is_refused(events: Events) -> None:
    refused = _refused(events)
    of_some = {reason: count / SOME for reason, count in refused.items()}
    assert 0.2 <= of_some["blocklist"] <= 0.6  # what is the same each day takes much of a small one
    assert 0.02 <= of_some["unknown user"] <= 0.06
    assert 0.02 <= of_some["greylist"] <= 0.03
    for reason in ("SPF", "DMARC", "content", "client", "HELO", "sender"):
        assert 0.001 <= of_some[reason] <= 0.015, reason
    assert figures.PROBES <= refused["relay denied"] <= 2 * figures.PROBES
    sources = Counter(
        event.source for event in events if isinstance(event, ev.Refused) and event.reason == "relay denied"
    )
    assert max(sources.values()) <= 2


def test_logins(events: Events) -> None:
    tried = [event for event in events if isinstance(event, ev.LoginTried)]
    failed = Counter(event.account for event in tried if event.outcome == "failure")
    (_, phone), (_, next_most) = failed.most_common(2)
    assert DAY / 900 * 0.9 <= phone <= DAY / 900  # one phone, a try each quarter of an hour
    assert next_most <= 20
    assert sum(failed.values()) - phone >= 3 * figures.MISTYPED
    assert len({event.account for event in tried if event.outcome == "success"}) >= 100


def test_newsletter(events: Events) -> None:
    """Our own: within the hour, to everybody once."""
    readers = {
        event.recipient: event.time
        for event in events
        if isinstance(event, ev.Delivery) and event.recipient.startswith("reader")
    }
    received = [
        event.time
        for event in events
        if isinstance(event, ev.MessageReceived) and event.account == "user123@north.example"
    ]
    hour = START + 3_600 * figures.NEWSLETTER_HOUR
    assert len(readers) == figures.NEWSLETTER
    assert sum(hour <= time < hour + 3_700 for time in received) >= figures.NEWSLETTER


def test_the_queue_breathes(events: Events) -> None:
    samples = [event for event in events if isinstance(event, ev.QueueSample)]
    down = [each for each in samples if figures.DOWN[0] <= each.time - START < figures.DOWN[1] + 1_800]
    depth = [sum(each.counts.values()) for each in samples if each not in down]
    assert len(samples) == DAY // 30
    assert min(depth) >= 5
    assert max(depth) <= 60
    assert 90 <= max(sum(each.counts.values()) for each in down) <= 180
    for each in samples[:: DAY // 30 // 20]:
        assert sum(each.ages[""]) == each.counts["deferred"]


def test_few_at_night(events: Events) -> None:
    hours = Counter(
        int(event.time - START) // 3_600
        for event in events
        if isinstance(event, ev.SessionOpened) and event.direction == "submission" and event.server_port == 587
    )
    night, morning = sum(hours[hour] for hour in range(1, 5)), sum(hours[hour] for hour in range(8, 12))
    assert 3 * night < morning


def test_in_order(events: Events) -> None:
    """The wire's events by time; a log's stamp is a second before what is told beside it, at most."""
    wire = [event.time for event in events if event.sensor == "wire"]
    assert all(one <= other for one, other in pairwise(wire))
    latest = 0.0
    for event in events:
        latest = max(latest, event.time)
        assert event.time > latest - 1 - 2 * LAG
    assert {event.host for event in events} == {HOST}
    assert min(event.time for event in events) >= START


def test_a_process_serves_one_at_a_time(events: Events) -> None:
    """And each of its sessions is told of from the beginning to the end."""
    serves: dict[tuple[str, int], str] = {}
    served = 0
    for event in events:
        if isinstance(event, ev.ClientEvent) and event.program.endswith("smtpd") and event.source:
            key = event.program, event.pid
            if isinstance(event, ev.ClientConnected):
                assert key not in serves
                serves[key] = event.source
            assert serves[key] == event.source
            if isinstance(event, ev.ClientDisconnected):
                del serves[key]
                served += 1
    assert len(serves) <= 20  # at midnight
    assert len({event.pid for event in events if isinstance(event, ev.ClientConnected)}) < served / 2
    assert all(event.client_port == 0 for event in events if isinstance(event, ev.ClientEvent))


def test_wire_and_log_tell_of_the_same_messages(events: Events) -> None:
    """Those that the wire saw accepted; and each has an end, or waits, or was refused."""
    inbound = {
        event.queue_id
        for event in events
        if isinstance(event, ev.MessageDecided) and event.queue_id and event.source != SERVER
    }
    received = Counter(event.queue_id for event in events if isinstance(event, ev.MessageReceived))
    queued = Counter(event.queue_id for event in events if isinstance(event, ev.MessageQueued))
    removed = Counter(event.queue_id for event in events if isinstance(event, ev.MessageRemoved))
    refused = Counter(event.queue_id for event in events if isinstance(event, ev.Refused) and event.queue_id)
    assert inbound
    assert inbound <= received.keys()
    assert (received - refused).keys() <= queued.keys()
    assert sum((queued - removed).values()) <= 60


def test_hellos_are_those_of_captures() -> None:
    """What OpenSSL 3 sent as Python's client, as Postfix's, in TLS 1.2 alone, and in TLS 1.0."""
    real = {
        hellos.OPENSSL: "t13d181100_85036bcba153_d41ae481755e",
        hellos.POSTFIX: "t13i871000_c66346c74e42_24695f2957a7",
        hellos.OPENSSL12: "t12d150700_d68b136fe8d9_e7e480e5a997",
        hellos.OLD: "t10d230600_44099cda8a52_195413a0cc0f",
    }
    for hello, ja4 in real.items():
        assert hello.offered[-1] == ja4


def test_places(events: Events) -> None:
    sources = {event.source for event in events if isinstance(event, ev.SessionOpened)}
    unknown = {source for source in sources if place(source) is None}
    assert all(source.startswith("192.0.2.") for source in unknown)
    assert len({where.country for source in sources if (where := place(source))}) >= 15


def test_what_is_relayed(events: Events) -> None:
    policies = [event for event in events if isinstance(event, ev.RelayPolicy)]
    assert RELAYED in policies[0].domains
    assert len(policies) == DAY // 600
    assert any(event.how == "asked" for event in events if isinstance(event, ev.CertificateSeen))


@pytest.mark.parametrize("whole", [True, False])
def test_wire_and_log_join(whole: bool) -> None:
    """As they do in life: nearly all, where hardly anybody comes twice within a second."""
    picture = Picture(place)
    found: dict[object, tuple[str, bool]] = {}

    def look() -> None:
        for session in picture.sessions.recent.values():
            found[session.key] = session.direction, bool(session.visits) and session.sensor == "wire"

    for number, batch in enumerate(day(1, SOME, whole=whole)):
        picture.apply(batch)
        if number % LOOK == 0:
            look()
    picture.finish()
    look()
    joined = Counter(found.values())
    for direction in ("inbound", "submission"):
        both, alone = joined[direction, True], joined[direction, False]
        assert both > 0.97 * (both + alone), direction
