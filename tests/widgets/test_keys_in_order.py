"""Keys in a clump: in their order, whatever the focus does meanwhile, and none lost."""

import asyncio
from typing import ClassVar

import pytest
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.pilot import Pilot
from textual.widgets import Static

from widgets import keys_in_order
from widgets.keys_in_order import KeysInOrder


class Part(Static, can_focus=True):
    """Says which of them a key was for; `x` takes it away while it has the key, `h` is one that it hangs on."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("g", "say('g')")]

    def action_say(self, key: str) -> None:
        assert isinstance(self.app, Two)
        self.app.said.append(f"{self.id} {key}")

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        self.action_say(event.text)

    async def on_key(self, event: events.Key) -> None:
        assert isinstance(self.app, Two)
        if event.key == "x":
            event.stop()
            await self.remove()
        if event.key == "h":
            event.stop()
            await self.app.may_go_on.wait()


class Two(KeysInOrder):
    """Two parts; `b` is the app's own key, as blocking is."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "go('one')"),
        Binding("2", "go('two')", priority=True),
        Binding("b", "block"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.may_go_on = asyncio.Event()

    def compose(self) -> ComposeResult:
        yield Part(id="one")
        yield Part(id="two")

    def action_go(self, where: str) -> None:
        self.query_one(f"#{where}").focus()

    def action_block(self) -> None:
        assert self.focused is not None
        self.said.append(f"{self.focused.id} b")


async def clump(pilot: Pilot[None], keys: str) -> None:
    """All at once."""
    for key in keys:
        pilot.app.post_message(events.Key(key, key))
    await pilot.pause()


async def test_each_is_for_what_has_the_focus_then() -> None:
    app = Two()
    async with app.run_test() as pilot:
        await clump(pilot, "1gb2gb1g2bg2b1b")
        expected = ["one g", "one b", "two g", "two b", "one g", "two b", "two g", "two b", "one b"]
        assert app.said == expected


async def test_what_is_pasted_too() -> None:
    app = Two()
    async with app.run_test() as pilot:
        app.post_message(events.Key("2", "2"))
        app.post_message(events.Paste("words"))
        await clump(pilot, "1g")
        assert app.said == ["two words", "one g"]


async def test_one_that_goes_with_its_widget_holds_up_nothing() -> None:
    app = Two()
    async with app.run_test() as pilot:
        await clump(pilot, "1x2gb")
        assert app.said == ["two g", "two b"]


async def test_one_that_is_never_done_holds_up_the_rest_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys_in_order, "PATIENCE", 0.2)
    app = Two()
    async with app.run_test():
        for key in "1h2gb":
            app.post_message(events.Key(key, key))
        await asyncio.sleep(0.05)
        assert app.said == []
        await asyncio.sleep(0.5)
        assert app.said == ["two g", "two b"]
        app.may_go_on.set()
