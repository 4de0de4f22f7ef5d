"""What must never be blocked on this host, as it is now: read from the system itself."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path

import psutil

from smtpwatch.config import Config
from smtpwatch.firewall.guard import Protected
from smtpwatch.firewall.prefixes import Network, NetworkError, as_network, unmapped
from smtpwatch.firewall.routes import Route, routes
from smtpwatch.firewall.sockets import SocketsError
from smtpwatch.firewall.ssh_peers import SshPeers
from smtpwatch.trusted import Trusted, TrustedNetwork

BRIDGES = ("docker", "br-", "cni", "podman", "virbr", "lxdbr", "lxcbr", "incusbr", "vboxnet", "veth")
"""How the interfaces that containers and virtual machines hang on are called by those who make them."""

ANYBODY = {4: 8, 6: 16}
"""The shortest prefixes by which a mail server can mean its own people. One that trusts the whole world is an open
relay, and its abusers are the ones to block."""

NOT_ROUTED = (IPv6Network("fc00::/7"), IPv6Network("fe80::/10"))

RESOLVER_FILES = ("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf")
"""resolv.conf(5), and who systemd-resolved asks in turn."""


class Surroundings:
    """All that is protected here. `trusted` asks the mail server whom it trusts."""

    def __init__(self, config: Config, trusted: Callable[[], Trusted]) -> None:
        self._config = config
        self._trusted = trusted
        self._ssh = SshPeers()
        self._still: tuple[Protected, ...] = ()
        self._whom: list[TrustedNetwork] = []
        self.notes: tuple[str, ...] = ()
        """What could not be read, a line each; text from outside."""

    def look(self) -> None:
        """Look at all that seldom changes; takes some 50 ms."""
        self._ssh.learn()
        trusted = self._trusted()
        networks = [each._replace(network=unmapped(each.network)) for each in trusted.networks]
        whom = [each for each in networks if not _anybody(each.network)]
        self.notes = (
            *trusted.notes,
            *(
                f"{each.server} trusts {each.network} ({each.setting}): anybody, which protects nobody"
                for each in networks
                if each not in whom
            ),
            *filter(None, (self._ssh.problem,)),
        )
        if trusted.notes:  # what could not be read just now is not what there is none of
            whom += [each for each in self._whom if each not in whom]
        self._whom = whom
        self._still = (
            *_configured(self._config),
            *own_addresses(),
            *local_routes(),
            *gateways(),
            *resolvers(),
            *(Protected(each.network, "mynetworks", f"trusted by {each.server} ({each.setting})") for each in whom),
        )

    def protected(self) -> list[Protected]:
        """Everything, with those who are logged in by SSH at this moment, or have connected to it."""
        try:
            peers = self._ssh.peers()
        except SocketsError:  # what was learnt before still holds
            peers = {}
        ssh = [
            Protected(single(address), "ssh" if peer.logged_in else "ssh open", peer.says)
            for address, peer in peers.items()
        ]
        return [*ssh, *self._still]


def _anybody(network: Network) -> bool:
    """It is too much of the world for one's own people. What is not routed in it (RFC 4193, 4291) is never that."""
    inside = isinstance(network, IPv6Network) and any(map(network.subnet_of, NOT_ROUTED))
    return not inside and network.prefixlen < ANYBODY[network.version]


def single(address: IPv4Address | IPv6Address) -> Network:
    """The network of that address alone."""
    return ip_network(address)


def _configured(config: Config) -> Iterator[Protected]:
    for text in config.allow:
        yield Protected(as_network(text), "allowlist", "on the allowlist (allow)")
    for text in config.proxies:
        yield Protected(as_network(text), "proxy", "a proxy that others come through (proxies)")
    for network in config.networks():
        yield Protected(unmapped(network), "own address", "ours (local)")


def own_addresses() -> Iterator[Protected]:
    """The addresses of this host's interfaces; and the networks of bridges that containers hang on."""
    for name, addresses in psutil.net_if_addrs().items():
        for each in addresses:
            if each.family not in (socket.AF_INET, socket.AF_INET6):
                continue
            address = _address(each.address)
            if address is None or address.is_loopback:
                continue
            yield Protected(single(address), "own address", f"an address of this host ({name})")
            if name.startswith(BRIDGES) and each.netmask:
                with suppress(NetworkError):
                    network = as_network(f"{address}/{_length(each.netmask)}")
                    yield Protected(network, "container", f"containers of this host ({name})")


def _length(netmask: str) -> int:
    packed = ip_address(netmask.partition("/")[0])
    return int(packed).bit_count()


def gateways() -> Iterator[Protected]:
    """The next hops of default routes, of all tables. Behind one that rewrites sources, all clients have its
    address."""
    for route in _routes():
        if not route.local and not route.network.prefixlen:
            for hop in route.hops:
                yield Protected(single(hop.gateway), "gateway", f"the default gateway ({hop.interface})")


def local_routes() -> Iterator[Protected]:
    """What else this host takes for its own: an address of a service that no interface has. Not what is caught of the
    whole world for a proxy."""
    own = {each.network for each in own_addresses()}
    for route in _routes():
        network = route.network
        if route.local and network not in own and not network.is_loopback and not _anybody(network):
            yield Protected(network, "own address", "an address of this host (a local route)")


def _routes() -> list[Route]:
    try:
        return list(routes())
    except OSError:  # the namespace of a process that has just ended
        return []


def resolvers(files: Iterable[str] = RESOLVER_FILES) -> Iterator[Protected]:
    """The DNS servers that this host asks: without them the mail server can check no client."""
    for file in files:
        for line in _lines(Path(file)):
            words = line.split()
            address = _address(words[1]) if len(words) > 1 and words[0] == "nameserver" else None
            if address is not None and not address.is_loopback:
                yield Protected(single(address), "resolver", f"a DNS resolver of this host ({file})")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return []


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """An address without its zone; None for what is none."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
