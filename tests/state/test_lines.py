"""The ring of lines: facts of one line together, bounds, and what a line is of, whenever that is known."""

from __future__ import annotations

import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpwatch import events as ev
from smtpwatch.state import lines as module
from smtpwatch.state import sessions as held
from smtpwatch.state.lines import Line, Lines, message_of
from smtpwatch.state.sessions import Sessions
from smtpwatch.state.visit import Visit
from tests.state.joint import HOST, NOW, SMTPD, Log, Wire, fold

A, B = "203.0.113.7", "203.0.113.8"


def removed(number: int, text: str | None = None, time: float = NOW) -> ev.LogEvent:
    said = f"{number:X}: removed" if text is None else text
    return ev.MessageRemoved(time, "log", HOST, "postfix/qmgr", 1, said, f"{number:X}")


def plain(text: str, time: float = NOW, pid: int = 7, program: str = SMTPD, left_out: int = 0) -> ev.PlainLine:
    return ev.PlainLine(time, "log", HOST, program, pid, text, False, left_out)


def line_of(sessions: Sessions, text: str) -> Line:
    return next(line for line in sessions.logs.lines if line.fact.text == text)


# ---- facts into lines


def test_facts_of_one_line_are_one_entry() -> None:
    log = Log(7, A)
    lines = Lines()
    facts = [*log.login(NOW, "bob", "4B1"), log.gone(NOW), *log.login(NOW, "bob", "4B2"), *log.login(NOW, "bob", "4B3")]
    for fact in facts:
        lines.add(fact, None)
    assert [(line.number, [type(fact).__name__ for fact in line.facts]) for line in lines] == [
        (0, ["LoginTried", "MessageReceived"]),
        (1, ["ClientDisconnected"]),
        (2, ["LoginTried", "MessageReceived"]),
        (3, ["LoginTried", "MessageReceived"]),  # a line of the same words is another line
    ]


@pytest.mark.parametrize(
    "other",
    [
        ev.MessageQueued(NOW + 1, "log", HOST, "p", 1, "t", "", "", 1, 1),
        ev.MessageQueued(NOW, "log", "mx2", "p", 1, "t", "", "", 1, 1),
        ev.MessageQueued(NOW, "log", HOST, "q", 1, "t", "", "", 1, 1),
        ev.MessageQueued(NOW, "log", HOST, "p", 2, "t", "", "", 1, 1),
        ev.MessageQueued(NOW, "log", HOST, "p", 1, "u", "", "", 1, 1),
    ],
)
def test_what_differs_is_another_line(other: ev.LogEvent) -> None:
    lines = Lines()
    lines.add(ev.MessageRemoved(NOW, "log", HOST, "p", 1, "t", ""), None)
    lines.add(other, None)
    assert [len(line.facts) for line in lines] == [1, 1]


# ---- bounds


@given(sizes=st.lists(st.integers(0, 60), max_size=60))
def test_bounds(sizes: list[int]) -> None:
    """The latest lines in order, no more of them and of their characters than there may be; one always."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "LINES", 10)
        patch.setattr(module, "TEXT", 200)
        lines = Lines()
        for number, size in enumerate(sizes):
            lines.add(removed(number, "x" * size, NOW + number), None)
    shown = list(lines)
    assert [line.number for line in shown] == list(range(lines.first, lines.end)) and lines.end == len(sizes)
    assert len(shown) == len(lines) <= 10
    assert len(shown) == min(len(sizes), 1) or sum(len(line.fact.text) for line in shown) <= 200
    kept = sizes[len(sizes) - len(shown) :]
    assert [len(line.fact.text) for line in shown] == kept
    more = sizes[len(sizes) - len(shown) - 1 :] if len(shown) < len(sizes) else []
    assert not more or len(more) > 10 or sum(more) > 200  # none was let go without need


def test_by_number_and_by_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINES", 5)
    lines = Lines()
    for number in range(8):
        lines.add(removed(number), None)
    found = [lines.get(number) for number in range(2, 9)]
    assert [line.number if line is not None else None for line in found] == [None, 3, 4, 5, 6, 7, None]
    assert [line.number for line in lines.window(1, 3)] == [4, 5]
    assert [line.number for line in lines.window(3, 9)] == [6, 7]
    assert [[line.number for line in lines.since(number)] for number in (0, 6, 8, 9)] == [
        [3, 4, 5, 6, 7],
        [6, 7],
        [],
        [],
    ]


def test_a_port_that_was_seen_is_no_line() -> None:
    sessions = fold([Log(7, A).seen(NOW, 40_000), removed(1)])
    assert [line.fact.text for line in sessions.logs.lines] == ["1: removed"]


# ---- what a line is of


def test_a_visit_that_joins_late() -> None:
    wire, log = Wire(1, A, 40_000, NOW), Log(7, A)
    sessions = Sessions()
    for event in [wire.opened, wire.greeting(NOW + 0.01), log.connected(NOW), log.refused(NOW)]:
        sessions.apply(event)
    line = line_of(sessions, "reject")
    assert sessions.logs.lines.session(line) is None
    for event in [wire.closed(NOW + 1), log.gone(NOW + 1)]:
        sessions.apply(event)
    sessions.finish()
    session = sessions.logs.lines.session(line)
    assert session is not None and session.key == ("wire", 1) and session is sessions.get(session.key)


def test_a_stray_line_is_told_later_what_it_is_of() -> None:
    """Exim without process ids: no thread, and the wire has come no further."""
    wire = Wire(1, A, 40_000, NOW)
    refused = ev.Refused(NOW + 0.5, "log", HOST, "exim", 0, "rejected", A, 0, "", "RCPT", 550, "", "policy", "no")
    sessions = Sessions()
    for event in [wire.opened, wire.greeting(NOW + 0.01), refused]:
        sessions.apply(event)
    line = line_of(sessions, "rejected")
    assert sessions.logs.lines.session(line) is None
    sessions.apply(wire.closed(NOW + 1))
    sessions.finish()
    session = sessions.logs.lines.session(line)
    assert session is not None and session.key == ("wire", 1)


def test_strays_that_wait_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STRAYS", 3)
    lines = Lines()
    visit = next(iter(every_visit(fold([Log(7, A).connected(NOW)]))))
    facts = [removed(number) for number in range(5)]
    for fact in facts:
        lines.add(fact, None)
        lines.stray(fact)
    for fact in facts:
        lines.settled(fact, visit)
    assert [line.visit is not None for line in lines] == [False, False, True, True, True]


def test_lines_keep_no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "RECENT_SESSIONS", 1)
    gc.disable()
    try:
        sessions = Sessions()
        sessions.logs.alone = True
        for number, source in enumerate((A, B)):
            log = Log(number + 1, source)
            for event in [log.connected(NOW), log.refused(NOW + 1), log.gone(NOW + 1)]:
                sessions.apply(event)
        first, *_, last = sessions.logs.lines
        assert first.visit is not None and first.visit() is None
        assert sessions.logs.lines.session(first) is None
        session = sessions.logs.lines.session(last)
        assert session is not None and session.source == B
    finally:
        gc.enable()


def test_a_message_by_its_queue_id() -> None:
    log = Log(7, A)
    sessions = fold([log.connected(NOW), log.received(NOW, "4B1"), removed(0x4B1), log.gone(NOW + 1)])
    messages = sessions.logs.messages
    named = [message_of(line, messages) for line in sessions.logs.lines]
    assert [message.queue_id if message is not None else None for message in named] == [None, "4B1", "4B1", None]


def test_a_message_by_its_message_id() -> None:
    """A spam filter names no queue id."""
    head = (NOW, "log", HOST)
    verdict = ev.Verdict(*head, "spamd", 3, "spamd: result", "spam", "spam", message_id="a@example.com")
    sessions = fold(
        [
            Log(7, A).received(NOW, "4B1"),
            ev.MessageIdentified(*head, "postfix/cleanup", 2, "4B1: message-id", "4B1", "a@example.com"),
            verdict,
        ]
    )
    line = line_of(sessions, "spamd: result")
    message = message_of(line, sessions.logs.messages)
    assert message is not None and message.queue_id == "4B1"


def test_a_queue_id_that_is_used_again_is_another_message() -> None:
    log = Log(7, A)
    sessions = fold([log.received(NOW, "4B1"), removed(0x4B1, "old"), log.received(NOW + 600, "4B1")])
    assert message_of(line_of(sessions, "old"), sessions.logs.messages) is None


# ---- lines without facts


def test_a_line_without_facts_goes_with_its_process() -> None:
    log, other = Log(7, A), Log(8, B)
    events = [
        plain("before", NOW),
        log.connected(NOW), other.connected(NOW), plain("mine", NOW + 1), plain("theirs", NOW + 1, pid=8),
        plain("queue manager", NOW + 1, pid=7, program="postfix/qmgr"),
        log.gone(NOW + 2), plain("after", NOW + 3),
    ]  # fmt: skip
    sessions = Sessions()
    sessions.logs.alone = True
    for event in events:
        sessions.apply(event)
    sessions.finish()
    found = {
        line.fact.text: session.source if (session := sessions.logs.lines.session(line)) is not None else None
        for line in sessions.logs.lines
        if isinstance(line.fact, ev.PlainLine)
    }
    assert found == {"before": None, "mine": A, "theirs": B, "queue manager": None, "after": None}


def test_lines_without_facts_change_nothing_else() -> None:
    """Not the clock that the join goes by, no visit, no message."""
    wire, log = Wire(1, A, 40_000, NOW), Log(7, A)
    events = [wire.opened, wire.greeting(NOW + 0.01), log.connected(NOW), wire.closed(NOW + 1), log.gone(NOW + 1)]
    with_plain = fold([each for event in events for each in (event, plain("odd", NOW + 999))])
    without = fold(events)
    assert [each.key for each in with_plain.recent.values()] == [each.key for each in without.recent.values()]
    (session,) = with_plain.recent.values()
    assert [len(visit.lines) for visit in session.visits] == [2]


def test_what_was_left_out_is_counted() -> None:
    sessions = fold([plain("a"), plain("b", left_out=30), plain("c", left_out=12)])
    assert (len(sessions.logs.lines), sessions.logs.lines.left_out) == (3, 42)


def every_visit(sessions: Sessions) -> list[Visit]:
    return [visit for each in (*sessions.live.values(), *sessions.recent.values()) for visit in each.visits]
