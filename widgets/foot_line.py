"""The last line: the keys of the pane in sight, or the filter while one is typed or in force."""

from collections.abc import Sequence

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip

from smtpwatch.clean import clean
from widgets import ink
from widgets.cells import cut, width
from widgets.key_lines import keys_line
from widgets.line_pane import LinePane

FILTER_MAX = 200  # characters


class FootLine(LinePane, can_focus=True):
    """While it has the focus, what is typed goes into the filter.

    It does not repaint itself when it is typed into: whoever filters tells it what came of it (`look`)."""

    class Typed(Message):
        """The filter has changed to `text`."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Done(Message):
        """Typing is over; what was typed stays."""

    class Dropped(Message):
        """Typing is over, and the filter is to go."""

    def __init__(self, id: str) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(id=id)
        self.text = ""
        """The filter, as typed."""
        self._keys: Sequence[tuple[str, str]] = ()
        self._count = ""
        self._note = ""

    def look(self, keys: Sequence[tuple[str, str]], count: str, note: str) -> None:
        """Show `keys`; with a filter, the filter and `count` before them; a `note` goes before all."""
        self._keys, self._count, self._note = keys, count, note
        self._draw()

    def on_resize(self) -> None:
        """As much as fits now."""
        self._draw()

    def on_focus(self) -> None:
        """Typing begins, once Textual's own handler has been here."""
        self.call_later(self._draw)

    def on_blur(self) -> None:
        """Typing is over, likewise."""
        self.call_later(self._draw)

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "enter":
            self.post_message(self.Done())
        elif event.key == "escape":
            self.post_message(self.Dropped())
        elif event.key in ("backspace", "ctrl+h"):
            self._type(self.text[:-1])
        elif event.key == "ctrl+w":
            self._type(self.text.rstrip().rpartition(" ")[0])
        elif event.key == "ctrl+u":
            self._type("")
        elif event.is_printable and event.character is not None:
            self._type(self.text + event.character)
        else:
            return
        event.stop()
        event.prevent_default()

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        self._type(self.text + " ".join(event.text.split()))

    def _type(self, text: str) -> None:
        self.text = text[:FILTER_MAX]
        self.post_message(self.Typed(self.text))

    def _draw(self) -> None:
        cells = self.size.width
        if self.has_focus:
            tail = [("Enter", "keep"), ("Esc", "clear")]
            shown = [Segment("/", ink.STRONG), Segment(self._tail(cells // 2)), Segment(" ", ink.CURSOR)]
        elif self.text:
            tail = list(self._keys)
            shown = [Segment(cut(f"/{clean(self.text)}", cells // 2), ink.CURSOR)]
        else:
            tail = list(self._keys)
            shown = [Segment(self._note, ink.STRONG)] if self._note else []
        if self.text:
            shown.append(Segment(f"  {self._count}"))
        if shown:
            shown.append(Segment("  "))
        left = cells - sum(width(segment.text) for segment in shown)
        self.paint([Strip([*shown, *keys_line(tail, left)]).simplify()])

    def _tail(self, cells: int) -> str:
        """The end of what is typed, where the typing happens."""
        text = clean(self.text)
        while width(text) > cells:
            text = text[1:]
        return text
