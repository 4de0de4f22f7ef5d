"""Ports that were seen on processes: whose they are, in the order in which lines and looks were told."""

from __future__ import annotations

import pytest

from smtpwatch import events as ev
from smtpwatch.state.session import Session
from smtpwatch.state.sessions import Sessions
from tests.state.joint import HOST, NOW, Log, Wire, every, fold

A, B = "203.0.113.7", "203.0.113.8"


def health(time: float) -> list[ev.Event]:
    """Both sensors are well, and have told all by then."""
    return [
        ev.SensorStatus(time, sensor, HOST, "running", "", 0, 0, 0, {}, (watching,))
        for sensor, watching in (("log", "mail.log"), ("wire", "eth0"))
    ]


def opened(number: int, port: int, start: float, source: str = A) -> list[ev.Event]:
    wire = Wire(number, source, port, start)
    return [wire.opened, wire.greeting(start + 0.01), wire.tls(start + 0.02)]


def closed(number: int, port: int, end: float, source: str = A) -> ev.Event:
    return Wire(number, source, port, end - 1).closed(end)


def kinds(sessions: Sessions) -> dict[int, tuple[list[str], str | None]]:
    """By port, the queue ids that the log tells of a session, and how it is known to be it."""
    return {
        each.client_port: (list(each.visits[0].queue_ids), each.visits[0].join)
        for each in every(sessions)
        if each.sensor == "wire" and each.visits
    }


def later(start: float, seconds: int = 6) -> list[ev.Event]:
    return [event for n in range(seconds) for event in health(start + n)]


@pytest.mark.parametrize("whole", [True, False])
def test_one_client_one_process(whole: bool) -> None:
    """Known at once: as soon as the packets have come so far."""
    log = Log(7, A, whole=whole)
    events = [*health(NOW), *opened(1, 40_001, NOW + 0.1), log.connected(NOW + 0.1), log.seen(NOW + 0.15, 40_001)]
    sessions = fold([*events, *health(NOW + 2)], finish=False)
    assert [[visit.join for visit in each.visits] for each in every(sessions)] == [["process"]]


def crowd(log: Log, first: float, second: float) -> list[ev.Event]:
    """Two sessions of one address on one process, one after the other, and a third that keeps them from being the only
    ones."""
    return [
        *health(NOW), *opened(9, 49_999, NOW + first), *opened(1, 40_001, NOW + first), log.connected(NOW + first),
        log.received(NOW + first, "ID1"),
    ]  # fmt: skip


def test_a_look_is_of_the_visit_that_was_read_before_it() -> None:
    """The lines of both are in one second: only their places tell."""
    log = Log(7, A)
    events = [
        *crowd(log, 0.1, 0.6), log.seen(NOW + 0.15, 40_001), closed(1, 40_001, NOW + 0.5), log.gone(NOW + 0.5),
        *opened(2, 40_002, NOW + 0.6), log.connected(NOW + 0.6), log.received(NOW + 0.6, "ID2"),
        log.seen(NOW + 0.65, 40_002), closed(2, 40_002, NOW + 0.9), log.gone(NOW + 0.9),
    ]  # fmt: skip
    assert kinds(fold([*events, *later(NOW + 1)])) == {40_001: (["ID1"], "process"), 40_002: (["ID2"], "process")}


def test_a_process_that_goes_on_before_the_look_is_not_believed() -> None:
    """It was seen with its next client's port, whose line had not been read yet, and was not seen again."""
    log = Log(7, A)
    events = [
        *crowd(log, 0.1, 0.2), closed(1, 40_001, NOW + 0.15), *opened(2, 40_002, NOW + 0.2),
        log.seen(NOW + 0.25, 40_002), log.gone(NOW + 0.15), log.connected(NOW + 0.2), log.received(NOW + 0.2, "ID2"),
        closed(2, 40_002, NOW + 0.9), log.gone(NOW + 0.9),
    ]  # fmt: skip
    told = kinds(fold([*events, *later(NOW + 1)]))
    assert told.get(40_001, (["ID1"], None))[0] == ["ID1"]
    assert told.get(40_002, (["ID2"], None))[0] == ["ID2"]


def test_a_second_look_settles_the_first() -> None:
    """Seen with one port when one visit was told, with another right after the next: each has its own."""
    log = Log(7, A)
    events = [
        *crowd(log, 0.1, 0.3), log.seen(NOW + 0.15, 40_001), closed(1, 40_001, NOW + 0.2),
        *opened(2, 40_002, NOW + 0.25), log.gone(NOW + 0.2), log.connected(NOW + 0.25), log.received(NOW + 0.25, "ID2"),
        log.seen(NOW + 0.3, 40_002), closed(2, 40_002, NOW + 0.9), log.gone(NOW + 0.9),
    ]  # fmt: skip
    assert kinds(fold([*events, *later(NOW + 1)])) == {40_001: (["ID1"], "process"), 40_002: (["ID2"], "process")}


def test_another_clients_port_is_none_of_its() -> None:
    """The process serves somebody else by now: his port says nothing of the visit before."""
    log, other = Log(7, A), Log(7, B)
    events = [
        *health(NOW), *opened(1, 40_001, NOW + 0.1), *opened(9, 49_999, NOW + 0.1), log.connected(NOW + 0.1),
        *opened(2, 40_002, NOW + 0.3, B), other.seen(NOW + 0.35, 40_002), log.gone(NOW + 0.2),
        other.connected(NOW + 0.3), *later(NOW + 1),
    ]  # fmt: skip
    told = {each.client_port: [visit.source for visit in each.visits] for each in every(fold(events))}
    assert told[40_002] in ([B], [])
    assert told[40_001] in ([A], [])


def test_a_port_of_a_process_nobody_has_heard_of() -> None:
    assert every(fold([*health(NOW), Log(7, A).seen(NOW, 40_001), *later(NOW + 1)])) == []


def test_a_port_that_the_wire_does_not_show_gives_no_session() -> None:
    log = Log(7, A)
    events = [*health(NOW), log.connected(NOW + 0.1), log.seen(NOW + 0.2, 40_001), log.gone(NOW + 3)]
    (alone,) = every(fold([*events, *later(NOW + 4)]))
    assert (alone.sensor, alone.visits[0].join) == ("log", None)


def test_the_same_port_again_on_the_same_process() -> None:
    """Two sessions, one after the other, from one port."""
    log = Log(7, A, whole=False)
    events = [
        *crowd(log, 0.1, 0.6), log.seen(NOW + 0.15, 40_001), closed(1, 40_001, NOW + 0.4), log.gone(NOW + 0.4),
        *opened(2, 40_001, NOW + 1.0), log.connected(NOW + 1.0), log.received(NOW + 1.0, "ID2"),
        log.seen(NOW + 1.05, 40_001), closed(2, 40_001, NOW + 1.9), log.gone(NOW + 1.9), *later(NOW + 2),
    ]  # fmt: skip
    shown: list[Session] = [each for each in every(fold(events)) if each.client_port == 40_001]
    assert [[list(visit.queue_ids) for visit in each.visits] for each in shown] == [[["ID1"]], [["ID2"]]]


def test_many_processes_and_looks_are_bounded() -> None:
    sessions = Sessions()
    for n in range(20_000):
        log = Log(n, A)
        sessions.apply(log.connected(NOW + n))
        for look in range(3):
            sessions.apply(log.seen(NOW + n, 40_000 + look))
        sessions.apply(log.gone(NOW + n))
    sightings = sessions.logs._sightings
    assert len(sightings._processes) <= 1_000
    assert len(sightings._waiting) + len(sightings._soon) < 100
