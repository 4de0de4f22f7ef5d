"""What one value of a term asks of a row's: a text with wildcards, an address or network, a number."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from ipaddress import ip_network
from socket import AF_INET, AF_INET6, inet_pton
from typing import NamedTuple

from smtpwatch.clean import clean
from smtpwatch.query.fields import Field

Said = str | int | float | None
"""One value of a row; None or "": it has none."""
Ask = Callable[[Said], bool]

TEXT = 4_000  # characters of a row's value that are compared

_MAPPED = 0xFFFF << 32  # ::ffff:0:0/96, where IPv4 is among IPv6
_UNITS = {
    "": {},
    "seconds": {"s": 1, "m": 60, "h": 3_600, "d": 86_400},
    "octets": {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "b": 1},
}
_ZEROES = re.compile(r"([.:])(?:0\.)*0?:?\Z")
"""The end of an address before a slash: what the network leaves open, nearly always."""
_NUMBER = re.compile(r"(>=|<=|>|<|=|)(\d{1,18}(?:\.\d{1,9})?)([a-zA-Z]?)", re.ASCII)


class BadValue(ValueError):  # noqa: N818 (a name for what it is)
    """A value that its field cannot have."""

    def __init__(self, why: str, value: Value) -> None:
        super().__init__(why)
        self.value = value


class Value(NamedTuple):
    """A value as typed: `text` without quotes and escapes, `wild` of the same length with `*` and `?` where those
    stand for others; `start` and `end` are offsets in the filter."""

    text: str
    wild: str
    start: int
    end: int
    closed: bool = False
    """It was in quotes, and these were closed: nothing more of it is to come."""

    @property
    def plain(self) -> bool:
        """It has no wildcard."""
        return not self.wild.strip()

    @property
    def begun(self) -> Value:
        """It, and whatever may follow: it is still being typed."""
        return self if self.closed else self._replace(text=self.text + "*", wild=self.wild + "*")


def fold(said: Said) -> str:
    """As it is shown, in one case."""
    return "" if said is None else clean(str(said)[:TEXT]).casefold()


def asks(field: Field, values: Iterable[Value], open_at: Value | None) -> Ask | None:
    """What `field:a,b` asks of each value of a row; None: nothing yet. `open_at` is the value still being typed.

    Raises BadValue."""
    asked: list[Ask] = []
    exact: set[str] = set()
    for each in values:
        opened = each is open_at
        if not each.text and not each.closed:
            if opened:
                continue
            raise BadValue("no value", each)
        value = each if field.spelt is str else _spelt(field, each)
        if not value.text:
            asked.append(_nothing)
        elif field.kind == "number":
            asked += _number(field, value, opened)
        elif field.kind == "address":
            asked.append(_address(value, opened))
        elif field.kind == "words" and value.plain:
            asked.append(_part(fold(value.text)))
        elif opened or not value.plain:
            asked.append(wildcard(value.begun if opened else value))
        else:
            exact.add(fold(value.text))
    if exact:
        asked.append(_one_of(exact))
    if len(asked) < 2:
        return asked[0] if asked else None
    return lambda said: any(ask(said) for ask in asked)


def _spelt(field: Field, value: Value) -> Value:
    text = field.spelt(value.text)
    if text == value.text:
        return value
    wild = value.wild[-len(text) :] if value.text.endswith(text) and text else " " * len(text)
    return value._replace(text=text, wild=wild)


def _nothing(said: Said) -> bool:
    return said is None or said == ""


def _part(folded: str) -> Ask:
    return lambda said: folded in fold(said)


def _one_of(folded: set[str]) -> Ask:
    if len(folded) == 1:
        one = next(iter(folded))
        return lambda said: fold(said) == one
    return lambda said: fold(said) in folded


def wildcard(value: Value) -> Ask:
    """Whether the whole of a row's value is like this one. Parts between stars have a fixed length, and are looked for
    once each, from left to right: no text takes long."""
    parts = [""]
    for char, wild in zip(value.text, value.wild, strict=True):
        if wild == "*":
            parts.append("")
        else:
            parts[-1] += "." if wild == "?" else re.escape(clean(char).casefold())
    *before, last = [re.compile(part, re.DOTALL) for part in (*parts[:-1], parts[-1] + r"\Z")]
    if not before:
        return lambda said: last.match(fold(said)) is not None

    def like(said: Said) -> bool:
        text = fold(said)
        if not text:
            return False
        at = 0
        for number, part in enumerate(before):
            found = part.search(text, at) if number else part.match(text)
            if found is None:
                return False
            at = found.end()
        return last.search(text, at) is not None

    return like


def network(text: str) -> tuple[int, int]:
    """An address or network as a number of 128 bits and how many of these count; IPv4 is where IPv6 has it, so that
    both ways to write an address are one. Raises ValueError."""
    if "/" not in text:
        return _number_of(text), 128
    found = ip_network(text, strict=False)
    more = 96 if found.version == 4 else 0
    return int(found.network_address) + (_MAPPED if more else 0), found.prefixlen + more


def _number_of(address: str) -> int:
    try:
        if ":" in address:
            return int.from_bytes(inet_pton(AF_INET6, address.partition("%")[0]))
        return int.from_bytes(inet_pton(AF_INET, address)) + _MAPPED
    except OSError:
        raise ValueError(address) from None


def _address(value: Value, opened: bool) -> Ask:
    if not value.plain:
        return wildcard(value)
    try:
        prefix, bits = network(value.text)
    except ValueError:
        if not opened:
            raise BadValue("not an address or network", value) from None
        begun = _ZEROES.sub(r"\1", value.text.partition("/")[0]) if "/" in value.text else value.text
        return wildcard(value._replace(text=begun, wild=" " * len(begun), closed=False).begun)
    shift = 128 - bits
    prefix >>= shift

    def within(said: Said) -> bool:
        if not isinstance(said, str) or not said:
            return False
        try:
            number, known = network(said)
        except ValueError:
            return False
        if known < bits or number >> shift != prefix:
            return False
        return bits >= 96 or number >> 32 != 0xFFFF  # ::/0 is all of IPv6, and not IPv4

    return within


def _number(field: Field, value: Value, opened: bool) -> list[Ask]:
    if not value.plain:
        return [wildcard(value)]
    read = _NUMBER.fullmatch(value.text)
    unit = _UNITS[field.unit].get(read[3].lower(), 0) if read is not None and read[3] else 1
    if read is None or not unit:
        if opened:
            return []
        raise BadValue("not a number", value)
    return [_compared(read[1], float(read[2]) * unit)]


def _compared(sign: str, wanted: float) -> Ask:
    def compare(said: Said) -> bool:
        if not isinstance(said, int | float):
            return False
        if sign == ">":
            return said > wanted
        if sign == ">=":
            return said >= wanted
        if sign == "<":
            return said < wanted
        return said <= wanted if sign == "<=" else said == wanted

    return compare
