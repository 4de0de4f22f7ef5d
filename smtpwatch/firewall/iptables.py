"""The rules that drop what is in our sets: a chain of our own in table raw and one jump to it, as iptables(8) and
ip6tables(8) write them and iptables-restore(8) takes them.

The hook is PREROUTING of table raw, before conntrack and all that filters. The jump has to be its first rule: an ACCEPT
before it would let pass what is blocked. The ports are looked up before the source, so that a packet is counted only
where it is dropped."""

from __future__ import annotations

import re
from typing import NamedTuple

from smtpwatch.clean import clean
from smtpwatch.firewall.backend import BackendError
from smtpwatch.firewall.block import Scope
from smtpwatch.firewall.tool import SAID

CHAIN = "SMTPWATCH"
PROGRAMS = {4: "iptables", 6: "ip6tables"}
PORTS = "smtpwatch-ports"
SCOPES: tuple[Scope, ...] = ("smtp", "all")
WAIT = ("-w", "5")  # seconds for xtables' lock, which another program may hold
_BASE = "PREROUTING"
_JUMP = f"-A {_BASE} -j {CHAIN}"
_SHOWN = 120  # characters of a rule that is not ours
_KNOWN = ("-P ", "-N ", "-A ")  # how lines begin
_VERSION = re.compile(r"^\S+ v[\d.]+(?: \(\w+\))?: *")


class Rules(NamedTuple):
    """What stands in table raw, each rule as `iptables -S` writes it. `chain` None: there is no chain of ours."""

    base: tuple[str, ...]
    """The rules of PREROUTING, whosever they are."""
    chain: tuple[str, ...] | None


def set_name(scope: Scope, version: int) -> str:
    """The set of a family and scope: `smtpwatch-smtp4`."""
    return f"smtpwatch-{scope}{version}"


def listing(version: int) -> list[str]:
    """The command whose output `listed` reads."""
    return [PROGRAMS[version], *WAIT, "-t", "raw", "-S"]


def restoring(version: int) -> list[str]:
    """The command that takes what `between` writes. One transaction, which leaves alone what it does not name."""
    return [f"{PROGRAMS[version]}-restore", *WAIT, "--noflush"]


def listed(output: bytes) -> Rules:
    """What `iptables -t raw -S` tells. Raises BackendError for what cannot be understood, as of another version."""
    lines = [line for line in output.decode("utf-8", "replace").splitlines() if not line.startswith("#")]
    if not any(line.startswith(f"-P {_BASE} ") for line in lines) or any(line[:3] not in _KNOWN for line in lines):
        raise BackendError("iptables answers in a way that is not understood")
    chain = tuple(line for line in lines if line.startswith(f"-A {CHAIN} "))
    base = tuple(line for line in lines if line.startswith(f"-A {_BASE} "))
    return Rules(base, chain if f"-N {CHAIN}" in lines else None)


def wanted(now: Rules, version: int) -> Rules:
    """What shall stand there: our jump once and first, the other rules as they are."""
    return Rules((_JUMP, *(rule for rule in now.base if rule != _JUMP)), _chain(version))


def _chain(version: int) -> tuple[str, ...]:
    mail, every = (f"-m set --match-set {set_name(scope, version)} src -j DROP" for scope in SCOPES)
    return (f"-A {CHAIN} -p tcp -m set --match-set {PORTS} dst {mail}", f"-A {CHAIN} {every}")


def between(now: Rules, then: Rules) -> str:
    """What iptables-restore is fed to get from one state to the other, "" if they are the same. Of PREROUTING, only the
    jumps to our chain are touched."""
    lines: list[str] = []
    if then.chain is not None and then.chain != now.chain:
        lines += [f":{CHAIN} - [0:0]", *then.chain]  # which empties the chain, if it is there
    places = _jumps(then)
    if places != _jumps(now):
        lines += [f"-D {_BASE} -j {CHAIN}"] * len(_jumps(now))
        lines += [f"-I {_BASE} {place} -j {CHAIN}" for place in places]
    if then.chain is None and now.chain is not None:
        lines += [f"-F {CHAIN}", f"-X {CHAIN}"]
    return "\n".join(["*raw", *lines, "COMMIT"]) if lines else ""


def _jumps(rules: Rules) -> list[int]:
    """Where in PREROUTING, counted from 1."""
    return [place for place, rule in enumerate(rules.base, 1) if rule == _JUMP]


def trouble(rules: Rules, version: int) -> str:
    """Why packets are not dropped though the sets hold them, "" where they are."""
    where = f"raw {_BASE}" if version == 4 else f"raw {_BASE} of ip6tables"
    if rules.chain is None:
        return f"our chain is gone from table raw of {PROGRAMS[version]}"
    ours = _chain(version)
    for rule in ours:
        if rule not in rules.chain:
            return f"our chain lacks a rule in table raw of {PROGRAMS[version]}: {rule}"
    foreign = next((rule for rule in rules.chain if rule not in ours), "")
    if foreign:
        return f"our chain holds a rule that is not ours: {_shown(foreign)}"
    places = _jumps(rules)
    if not places:
        return f"the jump to our chain is gone from {where}"
    if places[0] != 1:
        more = f" (and {places[0] - 2} more)" if places[0] > 2 else ""
        return f"another rule stands before ours in {where}: {_shown(rules.base[0])}{more}"
    return ""


def _shown(rule: str) -> str:
    return clean(rule)[:_SHOWN]


def words(output: bytes) -> str:
    """What iptables says of an error, which it does in several lines, after its version and warnings of what it sees
    besides. So does ipset."""
    lines = (line.strip() for line in output.decode("utf-8", "replace").splitlines())
    said = " ".join(line for line in lines if line and not line.startswith("#"))
    return clean(_VERSION.sub("", said))[:SAID]
