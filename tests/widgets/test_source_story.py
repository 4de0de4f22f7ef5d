"""A source opened in the app: its keys, and how it follows."""

from tests.screens import burst
from tests.screens.conftest import utc as utc
from tests.screens.scenes import NOW
from widgets.source_story import SourceStory


def story(shown: burst.Shown) -> SourceStory:
    return shown.app.query_one(SourceStory)


async def test_the_whole_screen_at_80() -> None:
    async with burst.screen(pane="sources") as shown:
        await shown.press("enter")
        shown.check()
        lines = shown.lines
        assert lines[1:9] == [
            "203.0.113.7  RO  AS64500  EXAMPLE-HOST",
            "name    host7.example.net (forward-confirmed)",
            "place   Cluj-Napoca, Cluj, within 20 km (GeoLite2-City, 12 d old)",
            "seen    first 10:40:08, last 10:41:00, 0 open now",
            "outcome 21 sessions: 3 accepted, 80 refused (80 for good, 0 for now), 0 logins",
            "        failed, 0 came to nothing",
            "per s   0.8 in 10 s, 1.4 in 1 min, 0.1 in 15 min",
            "── wire: C> client  S< server  log: L: ─────────────────────────────────────────",
        ]
        assert lines[9].startswith("what came of it, 10 min")
        assert "why refused      80 100% ▆▆▆▆▆▆▆▆▆▆ relay denied" in lines


async def test_the_whole_screen_at_120() -> None:
    async with burst.screen(pane="sources", size=(120, 40)) as shown:
        await shown.press("enter")
        shown.check()
        lines = shown.lines
        outcome = (
            "outcome 21 sessions: 3 accepted, 80 refused (80 for good, 0 for now), 0 logins failed, 0 came to nothing"
        )
        assert lines[5] == outcome
        assert lines[7].startswith("── wire: C> client  S< server  log: L: ──") and "latest sessions" in lines


async def test_zoom() -> None:
    async with burst.screen(pane="sources") as shown:
        await shown.press("enter")
        told = [shown.lines[9].split("  ")[0]]
        for key in ("minus", "minus", "minus", "plus", "plus", "plus", "plus"):
            await shown.press(key)
            told.append(shown.lines[9].split("  ")[0])
        times = ["10 min", "1 h", "24 h", "24 h", "1 h", "10 min", "1 min", "1 min"]
        assert told == [f"what came of it, {time}" for time in times]


async def test_it_scrolls_and_keeps_its_head() -> None:
    async with burst.screen(pane="sources") as shown:
        await shown.press("enter")
        head = shown.lines[1:9]
        await shown.press("pagedown")
        assert shown.lines[1:9] == head and "what came of it" not in shown.lines[9]
        await shown.press("end")
        assert shown.lines[22].endswith("-- ended by quit")
        await shown.press("home")
        assert shown.lines[9].startswith("what came of it")


async def test_o_leads_to_its_sessions() -> None:
    async with burst.screen(pane="sources") as shown:
        await shown.press("enter", "o")
        assert shown.app.pane.id == "sessions" and shown.app.foot.text == "src:203.0.113.7"
        assert len(shown.app.table.view) == 21 and not story(shown).display


async def test_it_follows_and_stays_when_the_source_is_no_longer_held() -> None:
    async with burst.screen(pane="sources") as shown:
        await shown.press("enter")
        await shown.arrive(*burst.spam(9_000, "203.0.113.7", NOW).events)
        assert "outcome 22 sessions: 3 accepted, 84 refused" in shown.lines[5]
        sources = shown.app.picture.activity.sources
        party = sources.get("203.0.113.7")
        assert party is not None
        party.held = False
        sources._held.pop("203.0.113.7")
        await shown.arrive()
        assert shown.lines[1].startswith("203.0.113.7")
        await shown.press("o")
        assert shown.app.foot.text == "src:203.0.113.7"


async def test_names_in_every_state() -> None:
    names = {
        "203.0.113.7": "host7.example.net (forward-confirmed)",
        "198.51.100.23": "none (no PTR record)",
        "192.0.2.10": "mail.partner.example (not confirmed: anybody may claim it)",
        "203.0.113.1": "being looked up",
    }
    async with burst.screen(pane="sources") as shown:
        for source, words in names.items():
            shown.app.foot.text = f"src:{source}"
            await shown.press("2", "enter")
            assert shown.lines[2] == f"name    {words}"
            await shown.press("escape")
    async with burst.screen(pane="sources", located=False) as shown:
        await shown.press("enter")
        assert "name " not in shown.lines[2]
