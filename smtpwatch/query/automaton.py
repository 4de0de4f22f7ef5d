"""Runs a regular expression over a text: one look-up for each character, whatever the expression.

The automaton is made while it is needed, state by state, and forgotten when it grows too large.
"""

from __future__ import annotations

from typing import Literal

from smtpwatch.query.expression import Step, program, word

TEXT = 4_000  # characters of one text that are searched: some 0.2 ms
TRANSITIONS = 20_000  # remembered; some 2 MB. Normal text needs a few hundred

Before = Literal["start", "word", "other"]


class _State(dict[str, "_State"]):
    """Where each character leads from here: `steps` may be next, `before` is what stands before them."""

    __slots__ = ("automaton", "before", "steps")

    def __init__(self, automaton: Automaton, steps: frozenset[int], before: Before) -> None:
        super().__init__()
        self.automaton, self.steps, self.before = automaton, steps, before

    def __missing__(self, char: str) -> _State:
        following = self.automaton.follow(self, char)
        self[char] = following
        return following


class Automaton:
    """The automaton of `pattern`. Raises expression.BadExpression."""

    def __init__(self, pattern: str) -> None:
        self._steps, self._first = program(pattern)
        self._states: dict[tuple[frozenset[int], Before], _State] = {}
        self._transitions = 0
        self._found = _State(self, frozenset(), "other")
        self._start = self._state(frozenset((self._first,)), "start")

    def search(self, text: str) -> bool:
        """Whether the expression matches anywhere in `text` (case folded), as far as TEXT."""
        state, found = self._start, self._found
        for char in text[:TEXT]:
            state = state[char]
            if state is found:
                return True
        return self._reached(state, "") is None

    def follow(self, state: _State, char: str) -> _State:
        """The state after `char`."""
        if self._transitions >= TRANSITIONS:
            self._forget()
        self._transitions += 1
        reached = self._reached(state, char)
        if reached is None:
            return self._found
        steps = {step.then for step in reached if step.test is not None and step.test(char)}
        following = frozenset(at for at in steps if at is not None) | {self._first}  # it may begin anywhere
        return self._state(following, "word" if word(char) else "other")

    def _state(self, steps: frozenset[int], before: Before) -> _State:
        key = steps, before
        state = self._states.get(key)
        if state is None:
            state = self._states[key] = _State(self, steps, before)
        return state

    def _forget(self) -> None:
        for state in self._states.values():
            state.clear()
        self._states = {(self._start.steps, self._start.before): self._start}
        self._transitions = 0

    def _reached(self, state: _State, char: str) -> list[Step] | None:
        """The steps that can be taken where `char` is next ("" the end); None: the text matches by then."""
        edges = _edges(state.before, char)
        waiting, seen = list(state.steps), set(state.steps)
        reached: list[Step] = []
        while waiting:
            step = self._steps[waiting.pop()]
            if step.then is None:
                return None
            if step.test is not None:
                reached.append(step)
                continue
            if step.edge and step.edge not in edges:
                continue
            for at in (step.then, step.other):
                if at is not None and at not in seen:
                    seen.add(at)
                    waiting.append(at)
        return reached


def _edges(before: Before, char: str) -> str:
    """The edges that there are between what stands before and `char`."""
    at_word = (before == "word") is not (char != "" and word(char))
    return f"{'^' if before == 'start' else ''}{'' if char else '$'}{'b' if at_word else 'B'}"
