"""The messages, and what all panes do alike: filter, freeze, cursor and the way back."""

import pytest
from textual.events import Key
from textual.strip import Strip

from smtpwatch import events as ev
from smtpwatch.state.message import Message
from tests.screens import mail, scenes
from tests.screens.driven import FIRST_ROW, Screen, forbidden, screen
from widgets.message_story import MessageStory
from widgets.message_table import row as message_row
from widgets.status_bar import StatusLine
from widgets.table_layout import Placed
from widgets.transcript import Transcript


async def messages(shown: Screen) -> list[str]:
    """Go to the messages; their queue ids, from the top."""
    await shown.press("4")
    return queue_ids(shown)


def queue_ids(shown: Screen) -> list[str]:
    place = shown.messages.lines[0].index("queue id")
    return [row[place:].split()[0] for row in shown.messages.lines[FIRST_ROW:] if row.strip()]


def selected(shown: Screen) -> str:
    message = shown.messages.cursor
    assert message is not None
    return message.queue_id


async def test_numbers_go_to_the_panes_from_everywhere() -> None:
    async with screen(mail.evening()) as shown:
        app = shown.app
        keys = {
            "1": "home",
            "2": "sources",
            "3": "sessions",
            "4": "messages",
            "5": "deliveries",
            "6": "tls",
            "7": "alerts",
            "9": "log",
        }
        assert list(keys.values()) == list(app.board.panes)
        for before in ([], ["enter"], ["question_mark"], ["enter", "question_mark"], ["slash", "b", "enter"]):
            for key, name in keys.items():
                await shown.press("3", *before, key)
                assert app.pane is app.board.panes[name] and app.focused is app.pane.front
                assert [each for each, pane in app.board.panes.items() if pane.display] == [name]
                assert not (
                    app.query_one(Transcript).display or app.query_one(MessageStory).display or app.board.help.display
                )


async def test_messages_the_latest_first() -> None:
    async with screen(mail.evening()) as shown:
        assert (await messages(shown))[:3] == [mail.PARTNER, mail.OPEN, mail.DARK]
        marks = {queue_id: row[0] for queue_id, row in zip(queue_ids(shown), shown.rows, strict=False)}
        assert (marks[mail.PARTNER], marks[mail.BULK], marks[mail.LOST]) == (" ", "!", "x")


async def test_enter_tells_a_messages_life_and_escape_returns_to_its_row() -> None:
    async with screen(mail.evening()) as shown:
        await shown.press("4", "down", "down", "down", "down", "down", "down")
        assert selected(shown) == mail.LOST
        await shown.press("enter")
        story = "\n".join(shown.app.query_one(MessageStory).lines)
        assert shown.app.query_one(MessageStory).display and not shown.app.pane.display
        assert f"bounced: {mail.LOST} on mx1" in story and "never@example.org" in story
        common = (mail.LOG, "mx1", "postfix/qmgr", 8, "once more")
        await shown.arrive(ev.MessageIdentified(scenes.NOW, *common, mail.LOST, "id"), *mail.many(2))
        await shown.press("end")
        assert any("L: postfix/qmgr[8]: once more" in line for line in shown.app.query_one(MessageStory).lines)
        await shown.press("escape")
        assert shown.messages.display and shown.app.focused is shown.messages
        assert selected(shown) == mail.LOST and queue_ids(shown).index(mail.LOST) == 8


async def test_backspace_is_escape_but_where_a_filter_is_typed() -> None:
    async with screen() as shown:
        await shown.press("enter", "backspace")
        assert shown.app.pane.display and not shown.app.board.opened
        await shown.press("slash", *"quitx", "backspace", "enter")
        assert shown.app.foot.text == "quit"
        await shown.press("backspace")
        assert shown.app.foot.text == ""


async def test_escape_leaves_the_help_for_what_was_opened() -> None:
    async with screen(mail.evening()) as shown:
        await shown.press("4", "enter", "question_mark", "escape")
        assert shown.app.query_one(MessageStory).display
        await shown.press("question_mark", "question_mark")
        assert shown.app.query_one(MessageStory).display
        await shown.press("escape")
        assert shown.messages.display


async def test_the_cursor_stays_on_its_message_while_rows_move() -> None:
    async with screen(mail.evening()) as shown:
        await shown.press("4", "down")
        await shown.arrive(*mail.many(5))
        assert selected(shown) == mail.OPEN and queue_ids(shown).index(mail.OPEN) == 6
        await shown.press("3", "4")
        assert selected(shown) == mail.OPEN
        await shown.press("home")
        assert selected(shown) != mail.OPEN


async def test_each_table_has_its_own_cursor() -> None:
    async with screen(mail.evening()) as shown:
        await shown.press("down", "down")
        source = shown.cursor
        await shown.press("4", "down", "3")
        assert shown.cursor == source


async def test_a_filter_applies_to_every_pane() -> None:
    async with screen(mail.evening()) as shown:
        await shown.press("slash", *"partner", "enter")
        assert shown.clients == ["203.0.113.80"] and "/partner  1 of" in shown.foot
        assert await messages(shown) == [mail.PARTNER] and "/partner  1 of 9" in shown.foot
        await shown.press("slash", "ctrl+u", *"bob !queued", "enter")
        assert queue_ids(shown) == [mail.NOTICE, mail.LOST]
        await shown.press("ctrl+p", "escape", "3")
        assert shown.clients == [] or all("bob" in row for row in shown.rows)
        await shown.press("escape")
        assert "/" not in shown.foot.split("filter")[0].replace("/ ", "") and len(await messages(shown)) == 9


async def test_a_message_filter_that_none_passes() -> None:
    async with screen(mail.evening()) as shown:
        await shown.press("4", "slash", *"zebra")
        assert "No message passes the filter." in "".join(shown.rows)


async def test_escape_in_an_opened_row_goes_back_and_keeps_the_filter() -> None:
    async with screen(mail.evening()) as shown:
        await shown.press("4", "slash", *"bob", "enter", "enter")
        assert shown.app.query_one(MessageStory).display and "clear filter" not in shown.foot and "/bob" in shown.foot
        await shown.press("escape")
        assert shown.messages.display and shown.app.foot.text == "bob" and "clear filter" in shown.foot
        await shown.press("escape")
        assert shown.app.foot.text == ""


async def test_a_filter_typed_over_an_opened_row_is_its_tables() -> None:
    async with screen(mail.evening()) as shown:
        await shown.press("4", "enter", "slash", *"deferred", "enter")
        assert shown.messages.display and queue_ids(shown) == [mail.BULK]
        await shown.press("y")
        assert mail.BULK in shown.app.clipboard


async def test_fast_typing_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with screen(mail.evening()) as shown:
        await shown.press("4", "slash")
        looks: list[str] = []
        monkeypatch.setattr(shown.messages.view, "filter", lambda text, cursor: looks.append(text))
        for key in "deferred":
            shown.app.post_message(Key(key, key))
        await shown.pilot.pause(0.2)
        assert shown.app.foot.text == "deferred" and looks[-1] == "deferred" and len(looks) < len("deferred")


@pytest.mark.parametrize("last", ["enter", "escape"])
async def test_keys_in_quick_succession_are_not_lost(last: str) -> None:
    """The second Enter comes before the focus has moved from what is typed to the table."""
    async with screen(mail.evening()) as shown:
        await shown.press("4", "slash")
        for key in (*"bob", last, "enter"):
            shown.app.post_message(Key(key, key if len(key) == 1 else None))
        await shown.pilot.pause(0.3)
        assert shown.app.query_one(MessageStory).display
        assert shown.app.foot.text == ("bob" if last == "enter" else "")


async def test_freeze_holds_every_pane() -> None:
    async with screen(mail.evening()) as shown:
        await shown.press("4")
        before = shown.rows
        await shown.press("space")
        common = (mail.LOG, "mx1", "postfix/qmgr", 8, "removed")
        more = scenes.Dialogue(99, "203.0.113.200", scenes.NOW).greeting()
        await shown.arrive(*mail.many(3), ev.MessageRemoved(scenes.NOW, *common, mail.BULK), *more.events)
        assert shown.rows == before and "+6" in shown.app.query_one(StatusLine).lines[0]
        await shown.press("3")
        assert "203.0.113.200" not in shown.clients and len(shown.clients) > 8
        await shown.press("4", *["down"] * 7, "enter")
        assert any(f"deferred: {mail.BULK}" in line for line in shown.app.query_one(MessageStory).lines)
        await shown.press("escape", "escape")
        assert not shown.messages.view.frozen and not shown.sessions.view.frozen
        assert len(queue_ids(shown)) == 12


async def test_messages_sort_by_trouble_first() -> None:
    async with screen(mail.evening()) as shown:
        await shown.press("4", "s")
        assert queue_ids(shown)[:3] == [mail.SPAM, mail.LOST, mail.LONG]
        assert shown.sessions.view.sorted_by is None
        await shown.press("S")
        assert queue_ids(shown)[-3:] == [mail.SPAM, mail.LOST, mail.LONG]


async def test_copy_a_message_from_table_and_story() -> None:
    async with screen(mail.evening()) as shown:
        await shown.press("4", "down", "y")
        assert f"s {mail.OPEN} queued bob@example.net" in shown.app.clipboard
        await shown.press("up", "enter", "y")
        assert mail.PARTNER in shown.app.clipboard and "copied" in shown.foot


async def test_mouse_on_messages() -> None:
    async with screen(mail.evening()) as shown:
        await shown.press("4")
        await shown.pilot.click("#messages", offset=(30, 3))
        assert selected(shown) == mail.DARK
        await shown.pilot.click("#messages", offset=(34, 0))
        assert "state▲" in shown.messages.lines[0]
        await shown.pilot.click("#messages", offset=(30, 2), times=2)
        assert shown.app.query_one(MessageStory).display


async def test_hidden_panes_cost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with screen(mail.evening()) as shown:
        await shown.press("4", "3")
        monkeypatch.setattr("widgets.message_table.row", forbidden)
        monkeypatch.setattr("widgets.message_story.life", forbidden)
        monkeypatch.setattr(shown.messages.view, "settle", forbidden)
        await shown.arrive(*mail.many(3))
        await shown.press("space", "space", "enter", "escape")


async def test_messages_cost_rows_in_sight_not_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Message] = []

    def counted(message: Message, placed: tuple[Placed[Message], ...], now: float, cursor: bool) -> Strip:
        drawn.append(message)
        return message_row(message, placed, now, cursor)

    monkeypatch.setattr("widgets.message_table.row", counted)
    async with screen([], size=(80, 24)) as shown:
        await shown.press("4")
        shown.app.picture.apply(mail.many(5_000))
        drawn.clear()
        shown.app.tick()
        assert len(drawn) == 21


async def test_no_message_yet() -> None:
    async with screen([scenes.status()]) as shown:
        await shown.press("4")
        assert "Messages come from the mail log, and none is followed." in "".join(shown.rows)
        await shown.arrive(mail.status())
        assert "No message yet in /var/log/mail.log, followed since 10:40." in "".join(shown.rows)


async def test_hostile_mail_is_shown_as_text() -> None:
    async with screen(mail.hostile()) as shown:
        await shown.press("4")
        text = "".join(shown.messages.lines)
        await shown.press("enter")
        text += "".join(shown.app.query_one(MessageStory).lines)
        assert "\\e]0;owned" in text
        assert not any(ord(char) < 32 or 127 <= ord(char) < 160 or char == "\u202e" for char in text)


async def test_what_waits_for_its_other_half_is_told_at_the_end() -> None:
    lines = "Mar  1 10:41:07 smtpd[1203]: connect from mail.example.com[203.0.113.90]\n"
    async with screen(mail.logged(lines)) as shown:
        assert not shown.app.picture.sessions.live
        shown.app.no_more()
        await shown.pilot.pause()
        shown.app.tick()
        assert shown.clients == ["203.0.113.90"]


@pytest.mark.parametrize("width", [1, 20, 40, 79, 300])
async def test_messages_at_any_width(width: int) -> None:
    async with screen(mail.evening(), size=(width, 10)) as shown:
        await shown.press("4", "down", "enter", "question_mark", "escape", "escape", "slash", "x", "enter")
        assert all(len(line) <= width for line in shown.rows)
