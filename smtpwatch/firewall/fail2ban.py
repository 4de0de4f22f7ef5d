"""Blocks that a jail of fail2ban's owns: fail2ban-client(1), jail.conf(5).

The jail decides how long a ban lasts (`bantime`), and its action what is blocked and by which firewall. A ban by hand
takes no heed of `ignoreip`; here it does, as the admin wrote there what must never be banned. fail2ban holds networks
as it does addresses, but a failure of its action is only in its own log: the sets of its actions `nftables*` hold
single addresses, for one, so networks are refused where the jail has such an action. All that the jail has banned is
told, whoever asked for it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from datetime import datetime, tzinfo
from ipaddress import ip_network
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from smtpwatch.clean import clean
from smtpwatch.firewall.backend import BackendError, Change, Entry, Held
from smtpwatch.firewall.block import Scope
from smtpwatch.firewall.prefixes import Network, is_single, shown
from smtpwatch.firewall.tool import PATH, SAID, find, run

PROGRAM = "fail2ban-client"
LIMIT = 60.0  # seconds for one batch: the jail's action runs once for each address, and takes some 10 ms
BATCH = 500  # networks a command, of 44 octets at most: Linux takes 128 KiB of arguments at the least (execve(2))
LOCAL = Path("/etc/localtime")
_SCOPE: Scope = "smtp"
_JAIL = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*")
_BANNED = re.compile(r"(.+?) ?\t\S+ \S+ \+ (-?\d+) = (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)")
_IGNORED = re.compile(r"[|`]- (.+)")
_LOGGED = re.compile(r"^\d\S+ \S+ fail2ban\S*\s+\[\d+\]: (\w+)\s+")
_ADDRESSES_ONLY = re.compile(r"\badd set [^{]*\{(?![^}]*interval)[^}]*\}")


class Banned(NamedTuple):
    """One ban: the words that fail2ban has for it, and its end in epoch seconds, None: it has none."""

    text: str
    end: float | None


class Fail2ban:
    """The backend that a jail is. `socket` is where the server listens, None: where its own configuration says. The
    client is looked for in `path`. Raises BackendError for what can be no jail's name."""

    name = "fail2ban"
    keeps_time = False

    def __init__(self, jail: str, socket: Path | None = None, path: str = PATH, limit: float = LIMIT) -> None:
        if not _JAIL.fullmatch(jail):
            raise BackendError(f"no name of a jail: {jail!r}")
        self._jail = jail
        self._socket = socket
        self._path = path
        self._limit = limit

    def apply(self, change: Change) -> None:
        """Bans first, then unbans, each with a look whether it came to be. `seconds` is the jail's business. What is
        put back after a failure lasts as long as the jail says from then on. After a client that hung it stays unsure,
        as the server may still do what it was told."""
        before = self._banned()
        self._refuse(change)
        add, remove = _wanted(change), _unwanted(change, before)
        try:
            self._set("banip", map(shown, add))
            self._check(add, [])
            self._set("unbanip", (before[network].text for network in remove))
            self._check([], remove)
        except BackendError as error:
            raise self._taken_back(before, add, remove, error) from error

    def read(self) -> Held:
        """Every ban of the jail's that is of an address or network. A server that does not run is an error, since its
        bans are not known then."""
        now = time.time()
        entries = {
            (network, _SCOPE): Entry(None if banned.end is None else max(0.0, banned.end - now), None, None, "")
            for network, banned in self._banned().items()
        }
        return Held(entries, "")

    def commands(self, change: Change) -> list[str]:
        """What would be run now. Where fail2ban cannot be asked, as if it held all that is to be removed."""
        try:
            before = self._banned()
        except BackendError:
            before = {network: Banned(shown(network), None) for network, _ in change.remove}
        add, remove = _wanted(change), _unwanted(change, before)
        told = [*self._told("banip", map(shown, add)), *self._told("unbanip", (before[each].text for each in remove))]
        return [" ".join((PROGRAM, *self._options(), *arguments)) for arguments in told]

    def _options(self) -> list[str]:
        return [] if self._socket is None else ["-s", str(self._socket)]

    def _client(self, *arguments: str) -> str:
        program = find(PROGRAM, self._path)
        if program is None:
            raise BackendError("fail2ban is not installed")
        done = run([program, *self._options(), *arguments], limit=self._limit, words=self._words)
        return done.decode("utf-8", "replace")

    def _words(self, output: bytes) -> str:
        said = words(output)
        return f"there is no jail {self._jail}" if said == f"NOK: ('{self._jail}',)" else said

    def _banned(self) -> dict[Network, Banned]:
        return dict(_listed(self._client("get", self._jail, "banip", "--with-time"), _zone()))

    def _told(self, verb: str, texts: Iterable[str]) -> Iterator[list[str]]:
        """The client's arguments, batch by batch."""
        every = list(texts)
        for at in range(0, len(every), BATCH):
            yield ["set", self._jail, verb, *every[at : at + BATCH]]

    def _set(self, verb: str, texts: Iterable[str]) -> None:
        for arguments in self._told(verb, texts):
            self._client(*arguments)

    def _refuse(self, change: Change) -> None:
        """What fail2ban would do otherwise than it is meant."""
        if not change.add:
            return
        ignored = self._ignored()
        for each in _wanted(change):
            if each.prefixlen == 0:
                raise BackendError(f"fail2ban cannot hold {shown(each)}: it takes it for one address")
            hit = next((other for other in ignored if other.version == each.version and other.overlaps(each)), None)
            if hit is not None:
                raise BackendError(f"{shown(each)} is not to be banned: {shown(hit)} is in ignoreip of {self._jail}")
        wide = next((each for each in _wanted(change) if not is_single(each)), None)
        action = self._addresses_only() if wide is not None else ""
        if wide is not None and action:
            raise BackendError(f"{shown(wide)} is a network, and fail2ban's action {action} bans single addresses only")

    def _ignored(self) -> list[Network]:
        """Those of `ignoreip`; names among them are not asked for."""
        said = self._client("get", self._jail, "ignoreip")
        found = (_network(line[1]) for line in map(_IGNORED.fullmatch, said.splitlines()) if line)
        return [network for network in found if network is not None]

    def _addresses_only(self) -> str:
        """The action of the jail's that cannot ban networks, "" if there is none such."""
        said = self._client("get", self._jail, "actions").splitlines()
        for action in (name.strip() for name in ",".join(said[1:]).split(",")):
            try:
                starts = self._client("get", self._jail, "action", action, "actionstart")
            except BackendError:  # an action that is a Python module has no commands
                continue
            if _ADDRESSES_ONLY.search(starts.replace("\\", "")):
                return action
        return ""

    def _check(self, add: list[Network], remove: list[Network]) -> None:
        after = self._banned() if add or remove else {}
        for each in add:
            if each not in after:
                raise BackendError(f"fail2ban took the ban of {shown(each)}, but {self._jail} does not have it")
        for each in remove:
            if each in after:
                raise BackendError(f"fail2ban took {shown(each)} back, but {self._jail} still has it")

    def _taken_back(
        self, before: dict[Network, Banned], add: list[Network], remove: list[Network], error: BackendError
    ) -> BackendError:
        """What was banned is unbanned, and the other way round; returns the error to be raised."""
        try:
            now = self._banned()
            new = [each for each in add if each in now and each not in before]
            gone = [each for each in remove if each not in now]
            self._set("unbanip", (now[each].text for each in new))
            self._set("banip", (before[each].text for each in gone))
            self._check(gone, new)
        except BackendError as second:
            return BackendError(f"{error}; what was done of it could not be taken back: {second}", unsure=True)
        if error.unsure:
            return BackendError(f"{error}; it was taken back, but the server may still be at it", unsure=True)
        return BackendError(f"{error}; nothing was changed")


def words(output: bytes) -> str:
    """The error among the lines that the client logs, without the time."""
    lines = output.decode("utf-8", "replace").splitlines()
    errors = [line[found.end() :] for line in lines if (found := _LOGGED.match(line)) and found[1] == "ERROR"]
    return clean(next(iter(errors), next(filter(None, lines), "")))[:SAID]


def _wanted(change: Change) -> list[Network]:
    """Without regard to scopes, which a jail has not."""
    return list(dict.fromkeys(each.network for each in change.add))


def _unwanted(change: Change, before: dict[Network, Banned]) -> list[Network]:
    """Only what is there: told to unban a network that it does not have, fail2ban unbans all that lie in it."""
    add = set(_wanted(change))
    return [
        each for each in dict.fromkeys(network for network, _ in change.remove) if each in before and each not in add
    ]


def _listed(said: str, zone: tzinfo | None) -> Iterator[tuple[Network, Banned]]:
    """What `get JAIL banip --with-time` tells: `192.0.2.1 \\t2026-12-01 04:18:24 + 600 = 2026-12-01 04:28:24`, in the
    server's own time. A jail may ban other things than addresses; those are left out."""
    for line in said.splitlines():
        if not line.strip():
            continue
        found = _BANNED.fullmatch(line)
        if found is None:
            raise BackendError(f"fail2ban answers in a way that is not understood: {clean(line)[:80]!r}")
        network = _network(found[1])
        if network is not None:
            end = datetime.fromisoformat(found[3]).replace(tzinfo=zone).timestamp() if found[2] != "-1" else None
            yield network, Banned(found[1], end)


def _network(text: str) -> Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _zone() -> tzinfo | None:
    """This host's, which the server's is, whatever zone the admin's own terminal is set to; None: that one."""
    try:
        with LOCAL.open("rb") as file:
            return ZoneInfo.from_file(file)
    except (OSError, ValueError):
        return None
