"""What stands behind a selection, on a key."""

from smtpwatch import events as ev
from tests.screens import burst
from tests.state.doings import Wire, flat
from tests.state.joint import NOW
from widgets.explain_story import ExplainStory

HOSTILE = "\x1b[2J\u202eevil[bold]"


def told(shown: burst.Shown) -> list[str]:
    """What is said, if it is in front."""
    story = shown.app.query_one(ExplainStory)
    return [line.rstrip() for line in story.lines] if story.display else []


async def test_all_that_there_is() -> None:
    async with burst.screen(size=(120, 40)) as shown:
        await shown.press("e")
        lines = told(shown)
        assert lines[0].endswith("all sessions")
        assert any(line.startswith("network") and "203.0.113.0/24" in line for line in lines)
        assert any(line.startswith("refusals") for line in lines)
        await shown.press("escape")
        assert told(shown) == []


async def test_a_row_that_was_picked() -> None:
    async with burst.screen(size=(120, 40)) as shown:
        await shown.press("2", "slash", *"src:203.0.113.7", "enter", "down", "e")
        lines = told(shown)
        assert lines[0].endswith("sessions of src:203.0.113.7")
        assert any(line.startswith("address") and "1 of 1" in line and "203.0.113.7 100%" in line for line in lines)


async def test_a_group() -> None:
    async with burst.screen(size=(120, 40)) as shown:
        await shown.press("2", "g", "down", "e")
        assert told(shown)[0].endswith("/24")


async def test_a_filter_that_nothing_passes() -> None:
    async with burst.screen() as shown:
        await shown.press("3", "slash", *"src:192.0.2.77", "enter", "e")
        assert any("no session is held that was asked for" in line for line in told(shown))


async def test_lines_of_a_log_are_explained_by_their_filter() -> None:
    """What is opened there is no line."""
    async with burst.screen(size=(120, 40)) as shown:
        await shown.press("9", "e")
        assert told(shown)[0].endswith("all sessions")
        shown.app.tick()
        await shown.press("escape")
        assert shown.app.pane.id == "log"


async def test_hostile_names_are_shown_as_text() -> None:
    wires = [Wire(k, "203.0.113.7", 5_000 + k, NOW) for k in range(3)]
    events: list[ev.Event] = flat(*(flat(w.opened, w.hello(NOW, HOSTILE), w.closed(NOW)) for w in wires))
    async with burst.screen(events, size=(120, 40)) as shown:
        await shown.press("e")
        on_screen = "\n".join(told(shown))
        assert "evil" in on_screen
        assert not any(char in on_screen for char in "\x1b\u202e")
