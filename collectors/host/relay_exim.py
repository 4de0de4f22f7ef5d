"""Which domains an Exim takes mail for: its named lists local_domains and relay_to_domains.

Their names are only a custom, of Debian's configuration as of Exim's own; what else an ACL may say is not known. Items
are as Exim's specification has them in its chapter on domain, host, address, and local part lists; of look-ups those
that can be listed are: a file's lines (lsearch) and a directory's names (dsearch).
"""

import os
import re
from collections.abc import Iterator
from itertools import islice

from collectors.host.exim_lists import ListReader, items, values
from collectors.host.mta import Mta
from collectors.host.relay_found import DOMAINS, TABLE_MAX, Domains, literal, own_addresses
from collectors.host.trusted_found import UnreadableError, quoted, text_of

LISTS = ("local_domains", "relay_to_domains")
NAME = "primary_hostname"

_LOOKUP = re.compile(r"([ld]search)(?:,ret=full)?;\s*(/.*)")
_DOMAIN = re.compile(r"[^\s*^$@/:;!+{}]+")
_KEY = re.compile(r'"([^"\\]*)"|([^\s:"#][^\s:]*)')  # what a line of an lsearch file begins with; "#" is a comment


def read(mta: Mta, domains: Domains) -> None:
    """What `mta` takes mail for from anyone, as its own `-bP` tells it. Raises UnreadableError."""
    exim = mta.command[0]
    told = values(exim, _List.KIND, *(f"+{name}" for name in LISTS), NAME)
    for setting in LISTS:
        if setting in told:
            _List(mta.name, setting, exim, domains, told.get(NAME, "")).take(told[setting])
        else:
            domains.note(mta.name, f"has no domainlist {setting}: which domains it takes mail for is not known")


class _List(ListReader):
    """One list as it is read; `name` is the host's, as Exim knows it."""

    KIND = "domainlist"
    NAMED = LISTS

    def __init__(self, server: str, setting: str, exim: str, domains: Domains, name: str) -> None:
        super().__init__(server, setting, exim, domains)
        self._domains = domains
        self._name = name
        self._out: set[str] = set()
        """Domains that were excluded before they came: the first match counts."""

    def take(self, text: str, excluded: bool = False) -> None:
        super().take(text, excluded)
        *_, last = items(text)
        if last.startswith("!") and not excluded:
            self._note(f"ends with {quoted(last)}: what is not excluded is taken, whatever it is")

    def _item(self, item: str, excluded: bool) -> None:
        for domain in self._meant(item):
            if excluded:
                self._out.add(domain.lower())
            elif domain.lower() not in self._out:
                self._domains.add(self._server, self._setting, domain)

    def _meant(self, item: str) -> Iterator[str]:
        """The domains that an item stands for. Raises UnreadableError where they cannot be listed."""
        lookup = _LOOKUP.fullmatch(item)
        if lookup is not None:
            yield from _keys(lookup[2]) if lookup[1] == "lsearch" else _names(lookup[2])
        elif item == "@" and self._name:
            yield self._name
        elif item == "@[]":
            yield from map(literal, own_addresses())
        elif item.startswith("*.") and _DOMAIN.fullmatch(item[2:]):
            yield item[1:]
        elif _DOMAIN.fullmatch(item):
            yield item
        elif item:
            raise UnreadableError(f"{quoted(item)}: which domains that is cannot be told")


def _keys(path: str) -> Iterator[str]:
    """Those of a file that is searched line by line. Raises UnreadableError."""
    for line in text_of(path, TABLE_MAX).splitlines():
        key = _KEY.match(line)
        if key is not None:
            domain = key[1] or key[2]
            if domain and not domain.startswith("."):  # which no domain does, so that none finds it
                yield domain


def _names(path: str) -> Iterator[str]:
    """Those in a directory, one more than can be told at most. Raises UnreadableError."""
    try:
        with os.scandir(path) as entries:
            names = [entry.name for entry in islice(entries, DOMAINS + 1)]
    except (OSError, ValueError) as error:  # ValueError: an octet of zero
        raise UnreadableError(f"{quoted(path)}: {getattr(error, 'strerror', None) or error}") from None
    yield from sorted(name for name in names if not name.startswith("."))
