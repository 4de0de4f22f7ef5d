"""The colours of a theme: what stands for bad, odd and good on the admin's terminal."""

from collections.abc import Mapping
from functools import lru_cache

from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

PALETTES: Mapping[str, Mapping[str, str]] = {
    "terminal": {},
    # Yellow cannot be read on white.
    "light": {"yellow": "color(94)", "green": "color(22)", "red": "color(124)"},
    # Blue and orange are told apart by all who cannot tell red from green (Okabe and Ito, 2008).
    "safe": {"red": "color(208)", "yellow": "color(220)", "green": "color(39)"},
}
"""By theme, what is shown in place of the colours of ink.py. Numbers are of the 256 that terminals agree on."""


class Palette(LineFilter):
    """Shows the colours of one theme."""

    def __init__(self, theme: str) -> None:
        super().__init__()
        changed = {name: RichColor.parse(colour) for name, colour in PALETTES[theme].items()}

        @lru_cache(1_000)
        def repaint(style: Style) -> Style:
            colour = changed.get(style.color.name) if style.color is not None else None
            return style if colour is None else style + Style(color=colour)

        self._repaint = repaint

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Textual's line filter."""
        return [
            Segment(text, self._repaint(style) if style is not None else None, control)
            for text, style, control in segments
        ]
