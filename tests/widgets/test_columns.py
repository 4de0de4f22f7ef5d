"""Columns and rows, without an app."""

from itertools import pairwise

import pytest
from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip

from smtpwatch.state.picture import Picture
from smtpwatch.state.session import Session
from tests.screens import mail, scenes
from widgets import ink
from widgets.columns import COLUMNS
from widgets.line_pane import changed_cells
from widgets.row_line import header
from widgets.session_table import row
from widgets.table_layout import GAP, Placed, as_text, layout, shown


def session(number: int) -> Session:
    picture = Picture()
    picture.apply(scenes.busy_evening())
    found = picture.sessions.get((scenes.SENSOR, number))
    assert found is not None
    return found


def placed(width: int) -> tuple[Placed[Session], ...]:
    return layout(width, COLUMNS)


def titles(width: int) -> list[str]:
    return [each.column.title for each in placed(width)]


@pytest.mark.parametrize("width", range(20, 260, 7))
def test_layout_fills_the_width_and_overlaps_nothing(width: int) -> None:
    columns = placed(width)
    for left, right in pairwise(columns):
        assert left.start + left.cells + GAP == right.start
    assert columns[-1].start + columns[-1].cells == width
    assert all(each.cells >= each.column.least for each in columns)


def test_columns_come_by_priority() -> None:
    assert titles(80) == ["", "age", "client", "port", "dir", "state", "HELO", "ok/no", "TLS", "reply"]
    assert titles(120) == titles(200) == [column.title for column in COLUMNS]
    assert titles(40) == ["", "client", "reply"]


@pytest.mark.parametrize(
    ("number", "title", "text"),
    [(1, "ok/no", "0/12"), (1, "bytes", "1.8k"), (3, "TLS", "1.3 x25519"), (2, "dir", "sub"),
     (3, "client", "→198.51.100.25"), (3, "dir", "out"), (5, "age", "1m"), (7, "state", "quit"),
     (4, "TLS", "1.2 secp256r1"), (8, "TLS", "failed"), (9, "TLS", "offered"), (10, "TLS", "none"), (10, "HELO", "")],
)  # fmt: skip
def test_cells(number: int, title: str, text: str) -> None:
    column = next(column for column in COLUMNS if column.title == title)
    assert shown(column, session(number), scenes.NOW) == text


@pytest.mark.parametrize("width", [80, 120, 200])
@pytest.mark.parametrize("number", range(1, 11))
def test_rows_are_as_wide_as_the_table(number: int, width: int) -> None:
    strip = row(session(number), placed(width), scenes.NOW)
    assert strip.cell_length == cell_len(strip.text) == width


def test_what_only_the_log_tells_of() -> None:
    picture = Picture()
    picture.apply(
        [
            *mail.logged("Mar  1 10:40:11 smtpd[1203]: connect from a.example[203.0.113.90]\n"),
            mail.status(at=scenes.NOW),
        ]
    )
    logged = next(iter(picture.sessions.live.values()))
    cells = {column.title: shown(column, logged, scenes.NOW) for column in COLUMNS}
    assert cells["state"] == "connect" and cells["TLS"] == cells["port"] == cells["bytes"] == ""


def test_ink() -> None:
    refused = row(session(1), placed(80), scenes.NOW)
    assert next(iter(refused)) == Segment("x", ink.BAD)
    plain = row(session(2), placed(80), scenes.NOW)
    assert [segment.style for segment in plain] == [None]
    ended = row(session(7), placed(80), scenes.NOW)
    assert [segment.style for segment in ended] == [ink.FAINT]
    cursor = row(session(1), placed(80), scenes.NOW, cursor=True)
    assert [segment.style for segment in cursor] == [ink.CURSOR]


def test_hostile_words_are_one_safe_line() -> None:
    picture = Picture()
    picture.apply(scenes.hostile())
    strip = row(next(iter(picture.sessions.live.values())), placed(200), scenes.NOW)
    assert "\\e]0;owned" in strip.text and "\x1b" not in strip.text
    assert strip.cell_length == 200


def test_header_tells_the_order() -> None:
    assert "client▲" in header(placed(120), COLUMNS[2], False).text
    assert "client▼" in header(placed(120), COLUMNS[2], True).text
    assert "▲" not in header(placed(120), None, False).text


def test_as_text_has_everything() -> None:
    text = as_text(COLUMNS, session(1), scenes.NOW)
    assert "203.0.113.7" in text and "554 5.7.1 <a@example.org>: Relay access denied" in text


@pytest.mark.parametrize(
    ("old", "new", "cells"),
    [
        ([Segment("x  3s 192.0.2.1")], [Segment("x  4s 192.0.2.1")], 4),
        ([Segment("same")], [Segment("sama")], 4),
        ([Segment("ab"), Segment("cd", ink.BAD)], [Segment("xb"), Segment("cd", ink.BAD)], 1),
        ([Segment("ab"), Segment("cd", ink.BAD)], [Segment("ab"), Segment("cd")], 4),
        ([Segment("漢1字")], [Segment("漢2字")], 3),
    ],
)
def test_only_what_changed_is_sent(old: list[Segment], new: list[Segment], cells: int) -> None:
    assert changed_cells(Strip(old), Strip(new)) == cells
