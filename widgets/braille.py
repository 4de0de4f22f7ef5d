"""Curves in braille: two dots across and four up in each cell.

Three textures that differ without colour: a line, an area filled from below, and bars that stand apart.
"""

from collections.abc import Sequence
from typing import Literal

Texture = Literal["line", "area", "bars"]

ACROSS, UP = 2, 4
"""Dots of a cell."""

_FIRST = 0x2800
_LEFT = (0x40, 0x04, 0x02, 0x01)
_RIGHT = (0x80, 0x20, 0x10, 0x08)
"""The dots' bits in the code point, from below (Unicode 15, 21.1)."""


def _bits(dots: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sum(bit for at, bit in enumerate(dots) if column >> at & 1) for column in range(1 << UP))


_LEFT_BITS, _RIGHT_BITS = _bits(_LEFT), _bits(_RIGHT)


def curve(values: Sequence[float | None], full: float, cells: int, lines: int, texture: Texture) -> list[str]:
    """`lines` of `cells`, from the top, that show `values` at equal shares of the width; `full` reaches the top.

    More values than dots are folded by their maximum. None leaves its place empty. A value above nothing has at
    least one dot more than nothing, which is blank, or the lowest dot of a line."""
    if lines <= 0:
        return []
    if texture == "bars":
        levels = [_level(value, full, UP * lines) for value in spread(values, cells)]
        columns = [column for level in levels for column in ((1 << (level or 0)) - 1, 0)]
    elif texture == "area":
        levels = [_level(value, full, UP * lines) for value in spread(values, ACROSS * cells)]
        columns = [(1 << (level or 0)) - 1 for level in levels]
    else:
        columns = _line([_level(value, full, UP * lines - 1) for value in spread(values, ACROSS * cells)])
    return [_text(columns, UP * line) for line in reversed(range(lines))]


def spread(values: Sequence[float | None], places: int) -> list[float | None]:
    """`values` over exactly `places`: each the maximum of its share of them, or several the same value."""
    count = len(values)
    if not count:
        return [None] * places
    spreaded: list[float | None] = []
    for place in range(places):
        start = place * count // places
        share = values[start : max(start + 1, (place + 1) * count // places)]
        spreaded.append(max((value for value in share if value is not None), default=None))
    return spreaded


def _level(value: float | None, full: float, dots: int) -> int | None:
    if value is None:
        return None
    if value <= 0:
        return 0
    return dots if value >= full else max(1, round(value / full * dots))


def _line(levels: Sequence[int | None]) -> list[int]:
    """Each column from the height of the one before it to its own."""
    columns = []
    before: int | None = None
    for level in levels:
        if level is None:
            columns.append(0)
        elif before is None or before == level:
            columns.append(1 << level)
        elif before < level:
            columns.append((2 << level) - (2 << before))
        else:
            columns.append((1 << before) - (1 << level))
        before = level
    return columns


def _text(columns: Sequence[int], above: int) -> str:
    mask = (1 << UP) - 1
    bits = [
        _LEFT_BITS[left >> above & mask] | _RIGHT_BITS[right >> above & mask]
        for left, right in zip(columns[::2], columns[1::2], strict=True)
    ]
    return "".join([chr(_FIRST + each) if each else " " for each in bits])  # a blank is one octet, an empty cell three
