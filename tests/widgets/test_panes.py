"""All panes together: every key that the help tells of, one filter for all, and the ways between them."""

from collections.abc import Callable

import pytest
from textual.widget import Widget

from smtpwatch import events as ev
from tests.screens import burst, mail, scenes
from tests.screens.conftest import utc as utc
from tests.screens.scenes import NOW
from widgets.delivery_pane import DeliveryPane
from widgets.detail import Detail
from widgets.foot_line import FootLine
from widgets.key_lines import keys_of
from widgets.log_table import LogTable
from widgets.source_pane import SourcePane
from widgets.status_bar import StatusLine
from widgets.tls_pane import TlsPane

PANES = {
    "home": "1", "sources": "2", "sessions": "3", "messages": "4", "deliveries": "5", "tls": "6", "log": "9",
}  # fmt: skip
LEAVES = ("q", "ctrl+p")  # tested elsewhere


def bound(*owners: type[Widget] | type[object]) -> list[str]:
    """Every key of those, each once."""
    every = [key for owner in owners for binding in keys_of(owner) for key in binding.key.split(",")]  # type: ignore[arg-type]
    return [key for key in dict.fromkeys(every) if key not in LEAVES]


def ids(shown: burst.Shown) -> list[str]:
    """What is in front."""
    app = shown.app
    fronts: list[Widget] = [*app.board.panes.values(), *app.query(Detail), app.board.help]
    return [str(each.id) for each in fronts if each.display]


@pytest.mark.parametrize("name", PANES)
@pytest.mark.parametrize("opened", [False, True], ids=["table", "opened"])
async def test_every_key_of_every_pane(name: str, opened: bool) -> None:
    start = [PANES[name], "enter"] if opened and name != "tls" else [PANES[name], "tab"] if opened else [PANES[name]]
    async with burst.screen(pane=name) as shown:
        await shown.press(*start)
        focused = shown.app.focused
        assert focused is not None
        for key in bound(type(focused), type(shown.app)):
            await shown.press(key)
            assert shown.app.is_running and len(ids(shown)) == 1, key
            shown.check()
            await shown.arrive()
            if shown.app.focused is not focused:
                if isinstance(shown.app.focused, FootLine):
                    await shown.press("escape")
                await shown.press("escape", *start)
                if shown.app.focused is not focused:  # Tab has gone on to the other part
                    await shown.press("tab")
                assert shown.app.focused is focused, key
        assert shown.app.return_code in (None, 0) and shown.app._exception is None


@pytest.mark.parametrize("name", PANES)
async def test_the_help_of_every_pane_tells_its_keys(name: str) -> None:
    async with burst.screen(pane=name, size=(120, 50)) as shown:
        focused = shown.app.focused
        assert focused is not None
        await shown.press("question_mark")
        text = "\n".join(shown.lines)
        assert [each.description for each in keys_of(type(focused)) if each.description not in text] == []
        await shown.press("escape")
        assert ids(shown) == [name] and shown.app.focused is focused


@pytest.mark.parametrize("name", PANES)
@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50), (60, 15), (20, 5)])
async def test_every_pane_at_every_size(name: str, size: tuple[int, int]) -> None:
    async with burst.screen(pane=name, size=size) as shown:
        shown.check()
        await shown.press("z")
        shown.check()
        await shown.resize(100, 30)
        shown.check()


async def test_the_keys_in_the_foot_are_those_of_the_pane() -> None:
    foots = {
        "home": "Enter open  Tab sessions  / filter  g group  Space freeze  1-9 panes  ? help",
        "sources": "Enter open  g group  / filter  s sort  +- zoom  Space freeze  1-9 panes  ? help",
        "sessions": "Enter open  / filter  s sort  Space freeze  1-9 panes  ? help  e explain  y copy",
        "messages": "Enter open  / filter  s sort  Space freeze  1-9 panes  ? help  e explain  y copy",
        "deliveries": "Enter open  g group  / filter  s sort  Space freeze  1-9 panes  ? help",
        "tls": "Enter its sessions  Tab summary  / filter  Space freeze  1-9 panes  ? help",
        "log": "Enter open  o its session  / filter  End follow  Space freeze  1-9 panes  ? help",
    }
    async with burst.screen() as shown:
        for name, expected in foots.items():
            await shown.press(PANES[name])
            assert shown.foot.rstrip() == expected


async def test_one_filter_for_all_panes() -> None:
    async with burst.screen() as shown:
        await shown.press("slash", *"src:203.0.113.7", "enter")
        counts = {}
        for name, key in PANES.items():
            await shown.press(key)
            assert shown.app.foot.text == "src:203.0.113.7" and "/src:203.0.113.7" in shown.foot
            counts[name] = len(shown.app.table.view)
        assert {name: counts[name] for name in ("home", "sources", "sessions", "tls")} == {
            "home": 1, "sources": 1, "sessions": 21, "tls": 1,
        }  # fmt: skip
        assert counts["messages"] == 0 and counts["log"] == 0
        await shown.press("4")
        assert "No message passes the filter." in "\n".join(shown.lines)
        await shown.press("escape")
        for key in PANES.values():
            await shown.press(key)
            assert shown.app.foot.text == "" and len(shown.app.table.view) > 2


async def test_what_a_pane_cannot_tell_is_left_out_with_a_remark() -> None:
    async with burst.screen(size=(120, 40)) as shown:
        await shown.press("slash", *"rate:>0.5 mark:x", "enter")
        assert "not in this pane" not in shown.foot and 0 < len(shown.rows) < 10
        await shown.press("3")
        assert "rate: not in this pane" in shown.foot
        marks = {row.trouble for row in shown.app.table.view.window(0, 500)}
        assert marks == {True}
        await shown.press("2", "g")
        assert "not in this pane" not in shown.foot
        await shown.press("slash", "ctrl+u", *"helo:ylmf-pc", "enter")
        assert "helo: not in this pane" in shown.foot and len(shown.rows) > 5


async def test_freeze_holds_all_panes() -> None:
    async with burst.screen() as shown:
        await shown.press("space")
        before = {}
        for name, key in PANES.items():
            await shown.press(key)
            before[name] = shown.app.table.lines
        await shown.arrive(*burst.spam(9_000, "192.0.2.66", NOW).events, *mail.many(3))
        assert shown.app.query_one(StatusLine).lines[0].startswith("+")
        for name, key in PANES.items():
            await shown.press(key)
            assert shown.app.table.lines == before[name], name
        await shown.press("escape", "2")
        assert "192.0.2.66" in shown.rows


async def test_a_source_from_home_to_its_sessions_and_into_one() -> None:
    async with burst.screen() as shown:
        await shown.press("enter", "o")
        assert ids(shown) == ["sessions"] and len(shown.app.table.view) == 21
        await shown.press("enter")
        assert ids(shown) == ["transcript"]
        await shown.press("escape")
        assert ids(shown) == ["sessions"] and shown.app.foot.text == "src:203.0.113.7"
        await shown.press("escape")
        assert shown.app.foot.text == "" and len(shown.app.table.view) > 21


async def test_a_term_that_leads_is_added_to_the_filter() -> None:
    async with burst.screen() as shown:
        await shown.press("slash", *"mark:x", "enter", "enter", "o")
        assert shown.app.foot.text == "mark:x src:203.0.113.7"


# Sources.


async def test_the_graph_of_sources_is_of_all_or_of_the_one_that_is_picked() -> None:
    async with burst.screen(pane="sources", size=(120, 40)) as shown:
        pane = shown.app.pane
        assert isinstance(pane, SourcePane) and pane.graph.lines[0].startswith("all sources, 10 min")
        await shown.press("down", "up", "minus")
        await shown.arrive()
        assert pane.graph.lines[0].startswith("203.0.113.7, 1 h")
        await shown.press("g", "plus")
        assert pane.graph.lines[0].startswith("all sources, 10 min")
        await shown.press("down", "up")
        await shown.arrive()
        assert pane.graph.lines[0].startswith("203.0.113.0/24, 10 min")
        await shown.press("z")
        assert not pane.graph.display and pane.table.size.height == 38
        await shown.press("z")
        assert pane.graph.display


# Deliveries.


async def test_deliveries() -> None:
    async with burst.screen(pane="deliveries", size=(120, 40)) as shown:
        pane = shown.app.pane
        assert isinstance(pane, DeliveryPane) and pane.queue.display
        domains = shown.rows
        assert set(domains) == {"slow.example", "bigmail.example", "example.org"}
        titles = []
        for _ in range(3):
            await shown.press("g")
            titles.append(pane.table.lines[0].split()[0])
        assert titles == ["next", "reason", "domain"] and shown.rows == domains
        await shown.press("s")
        assert "▲" in pane.table.lines[0] or "▼" in pane.table.lines[0]
        await shown.press("z")
        assert not pane.queue.display
        await shown.press("z", "down", "enter")
        assert ids(shown) == ["delivery-story"] and shown.lines[1].startswith(
            f"domain {shown.app.board.opened[-1].key[1]}"
        )
        await shown.press("y")
        assert str(shown.app.board.opened[-1].key[1]) in shown.app.clipboard
        await shown.press("escape", "slash", *"domain:slow.example", "enter")
        assert shown.rows == ["slow.example"]


# TLS.


async def test_tls() -> None:
    async with burst.screen(pane="tls") as shown:
        pane = shown.app.pane
        assert isinstance(pane, TlsPane)
        first = pane.table.cursor
        assert first is not None
        before = pane.summary.lines
        await shown.press("tab")
        assert shown.app.focused is pane.summary
        await shown.press("pagedown")
        assert pane.summary.lines != before
        await shown.press("home")
        assert pane.summary.lines == before
        await shown.press("z")
        assert pane.summary.display and not pane.table.display and pane.summary.size.height == 22
        await shown.press("tab")
        assert pane.table.display and not pane.summary.display and shown.app.focused is pane.table
        await shown.press("z")
        assert pane.table.display and pane.summary.display
        await shown.press("enter")
        assert ids(shown) == ["sessions"] and shown.app.foot.text == f"src:{first.source}"
        assert len(shown.app.table.view) > 0


# The log.


async def test_the_log_leads_to_sessions_and_messages_and_back() -> None:
    async with burst.screen(pane="log") as shown:
        table = shown.app.table
        assert isinstance(table, LogTable) and table.follows
        await shown.press("f")
        assert not table.follows
        line = table.cursor
        await shown.press("o")
        assert ids(shown) == ["transcript"] and "203.0.113.80" in shown.lines[1]
        await shown.press("escape")
        assert ids(shown) == ["log"] and table.cursor is line and shown.app.focused is table
        await shown.press("up", "up", "up")
        line = table.cursor
        await shown.press("m")
        assert ids(shown) == ["story"] and mail.PARTNER in shown.lines[1]
        await shown.press("escape")
        assert ids(shown) == ["log"] and table.cursor is line
        await shown.press("enter")
        assert ids(shown) == ["log-detail"]
        await shown.press("m")
        assert ids(shown) == ["story"]
        await shown.press("escape")
        assert ids(shown) == ["log-detail"]
        await shown.press("o", "escape", "escape")
        assert ids(shown) == ["log"] and table.cursor is line
        await shown.press("end")
        assert table.follows


async def test_the_log_is_filtered() -> None:
    async with burst.screen(pane="log", size=(200, 50)) as shown:
        await shown.press("slash", *"account:bob@example.net", "enter")
        assert 5 <= len(shown.app.table.view) < 60 and all(
            "bob" in row for row in shown.app.table.lines[1:] if row.strip()
        )


# Home and all.


@pytest.mark.parametrize("name", ["home", "sources", "sessions", "messages", "deliveries"])
async def test_keys_of_every_table(name: str) -> None:
    async with burst.screen(pane=name) as shown:
        table = shown.app.table
        last = len(table.view) - 1
        await shown.press("end")
        assert table._row == last
        await shown.press("up", "k", "j", "down")
        assert table._row == last
        await shown.press("home")
        assert table._row == 0 and table.following
        await shown.press("pagedown")
        assert table._row == min(last, max(1, table.size.height - 2))
        await shown.press("pageup")
        assert table._row == 0
        await shown.press("f")
        assert table.following
        await shown.press("y")
        assert "copied" in shown.foot and shown.app.clipboard
        await shown.press("s")
        assert table.view.sorted_by == 0
        await shown.press("right", "right", "c")
        titles = table.columns_shown
        assert titles is not None and len(titles) == len(table.view.columns) - 1
        await shown.press("C")
        assert table.columns_shown is None


async def test_keys_of_what_is_behind_an_opened_row_do_nothing() -> None:
    async with burst.screen(size=(120, 40)) as shown:
        await shown.press("tab", "enter", "z", "plus", "minus", "minus", "tab")
        assert ids(shown) == ["transcript"]
        await shown.press("escape")
        assert not shown.app.pane.maximised and "Messages and refusals, 10 min" in shown.lines[1]


@pytest.mark.parametrize(
    ("name", "word"),
    [("home", "row"), ("sources", "source"), ("sessions", "session"), ("messages", "message"),
     ("deliveries", "destination"), ("tls", "peer"), ("log", "line")],
)  # fmt: skip
async def test_a_filter_that_none_passes(name: str, word: str) -> None:
    async with burst.screen(pane=name) as shown:
        await shown.press("slash", *"zebra", "enter")
        assert f"No {word} passes the filter." in "\n".join(shown.lines)


@pytest.mark.parametrize("name", PANES)
async def test_hidden_panes_cost_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with burst.screen() as shown:
        for key in PANES.values():
            await shown.press(key)
        await shown.press(PANES[name])
        others = [each for other, pane in shown.app.board.panes.items() if other != name for each in pane.tables]

        def forbidden(what: str) -> Callable[..., None]:
            def fail(*_: object) -> None:
                raise AssertionError(what)

            return fail

        for table in others:
            monkeypatch.setattr(table.view, "settle", forbidden(str(table.id)))
            monkeypatch.setattr(table, "look", forbidden(str(table.id)))
        more: list[ev.Event] = [*scenes.Dialogue(9_500, "203.0.113.9", NOW).greeting().events, *mail.many(3)]
        await shown.arrive(*more)
        await shown.press("down", "space", "space")
