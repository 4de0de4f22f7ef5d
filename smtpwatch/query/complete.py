"""What the word at the cursor may become."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from itertools import islice
from typing import NamedTuple

from smtpwatch.query.fields import FIELDS, OTHERWISE, TABLE
from smtpwatch.query.parse import named, tokens
from smtpwatch.query.parse import values as read_values
from smtpwatch.query.values import fold
from smtpwatch.query.write import quoted

MOST = 30  # candidates: more than the foot line has room for
LOOKED_AT = 1_000  # values that are looked at for them


class Completion(NamedTuple):
    """`candidates` for the characters from `start` to `end`, the likeliest first."""

    start: int
    end: int
    candidates: tuple[str, ...]

    def filled(self, text: str, number: int) -> tuple[str, int]:
        """`text` with that candidate in it, and where the cursor is then."""
        chosen = self.candidates[number]
        return text[: self.start] + chosen + text[self.end :], self.start + len(chosen)


def complete(
    text: str, cursor: int, seen: Callable[[str], Iterable[str]], fields: Collection[str] = FIELDS.keys()
) -> Completion:
    """Candidates for what stands before `cursor`: `fields` where a term begins, after `field:` its values. `seen` gives
    those that rows have, the most common first; fields of few values know theirs besides."""
    token = next((each for each in tokens(text) if each.start < cursor <= each.end), None)
    if token is None:
        return Completion(cursor, cursor, tuple(f"{each.name}:" for each in TABLE if each.name in fields))
    if cursor < token.body or text[token.body : token.body + 1] in ("/", '"'):
        return Completion(cursor, cursor, ())
    match = named(text, token)
    if match is None or cursor < match.end():
        begun = text[token.body : cursor].casefold()
        end = cursor if match is None else match.end()
        return Completion(token.body, end, tuple(_names(begun, fields)))
    name = match[1].casefold()
    if name not in FIELDS:
        return Completion(match.start(), match.end(), tuple(_names(name, fields)))
    value = next(each for each in read_values(text, match.end(), token.end) if each.start <= cursor <= each.end)
    if value.closed:
        return Completion(cursor, cursor, ())
    (begun_value, *_) = read_values(text, value.start, cursor, several=False)
    return Completion(value.start, value.end, tuple(_values(name, fold(begun_value.text), seen)))


def _names(begun: str, fields: Collection[str]) -> list[str]:
    names = [each.name for each in TABLE if each.name in fields and each.name.startswith(begun)]
    meant = OTHERWISE.get(begun)
    return [f"{name}:" for name in ([meant, *names] if meant in fields and meant not in names and meant else names)]


def _values(name: str, begun: str, seen: Callable[[str], Iterable[str]]) -> list[str]:
    every = dict.fromkeys(each for each in (*islice(seen(name), LOOKED_AT), *FIELDS[name].values) if each)
    first = [each for each in every if fold(each).startswith(begun)]
    if begun:
        first += [each for each in every if begun in fold(each) and not fold(each).startswith(begun)]
    written = [quoted(each) for each in first]
    return list(dict.fromkeys(written))[:MOST]
