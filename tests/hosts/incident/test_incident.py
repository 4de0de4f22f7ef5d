"""The incident on the screen: the real console, on a real terminal, beside the mail server it happens to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts import mail_hosts as scene
from tests.hosts.incident.phases import ANSWERS, HOP, PHASES, SETTINGS
from tests.hosts.mail_hosts import MailHosts, mail_hosts
from tests.hosts.next_hop import NextHop
from tests.hosts.program import PROGRAM
from tests.hosts.triage_plays import ADDRESSES
from tests.hosts.triage_plays import SETTINGS as LENIENT
from tests.test_terminal import Tmux

pytestmark = [
    pytest.mark.xdist_group("triage"),
    pytest.mark.needs("namespaces", "postfix", "saslpasswd2", "openssl", "smtp-sink", "tmux"),
]

WITHIN = 10.0  # seconds from a phase's last event to its alert on the screen
SIZE = (220, 50)  # so that sentences are whole
LOOK = 0.1


@pytest.fixture
def hosts() -> Iterator[MailHosts]:
    with (
        mail_hosts((*ADDRESSES, f"{HOP}/24"), {**LENIENT, **SETTINGS}) as made,
        NextHop(made.world, HOP, ANSWERS),
    ):
        yield made


@pytest.fixture
def screen(hosts: MailHosts, tmp_path: Path) -> Iterator[Tmux]:
    (tmp_path / "tmux-home").mkdir()
    command = hosts.mx.command(
        PROGRAM, "--hostname", scene.MX_NAME, "--log", hosts.postfix.log, "--no-names", "--no-block",
        "--no-certificates", "--geo", "none", "--set", "queue_interval=5",
    )  # fmt: skip
    tmux = Tmux(tmp_path / "tmux-home", command, SIZE)
    tmux.shows("● wire", "● log", "● host")
    tmux.keys("7")
    yield tmux
    tmux.close()


def _seconds_until(screen: Tmux, words: tuple[str, ...]) -> float:
    """How long it took until one line of the screen had all of them."""
    begun = time.monotonic()
    while not any(all(each in line for each in words) for line in screen.screen().splitlines()):
        if time.monotonic() - begun > 3 * WITHIN:
            pytest.fail(f"never seen: {words}\n{screen.screen()}")
        time.sleep(LOOK)
    return time.monotonic() - begun


def test_each_phase_is_told(hosts: MailHosts, screen: Tmux) -> None:
    took = {}
    for phase in PHASES:
        phase.play(hosts)
        took[phase.what] = _seconds_until(screen, phase.says)
        assert phase.rule in screen.screen()
    assert max(took.values()) <= WITHIN, took
