"""The deliveries table, its detail and the queue's block in an app of their own: keys to screen."""

from typing import Any

import pytest
from textual.app import App, ComposeResult

from smtpwatch.state.picture import Picture
from smtpwatch.state.queue import Queues
from tests.widgets.test_delivery_columns import NOW, events
from tests.widgets.test_delivery_queue import AGES
from widgets.delivery_queue import QueueBlock
from widgets.delivery_story import DeliveryStory
from widgets.delivery_table import DeliveryTable
from widgets.delivery_view import DeliveryView
from widgets.table import Table


class _App(App[None]):
    CSS = "QueueBlock { height: 4 } DeliveryTable, DeliveryStory { height: 1fr }"

    def __init__(self) -> None:
        super().__init__(ansi_color=True)
        self.picture = Picture()
        self.picture.apply(events())
        self.deliveries = self.picture.deliveries
        self.opened: list[Any] = []

    def compose(self) -> ComposeResult:
        yield QueueBlock(id="queue")
        yield DeliveryTable(DeliveryView(self.deliveries), id="deliveries")
        yield DeliveryStory(self.picture, id="delivery")

    def on_mount(self) -> None:
        self.table = self.query_one(DeliveryTable)
        self.story = self.query_one(DeliveryStory)
        self.table.focus()

    def on_table_opened(self, message: Table.Opened) -> None:
        self.opened.append(message.key)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_keys(size: tuple[int, int]) -> None:
    app = _App()
    async with app.run_test(size=size) as pilot:
        app.query_one(QueueBlock).look(Queues(), AGES, NOW)
        app.table.look(NOW)
        assert app.query_one(QueueBlock).lines[2].split()[:2] == ["TOTAL", "12k"]

        async def top(*keys: str) -> tuple[str, str]:
            await pilot.press(*keys)
            assert all(len(line) == size[0] for line in app.table.lines)
            return app.table.lines[0].split()[0], app.table.lines[1].split()[1]

        assert await top() == ("domain", "slow.example")
        assert (await top("g"))[0] == "next"
        assert await top("g") == ("reason", "timed")
        assert await top("g") == ("domain", "slow.example")
        await pilot.press("down", "enter", "g", "g", "enter")
        assert app.opened == [("domain", "far.example"), ("reason", "timed out")]
        found = app.deliveries.get("domain", "far.example")
        assert found is not None
        app.story.open(found, NOW)
        assert app.story.lines[0].startswith("domain far.example")
        assert any(line.startswith("── counts are of attempts") for line in app.story.lines)
        app.story.look(None, NOW)
        assert app.story.lines[0].startswith("domain far.example"), "no longer held: what was known of it stays"
