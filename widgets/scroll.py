"""Panes that scroll: all of it, or a body below a head that stays."""

from typing import ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.strip import Strip

from widgets import ink
from widgets.line_pane import LinePane

WHEEL = 3  # lines that one notch of the mouse wheel moves


class Rolling(LinePane, can_focus=True):
    """The keys and the wheel move `_top`, the first line that is shown; `_page` is how many there are at a time."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "up a line"),
        Binding("down,j", "move(1)", "down a line"),
        Binding("pageup", "page(-1)", "up a page"),
        Binding("pagedown", "page(1)", "down a page"),
        Binding("home", "move(-1000000)", "to the start"),
        Binding("end", "move(1000000)", "to the end"),
    ]

    def __init__(self, id: str) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(id=id)
        self._top = 0
        self._page = 1

    def on_resize(self) -> None:
        """A new size is laid out anew."""
        self._draw()

    def action_move(self, lines: int) -> None:
        """Scroll."""
        self._top = max(0, self._top + lines)
        self._draw()

    def action_page(self, pages: int) -> None:
        """Scroll by what is in sight, less a line to hold on to."""
        self.action_move(pages * max(1, self._page - 1))

    def on_mouse_scroll_down(self) -> None:
        """Wheel."""
        self.action_move(WHEEL)

    def on_mouse_scroll_up(self) -> None:
        """Wheel."""
        self.action_move(-WHEEL)

    def _draw(self) -> None:
        """Paint what is in sight, with `_top` no further down than there is something to show."""
        raise NotImplementedError


class Scroll(Rolling):
    """What is shown comes from `_content`; `legend` stands on the rule between head and body.

    At the body's end it stays at the end."""

    legend = ""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "page(1)", "down a page")]

    def __init__(self, id: str) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(id=id)
        self._follows = True

    def _content(self, cells: int) -> tuple[list[Strip], list[Strip]] | None:
        """Head and body in lines of `cells`; None: nothing to show yet."""
        raise NotImplementedError

    def _head_lines(self, height: int) -> int:
        """As many as the head may take: the body is what one has come for."""
        return (height - 1) // 2

    def action_move(self, lines: int) -> None:
        """Scroll."""
        self._follows = False
        super().action_move(lines)

    def _draw(self) -> None:
        width, height = self.size
        content = self._content(width) if width else None
        if content is None:
            return
        head, said = content
        head = head[: max(1, self._head_lines(height))]
        self._page = max(1, height - len(head) - 1)
        end = max(0, len(said) - self._page)
        self._follows = self._follows or self._top >= end
        self._top = end if self._follows else min(self._top, end)
        rule = Strip([Segment((f"── {self.legend} " if self.legend else "").ljust(width, "─")[:width], ink.FAINT)])
        self.paint([*head, rule, *said[self._top : self._top + self._page]])
