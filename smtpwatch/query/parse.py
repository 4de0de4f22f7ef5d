"""The filter language, read: `src:203.0.113.0/24 !tls:1.3 from:*@example.com /regex/ plain words`.

A term is `field:value`, `field:one,other`, `/regex/`, or a word that is looked for in what the row shows; `!` before it
leaves out what it matches. Quotes hold values with spaces; a backslash takes its meaning from `* ? " , \\`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import NamedTuple

from smtpwatch.query.automaton import Automaton
from smtpwatch.query.expression import BadExpression
from smtpwatch.query.fields import FIELDS, OTHERWISE
from smtpwatch.query.values import Ask, BadValue, Value, asks, fold, network

LONGEST = 2_000  # characters of a filter that are read; the foot line takes fewer
SHOWS = ""
"""In place of a field: all that the row shows."""

_NAME = re.compile(r"([A-Za-z][A-Za-z0-9_-]*):")
_SPECIAL = '*?"\\,'


class Token(NamedTuple):
    """One term as typed: `start` and `end` in the filter; `body` begins after a `!`; `whole`: its regex or quotes are
    closed."""

    start: int
    body: int
    end: int
    whole: bool


class Fault(NamedTuple):
    """What is wrong with the characters from `start` to `end` of the filter."""

    start: int
    end: int
    why: str


class Term(NamedTuple):
    """What one term asks of the values of `field`, or of all that a row shows (SHOWS)."""

    start: int
    end: int
    field: str
    exclude: bool
    ask: Ask


class Wrong(Exception):  # noqa: N818 (a name for what it is)
    """A term that cannot be read."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.why)
        self.fault = fault


def tokens(text: str) -> Iterator[Token]:
    """The terms of `text`, in order."""
    at, end = 0, min(len(text), LONGEST)
    while at < end:
        if text[at].isspace():
            at += 1
            continue
        body = at + (text[at] == "!")
        stop, whole = _expression_end(text, body) if text[body : body + 1] == "/" else _term_end(text, body)
        yield Token(at, body, stop, whole)
        at = stop


def _expression_end(text: str, at: int) -> tuple[int, bool]:
    """A regex ends with a slash that is not escaped, before a space or at the end."""
    place = at + 1
    while place < len(text):
        if text[place] == "\\":
            place += 1
        elif text[place] == "/" and (place + 1 == len(text) or text[place + 1].isspace()):
            return place + 1, place > at + 1
        place += 1
    return len(text), False


def _term_end(text: str, at: int) -> tuple[int, bool]:
    """A term ends with a space outside of quotes; these begin where a value does."""
    named = _NAME.match(text, at)
    begins = named.end() if named else at
    place, quoted = begins, False
    while place < len(text):
        char = text[place]
        if quoted:
            quoted = char != '"'
            place += char == "\\"
        elif char.isspace():
            break
        elif char == '"' and (place == begins or (named and text[place - 1] == ",")):
            quoted = True
        elif char == "\\" and text[place + 1 : place + 2] in tuple(_SPECIAL):
            place += 1
        place += 1
    return min(place, len(text)), not quoted


def values(text: str, start: int, end: int, several: bool = True) -> list[Value]:
    """The values between `start` and `end`: with `several`, those that commas part."""
    found: list[Value] = []
    place = begins = start
    chars: list[str] = []
    wild: list[str] = []
    quoted = closed = False
    while place <= end:
        char = text[place] if place < end else ""
        if char == "\\" and text[place + 1 : place + 2] in tuple(_SPECIAL) and place + 1 < end:
            place += 1
            chars.append(text[place])
            wild.append(" ")
        elif place == end or (char == "," and several and not quoted):
            found.append(Value("".join(chars), "".join(wild), begins, place, closed))
            chars, wild, closed = [], [], False
            begins = place + 1
        elif char == '"' and (quoted or place == begins):
            quoted, closed = not quoted, quoted
        else:
            chars.append(char)
            wild.append(char if char in "*?" else " ")
        place += 1
    return found


def named(text: str, token: Token) -> re.Match[str] | None:
    """The field that a term names, known or not; an IPv6 address and the like name none."""
    match = _NAME.match(text, token.body, token.end)
    if match is not None and match[1].casefold() not in FIELDS:
        try:
            network(text[token.body : token.end])
        except ValueError:
            return match
        return None
    return match


def term(text: str, token: Token, cursor: int | None) -> Term | None:
    """What a term asks, None for nothing (yet); the one that the `cursor` is in is not complete. Raises Wrong."""
    opened = cursor is not None and token.start < cursor <= token.end
    exclude = token.body > token.start
    match = named(text, token)
    try:
        if match is not None:
            return _field(text, token, match, cursor if opened else None)
        ask = _shown(text, token, opened)
    except Wrong:
        if opened:
            return None
        raise
    return None if ask is None else Term(token.start, token.end, SHOWS, exclude, ask)


def _shown(text: str, token: Token, opened: bool) -> Ask | None:
    """A regex or a word."""
    if text[token.body : token.body + 1] == "/":
        return _expression(text, token, opened)
    if not token.whole and not opened:
        raise Wrong(Fault(token.start, token.end, f'{text[token.start : token.end]}: no closing "'))
    quoted = text[token.body : token.body + 1] == '"'
    word = values(text, token.body, token.end, several=False)[0].text if quoted else text[token.body : token.end]
    wanted = fold(word)
    return (lambda said: wanted in str(said)) if wanted else None


def _expression(text: str, token: Token, opened: bool) -> Ask | None:
    pattern = text[token.body + 1 : token.end - token.whole]
    if not token.whole and not opened:
        why = "no closing /" if pattern.strip("/") else "nothing between the slashes"
        raise Wrong(Fault(token.start, token.end, f"{text[token.start : token.end]}: {why}"))
    try:
        search = Automaton(pattern.replace("\\/", "/")).search
    except BadExpression as why:
        raise Wrong(Fault(token.start, token.end, f"{text[token.start : token.end]}: {why}")) from None
    return (lambda said: search(str(said))) if pattern else None


def _field(text: str, token: Token, match: re.Match[str], cursor: int | None) -> Term | None:
    name = match[1].casefold()
    if name not in FIELDS:
        raise Wrong(Fault(match.start(), match.end(), f"{match[1]}: {_no_such(name)}"))
    if not token.whole and cursor is None:
        raise Wrong(Fault(token.start, token.end, f'{text[token.start : token.end]}: no closing "'))
    every = values(text, match.end(), token.end)
    open_at = next((each for each in every if cursor is not None and each.start <= cursor <= each.end), None)
    try:
        ask = asks(FIELDS[name], every, open_at)
    except BadValue as why:
        value = why.value
        said = f"{name}:{text[value.start : value.end]}".removesuffix(":")
        raise Wrong(Fault(match.start(), value.end, f"{said}: {why}")) from None
    return None if ask is None else Term(token.start, token.end, name, token.body > token.start, ask)


def _no_such(name: str) -> str:
    close = OTHERWISE.get(name) or next(iter(get_close_matches(name, FIELDS, 1, 0.5)), "")
    return f"no such field; {close}?" if close else "no such field; put a word with a colon in quotes"
