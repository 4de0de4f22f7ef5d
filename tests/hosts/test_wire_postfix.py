"""Real traffic with a real Postfix: what smtpwatch says, live and from tcpdump's file, is what the clients saw."""

from collections import defaultdict
from typing import Any

import pytest

from tests.hosts.program import Facts
from tests.hosts.scenarios import Seen
from tests.hosts.stage import PLAYS, Stage

pytestmark = [
    pytest.mark.xdist_group("hosts"),
    pytest.mark.needs(
        "namespaces", "tcpdump", "postfix", "smtp-sink", "smtp-source", "saslpasswd2", "swaks", "openssl"
    ),
]
every_play = pytest.mark.parametrize("name", PLAYS)
_CLOCKS = 0.05  # seconds; each capture stamps a packet by itself
_TOLD_NOT_SEEN = ("SensorStatus", "SessionProgress")  # told by the clock, not by packets


def _place(session: Seen | Facts) -> tuple[Any, ...]:
    """What orders sessions the same way on both sides: those whose ports are not known are all alike."""
    return session["server_port"], session["server_ip"], session.get("client_port", 0)


def _as_far_as(expected: object, given: object) -> object:
    """`given` without the keys that `expected` does not speak of, at every depth."""
    if isinstance(expected, dict) and isinstance(given, dict):
        return {key: _as_far_as(value, given[key]) for key, value in expected.items()}
    return given


def _assert_as_seen(seen: list[Seen], told: list[Facts]) -> None:
    assert len(told) == len(seen)
    for expected, given in zip(sorted(seen, key=_place), sorted(told, key=_place), strict=True):
        assert _as_far_as(expected, given) == expected


@every_play
def test_live_as_the_client_saw_it(the_stage: Stage, name: str) -> None:
    played = the_stage.play(name)
    _assert_as_seen(played.seen, played.live_sessions)


@every_play
def test_from_a_file_as_the_client_saw_it(the_stage: Stage, name: str) -> None:
    played = the_stage.play(name)
    _assert_as_seen(played.seen, played.sessions())


@every_play
def test_a_file_and_the_wire_tell_the_same(the_stage: Stage, name: str) -> None:
    played = the_stage.play(name)
    live, filed = (sorted(each, key=_place) for each in (played.live_sessions, played.sessions()))
    assert len(live) == len(filed)
    for one, other in zip(live, filed, strict=True):
        assert one | {"start": 0, "end": 0} == other | {"start": 0, "end": 0}
        assert abs(one["start"] - other["start"]) < _CLOCKS
        assert abs(one["end"] - other["end"]) < _CLOCKS


def _stories(events: list[Facts]) -> list[list[Facts]]:
    """The events of each session in order, in the order of client ports, without what may differ between two runs."""
    stories: defaultdict[int, list[Facts]] = defaultdict(list)
    ports: dict[int, int] = {}
    for event in events:
        if event["type"] in _TOLD_NOT_SEEN or "session" not in event:  # a certificate is told once in a while only
            continue
        if event["type"] == "SessionOpened":
            ports[event["session"]] = event["client_port"]
        stories[event["session"]].append(
            {key: value for key, value in event.items() if key not in ("session", "time", "start", "end")}
        )
    return [stories[session] for session in sorted(stories, key=lambda session: ports[session])]


@every_play
def test_events_are_the_same_live_and_from_a_file(the_stage: Stage, name: str) -> None:
    played = the_stage.play(name)
    assert _stories(played.live_events) == _stories(played.events())


def test_a_refused_certificate_is_a_failed_handshake(the_stage: Stage) -> None:
    failures = [event for event in the_stage.play("certificate_refused").live_events if event["type"] == "TlsFailed"]
    assert [(event["by"], event["alert"]) for event in failures] == [("client", "unknown_ca")]


def test_nothing_was_lost(the_stage: Stage) -> None:
    for name in ("parallel_senders", "smtp_source_burst", "big_message"):
        the_stage.play(name)
    status = the_stage.status()
    assert (status["state"], status["dropped"], status["shed"]) == ("running", 0, 0)
