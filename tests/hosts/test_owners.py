"""Who sends mail past the mail server: real processes of another user's, here and in a container."""

import os
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from tests.hosts.namespaces import Namespace, join
from tests.hosts.owner_scene import (
    BRIDGE,
    CONTAINER,
    HOST,
    HOST6,
    LIMIT,
    NOBODY,
    OTHER_PORT,
    PEER,
    PEER6,
    PORTS,
    Scene,
    owner_scene,
    until,
)

pytestmark = [pytest.mark.xdist_group("hosts"), pytest.mark.needs("namespaces", "nft")]


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with owner_scene() as made:
        yield made


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize(("source", "server"), [(HOST, PEER), (HOST6, PEER6)], ids=["IPv4", "IPv6"])
def test_a_process(scene: Scene, source: str, server: str, port: int) -> None:
    """It stays for 100 ms."""
    started, pids = time.time(), []
    (found,) = scene.told_of(lambda: pids.append(scene.run(*scene.client(server, port))))
    assert found["client_port"] > 1023
    assert started - 0.1 < found["since"] < found["time"] < time.time()
    assert {
        name: found[name] for name in found if name not in ("client_port", "since", "time", "host", "v", "name")
    } == {
        "type": "ProcessSeen", "sensor": "host", "source": source, "server": server, "server_port": port,
        "pid": pids[0], "uid": NOBODY, "user": "nobody", "program": os.path.realpath(sys.executable),
        "directory": str(scene.home), "command": scene.client(server, port),
        "parent": os.getpid(), "parent_name": psutil.Process().name(), "container": "",
    }  # fmt: skip


def test_each_connection_of_a_process(scene: Scene) -> None:
    """They start at the same moment, by the same clock."""
    code = (
        "import socket, time; "
        f"kept = [socket.create_connection(('{PEER}', port), 10) for port in (25, 465)]; time.sleep(0.1)"
    )
    pids: list[int] = []
    found = scene.told_of(lambda: pids.append(scene.run(sys.executable, "-c", code)))
    assert [(line["pid"], line["server_port"]) for line in found] == [(pids[0], 25), (pids[0], 465)]
    assert len({line["since"] for line in found}) == 1
    assert {line["uid"] for line in found} == {0}


def test_a_socket_bound_to_an_interface(scene: Scene) -> None:
    code = (
        "import socket, time; plain = socket.socket(); "
        "plain.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'eth0'); "
        f"plain.connect(('{PEER}', 25)); time.sleep(0.1)"
    )
    (found,) = scene.told_of(lambda: scene.run(sys.executable, "-c", code))
    assert found["server"] == PEER


@pytest.mark.parametrize("server", ["127.0.0.1", "::1", HOST, HOST6])
def test_connections_to_this_host_are_not_told(scene: Scene, server: str) -> None:
    assert scene.told_of(lambda: [scene.run(*scene.client(server, port)) for port in PORTS]) == []


def test_other_ports_are_not_told(scene: Scene) -> None:
    assert scene.told_of(lambda: scene.run(*scene.client(PEER, OTHER_PORT))) == []


def test_connections_to_us_are_not_told(scene: Scene) -> None:
    def come() -> None:
        for server in (HOST, HOST6):
            scene.run(*scene.client(server, 25), namespace=scene.peer)

    assert scene.told_of(come) == []


@pytest.mark.needs("unshare")
def test_in_a_container(scene: Scene) -> None:
    """Seen on the bridge's two sides, and as the host's own on the way out; its process has another id inside."""
    pids = []

    def send() -> None:
        command = ("unshare", "--pid", "--fork", "--mount-proc", *scene.client(PEER, 25, 2.0))
        outer = scene.inside.popen(*command)
        until(lambda: psutil.Process(outer.pid).children() != [])
        pids.append(psutil.Process(outer.pid).children()[0].pid)
        assert outer.wait(LIMIT) == 0

    (found,) = scene.told_of(send)
    assert (found["pid"], found["source"], found["server"]) == (pids[0], CONTAINER, PEER)
    assert (found["uid"], found["parent_name"], found["directory"]) == (NOBODY, "unshare", str(scene.home))


def test_in_a_container_that_begins_at_once(scene: Scene) -> None:
    """Nobody has known its network before."""
    with Namespace("fresh") as fresh:
        join((scene.host, "veth1", ()), (fresh, "eth0", ("172.18.0.3/16",)))
        scene.host.ip("link", "set", "veth1", "master", "br0")
        fresh.ip("route", "add", "default", "via", BRIDGE)
        (found,) = scene.told_of(lambda: scene.run(*scene.client(PEER, 25), namespace=fresh))
    assert (found["source"], found["uid"]) == ("172.18.0.3", NOBODY)


def test_in_a_container_to_this_host(scene: Scene) -> None:
    """Its mail server is what they are to use."""
    assert scene.told_of(lambda: scene.run(*scene.client(HOST, 25), namespace=scene.inside)) == []
