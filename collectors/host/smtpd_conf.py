"""OpenSMTPD's configuration, smtpd.conf(5), as far as it says whose mail is taken: macros, included files, tables and
match rules. The words are told apart as yylex() in OpenSMTPD's parse.y does it.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from collectors.host.trusted_found import Notes, UnreadableError, quoted, text_of

FILES = 50  # included in one configuration, each by another perhaps

Kind = Literal["word", "string", "mark", "end"]

_TOKEN = re.compile(
    r"""[ \t\r\f\v]+
    | \#[^\n]*
    | (?P<end>\n)
    | "(?P<double>(?:[^"\\]|\\.)*)"
    | '(?P<single>(?:[^'\\]|\\.)*)'
    | \$(?P<macro>\w*)
    | (?P<mark>=>|[(){}<>!=,])
    | (?P<word>[^\s(){}<>!=\#,"'$][^\s(){}<>!=\#,]*)
    | ["'\\]""",  # a quote that is never closed
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(r"\\([\"' \t])")
_OLD = ("accept", "reject")  # rules before OpenSMTPD 6.4
_OPTIONS = frozenset(("for", "from", "auth", "helo", "mail-from", "rcpt-to", "tag", "tls", "action", "reject"))
_WITHOUT_VALUES = ("any", "local", "socket", "tls")
_MAY_HAVE_VALUES = ("auth", "rdns")


class Token(NamedTuple):
    """A word, a quoted string, a mark, or the end of a line."""

    kind: Kind
    text: str


class Values(NamedTuple):
    """What stands for a list: itself, or the name of a table."""

    listed: tuple[str, ...] = ()
    table: str = ""


class Condition(NamedTuple):
    """`what` must hold, or must not where `negated`: "any", "local", "src", "domain", ... and for which values."""

    what: str
    negated: bool = False
    regex: bool = False
    values: Values | None = None


class Match(NamedTuple):
    """A rule. `others` are conditions beside whence and whither, by name: auth, helo, mail-from, rcpt-to, tag, tls."""

    source: Condition
    destination: Condition
    others: dict[str, Condition]
    accepts: bool


class Configuration:
    """What a configuration's text says, and the files that it includes. What cannot be read is a note for `server`."""

    def __init__(self, text: str, server: str, notes: Notes) -> None:
        self.tables: dict[str, Values | str] = {}
        """By name, each with its values or with where they are: "file:/path"."""
        self.rules: list[Match] = []
        self._server = server
        self._notes = notes
        self._macros: dict[str, str] = {}
        self._files = 0
        self._take(text)

    def _take(self, text: str) -> None:
        for line in self._statements(text):
            try:
                self._statement(line)
            except UnreadableError as error:
                self._notes.note(self._server, str(error))

    def _include(self, path: str) -> None:
        """Raises UnreadableError."""
        self._files += 1
        if self._files > FILES:
            raise UnreadableError(f"{quoted(path)}: more than {FILES} files")
        self._take(text_of(path))

    def _statements(self, text: str) -> Iterator[list[Token]]:
        """Lines; what is in braces is one with them."""
        line: list[Token] = []
        depth = 0
        for token in self._tokens(text.replace("\\\n", "") + "\n"):
            if token.kind == "mark":
                depth = max(0, depth + (token.text == "{") - (token.text == "}"))
            if token.kind != "end":
                line.append(token)
            elif depth == 0 and line:
                yield line
                line = []
        if line:  # braces that were never closed
            yield line

    def _tokens(self, text: str, expanding: bool = False) -> Iterator[Token]:
        for match in _TOKEN.finditer(text):
            kind = match.lastgroup
            if kind is None:
                continue
            found = match[kind]
            if kind in ("double", "single"):
                yield Token("string", _ESCAPED.sub(r"\1", found))
            elif kind == "macro":
                if not expanding:
                    yield from self._macro(found)
            else:
                yield Token(kind, found)  # type: ignore[arg-type]

    def _macro(self, name: str) -> Iterator[Token]:
        if name in self._macros:
            yield from self._tokens(self._macros[name], True)
        else:
            self._notes.note(self._server, f"macro {quoted(name)} is not defined")

    def _statement(self, line: list[Token]) -> None:
        """Raises UnreadableError for what is not understood, or is a file that cannot be read."""
        first, *rest = line
        if len(rest) == 2 and rest[0] == ("mark", "="):
            self._macros[first.text] = rest[1].text
        elif first == ("word", "include") and rest:
            self._include(rest[0].text)
        elif first == ("word", "table") and len(rest) > 1:
            values = _Reader(rest[1:]).values() if rest[1] == ("mark", "{") else None
            where = rest[1].text
            self.tables[rest[0].text] = values or (where if ":" in where else f"file:{where}")
        elif first == ("word", "match"):
            self.rules.append(_Reader(rest).match())
        elif first.kind == "word" and first.text in _OLD:
            raise UnreadableError(f"has rules as before OpenSMTPD 6.4 ({quoted(first.text)}), which are not read")


class _Reader:
    """The words of one statement, one after the other. What is asked of it raises UnreadableError where they end or are
    none that smtpd.conf(5) knows."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def _peek(self) -> Token:
        return self._tokens[self._at] if self._at < len(self._tokens) else Token("end", "")

    def _next(self) -> Token:
        token = self._peek()
        if token.kind == "end":
            raise UnreadableError(f"{quoted(self._text())}: not understood")
        self._at += 1
        return token

    def _text(self) -> str:
        return "match " + " ".join(token.text for token in self._tokens)

    def match(self) -> Match:
        """What follows "match"."""
        source = destination = Condition("local")  # "this is the default, and may be omitted"
        others: dict[str, Condition] = {}
        while True:
            negated = self._peek() == ("mark", "!")
            if negated:
                self._next()
            word = self._next()
            if word.kind != "word" or word.text not in _OPTIONS:
                raise UnreadableError(f"{quoted(self._text())}: not understood")
            if word.text in ("action", "reject"):
                return Match(source, destination, others, word.text == "action")
            condition = self._condition(word.text, negated)
            # "from auth" is "from any auth", "for rcpt-to" likewise: parse.y
            if word.text == "from" and condition.what in ("auth", "mail-from"):
                source = Condition("any")
                others[condition.what] = condition
            elif word.text == "from":
                source = condition
            elif condition.what == "rcpt-to":
                destination = Condition("any") if word.text == "for" else destination
                others[condition.what] = condition
            elif word.text == "for":
                destination = condition
            else:
                others[condition.what] = condition

    def _condition(self, option: str, negated: bool) -> Condition:
        what = self._next().text if option in ("from", "for") else option
        if what in _WITHOUT_VALUES:
            return Condition(what, negated)
        regex = self._peek() == ("word", "regex")
        if regex:
            self._next()
        if what in _MAY_HAVE_VALUES and not self._values_follow():
            return Condition(what, negated)
        return Condition(what, negated, regex, self.values())

    def _values_follow(self) -> bool:
        token = self._peek()
        if token.kind == "mark":
            return token.text in ("{", "<")
        return token.kind == "string" or (token.kind == "word" and token.text not in _OPTIONS)

    def values(self) -> Values:
        """A value, some in braces, or a table's name. (Mappings are of no use in rules.)"""
        first = self._next()
        if first == ("mark", "<"):
            name = self._next().text
            self._next()
            return Values(table=name)
        if first != ("mark", "{"):
            return Values((first.text,))
        listed: list[str] = []
        while (token := self._next()) != ("mark", "}"):
            if token.kind != "mark":
                listed.append(token.text)
        return Values(tuple(listed))
