"""What logs tell: which lines are of one visit, lines without a thread, and sessions that only a log knows."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from itertools import chain, permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpwatch import events as ev
from smtpwatch.state import log_sessions
from smtpwatch.state.log_sessions import thread
from smtpwatch.state.session import Session
from smtpwatch.state.sessions import Sessions
from smtpwatch.state.visit import LINES, QUEUE_IDS, TEXT
from tests.state.joint import HOST, NOW, SMTPD, Log, Wire, by_time, every, fold

A, B = "203.0.113.7", "203.0.113.8"


def line(program: str, pid: int = 0, time: float = NOW, text: str = "", host: str = HOST) -> tuple[object, ...]:
    return time, "log", host, program, pid, text


def exim(time: float, source: str = A, helo: str | None = None, queue_id: str = "", port: int = 0) -> ev.LogEvent:
    """A line of an Exim that logs no process id."""
    head = (time, "log", HOST, "exim", 0, "<=", source, port, "")
    if queue_id:
        return ev.MessageReceived(*head, queue_id, "smtp", helo=helo)
    return ev.Refused(*head, "RCPT", 550, "", "policy", "no", helo=helo)


def shown(events: Iterable[ev.Event]) -> list[tuple[str, list[tuple[str, int]]]]:
    """The sensor of each session, with program and number of lines of its visits."""
    return [(each.sensor, [(visit.program, len(visit.lines)) for visit in each.visits]) for each in every(fold(events))]


def session(wire: Wire, end: float, helo: str = "") -> list[ev.Event]:
    start = wire.start
    hello = wire.hello(start + 0.02, helo) if helo else []
    return [wire.opened, wire.greeting(start + 0.01), *hello, wire.closed(end)]


# ---- threads


@pytest.mark.parametrize(
    ("event", "key"),
    [
        (ev.ClientConnected(NOW, "log", HOST, SMTPD, 7, "", A, 0, ""), (HOST, "smtpd", 7)),
        (ev.ClientConnected(NOW, "log", HOST, "postfix/submission/smtpd", 7, "", A, 9, ""), (HOST, "smtpd", 7)),
        (ev.ClientConnected(NOW, "log", HOST, "sm-mta", 7, "", A, 0, ""), (HOST, "sm-mta", 7)),
        (ev.ClientConnected(NOW, "log", HOST, "exim", 7, "", A, 0, ""), (HOST, "exim", 7)),
        (ev.ClientConnected(NOW, "log", HOST, "exim", 0, "", A, 9, ""), (HOST, "exim", A, 9)),
        (ev.ClientConnected(NOW, "log", HOST, "exim", 0, "", A, 0, ""), None),
        (ev.ClientConnected(NOW, "log", HOST, "postfix/postscreen", 7, "", A, 9, ""), (HOST, "postscreen", A, 9)),
        (
            ev.TlsEstablished(NOW, "log", HOST, "postfix/tlsproxy", 7, "", A, 9, "", "TLSv1.3", "x"),
            (HOST, "postscreen", A, 9),
        ),
        (
            ev.ClientConnected(NOW, "log", HOST, "smtpd", 7, "7f6c9d3b4c7a1e55 smtp connected", A, 0, ""),
            (HOST, "7f6c9d3b4c7a1e55 "),
        ),
        (ev.ClientDisconnected(NOW, "log", HOST, "smtpd", 7, "info: done", "", 0, ""), None),
        (ev.LoginTried(NOW, "log", HOST, "dovecot", 0, "imap-login", A, 9, "", "imap", "success"), None),
        (ev.MessageQueued(NOW, "log", HOST, "postfix/qmgr", 7, "", "A1", "", 1, 1), None),
    ],
)
def test_threads(event: ev.LogEvent, key: object) -> None:
    assert thread(event) == key


def test_lines_of_one_process_are_one_visit() -> None:
    log = Log(7, A)
    events = [log.connected(NOW), log.tls(NOW), log.refused(NOW, "c.example"), log.gone(NOW + 1, rcpt=0)]
    assert shown([*events, *events]) == [("log", [(SMTPD, 4)])] * 2


def test_a_process_that_serves_the_next_client() -> None:
    """The end of the first was not logged, nor the beginning of the second: the client's address tells."""
    events = [Log(7, A).connected(NOW), Log(7, A).tls(NOW), Log(7, B).refused(NOW + 5), Log(7, B).gone(NOW + 6)]
    assert [(each.source, len(each.visits[0].lines)) for each in every(fold(events))] == [(A, 2), (B, 2)]


def test_a_process_that_serves_the_same_client_again() -> None:
    log = Log(7, A)
    sessions = fold([log.connected(NOW), log.tls(NOW), log.connected(NOW + 5), log.gone(NOW + 6)])
    assert [(len(each.visits[0].lines), each.over) for each in every(sessions)] == [(2, True), (2, True)]


def test_two_hosts_in_one_log() -> None:
    """Processes have the same number on both."""
    events: list[ev.Event] = []
    for host, source in (("mx1", A), ("mx2", B)):
        head = (NOW, "log", host, SMTPD, 7, "")
        events += [ev.ClientConnected(*head, source, 0, ""), ev.ClientDisconnected(*head, source, 0, "")]
    for order in (events, [events[0], events[2], events[1], events[3]]):
        assert [(each.source, len(each.visits[0].lines)) for each in every(fold(order))] == [(A, 2), (B, 2)]


def test_another_hosts_lines_are_not_ours() -> None:
    """Theirs come first: until our own name is seen, they may be ours by another."""
    head = (NOW + 0.1, "log", "mx2.example.org", SMTPD, 9, "")
    theirs = [ev.ClientConnected(*head, A, 0, ""), ev.ClientDisconnected(*head, A, 0, "")]
    log = Log(7, A)
    ours = [log.connected(NOW + 0.2), log.gone(NOW + 2)]
    sessions = fold([*session(Wire(1, A, 40_000, NOW + 0.2), NOW + 2), *theirs, *ours])
    told = [(each.sensor, [(visit.host, visit.join) for visit in each.visits]) for each in every(sessions)]
    assert sorted(told) == [("log", [("mx2.example.org", None)]), ("wire", [("mx", "time")])]


def test_a_filter_speaks_for_its_client() -> None:
    """XFORWARD names the client of the message; the visit is the filter's."""
    log = Log(7, "127.0.0.1")
    head = (
        NOW,
        "log",
        HOST,
        SMTPD,
        7,
        "B2: client=localhost[127.0.0.1], orig_queue_id=A1, orig_client=x[203.0.113.7]:9",
    )
    events = [log.connected(NOW), ev.MessageReceived(*head, A, 9, "x", "B2", "smtp", orig_queue_id="A1"), log.gone(NOW)]
    (alone,) = every(fold(events))
    assert (alone.source, alone.client_port, len(alone.visits[0].lines)) == ("127.0.0.1", 0, 3)


def test_an_end_without_a_beginning() -> None:
    (alone,) = every(fold([Log(7, A).gone(NOW, quit=1)]))
    assert (alone.sensor, alone.source, alone.closed_by, alone.over) == ("log", A, "quit", True)


def test_a_late_end_goes_to_the_visit_that_it_is_of() -> None:
    """The next client of the process was told of before the end of the one before."""
    log = Log(7, A, whole=False)
    events = [log.connected(NOW), log.connected(NOW + 2), log.gone(NOW + 1, quit=1), log.gone(NOW + 3)]
    assert [(each.start, each.end, each.closed_by) for each in every(fold(events))] == [
        (NOW, NOW + 1, "quit"), (NOW + 2, NOW + 3, "closed"),
    ]  # fmt: skip


def test_a_late_beginning_goes_to_the_visit_that_it_is_of() -> None:
    log = Log(7, A, whole=False)
    (alone,) = every(fold([log.tls(NOW + 0.1), log.connected(NOW), log.gone(NOW + 1)]))
    assert (alone.start, alone.visits[0].connected, len(alone.visits[0].lines)) == (NOW, True, 3)


def test_lines_of_a_port_that_is_used_again_without_ends() -> None:
    """An Exim that logs ports but no connections: an hour later the port is another session's."""
    events = [exim(NOW, port=9), exim(NOW + 1, port=9), exim(NOW + 3_600, port=9)]
    assert [len(each.visits[0].lines) for each in every(fold(events))] == [2, 1]


def test_what_is_of_no_smtp_session_is_none() -> None:
    imap = (NOW, "log", HOST, "dovecot", 0, "imap-login: Login", A, 0, "")
    peak = ev.ClientPeak(NOW, "log", HOST, "postfix/anvil", 7, "", A, 0, "", "connection rate", 9, 60, "smtp")
    events = [
        *session(Wire(1, A, 40_000, NOW), NOW + 3), ev.LoginTried(*imap, "imap", "success", "bob"), peak,
        ev.LoginTried(NOW, "log", HOST, "imapd", 0, "LOGIN", A, 0, "", "imap", "failure", "bob"),
    ]  # fmt: skip
    (only,) = every(fold(by_time(events)))
    assert (only.account, only.visits) == ("", [])


# ---- lines without a thread


@pytest.mark.parametrize("late", [-4.9, 0.0, 4.9])
def test_exim_by_time(late: float) -> None:
    events = by_time([*session(Wire(1, A, 40_000, NOW), NOW + 10), exim(NOW + 5 + late), exim(NOW + 5 + late)])
    (only,) = every(fold(events))
    assert [(visit.join, len(visit.lines)) for visit in only.visits] == [("time", 2)]


def test_exim_by_queue_id() -> None:
    """Two of one address at once, with the same HELO: only the id tells."""
    events: list[ev.Event] = []
    for n in (1, 2):
        wire = Wire(n, A, 40_000 + n, NOW)
        events += session(wire, NOW + 5, "same.example")[:-1]
        events += [wire.accepted(NOW + 2, f"1abcde-00000{n}-AA"), wire.closed(NOW + 5)]
        events.append(exim(NOW + 2, A, "same.example", f"1abcde-00000{n}-AA"))
    told = [[(visit.join, list(visit.queue_ids)) for visit in each.visits] for each in every(fold(by_time(events)))]
    assert told == [[("queue id", [f"1abcde-00000{n}-AA"])] for n in (1, 2)]


def test_exim_behind_nat_with_the_same_name_is_not_told_apart() -> None:
    events = [
        *session(Wire(1, A, 40_001, NOW), NOW + 5, "same.example"),
        *session(Wire(2, A, 40_002, NOW), NOW + 5, "same.example"), exim(NOW + 2, A, "same.example"),
    ]  # fmt: skip
    assert [(each.sensor, len(each.visits)) for each in every(fold(by_time(events)))] == [
        ("wire", 0), ("wire", 0), ("log", 1),
    ]  # fmt: skip


def test_a_name_given_behind_tls_is_no_evidence() -> None:
    """A client names itself as another session of its address does, where the wire cannot hear it."""
    hidden, open_ = Wire(1, A, 40_001, NOW), Wire(2, A, 40_002, NOW)
    events = [
        hidden.opened, hidden.greeting(NOW + 0.1), *hidden.hello(NOW + 0.2, "mine.example"), hidden.tls(NOW + 0.3),
        open_.opened, open_.greeting(NOW + 0.1), *open_.hello(NOW + 0.2, "victim.example"), open_.closed(NOW + 5),
        hidden.closed(NOW + 5), exim(NOW + 2, A, "victim.example"),
    ]  # fmt: skip
    assert [len(each.visits) for each in every(fold(by_time(events))) if each.sensor == "wire"] == [0, 0]


def test_lines_that_no_session_was_open_for_are_gathered() -> None:
    events = [exim(NOW), exim(NOW + 30), exim(NOW + 200), exim(NOW + 30, B)]
    told = [(each.source, len(each.visits[0].lines), each.over) for each in every(fold(by_time(events)))]
    assert sorted(told) == [(A, 1, True), (A, 2, True), (B, 1, True)]


def test_a_login_told_twice_is_one() -> None:
    """Postfix says that it failed, and Dovecot's authentication service whom it was about."""
    wire, log = Wire(1, A, 40_000, NOW), Log(7, A, 40_000)
    head = (NOW + 1, "log", HOST)
    events = [
        wire.opened, wire.greeting(NOW + 0.1), wire.tls(NOW + 0.2), wire.closed(NOW + 3), log.connected(NOW),
        ev.LoginTried(*head, SMTPD, 7, "warning", A, 40_000, "", "submission", "failure", "", "PLAIN"),
        ev.LoginTried(*head, "dovecot", 0, "auth", A, 0, "", "auth", "failure", "bob", "PLAIN"), log.gone(NOW + 3),
    ]  # fmt: skip
    for with_wire in (True, False):
        given_ = [event for event in events if with_wire or isinstance(event, ev.LogEvent)]
        (only,) = every(fold(by_time(given_)))
        assert only.auth == [("PLAIN", "failure")]


def test_a_login_that_only_the_authentication_service_tells() -> None:
    wire = Wire(1, A, 40_000, NOW)
    head = (NOW + 1, "log", HOST, "dovecot", 0, "auth")
    events = [
        wire.opened, wire.greeting(NOW + 0.1), wire.tls(NOW + 0.2), wire.closed(NOW + 3),
        ev.LoginTried(*head, A, 0, "", "auth", "failure", "bob", "PLAIN"),
    ]  # fmt: skip
    (only,) = every(fold(by_time(events)))
    assert (only.auth, only.visits[0].logins[0].account) == ([("PLAIN", "failure")], "bob")


# ---- sources that are not the peer


@pytest.mark.parametrize("by", ["PROXY v1", "PROXY v2", "XCLIENT"])
def test_a_client_that_a_proxy_names(by: str) -> None:
    """The log knows the client by the name that the proxy gave, and so does the wire."""
    wire = Wire(1, B, 50_000, NOW)
    named = ev.SourceNamed(NOW + 0.01, "wire", HOST, 1, A, 40_000, B, by)
    rest = [
        ev.Greeting(NOW + 0.02, "wire", HOST, 1, A, 220, "mx"),
        ev.SessionClosed(NOW + 3, "wire", HOST, 1, A, NOW + 3, "quit", 1, 1, None, True),
    ]
    log = Log(7, A, 40_000)
    (only,) = every(fold(by_time([wire.opened, named, *rest, log.connected(NOW), log.gone(NOW + 3)])))
    assert (only.source, only.client, [visit.join for visit in only.visits]) == (A, B, ["port"])


@pytest.mark.parametrize("before", [[], [(A, 40_001)], [(B, 40_001), (A, 40_002)]])
def test_a_client_of_the_proxys_own_address(before: list[tuple[str, int]]) -> None:
    """XCLIENT may name the address that the proxy itself has, and another port, and each of several."""
    wire = Wire(1, A, 50_000, NOW)
    names = [*before, (A, 40_000)]
    named = [
        ev.SourceNamed(NOW + 0.01 * n, "wire", HOST, 1, name, port, A, "XCLIENT")
        for n, (name, port) in enumerate(names, 1)
    ]
    rest = [
        ev.Greeting(NOW + 0.1, "wire", HOST, 1, A, 220, "mx"),
        ev.SessionClosed(NOW + 3, "wire", HOST, 1, A, NOW + 3, "quit", 1, 1, None, True),
    ]
    log = Log(7, A, 40_000)
    (only,) = every(fold(by_time([wire.opened, *named, *rest, log.connected(NOW + 0.05), log.gone(NOW + 3)])))
    assert [visit.join for visit in only.visits] == ["port"]


def test_the_proxys_own_address_is_not_its_clients() -> None:
    """The proxy looks whether the server is there, while a client of its own is."""
    wire = Wire(1, B, 50_000, NOW)
    named = ev.SourceNamed(NOW + 0.01, "wire", HOST, 1, A, 0, B, "PROXY v1")
    greeting = ev.Greeting(NOW + 0.02, "wire", HOST, 1, A, 220, "mx")
    probe = Log(7, B)
    sessions = fold(by_time([wire.opened, named, greeting, probe.connected(NOW), probe.gone(NOW + 1)]))
    assert [(each.sensor, len(each.visits)) for each in every(sessions)] == [("wire", 0), ("log", 1)]


def test_our_own_deliveries_are_no_clients() -> None:
    """We deliver to a host whose queue id is that of a message of ours, while we are our own client."""
    out = ev.SessionOpened(NOW, "wire", HOST, 1, "192.0.2.25", NOW, 50_000, "198.51.100.25", 25, "outbound")
    head = (NOW + 1, "wire", HOST, 1, "192.0.2.25")
    decided = ev.MessageDecided(*head, "a@b", False, "accepted", 250, None, "queued as AA1", "AA1", 1, 0, 9)
    log = Log(7, "192.0.2.25")
    sessions = fold(by_time([out, decided, log.connected(NOW), log.received(NOW, "AA1"), log.gone(NOW + 2)]))
    assert [(each.direction, len(each.visits)) for each in every(sessions)] == [("outbound", 0), ("inbound", 1)]


def test_postscreen_and_smtpd_tell_of_one_session() -> None:
    screen, log = Log(3, A, 40_000, program="postfix/postscreen"), Log(7, A, 40_000)
    wire = Wire(1, A, 40_000, NOW)
    events = [
        wire.opened, wire.greeting(NOW + 6.1), wire.closed(NOW + 9), screen.connected(NOW),
        ev.Screened(NOW + 6, "log", HOST, "postfix/postscreen", 3, "PASS NEW", A, 40_000, "", "pass new"),
        log.connected(NOW + 6), log.gone(NOW + 9),
    ]  # fmt: skip
    (only,) = every(fold(by_time(events)))
    assert [(visit.program, visit.join) for visit in only.visits] == [
        ("postfix/postscreen", "port"), (SMTPD, "port"),
    ]  # fmt: skip


# ---- bounds


def test_visits_without_an_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_sessions, "OPEN_VISITS", 50)
    sessions = Sessions()
    sessions.logs.alone = True
    for n in range(500):
        sessions.apply(Log(1 + n, A).connected(NOW + n / 100))
        sessions.apply(Log(10_000 + n, B).refused(NOW + n / 100))
    assert len(sessions.logs._visits) <= 100
    assert len(sessions.live) <= 100
    sessions.apply(Log(9, A).connected(NOW + 86_400))
    assert len(sessions.live) == 1


def test_one_visit_is_bounded() -> None:
    sessions = Sessions()
    sessions.logs.alone = True
    log = Log(7, A)
    sessions.apply(log.connected(NOW))
    for n in range(3 * QUEUE_IDS):
        sessions.apply(log.received(NOW, f"ID{n}"))
        head = (NOW, "log", HOST, SMTPD, 7, "x" * 2_000, A, 0, "")
        sessions.apply(ev.Refused(*head, "RCPT", 550, "", "policy", "no"))
    (alone,) = sessions.live.values()
    (visit,) = alone.visits
    assert (visit.messages, len(visit.queue_ids), visit.rcpt_refused) == (3 * QUEUE_IDS, QUEUE_IDS, 3 * QUEUE_IDS)
    assert len(visit.lines) <= LINES
    assert sum(len(each.text) for each in visit.lines) <= TEXT
    assert len(alone.transactions) <= QUEUE_IDS
    assert alone.transactions[-1].queue_id == f"ID{3 * QUEUE_IDS - 1}"


@pytest.mark.parametrize("wire", [True, False])
def test_no_collector_is_needed(wire: bool) -> None:
    """Sessions and visits that are gone leave no circles: a command that runs for ever runs without a collector."""
    gc.collect()
    gc.disable()
    try:
        sessions = Sessions()
        for n in range(4_000):
            start, log = NOW + n, Log(n % 50, A, 10_000 + n)
            if wire:
                for event in session(Wire(n, A, 10_000 + n, start), start + 0.5):
                    sessions.apply(event)
            for line_ in (log.connected(start), log.received(start, f"ID{n}"), log.gone(start + 0.5)):
                sessions.apply(line_)
        assert len(sessions.recent) == 2_000
        assert sum(isinstance(each, Session) for each in gc.get_objects()) < 2_200
    finally:
        gc.enable()


# ---- anything at all

_SOURCES = st.sampled_from(["", A, B])
_TIMES = st.floats(NOW - 10, NOW + 100) | st.sampled_from([0.0, NOW, NOW + 1, 1e12, -1.0])
_HEADS = st.tuples(
    _TIMES, st.just("log"), st.sampled_from(["mx", "mx2"]),
    st.sampled_from([SMTPD, "exim", "smtpd", "postfix/postscreen", "dovecot", "sm-mta"]), st.sampled_from([0, 7, 8]),
    st.sampled_from(["", "7f6c9d3b4c7a1e55 smtp", "submission", "x, orig_client=y"]),
)  # fmt: skip
_CLIENTS = st.tuples(_SOURCES, st.sampled_from([0, 9, 10]), st.just(""))
_IDS = st.sampled_from(["", "A1", "B2", "C3"])


def _of(kind: type[ev.LogEvent], *more: st.SearchStrategy[Any]) -> st.SearchStrategy[ev.Event]:
    client = [_CLIENTS] if issubclass(kind, ev.ClientEvent) else []
    parts: list[st.SearchStrategy[Any]] = [_HEADS, *client, st.tuples(*more)]

    def make(made: tuple[Any, ...]) -> ev.Event:
        return kind(*chain.from_iterable(made))

    return st.tuples(*parts).map(make)


_LINES = st.one_of(
    _of(ev.ClientConnected),
    _of(ev.ClientPortSeen),
    _of(ev.ClientDisconnected, st.just(""), st.sampled_from([{}, {"rcpt": (1, 2), "starttls": (1, 1)}])),
    _of(ev.ClientLost, st.sampled_from(["timeout", "lost connection"])),
    _of(ev.TlsEstablished, st.sampled_from(["TLSv1.3", "TLSv1"]), st.just("x")),
    _of(ev.TlsTroubled, st.just("why")),
    _of(ev.LoginTried, st.sampled_from(["smtp", "auth", "imap"]), st.sampled_from(["success", "deferred"]), _IDS),
    _of(
        ev.Refused, st.sampled_from(["RCPT", "DATA"]), st.sampled_from([0, 550]), st.just(""), st.just("policy"),
        st.just("no"), st.just(""), st.none(), st.none(), st.sampled_from([None, "", "c.example"]), _IDS,
    ),
    _of(
        ev.MessageReceived, _IDS, st.sampled_from(["smtp", "local"]), st.just("a@b"), st.just(("c@d",)), st.just(9),
        _IDS,
    ),
    _of(ev.MessageIdentified, _IDS, _IDS),
    _of(ev.MessageQueued, _IDS, st.just("a@b"), st.just(9), st.just(1)),
    _of(ev.MessageHandled, _IDS, st.sampled_from(["hold", "requeue", "release"]), _IDS),
    _of(
        ev.Delivery, _IDS, st.just("c@d"), st.sampled_from(["sent", "deferred", "bounced"]), st.just(""), st.just(""),
        st.just(""), st.just(""), st.sampled_from(["", "127.0.0.1", "192.0.2.1"]), st.just(25), st.none(), st.just(()),
        st.just(250), _IDS,
    ),
    _of(ev.NoticeSent, _IDS, st.just("bounce"), _IDS),
    _of(ev.MessageExpired, _IDS),
    _of(ev.MessageRemoved, _IDS),
    _of(ev.Verdict, st.just("spam"), st.just("spam"), _IDS, _SOURCES, _IDS),
    _of(ev.Screened, st.just("pass new")),
    _of(ev.ServiceTrouble, st.just("fatal"), st.just("why"), _IDS),
)  # fmt: skip
_WIRES = st.tuples(_TIMES, st.just("wire"), st.just("mx"), st.integers(1, 4), _SOURCES)
_SEEN = st.one_of(
    st.tuples(_WIRES, _TIMES, st.sampled_from([9, 10]), st.sampled_from(["inbound", "outbound"])).map(
        lambda each: ev.SessionOpened(*each[0], each[1], each[2], "192.0.2.25", 25, each[3])  # type: ignore[arg-type]
    ),
    _WIRES.map(lambda head: ev.SourceNamed(*head, 9, B, "PROXY v1")),
    _WIRES.map(lambda head: ev.SourceNamed(*head, 0, B, "XCLIENT")),
    _WIRES.map(lambda head: ev.Greeting(*head, 220, "mx")),
    _WIRES.map(lambda head: ev.Command(*head, "EHLO", "c.example")),
    _WIRES.map(lambda head: ev.TlsNegotiated(*head, "TLSv1.3", "x", None, None, "", None, False)),
    st.tuples(_WIRES, _IDS).map(
        lambda each: ev.MessageDecided(*each[0], "a@b", False, "accepted", 250, None, "", each[1] or None, 1, 0, 9)
    ),
    st.tuples(_WIRES, _TIMES).map(lambda each: ev.SessionClosed(*each[0], each[1], "quit", 1, 1, None, True)),
    st.tuples(_TIMES, st.sampled_from(["wire", "log"]), st.sampled_from(["starting", "running", "failed"])).map(
        lambda each: ev.SensorStatus(each[0], each[1], "mx", each[2], "", 0, 0, 0, {}, ())  # type: ignore[arg-type]
    ),
    _TIMES.map(lambda time: ev.Tally(time, "wire", "mx", A, {}, (1, 2, 9))),
)


@given(st.lists(_LINES | _SEEN, max_size=60))
def test_no_sequence_of_events_does_harm(events: list[ev.Event]) -> None:
    sessions = fold(events)
    for each in [*sessions.live.values(), *sessions.recent.values()]:
        for visit in each.visits:
            assert visit.session is each
            if visit.join is not None:
                assert each.sensor == "wire"
    for message in sessions.logs.messages.held.values():
        assert message.state
        assert message in message.family()


_ORDERS = [each for each in permutations(range(4)) if each.index(0) < each.index(1) and each.index(2) < each.index(3)]


@pytest.mark.parametrize("order", _ORDERS)
def test_in_any_order_of_the_two_sensors(order: tuple[int, ...]) -> None:
    """The log may be told first, or the wire, or each in part; but each tells the beginning first."""
    wire, log = Wire(1, A, 40_000, NOW), Log(7, A, 40_000)
    parts: list[list[ev.Event]] = [
        [wire.opened, wire.greeting(NOW + 0.1)], [wire.closed(NOW + 2)], [log.connected(NOW)], [log.gone(NOW + 2)],
    ]  # fmt: skip
    (only,) = every(fold([event for at in order for event in parts[at]]))
    assert [(visit.join, visit.end) for visit in only.visits] == [("port", NOW + 2)]


# ---- how far the log has come


def health(sensor: str, time: float, received: int) -> ev.SensorStatus:
    return ev.SensorStatus(time, sensor, HOST, "running", "", received, 0, 0, {}, ("it",))


def quiet_host(until: float) -> Sessions:
    """One session, and nothing more for some seconds but that all is well. The log's clock is three seconds behind."""
    wire, log = Wire(1, A, 40_000, NOW), Log(7, A, whole=False)
    sessions = fold([health("log", NOW - 1, 0), health("wire", NOW - 1, 0)], finish=False)
    for event in (*session(wire, NOW + 0.2), log.connected(NOW - 3), log.gone(NOW - 2.8)):
        sessions.apply(event)
    for second in range(int(until)):
        sessions.apply(health("wire", NOW + 0.5 + second, 9))
        sessions.apply(health("log", NOW + 0.5 + second, 2))
    return sessions


def test_where_nothing_happens_the_sensors_health_tells_the_time() -> None:
    (only,) = every(quiet_host(4))
    assert [visit.join for visit in only.visits] == ["time"]
    (only,) = every(quiet_host(1))
    assert only.visits == []


def test_whether_the_log_is_done_with_a_session() -> None:
    sessions = quiet_host(1)
    (only,) = every(sessions)
    assert not sessions.logs.done_with(only)
    sessions = quiet_host(4)
    (only,) = every(sessions)
    assert sessions.logs.done_with(only)


def test_a_log_that_says_nothing_of_a_session_is_done_with_it_too() -> None:
    sessions = fold([health("log", NOW, 0), *session(Wire(1, A, 40_000, NOW), NOW + 1)], finish=False)
    (only,) = every(sessions)
    assert not sessions.logs.done_with(only)
    for second in range(5):
        sessions.apply(health("log", NOW + second, 0))
    assert sessions.logs.done_with(only)
