"""Which networks an Exim trusts: its named list relay_from_hosts, and the proxies in hosts_proxy.

The list's name is only a custom, of Debian's configuration as of Exim's own; what else an ACL may say is not known.
Lists are as Exim's specification has them in its chapters on the configuration file (separators) and on domain, host,
address, and local part lists. What is excluded by "!" is left out as an item only: a network around it still counts as
trusted, which errs towards blocking too little.
"""

import re
import string
from collections.abc import Iterator
from ipaddress import ip_network

from collectors.host.mta import Mta
from collectors.host.trusted_found import Found, UnreadableError, network_of, quoted, run, text_of

NAMED = "relay_from_hosts"
OPTION = "hosts_proxy"  # not known where Exim was built without the PROXY protocol: then there are none

LISTS = 10  # named lists read for a setting, each named by another perhaps

_VALUE = re.compile(r"(?:hostlist )?(\w+) = ?(.*)", re.ASCII)  # what -bP writes; a domainlist may have the same name
_HIDDEN = "<value not displayable>"  # "hide" before it, and we are not root
_NAME = re.compile(r"\w+", re.ASCII)
_OWN = ("@", "@[]")  # this host's name, its addresses
_ERRORS = ("include_unknown", "ignore_unknown", "include_defer", "ignore_defer")  # "+" before them: no lists
_PUNCTUATION = tuple(string.punctuation)  # what may separate, beside control characters
_EVERY = ("0.0.0.0/0", "::/0")  # what "*" is


def read(mta: Mta, found: Found) -> None:
    """What `mta` trusts, as its own `-bP` tells it. Raises UnreadableError."""
    exim = mta.command[0]
    values = _values(exim, f"+{NAMED}", OPTION)
    for setting in (NAMED, OPTION):
        if setting in values:
            _List(mta.name, setting, exim, found).take(values[setting])
    if NAMED not in values:
        found.note(mta.name, f"has no hostlist {NAMED}: which networks it trusts is not known")


def _values(exim: str, *names: str) -> dict[str, str]:
    """What -bP tells of host lists and options, by name; what is not there is missing. Raises UnreadableError."""
    ran = run(exim, "-bP", *names)
    lines = ran.output.splitlines()
    values = {match[1]: match[2] for match in map(_VALUE.fullmatch, lines) if match is not None}
    if ran.status != 0 and not lines:  # it says of each name that it is not there, and fails as well
        raise UnreadableError(f"{exim}: {ran.complaint}")
    return values


class _List:
    """One setting's list as it is read."""

    def __init__(self, server: str, setting: str, exim: str, found: Found) -> None:
        self._server = server
        self._setting = setting
        self._exim = exim
        self._found = found
        self._lists = {NAMED} if setting == NAMED else set()
        """Named lists read already, this one among them."""

    def take(self, text: str) -> None:
        """A list, as the configuration has it."""
        if text == _HIDDEN:
            self._note("is hidden from all but root")
            return
        for item in items(text):
            excluded = item.startswith("!")
            what = item.removeprefix("!").lstrip()
            try:
                if what.startswith("/"):
                    self._file(what, excluded)
                elif excluded:
                    continue
                elif what.startswith("+"):
                    self._named(what[1:])
                else:
                    self._item(what)
            except UnreadableError as error:
                self._note(str(error))

    def _named(self, name: str) -> None:
        """Another list, as "+name"."""
        if name in self._lists or name in _ERRORS:
            return
        if not _NAME.fullmatch(name) or len(self._lists) >= LISTS:
            raise UnreadableError(f"{quoted(f'+{name}')}: not looked up")
        self._lists.add(name)
        values = _values(self._exim, f"+{name}")
        if name not in values:
            raise UnreadableError(f"no hostlist {name}")
        self.take(values[name])

    def _file(self, path: str, excluded: bool) -> None:
        """A file that stands for its lines, with "!" before it for the opposite of each. No list is named in it, and no
        colon doubled."""
        for line in text_of(path).splitlines():
            item = line.partition("#")[0].strip()
            if item.startswith("!") == excluded:
                self._item(item.removeprefix("!").lstrip())

    def _item(self, item: str) -> None:
        """One that is trusted, and neither list nor file."""
        if not item or item in _OWN:  # an empty one is mail from this host's own programs
            return
        network = network_of(item, strict=False)  # Exim compares as many bits as the length says
        if network is not None:
            self._found.add(self._server, self._setting, network)
        elif item == "*":
            for every in _EVERY:
                self._found.add(self._server, self._setting, ip_network(every))
        else:
            self._note(f"{quoted(item)}: neither address nor network")

    def _note(self, text: str) -> None:
        self._found.note(self._server, f"{self._setting}: {text}")


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
