"""The status bar: vitals and sensors' health, the clock, and what is wrong, each a pane of its own.

The clock is apart from the vitals so that on an idle host only its eight cells are sent each second.
"""

from collections.abc import Mapping

from rich.segment import Segment
from textual.strip import Strip

from smtpwatch import clock
from smtpwatch.state.picture import Picture
from widgets import ink
from widgets.line_pane import LinePane
from widgets.vitals import fit, items, trouble


class StatusLine(LinePane):
    """Rates and health on one line; the least important goes first when room is short."""

    def look(self, picture: Picture, now: float, host: str, waiting: int | None) -> None:
        """Show the picture; `waiting` is how many events a frozen view does not show, None when it is not frozen."""
        self.paint([fit(items(picture, now, host, waiting), self.size.width)])


class Clock(LinePane):
    """The time that everything on screen is told against."""

    def look(self, now: float) -> None:
        """Show `now`."""
        self.paint([Strip([Segment(" "), Segment(clock.of_day(now), ink.STRONG)])])


class Trouble(LinePane):
    """Why a sensor is not well and what to do; not there when all are."""

    def __init__(self, id: str) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(id=id)
        self._said: list[Strip] = []

    def look(self, picture: Picture, others: Mapping[str, str]) -> None:
        """Take as many lines as there is to say; `others` is what is wrong beside the sensors, by what it is with."""
        self._said = trouble(picture, self.app.size.width, others)
        self.display = bool(self._said)
        if self._said and self.size.height != len(self._said):
            self.styles.height = len(self._said)
        self.paint(self._said)

    def on_resize(self) -> None:
        """There is room now for what is to be said."""
        self.paint(self._said)
