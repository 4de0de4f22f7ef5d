"""What each of those in the demo's recording does on one visit (see demo_cast.py)."""

import base64
import ssl
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random
from typing import NamedTuple

from smtpwatch.queue_ids import queue_id
from tests.hosts import demo_hosts as hosts
from tests.hosts.client import Client, Reply
from tests.hosts.demo_hosts import Scene

SUBMISSION, SUBMISSIONS = 587, 465
_GUESSED_USERS = ("admin", "info", "test", "office", "sales", "webmaster", "backup", "scan", "root", "bob", "alice")
_GUESSED_PASSWORDS = ("123456", "password", "qwerty", "Welcome1", "letmein", "summer", "admin123")
_UNKNOWN = (
    "admin",
    "test",
    "office",
    "webmaster",
    "backup",
    "jobs",
    "billing",
    "contact",
    "hr",
    "marketing",
    "support",
)
_WORDS = ("the", "quarterly", "report", "is", "attached", "please", "review", "figures", "before", "our", "meeting")
_SLOW_LINE = 2.0  # seconds

Act = Callable[["Visit"], None]


class TurnedAwayError(Exception):
    """The server did not even let the client say hello."""


class Visit(NamedTuple):
    """One call: where from, what is random about it, how many seconds the recording still runs."""

    scene: Scene
    source: str
    random: Random
    left: float


def _server(visit: Visit) -> str:
    return hosts.MX6 if ":" in visit.source else hosts.MX


def connect(visit: Visit, helo: str, port: int = 25, tls: ssl.SSLContext | None = None) -> Client:
    """A client that has said EHLO. Raises TurnedAwayError."""
    client = Client(_server(visit), port, source=visit.source, tls=tls, name=hosts.NAME)
    if client.reply().code != 220 or client.command(f"EHLO {helo}").code != 250:
        client.close()
        raise TurnedAwayError
    return client


def _text(visit: Visit, sender: str, subject: str = "") -> bytes:
    random = visit.random
    # As a mail host's own: the id of a message that it had taken a moment ago.
    number = queue_id(time.time() - random.uniform(0.05, 2.0), random.randint(100_000, 9_000_000))
    body = [" ".join(random.choices(_WORDS, k=11)) for _ in range(random.randint(2, 7))]
    head = (
        f"From: <{sender}>", f"Message-ID: <{number}@{sender.partition('@')[2] or 'example.com'}>",
        "Subject: " + (subject or " ".join(random.choices(_WORDS, k=4))),
    )  # fmt: skip
    return "\r\n".join([*head, "", *body]).encode()


def send(visit: Visit, client: Client, sender: str, recipients: Sequence[str], subject: str = "") -> Reply | None:
    """A message to those of the recipients that are taken; the reply to its end, if it came to that."""
    if client.command(f"MAIL FROM:<{sender}>").code != 250:
        return None
    codes = [client.command(f"RCPT TO:<{recipient}>").code for recipient in recipients]
    if 250 not in codes:
        client.command("RSET")
        return None
    return client.message(_text(visit, sender, subject))


def only(context: ssl.SSLContext, version: ssl.TLSVersion) -> ssl.SSLContext:
    """The same, for that version of TLS alone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.0 is old on purpose
        if version < ssl.TLSVersion.TLSv1_2:
            context.set_ciphers(hosts.OLD_TLS)
        context.minimum_version = context.maximum_version = version
    return context


def partner(helo: str, domain: str, version: ssl.TLSVersion | None, many: int = 2) -> Act:
    """A mail host that sends what it should, to up to `many` of our users at once."""

    def visit_with(visit: Visit) -> None:
        with connect(visit, helo) as client:
            if version is not None:
                client.starttls(only(visit.scene.trust(), version), hosts.NAME)
                client.command(f"EHLO {helo}")
            recipients = visit.random.sample(hosts.RECIPIENTS, visit.random.randint(1, many))
            send(visit, client, f"{visit.random.choice(('ann', 'list', 'orders'))}@{domain}", recipients)
            client.quit()

    return visit_with


def auth_plain(client: Client, user: str, password: str) -> int:
    """AUTH PLAIN with an initial response (RFC 4954, 4); the reply's code."""
    return client.command("AUTH PLAIN " + base64.b64encode(f"\0{user}\0{password}".encode()).decode()).code


def _auth_login(client: Client, user: str, password: str) -> int:
    if client.command("AUTH LOGIN").code != 334:
        return 0
    client.command(base64.b64encode(user.encode()).decode())
    return client.command(base64.b64encode(password.encode()).decode()).code


def _submitting(visit: Visit, helo: str, implicit: bool) -> Client:
    if implicit:
        return connect(visit, helo, SUBMISSIONS, visit.scene.trust())
    client = connect(visit, helo, SUBMISSION)
    client.starttls(visit.scene.trust(), hosts.NAME)
    client.command(f"EHLO {helo}")
    return client


def user(name: str, recipients: Sequence[str]) -> Act:
    """One of our users sends mail: 587 with STARTTLS, or 465."""

    def visit_with(visit: Visit) -> None:
        with _submitting(visit, f"{name}-laptop.{hosts.DOMAIN}", visit.random.random() < 0.5) as client:
            auth_plain(client, name, hosts.PASSWORDS[name])
            send(visit, client, f"{name}@{hosts.DOMAIN}", [visit.random.choice(recipients)])
            client.quit()

    return visit_with


def scanner(visit: Visit) -> None:
    """The copier in the corner: it logs in without TLS, for all to read."""
    with connect(visit, "copier", SUBMISSION) as client:
        auth_plain(client, "scan", hosts.PASSWORDS["scan"])
        send(visit, client, f"scan@{hosts.DOMAIN}", [visit.random.choice(hosts.RECIPIENTS[:4])], "Scan from copier")
        client.quit()


_SPAMMED = (
    "alex@bigmail.example", "blair@bigmail.example", "casey@bigmail.example", "drew@bigmail.example",
    "eden@freemail.example", "finley@freemail.example", "grace@example.org", "heidi@example.org",
    "harper@example.com", "indigo@example.com", "jules@business.example", "judy@business.example",
    "kai@business.example", "logan@filtered.example", "morgan@stripped.example", "nico@oldmail.example",
    "oakley@badtls.example", "parker@silent.example", "quinn@dead.example",
)  # fmt: skip


def thief(visit: Visit) -> None:
    """Somebody with bob's password: mail to many domains, at most of which it is not welcome."""
    with _submitting(visit, f"DESKTOP-{visit.random.randint(1000, 9999)}", visit.random.random() < 0.3) as client:
        if auth_plain(client, "bob", hosts.PASSWORDS["bob"]) != 235:
            return
        for _ in range(visit.random.randint(1, 3)):
            recipients = visit.random.sample(_SPAMMED, visit.random.randint(2, 4))
            send(visit, client, f"bob@{hosts.DOMAIN}", recipients, "Your invoice is overdue")
        client.quit()


def spam_bot(visit: Visit) -> None:
    """Unknown users and relay probes, now and then an address that exists; most do not bother to say QUIT."""
    random = visit.random
    with connect(visit, "ylmf-pc") as client:
        chance = random.random()
        sender = f"promo{random.randint(1, 99)}@example.com"
        if chance < 0.35:
            recipients = [f"relaytest{random.randint(1, 9999)}@example.com"]
        elif chance < 0.75:
            recipients = [f"{random.choice(_UNKNOWN)}@{hosts.DOMAIN}" for _ in range(random.randint(1, 4))]
        else:
            recipients = [random.choice(hosts.RECIPIENTS)]
            sender = sender if chance < 0.95 else "winner@nowhere.example"
        send(visit, client, sender, recipients, random.choice(("cheap pills", "you have won", "hello", "hello again")))
        if random.random() < 0.3:
            client.quit()


def _guesses(visit: Visit, client: Client) -> None:
    for _ in range(3):
        _auth_login(client, visit.random.choice(_GUESSED_USERS), visit.random.choice(_GUESSED_PASSWORDS))


def guesser(visit: Visit) -> None:
    """Three guesses for one connection, in clear."""
    with connect(visit, "User", SUBMISSION) as client:
        _guesses(visit, client)


def secret_guesser(visit: Visit) -> None:
    """The same, covered by TLS."""
    with _submitting(visit, "User", visit.random.random() < 0.5) as client:
        _guesses(visit, client)
        client.quit()


def relay_prober(visit: Visit) -> None:
    """Is there any way through? Old tricks, one after the other (RFC 5321, 3.6; the % hack)."""
    with connect(visit, "probe.example.com") as client:
        for sender, recipient in (
            ("probe@example.com", "probe@example.com"),
            ("", "probe@example.com"),
            (f"postmaster@{hosts.DOMAIN}", "probe@example.com"),
            (f"postmaster@{hosts.NAME}", f"probe%example.com@{hosts.DOMAIN}"),
            ("probe@example.com", f'"probe@example.com"@{hosts.DOMAIN}'),
            ("probe@example.com", f"@{hosts.DOMAIN}:probe@example.com"),
        ):
            client.command(f"MAIL FROM:<{sender}>")
            client.command(f"RCPT TO:<{recipient}>")
            client.command("RSET")
        client.quit()


def slow(visit: Visit) -> None:
    """One line of its message each two seconds, for as long as the recording runs."""
    with connect(visit, "dialup.example.com") as client:
        client.command("MAIL FROM:<slow@example.com>")
        client.command(f"RCPT TO:<{hosts.RECIPIENTS[0]}>")
        client.command("DATA")
        end = time.monotonic() + visit.left
        while time.monotonic() < end:
            client.send(b"one more line\r\n")
            time.sleep(_SLOW_LINE)


def hanging(visit: Visit) -> None:
    """Says hello, and then nothing until the server has had enough."""
    with connect(visit, "idle.example.com") as client:
        client.command("MAIL FROM:<idle@example.com>")
        client.end_of_stream()


def early_talker(visit: Visit) -> None:
    """Says everything before the server has greeted (RFC 5321, 3.1 forbids it)."""
    with Client(_server(visit), source=visit.source) as client:
        client.send(f"EHLO win-8k2\r\nMAIL FROM:<>\r\nRCPT TO:<root@{hosts.DOMAIN}>\r\nDATA\r\nQUIT\r\n".encode())
        client.end_of_stream()


def aborter(visit: Visit) -> None:
    """Gone with RST after EHLO."""
    with connect(visit, "scanner.example.com") as client:
        client.reset()


def port_scanner(visit: Visit) -> None:
    """Takes the banner and leaves, or takes us for a web server."""
    with Client(hosts.MX, visit.random.choice((25, SUBMISSION)), source=visit.source) as client:
        client.reply()
        if visit.random.random() < 0.5:
            client.send(b"GET / HTTP/1.1\r\nHost: mx1.example.net\r\n\r\n")
            client.end_of_stream()


def distrustful(visit: Visit) -> None:
    """Refuses our certificate, which is signed by nobody it knows; under TLS 1.2 it says so in clear."""
    with connect(visit, "strict.partner.example") as client:
        context = ssl.create_default_context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with suppress(ssl.SSLCertVerificationError):
            client.starttls(context, hosts.NAME)


def outdated(visit: Visit) -> None:
    """An old mail program: TLS 1.0 at best, which submission does not take."""
    with connect(visit, "oldphone.example.net", SUBMISSION) as client, suppress(ssl.SSLError):
        client.starttls(only(visit.scene.trust(), ssl.TLSVersion.TLSv1), hosts.NAME)


def no_cipher(visit: Visit) -> None:
    """Knows only ciphers that go with an RSA key, which ours is not."""
    with connect(visit, "appliance.example.com") as client, suppress(ssl.SSLError):
        context = only(visit.scene.trust(), ssl.TLSVersion.TLSv1_2)
        context.set_ciphers("AES128-SHA:AES256-SHA")
        client.starttls(context, hosts.NAME)


def behind_proxy(clients: Sequence[str]) -> Act:
    """The balancer hands on one of its clients (the PROXY protocol, version 1)."""

    def visit_with(visit: Visit) -> None:
        client_ip = visit.random.choice(clients)
        with Client(hosts.BALANCED, source=visit.source) as client:
            client.send(f"PROXY TCP4 {client_ip} {hosts.BALANCED} {visit.random.randint(20000, 60000)} 25\r\n".encode())
            client.reply()
            client.command("EHLO shop.example.com")
            known = visit.random.random() < 0.7
            recipient = visit.random.choice(hosts.RECIPIENTS) if known else f"gone@{hosts.DOMAIN}"
            send(visit, client, "orders@example.com", [recipient])
            client.quit()

    return visit_with
