"""A host that is watched for who sends mail past its mail server, a container on it, and a peer elsewhere."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.hosts.namespaces import Namespace, join
from tests.hosts.program import Facts, Live, running

HOST, HOST6 = "192.0.2.25", "2001:db8::25"
PEER, PEER6 = "192.0.2.7", "2001:db8::7"
BRIDGE, CONTAINER = "172.18.0.1", "172.18.0.2"
NOBODY = 65534
PORTS = (25, 465, 587)
OTHER_PORT = 2525
LIMIT = 20.0  # seconds

_PEER = """
import socket, sys
from selectors import DefaultSelector, EVENT_READ
waiting, kept = DefaultSelector(), []
for address in sys.argv[1].split(","):
    for port in map(int, sys.argv[2].split(",")):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        waiting.register(socket.create_server((address, port), family=family), EVENT_READ)
print("up", flush=True)
while True:
    for key, _ in waiting.select():
        kept.append(key.fileobj.accept())
"""
# Becomes nobody in a directory of its own; connects, and stays for that long.
_CLIENT = """
import os, socket, sys, time
directory, server, port, seconds = sys.argv[1:5]
os.chdir(directory)
os.setgroups([]), os.setgid(65534), os.setuid(65534)
with socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET) as plain:
    plain.connect((server, int(port)))
    time.sleep(float(seconds))
"""


class Scene(NamedTuple):
    """`host` is under watch, by `events`; `peer` is elsewhere. `inside` is a container on the host, behind a bridge;
    `home` is a directory for clients to run in."""

    host: Namespace
    peer: Namespace
    inside: Namespace
    home: Path
    events: Live

    def client(self, server: str, port: int, seconds: float = 0.1) -> list[str]:
        """A program that connects to there."""
        return [sys.executable, str(self.home / "client.py"), str(self.home), server, str(port), str(seconds)]

    def run(self, *command: str, namespace: Namespace | None = None) -> int:
        """Run it to its end; its process id."""
        process = (namespace or self.host).popen(*command)
        assert process.wait(LIMIT) == 0
        return process.pid

    def told(self) -> list[Facts]:
        """Processes told so far."""
        return [line for line in self.events.lines if line["type"] == "ProcessSeen"]

    def told_of(self, act: Callable[[], object]) -> list[Facts]:
        """What is told of what happens meanwhile: until a connection that comes after it is told."""
        before = len(self.told())
        act()
        mark = self.run(*self.client(PEER, 587))
        assert self.events.wait(lambda _: any(line["pid"] == mark for line in self.told()), LIMIT), self.events.output
        (*found, last) = self.told()[before:]
        assert last["pid"] == mark
        return found


@contextmanager
def owner_scene() -> Iterator[Scene]:
    """The scene, its sensor running."""
    with ExitStack() as stack:
        # pytest's own directories are closed to all but root.
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="owners-")))
        home.chmod(0o755)
        (home / "client.py").write_text(_CLIENT)
        host, peer, inside = (stack.enter_context(Namespace(name)) for name in ("mx", "peer", "container"))
        join((host, "eth0", (f"{HOST}/24", f"{HOST6}/64")), (peer, "eth0", (f"{PEER}/24", f"{PEER6}/64")))
        _serve(peer, f"{PEER},{PEER6}")
        _serve(host, f"127.0.0.1,::1,{HOST},{HOST6}")
        _put_in_container(host, inside)
        events = stack.enter_context(Live(host, "events", "--sensors", "host", "--no-certificates"))
        assert events.wait(running, LIMIT), events.output
        yield Scene(host, peer, inside, home, events)


def _serve(namespace: Namespace, addresses: str) -> None:
    ports = ",".join(map(str, (*PORTS, OTHER_PORT)))
    server = namespace.popen(sys.executable, "-c", _PEER, addresses, ports, stdout=subprocess.PIPE)
    assert server.stdout is not None
    assert server.stdout.readline() == b"up\n"


def _put_in_container(host: Namespace, inside: Namespace) -> None:
    """Behind a bridge, and the host's own address for all that leaves it."""
    host.ip("link", "add", "br0", "type", "bridge")
    host.ip("address", "add", f"{BRIDGE}/16", "dev", "br0")
    host.ip("link", "set", "br0", "up")
    join((host, "veth0", ()), (inside, "eth0", (f"{CONTAINER}/16",)))
    host.ip("link", "set", "veth0", "master", "br0")
    inside.ip("route", "add", "default", "via", BRIDGE)
    rules = "table ip nat { chain out { type nat hook postrouting priority 100; oifname eth0 masquerade; }; }"
    for command in (("sysctl", "-qw", "net.ipv4.ip_forward=1"), ("nft", rules)):
        done = host.run(*command)
        assert done.returncode == 0, done.stderr


def until(holds: Callable[[], bool]) -> None:
    """Wait for it, or fail."""
    end = time.monotonic() + LIMIT
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)
