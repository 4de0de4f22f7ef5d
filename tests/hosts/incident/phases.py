"""The phases: each is played by real clients and processes against a real Postfix, and has its alert."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from tests.hosts import mail_hosts as scene
from tests.hosts.mail_hosts import MailHosts
from tests.hosts.triage_plays import NETWORKS, TEXT, bot, client, guess, rcpt, submit

HOP, HOP_NAME, DOWN, DOWN_NAME = "198.51.100.27", "picky.example", "198.51.100.99", "down.example"
ANSWERS = {"listed": "554 5.7.1 Service unavailable; Client host [192.0.2.25] blocked using zen.spamhaus.org"}
SETTINGS = {"transport_maps": f"inline:{{ example.com=smtp:[{scene.SINK}]:25, {HOP_NAME}=smtp:[{HOP}]:25,"
                              f" {DOWN_NAME}=smtp:[{DOWN}]:25 }}"}  # fmt: skip
SCOUT, SPAMMER, STRANGER = "203.0.113.110", "10.3.3.110", "198.51.100.110"


class Phase(NamedTuple):
    """`play` does it; within the time that is promised the screen has all of `says`, as words of one alert."""

    what: str
    rule: str
    play: Callable[[MailHosts], None]
    says: tuple[str, ...]


def _scouts(hosts: MailHosts) -> None:
    with hosts.world.entered():
        rcpt(SCOUT, [f"{name}@example.org" for name in ("info", "sales", "office", "mail", "admin", "shop", "test",
                                                        "root", "it", "hr", "pr", "news")])  # fmt: skip


def _probes(hosts: MailHosts) -> None:
    with hosts.world.entered():
        for _ in range(6):
            rcpt(SCOUT, [scene.FOREIGN_RECIPIENT])


def _guesses(hosts: MailHosts) -> None:
    with hosts.world.entered():
        for network in NETWORKS[:6]:
            guess(hosts, f"{network}.111", 4)


def _gets_in(hosts: MailHosts) -> None:
    with hosts.world.entered():
        guess(hosts, SPAMMER, 10)
        submit(hosts, SPAMMER, [scene.RECIPIENT])


def _sends(hosts: MailHosts) -> None:
    with hosts.world.entered():
        submit(hosts, SPAMMER, [f"x{k}@example.com" for k in range(90)], 6)


def _is_listed(hosts: MailHosts) -> None:
    with hosts.world.entered():
        submit(hosts, SPAMMER, [f"listed@{HOP_NAME}"], 3)


def _fills_the_queue(hosts: MailHosts) -> None:
    with hosts.world.entered():
        submit(hosts, SPAMMER, [f"x@{DOWN_NAME}"], 220)


def _leaves_a_process(hosts: MailHosts) -> None:
    bot(hosts, HOP)


def _opens_the_relay(hosts: MailHosts) -> None:
    """Somebody in a hurry lets all mail through."""
    etc = str(hosts.postfix.directory / "etc")
    hosts.mx.run("postconf", "-c", etc, "-e", "smtpd_relay_restrictions=check_recipient_access static:OK, reject")
    hosts.mx.run("postfix", "-c", etc, "reload")
    time.sleep(1.0)
    with hosts.world.entered(), client(STRANGER) as made:
        made.command("MAIL FROM:<a@sender.example>")
        assert made.command(f"RCPT TO:<{scene.FOREIGN_RECIPIENT}>").code == 250
        made.message(TEXT)


PHASES = (
    Phase("somebody looks for addresses", "harvest", _scouts, (f"{SCOUT}: tried 12 recipients that do not exist",)),
    Phase("and whether we relay", "relay-tries", _probes, (f"{SCOUT}: 6 relay tries denied",)),
    Phase("many guess one password", "brute-force", _guesses, (f"account {scene.USER}:", "failed logins within a day")),
    Phase("one gets in", "takeover", _gets_in, (f"account {scene.USER}: {SPAMMER} logged in after",)),
    Phase("and sends", "outbound-burst", _sends, (f"account {scene.USER}: 541 recipients within an hour",)),
    Phase("until we are on a blocklist", "listed", _is_listed, ("we are listed at zen.spamhaus.org",)),
    Phase("and the queue grows", "queue", _fills_the_queue, ("the queue of postfix", "grew from")),
    Phase("a process is left behind", "bypass", _leaves_a_process,
          ("user nobody) sends mail past the mail server", f"to {HOP}:25")),
    Phase("and the relay is opened", "open-relay", _opens_the_relay,
          (f"open relay: {STRANGER} is neither trusted nor logged in",)),
)  # fmt: skip
