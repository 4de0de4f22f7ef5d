"""Who is here over SSH, and so must never be blocked: above all the admin at this very screen.

No single source knows. sudo(8) and su(1) drop SSH_CONNECTION, a tmux server still has that of the day on which it was
started, and a mosh client moves. So all of them are asked, and whatever one of them names counts: the environment of
this process and of its ancestors (sshd(8), "ENVIRONMENT"; proc(5)), that of the clients attached to a tmux or screen
that this runs in, the sockets of SSH servers (sock_diag(7)), and utmp(5).

Whoever has only connected to an SSH port is told apart: anybody can, and an abuser would be safe from blocks by it.

Anyone with a login here can start a process called sshd or tmux, and claim what they like in its environment. That adds
addresses that cannot be blocked, and never takes one away. Of an environment nothing is used but addresses, and, from
our own ancestors alone, the server's port.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import NamedTuple, TypeVar

import psutil

from smtpwatch.clean import clean
from smtpwatch.firewall.sockets import ESTABLISHED, LISTEN, Connection, Sockets, SocketsError
from smtpwatch.firewall.ssh_processes import REMOTE, SERVERS, Processes, is_multiplexer

Address = IPv4Address | IPv6Address
Key = TypeVar("Key", int, Address)

SSH_PORT = 22  # counts whoever listens there: only root can know
_LAST_PORT = 0xFFFF

_VARIABLES = ("SSH_CONNECTION", "SSH_CLIENT")
_UP, _LISTENS = 1 << ESTABLISHED, 1 << LISTEN
_NO_LOGIN = "but not logged in as far as can be seen"


class Peer(NamedTuple):
    """Somebody at the other end. `says` completes "it is ...". `logged_in` is also true of whom a source names that
    knows of logins only, be it over meanwhile."""

    says: str
    logged_in: bool


class _Rank(IntEnum):
    """Which reason is told of an address that has several: the first, which is the nearest to this screen. The last
    one is no login."""

    THIS, ATTACHED, STARTED, LIVE, UTMP, OPEN = range(6)


class _Reason(NamedTuple):
    rank: _Rank
    phrase: str


_THIS = _Reason(_Rank.THIS, "the client of this SSH session")
_STARTED = _Reason(_Rank.STARTED, "the SSH client that this was started from")
_FORWARDED = _Reason(_Rank.LIVE, "connected through a live SSH session")  # ssh -L, -R and -D


class _Origin(NamedTuple):
    """What an environment says of its SSH session. `port` is the server's, 0 if it is not told."""

    client: Address
    port: int


class _Known(NamedTuple):
    """What was learnt: reasons that hold until the next time, those of sockets by inode (to which `peers` adds those of
    new logins), and SSH servers' ports."""

    reasons: Mapping[Address, _Reason]
    held: dict[int, _Reason]
    ports: frozenset[int]


Dump = Callable[[str, int, Collection[int]], Iterable[Connection]]
"""The sockets of the network namespace at a path ("": ours) that are in one of the states of a mask, and have one of
these local ports (none: any). May raise SocketsError or OSError."""


def _dump(path: str, states: int, ports: Collection[int]) -> Iterator[Connection]:
    with Sockets(path) as sockets:
        yield from sockets.connections(states, ports)


class SshPeers:
    """The addresses from which somebody is here over SSH, or from which this process was started.

    `learn` looks through all processes; `peers` asks for the sockets of now, and takes the rest from the last `learn`.
    They may be called by different threads. `problem` says in one line why live sockets are not known, "" if they are.
    The arguments are for tests: /proc, our own environment, and how to ask for sockets."""

    def __init__(self, proc: Path = Path("/proc"), environ: Mapping[str, str] = os.environ, dump: Dump = _dump) -> None:
        self._proc, self._environ, self._dump = proc, environ, dump
        self._known = _Known({}, {}, frozenset({SSH_PORT}))
        self.problem = ""

    def learn(self) -> None:
        """Look through the processes, utmp and all sockets; some tens of milliseconds with a thousand of each. Raises
        nothing: who is not root sees less of others', and what vanishes meanwhile is left out."""
        tree = Processes(self._proc)
        line = tree.line(tree.own)
        clients = tree.attached(line)
        reasons: dict[Address, _Reason] = {}
        ports = {SSH_PORT}
        for origin, reason in self._origins(tree, line):
            _note(reasons, origin.client, reason)
            ports.add(origin.port)
        for client in clients:
            for pid in tree.line(client):
                for origin in _origins(tree.environment(pid)):
                    _note(reasons, origin.client, _attached_to(tree.name(client)))
        _note_users(reasons)
        held = _held(tree, line, clients)
        here = list(self._asked("", _UP | _LISTENS))
        ports = (ports | _listening(here, held)) - {0}
        _note_peers(reasons, (each for each in here if each.local_port not in ports), held, ports)
        for path in tree.other_networks():
            there = list(self._asked(path, _UP | _LISTENS))
            _note_peers(reasons, there, held, _listening(there, held) | {SSH_PORT})
        self._known = _Known(reasons, held, frozenset(ports))

    def peers(self) -> dict[Address, Peer]:
        """Each such address, IPv4 never written as IPv6, and why it is one. Raises nothing. Asks the kernel for the
        connections to SSH ports, which takes 2 ms, however many others there are; while one of them is not known to
        have logged in, also looks through the processes: 10 ms with a thousand of them."""
        known = self._known
        live = list(self._asked("", _UP, known.ports))
        # One that waits to be accepted has no inode, and no process.
        if any(each.inode and not _of_login(known.held.get(each.inode)) for each in live):
            for inode, login in _logins(Processes(self._proc)):
                _note(known.held, inode, login)
        reasons = dict(known.reasons)
        _note_peers(reasons, live, known.held, known.ports)
        return {address: Peer(reason.phrase, _of_login(reason)) for address, reason in reasons.items()}

    def _asked(self, path: str, states: int, ports: Collection[int] = ()) -> Iterator[Connection]:
        """The sockets, as many as can be had. Another namespace may be gone, and is only root's: that is no problem."""
        problem = ""
        try:
            yield from self._dump(path, states, ports)
        except (SocketsError, OSError) as error:
            problem = str(error)
        self.problem = self.problem if path else problem

    def _origins(self, tree: Processes, line: list[int]) -> Iterator[tuple[_Origin, _Reason]]:
        """What the environments from this process up say. Beyond the first SSH server, or where none is left above,
        they tell of the past only."""
        names = [tree.name(pid) for pid in line]
        first = next((at for at, name in enumerate(names) if name in REMOTE or is_multiplexer(name)), 0)
        session = first if line and names[first] in SERVERS else 0
        # Who has changed its user cannot read even its own file in /proc.
        for origin in _origins(self._environ.items()):
            yield origin, _THIS if session else _STARTED
        for at, pid in enumerate(line):
            for origin in _origins(tree.environment(pid)):
                yield origin, _THIS if at < session else _STARTED


def _held(tree: Processes, line: Iterable[int], clients: Iterable[int]) -> dict[int, _Reason]:
    """The sockets of SSH servers, by inode. `line` is ours, `clients` are those of the tmux that we run in."""
    above = {pid: _attached_to(tree.name(client)) for client in clients for pid in tree.line(client)}
    above |= dict.fromkeys(line, _THIS)
    found: dict[int, _Reason] = {}
    for pid in tree.servers:
        reason = above.get(pid) or _live(tree, pid) or _no_login(f"an SSH server ({tree.name(pid)} {pid})")
        for inode in tree.sockets(pid):
            _note(found, inode, reason)
    return found


def _logins(tree: Processes) -> Iterator[tuple[int, _Reason]]:
    """The sockets of SSH servers that serve a login, as inodes; of others, which may be many, nothing else is read."""
    for pid in tree.servers:
        reason = _live(tree, pid)
        if reason is not None:
            for inode in tree.sockets(pid):
                yield inode, reason


def _live(tree: Processes, pid: int) -> _Reason | None:
    if not tree.serves_login(pid):
        return None
    return _Reason(_Rank.LIVE, f"the client of a live SSH session ({tree.name(pid)} {pid})")


def _listening(sockets: Iterable[Connection], held: Mapping[int, _Reason]) -> set[int]:
    """The ports that SSH servers listen on."""
    return {each.local_port for each in sockets if each.state == LISTEN and each.inode in held}


def _of_login(reason: _Reason | None) -> bool:
    return reason is not None and reason.rank != _Rank.OPEN


def _no_login(where: str) -> _Reason:
    return _Reason(_Rank.OPEN, f"connected to {where}, {_NO_LOGIN}")


def _attached_to(name: str) -> _Reason:
    return _Reason(_Rank.ATTACHED, f"attached to this {clean(name.partition(':')[0].lower())}")


def _origins(variables: Iterable[tuple[str, str]]) -> Iterator[_Origin]:
    """SSH_CONNECTION is "client port server port", SSH_CLIENT "client port port": the server's port is last."""
    for name, value in variables:
        words = value.split() if name in _VARIABLES else []
        client = _address(words[0]) if words else None
        if client is not None:
            last = words[-1]
            port = int(last) if len(words) > 2 and last.isdecimal() and len(last) <= 5 else 0
            yield _Origin(client, port if port <= _LAST_PORT else 0)


def _address(text: str) -> Address | None:
    """An address without its zone; one that is IPv4 within IPv6 as IPv4. None for any other text."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _note(reasons: dict[Key, _Reason], key: Key, reason: _Reason) -> None:
    known = reasons.get(key)
    if known is None or reason.rank < known.rank:
        reasons[key] = reason


def _note_users(reasons: dict[Address, _Reason]) -> None:
    with suppress(OSError, RuntimeError, ValueError, psutil.Error):
        for user in psutil.users():
            # mosh-server writes "192.0.2.1 via mosh [4711]", screen "192.0.2.1:S.0".
            address = _address((user.host or "").partition(" ")[0].partition(":S.")[0])
            if address is not None:
                phrase = clean(f"logged in as {user.name} on {user.terminal or 'no terminal'} (utmp)")
                _note(reasons, address, _Reason(_Rank.UTMP, phrase))


def _note_peers(
    reasons: dict[Address, _Reason],
    connections: Iterable[Connection],
    held: Mapping[int, _Reason],
    ports: Collection[int],
) -> None:
    """The other end of an SSH server's socket, and of any on an SSH port: one that we may not look into, or newer than
    what we know."""
    for each in connections:
        reason = held.get(each.inode)
        if each.state != ESTABLISHED:
            continue
        if each.local_port in ports:
            reason = reason if _of_login(reason) else _no_login(f"the SSH port {each.local_port}")
        elif _of_login(reason):
            reason = _FORWARDED
        if reason is not None:
            _note(reasons, IPv4Address(each.peer) if each.peer_version == 4 else IPv6Address(each.peer), reason)
