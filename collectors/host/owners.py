"""Processes that send mail past the mail server: who owns a connection to a mail port elsewhere, looked up at the
moment that it begins, unless it is the mail server's own.

The first segment of a connection is seen as it leaves (syns), the kernel is asked whose it is (sock_diag(7)), here or
in the namespace of the container that it comes from (networks), then the process is looked for (holders) and described
(processes). What is seen with the address that a router on this host gave it has no owner, and says nothing: the same
connection was seen with its own before. What has ended before we look has no owner either.

All of that may take only so much processor time (allowance): beyond it connections wait in the kernel, and the last of
them are not looked up."""

from __future__ import annotations

import socket
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from typing import NamedTuple, Self

from collectors.host.allowance import MOST, Allowance
from collectors.host.holders import Holders
from collectors.host.networks import AGE, Networks, network_of
from collectors.host.processes import booted, process, uid_of
from collectors.host.syns import Syn, Syns
from smtpwatch.config import Config
from smtpwatch.events import ProcessSeen
from smtpwatch.firewall.sockets import Owner, Sockets, SocketsError

SENSOR = "host"

BATCH = 50  # connections looked up before the sensor does something else
REPEATED = 150.0  # seconds in which the first segment may come again: Linux tries for 127 (tcp_syn_retries of tcp(7))
REMEMBERED = 5_000  # connections, for that
FOR_OTHERS = MOST / 2  # seconds left to processes that may not be the server's, while that opens one after the other
USERS = 20  # whose connections were the mail server's; a server has two or three

LONGEST_REST = 5.0  # seconds; one look-up may cost 0.1 s of processor time, which is 2.5 s of the allowance

CLOCK_SET = 1.0  # seconds: a clock that went so far from that of the boot was set

Key = tuple[bytes, int, int]
"""A connection wherever it is seen: server, port and sequence number stay, also where the source becomes another."""


class _Found(NamedTuple):
    """Whose a connection is, and in which namespace: "" here."""

    owner: Owner
    path: str


class Owners:
    """Tells the processes that have connections to mail ports elsewhere. Raises PermissionError (CAP_NET_RAW) or
    OSError where it cannot."""

    def __init__(self, config: Config, host: str) -> None:
        self._host = host
        self._networks = Networks(config.networks())
        self._holders = Holders()
        self._allowance = Allowance()
        self._seen: OrderedDict[Key, float] = OrderedDict()
        self._servers: set[int] = set()
        """Users whose sockets were found to be the mail server's."""
        self._sockets: dict[str, Sockets] = {}
        """Those of namespaces that were asked since the last look at them; an open one keeps its namespace."""
        self._rest = 0.0
        self._boot = 0.0
        """When this system was booted: kept, so that a process is told with the same start each time."""
        self._skipped = 0
        try:
            self._here = Sockets()
        except SocketsError as error:
            raise OSError(str(error)) from None
        try:
            self._syns = Syns(config.ports)
        except OSError:
            self._here.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Look no more."""
        self._forget_sockets()
        self._here.close()
        self._syns.close()

    def fileno(self) -> int:
        """The descriptor that poll() finds readable when a connection begins."""
        return self._syns.fileno()

    def resting(self, now: float) -> float:
        """Seconds for which nothing will be read, whatever comes, since too much was; 0: `read` is of use."""
        rest = self._rest - now
        return rest if 0 < rest <= LONGEST_REST else 0.0  # the clock may have been set back

    @property
    def missed(self) -> int:
        """Connections that were not looked up, for want of time, or whose process was not found."""
        return self._skipped + self._syns.dropped()

    def read(self, now: float) -> list[ProcessSeen]:
        """The processes of connections that have begun since; may be called at any time, and never waits."""
        if self.resting(now):
            return []
        found: list[ProcessSeen] = []
        began = time.thread_time()
        self._look(now)
        for _ in range(BATCH):
            left = self._allowance.left(now)
            syn = self._syns.read() if left > 0 else None
            if syn is not None:
                event = self._told(syn, now, left)
                if event is not None:
                    found.append(event)
            ended = time.thread_time()
            self._allowance.spend(ended - began)
            began = ended
            if syn is None:
                break
        if self._allowance.left(now) <= 0:
            self._rest = self._allowance.again_at(now)
        return found

    def _look(self, now: float, stale: float = AGE) -> bool:
        """See to it that what is known of addresses is no older than that, in seconds; whether they were looked at."""
        before = self._networks.ours
        if not self._networks.look(now, stale):
            return False
        if self._networks.ours != before:
            self._syns.filter(self._networks.ours)
        self._forget_sockets()
        return True

    def _forget_sockets(self) -> None:
        for sockets in self._sockets.values():
            sockets.close()
        self._sockets.clear()

    def _told(self, syn: Syn, now: float, left: float) -> ProcessSeen | None:
        key = syn.server, syn.server_port, syn.number
        if key in self._seen or self._networks.is_ours(syn.server):
            return None
        if not self._networks.knows(syn.source) and not self._knows_now(syn.source, now, left):
            return None
        found = self._found(syn)
        if found is None and self._look(now):
            found = self._found(syn)
        if found is None:
            return None
        self._remember(key, now)
        uid = found.owner.uid
        if uid in self._servers and left < FOR_OTHERS:
            self._skipped += 1
            return None
        holder = self._holders.find(found.owner.inode, uid, _likely(found), lambda: self._found(syn) == found)
        if holder is None:
            self._skipped += 1
            return None
        if holder.mail_server:
            if len(self._servers) < USERS:
                self._servers.add(uid)
            return None
        return self._event(syn, holder.pid, now)

    def _knows_now(self, source: bytes, now: float, left: float) -> bool:
        """Whether a source that we did not know is that of a container which has just been started; most likely it is
        another host's, whose connections only come through this one."""
        return left > FOR_OTHERS and self._look(now, 0.0) and self._networks.knows(source)

    def _remember(self, key: Key, now: float) -> None:
        self._seen[key] = now
        while len(self._seen) > REMEMBERED or not now - REPEATED <= next(iter(self._seen.values())) <= now:
            self._seen.popitem(last=False)

    def _found(self, syn: Syn) -> _Found | None:
        """Whose connection it is, None if it is nobody's that we know of."""
        here, beside = self._networks.where(syn.source)
        if here:
            owner = self._owner_here(syn)
            if owner is not None:
                return _Found(owner, "")
        for path in beside:
            owner = self._owner_at(path, syn)
            if owner is not None:
                return _Found(owner, path)
        return None

    def _owner_here(self, syn: Syn) -> Owner | None:
        owner = _owner(self._here, syn)
        if owner is None:  # it may be bound to the interface
            with suppress(OSError):  # which is gone
                owner = _owner(self._here, syn, socket.if_nametoindex(syn.interface))
        return owner

    def _owner_at(self, path: str, syn: Syn) -> Owner | None:
        sockets = self._sockets.get(path)
        if sockets is None:
            try:
                sockets = self._sockets[path] = Sockets(path)
            except SocketsError:  # the process by which we knew the namespace has ended
                self._networks.outdated()
                return None
        return _owner(sockets, syn)

    def _event(self, syn: Syn, pid: int, now: float) -> ProcessSeen | None:
        boot = booted(now)
        if abs(boot - self._boot) > CLOCK_SET:
            self._boot = boot
        about = process(pid, self._boot)
        if about is None:
            self._skipped += 1
            return None
        return ProcessSeen(
            now,
            SENSOR,
            self._host,
            str(ip_address(syn.source)),
            syn.client_port,
            str(ip_address(syn.server)),
            syn.server_port,
            *about,
        )


def _owner(sockets: Sockets, syn: Syn, interface: int = 0) -> Owner | None:
    try:
        return sockets.owner((syn.source, syn.client_port), (syn.server, syn.server_port), interface)
    except SocketsError:  # the kernel has no sockets of this family
        return None


def _likely(found: _Found) -> Callable[[int], bool]:
    """Which processes to look at first: those of the socket's user; in another namespace, those that are in it."""
    if not found.path:
        return lambda pid: uid_of(pid) == found.owner.uid
    try:
        there = network_of(int(found.path.split("/")[2]))
    except OSError:
        return lambda pid: True
    return lambda pid: network_of(pid) == there


def open_owners(config: Config, host: str) -> Owners | None:
    """None where there is no way to know: it takes root or CAP_NET_RAW, and Linux."""
    if not hasattr(socket, "AF_PACKET"):
        return None
    try:
        return Owners(config, host)
    except OSError:
        return None
