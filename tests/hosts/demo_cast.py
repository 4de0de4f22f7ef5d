"""Who is in the recording for `smtpwatch --demo`, and what each of them does on one visit (see record_demo.py)."""

import ssl
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import NamedTuple

from tests.hosts import mail_hosts as scene
from tests.hosts.client import Client
from tests.hosts.mail_hosts import MailHosts
from tests.hosts.scenarios_secured import SUBMISSION, SUBMISSIONS, auth_login, auth_plain

_GUESSED_USERS = ("admin", "info", "test", "office", "sales", "webmaster", "postmaster", "backup", "scan", "root")
_GUESSED_PASSWORDS = ("123456", "password", "qwerty", "Welcome1", "letmein", "summer", "admin123")
_WORDS = ("the", "quarterly", "report", "is", "attached", "please", "review", "figures", "before", "our", "meeting")
_SLOW_LINE = 2.0  # seconds


class Visit(NamedTuple):
    """One call of an actor: where from, what is random about it, how long the recording still runs."""

    hosts: MailHosts
    source: str
    random: Random
    left: float


class Actor(NamedTuple):
    """Visits from `sources` in turn between `start` and `end`, `pause` apart on average, all in seconds."""

    visit: Callable[[Visit], None]
    sources: tuple[str, ...]
    start: float
    end: float
    pause: float


def _server(visit: Visit) -> str:
    return scene.MX6 if ":" in visit.source else scene.MX


def _connect(visit: Visit, helo: str, port: int = 25) -> Client:
    client = Client(_server(visit), port, source=visit.source)
    client.reply()
    client.command(f"EHLO {helo}")
    return client


def _text(random: Random, lines: int) -> bytes:
    body = [" ".join(random.choices(_WORDS, k=11)) for _ in range(lines)]
    return "\r\n".join(["Subject: " + " ".join(random.choices(_WORDS, k=4)), "", *body]).encode()


def _send(visit: Visit, client: Client, sender: str, recipients: list[str]) -> None:
    client.command(f"MAIL FROM:<{sender}>")
    codes = [client.command(f"RCPT TO:<{recipient}>").code for recipient in recipients]
    if min(codes) == 250:
        client.message(_text(visit.random, visit.random.randint(3, 20)))


def _starttls(visit: Visit, client: Client, helo: str, version: ssl.TLSVersion) -> None:
    context = visit.hosts.trust()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.0 is old on purpose
        if version < ssl.TLSVersion.TLSv1_2:
            context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
    client.starttls(context, scene.MX_NAME)
    client.command(f"EHLO {helo}")


def _partner(helo: str, domain: str, version: ssl.TLSVersion | None) -> Callable[[Visit], None]:
    """A mail host that sends what it should."""

    def visit_with(visit: Visit) -> None:
        with _connect(visit, helo) as client:
            if version is not None:
                _starttls(visit, client, helo, version)
            recipients = visit.random.sample(scene.RECIPIENTS, visit.random.choice((1, 1, 1, 2)))
            _send(visit, client, f"{visit.random.choice(('ann', 'list', 'orders'))}@{domain}", recipients)
            client.quit()

    return visit_with


def _mail_program(visit: Visit) -> None:
    """A user sends mail to the outside: 587 with STARTTLS, or 465; Postfix delivers it a moment later."""
    helo = "[192.0.2.17]"
    if visit.random.random() < 0.5:
        client = Client(scene.MX, SUBMISSIONS, source=visit.source, tls=visit.hosts.trust(), name=scene.MX_NAME)
        client.reply()
        client.command(f"EHLO {helo}")
    else:
        client = _connect(visit, helo, SUBMISSION)
        _starttls(visit, client, helo, ssl.TLSVersion.TLSv1_3)
    with client:
        auth_plain(client, scene.PASSWORD)
        _send(visit, client, "bob@example.org", [visit.random.choice((scene.FAR_RECIPIENT, scene.SINK_RECIPIENT))])
        client.quit()


def _spam_bot(visit: Visit) -> None:
    """Unknown users and relay probes, now and then an address that exists; most do not bother to say QUIT."""
    with _connect(visit, "ylmf-pc") as client:
        if visit.random.random() < 0.4:
            recipients = [f"relaytest{visit.random.randint(1, 9999)}@example.com"]
        else:
            recipients = [
                f"{visit.random.choice(_GUESSED_USERS)}@example.org" for _ in range(visit.random.randint(1, 4))
            ]
        if visit.random.random() < 0.05:
            recipients = [scene.RECIPIENT]
        _send(visit, client, f"promo{visit.random.randint(1, 99)}@example.com", recipients)
        if visit.random.random() < 0.3:
            client.quit()


def _password_guesser(visit: Visit) -> None:
    """Three guesses for one connection, in clear."""
    with _connect(visit, "User", SUBMISSION) as client:
        for _ in range(3):
            auth_login(client, visit.random.choice(_GUESSED_PASSWORDS))


def _slow_client(visit: Visit) -> None:
    """One line of its message each two seconds, for as long as the recording runs."""
    with _connect(visit, "dialup.example.net") as client:
        client.command("MAIL FROM:<slow@example.net>")
        client.command(f"RCPT TO:<{scene.RECIPIENT}>")
        client.command("DATA")
        end = time.monotonic() + visit.left
        while time.monotonic() < end:
            client.send(b"one more line\r\n")
            time.sleep(_SLOW_LINE)


def _early_talker(visit: Visit) -> None:
    """Says everything before the server has greeted (RFC 5321, 3.1 forbids it)."""
    with Client(scene.MX, source=visit.source) as client:
        client.send(b"EHLO win-8k2\r\nMAIL FROM:<>\r\nRCPT TO:<root@example.org>\r\nDATA\r\nQUIT\r\n")
        client.end_of_stream()


def _aborter(visit: Visit) -> None:
    """Gone with RST after EHLO."""
    with _connect(visit, "scanner.example.com") as client:
        client.reset()


def _port_scanner(visit: Visit) -> None:
    """Takes the banner and leaves."""
    with Client(scene.MX, visit.random.choice((25, SUBMISSION)), source=visit.source) as client:
        client.reply()


def _distrustful(visit: Visit) -> None:
    """Refuses the certificate, which is signed by nobody it knows."""
    with _connect(visit, "strict.example.net") as client:
        context = ssl.create_default_context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with suppress(ssl.SSLCertVerificationError):
            client.starttls(context, scene.MX_NAME)


_BOTNET = tuple(f"203.0.113.{host}" for host in (7, 19, 23, 42, 61, 77, 80, 91, 113, 128, 150, 171, 199, 204, 230))
_LEADER = _BOTNET[0]
_TLS_1_2, _TLS_1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
CAST = (
    Actor(_partner("mail.example.net", "example.net", _TLS_1_3), ("198.51.100.40", "198.51.100.41"), 0, 60, 4),
    Actor(_partner("smtp6.example.com", "example.com", _TLS_1_3), ("2001:db8:6::25",), 1, 60, 6),
    Actor(_partner("mx2.example.com", "example.com", _TLS_1_2), ("192.0.2.40",), 2, 60, 6),
    Actor(_partner("legacy.example.net", "example.net", None), ("198.51.100.60",), 1, 60, 5),
    Actor(_partner("old.example.net", "example.net", ssl.TLSVersion.TLSv1), ("198.51.100.90",), 6, 60, 25),
    Actor(_mail_program, ("192.0.2.17",), 2, 60, 9),
    Actor(_spam_bot, _BOTNET, 12, 20, 0.5),
    Actor(_spam_bot, _BOTNET, 20, 48, 0.15),
    Actor(_spam_bot, (_LEADER,), 16, 52, 0.25),
    Actor(_password_guesser, ("198.51.100.23", "198.51.100.24"), 4, 60, 1.5),
    Actor(_slow_client, ("203.0.113.240",), 3, 4, 60),
    Actor(_early_talker, ("203.0.113.66", "203.0.113.67"), 10, 55, 6),
    Actor(_aborter, ("192.0.2.99",), 5, 58, 7),
    Actor(_port_scanner, ("192.0.2.111",), 8, 58, 11),
    Actor(_distrustful, ("198.51.100.70",), 9, 58, 15),
)
