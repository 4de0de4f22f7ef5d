"""Messages in order, filtered, sorted and frozen, without an app."""

import pytest

from smtpwatch import events as ev
from smtpwatch.state.picture import Picture
from tests.screens import mail, scenes
from widgets.message_columns import COLUMNS
from widgets.message_view import MessageView

LATEST_FIRST = [
    mail.PARTNER, mail.OPEN, mail.DARK, mail.HELD, mail.SPAM, mail.NOTICE, mail.LOST, mail.BULK, mail.LONG,
]  # fmt: skip


def view(events: list[ev.Event] | None = None) -> tuple[Picture, MessageView]:
    picture = Picture()
    picture.apply(mail.evening() if events is None else events)
    return picture, MessageView(picture.messages)


def shown(rows: MessageView) -> list[str]:
    rows.settle(scenes.NOW)
    return [message.queue_id for message in rows.window(0, len(rows))]


def key(queue_id: str) -> tuple[str, str]:
    return "mx1", queue_id


def test_the_latest_come_first() -> None:
    _, rows = view()
    assert shown(rows) == LATEST_FIRST and rows.total == len(LATEST_FIRST)
    rows.reverse = True
    assert shown(rows) == LATEST_FIRST[::-1]


@pytest.mark.parametrize(("start", "stop"), [(0, 3), (4, 8), (7, 20), (9, 20)])
def test_windows_are_slices(start: int, stop: int) -> None:
    _, rows = view()
    assert [each.queue_id for each in rows.window(start, stop)] == LATEST_FIRST[start:stop]


@pytest.mark.parametrize(
    ("typed", "passed"),
    [
        (mail.LOST, [mail.NOTICE, mail.LOST]),
        (mail.NOTICE, [mail.NOTICE]),
        ("bill@partner", [mail.PARTNER]),
        ("mallory", [mail.BULK]),
        ("bob@example.net", [mail.OPEN, mail.NOTICE, mail.LOST]),
        ("bob@example.net !(bounce)", [mail.OPEN, mail.LOST]),
        ("192.0.2.17 queued", [mail.OPEN]),
        ("DEFERRED", [mail.BULK]),
        ("nothing like it", []),
    ],
)
def test_filter(typed: str, passed: list[str]) -> None:
    _, rows = view()
    rows.filter(typed)
    assert shown(rows) == passed


def test_trouble_is_the_first_order() -> None:
    _, rows = view()
    rows.sorted_by = 0
    assert shown(rows)[:6] == [mail.SPAM, mail.LOST, mail.LONG, mail.HELD, mail.BULK, mail.PARTNER]


@pytest.mark.parametrize("place", range(len(COLUMNS)))
def test_every_column_sorts(place: int) -> None:
    _, rows = view()
    rows.sorted_by = place
    ordered = shown(rows)
    assert sorted(ordered) == sorted(LATEST_FIRST)
    rows.reverse = True
    column = COLUMNS[place]
    keys = [column.key(message, scenes.NOW) for message in rows.window(0, 99)]
    assert keys == sorted(keys, reverse=column.descending)
    assert shown(rows)[0] != ordered[0] or keys[0] == keys[-1]


def test_what_a_filter_has_seen_is_looked_at_again_when_it_changes() -> None:
    picture, rows = view()
    rows.filter("sent")
    assert mail.OPEN not in shown(rows)
    common = (mail.LOG, "mx1", "postfix/smtp", 8, "to=")
    picture.apply([ev.Delivery(scenes.NOW, *common, mail.OPEN, "list@example.org", "sent")])
    assert mail.OPEN in shown(rows)


def test_default_order_makes_no_list(monkeypatch: pytest.MonkeyPatch) -> None:
    _, rows = view(list(mail.many(5_000)))

    def forbidden(self: MessageView) -> None:
        raise AssertionError("went through all messages")

    monkeypatch.setattr(MessageView, "_all", forbidden)
    rows.settle(scenes.NOW)
    assert len(rows) == 5_000
    assert [each.sender for each in rows.window(0, 2)] == ["s4999@example.com", "s4998@example.com"]


def test_frozen_rows_stand_still() -> None:
    picture, rows = view()
    before = shown(rows)
    rows.freeze(around=0)
    common = (mail.LOG, "mx1", "postfix/qmgr", 8, "removed")
    picture.apply(mail.many(3))
    picture.apply([ev.MessageRemoved(scenes.NOW, *common, mail.BULK)])
    assert shown(rows) == before
    frozen, live = rows.get(key(mail.BULK)), picture.messages.get(key(mail.BULK))
    assert frozen is not None and live is not None
    assert frozen.end is None and live.end == scenes.NOW and len(frozen.lines) == len(live.lines) - 1
    rows.thaw()
    assert shown(rows) != before and rows.get(key(mail.BULK)) is live


def test_a_row_is_found_where_it_has_gone() -> None:
    picture, rows = view()
    rows.settle(scenes.NOW)
    assert rows.row_of(key(mail.OPEN), 1) == 1
    picture.apply(mail.many(3))
    assert rows.row_of(key(mail.OPEN), 1) == 4
    assert rows.row_of(key("GONE"), 1) is None
