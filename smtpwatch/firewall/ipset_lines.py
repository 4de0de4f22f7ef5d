"""What ipset(8) is fed and what it saves, line by line."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network
from socket import AF_INET, AF_INET6, inet_ntop

from smtpwatch.firewall.backend import BackendError, Entry, Wanted
from smtpwatch.firewall.block import Scope
from smtpwatch.firewall.iptables import PORTS, SCOPES, set_name
from smtpwatch.firewall.prefixes import Network, is_single, shown

LONGEST = 2_147_483  # seconds, ipset(8): the kernel counts milliseconds in 32 bits
MOST = 1 << 20  # members of a set; the kernel takes room only for those that are there
VERSIONS = (4, 6)
SETS: dict[str, tuple[Scope, int]] = {
    set_name(scope, version): (scope, version) for version in VERSIONS for scope in SCOPES
}
_FAMILY = {4: "inet", 6: "inet6"}
_COMMENT = 255  # octets, ipset(8)
_SHOWN = 80  # characters of what is not understood

_HOW = re.compile(r'(?:timeout (\d+) ?)?(?:packets (\d+) bytes (\d+) ?)?(?:comment "([^"]*)")?')

Member = tuple[str, str]
"""Its set, and itself as ipset writes it."""


def member(network: Network, scope: Scope) -> Member:
    """Addresses are written as by inet_ntop(3), which has an IPv4 address in some IPv6 ones, as Python has not."""
    address = inet_ntop(AF_INET if network.version == 4 else AF_INET6, network.network_address.packed)
    return set_name(scope, network.version), address if is_single(network) else f"{address}/{network.prefixlen}"


def made(name: str) -> str:
    """The line that makes a set."""
    if name == PORTS:
        return f"create {PORTS} bitmap:port range 0-65535"
    return f"create {name} hash:net family {_FAMILY[SETS[name][1]]} maxelem {MOST} timeout 0 counters comment"


def added(each: Member, seconds: int | None, counted: tuple[int, int] | None, tag: str) -> str:
    """The line that adds a network, or sets its time anew: `seconds` None is for ever. `counted` None leaves its
    packets and octets as they are. Raises BackendError for a tag that ipset cannot hold."""
    if '"' in tag or not (tag.isprintable() and len(tag.encode()) <= _COMMENT):
        raise BackendError(f"ipset cannot hold the comment {tag!r}")
    counters = "" if counted is None else f" packets {counted[0]} bytes {counted[1]}"
    comment = f' comment "{tag}"' if tag else ""
    return f"add {' '.join(each)} timeout {seconds or 0}{counters}{comment}"


def seconds_of(wanted: Wanted) -> int | None:
    """Its time as ipset counts it. Raises BackendError for what ipset cannot hold."""
    if wanted.network.prefixlen == 0:
        raise BackendError(f"ipset cannot hold {shown(wanted.network)}: it is every address")
    if wanted.seconds is None:
        return None
    seconds = max(1, round(wanted.seconds))
    if seconds > LONGEST:
        raise BackendError(f"ipset cannot hold {shown(wanted.network)} for {seconds} s: {LONGEST} s at most, or no end")
    return seconds


def saved(output: bytes, sets: dict[str, str], members: dict[Member, str]) -> None:
    """What `ipset save SET` tells, sorted in: how the set was made, and its members with their options, unless it is of
    another type. Raises BackendError for what cannot be understood, as of another version."""
    ours = ""
    for line in output.decode("utf-8", "replace").splitlines():
        verb, name, rest = [*line.split(" ", 2), "", ""][:3]
        if verb == "create":
            sets[name] = rest
            ours = name if is_ours(name, rest) else ""
        elif verb == "add" and name in sets:
            if name == ours:
                each, _, how = rest.partition(" ")
                members[name, each] = how
        else:
            raise _not_understood(line)


def is_ours(name: str, how: str) -> bool:
    """A set of that name is of the type that we make."""
    return made(name).split()[2] == how.partition(" ")[0] and (name == PORTS or _family(how) == SETS[name][1])


def _family(how: str) -> int:
    return 6 if " family inet6 " in f" {how} " else 4


def network(name: str, each: str) -> Network:
    """A member of a set as a network. Raises BackendError."""
    try:
        return IPv4Network(each) if SETS[name][1] == 4 else IPv6Network(each)
    except ValueError:
        raise _not_understood(each) from None


def entry(how: str) -> Entry:
    """A member's options. Raises BackendError for what cannot be understood."""
    found = _HOW.fullmatch(how)
    if found is None:
        raise _not_understood(how)
    seconds, packets, octets, tag = found.groups()
    expires = float(seconds) if seconds and seconds != "0" else None  # 0: it does not end
    return Entry(expires, int(packets) if packets else None, int(octets) if octets else None, tag or "")


def _not_understood(what: str) -> BackendError:
    return BackendError(f"ipset answers in a way that is not understood: {what[:_SHOWN]!r}")
