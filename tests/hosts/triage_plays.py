"""What the tests of the rules play on a real Postfix: for each rule a client that it is to find, and one that does
nearly that."""

from __future__ import annotations

import base64
import ssl
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import NamedTuple

from tests.hosts import mail_hosts as scene
from tests.hosts.client import Client
from tests.hosts.mail_hosts import MailHosts

SUBMISSION = 587
TEXT = b"From: a@sender.example\r\nSubject: test\r\n\r\nHello."
NETWORKS = ("203.0.113", "198.51.100", "10.1.1", "10.2.2", "10.3.3", "10.4.4", "10.5.5", "10.6.6")
"""Whence clients come; each is a /24."""
ADDRESSES = tuple(f"{network}.{host}/24" for network in NETWORKS for host in range(100, 132))
PATIENCE = 5.0  # seconds for Postfix to have logged the end of a session


Act = Callable[[MailHosts], None]


class Play(NamedTuple):
    """`found` does what `rule` is to tell of `whom` (kind and name), in `says`; `passed` does nearly that, and nothing
    must be told of `spared`."""

    rule: str
    found: Act
    whom: tuple[str, str]
    says: tuple[str, ...]
    passed: Act
    spared: tuple[str, str]


@contextmanager
def client(source: str, helo: str = "client.sender.example", port: int = 25) -> Iterator[Client]:
    """A client there that has said EHLO. It leaves with QUIT, unless the server has thrown it out."""
    with Client(scene.MX, port, source=source) as made:
        made.reply()
        made.command(f"EHLO {helo}")
        yield made
        with suppress(OSError, EOFError):
            made.quit()


def rcpt(
    source: str, recipients: Sequence[str], sender: str = "a@sender.example", helo: str = "c.sender.example"
) -> None:
    """One session that names them, and sends nothing."""
    with client(source, helo) as made:
        made.command(f"MAIL FROM:<{sender}>")
        for recipient in recipients:
            made.command(f"RCPT TO:<{recipient}>")


def deliver(
    source: str, recipient: str = scene.RECIPIENT, text: bytes = TEXT, sender: str = "a@sender.example"
) -> None:
    """One message."""
    with client(source) as made:
        made.command(f"MAIL FROM:<{sender}>")
        assert made.command(f"RCPT TO:<{recipient}>").code == 250
        assert made.message(text).code == 250


def plain(password: str, user: str = scene.USER) -> str:
    """AUTH PLAIN's initial response (RFC 4616)."""
    return base64.b64encode(f"\0{user}\0{password}".encode()).decode()


def guess(hosts: MailHosts, source: str, times: int) -> None:
    """So many sessions on 587, under TLS, each with one wrong password."""
    for k in range(times):
        with client(source, port=SUBMISSION) as made:
            made.starttls(hosts.trust(), scene.MX_NAME)
            made.command("EHLO client.sender.example")
            assert made.command(f"AUTH PLAIN {plain(f'wrong-{k}')}").code == 535


def submit(hosts: MailHosts, source: str, recipients: Sequence[str], messages: int = 1, tls: bool = True) -> None:
    """A login, under TLS, and messages to all of them each."""
    with client(source, port=SUBMISSION) as made:
        if tls:
            made.starttls(hosts.trust(), scene.MX_NAME)
            made.command("EHLO client.sender.example")
        assert made.command(f"AUTH PLAIN {plain(scene.PASSWORD)}").code == 235
        for _ in range(messages):
            made.command(f"MAIL FROM:<bob@{scene.MX_NAME}>")
            for recipient in recipients:
                assert made.command(f"RCPT TO:<{recipient}>").code == 250
            assert made.message(TEXT).code == 250


def _times(n: int, act: Callable[[int], None]) -> Act:
    """The same so many times, each with its number."""

    def play(hosts: MailHosts) -> None:
        for k in range(n):
            act(k)

    return play


def _relay(n: int, source: str) -> Act:
    return _times(n, lambda k: rcpt(source, [scene.FOREIGN_RECIPIENT]))


def _unknown(n: int, source: str) -> Act:
    return lambda hosts: rcpt(source, [f"nobody{k}@example.org" for k in range(n)])


def _guess(n: int, source: str) -> Act:
    return lambda hosts: guess(hosts, source, n)


def _unfinished(n: int, source: str) -> Act:
    """AUTH that is given up half-way: Postfix tells of it in its summary alone, as auth=0/1."""

    def play(hosts: MailHosts) -> None:
        for _ in range(n):
            with client(source, port=SUBMISSION) as made:
                made.starttls(hosts.trust(), scene.MX_NAME)
                made.command("EHLO client.sender.example")
                assert made.command("AUTH LOGIN").code == 334
                made.command("*")

    return play


def _band(n: int, helo: str, host: int) -> Act:
    """One address of each network, each tries the same."""
    return _times(n, lambda k: rcpt(f"{NETWORKS[k]}.{host}", ["info@example.org"], f"x{k}@sender{k}.example", helo))


def _domain(n: int, domain: str, host: int) -> Act:
    """So many refusals of mail from one domain, a few of each source."""
    return _times(n, lambda k: rcpt(f"{NETWORKS[k % 8]}.{host}", ["old@example.org"], f"a@{domain}", f"h{k}.{domain}"))


def _talks_early(n: int, source: str) -> Act:
    """Commands in one go, though PIPELINING was offered to nobody: there was no EHLO."""

    def play(hosts: MailHosts) -> None:
        for _ in range(n):
            with Client(scene.MX, source=source) as made:
                made.reply()
                made.send(b"HELO x.example\r\nMAIL FROM:<a@sender.example>\r\nRCPT TO:<nobody@example.org>\r\n")
                for _ in range(3):
                    made.reply()
                made.quit()

    return play


def _smuggles(source: str) -> Act:
    """An end of data that only some servers take for one, and commands behind it."""
    text = TEXT + b"\n.\r\nMAIL FROM:<b@sender.example>\r\nRCPT TO:<carol@example.org>\r\nDATA\r\n"
    return lambda hosts: deliver(source, text=text)


def _dots(source: str) -> Act:
    """A line that begins with a dot, as it has to be sent (RFC 5321, 4.5.2)."""
    return lambda hosts: deliver(source, text=TEXT + b"\r\n..\r\n.. and so on")


def _injects(source: str) -> Act:
    """A command in clear behind STARTTLS, in one piece with it."""

    def play(hosts: MailHosts) -> None:
        with client(source) as made:
            made.send(b"STARTTLS\r\nNOOP\r\n")
            made.reply()

    return play


def _secures(source: str) -> Act:
    def play(hosts: MailHosts) -> None:
        with client(source) as made:
            made.starttls(hosts.trust(), scene.MX_NAME)

    return play


def hold(n: int, source: str, seconds: float) -> None:
    """Sessions that say EHLO, and then nothing."""
    with ExitStack() as held:
        for _ in range(n):
            held.enter_context(client(source))
        time.sleep(seconds)


def fails_tls(n: int, sources: Sequence[str]) -> None:
    """Handshakes in which the client does not trust the certificate, and says so in clear (TLS 1.2)."""
    context = ssl.create_default_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    for k in range(n):
        with Client(scene.MX, source=sources[k % len(sources)]) as made:
            made.reply()
            made.command("EHLO client.sender.example")
            with suppress(ssl.SSLError):
                made.starttls(context, scene.MX_NAME)
                raise AssertionError("the certificate of a stranger was trusted")


def old_tls(hosts: MailHosts, n: int, source: str) -> None:
    """Sessions in TLS 1.0."""
    context = hosts.trust()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it is old on purpose
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    for _ in range(n):
        with client(source) as made:
            made.starttls(context, scene.MX_NAME)


_BOT = """
import os, socket, sys, time
os.setgroups([]), os.setgid(65534), os.setuid(65534)
for _ in range(3):
    with socket.socket() as plain:
        plain.connect((sys.argv[1], 25))
        time.sleep(1)
"""


def bot(hosts: MailHosts, server: str) -> None:
    """A process of nobody's on the mail host, which talks to a mail server elsewhere by itself."""
    hosts.mx.popen(sys.executable, "-c", _BOT, server)


SETTINGS: Mapping[str, str] = {"smtpd_hard_error_limit": "200", "smtpd_client_event_limit_exceptions": "static:all"}

A = "203.0.113"
PLAYS: tuple[Play, ...] = (
    Play("relay-tries", _relay(5, f"{A}.100"), ("source", f"{A}.100"), ("5 relay tries denied",),
         _relay(4, "198.51.100.100"), ("source", "198.51.100.100")),
    Play("brute-force", _guess(10, f"{A}.101"), ("source", f"{A}.101"), ("10 failed logins", "none succeeded"),
         _guess(9, "198.51.100.101"), ("source", "198.51.100.101")),
    Play("brute-force", _unfinished(10, "10.1.1.102"), ("source", "10.1.1.102"), ("10 failed logins",),
         _unfinished(9, "10.2.2.102"), ("source", "10.2.2.102")),
    Play("campaign", _band(6, "ylmf-pc", 120), ("campaign", "HELO ylmf-pc"), ("6 sources in 6 networks",),
         _band(4, "other-pc", 121), ("campaign", "HELO other-pc")),
    Play("harvest", _unknown(10, f"{A}.104"), ("source", f"{A}.104"), ("10 recipients that do not exist",),
         _unknown(9, "198.51.100.104"), ("source", "198.51.100.104")),
    Play("domain-refused", _domain(50, "spam.example", 105), ("domain", "from spam.example"), ("50 refusals",),
         _domain(49, "other.example", 106), ("domain", "from other.example")),
    Play("early-talker", _talks_early(5, "10.5.5.107"), ("source", "10.5.5.107"), ("talk before their turn",),
         _talks_early(4, "10.6.6.107"), ("source", "10.6.6.107")),
    Play("smuggling", _smuggles("10.5.5.108"), ("source", "10.5.5.108"), ("SMTP smuggling",),
         _dots("10.6.6.108"), ("source", "10.6.6.108")),
    Play("smuggling", _injects("10.5.5.109"), ("source", "10.5.5.109"), ("STARTTLS injection",),
         _secures("10.6.6.109"), ("source", "10.6.6.109")),
)  # fmt: skip
"""Those that need nothing but clients."""
