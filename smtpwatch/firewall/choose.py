"""Which backend blocks here."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from smtpwatch.firewall import fail2ban, iptables
from smtpwatch.firewall.backend import Backend, BackendError
from smtpwatch.firewall.fail2ban import Fail2ban
from smtpwatch.firewall.ipset import IpsetIptables
from smtpwatch.firewall.nftables import Nftables
from smtpwatch.firewall.tool import PATH, find, run

Setting = Literal["auto", "nftables", "iptables", "fail2ban"]

LIMIT = 5.0  # seconds; each answers within a fraction of one
NEEDS_ROOT = "needs root (or CAP_NET_ADMIN)"
_PROGRAMS = {"nftables": ("nft",), "iptables": ("iptables", "ipset"), "fail2ban": (fail2ban.PROGRAM,)}
_PACKAGES = {"nftables": "nftables", "iptables": "iptables and ipset", "fail2ban": "fail2ban"}
_ASKED: dict[str, tuple[tuple[str, ...], ...]] = {
    "nftables": (("nft", "-j", "list", "tables"),),
    "iptables": (("ipset", "list", "-n"), tuple(iptables.listing(4))),
    "fail2ban": ((fail2ban.PROGRAM, "ping"),),
}
"""What the kernel, or the server, has to answer for a backend to be of use."""
_VERSION = re.compile(rb"(\d+(?:\.\d+)+)(?:.*\((nf_tables|legacy)\))?")
_REFUSED = ("Operation not permitted", "Permission denied", "must be root")


class Usable(NamedTuple):
    """A backend, whether it can be used, and its versions or what is in the way, in a few words."""

    name: str
    usable: bool
    says: str
    silent: bool = False
    """It did not answer in time, so that what it holds is not known."""


def choose(setting: Setting, jail: str, path: str = PATH, holds: str = "") -> Backend:
    """The backend of that name, or the first that can be used: the one that `holds` blocks already, nftables, iptables
    with ipset. fail2ban is taken only when asked for by name; `jail` is the one that bans then. Raises BackendError
    with what to do about it. Takes as long as the tools do, a few ms."""
    names = sorted(("nftables", "iptables"), key=lambda name: name != holds) if setting == "auto" else [setting]
    made: dict[str, Callable[[], Backend]] = {
        "nftables": lambda: Nftables(find("nft", path)),
        "iptables": lambda: IpsetIptables(path),
        "fail2ban": lambda: Fail2ban(jail, path=path),
    }
    found = []
    for name in names:
        found.append(_tried(name, path))
        if found[-1].usable:
            return made[name]()
        if found[-1].silent:
            raise BackendError(f"{name}: {found[-1].says}; another firewall can be named (--firewall)")
    if setting != "auto":
        raise BackendError(f"{setting} cannot be used: {found[0].says}")
    there = [each for each in found if not _missing(each.name, path)]
    if not there:
        raise BackendError("there is no firewall to block with: install nftables, or iptables and ipset")
    raise BackendError(f"no firewall can be used: {'; '.join(f'{each.name}: {each.says}' for each in there)}")


def available(path: str = PATH) -> list[Usable]:
    """Every backend, in the order of preference, for `doctor`."""
    return [_tried(name, path) for name in _PROGRAMS]


def _tried(name: str, path: str) -> Usable:
    missing = _missing(name, path)
    if missing:
        return Usable(name, False, f"{' and '.join(missing)} not installed: install {_PACKAGES[name]}")
    says = ""
    try:
        says = ", ".join(_version(program, path) for program in _PROGRAMS[name])
        for command in _ASKED[name]:
            _run(command, path)
    except BackendError as error:
        refused = any(words in str(error) for words in _REFUSED)
        told = ": ".join(filter(None, (says, NEEDS_ROOT if refused else str(error))))
        return Usable(name, False, told, error.unsure)
    return Usable(name, True, says)


def _missing(name: str, path: str) -> list[str]:
    return [program for program in _PROGRAMS[name] if find(program, path) is None]


def _run(command: Sequence[str], path: str) -> bytes:
    program = find(command[0], path)
    if program is None:
        raise BackendError(f"{command[0]} is not installed")
    words = fail2ban.words if command[0] == fail2ban.PROGRAM else iptables.words
    return run([program, *command[1:]], limit=LIMIT, words=words)


def _version(program: str, path: str) -> str:
    """`iptables 1.8.9 (nf_tables)`."""
    found = _VERSION.search(_run((program, "--version"), path))
    if found is None:
        return f"{program} of an unknown version"
    kind = f" ({found[2].decode()})" if found[2] else ""
    return f"{'fail2ban' if program == fail2ban.PROGRAM else program} {found[1].decode()}{kind}"
