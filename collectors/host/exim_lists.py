"""An Exim's lists, as `exim -bP` tells them and as they are read.

Lists are as Exim's specification has them in its chapters on the configuration file (separators) and on domain, host,
address, and local part lists.
"""

import re
import string
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from collectors.host.trusted_found import Notes, UnreadableError, quoted, run, text_of

LISTS = 10  # named lists read for a setting, each named by another perhaps

_HIDDEN = "<value not displayable>"  # "hide" before it, and we are not root
_NAME = re.compile(r"\w+", re.ASCII)
_ERRORS = ("include_unknown", "ignore_unknown", "include_defer", "ignore_defer")  # "+" before them: no lists
_PUNCTUATION = tuple(string.punctuation)  # what may separate, beside control characters


def values(exim: str, kind: str, *names: str) -> dict[str, str]:
    """What -bP tells of named lists ("+name") of that kind ("hostlist") and of options, by name; what is not there is
    missing. Raises UnreadableError."""
    ran = run(exim, "-bP", *names)
    lines = ran.output.splitlines()
    value = re.compile(rf"(?:{kind} )?(\w+) = ?(.*)", re.ASCII)  # lists of other kinds may have the same name
    told = {match[1]: match[2] for match in map(value.fullmatch, lines) if match is not None}
    if ran.status != 0 and not lines:  # it says of each name that it is not there, and fails as well
        raise UnreadableError(f"{exim}: {ran.complaint}")
    return told


class ListReader(ABC):
    """One setting's list as it is read; what its items mean is for those who inherit it."""

    KIND: ClassVar[str]
    """Of named lists, as in the configuration."""
    NAMED: ClassVar[tuple[str, ...]]
    """Settings that are named lists themselves."""

    def __init__(self, server: str, setting: str, exim: str, found: Notes) -> None:
        self._server = server
        self._setting = setting
        self._exim = exim
        self._notes = found
        self._lists = {setting} if setting in self.NAMED else set()
        """Named lists read already, this one among them."""

    @abstractmethod
    def _item(self, item: str, excluded: bool) -> None:
        """One that is neither list nor file, "!" before it taken off. Raises UnreadableError."""

    def take(self, text: str, excluded: bool = False) -> None:
        """A list, as the configuration has it; `excluded`: it was named with "!"."""
        if text == _HIDDEN:
            self._note("is hidden from all but root")
            return
        for item in items(text):
            outside = item.startswith("!")
            what = item.removeprefix("!").lstrip()
            if outside and excluded:  # what a list leaves out, it does not bring in where it is left out itself
                continue
            try:
                if what.startswith("/"):
                    self._file(what, outside, excluded)
                elif what.startswith("+"):
                    self._named(what[1:], outside or excluded)
                else:
                    self._item(what, outside or excluded)
            except UnreadableError as error:
                self._note(str(error))

    def _named(self, name: str, excluded: bool) -> None:
        """Another list, as "+name"."""
        if name in self._lists or name in _ERRORS:
            return
        if not _NAME.fullmatch(name) or len(self._lists) >= LISTS:
            raise UnreadableError(f"{quoted(f'+{name}')}: not looked up")
        self._lists.add(name)
        told = values(self._exim, self.KIND, f"+{name}")
        if name not in told:
            raise UnreadableError(f"no {self.KIND} {name}")
        self.take(told[name], excluded)

    def _file(self, path: str, outside: bool, excluded: bool) -> None:
        """A file that stands for its lines, with "!" before it (`outside`) for the opposite of each. No list is named
        in it, and no colon doubled."""
        for line in text_of(path).splitlines():
            item = line.partition("#")[0].strip()
            negated = item.startswith("!") != outside
            if not (negated and excluded):
                self._item(item.removeprefix("!").lstrip(), negated or excluded)

    def _note(self, text: str) -> None:
        self._notes.note(self._server, f"{self._setting}: {text}")


def items(text: str) -> Iterator[str]:
    """A list's items. They stand between colons, or what the list's own beginning says ("<;"); two of them in a row are
    one that belongs to the item. What is in braces is computed when mail comes, and never divided."""
    text = text.replace("\\n", "\n").lstrip(" \t")
    separator = ":"
    if text[:1] == "<" and (text[1:2] in _PUNCTUATION or not text[1:2].isprintable()):
        separator, text = text[1:2], text[2:]
    doubled = separator * 2 if separator in _PUNCTUATION else ""  # a line's end is never part of an item
    item, depth, at = "", 0, 0
    while at < len(text):
        char = text[at]
        if depth or char != separator:
            depth = max(0, depth + (char == "{") - (char == "}"))
            item += char
        elif text[at : at + 2] == doubled:
            item += char
            at += 1
        else:
            yield item.strip()
            item = ""
        at += 1
    yield item.strip()
