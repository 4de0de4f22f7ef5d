"""A log pane, and what it opens, on a screen of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from textual.app import App, ComposeResult
from textual.pilot import Pilot

from smtpwatch import events as ev
from smtpwatch.state.sessions import Sessions
from widgets.log_detail import LogDetail
from widgets.log_table import LogTable
from widgets.log_view import LogView


class LogApp(App[None]):
    """The table, and the detail in its place once a line is opened. `jumps` are those asked for."""

    CSS = "LogTable, LogDetail { height: 1fr; }"

    def __init__(self, sessions: Sessions, now: float) -> None:
        super().__init__(ansi_color=True)
        self.sessions = sessions
        self.now = now
        self.view = LogView(sessions.logs.lines)
        self.jumps: list[tuple[str, object]] = []

    def compose(self) -> ComposeResult:
        yield LogTable(self.view, self.sessions, id="log")
        yield LogDetail(self.sessions, id="line")

    def on_mount(self) -> None:
        self.table = self.query_one(LogTable)
        self.detail = self.query_one(LogDetail)
        self.detail.display = False
        self.table.focus()

    def on_table_opened(self, message: LogTable.Opened) -> None:
        line = self.view.get(message.key)
        assert line is not None
        self.table.display, self.detail.display = False, True
        self.detail.focus()
        self.detail.open(line, self.now)

    def on_log_table_jump(self, message: LogTable.Jump) -> None:
        self.jumps.append((message.kind, message.key))

    def tick(self, events: Iterable[ev.Event] = (), seconds: float = 1.0) -> list[str]:
        """Time passes, and lines come; returns what is shown, without titles."""
        for event in events:
            self.sessions.apply(event)
        self.now += seconds
        self.table.look(self.now)
        return self.shown

    @property
    def shown(self) -> list[str]:
        """The table's lines, without titles and without the blank rest of a page."""
        lines = [line.rstrip() for line in self.table.lines[1:]]
        while lines and not lines[-1]:
            lines.pop()
        return lines


@asynccontextmanager
async def shown(
    sessions: Sessions, now: float, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[LogApp, Pilot[None]]]:
    """The pane on a terminal of that size, looked at once."""
    app = LogApp(sessions, now)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        app.tick(seconds=0.0)
        yield app, pilot
