"""A pane that draws its own lines and repaints only those that changed, and of these only up to the last change.

Terminal octets are a budget: a line that stays costs none, and what is right of the last change is not sent again.
"""

from itertools import zip_longest

from rich.cells import cell_len
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget


def changed_cells(old: Strip, new: Strip) -> int:
    """How many cells from the left have to be sent to turn line `old` into `new`, which are of one width."""
    cells = new.cell_length
    for before, after in zip(reversed(old), reversed(new), strict=False):
        if before.style != after.style:
            break
        if before.text == after.text:
            cells -= after.cell_length
            continue
        same = _common_end(before.text, after.text)
        cells -= cell_len(after.text[len(after.text) - same :])
        break
    return cells


def _common_end(one: str, other: str) -> int:
    shorter = min(len(one), len(other))
    return next((at for at in range(shorter) if one[-1 - at] != other[-1 - at]), shorter)


class LinePane(Widget):
    """Shows the strips last given to `paint`."""

    def __init__(self, id: str) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(id=id)
        self._strips: list[Strip] = []

    def paint(self, strips: list[Strip]) -> None:
        """Show `strips`, one per line from the top; refreshes what differs from what is shown."""
        width, height = self.size
        lines = [strip.adjust_cell_length(width) for strip in strips[:height]]
        blank = Strip.blank(width)
        for y, (old, new) in enumerate(zip_longest(self._strips, lines, fillvalue=blank)):
            if old.cell_length != width:
                self.refresh(Region(0, y, width, 1))
            elif old != new:
                self.refresh(Region(0, y, changed_cells(old, new), 1))
        self._strips = lines

    def render_line(self, y: int) -> Strip:
        """Textual's line API."""
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width)

    @property
    def lines(self) -> list[str]:
        """The text that is shown."""
        return [strip.text for strip in self._strips]
