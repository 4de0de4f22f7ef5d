"""The client's port where the log has none: the process that logged the connection has it open.

The descriptor is borrowed for a moment (pidfd_getfd(2), Linux 5.6, needs CAP_SYS_PTRACE), asked for its peer, and let
go. A process may serve another client by then, and its line may not have been read: that is for others to find out."""

from __future__ import annotations

import ctypes
import os
import socket
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from collectors.logs.addresses import address
from smtpwatch.events import ClientConnected, ClientDisconnected, ClientPortSeen, Event
from smtpwatch.own_host import OwnHost

PIDFD_GETFD = 438  # the same number on every architecture but Alpha (asm-generic/unistd.h)
PROGRAM = "/smtpd"
"""Postfix's, one process for each client at a time."""

AGAIN = 1.2  # seconds after which a connection that is still open is looked at once more
FRESH = 1.0  # seconds after which a line says nothing of what its process does by now; one of tomorrow does neither
OPEN = 5_000  # connections remembered for that
FILES = 200  # descriptors of a process that are looked at; an smtpd has some 20

_LIBC = ctypes.CDLL(None, use_errno=True)


class Ports:
    """Looks up the ports of connections whose lines name none: once when the line is read, and once more if it
    lasts. Lines of other hosts name processes that are not here."""

    def __init__(self) -> None:
        self._hosts = OwnHost(socket.gethostname())
        self._open: OrderedDict[int, tuple[ClientConnected, float]] = OrderedDict()
        """Of each process its latest connection, and when it was read."""

    def seen(self, events: Sequence[Event], now: float) -> list[Event]:
        """What processes have open at `now`; `events` are all lines since the last look, also if there are none."""
        fresh: dict[int, ClientConnected] = {}
        for event in events:
            if not isinstance(event, ClientConnected | ClientDisconnected) or not event.program.endswith(PROGRAM):
                continue
            if not (self._hosts.may_be(event.host) and self._hosts.sure):
                continue
            self._open.pop(event.pid, None)
            fresh.pop(event.pid, None)
            if isinstance(event, ClientConnected) and not event.client_port and _fresh(event, now):
                fresh[event.pid] = event
        found = [_look(event, now) for event in fresh.values()]
        while self._open:
            pid, (event, since) = next(iter(self._open.items()))
            if since + AGAIN > now and len(self._open) <= OPEN:
                break
            del self._open[pid]
            found.append(_look(event, now))
        for pid, event in fresh.items():
            self._open[pid] = (event, now)
        return [event for event in found if event is not None]


def _fresh(event: ClientConnected, now: float) -> bool:
    """Just written, by this clock. A stamp in whole seconds may be of all of its second."""
    return event.time <= now <= event.time + event.time.is_integer() + FRESH


def _look(event: ClientConnected, now: float) -> Event | None:
    port = client_port(event.pid, event.source)
    if not port:
        return None
    return ClientPortSeen(now, event.sensor, event.host, event.program, event.pid, "", event.source, port, event.name)


def client_port(pid: int, source: str) -> int:
    """The port of `source` on the one connection that process `pid` has with it; 0 if there is not just one, or it
    cannot be known."""
    if not source or not hasattr(os, "pidfd_open"):
        return 0
    try:
        pidfd = os.pidfd_open(pid)
    except (OSError, OverflowError):
        return 0
    try:
        peers = [_peer(pidfd, fd) for fd in _sockets(pid)]
    finally:
        os.close(pidfd)
    ports = {port for host, port in peers if host == source}
    return ports.pop() if len(ports) == 1 else 0


def _sockets(pid: int) -> list[int]:
    found = []
    try:
        with os.scandir(f"/proc/{pid}/fd") as entries:
            for entry, _ in zip(entries, range(FILES), strict=False):
                if Path(entry.path).readlink().name.startswith("socket:"):
                    found.append(int(entry.name))
    except OSError:  # it has ended, or closed one just now
        return found
    return found


def _peer(pidfd: int, fd: int) -> tuple[str, int]:
    """(address, port) of the other end of a TCP socket, ("", 0) for anything else."""
    borrowed = _LIBC.syscall(PIDFD_GETFD, pidfd, fd, 0)
    if borrowed < 0:
        return "", 0
    with socket.socket(fileno=borrowed) as sock:
        if sock.family not in (socket.AF_INET, socket.AF_INET6) or sock.type != socket.SOCK_STREAM:
            return "", 0
        try:
            host, port = sock.getpeername()[:2]
        except OSError:
            return "", 0
        return address(host), port
