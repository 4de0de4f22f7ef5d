"""The foot of the screen and the help: which keys there are, read off the bindings themselves."""

from collections.abc import Iterable
from itertools import zip_longest

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.strip import Strip

from widgets import ink
from widgets.cells import fill, width, wrap
from widgets.line_pane import LinePane

KEY_CELLS = 14

NAMES = {
    "enter": "Enter",
    "escape": "Esc",
    "space": "Space",
    "slash": "/",
    "question_mark": "?",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "up": "Up",
    "down": "Down",
    "home": "Home",
    "end": "End",
    "ctrl+p": "Ctrl+P",
}


def key_name(key: str) -> str:
    """A binding's key as it is printed on the keyboard; of several, all."""
    return " ".join(NAMES.get(each, each) for each in key.split(","))


def keys_line(keys: Iterable[tuple[str, str]], cells: int) -> Strip:
    """`Enter open  / filter ...`: as many (key, word) pairs as fit whole."""
    segments: list[Segment] = []
    left = cells
    for key, word in keys:
        left -= width(key) + 1 + width(word) + (2 if segments else 0)
        if left < 0:
            break
        segments += [Segment("  ")] if segments else []
        segments += [Segment(key, ink.STRONG), Segment(" " + word)]
    return Strip(segments).simplify()


def help_lines(groups: Iterable[tuple[str, Iterable[BindingType]]], notes: Iterable[str], cells: int) -> list[Strip]:
    """Every binding under its group's name, two in a line, then notes, wrapped to `cells`: 80x24 must do for all."""
    strips: list[Strip] = []
    for name, bindings in groups:
        strips.append(Strip([Segment(name, ink.STRONG)]))
        told = [each for each in bindings if isinstance(each, Binding)]
        half = (len(told) + 1) // 2
        for pair in zip_longest(told[:half], told[half:]):
            strips.append(Strip([part for binding in pair if binding for part in _key(binding, cells // 2)]))
    strips.append(Strip([]))
    for note in notes:
        strips += [Strip([Segment(line)]) for line in wrap(note, cells)]
    return strips


def _key(binding: Binding, cells: int) -> list[Segment]:
    key = fill("  " + key_name(binding.key), KEY_CELLS)
    return [Segment(key, ink.STRONG), Segment(fill(binding.description, cells - KEY_CELLS))]


class Help(LinePane, can_focus=True):
    """Every key of `groups` of bindings, and `notes`."""

    def __init__(self, groups: Iterable[tuple[str, Iterable[BindingType]]], notes: Iterable[str], id: str) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(id=id)
        self._groups, self._notes = tuple(groups), tuple(notes)

    def on_resize(self) -> None:
        """Shown, or of another size."""
        self.paint(help_lines(self._groups, self._notes, self.size.width))
