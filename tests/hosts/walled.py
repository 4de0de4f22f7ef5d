"""A mail host with a firewall: a real Postfix, an abusive sender, another one, and what else goes on there.

Its namespaces have firewalls of their own; nothing here is ever done in the machine's."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, NamedTuple

from tests.hosts.client import Client
from tests.hosts.namespaces import Namespace, join
from tests.hosts.postfix import Postfix
from tests.hosts.program import PROGRAM

MX, MX6 = "192.0.2.25", "2001:db8::25"
GATEWAY, GATEWAY6 = "192.0.2.1", "2001:db8::1"
SPAMMER, SPAMMER6 = "203.0.113.66", "2001:db8:66::66"
OTHER, OTHER6 = "203.0.113.200", "2001:db8:77::77"
RECIPIENT, UNKNOWN = "alice@example.org", "nobody@example.org"
ELSEWHERE = 2222
"""A port that is no mail's: as SSH, a long session whose lines come back."""

BRIDGED = "192.0.2.26"
"""A container on the wire itself, by a bridge that the host's own interface hangs on too."""
BRIDGE, CONTAINER = "172.18.0.1", "172.18.0.2"
SOON = 0.6  # seconds within which a connection on this wire is made, if it is made at all
LIMIT = 20.0

_POSTFIX = {"inet_protocols": "all", "smtpd_hard_error_limit": "1000000"}

ECHO = """
import socket, sys, threading
def serve(family, address):
    with socket.create_server((address, int(sys.argv[1])), family=family) as server:
        while True:
            session = server.accept()[0]
            threading.Thread(target=lambda: [session.sendall(line) for line in session.makefile("rb", 0)]).start()
threading.Thread(target=serve, args=(socket.AF_INET6, "::")).start()
serve(socket.AF_INET, "0.0.0.0")
"""


def assert_confined(namespace: Namespace) -> None:
    """It is a firewall of its own that is about to be changed, and not the machine's."""
    machine = os.stat("/proc/self/ns/net")  # noqa: PTH116
    own = os.stat(f"/run/netns/{namespace.name}")  # noqa: PTH116
    assert (machine.st_dev, machine.st_ino) != (own.st_dev, own.st_ino), "this would change the machine's own firewall"


class Walled(NamedTuple):
    """`mx` is the host under watch; its Postfix runs in `inside`, which is `mx` too, or a container on it. `world` has
    the clients."""

    mx: Namespace
    inside: Namespace
    world: Namespace
    postfix: Postfix
    directory: Path
    geo: str

    def smtpwatch(self, *arguments: str, options: tuple[str, ...] = ()) -> CompletedProcess[bytes]:
        """The command, run on the host as its admin does."""
        assert_confined(self.mx)
        return self.mx.run(PROGRAM, *arguments, *self.settings, *options)

    @property
    def settings(self) -> tuple[str, ...]:
        """What ties it to this scene's journal and log."""
        return ("--set", f"journal={self.directory}/journal.jsonl", "--log", str(self.postfix.log), "--geo", self.geo)

    def blocks(self, *options: str) -> list[dict[str, Any]]:
        """What `smtpwatch blocks` lists."""
        done = self.smtpwatch("blocks", "--json", options=options)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def python(self, code: str, *arguments: str) -> CompletedProcess[bytes]:
        """Python on the host, with our packages."""
        assert_confined(self.mx)
        return self.mx.run(sys.executable, "-c", code, *arguments)

    @contextmanager
    def client(self, source: str, port: int = 25, server: str = "") -> Iterator[Client]:
        """A session of that client's with Postfix; on ELSEWHERE with the other service."""
        server = server or (MX6 if ":" in source else MX)
        with self.world.entered():
            client = Client(server, port, source=source)
        with client:
            if port == 25:
                assert client.reply().code == 220
            yield client

    def reaches(self, source: str, port: int = 25) -> bool:
        """Whether it gets a connection, and an answer on it; False if it gets nothing at all. Raises
        ConnectionRefusedError where it is told no."""
        family, server = (socket.AF_INET6, MX6) if ":" in source else (socket.AF_INET, MX)
        with self.world.entered():
            plain = socket.socket(family, socket.SOCK_STREAM)
        with plain, suppress(TimeoutError):
            plain.settimeout(SOON)
            plain.bind((source, 0))
            plain.connect((server, port))
            if port == ELSEWHERE:
                plain.sendall(b"ping\n")
            return bool(plain.recv(100))
        return False

    def serves(self, port: int) -> bool:
        """Whether somebody listens there already."""
        with suppress(ConnectionRefusedError):
            return self.reaches(OTHER, port)
        return False

    @contextmanager
    def burst(self, source: str) -> Iterator[Callable[[], int]]:
        """Refused mail from there meanwhile, some twenty sessions at once; gives a count of the sessions so far."""
        self.world.ip("route", "replace", f"{MX}/32", "via", MX, "dev", "eth0", "onlink", "src", source)
        loop = (
            f"while :; do timeout 1 smtp-source -A -d -s 20 -w 1 -m 1000000 -f x@example.net -t {UNKNOWN} {MX}:25; done"
        )
        sender = self.world.popen("sh", "-c", loop, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield lambda: self.postfix.log.read_text().count(f"connect from unknown[{source}]")
        finally:
            os.killpg(sender.pid, 9)


@contextmanager
def walled(
    directory: Path,
    contained: bool = False,
    bridged: bool = False,
    settings: Mapping[str, str] | None = None,
    world_addresses: tuple[str, ...] = (),
    accounts: Mapping[str, str] | None = None,
    geo: str = "none",
) -> Iterator[Walled]:
    """The scene; `contained`: Postfix is in a container behind a bridge of the host; `bridged`: at BRIDGED."""
    clients = (f"{SPAMMER}/32", f"{OTHER}/32", f"{SPAMMER6}/128", f"{OTHER6}/128")
    with ExitStack() as stack:
        mx, world = (stack.enter_context(Namespace(name)) for name in ("mx", "world"))
        join(
            (mx, "eth0", (f"{MX}/24", f"{MX6}/64")),
            (world, "eth0", (f"{GATEWAY}/24", f"{GATEWAY6}/64", *clients, *world_addresses)),
        )
        mx.ip("route", "add", "default", "via", GATEWAY)
        mx.ip("-6", "route", "add", "default", "via", GATEWAY6)
        inside = mx
        if bridged:
            inside = stack.enter_context(Namespace("container"))
            _put_on_the_wire(mx, inside)
        elif contained:
            inside = stack.enter_context(Namespace("container"))
            _put_in_container(mx, inside)
        postfix = stack.enter_context(
            Postfix(
                inside,
                "mx.example.org",
                recipients=[RECIPIENT],
                accounts=accounts,
                settings={**_POSTFIX, **(settings or {})},
            )
        )
        mx.popen(sys.executable, "-c", ECHO, str(ELSEWHERE))
        scene = Walled(mx, inside, world, postfix, directory, geo)
        until(lambda: scene.serves(ELSEWHERE), "the other service")
        yield scene


def _put_in_container(mx: Namespace, inside: Namespace) -> None:
    """As Docker does it: a veth pair, a bridge, and mail's ports sent there; FORWARD lets in what it has to."""
    mx.ip("link", "add", "docker0", "type", "bridge")
    mx.ip("address", "add", f"{BRIDGE}/16", "dev", "docker0")
    mx.ip("link", "set", "docker0", "up")
    join((mx, "veth0", ()), (inside, "eth0", (f"{CONTAINER}/16",)))
    mx.ip("link", "set", "veth0", "master", "docker0")
    inside.ip("route", "add", "default", "via", BRIDGE)
    assert_confined(mx)
    mx.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    done = mx.run("sh", "-c", f"iptables-restore <<'END'\n{DOCKER}\nEND")
    assert done.returncode == 0, done.stderr


def _put_on_the_wire(mx: Namespace, inside: Namespace) -> None:
    mx.ip("link", "add", "br0", "type", "bridge")
    mx.ip("address", "flush", "dev", "eth0")
    mx.ip("address", "add", f"{MX}/24", "dev", "br0")
    mx.ip("link", "set", "eth0", "master", "br0")
    mx.ip("link", "set", "br0", "up")
    assert_confined(mx)
    mx.run("sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=0")  # as it is where br_netfilter is not there
    mx.ip("route", "add", "default", "via", GATEWAY)
    join((mx, "veth0", ()), (inside, "eth0", (f"{BRIDGED}/24",)))
    mx.ip("link", "set", "veth0", "master", "br0")
    inside.ip("route", "add", "default", "via", GATEWAY)


DOCKER = f"""\
*nat
:PREROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 25 -j DNAT --to-destination {CONTAINER}:25
-A POSTROUTING -s 172.18.0.0/16 ! -o docker0 -j MASQUERADE
COMMIT
*filter
:FORWARD DROP [0:0]
:DOCKER - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A FORWARD -i docker0 -o docker0 -j ACCEPT
-A DOCKER -d {CONTAINER}/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 25 -j ACCEPT
-A DOCKER-USER -j RETURN
COMMIT"""

FIREWALLD = """\
table inet firewalld {
  chain mangle_PREROUTING { type filter hook prerouting priority -140; policy accept; accept; }
  chain filter_PREROUTING {
    type filter hook prerouting priority -290; policy accept;
    icmpv6 type { nd-router-advert, nd-neighbor-solicit } accept
    meta nfproto ipv6 fib saddr . mark . iif oif missing drop
  }
  chain filter_IN_public {
    meta l4proto { icmp, ipv6-icmp } accept
    tcp dport { 22, 25, 465, 587, 2222 } ct state { new, untracked } accept
  }
  chain filter_INPUT_ZONES { goto filter_IN_public; }
  chain filter_INPUT {
    type filter hook input priority 10; policy accept;
    ct state { established, related } accept
    ct status dnat accept
    iifname "lo" accept
    jump filter_INPUT_ZONES
    ct state { invalid } drop
    reject with icmpx type admin-prohibited
  }
}
"""


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait for it, or fail."""
    end = time.monotonic() + LIMIT
    while not holds():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.02)


UFW = """\
*filter
:INPUT DROP [0:0]
:ufw-before-input - [0:0]
:ufw-user-input - [0:0]
:ufw-after-input - [0:0]
-A INPUT -j ufw-before-input
-A INPUT -j ufw-after-input
-A ufw-before-input -i lo -j ACCEPT
-A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-before-input -m conntrack --ctstate INVALID -j DROP
-A ufw-before-input -j ufw-user-input
-A ufw-user-input -p tcp -m tcp --dport 25 -j ACCEPT
-A ufw-user-input -p tcp -m tcp --dport 2222 -j ACCEPT
COMMIT"""

FAIL2BAN = """\
*filter
:f2b-postfix - [0:0]
-A INPUT -p tcp -m multiport --dports 25,465,587 -j f2b-postfix
-A f2b-postfix -s 198.51.100.99/32 -j REJECT --reject-with icmp-port-unreachable
-A f2b-postfix -j RETURN
COMMIT"""

OTHERS = {
    "alone": ("true", ""),
    "ufw": ("iptables-restore --noflush", UFW),
    "firewalld": ("nft -f -", FIREWALLD),
    "fail2ban": ("iptables-restore --noflush", FAIL2BAN),
}
"""What loads them, and the rules, of tools that share the firewall with us."""


@contextmanager
def other_rules(scene: Walled, name: str) -> Iterator[None]:
    """The rules of that tool are there meanwhile."""
    program, rules = OTHERS[name]
    assert_confined(scene.mx)
    done = scene.mx.run("sh", "-c", f"{program} <<'END'\n{rules}\nEND")
    assert done.returncode == 0, done.stderr
    try:
        yield
    finally:
        scene.mx.run("nft", "delete", "table", "inet", "firewalld")
        scene.mx.run("sh", "-c", "iptables -t filter -P INPUT ACCEPT; iptables -t filter -F INPUT")
