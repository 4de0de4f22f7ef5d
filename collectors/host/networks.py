"""Which addresses are this host's own, and in which network namespace beside ours each of the others is: that of a
container, whose sockets the kernel tells about only there.

All are found through the processes that live in them. A namespace without a process has none that sends mail."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import psutil

from collectors.host.processes import container, pids
from smtpwatch.config import Network

AGE = 10.0  # seconds that what was found is good for: addresses come and go with containers
SHARE = 50.0  # times as long as a look took, at least, are between it and the next: 2 % at most
NAMESPACES = 500  # looked into; a host may run some hundred containers
ROUTES = 1 << 16  # octets of a namespace's list of routes that are read; a container's has some hundred
_IPV4, _IPV6 = "fib_trie", "if_inet6"


class Networks:
    """The addresses here and in namespaces beside ours, packed. `local` are further networks of our own."""

    def __init__(self, local: Iterable[Network] = ()) -> None:
        self._local = tuple(local)
        self._own: frozenset[bytes] = frozenset()
        self._beside: dict[bytes, list[str]] = {}
        self._looked = self._pause = 0.0
        self._good = False
        self.ours: frozenset[bytes] = frozenset()
        """Connections to these never leave this host: its own addresses and those of containers on it."""

    def outdated(self) -> None:
        """What was found is found to be no longer so."""
        self._good = False

    def look(self, now: float, stale: float = AGE) -> bool:
        """Look anew if the last look is longer ago than `stale` seconds, or outdated, and not just a moment ago;
        whether it was done."""
        since = now - self._looked
        if since >= 0 and (since < self._pause or (self._good and since < stale)):
            return False
        began = time.perf_counter()
        self._own = frozenset(_own())
        self._beside = {}
        containers: set[bytes] = set()
        for pid, path in _namespaces():
            addresses = set(_addresses(pid))
            for address in addresses:
                self._beside.setdefault(address, []).append(path)
            if _in_container(pid):
                containers |= addresses
        self.ours = self._own | containers
        self._looked, self._good = now, True
        self._pause = SHARE * (time.perf_counter() - began)
        return True

    def is_ours(self, address: bytes) -> bool:
        """Whether a connection to there, which is not on loopback, is none to another host."""
        if address in self.ours:
            return True
        if not self._local:
            return False
        parsed = ip_address(address)
        return any(parsed in network for network in self._local)

    def where(self, address: bytes) -> tuple[bool, list[str]]:
        """Where a connection from `address` may have been made: whether here, and paths of namespaces beside ours."""
        return address in self._own, self._beside.get(address, [])

    def knows(self, address: bytes) -> bool:
        """Whether it is an address of this host or of a namespace on it."""
        return address in self._own or address in self._beside


def network_of(pid: int) -> str:
    """The network namespace of a process: the same text for the same one. Raises OSError where it is gone, or we may
    not know."""
    return os.readlink(f"/proc/{pid}/ns/net")  # noqa: PTH115 (half the time, and there may be thousands)


def _namespaces() -> Iterator[tuple[int, str]]:
    """Of each namespace beside ours the oldest process, which stays longest as a rule, and the path by which it is
    entered."""
    seen = {os.readlink("/proc/thread-self/ns/net")}  # noqa: PTH115 (as said)
    for pid in reversed(pids()):
        with suppress(OSError):
            network = network_of(pid)
            if network not in seen:
                seen.add(network)
                yield pid, f"/proc/{pid}/ns/net"
        if len(seen) > NAMESPACES:
            return


def _in_container(pid: int) -> bool:
    try:
        return container(Path(f"/proc/{pid}/cgroup").read_text("utf-8", "replace")) != ""
    except OSError:
        return False


def _own() -> Iterator[bytes]:
    for addresses in psutil.net_if_addrs().values():
        for address in addresses:
            if address.family in (socket.AF_INET, socket.AF_INET6):
                yield socket.inet_pton(address.family, address.address.partition("%")[0])


def _addresses(pid: int) -> Iterator[bytes]:
    """Those of the network that a process is in, as far as they can be read; loopback's are none that tell it from
    others."""
    with suppress(OSError), Path(f"/proc/{pid}/net/{_IPV4}").open(encoding="utf-8", errors="replace") as routes:
        yield from _ipv4(routes.read(ROUTES))
    with suppress(OSError):
        yield from _ipv6(Path(f"/proc/{pid}/net/{_IPV6}").read_text("utf-8", "replace"))


def _ipv4(routes: str) -> Iterator[bytes]:
    """Addresses in the form of /proc/net/fib_trie: a line with the address, and below it one for each of its routes,
    which is "/32 host LOCAL" for an own address."""
    last = ""
    for line in routes.splitlines():
        words = line.split()
        if words[:1] == ["|--"]:
            last = words[-1]
        elif words == ["/32", "host", "LOCAL"] and not last.startswith("127."):
            yield socket.inet_pton(socket.AF_INET, last)


def _ipv6(interfaces: str) -> Iterator[bytes]:
    """Addresses in the form of /proc/net/if_inet6: in hex at the beginning of a line."""
    for line in interfaces.splitlines():
        address = bytes.fromhex(line[:32])
        if not ip_address(address).is_loopback:
            yield address
