"""Blocking on a real mail host: a burst is cut off, everybody else goes on, and it is undone."""

from collections.abc import Iterator

import pytest

from tests.hosts.client import Client
from tests.hosts.walled import (
    ELSEWHERE,
    OTHER,
    SPAMMER,
    Walled,
    other_rules,
    until,
    walled,
)

pytestmark = [
    pytest.mark.xdist_group("blocks"),
    pytest.mark.needs("namespaces", "postfix", "smtp-source", "saslpasswd2", "openssl", "nft", "iptables", "ipset"),
]

BACKENDS = ("nftables", "iptables")


@pytest.fixture(scope="module", params=[False, True], ids=["host", "container"])
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walled]:
    with walled(tmp_path_factory.mktemp("walled"), contained=request.param) as made:
        yield made


@pytest.fixture(scope="module", params=["alone", "ufw", "firewalld", "fail2ban"])
def others(request: pytest.FixtureRequest, scene: Walled) -> Iterator[str]:
    """Rules of other tools, which must neither be changed nor let through what is blocked."""
    with other_rules(scene, request.param):
        yield request.param


def rules(scene: Walled) -> str:
    """All that is not ours, without counters."""
    listed = scene.mx.run("sh", "-c", "nft -s list ruleset; iptables-legacy-save 2>/dev/null; ipset save -sorted")
    kept, ours = [], False
    for line in listed.stdout.decode().splitlines():
        if line.startswith("table "):
            ours = line == "table inet smtpwatch {" or line.endswith(" raw {")
        if not ours and "smtpwatch" not in line:
            kept.append(line)
    return "\n".join(kept)


def dead(client: Client) -> bool:
    """The session has ended, and its client knows."""
    client._socket.settimeout(2)
    try:
        return client._socket.recv(100) == b""
    except (ConnectionResetError, BrokenPipeError):
        return True
    except TimeoutError:
        return False


def silent(client: Client) -> bool:
    """Nothing is answered any more."""
    try:
        client.send(b"NOOP\r\n")
        client._socket.settimeout(0.5)
        return client._socket.recv(100) == b""
    except (TimeoutError, ConnectionResetError, BrokenPipeError):
        return True


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_burst_is_cut_off_and_nobody_else(scene: Walled, others: str, backend: str) -> None:
    before = rules(scene)
    with (
        scene.burst(SPAMMER) as count,
        scene.client(SPAMMER) as spammer,
        scene.client(OTHER) as other,
        scene.client(SPAMMER, ELSEWHERE) as ssh,
    ):
        until(lambda: count() > 5, "a burst")
        spammer.command("EHLO spammer.example.net")
        done = scene.smtpwatch("block", SPAMMER, "--why", "burst", options=("--firewall", backend))
        said = done.stdout.decode()
        assert done.returncode == 0, done.stderr
        assert f"blocked {SPAMMER} for 1 h on 25, 465, 587; verified ({backend}), " in said and "ended" in said
        cut_off_at = count()
        assert silent(spammer) and dead(spammer)
        assert not scene.reaches(SPAMMER) and scene.reaches(OTHER)
        assert other.command("NOOP").code == 250
        ssh.send(b"still here\n")
        assert ssh._socket.recv(100) == b"still here\n"
        assert scene.reaches(SPAMMER, ELSEWHERE)
        assert count() == cut_off_at
    (block,) = scene.blocks("--firewall", backend)
    assert (block["network"], block["why"], block["state"]) == (f"{SPAMMER}/32", "burst", "verified")
    assert block["dropped"] > 0
    assert rules(scene) == before
    undone = scene.smtpwatch("unblock", SPAMMER, options=("--firewall", backend))
    assert undone.returncode == 0 and scene.reaches(SPAMMER)
    assert scene.blocks("--firewall", backend) == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_all_ports(scene: Walled, backend: str) -> None:
    with scene.client(SPAMMER, ELSEWHERE) as ssh:
        done = scene.smtpwatch("block", SPAMMER, "--all-ports", options=("--firewall", backend))
        assert done.returncode == 0, done.stderr
        assert not scene.reaches(SPAMMER, ELSEWHERE) and not scene.reaches(SPAMMER)
        assert dead(ssh)
    scene.smtpwatch("unblock", SPAMMER, options=("--firewall", backend))
    assert scene.reaches(SPAMMER, ELSEWHERE)
