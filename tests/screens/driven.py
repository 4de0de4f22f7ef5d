"""The real app, headless, on a clock that stands still, and what it shows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from textual.pilot import Pilot

from smtpwatch import events as ev
from smtpwatch.app import SmtpWatch
from smtpwatch.state.message import Message
from smtpwatch.state.session import Session
from tests.screens import scenes
from widgets.table import Table

FIRST_ROW = 1  # line 0 is the header


class Screen:
    """The app under test and what it shows."""

    def __init__(self, app: SmtpWatch, feed: scenes.Feed, pilot: Pilot[None]) -> None:
        self.app, self.feed, self.pilot = app, feed, pilot

    @property
    def sessions(self) -> Table[Session]:
        return self.app.board.panes["sessions"].table

    @property
    def messages(self) -> Table[Message]:
        return self.app.board.panes["messages"].table

    @property
    def rows(self) -> list[str]:
        return self.app.table.lines[FIRST_ROW:]

    @property
    def foot(self) -> str:
        return self.app.foot.lines[0]

    @property
    def clients(self) -> list[str]:
        return [row[6:].split()[0] for row in self.rows]

    @property
    def cursor(self) -> str:
        session = self.sessions.cursor
        assert session is not None
        return session.source

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def arrive(self, *events: ev.Event) -> None:
        """More events, and a tick."""
        self.feed.put(events)
        self.app.wake()
        await self.pilot.pause()
        self.app.tick()
        await self.pilot.pause()


@asynccontextmanager
async def screen(events: list[ev.Event] | None = None, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Screen]:
    app, feed = scenes.app(scenes.busy_evening() if events is None else events)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        app.tick()
        await pilot.pause()
        yield Screen(app, feed, pilot)


def forbidden(*_: object) -> None:
    """In place of what must not be called."""
    raise AssertionError("a hidden pane was painted")
