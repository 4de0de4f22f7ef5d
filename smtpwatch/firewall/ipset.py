"""Blocks in sets of the kernel's, `smtpwatch-smtp4` and its like: ipset(8), with the rules of `iptables` beside it.

A set holds the networks of one family and scope (`hash:net`: of those that lie in one another, the narrowest that holds
a packet counts it), each with its end, its counters, and the act's tag as a comment. One process takes any number of
members, but member by member: where it fails in the middle, what was done until then is taken back here. So each change
begins with a look at the sets that it touches, and at the rules."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from smtpwatch.firewall import ipset_lines, iptables
from smtpwatch.firewall.backend import BackendError, Change, Entry, Held, kinds, lines_of
from smtpwatch.firewall.block import Scope
from smtpwatch.firewall.ipset_lines import SETS, VERSIONS, Member, member
from smtpwatch.firewall.iptables import PORTS, Rules, set_name
from smtpwatch.firewall.prefixes import Network
from smtpwatch.firewall.tool import LIMIT, PATH, find, run

RESTORE = ("ipset", "-exist", "restore")  # -exist: what is there already, or is gone, is no error
_TRIES, _PAUSE = 10, 0.05  # seconds; the kernel may let go of a rule's set a moment after the rule is gone


class Step(NamedTuple):
    """One command, by its program's name, and what it is fed."""

    tool: tuple[str, ...]
    fed: str


class Looked(NamedTuple):
    """What was there at a time (on the monotonic clock). `rules` of a family that this host does not have say why."""

    at: float
    sets: dict[str, str]
    """Those of ours, as they were made."""
    members: dict[Member, str]
    """With their options, as ipset writes them."""
    rules: dict[int, Rules | BackendError]


class IpsetIptables:
    """The backend that ipset(8) and iptables(8) are, whichever of iptables-nft and iptables-legacy `iptables` is.
    Programs are looked for in `path`; none may take longer than `limit` seconds."""

    name = "iptables"
    keeps_time = True

    def __init__(self, path: str = PATH, limit: float = LIMIT) -> None:
        self._path = path
        self._limit = limit

    def apply(self, change: Change) -> None:
        """Sets first, then the rules that name them, of each family one transaction. Raises BackendError, before
        anything is done, for IPv6 where this host has none, for a time above ipset's longest, and for a network of
        length 0, which ipset does not hold."""
        before = self._look(_touched(change))
        steps = list(_steps(change, before))
        try:
            for step in steps:
                self._do(step)
        except BackendError as error:
            raise self._taken_back(change, before, error) from error

    def read(self) -> Held:
        """Our own sets and rules, and what stands before them."""
        looked = self._look(frozenset((*SETS, PORTS)))
        entries: dict[tuple[Network, Scope], Entry] = {}
        for (name, each), how in looked.members.items():
            if name != PORTS:
                entries[ipset_lines.network(name, each), SETS[name][0]] = ipset_lines.entry(how)
        ports = frozenset(int(each) for name, each in looked.members if name == PORTS)
        return Held(entries, _trouble(looked), ports)

    def commands(self, change: Change) -> list[str]:
        """What would be run now. Where the firewall cannot be looked at, as if none of our rules were there."""
        try:
            looked = self._look(_touched(change))
        except BackendError:
            looked = _supposed(change)
        return [lines_of(step.tool, step.fed) for step in _steps(change, looked)]

    def _do(self, step: Step) -> None:
        self._run(step.tool, (step.fed + "\n").encode())

    def _run(self, tool: Sequence[str], fed: bytes = b"") -> bytes:
        program = find(tool[0], self._path)
        if program is None:
            raise BackendError(f"{tool[0]} is not installed")
        return run([program, *tool[1:]], fed, self._limit, iptables.words)

    def _look(self, names: frozenset[str]) -> Looked:
        rules = {version: self._rules(version) for version in VERSIONS}
        at = time.monotonic()  # what remains of a member's time is put back less what has passed since
        sets: dict[str, str] = {}
        members: dict[Member, str] = {}
        for name in self._run(("ipset", "list", "-n")).decode("utf-8", "replace").splitlines():
            if name in names:
                ipset_lines.saved(self._run(("ipset", "save", name)), sets, members)
        return Looked(at, sets, members, rules)

    def _rules(self, version: int) -> Rules | BackendError:
        try:
            return iptables.listed(self._run(iptables.listing(version)))
        except BackendError as error:
            if version == 4 or error.unsure:
                raise
            return error

    def _taken_back(self, change: Change, before: Looked, error: BackendError) -> BackendError:
        """All put back as it was; returns the error to be raised."""
        for left in reversed(range(_TRIES)):
            try:
                for step in _back(change, before, self._look(_touched(change))):
                    self._do(step)
                break
            except BackendError as second:
                if not left or "in use" not in str(second):
                    return BackendError(f"{error}; what was done of it could not be taken back: {second}", unsure=True)
                time.sleep(_PAUSE)
        return BackendError(f"{error}; nothing was changed")


def _touched(change: Change) -> frozenset[str]:
    """The sets that a change needs, or takes members from."""
    versions = {each.version for each in kinds(change)}
    needed = {name for name, (_, version) in SETS.items() if version in versions}
    return frozenset({PORTS, *needed, *(set_name(scope, network.version) for network, scope in change.remove)})


def _steps(change: Change, looked: Looked) -> Iterator[Step]:
    """What leads from what was found to what is wanted."""
    asked = {each.network.version for each in change.add}
    rules: dict[int, Rules] = {}
    for version in sorted({each.version for each in kinds(change)}):
        found = looked.rules[version]
        if isinstance(found, Rules):
            rules[version] = found
        elif version in asked:
            raise BackendError(f"IPv6 cannot be blocked here: {found}") from found
    needed = [name for name, (_, version) in SETS.items() if version in rules]
    fed = [ipset_lines.made(name) for name in needed]
    fed += [*(_ports(change, looked) if needed else ()), *_members(change, looked)]
    if fed:
        yield Step(RESTORE, "\n".join(fed))
    for version, now in rules.items():
        yield from _ruled(version, now, iptables.wanted(now, version))


def _ruled(version: int, now: Rules, then: Rules) -> Iterator[Step]:
    written = iptables.between(now, then)
    if written:
        yield Step(tuple(iptables.restoring(version)), written)


def _ports(change: Change, looked: Looked) -> Iterator[str]:
    """Those of `change`; others go only where nothing stands, since they may be another console's."""
    wanted = {str(port) for port in change.ports}
    yield ipset_lines.made(PORTS)
    yield from (f"add {PORTS} {port}" for port in change.ports)
    if not change.standing:
        yield from (f"del {PORTS} {port}" for name, port in looked.members if name == PORTS and port not in wanted)


def _members(change: Change, looked: Looked) -> Iterator[str]:
    added = set()
    for wanted in change.add:
        each = member(wanted.network, wanted.scope)
        added.add(each)
        # The kernel keeps the counters of what it holds; but what is new may come with those of what has expired.
        counted = None if each in looked.members else (0, 0)
        yield ipset_lines.added(each, ipset_lines.seconds_of(wanted), counted, wanted.tag)
    for network, scope in change.remove:
        each = member(network, scope)
        if each in looked.members and each not in added:
            yield f"del {' '.join(each)}"


def _back(change: Change, before: Looked, now: Looked) -> Iterator[Step]:
    """What leads from what is there now to what was there before, in all that the change touches."""
    for version, rules in now.rules.items():
        was = before.rules[version]
        if isinstance(rules, Rules) and isinstance(was, Rules):
            yield from _ruled(version, rules, was)
    touched = [member(each.network, each.scope) for each in change.add]
    touched += [member(network, scope) for network, scope in change.remove]
    touched += [each for each in (*before.members, *now.members) if each[0] == PORTS]
    fed = [_put_back(each, before, now) for each in dict.fromkeys(touched)]
    fed += [f"destroy {name}" for name in now.sets if name not in before.sets]
    if any(fed):
        yield Step(RESTORE, "\n".join(filter(None, fed)))


def _put_back(each: Member, before: Looked, now: Looked) -> str:
    """With what remains of its time, and with its counters, unless they have gone on. "": nothing is to be done."""
    how = before.members.get(each)
    if how is not None and each[0] == PORTS:
        return f"add {' '.join(each)}"
    if how is not None:
        was = ipset_lines.entry(how)
        left = None if was.expires is None else round(was.expires - (now.at - before.at))
        if left is None or left > 0:
            counted = None if each in now.members else (was.packets or 0, was.octets or 0)
            return ipset_lines.added(each, left, counted, was.tag)
    return f"del {' '.join(each)}" if each in now.members else ""


def _supposed(change: Change) -> Looked:
    """What a change takes to be there: what it removes, and those whose time it sets anew."""
    there = [member(network, scope) for network, scope in change.remove]
    there += [member(each.network, each.scope) for each in change.add if each.there]
    return Looked(0, {}, dict.fromkeys(there, ""), dict.fromkeys(VERSIONS, Rules((), None)))


def _trouble(looked: Looked) -> str:
    """Why packets of what the sets hold are not dropped."""
    for name, how in looked.sets.items():
        if not ipset_lines.is_ours(name, how):
            return f"the set {name} is not one of ours: its type is {how.partition(' ')[0]}"
    for version in VERSIONS:
        names = [name for name, (_, family) in SETS.items() if family == version]
        if not any(name in names for name, _ in looked.members):
            continue
        rules = looked.rules[version]
        gone = next((name for name in (*names, PORTS) if name not in looked.sets), "")
        if gone:
            return f"the set {gone} is gone"
        found = iptables.trouble(rules, version) if isinstance(rules, Rules) else str(rules)
        if found:
            return found
        if not any(name == PORTS for name, _ in looked.members):
            return "the set of mail's ports is empty"
    return ""
