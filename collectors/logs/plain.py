"""Lines that state no fact, for a screen that shows the log itself. Who only wants facts does without."""

from __future__ import annotations

from functools import partial

from collectors.logs.head import Facts, Head, Parse
from collectors.logs.programs import parser_of
from smtpwatch.events import Event, PlainLine


class Plain:
    """Parsers that keep the lines of mail programs in which they found no fact. `kept` has those since it was last
    emptied; `room` is how many more may be kept (None: all), and what is beyond is counted."""

    def __init__(self, room: int | None = None) -> None:
        self.kept: list[Event] = []
        self.room = room
        self._left_out = 0

    def parser_of(self, program: str) -> Parse | None:
        """As programs.parser_of, but keeping."""
        parse = parser_of(program)
        return None if parse is None else partial(self._parse, parse)

    def _parse(self, parse: Parse, text: str, head: Head) -> Facts:
        facts = parse(text, head)
        if not facts:
            if self.room == 0:
                self._left_out += 1
            else:
                self.kept.append(PlainLine(*head, facts is not None, self._left_out))
                self._left_out = 0
                if self.room is not None:
                    self.room -= 1
        return facts
