"""Log and wire, joined: by what, how surely, and where not."""

from __future__ import annotations

import random

import pytest

from smtpwatch import events as ev
from smtpwatch.state.session import Session
from tests.state.joint import HOST, NOW, Log, Wire, by_time, every, fold, joins

A, B = "203.0.113.7", "203.0.113.8"


def visit(log: Log, start: float, end: float) -> list[ev.Event]:
    return [log.connected(start), log.tls(start), log.gone(end, ehlo=1, quit=1)]


def session(wire: Wire, end: float, version: str = "TLSv1.3") -> list[ev.Event]:
    start = wire.start
    return [wire.opened, wire.greeting(start + 0.01), wire.tls(start + 0.05, version), wire.closed(end)]


@pytest.mark.parametrize("late", [-4.9, 0.0, 4.9])
@pytest.mark.parametrize("whole", [True, False])
def test_by_port_whatever_the_clocks(late: float, whole: bool) -> None:
    wires, logs = [], []
    for n in range(1, 21):
        wires += session(Wire(n, A, 40_000 + n, NOW + n / 10), NOW + 20)
        logs += visit(Log(n, A, 40_000 + n, whole), NOW + n / 10 + late, NOW + 20 + late)
    for events in (by_time(wires + logs), wires + logs):
        assert joins(fold(events)) == {(A, 40_000 + n): (n, "port") for n in range(1, 21)}


def test_a_port_that_is_used_again() -> None:
    """Half an hour later the same port is another session's."""
    first, second = Wire(1, A, 40_000, NOW), Wire(2, A, 40_000, NOW + 1_800)
    events = [
        *session(first, NOW + 2), *visit(Log(1, A, 40_000), NOW, NOW + 2),
        *session(second, NOW + 1_802), *visit(Log(2, A, 40_000), NOW + 1_800, NOW + 1_802),
        *visit(Log(3, A, 40_000), NOW + 2_700, NOW + 2_701),
    ]  # fmt: skip
    shown = every(fold(events))
    assert [(each.sensor, [visit.pid for visit in each.visits]) for each in shown] == [
        ("wire", [1]), ("wire", [2]), ("log", [3]),
    ]  # fmt: skip


@pytest.mark.parametrize("late", [-4.9, -1.0, 0.0, 1.0, 4.9])
def test_by_time_where_there_is_no_choice(late: float) -> None:
    events = by_time([*session(Wire(1, A, 40_000, NOW), NOW + 3), *visit(Log(9, A), NOW + late, NOW + 3 + late)])
    assert joins(fold(events)) == {(A, 40_000): (9, "time")}


def test_beyond_the_tolerance_they_are_two() -> None:
    shown = every(fold(by_time([*session(Wire(1, A, 40_000, NOW), NOW + 3), *visit(Log(9, A), NOW + 30, NOW + 33)])))
    assert [each.sensor for each in shown] == ["wire", "log"]
    assert shown[1].visits[0].join is None


def test_where_there_is_a_choice_nothing_is_joined() -> None:
    """Two of one address at the same moment, alike in all that is known: neither row claims a log."""
    wires = [*session(Wire(1, A, 40_001, NOW), NOW + 3), *session(Wire(2, A, 40_002, NOW + 0.01), NOW + 3)]
    logs = [*visit(Log(1, A), NOW, NOW + 3), *visit(Log(2, A), NOW, NOW + 3)]
    sessions = fold(by_time([*wires, *logs]))
    assert joins(sessions) == {}
    assert len(every(sessions)) == 2  # and none is shown twice


def test_tls_tells_two_apart() -> None:
    wires = [*session(Wire(1, A, 40_001, NOW), NOW + 3), *session(Wire(2, A, 40_002, NOW), NOW + 3, "TLSv1.2")]
    old = Log(2, A)
    logs = [*visit(Log(1, A), NOW, NOW + 3), old.connected(NOW), old.tls(NOW, "TLSv1.2"), old.gone(NOW + 3)]
    assert joins(fold(by_time([*wires, *logs]))) == {(A, 40_001): (1, "time"), (A, 40_002): (2, "time")}


def test_by_queue_id_seen_in_clear() -> None:
    """Two alike, but each with a message whose id the wire saw."""
    events: list[ev.Event] = []
    for n in (1, 2):
        wire, log = Wire(n, A, 40_000 + n, NOW), Log(n, A)
        events += [wire.opened, wire.accepted(NOW + 1.5, f"ID{n}AAAAAA"), wire.closed(NOW + 3)]
        events += [log.connected(NOW), log.received(NOW + 1, f"ID{n}AAAAAA"), log.gone(NOW + 3)]
    assert joins(fold(by_time(events))) == {(A, 40_000 + n): (n, "queue id") for n in (1, 2)}


def test_one_after_the_other_several_a_second() -> None:
    """A source that comes again and again is told in the same order by both, once the clocks are known."""
    events: list[ev.Event] = []
    for n in range(6):  # strangers that come once: from them the clocks are known
        source = f"198.51.100.{n}"
        events += session(Wire(100 + n, source, 50_000, NOW + n), NOW + n + 1)
        events += visit(Log(100 + n, source), NOW + n, NOW + n + 1)
    for n in range(1, 13):
        start = NOW + 20 + n * 0.3
        events += session(Wire(n, A, 40_000 + n, start), start + 0.2)
        events += visit(Log(n, A), start, start + 0.2)
    found = joins(fold(by_time(events)))
    wrong = {place: of for place, of in found.items() if place[0] == A and of[0] != place[1] - 40_000}
    assert wrong == {}
    assert len(found) == 18


def test_a_port_seen_on_the_process() -> None:
    """A hundred of one address at once, each process with its own; the ports come from the kernel."""
    events: list[ev.Event] = []
    for n in range(1, 101):
        start = NOW + n / 100
        log = Log(n, A)
        events += session(Wire(n, A, 40_000 + n, start), start + 5)
        events += [*visit(log, start, start + 5), log.seen(start + 0.1, 40_000 + n)]
    assert joins(fold(by_time(events))) == {(A, 40_000 + n): (n, "process") for n in range(1, 101)}


def test_a_process_that_has_gone_on_is_not_believed_blindly() -> None:
    """It logged one client and then another within one second, and was seen with one port: whose, nothing tells."""
    log = Log(7, A)
    events = [*session(Wire(1, A, 40_001, NOW + 0.1), NOW + 0.3), *session(Wire(2, A, 40_002, NOW + 0.4), NOW + 0.9)]
    events += [log.connected(NOW + 0.1), log.gone(NOW + 0.3), log.connected(NOW + 0.4), log.gone(NOW + 0.9)]
    events.append(log.seen(NOW + 0.6, 40_002))
    assert joins(fold(by_time(events))) == {}


def test_sessions_that_wait_to_be_accepted() -> None:
    """All connect at once, one process serves them one by one: the greeting tells when."""
    events: list[ev.Event] = []
    log = Log(7, A)
    for n in range(5):
        wire, served = Wire(n, A, 40_000 + n, NOW + n / 100), NOW + 2.1 * n + 0.5
        events += [wire.opened, wire.greeting(served + 0.01), wire.tls(served + 0.05), wire.closed(served + 1)]
        events += [*visit(log, served, served + 1), log.seen(served + 0.1, 40_000 + n)]
    found = joins(fold(by_time(events)))
    assert found == {(A, 40_000 + n): (7, "process") for n in range(5)}


def test_exim_without_process_ids_is_joined_by_helo() -> None:
    events: list[ev.Event] = []
    for n in (1, 2):
        wire = Wire(n, A, 40_000 + n, NOW)
        events += [
            wire.opened,
            wire.greeting(NOW + 0.01),
            *wire.hello(NOW + 0.1, f"h{n}.example.net"),
            wire.closed(NOW + 3),
        ]
        events.append(Log(0, A, program="exim").refused(NOW + 1, helo=f"h{n}.example.net"))
    shown = every(fold(by_time(events)))
    assert [[(visit.helo, visit.join) for visit in each.visits] for each in shown] == [
        [("h1.example.net", "HELO")], [("h2.example.net", "HELO")],
    ]  # fmt: skip


def test_a_log_alone_is_told_alone() -> None:
    log = Log(7, A)
    events = [log.connected(NOW), *log.login(NOW + 1, "bob", "AAAAAA"), log.gone(NOW + 2, mail=1, rcpt=2, quit=1)]
    (alone,) = every(fold(events))
    assert (alone.sensor, alone.source, alone.account, alone.closed_by) == ("log", A, "bob", "quit")
    assert (alone.accepted, alone.refused, alone.messages, alone.start, alone.end) == (2, 0, 1, NOW, NOW + 2)
    assert alone.auth == [("PLAIN", "success")]


def test_what_the_wire_cannot_see_is_the_logs() -> None:
    wire, log = Wire(1, A, 40_000, NOW), Log(7, A, 40_000)
    events = [
        wire.opened, wire.greeting(NOW + 0.1), wire.tls(NOW + 0.2), log.connected(NOW), log.tls(NOW),
        *log.login(NOW + 1, "bob", "AAAAAA"), log.refused(NOW + 1), log.gone(NOW + 3, rcpt=1), wire.closed(NOW + 3),
    ]  # fmt: skip
    (joined,) = every(fold(events))
    assert (joined.account, joined.accepted, joined.refused, joined.messages) == ("bob", 1, 1, 1)
    assert joined.last_code == 554


def test_what_the_wire_saw_in_clear_stays_its_own() -> None:
    wire, log = Wire(1, A, 40_000, NOW), Log(7, A, 40_000)
    head = (NOW + 1, "wire", HOST, 1, A)
    events = [
        wire.opened, wire.greeting(NOW + 0.1), ev.RecipientDecided(*head, "x@example.org", 550, "5.1.1", "unknown"),
        log.connected(NOW), log.refused(NOW + 1), log.gone(NOW + 3), wire.closed(NOW + 3),
    ]  # fmt: skip
    (joined,) = every(fold(events))
    assert (joined.refused, [visit.join for visit in joined.visits]) == (1, ["port"])


class Traffic:
    """Sources, processes, clocks and delays at random; the queue id of each visit's message has its session's number.

    `lossy`: some sessions are not on the wire, some visits not in the log. `looks`: ports are seen on processes."""

    def __init__(self, seed: int, lossy: bool, looks: bool) -> None:
        chance = random.Random(seed)
        offset = 0.0 if looks else chance.uniform(-2, 2)
        whole = chance.random() < 0.7
        sources = [f"203.0.113.{n}" for n in range(chance.choice((1, 3, 40)))]
        free = dict.fromkeys(range(1, 1 + chance.choice((2, 10, 60))), NOW)
        wires: list[ev.Event] = []
        logs: list[tuple[float, ev.Event]] = []
        for n in range(150):
            pid, source = chance.choice(list(free)), chance.choice(sources)
            arrived = max(NOW + n * chance.uniform(0.02, 0.2), free[pid] - chance.uniform(0, 1))
            served = max(free[pid], arrived) + 0.001
            end = served + chance.choice((0.05, 0.3, 2.0, 6.0)) * chance.random() + 0.02
            free[pid] = end + 0.001
            wire, log = Wire(n, source, 10_000 + n, arrived), Log(pid, source, whole=whole)
            seen = [wire.opened, wire.greeting(served + 0.004), wire.tls(served + 0.01), wire.closed(end)]
            told = [
                (served, log.connected(served + offset)),
                (served + 0.01, log.tls(served + 0.01 + offset)),
                (served + 0.015, log.received(served + 0.015 + offset, f"ID{n:06}")),
                (end, log.gone(end + offset)),
            ]
            if looks and end - served > 0.06:
                told.append((served + 0.05, log.seen(served + 0.05, 10_000 + n)))
            wires += [] if lossy and chance.random() < 0.1 else seen
            logs += [] if lossy and chance.random() < 0.1 else told
        logs.sort(key=lambda line: line[0])  # a log is in order, whatever its stamps say
        self.events = by_time([*(event for _, event in logs), *wires])


def assert_right(joined: list[Session]) -> None:
    for each in joined:
        (found,) = each.visits
        assert list(found.queue_ids) == [f"ID{each.id:06}"], found.join


@pytest.mark.parametrize("looks", [False, True])
@pytest.mark.parametrize("seed", range(40))
def test_random_traffic_is_never_joined_wrongly(seed: int, looks: bool) -> None:
    sessions = fold(Traffic(seed, lossy=False, looks=looks).events)
    assert_right([each for each in every(sessions) if each.sensor == "wire" and each.visits])


@pytest.mark.parametrize("seed", range(40))
def test_what_the_kernel_shows_is_right_also_where_much_is_missing(seed: int) -> None:
    """With sessions missing on one side and lines on the other, time may mislead; a port that was seen may not."""
    sessions = fold(Traffic(seed, lossy=True, looks=True).events)
    assert_right([each for each in every(sessions) if each.visits and each.visits[0].join == "process"])


def test_one_message_told_by_several_lines_is_one() -> None:
    """OpenSMTPD: the id of its session begins each line; only the first names the client, and each envelope is told."""
    head = (NOW, "log", HOST, "smtpd", 7, "7f6c9d3b4c7a1e55 smtp")
    nobody = ("", 0, "")
    events = [
        ev.ClientConnected(*head, A, 0, "mail.example.net"),
        ev.MessageReceived(*head, *nobody, "aabbccdd", "smtp", size=900),
        ev.MessageReceived(*head, *nobody, "aabbccdd", "smtp", "b@example.net", ("x@example.org",)),
        ev.MessageReceived(*head, *nobody, "aabbccdd", "smtp", "b@example.net", ("y@example.org",)),
        ev.ClientDisconnected(*head, *nobody, "quit"),
    ]
    sessions = fold(events)
    (alone,) = every(sessions)
    assert (alone.source, alone.messages, alone.visits[0].name) == (A, 1, "mail.example.net")
    assert alone.closed_by == "quit"
    message = sessions.logs.messages.get((HOST, "aabbccdd"))
    assert message is not None
    assert (list(message.recipients), message.size) == (["x@example.org", "y@example.org"], 900)
