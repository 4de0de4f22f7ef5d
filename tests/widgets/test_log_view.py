"""The log's rows: in order, filtered as they come, frozen, found by number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpwatch import events as ev
from smtpwatch.state import lines as module
from smtpwatch.state.sessions import Sessions
from tests.state.joint import NOW
from tests.widgets import log_scene as scene
from tests.widgets.log_scene import numbered
from widgets import log_view
from widgets.log_view import LogView


def view(sessions: Sessions, typed: str = "") -> LogView:
    rows = LogView(sessions.logs.lines)
    rows.filter(typed)
    rows.settle(NOW)
    return rows


def texts(rows: LogView) -> list[str]:
    return [line.fact.text for line in rows.window(0, len(rows))]


def add(sessions: Sessions, start: int, stop: int) -> None:
    for event in numbered(start, stop):
        sessions.apply(event)


def test_the_newest_come_last() -> None:
    rows = view(scene.told([*numbered(0, 5)]))
    assert texts(rows) == ["line 0", "line 1", "line 2", "line 3", "line 4"] and rows.total == 5
    assert [line.fact.text for line in rows.window(3, 9)] == ["line 3", "line 4"]


@pytest.mark.parametrize(
    ("typed", "numbers"),
    [
        ("relay", [2]),
        ("reason:relay", [2]),
        ("verdict:rejected", [2]),
        ("src:203.0.113.0/24 !connect", [1, 2]),
        ("status:deferred", [6]),
        (f"qid:{scene.QUEUE_ID}", [1, 5, 6]),
        ("prog:smtpd", [0, 1, 2, 3, 4]),
        ("prog:postfix/smtp", [5, 6]),
        ('"not understood"', [3]),
        ("example.com !reject", [5, 6]),
        ("MARK:x", [2]),
        ("nothing like it", []),
    ],
)
def test_filter(typed: str, numbers: list[int]) -> None:
    rows = view(scene.told(scene.evening()), typed)
    assert [line.number for line in rows.window(0, len(rows))] == numbers
    assert rows.total == 8 and rows.pending == 0


@given(steps=st.lists(st.tuples(st.integers(0, 40), st.sampled_from(["", "7", '"line 1"', "!2"])), max_size=12))
def test_a_filter_that_goes_along_is_as_one_made_anew(steps: list[tuple[int, str]]) -> None:
    """However lines come, and however few of them can be looked at in one go."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "LINES", 60)
        patch.setattr(log_view, "LOOKS", 25)
        sessions = scene.told([])
        rows = view(sessions)
        count = 0
        for more, typed in steps:
            add(sessions, count, count + more)
            count += more
            rows.filter(typed)
            rows.settle(NOW)
            while rows.pending:
                rows.settle(NOW)
            every = [f"line {number}" for number in range(max(0, count - 60), count)]
            unwanted = typed.startswith("!")
            assert texts(rows) == [text for text in every if (typed.strip('!"') in text) is not unwanted]


def test_a_fact_that_comes_after_a_look_counts() -> None:
    sessions = scene.told([])
    rows = view(sessions, "account:bob")
    head = scene.head("postfix/smtpd", "client=, sasl_username=bob")
    received = ev.MessageReceived(*head, scene.A, 0, "", "4B1", "smtp")
    sessions.apply(received)
    rows.settle(NOW)
    assert texts(rows) == []
    sessions.apply(ev.LoginTried(*head, scene.A, 0, "", "smtp", "success", "bob"))
    rows.settle(NOW)
    assert texts(rows) == ["client=, sasl_username=bob"]
    rows.settle(NOW)
    assert texts(rows) == ["client=, sasl_username=bob"]


def test_many_lines_are_looked_at_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_view, "LOOKS", 10)
    rows = view(scene.told([*numbered(0, 25)]), "line")
    seen = []
    for _ in range(4):
        seen.append((len(rows), rows.pending))
        rows.settle(NOW)
    assert seen == [(10, 15), (20, 5), (25, 0), (25, 0)]


def test_frozen_rows_stand_still() -> None:
    sessions = scene.told([*numbered(0, 10)])
    rows = view(sessions)
    assert rows.freeze(9) == 0
    add(sessions, 10, 30)
    rows.settle(NOW)
    assert len(rows) == 10 and rows.place(4) == 4
    rows.filter('"line 7"')
    rows.settle(NOW)
    assert texts(rows) == ["line 7"]
    rows.thaw()
    rows.filter('"line 2"')
    rows.settle(NOW)
    assert texts(rows) == ["line 2", *(f"line {number}" for number in range(20, 30))]


@pytest.mark.parametrize(("typed", "places"), [("", [0, 0, 1, 4, 5]), ('"line 7"', [0, 0, 0, 1, 1])])
def test_places_when_the_oldest_have_gone(monkeypatch: pytest.MonkeyPatch, typed: str, places: list[int]) -> None:
    monkeypatch.setattr(module, "LINES", 5)
    rows = view(scene.told([*numbered(0, 10)]), typed)
    assert [rows.place(number) for number in (0, 5, 6, 9, 99)] == places
    found = [rows.row_of(("line", number), 0) for number in (4, 7, 9)]
    assert found == ([None, 2, 4] if not typed else [None, 0, None])
    assert rows.get(("line", 4)) is None
