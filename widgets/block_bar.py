"""The line above the foot: what is asked before a block, what was done, and how to take it back."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip

from smtpwatch.clean import clean
from smtpwatch.firewall.words import left
from widgets import ink
from widgets.cells import cut, width, wrap
from widgets.key_lines import keys_line
from widgets.line_pane import LinePane

STAYS = 20.0  # seconds that it is told what was done, and that the key for undo means just that
BRIEFLY = 2.0
LONGEST = 400  # characters of a path that is typed
LINES = 2  # of what was done
INDENT = 14  # cells of what a line of a question is about

Keys = Sequence[tuple[str, str]]
Then = Callable[[str], None]
"""Takes the key that answers a question, or the line that was typed."""


class BlockBar(LinePane, can_focus=True):
    """Nothing, until there is something to say. While it asks it has the focus: every key is an answer."""

    class Asked(Message):
        """It has a question: the keys are to go to it."""

    class Over(Message):
        """The question is answered: the keys go back to where they came from."""

    def __init__(self, id: str) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(id=id)
        self.can_focus = False
        self.display = False
        self._said: list[str] = []
        self._style: Style | None = None
        self._keys: Keys = ()
        self._until = 0.0
        self._ends: float | None = None
        """When what was done ends by itself, where that is counted down."""
        self._now = 0.0
        self._then: Then | None = None
        self._typed: str | None = None
        self._brief = False
        self._later: Callable[[], None] | None = None
        """What came while it asked: it must not be drawn over a question."""
        self._asked: deque[tuple[Sequence[str], Keys, Then]] = deque()
        """Questions that wait."""

    @property
    def asking(self) -> bool:
        """An answer is waited for."""
        return self._then is not None

    @property
    def undoable(self) -> bool:
        """What was done last is still told, and the key for undo is for that."""
        return self.display and not self.asking and "u" in dict(self._keys)

    def tell(self, words: str, style: Style | None = None, keys: Keys = (), seconds: float = 0.0) -> None:
        """Say it for so long, 0: until something else is said; nothing for no words."""
        if self.asking:
            self._later = lambda: self.tell(words, style, keys, seconds)
            return
        self._brief = seconds == BRIEFLY
        self._said, self._style, self._keys, self._ends = [words] if words else [], style, keys, None
        self._until = self._now + seconds if seconds else 0.0
        self._draw()

    def done(self, words: str, keys: Keys = ()) -> None:
        """It went well."""
        self.tell(f"✓ {words}", ink.GOOD, keys, STAYS)

    def fail(self, words: str, keys: Keys = ()) -> None:
        """It did not."""
        self.tell(f"✗ {words}", ink.BAD, keys, STAYS)

    def count_down(self, words: str, keys: Keys, until: float) -> None:
        """It went well, and ends by itself."""
        if self.asking:
            self._later = lambda: self.count_down(words, keys, until)
            return
        self.tell(f"✓ {words}", ink.WARN, keys)
        self._ends = until
        self._draw()

    def ask(self, lines: Sequence[str], keys: Keys, then: Then) -> None:
        """Put a question: the first line, and below it what speaks for and against; `then` gets the key. One after the
        other."""
        if self.asking:
            self._asked.append((lines, keys, then))
            return
        self.tell("")
        self._said, self._keys, self._then = list(lines), keys, then
        self.can_focus = True
        self._draw()
        self.post_message(self.Asked())

    def ask_line(self, question: str, then: Then) -> None:
        """Have a line typed; `then` gets it, "" if it was given up."""
        self._typed = ""
        self.ask([question], (("Enter", "done"), ("Esc", "no")), then)

    def on_key(self, event: events.Key) -> None:
        """An answer, or a part of one."""
        event.stop()
        event.prevent_default()
        if self._typed is not None:
            self._type(event)
        elif event.key != "q":  # one q too many must not end the program while it asks
            self._end(event.key)

    def _type(self, event: events.Key) -> None:
        typed = self._typed or ""
        if event.key in ("enter", "escape"):
            self._end(typed if event.key == "enter" else "")
            return
        if event.key in ("backspace", "ctrl+h"):
            typed = typed[:-1]
        elif event.key == "ctrl+u":
            typed = ""
        elif event.is_printable and event.character is not None:
            typed = (typed + event.character)[:LONGEST]
        self._typed = typed
        self._draw()

    def on_paste(self, event: events.Paste) -> None:
        """Into what is typed."""
        event.stop()
        if self._typed is not None:
            self._typed = (self._typed + " ".join(event.text.split()))[:LONGEST]
            self._draw()

    def _end(self, answered: str) -> None:
        then = self._then
        self._then = self._typed = None
        self.can_focus = False
        self.tell("")
        self.post_message(self.Over())
        if then is not None:
            then(answered)
        if self.asking:
            return
        if self._asked:
            self.ask(*self._asked.popleft())
            return
        later, self._later = self._later, None
        if later is not None and (self._brief or not self._said):
            later()

    def quiet(self) -> None:
        """What was told is over, since something else is said; but not how to take back what was done."""
        if not self.asking and not self._keys:
            self.tell("")

    def look(self, now: float) -> None:
        """What was said long enough goes; what ends by itself counts down."""
        self._now = now
        if self.asking or not self.display:
            return
        if self._ends is not None and now >= self._ends:
            self.tell("it was not kept, and has ended", seconds=STAYS)
        elif self._until and now > self._until:
            self.tell("")
        elif self._ends is not None:
            self._draw()

    def on_resize(self) -> None:
        """As much as fits now."""
        self._draw()

    def _draw(self) -> None:
        strips = list(self._strips_of(self.app.size.width))
        self.display = bool(strips)
        if strips and self.size.height != len(strips):
            self.styles.height = len(strips)
        self.paint(strips)

    def _strips_of(self, cells: int) -> Iterator[Strip]:
        if not self._said:
            return
        if not self.asking:
            yield from self._said_of(cells)
            return
        first, *rest = self._said
        for line in wrap(first, cells):
            yield Strip([Segment(line, ink.STRONG)])
        for line in rest:
            subject, words = (line, "") if width(line) <= cells else (line[:INDENT], line[INDENT:])
            for part in wrap(words, max(1, cells - INDENT)):
                yield Strip([Segment(cut(subject + part, cells))])
                subject = " " * INDENT
        if self._typed is not None:
            yield Strip([Segment("> "), Segment(clean(self._typed)[-(cells - 4) :]), Segment(" ", ink.CURSOR)])
        yield keys_line(self._keys, cells)

    def _said_of(self, cells: int) -> list[Strip]:
        words = self._said[0] if self._ends is None else f"{self._said[0]}; ends in {left(self._ends, self._now)}"
        keys = keys_line(self._keys, cells // 2)
        room = cells - keys.cell_length - 2
        lines = wrap(words, room if room > keys.cell_length else cells)[:LINES]
        strips = [Strip([Segment(line, self._style)]) for line in lines]
        if self._keys:
            strips[-1] = Strip([*strips[-1], Segment("  "), *keys]).simplify()
        return strips
