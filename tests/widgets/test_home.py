"""Home at all sizes, and its keys."""

import pytest
from textual.strip import Strip

from smtpwatch import events as ev
from tests.screens import burst, mail, scenes
from tests.screens.conftest import utc as utc
from tests.screens.scenes import NOW
from widgets.home import Home
from widgets.line_pane import LinePane
from widgets.source_table import SourceTable
from widgets.transcript import Transcript

SIZES = [(80, 24), (120, 40), (200, 50), (100, 30), (60, 15)]


@pytest.fixture
def too_long(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Lines that were painted wider than their pane: they would be cut without an ellipsis."""
    found: list[str] = []
    paint = LinePane.paint

    def watched(self: LinePane, strips: list[Strip]) -> None:
        found.extend(f"{self.id} {strip.text!r}" for strip in strips if strip.cell_length > self.size.width > 0)
        paint(self, strips)

    monkeypatch.setattr(LinePane, "paint", watched)
    return found


def home(shown: burst.Shown) -> Home:
    pane = shown.app.pane
    assert isinstance(pane, Home)
    return pane


def parts(shown: burst.Shown) -> dict[str, int]:
    """Lines of each part in sight."""
    return {str(pane.id).removeprefix("home-"): pane.size.height for pane in shown.panes if str(pane.id)[:5] == "home-"}


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((80, 24), {"rise": 1, "sources": 8, "glance": 2, "sessions": 11}),
        ((100, 30), {"rise": 1, "sources": 8, "glance": 2, "sessions": 17}),
        ((120, 40), {"sources": 13, "graph": 13, "glance": 6, "sessions": 19}),
        ((200, 50), {"sources": 18, "graph": 18, "glance": 7, "sessions": 23}),
        ((60, 15), {"rise": 1, "sources": 8, "glance": 2, "sessions": 2}),
    ],
)
async def test_what_there_is_at_each_size(size: tuple[int, int], expected: dict[str, int], too_long: list[str]) -> None:
    async with burst.screen(size=size) as shown:
        shown.check()
        assert parts(shown) == expected
        assert too_long == []


async def test_resize_while_open(too_long: list[str]) -> None:
    async with burst.screen(size=(80, 24)) as shown:
        for size in [*SIZES, (20, 5), (1, 1), (34, 8), (300, 90), (80, 24)]:
            await shown.resize(*size)
            shown.check()
        assert parts(shown) == {"rise": 1, "sources": 8, "glance": 2, "sessions": 11}
        assert [line for line in too_long if "home-rise" in line or "home-glance" in line] == []


async def test_the_whole_screen_at_80() -> None:
    async with burst.screen() as shown:
        lines = shown.lines
        assert lines[0].endswith("10:41:07") and "ref" in lines[0]
        assert lines[1] == "10 min ref  2.4/s                      ▁██  ok   0.1/s                    ▁  █▁"
        assert lines[2] == "  source             cc network          /s last 60 s     ok    ref   auth  open"
        assert lines[3] == "x 203.0.113.7        RO EXAMPLE-HOST    0.8 ▆▆█▆▆▆▆▆▆      3     80"
        assert lines[10] == "Why  relay denied 240"
        assert lines[11] == "TLS  none 69%  1.3 21%  1.2 6%                    Out  slow.example 1 deferred x"
        assert lines[12] == "  age client          port dir state    HELO      ok/no TLS     reply"
        assert lines[23].startswith("Enter open  Tab sessions  / filter  g group")


EVENTS: dict[str, list[ev.Event]] = {
    "nothing at all": [],
    "an empty host": [scenes.status(), mail.status()],
    "the log alone": [mail.status(), *mail.logged()],
    "the wire alone": burst.wire(),
    "strangers": [*scenes.hostile(), *mail.hostile()],
}


@pytest.mark.parametrize("what", EVENTS)
async def test_whatever_there_is_to_see(what: str, too_long: list[str]) -> None:
    async with burst.screen(EVENTS[what], size=(120, 40), located=False) as shown:
        for size in ((120, 40), (80, 24), (60, 15)):
            await shown.resize(*size)
            shown.check()
            text = "".join(shown.lines)
            assert not any(ord(char) < 32 or 127 <= ord(char) < 160 or char == "\u202e" for char in text)
        assert too_long == []
        if not EVENTS[what]:
            assert "Starting to listen." in "\n".join(shown.lines)
        elif what == "an empty host":
            assert "No SMTP seen yet on eth0, lo (ports 25 465 587)" in "\n".join(shown.lines)
        elif what == "the log alone":
            assert "bob@example.net" in "".join(home(shown).sessions.view.values("account"))


async def test_tab_goes_between_the_tables_and_each_keeps_its_cursor() -> None:
    async with burst.screen() as shown:
        pane = home(shown)
        assert pane.front is pane.table and shown.app.focused is pane.table
        await shown.press("down", "tab")
        assert pane.front is pane.sessions and shown.app.focused is pane.sessions
        await shown.press("down", "down")
        assert (pane.table._row, pane.sessions._row) == (1, 2)
        await shown.press("tab")
        assert pane.front is pane.table


async def test_what_was_opened_leads_back_to_its_table() -> None:
    async with burst.screen() as shown:
        pane = home(shown)
        await shown.press("tab", "down", "enter")
        assert shown.app.query_one(Transcript).display and not pane.display
        await shown.press("escape")
        assert pane.display and pane.front is pane.sessions and shown.app.focused is pane.sessions
        await shown.press("question_mark", "escape")
        assert pane.front is pane.sessions
        await shown.press("slash", "x", "enter")
        assert pane.front is pane.sessions
        await shown.press("2", "1")
        assert pane.front is pane.sessions
        await shown.press("escape", "tab", "enter")
        assert not pane.display and shown.app.board.opened[-1].table is pane.table


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_z_maximises_the_one_in_front_and_tab_changes_which(size: tuple[int, int]) -> None:
    async with burst.screen(size=size) as shown:
        before = parts(shown)
        await shown.press("z")
        assert parts(shown) == {"sources": size[1] - 2}
        shown.check()
        await shown.press("tab")
        assert parts(shown) == {"sessions": size[1] - 2} and shown.app.focused is home(shown).sessions
        shown.check()
        await shown.press("enter", "escape")
        assert parts(shown) == {"sessions": size[1] - 2}
        await shown.press("tab")
        assert parts(shown) == {"sources": size[1] - 2}
        await shown.press("z")
        assert parts(shown) == before
        shown.check()


async def test_plus_and_minus_zoom_graph_and_bars() -> None:
    async with burst.screen() as shown:
        told = [shown.lines[1].split(" ref")[0].strip()]
        for key in ("minus", "minus", "minus", "plus", "plus", "plus", "plus"):
            await shown.press(key)
            told.append(shown.lines[1].split(" ref")[0].strip())
        assert told == ["10 min", "1 h", "24 h", "24 h", "1 h", "10 min", "1 min", "1 min"]
        await shown.resize(120, 40)
        assert "Messages and refusals, 1 min" in shown.lines[1]
        await shown.press("minus")
        assert "Messages and refusals, 10 min" in shown.lines[1]


async def test_groups_and_their_members_on_home() -> None:
    async with burst.screen() as shown:
        await shown.press("g")
        assert isinstance(shown.app.table, SourceTable) and shown.rows[:2] == ["203.0.113.0/24", "198.51.100.0/24"]
        await shown.press("down", "enter")
        assert shown.app.foot.text == "src:198.51.100.0/24" and all(row.startswith("198.51.100.") for row in shown.rows)
        await shown.press("escape")
        assert shown.app.foot.text == "" and shown.rows[:2] == ["203.0.113.0/24", "198.51.100.0/24"]
        assert shown.app.table.cursor is not None and shown.app.table.cursor.key == "198.51.100.0/24"


async def test_it_goes_on() -> None:
    async with burst.screen(size=(120, 40)) as shown:
        before = shown.lines
        more = [event for at in range(20) for event in burst.spam(9_000 + at, "192.0.2.66", NOW + 5).events]
        await shown.arrive(*more)
        assert shown.lines != before and "192.0.2.66" in "\n".join(shown.lines)
        shown.check()
