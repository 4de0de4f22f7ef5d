"""A line of text being typed: cursor, history, completion. Draws nothing."""

from collections.abc import Callable, Collection, Iterable

from smtpwatch.query import FIELDS, Completion, complete

LONGEST = 500  # characters: some ten terms
HISTORY = 50  # lines that are remembered


def nothing(field: str) -> Iterable[str]:
    """No row tells of any value."""
    return ()


class TypedLine:
    """`text`, with the cursor before character `cursor`. `history` has what was typed before, the latest last.

    `seen` gives the values that rows have of a field, the most common first; `fields` are those to be offered."""

    def __init__(self) -> None:
        self.history: list[str] = []
        self.seen: Callable[[str], Iterable[str]] = nothing
        self.fields: Collection[str] = FIELDS.keys()
        self._text = ""
        self.cursor = 0
        self._recalled: int | None = None
        """Place in the history, None while the line is one's own."""
        self._draft = ""
        self._cycle: tuple[Completion, int, str] | None = None
        """What Tab goes round, which of it is in, and the line that it is put into."""

    @property
    def text(self) -> str:
        """The whole line."""
        return self._text

    @text.setter
    def text(self, text: str) -> None:
        self.put(text, len(text))
        self._recalled = None

    def put(self, text: str, cursor: int) -> None:
        """Another line, and where the cursor is in it."""
        self._text = text
        self.cursor = max(0, min(cursor, len(text)))
        self._cycle = None

    def insert(self, text: str) -> None:
        """At the cursor, as much as there is room for."""
        text = text[: max(0, LONGEST - len(self._text))]
        self.put(self._text[: self.cursor] + text + self._text[self.cursor :], self.cursor + len(text))

    def erase(self, before: int = 0, after: int = 0) -> None:
        """That many characters before and after the cursor."""
        start = max(0, self.cursor - before)
        self.put(self._text[:start] + self._text[self.cursor + after :], start)

    def erase_word(self) -> None:
        """The word before the cursor."""
        kept = self._text[: self.cursor].rstrip().rpartition(" ")[0]
        self.erase(before=self.cursor - len(kept))

    def move(self, characters: int) -> None:
        """The cursor; a completion is taken with it."""
        self.put(self._text, self.cursor + characters)

    def keep(self) -> None:
        """Remember the line; what is remembered already moves to the end."""
        line = self._text.strip()
        if line:
            if line in self.history:
                self.history.remove(line)
            self.history.append(line)
            del self.history[:-HISTORY]
        self._recalled = None

    def recall(self, lines: int) -> None:
        """Go back (-1) or on (1) in the history, and at its end to what was being typed."""
        if self._recalled is None:
            self._draft = self._text
        at = (len(self.history) if self._recalled is None else self._recalled) + lines
        if not 0 <= at <= len(self.history):
            return
        line = self._draft if at == len(self.history) else self.history[at]
        self.put(line, len(line))
        self._recalled = None if at == len(self.history) else at

    @property
    def offered(self) -> tuple[Completion, int | None]:
        """What Tab chooses from, and which of it is in the line."""
        if self._cycle is not None:
            return self._cycle[0], self._cycle[1]
        return complete(self._text, self.cursor, self.seen, self.fields), None

    def tab(self, by: int = 1) -> None:
        """Put the next candidate in, or the one before."""
        found, current = self.offered
        if not found.candidates:
            return
        into = self._text if self._cycle is None else self._cycle[2]
        chosen = (current + by if current is not None else 0 if by > 0 else -1) % len(found.candidates)
        self.put(*found.filled(into, chosen))
        if len(found.candidates) > 1:
            self._cycle = found, chosen, into
