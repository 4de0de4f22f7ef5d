"""A row of bars, one cell high."""

from collections.abc import Sequence

BARS = " ▁▂▃▄▅▆▇█"
"""Nothing, and eight levels. Nothing at all is a blank, so that the lowest bar means that something happened, and a
quiet row costs no octets."""


def sparkline(values: Sequence[float], cells: int, scale: float | None = None) -> str:
    """`values` (oldest first, none negative) as bars in exactly `cells` cells; `scale` is what fills a cell, by
    default the largest value.

    More values than cells are folded by their maximum: a burst of one second must be seen. Fewer stand at the right,
    where the newest is. A value above nothing has at least the lowest bar."""
    if cells <= 0:
        return ""
    folded = fold(values, cells)
    full = scale if scale is not None else max(folded, default=0)
    return "".join(_bar(value, full) for value in folded).rjust(cells)


def fold(values: Sequence[float], places: int) -> list[float]:
    """At most `places` values: each the maximum of an equal share of `values`, in order."""
    count = len(values)
    if count <= places:
        return list(values)
    return [max(values[at * count // places : (at + 1) * count // places]) for at in range(places)]


def _bar(value: float, full: float) -> str:
    if value <= 0:
        return BARS[0]
    levels = len(BARS) - 1
    if value >= full:
        return BARS[levels]
    return BARS[max(1, round(value / full * levels))]
