"""Network namespaces for tests: hosts of their own, with their own addresses and ports.

Needs root and iproute2. Nothing here touches the machine's own network: each veth pair joins two namespaces.
"""

import ctypes
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from ipaddress import ip_interface
from pathlib import Path
from typing import Self

_CLONE_NEWNET = 0x40000000  # linux/sched.h
_LIBC = ctypes.CDLL(None, use_errno=True)
ETHERNET_MTU = 1500


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


def _setns(descriptor: int) -> None:
    """setns(2) for the calling thread (os.setns comes with Python 3.12)."""
    if _LIBC.setns(descriptor, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Namespace:
    """A network namespace with `lo` up. A context manager: on leaving it, what `popen` started is ended and
    the namespace removed, whatever has happened inside.

    Its real name holds the process id, so that runs side by side never meet."""

    _made = 0

    def __init__(self, name: str) -> None:
        Namespace._made += 1
        self.name = f"{name}-{os.getpid()}-{Namespace._made}"
        self._processes: list[subprocess.Popen[bytes]] = []
        self._undo = ExitStack()

    def __enter__(self) -> Self:
        _ip("netns", "add", self.name)
        self._undo.callback(_ip, "netns", "del", self.name)
        self._undo.callback(self._end_processes)
        try:
            self.ip("link", "set", "lo", "up")
        except subprocess.CalledProcessError:
            self._undo.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def ip(self, *arguments: str) -> None:
        """Run iproute2's `ip` on this namespace. Raises CalledProcessError."""
        _ip("-n", self.name, *arguments)

    def command(self, *arguments: str | Path) -> list[str]:
        """An argument list that runs inside: ip-netns(8)."""
        return ["ip", "netns", "exec", self.name, *map(str, arguments)]

    def run(self, *arguments: str | Path, timeout: float = 60) -> subprocess.CompletedProcess[bytes]:
        """Run a program inside to its end, output captured; its exit status is the caller's to judge."""
        return subprocess.run(self.command(*arguments), capture_output=True, timeout=timeout, check=False)

    def popen(
        self,
        *arguments: str | Path,
        stdout: int | None = None,
        stderr: int | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a program inside, leader of its own process group; it ends with the namespace at the latest."""
        process = subprocess.Popen(self.command(*arguments), stdout=stdout, stderr=stderr, start_new_session=True)
        self._processes.append(process)
        return process

    def _end_processes(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                os.killpg(process.pid, 9)
            process.wait()
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Sockets that the calling thread makes meanwhile belong to this namespace, for as long as they live."""
        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        try:
            _setns(there)
            try:
                yield
            finally:
                _setns(here)
        finally:
            os.close(there)
            os.close(here)


def join(
    left: tuple[Namespace, str, Sequence[str]],
    right: tuple[Namespace, str, Sequence[str]],
) -> None:
    """A veth pair between two namespaces; each end is given as (namespace, interface name, "address/prefix"s)."""
    _ip(
        "link", "add", left[1], "netns", left[0].name, "mtu", str(ETHERNET_MTU),
        "type", "veth", "peer", "name", right[1], "netns", right[0].name, "mtu", str(ETHERNET_MTU),
    )  # fmt: skip
    for namespace, interface, addresses in (left, right):
        for address in addresses:
            # nodad: an IPv6 address is of use at once, not after duplicate address detection's second.
            flags = ["nodad"] if ip_interface(address).version == 6 else []
            namespace.ip("address", "add", address, "dev", interface, *flags)
        namespace.ip("link", "set", interface, "up")
