"""Blocks in a table of our own, `inet smtpwatch`, written and read as JSON: nft(8), libnftables-json(5).

The table has a hash set for each family, length and choice of ports that is in use (`smtp4_24`: IPv4 networks of 24
bits, on the ports of mail), and one rule for each set, which looks the masked source up in it. Not one interval set, as
nft merges intervals that touch, though each has its own end and its own counter, and reads the whole set for each that
is added: 1 s at 100,000, here 4 ms. Networks may lie in one another: the narrowest that holds a packet counts it.

The hook is prerouting, before conntrack and before everything else that filters: no other table can accept what is
dropped here, and what goes to containers passes by too. A change is one transaction of the kernel; it names nothing but
our own table. Ports of mail are only added while anything stands, since they are those of every console here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_address, ip_network
from itertools import groupby
from typing import Any

import msgspec

from smtpwatch.firewall.backend import BackendError, Change, Entry, Held, Kind, Wanted, kind, kinds, lines_of
from smtpwatch.firewall.block import Scope
from smtpwatch.firewall.prefixes import Network
from smtpwatch.firewall.tool import ToolError, find, run

TABLE = {"family": "inet", "table": "smtpwatch"}
PRIORITY = -310  # raw is -300: before conntrack, so that a flood of dropped packets fills no table
PORTS = "ports"
SCOPES: tuple[Scope, ...] = ("smtp", "all")
_BITS = {4: 32, 6: 128}
_PAYLOAD = {4: "ip", 6: "ip6"}

Json = dict[str, Any]


class _Counter(msgspec.Struct):
    """Of one element, since it was put there."""

    packets: int
    bytes: int


class _Told(msgspec.Struct):
    """An element with more to it than its address."""

    val: str
    expires: float | None = None
    comment: str = ""
    counter: _Counter | None = None


class _Element(msgspec.Struct):
    elem: _Told


class _Set(msgspec.Struct):
    elem: list[str | _Element] = []


class _Ports(msgspec.Struct):
    elem: list[int] = []


class _Named(msgspec.Struct):
    name: str


class _Listed(msgspec.Struct):
    nftables: list[dict[str, msgspec.Raw]]


# Typed, as a hundred thousand elements take a third of the time and the room that dicts take.
_LISTED, _NAMED, _SET = msgspec.json.Decoder(_Listed), msgspec.json.Decoder(_Named), msgspec.json.Decoder(_Set)
_PORTS = msgspec.json.Decoder(_Ports)


class Nftables:
    """The backend that nft(8) is."""

    name = "nftables"
    keeps_time = True

    def __init__(self, program: str | None = None) -> None:
        self._program = program or find("nft")

    def _tool(self, *arguments: str) -> list[str]:
        if self._program is None:
            raise BackendError("nft is not installed")
        return [self._program, "-j", *arguments]

    def apply(self, change: Change) -> None:
        """One transaction."""
        run(self._tool("-f", "-"), _encoded(change))

    def read(self) -> Held:
        """Our own table, and no other."""
        try:
            listed = run(self._tool("list", "table", "inet", TABLE["table"]))
        except ToolError as error:
            if "No such file or directory" in str(error):  # no such table
                return Held({}, "")
            raise
        return held(listed)

    def commands(self, change: Change) -> list[str]:
        """What nft would be fed."""
        return [lines_of(["nft", "-j", "-f", "-"], _encoded(change).decode())]


def _encoded(change: Change) -> bytes:
    """One object a line, for whoever reads it."""
    lines = b",\n".join(msgspec.json.encode(each) for each in transaction(change))
    return b'{"nftables": [\n' + lines + b"\n]}"


def transaction(change: Change) -> Iterator[Json]:
    """A change as nft's objects. The rules are written anew each time, as that needs no look at what is there: they
    follow from the sets."""
    wanted = kinds(change)
    removed = {kind(*each) for each in change.remove}
    yield {"add": {"table": {"family": TABLE["family"], "name": TABLE["table"]}}}
    yield {"add": {"set": {**TABLE, "name": PORTS, "type": "inet_service"}}}
    if not change.standing:
        yield {"flush": {"set": {**TABLE, "name": PORTS}}}
    yield {"add": {"element": {**TABLE, "name": PORTS, "elem": list(change.ports)}}}
    for each in sorted(wanted | removed):
        made = {"type": f"ipv{each.version}_addr", "flags": ["timeout"], "stmt": [{"counter": None}]}
        yield {"add": {"set": {**TABLE, "name": name(each), **made}}}
    yield from _rules(wanted)
    yield from _elements(change)


def name(of: Kind) -> str:
    """The set's."""
    return f"{of.scope}{of.version}_{of.length}"


def _rules(wanted: Iterable[Kind]) -> Iterator[Json]:
    base = {**TABLE, "name": "prerouting", "type": "filter", "hook": "prerouting", "prio": PRIORITY, "policy": "accept"}
    for scope in SCOPES:
        yield {"add": {"chain": {**TABLE, "name": scope}}}
        yield {"flush": {"chain": {**TABLE, "name": scope}}}
    yield {"add": {"chain": base}}
    yield {"flush": {"chain": {**TABLE, "name": "prerouting"}}}
    mail = {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": f"@{PORTS}"}}
    yield {"add": {"rule": {**TABLE, "chain": "prerouting", "expr": [mail, {"jump": {"target": "smtp"}}]}}}
    yield {"add": {"rule": {**TABLE, "chain": "prerouting", "expr": [{"jump": {"target": "all"}}]}}}
    for each in sorted(wanted, key=lambda each: (each.version, -each.length)):
        source: Json = {"payload": {"protocol": _PAYLOAD[each.version], "field": "saddr"}}
        left = source if each.length == _BITS[each.version] else {"&": [source, mask(each)]}
        match = {"match": {"op": "==", "left": left, "right": f"@{name(each)}"}}
        yield {"add": {"rule": {**TABLE, "chain": each.scope, "expr": [match, {"drop": None}]}}}


def mask(of: Kind) -> str:
    """The netmask of its length, as an address."""
    bits = _BITS[of.version]
    number = ((1 << of.length) - 1) << (bits - of.length)
    return str(ip_address(number.to_bytes(bits // 8, "big")))


def _elements(change: Change) -> Iterator[Json]:
    def kind_of(each: Wanted) -> Kind:
        return kind(each.network, each.scope)

    gone: dict[Kind, list[str]] = {}
    for network, scope in change.remove:
        gone.setdefault(kind(network, scope), []).append(str(network.network_address))
    for of, addresses in gone.items():
        yield from _taken(of, addresses)
    for of, group in groupby(sorted(change.add, key=kind_of), kind_of):
        each = list(group)
        there = [str(one.network.network_address) for one in each if one.there]
        if there:  # the kernel sets no time anew: an element keeps the one it came with (before Linux 6.12)
            yield from _taken(of, there)
        yield {"add": {"element": {**TABLE, "name": name(of), "elem": [_element(one) for one in each]}}}


def _taken(of: Kind, addresses: list[str]) -> Iterator[Json]:
    """Out of the set. Added first, as it is an error to delete what has just expired."""
    element = {"element": {**TABLE, "name": name(of), "elem": addresses}}
    yield {"add": element}
    yield {"delete": element}


def _element(wanted: Wanted) -> Json:
    element: Json = {"val": str(wanted.network.network_address), "comment": wanted.tag}
    if wanted.seconds is not None:
        element["timeout"] = max(1, round(wanted.seconds))
    return {"elem": element}


def held(listed: bytes) -> Held:
    """What `nft -j list table` tells. Raises BackendError for what cannot be understood, as of another version."""
    try:
        objects = _LISTED.decode(listed).nftables
        entries: dict[tuple[Network, Scope], Entry] = {}
        ports: frozenset[int] = frozenset()
        for each in objects:
            set_ = _NAMED.decode(each["set"]).name if "set" in each else ""
            if set_ == PORTS:
                ports = frozenset(map(int, _PORTS.decode(each["set"]).elem))
            elif (of := _of_name(set_)) is not None:
                for element in _SET.decode(each["set"]).elem:
                    network, entry = _entry(of, element)
                    entries[network, of.scope] = entry
        others: list[Json] = [
            {what: msgspec.json.decode(raw) for what, raw in each.items()} for each in objects if "set" not in each
        ]
        return Held(entries, _trouble(others, {kind(*each) for each in entries}, ports), ports)
    except (msgspec.MsgspecError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise BackendError(f"nft answers in a way that is not understood: {type(error).__name__}: {error}") from None


def _of_name(set_: str) -> Kind | None:
    """Which set it is by its name; None for one that is not of ours."""
    for scope in SCOPES:
        family, _, length = set_.removeprefix(scope).partition("_")
        if set_.startswith(scope) and family in ("4", "6") and length.isdecimal():
            return Kind(scope, int(family), int(length))
    return None


def _entry(of: Kind, element: str | _Element) -> tuple[Network, Entry]:
    if isinstance(element, str):
        return ip_network((element, of.length)), Entry(None, None, None, "")
    told, counter = element.elem, element.elem.counter
    packets, octets = (None, None) if counter is None else (counter.packets, counter.bytes)
    return ip_network((told.val, of.length)), Entry(told.expires, packets, octets, told.comment)


def _trouble(objects: list[Json], filled: set[Kind], ports: frozenset[int]) -> str:
    """Why packets of these sets are not dropped, though the sets hold what they should."""
    chains = {each["chain"]["name"]: each["chain"] for each in objects if "chain" in each}
    base = chains.get("prerouting")
    if not filled:
        return ""
    if any(each["table"].get("flags") for each in objects if "table" in each):
        return "our table is switched off (dormant)"
    if base is None:
        return "our chain is gone"
    if (base.get("hook"), base.get("type")) != ("prerouting", "filter"):
        return f"our chain hangs on the hook {base.get('hook')}, not on prerouting"
    if not ports and any(of.scope == "smtp" for of in filled):
        return "the set of mail's ports is empty"
    rules = [each["rule"] for each in objects if "rule" in each]
    first = [rule for rule in rules if rule["chain"] == "prerouting"]
    for at, scope in enumerate(SCOPES):
        if not any(_leads(rule, scope) for rule in first) and any(of.scope == scope for of in filled):
            return f"the rule that leads to the blocks of ports {scope} is gone"
        if not (at < len(first) and _leads(first[at], scope)):
            return "a rule that is not ours stands in our chain prerouting"
    for of in sorted(filled):
        if not any(rule["chain"] == of.scope and _drops(rule, name(of)) for rule in rules):
            return f"the rule that drops what is in {name(of)} is gone"
    if any(rule["chain"] in SCOPES and not _exprs(rule, "drop") for rule in rules):
        return "a rule that is not ours stands in our chains"
    return ""


def _exprs(rule: Json, what: str) -> list[Json]:
    return [expr for expr in rule["expr"] if what in expr]


def _leads(rule: Json, scope: Scope) -> bool:
    """It is our rule that sends packets on to the blocks for these ports."""
    matches = [each["match"]["right"] for each in _exprs(rule, "match")]
    jumps = [each["jump"]["target"] for each in _exprs(rule, "jump")]
    return jumps == [scope] and matches == ([f"@{PORTS}"] if scope == "smtp" else [])


def _drops(rule: Json, set_: str) -> bool:
    matches = _exprs(rule, "match")
    return bool(_exprs(rule, "drop")) and len(matches) == 1 and matches[0]["match"]["right"] == f"@{set_}"
