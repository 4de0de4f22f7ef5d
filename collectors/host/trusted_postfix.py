"""Which networks a Postfix trusts: mynetworks, and the proxies that may speak for other clients.

Lists are as postconf(5) has them under mynetworks: "pattern matched left to right, !pattern, /file/name, type:table";
tables as cidr_table(5) and postmap(1) have them. What is excluded by "!" is left out as a pattern only: a network
around it still counts as trusted, which errs towards blocking too little.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from collectors.host.mta import Mta
from collectors.host.trusted_found import Found, UnreadableError, network_of, quoted, run, text_of

SETTINGS = ("mynetworks", "smtpd_authorized_xclient_hosts", "smtpd_authorized_xforward_hosts")

# Those that postmap(1) makes from a text of the same name; some it cannot list again (cdb).
INDEXED = ("hash", "btree", "lmdb", "cdb", "dbm", "sdbm")
SOURCES = 50  # files and tables read for a setting, each named by another perhaps

_AsNetwork = Callable[[str], IPv4Network | IPv6Network | None]
_VALUE = re.compile(r"([^\s=]{1,256}) = ?(.*)", re.ASCII)  # a line of postconf(1)
_CONDITION = re.compile(r"(?:end)?if(?![0-9A-Za-z])", re.IGNORECASE)  # cidr_table(5); no pattern of its own


def read(mta: Mta, found: Found) -> None:
    """What `mta` trusts, as postconf(1) beside its postqueue(1) tells it. Raises UnreadableError."""
    programs = Path(mta.command[0]).parent
    where = ("-c", mta.instance) if mta.instance else ()
    postconf = (str(programs / "postconf"), *where, "-x")
    # A service of master.cf may have its own, as "-o mynetworks=": postconf names it service/type/mynetworks.
    for asked in (SETTINGS, ("-P", *(f"*/*/{name}" for name in SETTINGS))):
        for setting, value in _values(*postconf, *asked).items():
            _List(mta.name, setting, (str(programs / "postmap"), *where), found).take(value)


def _values(*command: str) -> dict[str, str]:
    """What postconf(1) tells, by name. Raises UnreadableError."""
    ran = run(*command)
    if ran.status != 0:
        raise UnreadableError(f"{command[0]}: {ran.complaint}")
    lines = map(_VALUE.fullmatch, ran.output.splitlines())
    return {match[1]: match[2] for match in lines if match is not None}


class _List:
    """One setting's list as it is read."""

    def __init__(self, server: str, setting: str, postmap: tuple[str, ...], found: Found) -> None:
        self._server = server
        self._setting = setting
        self._postmap = postmap
        self._found = found
        self._sources: set[tuple[str, bool]] = set()
        """Files and tables read already: a file may name others, and itself."""

    def take(self, text: str, excluded: bool = False) -> None:
        """A list, from a value or a file's line; `excluded`: the file was named with "!"."""
        for item in _items(text):
            pattern = item.lstrip("!")
            outside = excluded != bool((len(item) - len(pattern)) % 2)
            try:
                if pattern.startswith("/"):
                    self._file(pattern, outside)
                elif not outside:
                    self._pattern(pattern)
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

    def _pattern(self, pattern: str) -> None:
        if ":" in pattern and not pattern.startswith("["):  # match_list(3): also an IPv6 address without brackets
            self._table(pattern)
        else:
            self._networks([pattern], "")

    def _table(self, table: str) -> None:
        if not self._is_new(table, False):
            return
        kind, _, name = table.removeprefix("proxy:").partition(":")
        if name.startswith("{") or kind not in ("cidr", "texthash", *INDEXED):
            known = network_of(table, strict=False)
            why = "IPv6 needs brackets" if known else "a table of this type cannot be listed"
            raise UnreadableError(f"{quoted(table)}: {why}")
        if kind == "cidr":
            self._networks(_cidr_patterns(text_of(name)), f"{table}: ")
        elif kind == "texthash":
            self._addresses(_keys(text_of(name)), f"{table}: ")
        else:
            self._addresses(self._indexed(f"{kind}:{name}", name), f"{table}: ")

    def _indexed(self, table: str, source: str) -> Iterable[str]:
        """Keys of an indexed table, as postmap(1) lists them, else of the text it was made from. Raises
        UnreadableError, with what postmap has to say."""
        try:
            ran = run(*self._postmap, "-s", table)
            if ran.status == 0:
                return [line.partition("\t")[0] for line in ran.output.splitlines()]
            why = f"{self._postmap[0]}: {ran.complaint}"
        except UnreadableError as error:
            why = str(error)
        try:
            return _keys(text_of(source))
        except UnreadableError:
            raise UnreadableError(f"{quoted(table)}: {why}") from None

    def _networks(self, patterns: Iterable[str], place: str) -> None:
        """Those in a list or a CIDR table."""
        self._all(patterns, lambda pattern: network_of(_bare(pattern), strict=True), place, "no network to Postfix")

    def _addresses(self, keys: Iterable[str], place: str) -> None:
        """Keys of a table in which Postfix looks up an address as it is written: a network there matches nothing."""
        self._all(keys, lambda key: None if "/" in key else network_of(key, strict=True), place, "no address")

    def _all(self, patterns: Iterable[str], as_network: _AsNetwork, place: str, otherwise: str) -> None:
        """Add those that are networks; of the others the first is told, and how many there are."""
        others, first = 0, ""
        for pattern in patterns:
            network = as_network(pattern)
            if network is not None:
                self._found.add(self._server, self._setting, network)
                continue
            others, first = others + 1, first or pattern
        if others:
            more = f" and {others - 1:,} more" if others > 1 else ""
            self._note(f"{place}{quoted(first)}{more}: {otherwise}")

    def _note(self, text: str) -> None:
        self._found.note(self._server, f"{self._setting}: {text}")


def _items(text: str) -> Iterator[str]:
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


def _bare(pattern: str) -> str:
    """Without the brackets of "[address]/length" or "[address/length]"."""
    if not pattern.startswith("["):
        return pattern
    address, _, length = pattern[1:].partition("]")
    return address + length


def _keys(text: str) -> Iterator[str]:
    """What the logical lines of a table's text begin with; a line that begins with white space continues another."""
    return (line.split(None, 1)[0] for line in text.splitlines() if line[:1].strip() and line[0] != "#")


def _cidr_patterns(text: str) -> Iterator[str]:
    """The patterns of a CIDR table. One with "!" matches all else and is given with it, so that it is told: all else
    is no network."""
    return (key for key in _keys(text) if not _CONDITION.match(key))
