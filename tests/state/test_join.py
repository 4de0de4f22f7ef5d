"""Log and wire, joined: by what, how surely, and where not."""

from __future__ import annotations

import cProfile
import pstats
import random

import pytest

from smtpwatch import events as ev
from smtpwatch.state import join as join_module
from smtpwatch.state.session import Session
from smtpwatch.state.sessions import Sessions
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


@pytest.mark.parametrize(("processes", "told"), [(1, 12), (12, 0)], ids=["one process", "many"])
def test_one_after_the_other_several_a_second(processes: int, told: int) -> None:
    """A source that comes again and again is told of in the same order by both; but lines of two processes, with stamps
    in whole seconds, are not surely in order."""
    events: list[ev.Event] = []
    for n in range(6):  # strangers that come once: from them the clocks are known
        source = f"198.51.100.{n}"
        events += session(Wire(100 + n, source, 50_000, NOW + n), NOW + n + 1)
        events += visit(Log(100 + n, source), NOW + n, NOW + n + 1)
    for n in range(1, 13):
        start, log = NOW + 20 + n * 0.3, Log(n % processes + 1, A)
        events += session(Wire(n, A, 40_000 + n, start), start + 0.2)
        events += [log.connected(start), log.received(start, f"ID{n}"), log.gone(start + 0.2)]
    joined = [each for each in every(fold(by_time(events))) if each.sensor == "wire" and each.visits]
    of_source = [each for each in joined if each.source == A]
    assert [list(each.visits[0].queue_ids) for each in of_source] == [[f"ID{each.id}"] for each in of_source]
    assert len(joined) == 6 + told


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
    assert "process" not in {kind for _, kind in joins(fold(by_time(events))).values()}


def test_sessions_that_wait_to_be_accepted() -> None:
    """All connect at once, one process serves them one by one: the greeting tells when."""
    events: list[ev.Event] = []
    log = Log(7, A)
    for n in range(5):
        wire, served = Wire(n, A, 40_000 + n, NOW + n / 100), NOW + 2.1 * n + 0.5
        events += [wire.opened, wire.greeting(served + 0.01), wire.tls(served + 0.05), wire.closed(served + 1)]
        events += [*visit(log, served, served + 1), log.seen(served + 0.1, 40_000 + n)]
    sessions = fold(by_time(events))
    starts = [[visit.start for visit in each.visits] for each in every(sessions)]
    assert starts == [[float(int(NOW + 2.1 * n + 0.5))] for n in range(5)]
    assert {kind for _, kind in joins(sessions).values()} <= {"process", "time"}


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


# ---- hostile clients, bounds and cost


def test_names_exchanged_behind_tls() -> None:
    """Two sessions of one client, each named in clear as the other is behind TLS: neither is taken for the other."""
    events: list[ev.Event] = []
    for n, clear, hidden in ((1, "a.example", "b.example"), (2, "b.example", "a.example")):
        wire, log = Wire(n, A, 40_000 + n, NOW + n / 100), Log(n, A)
        events += [wire.opened, wire.greeting(wire.start + 0.01), *wire.hello(wire.start + 0.02, clear)]
        events += [wire.tls(wire.start + 0.05), wire.closed(NOW + 3)]
        events += [log.connected(NOW), log.refused(NOW + 1, hidden), log.gone(NOW + 3)]
    assert joins(fold(by_time(events))) == {}


def test_in_clear_a_name_tells() -> None:
    events: list[ev.Event] = []
    for n in (1, 2):
        wire, log = Wire(n, A, 40_000 + n, NOW + n / 100), Log(n, A)
        events += [wire.opened, wire.greeting(wire.start + 0.01), *wire.hello(wire.start + 0.02, f"h{n}.example")]
        events += [wire.closed(NOW + 3), log.connected(NOW), log.refused(NOW + 1, f"H{n}.example"), log.gone(NOW + 3)]
    assert {place: pid for place, (pid, _) in joins(fold(by_time(events))).items()} == {
        (A, 40_001): 1, (A, 40_002): 2,
    }  # fmt: skip


def test_a_name_that_another_session_may_have_given_too() -> None:
    """The victim is behind the same address, and says the same in clear."""
    events: list[ev.Event] = []
    for n in (1, 2):
        wire = Wire(n, A, 40_000 + n, NOW + n / 100)
        events += [wire.opened, wire.greeting(wire.start + 0.01), *wire.hello(wire.start + 0.02, "h.example")]
        events.append(wire.closed(NOW + 3))
    log = Log(1, A)
    events += [log.connected(NOW), log.refused(NOW + 1, "h.example"), log.gone(NOW + 3)]
    assert joins(fold(by_time(events))) == {}


def test_a_session_without_a_greeting_takes_no_visit() -> None:
    """A scanner's connection is never served; the visit is of a session that was not captured."""
    wire, log = Wire(1, A, 40_001, NOW), Log(1, A)
    scan = ev.SessionClosed(NOW + 1, "wire", HOST, 1, A, NOW + 1, "rst", 0, 0, None, False)
    assert joins(fold(by_time([wire.opened, scan, log.connected(NOW), log.gone(NOW + 3)]))) == {}


def test_a_submission_service_is_not_on_port_25() -> None:
    log = Log(1, A, program="postfix/submission/smtpd")
    relay = session(Wire(1, A, 40_001, NOW), NOW + 3)
    assert joins(fold(by_time([*relay, log.connected(NOW), log.gone(NOW + 3)]))) == {}
    submission = session(Wire(1, A, 40_001, NOW, 587), NOW + 3)
    assert joins(fold(by_time([*submission, log.connected(NOW), log.gone(NOW + 3)]))) == {(A, 40_001): (1, "time")}


def test_old_tls_has_two_names() -> None:
    old = Log(1, A)
    lines = [old.connected(NOW), old.tls(NOW, "TLSv1"), old.gone(NOW + 3)]
    events = by_time([*session(Wire(1, A, 40_001, NOW), NOW + 3, "TLSv1.0"), *lines])
    assert joins(fold(events)) == {(A, 40_001): (1, "time")}


def test_two_ports_at_once_from_one_port() -> None:
    """A client may use one port for two services of ours at the same time."""
    first, second = Wire(1, A, 40_000, NOW), Wire(2, A, 40_000, NOW, 587)
    log, submission = Log(1, A, 40_000), Log(2, A, 40_000, program="postfix/submission/smtpd")
    events = [
        *session(first, NOW + 3),
        *session(second, NOW + 3),
        *visit(log, NOW, NOW + 3),
        *visit(submission, NOW, NOW + 3),
    ]
    shown = every(fold(by_time(events)))
    for each in shown:
        assert [visit.pid for visit in each.visits] in (
            [],
            [{25: 1, 587: 2}.get(each.server_port, 0)],
        ) or each.sensor == "log"


@pytest.mark.parametrize("whole", [True, False])
def test_ports_used_again_at_once(whole: bool) -> None:
    """By forty sessions, one right after the other; in order, since a stamp precedes the packets of its second."""
    events: list[ev.Event] = []
    for n in range(40):
        start, log = NOW + n * 0.2, Log(n + 1, A, 40_000, whole)
        events += session(Wire(n, A, 40_000, start), start + 0.15)
        events += [log.connected(start), log.received(start, f"ID{n}"), log.gone(start + 0.15)]
    for each in every(fold(by_time(events))):
        if each.sensor == "wire":
            assert [list(visit.queue_ids) for visit in each.visits] in ([], [[f"ID{each.id}"]])


def test_a_wire_that_fails_leaves_the_log_alone() -> None:
    log = Log(1, A)
    failed = ev.SensorStatus(NOW, "wire", HOST, "failed", "no rights", 0, 0, 0, {}, ())
    sessions = fold([failed, log.connected(NOW)], finish=False)
    assert [each.sensor for each in every(sessions)] == ["log"]


def test_a_session_that_was_lost_lets_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its end was shed, or its sensor began anew."""
    sessions = fold(session(Wire(1, A, 40_001, NOW), NOW + 1)[:-1], finish=False)
    sessions.apply(ev.Tally(NOW + 60, "wire", HOST, A, {}, (1,)))
    for event in session(Wire(2, B, 40_002, NOW + 100), NOW + 101):
        sessions.apply(event)
    held = sessions.logs.join._sessions
    assert held.of(A) == held.free(A) == held.at(A, 40_001) == ()
    assert [*held.of(B)] == [*held.free(B)] == [*held.at(B, 40_002)] == [("wire", 2)]


def test_a_session_with_many_names_leaves_none_behind() -> None:
    """XCLIENT, again and again; when all is over no line finds it, by whatever name."""
    wire = Wire(1, B, 40_001, NOW)
    names = [f"198.51.100.{n}" for n in range(5)]
    named = [ev.SourceNamed(NOW + n, "wire", HOST, 1, name, 40_000 + n, B, "XCLIENT") for n, name in enumerate(names)]
    sessions = fold([wire.opened, *named], finish=False)
    held = sessions.logs.join._sessions
    assert [[*held.at(name, 40_000 + n)] for n, name in enumerate(names)] == [[("wire", 1)]] * 5
    sessions.apply(ev.SessionClosed(NOW + 9, "wire", HOST, 1, names[-1], NOW + 9, "quit", 1, 1, None, True))
    for event in session(Wire(2, A, 40_002, NOW + 100), NOW + 101):
        sessions.apply(event)
    assert [*map(held.of, (B, *names))] == [()] * 6


def flood(number: int, port_logged: bool, sources: int = 1, rate: int = 500) -> Sessions:
    """So many sessions and visits, at `rate` a second."""
    sessions = Sessions()
    for n in range(number):
        start, source = NOW + n / rate, f"198.51.100.{n % sources}"
        wire = Wire(n, source, 1_024 + n % 60_000, start)
        log = Log(n % 50 + 1, source, 1_024 + n % 60_000 if port_logged else 0, whole=False)
        for event in (wire.opened, wire.greeting(start), log.connected(start), log.received(start, f"ID{n}")):
            sessions.apply(event)
        for event in (log.gone(start + 0.001), wire.closed(start + 0.001)):
            sessions.apply(event)
    return sessions


@pytest.mark.parametrize("port_logged", [True, False])
def test_a_flood_from_one_source_costs_each_the_same(port_logged: bool) -> None:
    few, many = (calls(number, port_logged) for number in (12_000, 24_000))
    assert many < 2.5 * few


def calls(number: int, port_logged: bool) -> int:
    """Function calls that a flood takes, which are the same each time."""
    with cProfile.Profile() as counted:
        flood(number, port_logged)
    return int(pstats.Stats(counted).total_calls)  # type: ignore[attr-defined]


@pytest.mark.parametrize("port_logged", [True, False])
def test_what_is_held_is_bounded(port_logged: bool) -> None:
    """What ended half a minute ago is let go."""
    sessions = flood(12_000, port_logged, sources=100, rate=100)
    join = sessions.logs.join
    sources = [f"198.51.100.{n}" for n in range(100)]
    assert sum(len(join._sessions.of(source)) for source in sources) <= 31 * 100
    assert len(join._over) <= 31 * 100
    assert sum(map(len, join._visits.values())) <= 65 * 100
    assert max(len(join._ripening), len(join._due), len(join._past)) <= 65 * 100


def test_visits_without_any_packets_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The capture looks elsewhere: no session is ever seen, and time stands still besides."""
    monkeypatch.setattr(join_module, "WAITING", 500)
    sessions = Sessions()
    sessions.apply(Wire(1, B, 40_000, NOW).opened)
    for n in range(5_000):
        log = Log(n + 1, A)
        sessions.apply(log.connected(NOW + n / 1_000))
        sessions.apply(log.gone(NOW + n / 1_000))
    join = sessions.logs.join
    assert sum(map(len, join._visits.values())) <= 3_000
    assert max(len(join._ripening), len(join._due), len(join._past)) <= 3_000
