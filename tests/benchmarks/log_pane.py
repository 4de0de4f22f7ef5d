"""What the log pane costs: terminal octets per second and CPU while lines pour in, beside btop's on the same pty.

`python -m tests.benchmarks.log_pane`; takes two minutes. With a number, it is the pane itself with so many lines a
second, in the terminal it is given; `scroll` after it makes all lines move up for each that comes, for comparison."""

import asyncio
import shutil
import sys
import tempfile
import time
from itertools import islice

from textual.app import App, ComposeResult

from collectors.logs.reader import Reader
from smtpwatch.state.sessions import Sessions
from tests.benchmarks.log_lines import lines
from widgets.log_table import LogTable
from widgets.log_view import LogView

RATES = (2, 20, 200, 1_000)  # lines a second
BATCH = 0.1  # seconds between batches, as the sensor sends them
START = 200  # lines there from the beginning
HERE = [sys.executable, "-m", "tests.benchmarks.log_pane"]


class Pane(App[None]):
    """The log pane alone, looked at once a second."""

    CSS = "LogTable { height: 1fr; }"

    def __init__(self, rate: float, scrolls: bool) -> None:
        super().__init__(ansi_color=True)
        self.theme = "ansi-dark"
        self.animation_level = "none"
        self._sessions = Sessions()
        self._rate, self._scrolls = rate, scrolls
        self._reader = Reader("mx1", None, time.time())
        self._lines = lines()
        self._told = 0

    def compose(self) -> ComposeResult:
        yield LogTable(LogView(self._sessions.logs.lines), self._sessions, id="log")

    def on_mount(self) -> None:
        self._table = self.query_one(LogTable)
        self._table.focus()
        self._tell(START)
        self._started = time.monotonic()
        self.run_worker(self._feed())
        self.set_interval(1.0, self._look)

    def _tell(self, count: int) -> None:
        for event in self._reader.read([line[:-1] for line in islice(self._lines, count)]):
            self._sessions.apply(event)

    async def _feed(self) -> None:
        while True:
            await asyncio.sleep(BATCH)
            due = int((time.monotonic() - self._started) * self._rate) - self._told
            self._told += due
            self._tell(due)

    def _look(self) -> None:
        if self._scrolls:
            self._table.action_end()
        self._table.look(time.time())


def main() -> int:
    """Print the table; the exit code tells whether it stays below btop at every rate."""
    if len(sys.argv) > 1:
        return Pane(float(sys.argv[1]), "scroll" in sys.argv).run() or 0
    from tests.benchmarks.screen import COLUMNS, LINES, cost_of  # not for the pane itself: it brings the whole program

    btop = shutil.which("btop")
    print(f"the log pane at {COLUMNS}x{LINES}, looked at once a second")
    print(f"{'lines/s':>10}{'octets/s':>10}{'CPU %':>8}{'MiB':>8}   were all lines to scroll")
    dearest = 0.0
    with tempfile.TemporaryDirectory() as home:
        for rate in RATES:
            own = cost_of([*HERE, str(rate)], home)
            scrolled = cost_of([*HERE, str(rate), "scroll"], home)
            dearest = max(dearest, own.octets)
            print(f"{rate:>10,}{own.octets:10,.0f}{own.cpu:8.2f}{own.resident:8.1f}   {scrolled.octets:,.0f} octets/s")
        peer = cost_of([btop], home).octets if btop else 0.0
    print(f"{'btop':>10}{peer:10,.0f}")
    return 0 if not peer or dearest <= peer else 1


if __name__ == "__main__":
    sys.exit(main())
