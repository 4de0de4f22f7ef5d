"""The live sessions of networks that are being blocked: counted, and ended."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, suppress
from typing import Protocol

from smtpwatch.firewall.block import Scope
from smtpwatch.firewall.namespaces import inside, neighbours
from smtpwatch.firewall.prefixes import Network, Prefixes
from smtpwatch.firewall.sockets import Connection, Sockets, SocketsError
from smtpwatch.firewall.surroundings import gateways, own_addresses


class Live(Protocol):
    """Sessions that can be counted and ended, of networks, on `ports` or on all. Raises SocketsError."""

    def look(self) -> None:
        """Look for what there is anew."""

    def count(self, networks: Iterable[Network], scope: Scope, ports: Collection[int]) -> int:
        """How many they have."""

    def end(self, networks: Iterable[Network], scope: Scope, ports: Collection[int]) -> int:
        """End them all; returns how many there were."""


class LiveSessions:
    """The network namespaces whose sessions come through this firewall: ours, and those of containers on its bridges;
    not the one that is our own way out, as the host is for a container that we run in.
    Raises SocketsError where not even ours can be asked."""

    def __init__(self) -> None:
        self._own = Sockets()
        self._others: list[Sockets] = []
        self.look()

    def look(self) -> None:
        """Containers come and go. Costs as much as there are processes: 2 ms for 500."""
        for each in self._others:
            each.close()
        self._others = []
        with suppress(OSError):  # without /proc, or without the right to see others
            upstream = {each.network for each in gateways()}
            for path in neighbours():
                with suppress(SocketsError, OSError):
                    if not upstream.intersection(inside(path, _addresses)):
                        self._others.append(Sockets(path))

    def close(self) -> None:
        """Ask no more."""
        with ExitStack() as stack:
            for each in (self._own, *self._others):
                stack.callback(each.close)

    def count(self, networks: Iterable[Network], scope: Scope, ports: Collection[int]) -> int:
        """How many they have. Raises SocketsError."""
        wanted = _prefixes(networks)
        return sum(len(list(_of(wanted, scope, ports, place))) for place in (self._own, *self._others))

    def end(self, networks: Iterable[Network], scope: Scope, ports: Collection[int]) -> int:
        """End them all with a reset; returns how many there were. Raises SocketsError."""
        wanted = _prefixes(networks)
        return sum(place.end(list(_of(wanted, scope, ports, place))) for place in (self._own, *self._others))


def _addresses() -> set[Network]:
    """All that this namespace's interfaces have."""
    return {each.network for each in own_addresses() if each.kind == "own address"}


def _prefixes(networks: Iterable[Network]) -> Prefixes[None]:
    wanted: Prefixes[None] = Prefixes()
    for network in networks:
        wanted.put(network, None)
    return wanted


def _of(wanted: Prefixes[None], scope: Scope, ports: Collection[int], place: Sockets) -> Iterator[Connection]:
    for each in place.connections():
        if (scope == "all" or each.local_port in ports) and wanted.holding(each.peer_version, each.peer) is not None:
            yield each
