"""A host whose firewall is ipset with iptables, of either kind, for tests."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path

import pytest

from smtpwatch.firewall.backend import Change, Held, Kind, Wanted
from smtpwatch.firewall.block import Scope
from smtpwatch.firewall.ipset import IpsetIptables
from smtpwatch.firewall.prefixes import Network
from smtpwatch.firewall.tool import PATH, find
from tests.hosts.namespaces import Namespace

MAIL = 25


def net(text: str) -> Network:
    """As the backends name it."""
    return ip_network(text)


def wanted(text: str, scope: Scope = "smtp", seconds: float | None = 600, tag: str = "7") -> Wanted:
    """Ten minutes for the ports of mail, if not said otherwise."""
    return Wanted(net(text), scope, seconds, tag)


def change(*add: Wanted, remove: tuple[tuple[str, Scope], ...] = ()) -> Change:
    """What is removed stands among what is there already."""
    kinds = frozenset(Kind(scope, net(text).version, net(text).prefixlen) for text, scope in remove)
    return Change((MAIL, 587), add, tuple((net(text), scope) for text, scope in remove), kinds)


class Firewall:
    """A host with a firewall of its own, and the backend at work in it."""

    def __init__(self, host: Namespace, directory: Path, kind: str) -> None:
        self.host = host
        self.directory = directory
        self.path = f"{directory}:{PATH}"
        self.backend = IpsetIptables(self.path)
        for name in ("iptables", "ip6tables"):
            for end in ("", "-restore", "-save"):
                (directory / f"{name}{end}").symlink_to(find(f"xtables-{kind}-multi") or "missing")

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Programs that the calling thread starts meanwhile act on this host."""
        with self.host.entered():
            assert_in(self.host)
            yield

    def apply(self, change: Change) -> None:
        """The backend's."""
        with self.inside():
            self.backend.apply(change)

    def read(self) -> Held:
        """The backend's."""
        with self.inside():
            return self.backend.read()

    def run(self, *arguments: str) -> str:
        """A program of this host's, which has to end well."""
        program = find(arguments[0], self.path)
        assert program is not None
        with self.inside():
            ran = subprocess.run([program, *arguments[1:]], capture_output=True, text=True, check=True, timeout=20)
        return ran.stdout

    def all_of_it(self) -> list[str]:
        """Every rule and every member of this host's, without times and counters."""
        rules: list[str] = []
        for program in ("iptables", "ip6tables"):
            table = ""
            for line in self.run(f"{program}-save").splitlines():
                if line.startswith("*"):
                    table = line  # told with its rules only: an empty one comes about by looking
                elif line.startswith("-A"):
                    rules.append(f"{program} {table} {line}")
        return rules + sorted(line.partition(" timeout ")[0] for line in self.run("ipset", "save").splitlines())

    def instead(self, name: str, script: str) -> None:
        """Put a shell script in the place of a program."""
        (self.directory / name).unlink(missing_ok=True)
        (self.directory / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.directory / name).chmod(0o755)


_HERE = Path("/proc/thread-self/ns/net")
_MACHINE = _HERE.stat().st_ino
"""The namespace that the tests were started in. That of process 1 is not for everyone to see."""


def assert_in(host: Namespace) -> None:
    """What follows acts on that host, and never on the machine itself."""
    assert _MACHINE != _HERE.stat().st_ino == Path(f"/run/netns/{host.name}").stat().st_ino


def _has(kind: str) -> bool:
    """The kernel may lack what iptables-legacy needs."""
    program = find(f"iptables-{kind}")
    if program is None or shutil.which("unshare") is None:
        return False
    tried = ["unshare", "--net", program, "-w", "5", "-t", "raw", "-S"]
    return subprocess.run(tried, capture_output=True, check=False, timeout=20).returncode == 0


@contextmanager
def firewall_host(directory: Path, kind: str) -> Iterator[Firewall]:
    """A host with iptables of that kind, "nft" or "legacy". Skips the test where the kernel has none such."""
    if not _has(kind):
        pytest.skip(f"the kernel has no iptables-{kind}")
    with Namespace("ipset") as host:
        yield Firewall(host, directory, kind)


def until(holds: Callable[[], bool]) -> None:
    """Wait for it, 5 s at most."""
    limit = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.02)
