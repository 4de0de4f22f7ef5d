"""A Postfix's settings that are lists, as they are read: their values, files and tables.

Lists are as postconf(5) has them under mynetworks: "pattern matched left to right, !pattern, /file/name, type:table";
tables as cidr_table(5) and postmap(1) have them.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from collectors.host.mta import Mta
from collectors.host.trusted_found import TEXT_MAX, Notes, UnreadableError, network_of, quoted, run, text_of

# Those that postmap(1) makes from a text of the same name; some it cannot list again (cdb).
INDEXED = ("hash", "btree", "lmdb", "cdb", "dbm", "sdbm")
SOURCES = 50  # files and tables read for a setting, each named by another perhaps

_VALUE = re.compile(r"([^\s=]{1,256}) = ?(.*)", re.ASCII)  # a line of postconf(1)
_CONDITION = re.compile(r"(?:end)?if(?![0-9A-Za-z])", re.IGNORECASE)  # cidr_table(5); no pattern of its own


def program(mta: Mta, name: str) -> tuple[str, ...]:
    """The program of that name beside the postqueue(1) of `mta`, as it is called for that instance."""
    where = ("-c", mta.instance) if mta.instance else ()
    return (str(Path(mta.command[0]).parent / name), *where)


def settings_of(mta: Mta, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The values of these settings, with what they refer to, by name. A service of master.cf may have its own, as
    "-o mynetworks=": postconf(1) names it service/type/mynetworks. Raises UnreadableError."""
    postconf = (*program(mta, "postconf"), "-x")
    for asked in (tuple(names), ("-P", *(f"*/*/{name}" for name in names))):
        yield from _values(*postconf, *asked)


def _values(*command: str) -> Iterator[tuple[str, str]]:
    """What postconf(1) tells, each with its name. Raises UnreadableError."""
    ran = run(*command)
    if ran.status != 0:
        raise UnreadableError(f"{command[0]}: {ran.complaint}")
    lines = map(_VALUE.fullmatch, ran.output.splitlines())
    return ((match[1], match[2]) for match in lines if match is not None)


class ListReader(ABC):
    """One setting's list as it is read; what its items mean is for those who inherit it."""

    MOST = TEXT_MAX
    """Octets of a table that are read."""

    def __init__(self, server: str, setting: str, postmap: tuple[str, ...], found: Notes) -> None:
        self._server = server
        self._setting = setting
        self._postmap = postmap
        self._notes = found
        self._sources: set[tuple[str, bool]] = set()
        """Files and tables read already: a file may name others, and itself."""

    @abstractmethod
    def _items(self, patterns: Iterable[str], place: str, excluded: bool) -> None:
        """Patterns of the list, or of a CIDR table: `place` is that, for a note, else ""."""

    @abstractmethod
    def _keys(self, keys: Iterable[str], place: str, excluded: bool) -> None:
        """The keys of a table in which Postfix looks things up as they are written."""

    def take(self, text: str, excluded: bool = False) -> None:
        """A list, from a value or a file's line; `excluded`: the file was named with "!"."""
        for item in items(text):
            pattern = item.lstrip("!")
            outside = excluded != bool((len(item) - len(pattern)) % 2)
            try:
                if pattern.startswith("/"):
                    self._file(pattern, outside)
                else:
                    self._pattern(pattern, outside)
            except UnreadableError as error:
                self._note(str(error))

    def _file(self, path: str, excluded: bool) -> None:
        """A file of lists: each line is one, but for comments."""
        if not self._is_new(path, excluded):
            return
        for line in text_of(path).splitlines():
            if not line.lstrip().startswith("#"):
                self.take(line, excluded)

    def _is_new(self, source: str, excluded: bool) -> bool:
        """Whether a file or table was not read yet. Raises UnreadableError if they are too many."""
        if (source, excluded) in self._sources:
            return False
        if len(self._sources) >= SOURCES:
            raise UnreadableError(f"{quoted(source)}: more than {SOURCES} files and tables")
        self._sources.add((source, excluded))
        return True

    def _pattern(self, pattern: str, excluded: bool) -> None:
        """Neither list nor file. Raises UnreadableError."""
        if ":" in pattern and not pattern.startswith("["):  # match_list(3): also an IPv6 address without brackets
            self._table(pattern, excluded)
        else:
            self._items([pattern], "", excluded)

    def _table(self, table: str, excluded: bool) -> None:
        if not self._is_new(table, excluded):
            return
        kind, _, name = table.removeprefix("proxy:").partition(":")
        if name.startswith("{") or kind not in ("cidr", "texthash", *INDEXED):
            known = network_of(table, strict=False)
            why = "IPv6 needs brackets" if known else "a table of this type cannot be listed"
            raise UnreadableError(f"{quoted(table)}: {why}")
        if kind == "cidr":
            self._items(_cidr_patterns(text_of(name, self.MOST)), f"{table}: ", excluded)
        elif kind == "texthash":
            self._keys(_keys(text_of(name, self.MOST)), f"{table}: ", excluded)
        else:
            self._keys(self._indexed(f"{kind}:{name}", name), f"{table}: ", excluded)

    def _indexed(self, table: str, source: str) -> Iterable[str]:
        """Keys of an indexed table, as postmap(1) lists them, else of the text it was made from. Raises
        UnreadableError, with what postmap has to say."""
        try:
            ran = run(*self._postmap, "-s", table, most=self.MOST)
            if ran.status == 0:
                return [line.partition("\t")[0] for line in ran.output.splitlines()]
            why = f"{self._postmap[0]}: {ran.complaint}"
        except UnreadableError as error:
            why = str(error)
        self._notes.troubled = True
        try:
            return _keys(text_of(source, self.MOST))
        except UnreadableError:
            raise UnreadableError(f"{quoted(table)}: {why}") from None

    def _note(self, text: str) -> None:
        self._notes.note(self._server, f"{self._setting}: {text}")


def items(text: str) -> Iterator[str]:
    """A list's items; what is in braces is one, whatever is in it (as `inline:{a=b, c=d}`)."""
    item, depth = "", 0
    for char in f"{text} ":
        if depth == 0 and char in ", \t\r\n":
            if item:
                yield item
            item = ""
            continue
        depth = max(0, depth + (char == "{") - (char == "}"))
        item += char
    if item:  # braces that were never closed
        yield item.rstrip()


def _keys(text: str) -> Iterator[str]:
    """What the logical lines of a table's text begin with; a line that begins with white space continues another."""
    return (line.split(None, 1)[0] for line in text.splitlines() if line[:1].strip() and line[0] != "#")


def _cidr_patterns(text: str) -> Iterator[str]:
    """The patterns of a CIDR table. One with "!" matches all else and is given with it, so that it is told: all else
    is no network."""
    return (key for key in _keys(text) if not _CONDITION.match(key))
