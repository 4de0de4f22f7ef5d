"""The messages table's columns and lines, without an app."""

from itertools import pairwise

import pytest
from rich.cells import cell_len
from rich.segment import Segment

from smtpwatch import events as ev
from smtpwatch.state.message import Message
from smtpwatch.state.picture import Picture
from tests.screens import mail, scenes
from widgets import ink
from widgets.message_columns import COLUMNS, said
from widgets.message_table import row
from widgets.table_layout import GAP, Placed, as_text, layout, shown, sought


def message(queue_id: str, events: list[ev.Event] | None = None) -> Message:
    picture = Picture()
    picture.apply(mail.evening() if events is None else events)
    return next(each for each in picture.messages.held.values() if each.queue_id == queue_id)


def placed(width: int) -> tuple[Placed[Message], ...]:
    return layout(width, COLUMNS)


def titles(width: int) -> list[str]:
    return [each.column.title for each in placed(width)]


def cell(queue_id: str, title: str) -> str:
    column = next(column for column in COLUMNS if column.title == title)
    return shown(column, message(queue_id), scenes.NOW)


@pytest.mark.parametrize("width", range(28, 260, 7))
def test_layout_fills_the_width_and_overlaps_nothing(width: int) -> None:
    columns = placed(width)
    for left, right in pairwise(columns):
        assert left.start + left.cells + GAP == right.start
    assert columns[-1].start + columns[-1].cells == width


def test_columns_come_by_priority() -> None:
    assert titles(80) == ["", "age", "queue id", "state", "by", "to", "reply"]
    assert titles(120) == ["", "at", "age", "queue id", "state", "by", "from", "to", "sent", "reply"]
    assert titles(200) == [column.title for column in COLUMNS]
    assert titles(30) == ["", "state", "to"]


def test_long_queue_ids_are_whole_where_there_is_room() -> None:
    assert next(each.cells for each in placed(120) if each.column.title == "queue id") >= len(mail.LONG)


@pytest.mark.parametrize(
    ("queue_id", "title", "text"),
    [
        (mail.PARTNER, "", " "),
        (mail.PARTNER, "at", "10:41:01"),
        (mail.PARTNER, "age", "1s"),
        (mail.PARTNER, "state", "sent"),
        (mail.PARTNER, "by", "203.0.113.80"),
        (mail.PARTNER, "from", "bill@partner.example"),
        (mail.PARTNER, "to", "carol@example.net"),
        (mail.PARTNER, "sent", "1/1"),
        (mail.PARTNER, "size", "4.6k"),
        (mail.BULK, "", "!"),
        (mail.BULK, "age", "2m"),
        (mail.BULK, "by", "uid 33"),
        (mail.BULK, "to", "dave@bigmail.example +2"),
        (mail.BULK, "sent", "1/3"),
        (mail.BULK, "reply", "421 4.7.28 Too much mail from you, try again later (mx.bigmail.example)"),
        (mail.LOST, "", "x"),
        (mail.LOST, "by", "bob@example.net"),
        (mail.NOTICE, "by", "(bounce)"),
        (mail.NOTICE, "from", "<>"),
        (mail.SPAM, "state", "rejected"),
        (mail.SPAM, "from", "win@lottery.example"),
        (mail.SPAM, "to", "carol@example.net"),
        (mail.SPAM, "reply", "5.7.1 Spam message rejected"),
        (mail.HELD, "", "!"),
        (mail.HELD, "reply", mail.RULE),
        (mail.LONG, "to", ""),
        (mail.LONG, "sent", "0/1"),
        (mail.OPEN, "state", "queued"),
        (mail.OPEN, "from", ""),
        (mail.OPEN, "reply", ""),
    ],
)
def test_cells(queue_id: str, title: str, text: str) -> None:
    assert cell(queue_id, title) == text


@pytest.mark.parametrize(
    ("reply", "relay", "words"),
    [
        ("250 2.0.0 Ok", "mx.example.org", "250 2.0.0 Ok (mx.example.org)"),
        ("delivered to mailbox", "local", "delivered to mailbox (local)"),
        ("connect to a[192.0.2.1]:25: Connection refused", "none", "connect to a[192.0.2.1]:25: Connection refused"),
        ("host a[192.0.2.1] said: 450 4.2.0 later (in reply to RCPT TO command)", "a", "450 4.2.0 later (a)"),
        ("host a[192.0.2.1] refused to talk to me: 421 4.7.0 no", "a", "421 4.7.0 no (a)"),
        ("host names are said: to differ", "", "to differ"),
        ("", "local", "(local)"),
    ],
)
def test_replies_come_without_the_words_about_them(reply: str, relay: str, words: str) -> None:
    attempt = ev.Delivery(
        0.0, "log", "mx", "postfix/smtp", 1, "", "A", "a@example.org", "sent", reply=reply, relay=relay
    )
    assert said(attempt) == words


def test_the_filter_looks_at_every_recipient_and_at_who_brought_it() -> None:
    def haystack(queue_id: str) -> str:
        return " ".join(sought(column, message(queue_id)) for column in COLUMNS if column.sought)

    assert "erin@example.org" in haystack(mail.BULK) and "mallory@slow.example" in haystack(mail.BULK)
    assert "192.0.2.17" in haystack(mail.LOST) and "88.bob@example.net" in haystack(mail.LOST)
    assert "bob@example.net" in haystack(mail.NOTICE) and "(bounce)" in haystack(mail.NOTICE)


@pytest.mark.parametrize("width", [80, 120, 200])
@pytest.mark.parametrize("queue_id", [mail.PARTNER, mail.BULK, mail.LOST, mail.SPAM, mail.LONG, mail.OPEN])
def test_rows_are_as_wide_as_the_table(queue_id: str, width: int) -> None:
    strip = row(message(queue_id), placed(width), scenes.NOW)
    assert strip.cell_length == cell_len(strip.text) == width


def test_ink() -> None:
    waits = row(message(mail.BULK), placed(80), scenes.NOW)
    assert next(iter(waits)) == Segment("!", ink.WARN) and {each.style for each in waits} == {ink.WARN, None}
    lost = row(message(mail.LOST), placed(80), scenes.NOW)
    assert {each.style for each in lost} == {ink.BAD_FAINT, ink.FAINT}
    assert [each.style for each in row(message(mail.PARTNER), placed(80), scenes.NOW)] == [ink.FAINT]
    assert [each.style for each in row(message(mail.OPEN), placed(80), scenes.NOW)] == [None]
    assert [each.style for each in row(message(mail.LOST), placed(80), scenes.NOW, cursor=True)] == [ink.CURSOR]


def test_hostile_words_are_one_safe_line() -> None:
    strip = row(message("A0B1C2", mail.hostile()), placed(200), scenes.NOW)
    assert "\\e]0;owned" in strip.text and "\x1b" not in strip.text and "\u202e" not in strip.text
    assert strip.cell_length == 200


def test_as_text_has_everything() -> None:
    text = as_text(COLUMNS, message(mail.LONG), scenes.NOW)
    assert text.startswith(f"x 09:12:40 1h {mail.LONG} expired")
