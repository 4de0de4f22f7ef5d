"""Order, filter and freeze, without an app."""

import pytest

from smtpwatch import events as ev
from smtpwatch.state.picture import Picture
from smtpwatch.state.session import Session
from tests.screens import scenes
from widgets import sieve
from widgets.columns import COLUMNS
from widgets.rows import FROZEN_ROWS
from widgets.session_view import SessionView
from widgets.sieve import Sieve


def numbers(sessions: list[Session]) -> list[int]:
    return [session.id for session in sessions]


def view(events: list[ev.Event] | None = None) -> tuple[Picture, SessionView]:
    picture = Picture()
    picture.apply(scenes.busy_evening() if events is None else events)
    return picture, SessionView(picture.sessions)


def shown(rows: SessionView) -> list[int]:
    rows.settle(scenes.NOW)
    return numbers(rows.window(0, len(rows)))


def test_default_order() -> None:
    _, rows = view()
    assert shown(rows) == [5, 4, 6, 2, 1, 3, 10, 7, 8, 9]
    rows.reverse = True
    assert shown(rows) == [3, 1, 2, 6, 4, 5, 10, 7, 8, 9]


@pytest.mark.parametrize(("start", "stop"), [(0, 3), (4, 8), (6, 10), (7, 9), (9, 20), (12, 20)])
def test_windows_are_slices(start: int, stop: int) -> None:
    _, rows = view()
    assert numbers(rows.window(start, stop)) == shown(rows)[start:stop]


def test_default_order_makes_no_list(monkeypatch: pytest.MonkeyPatch) -> None:
    _, rows = view(list(scenes.many(50_000)))

    def forbidden(self: SessionView) -> None:
        raise AssertionError("went through all sessions")

    monkeypatch.setattr(SessionView, "_all", forbidden)
    rows.settle(scenes.NOW)
    assert len(rows) == 50_000 and len(rows.window(100, 140)) == 40
    assert rows.row_of((scenes.SENSOR, 120), 120) == 120


@pytest.mark.parametrize("place", range(len(COLUMNS)))
def test_every_column_sorts(place: int) -> None:
    _, rows = view()
    rows.sorted_by = place
    ordered = shown(rows)
    rows.reverse = True
    keys = [COLUMNS[place].key(session, scenes.NOW) for session in rows.window(0, 10)]
    assert sorted(ordered) == list(range(1, 11)) and keys == sorted(keys, reverse=COLUMNS[place].descending)


def test_row_of() -> None:
    _, rows = view()
    rows.settle(scenes.NOW)
    assert rows.row_of((scenes.SENSOR, 7), 0) == 7
    assert rows.row_of((scenes.SENSOR, 77), 0) is None
    rows.filter("partner")
    rows.settle(scenes.NOW)
    assert rows.row_of((scenes.SENSOR, 7), 7) == 0
    assert rows.row_of((scenes.SENSOR, 1), 0) is None


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("partner", [7]), ("PARTNER", [7]), ("203.0.113 !quit", [1, 8]), (":587 sub", [5, 2]),
     ("!", [5, 4, 6, 2, 1, 3, 10, 7, 8, 9]), ("relay access", [1]), ("no-such-word", [])],
)  # fmt: skip
def test_filter(typed: str, expected: list[int]) -> None:
    _, rows = view()
    rows.filter(typed)
    assert shown(rows) == expected
    assert rows.total == 10


def test_filter_sees_what_changes() -> None:
    picture, rows = view()
    rows.filter("vrfy")
    assert shown(rows) == []
    picture.apply([ev.Command(scenes.NOW, scenes.SENSOR, scenes.HOST, 1, "203.0.113.7", "VRFY", "root")])
    assert shown(rows) == [1]


def test_sieve_looks_at_a_bounded_number_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sieve, "LOOKS", 40)
    picture, _ = view(list(scenes.many(100)))
    sessions = list(picture.sessions.live.values())
    strainer = Sieve("198.18", COLUMNS, lambda session: session.key, lambda session: session.end)
    for passed, pending in ((40, 60), (80, 20), (100, 0), (100, 0)):
        assert len(strainer.passed(sessions)) == passed
        assert strainer.pending == pending


def test_frozen_rows_stand_still() -> None:
    picture, rows = view()
    before = shown(rows)
    assert rows.freeze(around=3) == 0
    picture.apply(scenes.Dialogue(50, "192.0.2.77", scenes.NOW).greeting().events)
    picture.apply([ev.Command(scenes.NOW, scenes.SENSOR, scenes.HOST, 1, "203.0.113.7", "VRFY", "root")])
    assert shown(rows) == before and rows.total == 10
    session = rows.get((scenes.SENSOR, 1))
    assert session is not None and session.stage == "RCPT"
    rows.thaw()
    assert shown(rows) != before


def test_a_frozen_view_keeps_what_is_filtered_away() -> None:
    _, rows = view()
    rows.filter("partner")
    rows.settle(scenes.NOW)
    rows.freeze(around=0)
    assert shown(rows) == [7]
    rows.filter("")
    assert len(shown(rows)) == 10


def test_a_frozen_view_keeps_the_rows_around_the_cursor() -> None:
    _, rows = view(list(scenes.many(10_000)))
    rows.settle(scenes.NOW)
    above = rows.freeze(around=5_000)
    assert above == 5_000 - FROZEN_ROWS // 2 and len(rows) == FROZEN_ROWS
    assert rows.window(5_000 - above, 5_001 - above)[0].id == 5_000
