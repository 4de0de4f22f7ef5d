"""The pane that graphs a history, a page at a time.

Terminal octets a second under busy traffic at 58x12: 194 at ten minutes (14 idle), 505 at one minute; columns that
shift with every bucket take 217 and 744. Plot widgets miss the budget of 600: at ten minutes textual-plotext takes
2,900, textual-plot 4,200, and three of Textual's own Sparkline, which have no axes, 1,200 (11,400 at one minute).
"""

from typing import ClassVar, NamedTuple

from rich.style import Style
from textual.binding import Binding, BindingType

from smtpwatch.state.history import ZOOMS, History, Together, first_bucket
from smtpwatch.state.party import Outcome
from widgets import axes, ink
from widgets.braille import Texture
from widgets.graph import Series, Window, graph
from widgets.line_pane import LinePane

TURNS = (10, 60, 300, 7200)
"""For each zoom, the seconds after which the page is turned, by as much. In between the columns stand still, for the
eye and for the octets, and new ones come right of them."""

PRESENT = 10.0  # seconds that the present rate is the mean of
START_ZOOM = 1  # ten minutes: long enough to tell a rise from the usual

KINDS: tuple[tuple[int, str, str, Texture, Style | None], ...] = (
    (Outcome.ACCEPTED, "accepted", "ok", "line", None),
    (Outcome.REFUSED, "refused", "ref", "area", ink.BAD),
    (Outcome.AUTH_FAILED, "auth fail", "auth", "bars", ink.WARN),
)


class _Seen(NamedTuple):
    history: History | Together
    now: float
    title: str
    since: float


def window(now: float, zoom: int) -> Window:
    """The page that `now` is on: it ends at the next turn on the host's clock."""
    name, seconds, buckets = ZOOMS[zoom]
    turn, ahead = TURNS[zoom], axes.zone(now)
    end = (int(now + ahead) // turn + 1) * turn - ahead
    return Window(name, end - seconds * buckets, seconds, buckets)


def series_of(history: History | Together, now: float, zoom: int, page: Window, since: float) -> list[Series]:
    """What the page shows of `history`: whole buckets, then the mean over the last stretch as long as one, which needs
    no bucket to be full. Nothing is shown for the time before `since` where nothing was counted."""
    _, seconds, _ = ZOOMS[zoom]
    first = first_bucket(now, zoom)
    before = round((page.start - first) / seconds)
    told = []
    for index, name, short, texture, style in KINDS:
        values: list[float | None] = [count / seconds for count in history.buckets(now, zoom, index)[before:]]
        if seconds > 1:
            values.append(history.rate(now, seconds, index))
        for at, value in enumerate(values):
            if page.start + (at + 1) * seconds > since or value:
                break
            values[at] = None
        told.append(Series(name, short, texture, style, values, history.rate(now, PRESENT, index)))
    return told


class RateGraph(LinePane, can_focus=True):
    """Shows the history last looked at; `zoom` is an index of ZOOMS."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus,equals_sign,right_square_bracket", "zoom(-1)", "a shorter time"),
        Binding("minus,left_square_bracket", "zoom(1)", "a longer time"),
    ]

    def __init__(self, id: str, zoom: int = START_ZOOM) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(id=id)
        self.zoom = zoom
        self._seen: _Seen | None = None

    def look(self, history: History | Together, now: float, title: str, since: float = 0.0) -> None:
        """Show `history` as it is at `now`; `since` is when counting began, in epoch seconds."""
        self._seen = _Seen(history, now, title, since)
        self._draw()

    def on_resize(self) -> None:
        """A new size is plotted anew."""
        self._draw()

    def action_zoom(self, steps: int) -> None:
        """Out, or in if negative."""
        self.zoom = min(max(0, self.zoom + steps), len(ZOOMS) - 1)
        self._draw()

    def _draw(self) -> None:
        if self._seen is None or not self.size.width:
            return
        history, now, title, since = self._seen
        page = window(now, self.zoom)
        series = series_of(history, now, self.zoom, page, since)
        self.paint(graph(series, self.size.width, self.size.height, page, title))
