"""The last line: the keys of the pane in sight, or the filter while one is typed or in force."""

from collections.abc import Callable, Collection, Iterable, Sequence

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip

from smtpwatch.clean import clean
from smtpwatch.query import Fault, sift
from widgets import ink
from widgets.cells import ELLIPSIS, cut, width
from widgets.key_lines import keys_line
from widgets.line_pane import LinePane
from widgets.typed_line import TypedLine

FILTER_KEYS = (("Enter", "keep"), ("Esc", "clear"), ("Tab", "complete"))
KEYS_CELLS = 23  # of the first two, with the gap before them
HINTS_CELLS = 16  # less than that tells nothing: then rather no keys

WRONG = ink.BAD + Style(underline=True)
CROSS = "✗"


class FootLine(LinePane, can_focus=True):
    """While it has the focus, what is typed goes into the filter.

    It does not repaint itself when it is typed into: whoever filters tells it what came of it (`look`)."""

    class Typed(Message):
        """The filter has changed to `text`, which is being typed at `cursor`; or only the cursor has moved."""

        def __init__(self, text: str, cursor: int) -> None:
            super().__init__()
            self.text = text
            self.cursor = cursor

    class Done(Message):
        """Typing is over; what was typed stays."""

    class Dropped(Message):
        """Typing is over, and the filter is to go."""

    def __init__(self, id: str) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(id=id)
        self._line = TypedLine()
        self._keys: Sequence[tuple[str, str]] = ()
        self._count = ""
        self._note = ""
        self._remark = ""
        self._over = False
        """Typing is over, though the focus has not moved yet."""
        line = self._line
        self._acts: dict[str, Callable[[], None]] = {
            "backspace": lambda: line.erase(before=1),
            "ctrl+h": lambda: line.erase(before=1),
            "delete": lambda: line.erase(after=1),
            "ctrl+w": line.erase_word,
            "ctrl+u": lambda: line.put("", 0),
            "left": lambda: line.move(-1),
            "right": lambda: line.move(1),
            "home": lambda: line.move(-line.cursor),
            "ctrl+a": lambda: line.move(-line.cursor),
            "end": lambda: line.move(len(line.text)),
            "ctrl+e": lambda: line.move(len(line.text)),
            "up": lambda: line.recall(-1),
            "down": lambda: line.recall(1),
            "tab": line.tab,
            "shift+tab": lambda: line.tab(-1),
        }

    @property
    def text(self) -> str:
        """The filter, as typed."""
        return self._line.text

    @text.setter
    def text(self, text: str) -> None:
        self._line.text = text

    @property
    def cursor(self) -> int | None:
        """Where the filter is being typed; None when it is not."""
        return self._line.cursor if self.has_focus and not self._over else None

    @property
    def history(self) -> list[str]:
        """The filters that were kept, the latest last."""
        return self._line.history

    @history.setter
    def history(self, history: list[str]) -> None:
        self._line.history = history

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is wrong with the filter."""
        return sift(self.text, self.cursor).faults

    def offer(self, values: Callable[[str], Iterable[str]], fields: Collection[str]) -> None:
        """Complete `fields` and, by `values(field)`, what rows have of one, the most common first (Rows.values,
        Rows.fields)."""
        self._line.seen, self._line.fields = values, fields

    def look(self, keys: Sequence[tuple[str, str]], count: str, note: str, remark: str = "") -> None:
        """Show `keys`, and before them a `note`; with a filter, the filter and `count`, then the note or a `remark`."""
        self._keys, self._count, self._note, self._remark = keys, count, note, remark
        self._draw()

    def on_resize(self) -> None:
        """As much as fits now."""
        self._draw()

    def on_focus(self) -> None:
        """Typing begins, once Textual's own handler has been here."""
        self._over = False
        self.call_later(self._draw)

    def on_blur(self) -> None:
        """Typing is over, likewise."""
        self.call_later(self._draw)

    async def _on_key(self, event: events.Key) -> None:
        act = self._acts.get(event.key)
        if event.key == "enter":
            self._line.keep()
            self._over = True
            self.post_message(self.Done())
        elif event.key == "escape":
            self._over = True
            self.post_message(self.Dropped())
        elif act is not None:
            act()
            self._typed()
        elif event.is_printable and event.character is not None:
            self._line.insert(event.character)
            self._typed()
        else:
            return
        event.stop()
        event.prevent_default()

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        self._line.insert(" ".join(event.text.split()))
        self._typed()

    def _typed(self) -> None:
        self.post_message(self.Typed(self.text, self._line.cursor))

    def _draw(self) -> None:
        cells = self.size.width
        faults = self.faults if self.text else ()
        typing = self.cursor is not None
        tail: Sequence[tuple[str, str]] = FILTER_KEYS if typing else self._keys
        if typing:
            shown = [Segment("/", ink.STRONG), *_typing(self.text, self._line.cursor, faults, cells // 2)]
        elif self.text:
            shown = [Segment(cut(f"/{clean(self.text)}", cells // 2), ink.CURSOR)]
        else:
            shown = [Segment(self._note, ink.STRONG)] if self._note else []
        if self.text:
            shown.append(Segment(f"  {self._count}"))
        left = cells - _width(shown) - 2
        if faults:
            shown += [Segment("  "), Segment(cut(f"{CROSS} {clean(faults[0].why)}", left), ink.BAD)]
        elif hints := self._hints(left - KEYS_CELLS if left - KEYS_CELLS >= HINTS_CELLS else left) if typing else []:
            shown += hints
        elif self.text and (self._note or self._remark):
            said, style = (self._note, ink.STRONG) if self._note else (self._remark, ink.FAINT)
            shown += [Segment("  "), Segment(cut(said, left), style)]
        if shown:
            shown.append(Segment("  "))
        keys = keys_line(tail, max(0, cells - _width(shown)))
        self.paint([Strip([*shown, *keys]).simplify()])

    def _hints(self, cells: int) -> list[Segment]:
        """The candidates, as many as fit whole; the one that is in the line stands out, and is in sight."""
        found, chosen = self._line.offered
        words = [clean(each) for each in found.candidates]
        first = 0
        if chosen is not None:
            while first < chosen and sum(width(word) + 1 for word in words[first : chosen + 1]) > cells:
                first += 1
        segments: list[Segment] = []
        for at, word in enumerate(words[first:], first):
            cells -= width(word) + 1
            if cells < 0:
                break
            gap = " " if segments else "  "
            segments.append(Segment(f"{gap}{word}", ink.STRONG if at == chosen else ink.FAINT))
        return segments


def _width(segments: list[Segment]) -> int:
    return sum(width(segment.text) for segment in segments)


def _typing(text: str, cursor: int, faults: Iterable[Fault], cells: int) -> list[Segment]:
    """What is typed in at most `cells` cells, the cursor in sight, what is wrong marked by its style and a cross."""
    wrong = {at for fault in faults for at in range(fault.start, fault.end)}
    starts = {fault.start for fault in faults}
    shown: list[Segment] = []
    place = 0
    for at, char in enumerate(f"{text} "):
        if at in starts:
            shown.append(Segment(CROSS, ink.BAD))
        if at == cursor:
            place = len(shown)
        if at < len(text) or at == cursor:
            shown.append(Segment(clean(char), ink.CURSOR if at == cursor else WRONG if at in wrong else None))
    first = 0
    while first < place and _width(shown[first : place + 1]) + (first > 0) > cells:
        first += 1
    last = place + 1
    while last < len(shown) and _width(shown[first : last + 1]) + (first > 0) < cells:
        last += 1
    before = [Segment(ELLIPSIS)] if first else []
    return [*before, *shown[first:last], *([Segment(ELLIPSIS)] if last < len(shown) else [])]
