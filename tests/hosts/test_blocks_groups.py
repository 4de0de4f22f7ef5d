"""A group by the real key: all its members in one act, and all back by another."""

import re
import ssl
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts.test_blocks_screen import console, says
from tests.hosts.walled import RECIPIENT, Walled, walled
from tests.lookup.databases import asn
from tests.test_terminal import Tmux

pytestmark = [
    pytest.mark.xdist_group("blocks"),
    pytest.mark.needs(
        "namespaces", "postfix", "smtp-source", "saslpasswd2", "openssl", "nft", "iptables", "ipset", "tmux"
    ),
]

ACCOUNT, PASSWORD, WORM = "carol", "s3cret", "ylmf-pc"
MEMBERS = ("203.0.113.70", "203.0.113.71")  # of AS64500, as the others of 203.0.113.0/25 are
FRIEND = "198.51.100.40"  # of AS64502
GROUPS = {"network": 1, "ASN": 2, "country": 3, "account": 4, "HELO": 5, "JA4": 6}
"""How often `g` is pressed."""
ROWS = {"network": "203.0.113.0/24", "ASN": "AS64500", "account": ACCOUNT, "HELO": WORM, "JA4": "t13"}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walled]:
    addresses = tuple(f"{each}/32" for each in (*MEMBERS, FRIEND))
    directory = tmp_path_factory.mktemp("watched")
    accounts = {ACCOUNT: PASSWORD}
    with walled(directory, world_addresses=addresses, accounts=accounts, geo=str(asn(directory))) as made:
        yield made


@pytest.fixture
def screen(scene: Walled, tmp_path: Path) -> Iterator[Tmux]:
    tmux = console(scene, tmp_path, "--firewall", "nftables")
    tmux.shows("● wire", "● log")
    yield tmux
    tmux.close()
    scene.smtpwatch("unblock", "--mine", options=("--firewall", "nftables"))


def visit(scene: Walled, source: str) -> None:
    """With the name that a known worm greets with, and the TLS of one and the same library."""
    with scene.client(source) as client:
        client.command(f"EHLO {WORM}")
        client.starttls(ssl._create_unverified_context(), "mx.example.org")
        client.command("QUIT")


def submit(scene: Walled, source: str) -> None:
    """Mail of somebody's who is known."""
    with scene.client(source, 587) as client:
        assert client.reply().code == 220
        client.command("EHLO laptop.example")
        said = b64encode(f"\0{ACCOUNT}@mx.example.org\0{PASSWORD}".encode()).decode()
        assert client.command(f"AUTH PLAIN {said}").code == 235
        for line in ("MAIL FROM:<a@example.net>", f"RCPT TO:<{RECIPIENT}>"):
            assert client.command(line).code == 250
        assert client.message(b"Subject: x\r\n\r\nhello").code == 250
        client.command("QUIT")


def pick(screen: Tmux, kind: str, named: str) -> None:
    """Put the cursor on that group's row, which alone is shown, once it has both its members."""
    screen.keys("2", *("g" * GROUPS[kind]))
    screen.keys("/", typed=named)
    screen.keys("Enter")
    row = rf"{ROWS[kind]}\S* .*?\b{len(MEMBERS)} "
    screen.until(lambda shown: "1 of" in shown and re.search(row, shown) is not None, f"the {kind} alone")
    screen.keys("Down")
    time.sleep(0.7)  # as long as it takes to see what is there


@pytest.mark.parametrize(
    ("kind", "named"),
    [("network", "src:203.0.113.0/24"), ("ASN", "asn:64500"), ("HELO", f"helo:{WORM}"), ("JA4", "ja4:t13*")],
)
def test_a_group_is_one_act(scene: Walled, screen: Tmux, kind: str, named: str) -> None:
    for source in MEMBERS:
        visit(scene, source)
    pick(screen, kind, named)
    screen.keys("b")
    says(screen, "✓ blocked 203.0.113.")
    expected = {"203.0.113.0/24"} if kind == "network" else {f"{each}/32" for each in MEMBERS}
    blocks = scene.blocks("--firewall", "nftables")
    assert {block["network"] for block in blocks} == expected
    assert len({block["act"] for block in blocks}) == 1 and all(kind in block["why"] for block in blocks)
    assert not any(map(scene.reaches, MEMBERS)) and scene.reaches(FRIEND)
    screen.keys("u")
    says(screen, "✓ let in again")
    assert all(map(scene.reaches, MEMBERS))


def test_the_sources_of_an_account_are_asked_about(scene: Walled, screen: Tmux) -> None:
    """They log in: so they are somebody's customers, whoever sits there now."""
    for source in MEMBERS:
        submit(scene, source)
    pick(screen, "account", f"account:{ACCOUNT}*")
    screen.keys("b")
    says(screen, "Block 203.0.113.70, 203.0.113.71 for 1 h on 25, 465, 587?")
    screen.keys("y")
    says(screen, "✓ blocked 203.0.113.70, 203.0.113.71 on probation")
    assert not any(map(scene.reaches, MEMBERS)) and scene.reaches(FRIEND)
    screen.keys("u")
    says(screen, "✓ let in again")
    assert all(map(scene.reaches, MEMBERS))
