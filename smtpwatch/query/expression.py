"""Regular expressions, read into a program that an automaton runs in time linear in the text.

Python's own `re` tries one way after another and knows no timeout: a pattern such as `(a+)+$` may take hours on one
row, while the screen stands still. Here nothing is tried twice; what that cannot do (groups that are referred to,
looking around) is not in the language. Whatever the case: text and pattern are folded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

PROGRAM = 500  # steps of one expression: what is counted, as in x{50}, is written out
REPEATS = 100  # the highest count
NESTING = 20  # of groups

Test = Callable[[str], bool]


class Step(NamedTuple):
    """One step of a program: `test` takes a character and goes on at `then`; without one, an empty step to `then` and,
    if there is one, to `other`, passable where `edge` ("^", "$", "b", "B") holds. `then` None: the text matches."""

    test: Test | None
    then: int | None
    other: int | None = None
    edge: str = ""


Make = Callable[[list[Step], int], int]
"""Writes an expression that goes on at a step; gives the step where it begins."""


class BadExpression(ValueError):  # noqa: N818 (a name for what it is)
    """It cannot be read; the message says why."""


def program(pattern: str) -> tuple[list[Step], int]:
    """The program of `pattern`, and where it begins. Raises BadExpression."""
    reader = _Reader(pattern)
    make = reader.alternatives(0)
    if reader.more:
        raise BadExpression("a ) without its (")
    steps = [Step(None, None)]
    return steps, make(steps, 0)


def word(char: str) -> bool:
    """What `\\w` matches."""
    return char.isalnum() or char == "_"


_CLASSES: dict[str, Test] = {"d": str.isdigit, "w": word, "s": str.isspace}


def _not(test: Test) -> Test:
    return lambda char: not test(char)


def _add(steps: list[Step], step: Step) -> int:
    if len(steps) >= PROGRAM:
        raise BadExpression("too long")
    steps.append(step)
    return len(steps) - 1


def _one(test: Test) -> Make:
    return lambda steps, then: _add(steps, Step(test, then))


def _literal(char: str) -> Make:
    return _sequence([_one(folded.__eq__) for folded in char.casefold()])


def _sequence(parts: list[Make]) -> Make:
    def make(steps: list[Step], then: int) -> int:
        for part in reversed(parts):
            then = part(steps, then)
        return then

    return make


def _either(one: Make, other: Make) -> Make:
    return lambda steps, then: _add(steps, Step(None, one(steps, then), other(steps, then)))


def _edge(edge: str) -> Make:
    return lambda steps, then: _add(steps, Step(None, then, edge=edge))


def _repeat(part: Make, least: int, most: int | None) -> Make:
    def make(steps: list[Step], then: int) -> int:
        if most is None:
            at = _add(steps, Step(None, then))
            steps[at] = Step(None, part(steps, at), then)
            then = at
        else:
            for _ in range(most - least):
                then = _either(part, _sequence([]))(steps, then)
        for _ in range(least):
            then = part(steps, then)
        return then

    return make


class _Reader:
    """Reads a pattern from left to right."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0

    @property
    def more(self) -> str:
        """The next character, "" at the end."""
        return self._pattern[self._at : self._at + 1]

    def _take(self) -> str:
        char = self.more
        self._at += 1
        return char

    def _skip(self, text: str) -> bool:
        there = self._pattern.startswith(text, self._at)
        self._at += len(text) if there else 0
        return there

    def alternatives(self, depth: int) -> Make:
        """`a|b|c`."""
        if depth > NESTING:
            raise BadExpression("too deep")
        make = self._parts(depth)
        while self._skip("|"):
            make = _either(make, self._parts(depth))
        return make

    def _parts(self, depth: int) -> Make:
        parts: list[Make] = []
        while self.more not in ("", "|", ")"):
            parts.append(self._counted(self._part(depth)))
        return _sequence(parts)

    def _part(self, depth: int) -> Make:
        char = self._take()
        if char == "(":
            if self._skip("?") and not self._skip(":"):
                raise BadExpression("only (...) and (?:...) are known")
            make = self.alternatives(depth + 1)
            if not self._skip(")"):
                raise BadExpression("a ( without its )")
            return make
        if char == "[":
            return _one(self._class())
        if char == ".":
            return _one(lambda _: True)
        if char in "^$":
            return _edge(char)
        if char in "*+?":
            raise BadExpression(f"nothing before {char}")
        return self._escaped() if char == "\\" else _literal(char)

    def _escaped(self) -> Make:
        char = self._take()
        if char in ("b", "B"):
            return _edge(char)
        test = self._shorthand(char)
        return _one(test) if test is not None else _literal(char)

    def _shorthand(self, char: str) -> Test | None:
        """The class that `\\` and `char` stand for, None if they stand for the character itself."""
        test = _CLASSES.get(char.lower())
        if test is None:
            if not char or char.isalnum():
                raise BadExpression(f"\\{char} is not known" if char else "ends in \\")
            return None
        return test if char.islower() else _not(test)

    def _class(self) -> Test:
        negated = self._skip("^")
        tests: list[Test] = []
        ranges: list[tuple[str, str]] = []
        while self.more != "]" or not (tests or ranges):
            char = self._take()
            if not char:
                raise BadExpression("a [ without its ]")
            test = self._shorthand(char := self._take()) if char == "\\" else None
            if test is not None:
                tests.append(test)
                continue
            last = char
            if self.more == "-" and self._pattern[self._at + 1 : self._at + 2] not in ("]", ""):
                self._take()
                last = self._take()
                last = self._take() if last == "\\" else last
            if last < char:
                raise BadExpression(f"{char}-{last} is upside down")
            ranges.append((char, last))
        self._take()
        return _of_class(tests, ranges, negated)

    def _counted(self, make: Make) -> Make:
        counts = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(self.more)
        if counts is not None:
            self._take()
        elif self.more == "{":
            counts = self._braces()
        if counts is None:
            return make
        self._skip("?")  # as few as possible: the same texts match
        if self.more in ("*", "+", "?"):
            raise BadExpression(f"a second {self.more}")
        return _repeat(make, *counts)

    def _braces(self) -> tuple[int, int | None] | None:
        """`{2}`, `{2,}`, `{,3}` or `{2,3}`; other braces are only text."""
        inside, closed, _ = self._pattern[self._at + 1 :].partition("}")
        low, comma, high = inside.partition(",")
        if not closed or not (low or high) or not f"{low or 0}{high or 0}".isdecimal():
            return None
        self._at += len(inside) + 2
        least = int(low or 0)
        most = int(high) if high else None if comma else least
        if max(least, most or 0) > REPEATS:
            raise BadExpression(f"more than {REPEATS} times")
        if most is not None and most < least:
            raise BadExpression(f"{{{inside}}} is upside down")
        return least, most


def _of_class(tests: list[Test], ranges: list[tuple[str, str]], negated: bool) -> Test:
    def among(char: str) -> bool:
        for each in {char, char.upper(), char.lower()}:
            if any(low <= each <= high for low, high in ranges) or any(test(each) for test in tests):
                return not negated
        return negated

    return among
