"""A graph of rates over time in braille: a small panel for each series over one axis of clock times."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from smtpwatch.clean import clean
from widgets import axes, ink
from widgets.braille import Texture, curve
from widgets.cells import cut, fill
from widgets.cells import width as cells_of

AXIS_FROM = 4  # lines: from here on the last one is the time axis
SCALE = 5  # cells of the scale: a figure of four and the axis
SCALE_FROM = 12  # cells of width that leave something to plot beside it
NAME, SHORT, SAID = 9, 4, 8
"""Cells of a series' name, of its short one, and of its rate."""
NAME_FROM, SHORT_FROM = 54, 28
"""Cells of width from which the series' names stand right of them, and from which the short ones do."""


class Series(NamedTuple):
    """`values` are events per second in the window's buckets, from its start: None where nothing was counted yet, and
    short of the window's end. `now` is the present rate."""

    name: str
    short: str
    texture: Texture
    style: Style | None
    values: Sequence[float | None]
    now: float


class Window(NamedTuple):
    """The time that a graph shows: `buckets` of `seconds` from `start`, in epoch seconds."""

    name: str
    start: float
    seconds: int
    buckets: int


class _Room(NamedTuple):
    """Cells of the scale, the plot, and the names (0, if they stand elsewhere)."""

    scale: int
    plot: int
    name: int


def graph(series: Sequence[Series], width: int, height: int, window: Window, title: str) -> list[Strip]:
    """`height` lines of `width`: a title with the highest peak, a panel for each of `series` on a scale of its own
    with its name and present rate right of it, and clock times. Too few lines leave out the last series."""
    if width <= 0 or height <= 0:
        return []
    room = _room(width)
    lines = [_title(series, width, window, title)]
    axis = height >= AXIS_FROM
    heights = _heights(height - len(lines) - axis, len(series))
    silent = not any(axes.peak_of(each.values) for each in series)
    for at, (each, panel) in enumerate(zip(series, heights, strict=False)):
        lines += _panel(each, panel, room, window, f"none in {window.name}" if silent and not at else "")
    if axis:
        rule = axes.times(window.start, window.seconds * window.buckets, room.plot)
        lines.append(Strip([Segment("└".rjust(room.scale) if room.scale else ""), Segment(rule)]))
    return [line.adjust_cell_length(width).simplify() for line in lines]


def _room(width: int) -> _Room:
    scale = SCALE if width >= SCALE_FROM else 0
    name = 0
    if width >= SHORT_FROM:
        name = 2 + SAID + (NAME if width >= NAME_FROM else SHORT)
    return _Room(scale, width - scale - name, name)


def _heights(lines: int, panels: int) -> list[int]:
    """Lines of each panel; of what is over, one goes to the second (what is refused) and one to the first."""
    panels = min(panels, lines)
    if panels <= 0:
        return []
    even, over = divmod(lines, panels)
    return [even + (over > 1), even + (over > 0), *[even] * (panels - 2)] if panels > 1 else [lines]


def _title(series: Sequence[Series], width: int, window: Window, title: str) -> Strip:
    said = f"{clean(title)}, {window.name}"
    peak, name = max(((axes.peak_of(each.values), each.name) for each in series), default=(0.0, ""), key=_first)
    most = f"peak {name} {axes.told(peak, axes.unit_of(peak))}" if peak else ""
    if not most or cells_of(said) + 2 + len(most) > width:
        return Strip([Segment(cut(said, width), ink.STRONG)])
    gap = " " * (width - cells_of(said) - len(most))
    return Strip([Segment(said, ink.STRONG), Segment(gap + most)])


def _first(pair: tuple[float, str]) -> float:
    return pair[0]


def _panel(series: Series, lines: int, room: _Room, window: Window, notice: str) -> Iterator[Strip]:
    values = [*series.values, *[None] * (window.buckets - len(series.values))]
    peak = axes.peak_of(values)
    unit = axes.unit_of(max(peak, series.now))
    full = axes.full(peak * unit.per)
    plotted = curve(values, full / unit.per, room.plot, lines, series.texture)
    if notice:
        plotted[0] = fill(notice if len(notice) <= room.plot else "none", room.plot)
    said = _said(series, peak, unit, room.name)
    scale = _scale(series, full if peak else 0.0, lines, room)
    style = series.style if peak or series.now else None
    for text, left, right in zip_longest(plotted, scale, said[:lines], fillvalue=""):
        yield Strip([Segment(left), Segment(text, style), Segment(right, style)])


def _scale(series: Series, full: float, lines: int, room: _Room) -> list[str]:
    """The top of the scale at the top edge of the first line, half of it, and 0 at the bottom edge of the last."""
    if not room.scale:
        return []
    marks = {lines // 2: axes.figure(full / 2)} if full and lines >= 5 else {}
    if lines >= 3:
        marks[lines - 1] = "0"
    if not room.name:
        marks[0] = series.short
    elif full:
        marks[0] = axes.figure(full)
    return [fill(marks.get(at, ""), room.scale - 1, right=True) + ("┤" if at in marks else "│") for at in range(lines)]


def _said(series: Series, peak: float, unit: axes.Unit, cells: int) -> list[str]:
    """What stands right of a panel: name and rate, and the peak below."""
    if not cells:
        return []
    name = cells - 2 - SAID
    text = series.name if name >= NAME else series.short
    lines = [(text, series.now)]
    if peak:
        lines.append(("peak", peak))
    return [f" {fill(text, name)} {fill(axes.told(value, unit), SAID, right=True)}" for text, value in lines]
