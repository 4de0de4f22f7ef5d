"""One key in the real console, on a real terminal, on a real mail host under a burst."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from smtpwatch.firewall.surroundings import resolvers
from tests.hosts.client import Client
from tests.hosts.program import PROGRAM
from tests.hosts.test_blocks import dead, silent
from tests.hosts.walled import (
    BRIDGED,
    ELSEWHERE,
    GATEWAY,
    MX,
    OTHER,
    RECIPIENT,
    SPAMMER,
    Walled,
    assert_confined,
    other_rules,
    until,
    walled,
)
from tests.test_terminal import Tmux

pytestmark = [
    pytest.mark.xdist_group("blocks"),
    pytest.mark.needs(
        "namespaces", "postfix", "smtp-source", "saslpasswd2", "openssl", "nft", "iptables", "ipset", "tmux"
    ),
]

TRUSTED, ALLOWED, PROXY, ADMIN = "198.51.100.30", "198.51.100.31", "198.51.100.32", "198.51.100.33"
VOUCHER, HIDDEN = "198.51.100.34", "198.51.100.35"
"""Postfix believes the one when it names the other as its client (XCLIENT)."""
RESOLVER = next((str(each.network.network_address) for each in resolvers() if each.network.version == 4), "")
CLIENTS = tuple(filter(None, (TRUSTED, ALLOWED, PROXY, ADMIN, VOUCHER, RESOLVER)))


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walled]:
    settings = {"mynetworks": f"127.0.0.0/8 {TRUSTED}/32", "smtpd_authorized_xclient_hosts": VOUCHER}
    addresses = tuple(f"{each}/32" for each in CLIENTS)
    with walled(tmp_path_factory.mktemp("watched"), settings=settings, world_addresses=addresses) as made:
        yield made


@pytest.fixture(params=["nftables", "iptables"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def console(scene: Walled, directory: Path, *options: str, size: tuple[int, int] = (120, 40)) -> Tmux:
    assert_confined(scene.mx)
    command = scene.mx.command(
        "env", f"SSH_CONNECTION={ADMIN} 50000 {MX} 22", PROGRAM, *scene.settings, "--no-names", "--no-certificates",
        *options,
    )  # fmt: skip
    return Tmux(directory, command, size)


@pytest.fixture
def screen(scene: Walled, backend: str, tmp_path: Path) -> Iterator[Tmux]:
    tmux = console(scene, tmp_path, "--firewall", backend)
    tmux.shows("● wire", "● log")
    yield tmux
    tmux.close()
    scene.smtpwatch("unblock", "--mine", options=("--firewall", backend))


def says(screen: Tmux, words: str) -> None:
    """Until it does, on however many lines."""
    screen.until(lambda shown: words in " ".join(shown.split()), words)


def pick(screen: Tmux, pane: str, source: str) -> None:
    """Put the cursor on that source's row, which alone is shown."""
    screen.keys(pane, "/", "C-u", typed=f"src:{source}")
    screen.keys("Enter")
    screen.until(lambda shown: source in shown and "1 of" in shown, f"{source} alone")
    screen.keys("Down")
    time.sleep(0.7)  # as long as it takes to see what is there


def test_one_key_cuts_it_off_and_another_lets_it_in(scene: Walled, screen: Tmux, backend: str) -> None:
    cuts_off(scene, screen, backend)


@pytest.mark.parametrize("others", ["ufw", "firewalld", "Docker"])
def test_beside_the_rules_of_others(tmp_path: Path, others: str, backend: str) -> None:
    """Docker's own come with the container that Postfix is in then."""
    with (
        walled(tmp_path, contained=others == "Docker") as scene,
        other_rules(scene, "alone" if others == "Docker" else others),
    ):
        screen = console(scene, tmp_path, "--firewall", backend)
        try:
            screen.shows("● wire", "● log")
            cuts_off(scene, screen, backend)
        finally:
            screen.close()


def cuts_off(scene: Walled, screen: Tmux, backend: str) -> None:
    """The burst ends, with its live session, and nothing else does; then it goes on again."""
    with (
        scene.burst(SPAMMER) as count,
        scene.client(SPAMMER) as spammer,
        scene.client(OTHER) as other,
        scene.client(SPAMMER, ELSEWHERE) as ssh,
    ):
        spammer.command("EHLO spammer.example.net")
        screen.shows(SPAMMER, "unknown user")
        pick(screen, "2", SPAMMER)
        screen.keys("b")
        screen.shows(f"✓ blocked {SPAMMER} for 1 h", "ended, verified", "u undo")
        cut_off_at = count()
        assert silent(spammer) and dead(spammer)
        assert not scene.reaches(SPAMMER) and scene.reaches(OTHER)
        assert other.command("NOOP").code == 250
        ssh.send(b"still here\n")
        assert ssh._socket.recv(100) == b"still here\n" and scene.reaches(SPAMMER, ELSEWHERE)
        screen.keys("8")
        screen.shows(SPAMMER, "verified", "yes", "refused (unknown user)")
        assert count() == cut_off_at
        (block,) = scene.blocks("--firewall", backend)
        assert block["network"] == f"{SPAMMER}/32" and block["dropped"] > 0 and "refused" in block["why"]
        screen.keys("u")
        screen.shows(f"✓ let in again: {SPAMMER}")
        assert scene.reaches(SPAMMER)
        until(lambda: count() > cut_off_at, "the burst again")


def test_a_source_that_comes_in_by_a_bridge_is_told_to_get_in(tmp_path: Path) -> None:
    """Frames that the host only bridges to a container are seen on the wire, but pass no hook of its firewall."""
    with walled(tmp_path, bridged=True) as scene:
        screen = console(scene, tmp_path, "--firewall", "nftables", "--local", BRIDGED)
        try:
            screen.shows("● wire")
            with scene.client(SPAMMER, server=BRIDGED) as spammer:
                spammer.command("EHLO spammer.example.net")
                pick(screen, "2", SPAMMER)
                screen.keys("b")
                says(screen, f"✓ blocked {SPAMMER} for 1 h")
                assert dead(spammer)  # the container is our neighbour, so that its sockets can be ended
                time.sleep(2.5)
                with scene.client(SPAMMER, server=BRIDGED) as again:
                    assert again.command("NOOP").code == 250
                    says(screen, f"{SPAMMER} still gets in: a session at")
                    says(screen, "this mail does not pass this host's firewall")
        finally:
            screen.close()


def test_who_sends_good_mail_is_asked_about(scene: Walled, screen: Tmux, backend: str) -> None:
    with scene.client(OTHER) as client:
        for line in ("EHLO partner.example.net", "MAIL FROM:<a@example.net>", f"RCPT TO:<{RECIPIENT}>"):
            assert client.command(line).code == 250
        assert client.message(b"Subject: x\r\n\r\nhello").code == 250
        pick(screen, "2", OTHER)
        screen.keys("b")
        screen.shows(f"Block {OTHER} for 1 h on 25, 465, 587?", "1 message accepted", "y block", "Esc no")
        screen.keys("Enter")
        screen.shows("not blocked")
        assert scene.reaches(OTHER) and client.command("NOOP").code == 250
        screen.keys("b")
        screen.shows("y block")
        screen.keys("y")
        screen.shows(f"✓ blocked {OTHER}", "ends in", "K keep")
        assert not scene.reaches(OTHER)
    (block,) = scene.blocks("--firewall", backend)
    assert block["probation"] and block["until"] - time.time() <= 60
    screen.keys("K")
    screen.shows("for 1 h", "verified")
    (block,) = scene.blocks("--firewall", backend)
    assert not block["probation"] and block["until"] - time.time() > 3_500


REFUSED = {
    GATEWAY: "is the default gateway (eth0)",
    TRUSTED: "is trusted by postfix",
    ALLOWED: "is on the allowlist (allow)",
    PROXY: "is a proxy that others come through (proxies)",
    ADMIN: "is the SSH client that this was started from",
    VOUCHER: "is trusted by postfix",
    HIDDEN: f"comes through the proxy {VOUCHER}",
    MX: "is an address of this host (eth0)",
    "127.0.0.1": "is in 127.0.0.0/8, loopback",
}


@contextmanager
def session_of(scene: Walled, source: str) -> Iterator[Client]:
    """A session whose source that is: from the world, from the host itself, or named by who may name others."""
    if source in (MX, "127.0.0.1"):
        with scene.mx.entered():
            client = Client(source, source=source)
        with client:
            assert client.reply().code == 220
            yield client
    elif source == HIDDEN:
        with scene.client(VOUCHER) as client:
            client.command("EHLO proxy.example")
            assert client.command(f"XCLIENT ADDR={HIDDEN}").code == 220
            yield client
    else:
        with scene.client(source) as client:
            yield client


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_every_refusal_by_the_real_key(scene: Walled, tmp_path: Path, size: tuple[int, int]) -> None:
    """Each of these has a session, and its row is what `b` is pressed on."""
    options = ("--allow", ALLOWED, "--set", f'proxies=["{PROXY}"]', "--firewall", "nftables")
    refused = dict(REFUSED)
    if RESOLVER:
        refused[RESOLVER] = "is a DNS resolver of this host"
    screen = console(scene, tmp_path, *options, size=size)
    try:
        screen.shows("● wire")
        for source, words in refused.items():
            with session_of(scene, source) as client:
                client.command("EHLO x.example")
                pick(screen, "3", source)
                screen.keys("b")
                says(screen, f"not blocked: {source} {words}")
                assert client.command("NOOP").code == 250
        screen.keys("/", "C-u", typed=f"src:{ADMIN}")
        screen.keys("Enter", "Down", "B")
        says(screen, "not blocked: 198.51.100.0/24 holds")
        assert scene.blocks() == []
    finally:
        screen.close()
