"""Every key of the frame and of the sessions, on the real app."""

import pytest
from textual.events import Key
from textual.strip import Strip

from smtpwatch import events as ev
from smtpwatch.query import TABLE
from smtpwatch.state.session import Session
from tests.screens import scenes
from tests.screens.driven import Screen, forbidden, screen
from widgets.key_lines import keys_of
from widgets.session_table import row
from widgets.status_bar import StatusLine, Trouble
from widgets.table_layout import Placed
from widgets.transcript import Transcript


def closed(number: int, source: str) -> ev.SessionClosed:
    """That session ends now."""
    return ev.SessionClosed(scenes.NOW, scenes.SENSOR, scenes.HOST, number, source, scenes.NOW, "rst", 1, 1, None, True)


async def test_live_first_then_ended() -> None:
    async with screen() as shown:
        assert shown.clients == [
            "198.51.100.23", "2001:db…def0:25", "198.51.100.77", "192.0.2.17", "203.0.113.7", "→198.51.100.25",
            "203.0.113.8", "203.0.113.80", "203.0.113.99", "192.0.2.200",
        ]  # fmt: skip


async def test_marks() -> None:
    async with screen() as shown:
        marks = {client: row[0] for client, row in zip(shown.clients, shown.rows, strict=True)}
        assert marks["203.0.113.7"] == marks["198.51.100.23"] == marks["203.0.113.99"] == "x"
        assert marks["198.51.100.77"] == "!"
        assert marks["192.0.2.200"] == "~"
        assert marks["192.0.2.17"] == " "


async def test_arrows_pages_home_end() -> None:
    async with screen(list(scenes.many(100)), size=(80, 24)) as shown:
        height = len(shown.rows)
        at = {session.source: row for row, session in enumerate(shown.sessions.view.window(0, 100))}
        await shown.press("down", "down", "up")
        assert at[shown.cursor] == 1
        await shown.press("j", "k", "j")
        assert at[shown.cursor] == 2
        await shown.press("pagedown")
        assert at[shown.cursor] == 2 + height - 1
        await shown.press("pageup")
        assert at[shown.cursor] == 2
        await shown.press("end")
        assert at[shown.cursor] == 99
        assert shown.rows[-1][6:].split()[0] == shown.cursor
        await shown.press("down")
        assert at[shown.cursor] == 99
        await shown.press("home", "up")
        assert at[shown.cursor] == 0


async def test_cursor_stays_on_its_session_while_rows_move() -> None:
    async with screen() as shown:
        await shown.press("down", "down", "down")
        assert shown.cursor == "192.0.2.17"
        await shown.arrive(closed(5, "198.51.100.23"))
        assert shown.cursor == "192.0.2.17"
        assert shown.clients.index("192.0.2.17") == 2
        await shown.press("down")
        assert shown.cursor == "203.0.113.7"


async def test_cursor_follows_its_session_to_the_ended_ones() -> None:
    async with screen() as shown:
        await shown.press("down")
        source = shown.cursor
        await shown.arrive(closed(4, source))
        assert shown.cursor == source
        assert shown.app.table.cursor in shown.app.picture.sessions.recent.values()


async def test_top_stays_in_sight_until_a_row_is_picked() -> None:
    async with screen() as shown:
        first = shown.cursor
        await shown.arrive(closed(5, first))
        assert shown.cursor == shown.sessions.view.window(0, 1)[0].source != first


async def test_enter_opens_escape_returns_and_it_follows() -> None:
    async with screen() as shown:
        await shown.press("down", "down", "enter")
        assert shown.app.query_one(Transcript).display and not shown.app.pane.display
        assert any("198.51.100.77:40006 to 192.0.2.1:25" in line for line in shown.app.query_one(Transcript).lines)
        command = ev.Command(scenes.NOW, scenes.SENSOR, scenes.HOST, 6, "198.51.100.77", "VRFY", "root")
        await shown.arrive(command)
        assert any("C> VRFY root" in line for line in shown.app.query_one(Transcript).lines)
        await shown.press("escape")
        assert shown.app.pane.display and not shown.app.query_one(Transcript).display
        assert shown.cursor == "198.51.100.77"


async def test_transcript_scrolls_and_stays_where_it_was_put() -> None:
    async with screen(size=(80, 24)) as shown:
        await shown.press("down", "down", "down", "enter")
        end = shown.app.query_one(Transcript).lines
        await shown.press("home")
        assert any("S< 220 mx1.example.net ESMTP" in line for line in shown.app.query_one(Transcript).lines)
        await shown.press("pagedown", "up", "down", "pageup")
        start = shown.app.query_one(Transcript).lines
        await shown.arrive(ev.Command(scenes.NOW, scenes.SENSOR, scenes.HOST, 2, "192.0.2.17", "NOOP", ""))
        assert shown.app.query_one(Transcript).lines == start != end
        await shown.press("end")
        assert any("C> NOOP" in line for line in shown.app.query_one(Transcript).lines)


async def test_hidden_table_is_not_painted(monkeypatch: pytest.MonkeyPatch) -> None:
    async with screen() as shown:
        await shown.press("enter")
        monkeypatch.setattr("widgets.session_table.row", forbidden)
        await shown.arrive(scenes.status(at=scenes.NOW))


async def test_filter_while_typing() -> None:
    async with screen() as shown:
        await shown.press("slash", *"PARTNER")
        assert shown.clients == ["203.0.113.80"]
        assert "/PARTNER" in shown.foot and "1 of 10" in shown.foot
        await shown.press("ctrl+u", *":587 !bob")
        assert shown.clients == ["198.51.100.23"]
        await shown.press("backspace", "backspace", "backspace", "enter")
        assert set(shown.clients) == {"198.51.100.23", "192.0.2.17"}
        await shown.press("down")
        assert shown.cursor in shown.clients
        await shown.press("escape")
        assert len(shown.rows) == 10


async def test_keys_typed_into_the_filter_do_nothing_else() -> None:
    async with screen() as shown:
        await shown.press("slash", "q", "s", "space", "y", "question_mark")
        assert shown.app.foot.text == "qs y?"
        assert shown.app.is_running and shown.sessions.view.sorted_by is None and not shown.sessions.view.frozen
        assert "No session passes the filter" in "".join(shown.rows)
        await shown.press("ctrl+w", "escape")
        assert shown.app.foot.text == "" and len(shown.rows) == 10


async def test_keys_that_come_all_at_once_are_typed() -> None:
    async with screen() as shown:
        for key in ("slash", "q", "u", "i", "t", "enter"):
            shown.app.post_message(Key(key, "/" if key == "slash" else key if len(key) == 1 else None))
        await shown.pilot.pause(0.1)
        assert shown.app.is_running and shown.app.foot.text == "quit"
        assert set(shown.clients) == {"203.0.113.8", "203.0.113.80"}


async def test_space_freezes_and_thaws() -> None:
    async with screen() as shown:
        await shown.press("down", "space")
        before = shown.rows
        more = scenes.Dialogue(99, "203.0.113.200", scenes.NOW + 5).greeting().hello("new.example")
        await shown.arrive(*more.events, closed(5, "198.51.100.23"))
        assert shown.rows == before
        assert "frozen +5" in shown.app.query_one(StatusLine).lines[0]
        await shown.press("down", "up")
        assert shown.rows == before
        await shown.press("space")
        assert shown.rows != before and "203.0.113.200" in shown.clients


async def test_frozen_transcript_is_as_it_was() -> None:
    async with screen() as shown:
        await shown.press("space")
        await shown.arrive(ev.Command(scenes.NOW, scenes.SENSOR, scenes.HOST, 5, "198.51.100.23", "VRFY", "root"))
        await shown.press("enter")
        assert not any("VRFY" in line for line in shown.app.query_one(Transcript).lines)
        await shown.press("escape", "escape")
        assert not shown.sessions.view.frozen
        await shown.press("enter")
        assert any("VRFY" in line for line in shown.app.query_one(Transcript).lines)


async def test_sort_cycles_and_reverses() -> None:
    async with screen() as shown:
        default = shown.clients
        await shown.press("s")
        assert shown.rows[0][0] == "x" and shown.app.table.lines[0][0] == "▼"
        await shown.press("s", "s")
        assert shown.clients == sorted(shown.clients, key=lambda client: client.replace("→", "~"))
        assert "client▲" in shown.app.table.lines[0]
        forward = shown.clients
        await shown.press("S")
        assert "client▼" in shown.app.table.lines[0]
        assert shown.clients == forward[::-1]
        for _ in range(20):
            if shown.sessions.view.sorted_by is None:
                break
            await shown.press("s")
        assert shown.clients == default


async def test_reverse_of_the_default_order_has_the_newest_first() -> None:
    async with screen() as shown:
        await shown.press("S")
        assert shown.clients[:2] == ["→198.51.100.25", "203.0.113.7"]


async def test_mouse() -> None:
    async with screen() as shown:
        await shown.pilot.click("#sessions", offset=(10, 3))
        assert shown.cursor == "198.51.100.77"
        await shown.pilot.click("#sessions", offset=(10, 0))
        assert "client▲" in shown.app.table.lines[0]
        await shown.pilot.click("#sessions", offset=(10, 0))
        assert "client▼" in shown.app.table.lines[0]
        await shown.pilot.click("#vitals")
        await shown.press("home", "down")
        await shown.pilot.click("#sessions", offset=(10, 4), times=2)
        assert shown.app.query_one(Transcript).display


async def test_wheel() -> None:
    async with screen() as shown:
        shown.app.table.on_mouse_scroll_down()
        assert shown.cursor == "192.0.2.17"
        shown.app.table.on_mouse_scroll_up()
        assert shown.cursor == "198.51.100.23"


async def read_help(shown: Screen) -> str:
    """All that it tells, page by page."""
    seen = ""
    for _ in range(8):
        seen += "\n".join(shown.app.board.help.lines)
        await shown.press("pagedown")
    return seen


async def test_help_lists_every_binding() -> None:
    async with screen(size=(80, 24)) as shown:
        app = shown.app
        for key in "1234569":
            await shown.press(key, "question_mark")
            text = await read_help(shown)
            for owner in (app, app.pane.front):
                assert [each.description for each in keys_of(type(owner)) if each.description not in text] == []
            await shown.press("question_mark")
            assert app.pane.display
        await shown.press("3", "enter", "question_mark", "escape")
        assert app.query_one(Transcript).display


async def test_help_tells_the_fields_of_the_filter() -> None:
    async with screen(size=(80, 24)) as shown:
        await shown.press("question_mark")
        seen = await read_help(shown)
        assert [field.name for field in TABLE if f"{field.name}:" not in seen] == []
        assert "click on a title sorts." in seen


async def test_copy() -> None:
    async with screen() as shown:
        await shown.press("y")
        assert shown.app.clipboard.startswith("x 1m 198.51.100.23 :587 sub EHLO User")
        assert "copied" in shown.foot


async def test_quit() -> None:
    async with screen() as shown:
        await shown.press("q")
        assert not shown.app.is_running


async def test_palette_has_the_same_actions() -> None:
    async with screen() as shown:
        names = [command.title for command in shown.app.get_system_commands(shown.app.screen)]
        assert "Freeze the view, or thaw" in names and "Sort by the next column" in names
        await shown.press("ctrl+p")
        await shown.press(*"freeze")
        await shown.pilot.pause(0.5)
        await shown.press("enter")
        await shown.pilot.pause(0.2)
        assert shown.sessions.view.frozen


async def test_nothing_yet_and_failures_say_what_is_true() -> None:
    async with screen([scenes.status()]) as shown:
        assert "No SMTP seen yet on eth0, lo (ports 25 465 587), listening since " in "".join(shown.rows)
        await shown.arrive(scenes.status("failed", "Traceback:\n  boom\npackets: not allowed. Run: sudo smtpwatch"))
        text = "".join(shown.rows)
        assert "Packets: not allowed. Run: sudo smtpwatch" in text and "boom" not in text
        assert "✖ wire failed" in "".join(shown.app.query_one(Trouble).lines)


async def test_hostile_words_are_shown_as_text() -> None:
    async with screen(scenes.hostile()) as shown:
        await shown.press("enter")
        text = "\n".join(shown.app.query_one(Transcript).lines)
        assert "\\e]0;owned\\x07\\e[2J[bold red]x[/] \\u{202e}txt.exe" in text
        assert not any(ord(char) < 32 or 127 <= ord(char) < 160 or char == "\u202e" for char in text.replace("\n", ""))


async def test_paint_costs_rows_in_sight_not_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Session] = []

    def counted(session: Session, placed: tuple[Placed[Session], ...], now: float, cursor: bool) -> Strip:
        drawn.append(session)
        return row(session, placed, now, cursor)

    monkeypatch.setattr("widgets.session_table.row", counted)
    async with screen([], size=(80, 24)) as shown:
        shown.app.picture.apply(scenes.many(100_000))
        drawn.clear()
        shown.app.tick()
        assert len(drawn) == 21
        drawn.clear()
        await shown.press("end")
        assert len(drawn) == 21


async def test_a_flood_of_events_is_folded_in_slices() -> None:
    async with screen([]) as shown:
        events = list(scenes.many(5_000))
        shown.feed.put(events)
        shown.app.wake()
        await shown.press("j")
        for _ in range(100):
            await shown.pilot.pause()
        assert shown.app.picture.events == 5_000


@pytest.mark.parametrize("width", [1, 20, 40, 79, 300])
async def test_any_width_will_do(width: int) -> None:
    async with screen(size=(width, 10)) as shown:
        await shown.press("down", "enter", "question_mark", "escape", "escape", "slash", "x", "enter")
        assert all(len(line) <= width for line in shown.rows)


async def test_resize_lays_out_anew() -> None:
    async with screen(size=(80, 24)) as shown:
        await shown.pilot.resize_terminal(200, 30)
        await shown.pilot.pause()
        assert all(len(line) == 200 for line in shown.rows)
        assert "from" in shown.app.table.lines[0]
