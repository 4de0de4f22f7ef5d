"""The log on a screen: what a line shows at which width, following and staying, keys, hostile lines."""

from __future__ import annotations

import time

import pytest
from textual.pilot import Pilot

from smtpwatch import events as ev
from smtpwatch.state import lines as module
from smtpwatch.state.sessions import Sessions
from tests.state.joint import NOW
from tests.widgets import log_scene as scene
from tests.widgets.log_app import LogApp, shown
from tests.widgets.log_scene import QUEUE_ID, A, numbered
from widgets import ink
from widgets.log_columns import COLUMNS
from widgets.log_row import row
from widgets.table_layout import layout

PAGE = (80, 13)  # twelve lines
EVENING_80 = [
    "10:40:00   smtpd      connect from unknown[203.0.113.7]",
    "10:40:01   smtpd      4XyZ1a2b3czDc: client=",
    "10:40:02 x smtpd      NOQUEUE: reject: RCPT from unknown[203.0.113.7]: 554 5.7.…",
    "10:40:02 ? smtpd      something new under the sun",
    "10:40:03   smtpd      disconnect from unknown[203.0.113.7]",
    "10:40:04   smtp       4XyZ1a2b3czDc: to=<b@example.com>, status=sent",
    "10:40:05 ! smtp       4XyZ1a2b3czDc: to=<b@example.com>, status=deferred",
    "10:40:06 ! master     warning: process killed",
]
FACTS = [
    "connect 203.0.113.7",
    "received from 203.0.113.7",
    "refused RCPT 554 5.7.1 relay denied 203.0.113.7",
    "not understood",
    "gone 203.0.113.7 quit 1 commands refused",
    "sent example.com 250 2.0.0 4.3 s",
    "deferred example.com 450 4.2.0 4.3 s 450 4.2.0 …",
    "warning",
]


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def numbers(app: LogApp) -> list[int]:
    return [int(line.split()[-1]) for line in app.shown]


def scene_of(count: int) -> Sessions:
    return scene.told([*numbered(0, count)])


# ---- what is shown


async def test_80_columns() -> None:
    async with shown(scene.told(scene.evening()), NOW) as (app, _):
        assert app.table.lines[0].rstrip() == "time       program    line"
        assert app.shown == EVENING_80


async def test_120_columns() -> None:
    async with shown(scene.told(scene.evening()), NOW, (120, 40)) as (app, _):
        assert app.table.lines[0].split() == ["time", "program", "line", "facts"]
        start = app.table.lines[0].index("facts")
        assert [line[start:] for line in app.shown] == FACTS
        assert app.shown[2][:start] == "10:40:02 x smtpd      NOQUEUE: reject: RCPT from unknown[203.0.113.7]:… "


async def test_200_columns() -> None:
    async with shown(scene.told(scene.evening()), NOW, (200, 50)) as (app, _):
        assert app.shown[2].startswith(
            "10:40:02 x smtpd      NOQUEUE: reject: RCPT from unknown[203.0.113.7]: 554 5.7.1 <x@example.org>: "
            "Relay access denied; from=<a@"
        )
        assert app.shown[2].endswith("refused RCPT 554 5.7.1 relay denied 203.0.113.7")
        assert all(len(line) <= 200 for line in app.shown)


@pytest.mark.parametrize("size", [(10, 3), (40, 10), (79, 24), (119, 24)])
async def test_any_size(size: tuple[int, int]) -> None:
    async with shown(scene.told(scene.evening()), NOW, size) as (app, _):
        assert all(len(line) == size[0] for line in app.table.lines)
        assert len(app.table.lines) <= size[1]


def test_colour_only_where_it_is_due() -> None:
    """And never alone: each has its mark, so that monochrome loses nothing."""
    placed = layout(80, COLUMNS[:-1])
    inks = []
    for line in scene.told(scene.evening()).logs.lines:
        _, *rest = row(line, placed, NOW)
        inks.append(([segment.style for segment in rest], row(line, placed, NOW).text[9]))
    assert inks == [
        ([], " "), ([], " "), ([ink.BAD], "x"), ([ink.STRONG], "?"), ([], " "), ([], " "), ([ink.WARN], "!"),
        ([ink.WARN], "!"),
    ]  # fmt: skip


async def test_hostile_lines() -> None:
    long = "A" * 65_536
    events = [
        scene.plain("\x1b[2J\x1b]52;c;aGk=\x07 \u202eevil\u202c \u200b"),
        scene.plain("[bold red]markup[/] [link=x]"),
        scene.plain(long),
        scene.plain("e" + "\u0301" * 60_000),
        scene.plain("宽" * 30_000),
    ]
    async with shown(scene.told([*events]), NOW) as (app, pilot):
        first, second, third, fourth, fifth = app.shown
        assert first.endswith(r"\e[2J\e]52;c;aGk=\x07 \u{202e}evil\u{202c} \u{200b}")
        assert second.endswith("[bold red]markup[/] [link=x]")
        assert third.endswith("AAA…") and len(third) == 80
        assert len(fourth) < 400
        assert fifth.endswith("宽 …")
        for keys in (("up",), ("up",), ("up",)):
            await pilot.press(*keys)
            await pilot.press("enter")
            await pilot.pause()
            assert all(line.isprintable() and len(line) < 500 for line in app.detail.lines)
            app.detail.display, app.table.display = False, True
            app.table.focus()


async def test_the_empty_log_says_so() -> None:
    async with shown(scene.told([]), NOW) as (app, pilot):
        app.table.notice = "No line yet in /var/log/mail.log, followed since 10:40."
        assert app.tick() == ["", "No line yet in /var/log/mail.log, followed since 10:40."]
        await pilot.press("enter", "o", "m", "up", "down", "end", "home", "pagedown", "s", "S")
        assert app.jumps == []


# ---- following and staying


async def test_a_page_is_filled_and_then_turned() -> None:
    async with shown(scene_of(5), NOW, PAGE) as (app, _):
        assert numbers(app) == list(range(5))
        app.tick(numbered(5, 9))
        assert numbers(app) == list(range(9))
        app.tick(numbered(9, 15))  # three too many: of what was seen a quarter of a page stays, at the top
        assert numbers(app) == list(range(6, 15))
        app.tick(numbered(15, 19))  # the page has just been turned, and stands
        assert numbers(app) == list(range(6, 18))
        app.tick()
        assert numbers(app) == list(range(15, 19))


async def test_a_page_stands_for_a_while_and_then_shows_the_newest() -> None:
    async with shown(scene_of(100), NOW, PAGE) as (app, _):
        assert numbers(app) == list(range(88, 100))
        pages = []
        for start in range(100, 700, 100):
            app.tick(numbered(start, start + 100))
            pages.append((numbers(app)[0], numbers(app)[-1]))
        assert pages == [(188, 199), (188, 199), (388, 399), (388, 399), (588, 599), (588, 599)]
        app.tick()
        assert numbers(app) == list(range(688, 700))


async def test_no_line_is_skipped_while_they_come_slowly() -> None:
    async with shown(scene_of(3), NOW, PAGE) as (app, _):
        seen = set(numbers(app))
        for start in range(3, 300, 4):
            app.tick(numbered(start, start + 4))
            seen |= set(numbers(app))
        app.tick()
        app.tick()
        assert seen | set(numbers(app)) == set(range(303))


async def test_up_stays_and_end_follows() -> None:
    async with shown(scene_of(40), NOW, PAGE) as (app, pilot):
        assert numbers(app) == list(range(28, 40)) and app.table.follows
        await pilot.press("up")
        assert not app.table.follows
        app.tick(numbered(40, 1_240))
        assert numbers(app) == list(range(28, 40))
        assert app.table.lines[0].rstrip().endswith("+1,200 below, End follows")
        cursor = app.table.cursor
        assert cursor is not None and cursor.fact.text == "line 38"
        await pilot.press("end")
        assert numbers(app) == list(range(1_228, 1_240)) and app.table.follows
        assert app.table.lines[0].split() == ["time", "program", "line"]


async def test_the_cursor_walks() -> None:
    async with shown(scene_of(40), NOW, PAGE) as (app, pilot):
        walked = []
        for key in ("home", "down", "pagedown", "pageup", "k", "j", "pagedown", "pagedown", "pagedown", "pagedown"):
            await pilot.press(key)
            cursor = app.table.cursor
            assert cursor is not None
            walked.append(cursor.number)
        assert walked == [0, 1, 12, 1, 0, 1, 12, 23, 34, 39]
        assert not app.table.follows
        await pilot.press("down")
        assert app.table.follows


async def test_a_line_under_the_cursor_that_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINES", 30)
    async with shown(scene_of(30), NOW, PAGE) as (app, pilot):
        await pilot.press("home", "down")
        app.tick(numbered(30, 50))
        assert numbers(app) == list(range(20, 32))
        cursor = app.table.cursor
        assert cursor is not None and cursor.number == 20


async def test_a_filter_makes_a_new_page() -> None:
    async with shown(scene_of(99), NOW, PAGE) as (app, pilot):
        app.view.filter('"line 7"')
        app.tick()
        assert numbers(app) == [7, *range(70, 80)]
        app.view.filter("")
        app.tick()
        assert numbers(app) == list(range(87, 99))
        await pilot.press("up")
        app.view.filter('"line 9"')
        app.tick()
        cursor = app.table.cursor
        assert numbers(app) == [9, *range(90, 99)] and cursor is not None and cursor.number == 97


async def test_freezing_changes_nothing_on_screen() -> None:
    async with shown(scene_of(40), NOW, PAGE) as (app, _):
        app.tick(numbered(40, 44))
        before = app.shown
        app.table.freeze()
        assert app.tick(numbered(44, 90)) == before and app.tick() == before
        app.view.thaw()
        app.tick()
        assert numbers(app) == list(range(78, 90))


async def test_another_size() -> None:
    async with shown(scene_of(40), NOW, PAGE) as (app, pilot):
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert numbers(app) == list(range(17, 40))
        await pilot.resize_terminal(80, 5)
        await pilot.pause()
        assert numbers(app) == list(range(36, 40))
        await pilot.press("up", "up", "up", "up", "up")
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        cursor = app.table.cursor
        assert cursor is not None and cursor.number == 34 and 34 in numbers(app)


async def test_the_mouse() -> None:
    async with shown(scene_of(40), NOW, PAGE) as (app, pilot):
        await pilot.click("#log", offset=(3, 0))
        assert app.table.follows and app.view.sorted_by is None
        await pilot.click("#log", offset=(30, 5))
        cursor = app.table.cursor
        assert cursor is not None and cursor.number == 32 and not app.table.follows
        app.table.on_mouse_scroll_up()
        cursor = app.table.cursor
        assert cursor is not None and cursor.number == 29


async def test_lines_left_out_are_told() -> None:
    sessions = scene.told([*numbered(0, 3)])
    sessions.apply(ev.PlainLine(*scene.head("postfix/smtpd", "x"), False, 1_234))
    async with shown(sessions, NOW) as (app, _):
        assert app.table.lines[0].rstrip().endswith("1,234 lines without facts left out")


# ---- opening and jumping


async def opened(app: LogApp, pilot: Pilot[None], number: int) -> list[str]:
    app.table.display, app.detail.display = False, True
    line = app.view.get(("line", number))
    assert line is not None
    app.detail.focus()
    app.detail.open(line, NOW)
    await pilot.pause()
    return [text.rstrip() for text in app.detail.lines]


async def test_a_line_in_full() -> None:
    async with shown(scene.told(scene.evening()), NOW, (80, 40)) as (app, pilot):
        await pilot.press("home", "down", "down", "enter")
        await pilot.pause()
        assert [text.rstrip() for text in app.detail.lines] == [
            "10:40:02 postfix/smtpd[7] on mx, line 3",
            f"session {A}, quit  o: its transcript",
            "message none is known",
            "── the line as it was logged, and its facts " + "─" * 36,
            f"NOQUEUE: reject: RCPT from unknown[{A}]: 554 5.7.1 <x@example.org>:",
            "Relay access denied; from=<a@example.net> to=<x@example.org>",
            "",
            "Refused",
            f"source          {A}",
            "stage           RCPT",
            "code            554",
            "enhanced        5.7.1",
            "reason          relay denied",
            "reply           554 5.7.1 <x@example.org>: Relay access denied",
            "sender          a@example.net",
            "recipient       x@example.org",
            "helo            h.example",
        ]


async def test_jumps() -> None:
    sessions = scene.told(scene.evening())
    (key,) = sessions.recent
    message = ("message", ("mx", QUEUE_ID))
    async with shown(sessions, NOW) as (app, pilot):
        await pilot.press("home", "o", "down", "o", "m")
        assert app.jumps == [("session", key), ("session", key), message]
        app.jumps.clear()
        await pilot.press("down", "down", "o")  # the line that nothing was understood of
        assert app.jumps == [("session", key)]
        await pilot.press("down", "down", "o")  # a delivery
        assert app.jumps == [("session", key), message]
        app.jumps.clear()
        await pilot.press("enter")
        await pilot.pause()
        await pilot.press("o", "m")
        await pilot.pause()
        assert app.jumps == [message, message]


async def test_a_line_of_nothing_known_is_opened_instead() -> None:
    async with shown(scene.told(scene.evening()), NOW) as (app, pilot):
        await pilot.press("o")  # the newest: a warning of master's
        await pilot.pause()
        assert app.jumps == [] and app.detail.display
        lines = [text.rstrip() for text in app.detail.lines]
        assert lines[1:3] == ["session none is known", "message none is known"]
        await pilot.press("o", "m")
        assert app.jumps == []


async def test_facts_field_by_field() -> None:
    async with shown(scene.told(scene.evening()), NOW, (80, 50)) as (app, pilot):
        lines = await opened(app, pilot, 4)
        assert lines[-4:] == [
            "Client disconnected", f"source          {A}", "reason          quit", "commands        rcpt 1/2, mail 1/1",
        ]  # fmt: skip
        lines = await opened(app, pilot, 1)
        assert lines[2] == f"message {QUEUE_ID}, deferred  m: its story"
        assert lines[-4:] == [
            f"source          {A}", f"queue id        {QUEUE_ID}", "origin          smtp", "sender          <>",
        ]  # fmt: skip
        assert (await opened(app, pilot, 3))[-1] == "Not understood"


async def test_a_line_of_64_kb_scrolls() -> None:
    async with shown(scene.told([scene.plain("A" * 65_536 + " end")]), NOW) as (app, pilot):
        await pilot.press("enter")
        await pilot.pause()
        await pilot.press("end")
        assert [text.rstrip() for text in app.detail.lines][-3:] == ["A" * 16 + " end", "", "Not understood"]
