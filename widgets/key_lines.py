"""The foot of the screen and the help: which keys there are, read off the bindings themselves."""

from collections.abc import Iterable
from itertools import zip_longest

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.strip import Strip

from smtpwatch.query import TABLE
from widgets import ink
from widgets.cells import cut, fill, width, wrap
from widgets.scroll import Scroll

KEY_CELLS = 14
BODY = 4  # lines that are left for what scrolls below the keys

NAMES = {
    "enter": "Enter",
    "escape": "Esc",
    "backspace": "Bksp",
    "space": "Space",
    "slash": "/",
    "question_mark": "?",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "up": "Up",
    "down": "Down",
    "left": "Left",
    "right": "Right",
    "tab": "Tab",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
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


def help_lines(groups: Iterable[tuple[str, Iterable[BindingType]]], cells: int) -> list[Strip]:
    """Every binding under its group's name, two in a line of `cells`."""
    strips: list[Strip] = []
    for name, bindings in groups:
        strips.append(Strip([Segment(name, ink.STRONG)]))
        told = [each for each in bindings if isinstance(each, Binding)]
        half = (len(told) + 1) // 2
        for pair in zip_longest(told[:half], told[half:]):
            strips.append(Strip([part for binding in pair if binding for part in _key(binding, cells // 2)]))
    return strips


def _key(binding: Binding, cells: int) -> list[Segment]:
    key = fill("  " + key_name(binding.key), KEY_CELLS)
    return [Segment(key, ink.STRONG), Segment(fill(binding.description, cells - KEY_CELLS))]


def keys_of(widget: type[DOMNode]) -> list[Binding]:
    """All bindings of a kind of widget that are to be shown, its own first; where two have one key, its own."""
    found: dict[str, Binding] = {}
    for kind in widget.__mro__:
        if kind.__module__.startswith("textual"):
            break
        for binding in vars(kind).get("BINDINGS", ()):
            if isinstance(binding, Binding):
                found.setdefault(binding.key, binding)
    return [binding for binding in found.values() if binding.show]


class Help(Scroll):
    """Every key of the groups last told, notes, and the filter's fields."""

    legend = "PgDn for more"

    def __init__(self, notes: Iterable[str], id: str) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(id=id)
        self._groups: tuple[tuple[str, Iterable[BindingType]], ...] = ()
        self._notes = tuple(notes)

    def tell(self, groups: Iterable[tuple[str, Iterable[BindingType]]]) -> None:
        """Show these, from the top."""
        self._groups = tuple(groups)
        self._top, self._follows = 0, False
        self._draw()

    def _content(self, cells: int) -> tuple[list[Strip], list[Strip]] | None:
        body = help_lines(self._groups[1:], cells)
        for note in self._notes:
            body += [Strip([Segment(line)]) for line in wrap(note, cells)]
        for field in TABLE:
            name, meaning = fill(f"  {field.name}:", KEY_CELLS), cut(field.meaning, cells - KEY_CELLS)
            body.append(Strip([Segment(name, ink.STRONG), Segment(meaning)]))
        return help_lines(self._groups[:1], cells), body

    def _head_lines(self, height: int) -> int:
        return height - 1 - BODY
