"""The log's rows: the latest lines in their order, the newest last."""

from bisect import bisect_left
from collections.abc import Hashable, Iterator

from smtpwatch.state.lines import Line, Lines
from widgets.log_columns import COLUMNS
from widgets.log_fields import FIELDS
from widgets.rows import Key, Rows
from widgets.sieve import LOOKS

_KIND = "line"


def _number(line: Line) -> int:
    return line.number


class LogView(Rows[Line]):
    """Rows of lines. A line does not change once the next has come: the filter looks at each of them once."""

    newest_on_top = False

    def __init__(self, lines: Lines) -> None:
        super().__init__(COLUMNS, FIELDS)
        self._lines = lines
        self._passed: list[Line] | None = None
        """Those that have passed the filter, None without one."""
        self._looked = 0
        """The number of the first line that the filter has not looked at."""
        self._waiting = 0
        self.turns = 0
        """How often a filter has made the rows others."""

    def key(self, row: Line) -> Key:
        """Its number."""
        return _KIND, row.number

    def _stamp(self, row: Line) -> Hashable:
        return len(row.facts)

    def _there(self) -> int:
        return len(self._lines)

    def _find(self, key: Key) -> Line | None:
        return self._lines.get(int(key[1]))

    def _still(self, row: Line) -> Line:
        return row

    def _in_order(self) -> Iterator[Line]:
        return iter(self._lines)

    def _slice(self, start: int, stop: int) -> list[Line]:
        return self._lines.window(start, stop)

    @property
    def pending(self) -> int:
        """Lines that the filter has not looked at yet."""
        return self._waiting

    def filter(self, typed: str, cursor: int | None = None) -> None:
        """Show only lines that pass."""
        before = self._sieve
        super().filter(typed, cursor)
        if self._sieve is not before:
            self.turns += 1
            self._anew()

    def freeze(self, around: int) -> int:
        """Stand still."""
        above = super().freeze(around)
        self._anew()
        return above

    def thaw(self) -> None:
        """Follow the log again."""
        super().thaw()
        self._anew()

    def _anew(self) -> None:
        self._passed, self._looked, self._waiting = None, 0, 0

    def settle(self, now: float) -> None:
        """Look at the lines that are new to the filter, as many as there is time for."""
        self.now = now
        if self._sieve is None:
            self._listed = self._passed = None
            return
        passed = self._passed if self._passed is not None else []
        if self._frozen is None:
            gone = bisect_left(passed, self._lines.first, key=_number)
            if gone:
                del passed[:gone]
            new = list(self._lines.since(max(self._looked, self._lines.first)))
        else:
            new = [line for line in self._frozen.values() if line.number >= self._looked]
        part = new[:LOOKS]
        while passed and passed[-1].number >= self._looked:
            passed.pop()
        if part:
            passed += self._sieve.passed(part)
            # The latest line is looked at again: more of its facts may come.
            self._looked = min(part[-1].number + 1, self._lines.end - 1)
        self._waiting = len(new) - len(part)
        self._listed = self._passed = passed

    def place(self, number: int) -> int:
        """The row of the line with that number, or of the first one after it."""
        if self._listed is not None:
            return bisect_left(self._listed, number, key=_number)
        if self._frozen is not None:
            return bisect_left(list(self._frozen.values()), number, key=_number)
        return min(max(0, number - self._lines.first), len(self._lines))

    def row_of(self, key: Key, near: int) -> int | None:
        """The row that the line with `key` is in."""
        row = self.place(int(key[1]))
        there = self.at(row)
        return row if there is not None and there.number == key[1] else None
