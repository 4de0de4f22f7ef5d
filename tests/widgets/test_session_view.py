"""Order, filter and freeze, without an app."""

import pytest

from smtpwatch import events as ev
from smtpwatch.state import sessions
from smtpwatch.state.asleep import Packer
from smtpwatch.state.picture import Picture
from smtpwatch.state.session import Session
from tests.screens import scenes
from widgets import rows as rows_module
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


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("typed", ["", "src:198.18.0.0/16", "2001:db8", "dir:in age:>1", "!stage:EHLO"])
@pytest.mark.parametrize("place", [None, *range(len(COLUMNS))])
def test_those_that_sleep_are_shown_as_if_they_did_not(
    monkeypatch: pytest.MonkeyPatch, place: int | None, typed: str, reverse: bool
) -> None:
    """In whatever order, filtered, and in a window of each."""
    shown_as = []
    for awake in (1_000_000, 10):
        monkeypatch.setattr(sessions, "AWAKE", awake)
        _, rows = view([*scenes.many(150), *scenes.busy_evening()])
        rows.filter(typed)
        rows.sorted_by, rows.reverse = place, reverse
        shown_as.append((shown(rows), numbers(rows.window(70, 80)), rows.values("src")[:3], len(rows)))
        rows.freeze(5)
        assert shown(rows) == shown_as[-1][0]
    assert shown_as[0] == shown_as[1]


def test_a_filter_unpacks_those_that_sleep_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "AWAKE", 10)
    picture, rows = view(list(scenes.many(150)))
    unpacked: list[object] = []
    unpack = Packer.unpack

    def counted(packer: Packer, key: tuple[str, int], packed: bytes) -> Session:
        unpacked.append(key)
        return unpack(packer, key, packed)

    monkeypatch.setattr(Packer, "unpack", counted)
    rows.filter("nobody")
    assert shown(rows) == []
    assert len(unpacked) == len(set(unpacked)) > 100
    unpacked.clear()
    assert shown(rows) == []
    assert unpacked == []
    head = (scenes.SENSOR, scenes.HOST, 3, picture.sessions.live[scenes.SENSOR, 3].source)
    unpacked.clear()
    picture.apply([ev.Command(scenes.NOW, *head, "HELO", "nobody")])
    assert shown(rows) == [3]


def very_many(monkeypatch: pytest.MonkeyPatch, per_second: int) -> tuple[Picture, SessionView]:
    """More than are sorted at each tick, by HELO."""
    monkeypatch.setattr(rows_module, "MANY", 100)
    monkeypatch.setattr(rows_module, "PER_SECOND", per_second)
    picture, rows = view(list(scenes.many(150)))
    rows.sorted_by = [column.title for column in COLUMNS].index("HELO")
    rows.settle(scenes.NOW)
    return picture, rows


def test_of_very_many_the_order_is_good_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """But what is on screen is as it is now, and another question is answered at once."""
    picture, rows = very_many(monkeypatch, 30)
    before = numbers(rows.window(0, 150))
    session = picture.sessions.live[scenes.SENSOR, before[0]]
    picture.apply([ev.Command(scenes.NOW, scenes.SENSOR, scenes.HOST, session.id, session.source, "HELO", "zz")])
    rows.settle(scenes.NOW + 4)
    assert numbers(rows.window(0, 150)) == before
    assert rows.window(0, 1)[0].hello_given == "zz"
    rows.filter("src:198.18.0.3")
    rows.settle(scenes.NOW + 4)
    assert numbers(rows.window(0, 150)) == [2]
    rows.filter("")
    rows.settle(scenes.NOW + 4)
    assert numbers(rows.window(0, 150)) == [*before[1:], before[0]]
    session = picture.sessions.live[scenes.SENSOR, before[1]]
    picture.apply([ev.Command(scenes.NOW, scenes.SENSOR, scenes.HOST, session.id, session.source, "HELO", "zzz")])
    rows.settle(scenes.NOW + 8)
    assert numbers(rows.window(0, 150)) == [*before[1:], before[0]]
    rows.settle(scenes.NOW + 10)
    assert numbers(rows.window(0, 150)) == [*before[2:], before[0], before[1]]


def test_of_very_many_those_that_have_gone_leave_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next ones take their places; those out of sight wait until the order is worked out anew."""
    picture, rows = very_many(monkeypatch, 10)
    monkeypatch.setattr(sessions, "RECENT_SESSIONS", 1)
    before = numbers(rows.window(0, 150))
    assert len(numbers(rows.window(10, 20))) == 10
    gone = [before[at] for at in (3, 12, 13, 19, 20, 60)]
    for number in (*gone, 1):
        picture.apply([ev.Tally(scenes.NOW, scenes.SENSOR, scenes.HOST, "198.18.0.1", {}, (number,))])
    rows.settle(scenes.NOW + 1)
    assert numbers(rows.window(10, 20)) == [*before[10:12], *before[14:19], *before[21:24]]
    assert rows.at(60) is not None and len(rows) == 146


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
