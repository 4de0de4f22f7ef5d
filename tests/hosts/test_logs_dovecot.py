"""A real Dovecot, as Postfix's SASL server and with logins of its own: what its log tells is what the clients did and
saw.

The clients try names made to look like the rest of a log line, once with Dovecot's own auth_username_chars, which
refuses them, and once with all characters allowed.
"""

import base64
import smtplib
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC
from typing import NamedTuple

import pytest

from collectors.logs.reader import Reader
from smtpwatch import events as ev
from smtpwatch.events import Event
from tests.hosts.dovecot import IMAP_PORT, SUBMISSION_PORT, Dovecot
from tests.hosts.namespaces import Namespace, join
from tests.hosts.postfix import Postfix

pytestmark = [
    pytest.mark.xdist_group("hosts"),
    pytest.mark.needs("namespaces", "postfix", "dovecot", "sievec", "openssl"),
]
HOST = "mx.example.org"
SERVER, SERVER6 = "192.0.2.25", "2001:db8::25"
GOOD, EVIL, EVIL6 = "192.0.2.7", "192.0.2.66", "2001:db8::66"
POSTFIX_PORT = 587
RECIPIENT = "alice@example.org"
USER, PASSWORD = "bob", "correct-horse-9-battery"
WRONG = "not-it-8-at-all"
NAMES = (
    USER,
    "mallory",
    "eve>, rip=9.9.9.9",
    ">, method=PLAIN, rip=9.9.9.9, lip=1.1.1.1, session=<AAAA>",
    "x,9.9.9.9,<AA>): unknown user",
    "x,9.9.9.9",
    "a\r\nNov 25 10:00:00 imap-login: Info: Login: user=<z>",
    "a[9.9.9.9] \x01\x1b[2J",
)
SERVICES = {POSTFIX_PORT: "smtp", SUBMISSION_PORT: "submission", IMAP_PORT: "imap"}
_ANY = "auth_username_chars =\nauth_username_format = %u\n"
_LIMIT = 10.0  # seconds


class Tried(NamedTuple):
    """What a client knows of its own login."""

    service: str
    source: str
    port: int
    account: str
    outcome: str


class Played(NamedTuple):
    """What was tried, what Dovecot logged, and what the reader made of it."""

    tried: list[Tried]
    lines: list[str]
    facts: list[Event]
    unknown: dict[str, list[str]]
    queued: str
    silent: tuple[str, int]
    garbled: tuple[str, int]


def _as_logged(name: str) -> str:
    return "".join("?" if character < " " else character for character in name)


class _Try:
    """One connection that says AUTH; many are under way at once, since Dovecot answers a failure late."""

    def __init__(self, source: str, port: int, name: str, password: str) -> None:
        self.name = name
        self.service = SERVICES[port]
        server = SERVER6 if ":" in source else SERVER
        self.socket = socket.create_connection((server, port), _LIMIT, (source, 0))
        self.source, self.port = self.socket.getsockname()[:2]
        self.file = self.socket.makefile("rwb")
        self.file.readline()
        token = base64.b64encode(f"\0{name}\0{password}".encode()).decode()
        if self.service == "imap":
            self._say(f"a AUTHENTICATE PLAIN {token}")
            return
        self._say("EHLO client.example.com")
        while self.file.readline()[3:4] == b"-":
            pass
        self._say(f"AUTH PLAIN {token}")

    def _say(self, line: str) -> None:
        self.file.write(line.encode() + b"\r\n")
        self.file.flush()

    def result(self) -> Tried:
        """How it ended."""
        passed = self.file.readline().startswith((b"235", b"a OK"))
        self._say("b LOGOUT" if self.service == "imap" else "QUIT")
        self.file.read()
        self.file.close()
        self.socket.close()
        return Tried(self.service, self.source, self.port, _as_logged(self.name), "success" if passed else "failure")


def _play_logins() -> list[Tried]:
    tries = [_Try(GOOD, port, USER, PASSWORD) for port in SERVICES]
    for port in SERVICES:
        tries += [_Try(EVIL, port, name, WRONG) for name in NAMES]
    tries.append(_Try(EVIL6, IMAP_PORT, NAMES[2], WRONG))
    return [each.result() for each in tries]


def _submit() -> str:
    """The queue id that Postfix gave a message submitted to Dovecot."""
    with smtplib.SMTP(SERVER, SUBMISSION_PORT, source_address=(GOOD, 0)) as client:
        client.starttls(context=ssl._create_unverified_context())
        client.login(USER, PASSWORD)
        client.mail("bob@example.org")
        client.rcpt(RECIPIENT)
        _, reply = client.data("Subject: hi\r\n\r\nhi\r\n")
        return reply.decode().partition("queued as ")[2].split()[0]


def _say_to_imap(*said: bytes) -> tuple[str, int]:
    with socket.create_connection((SERVER, IMAP_PORT), _LIMIT, (EVIL, 0)) as client:
        own: tuple[str, int] = client.getsockname()
        client.recv(1024)
        for words in said:
            client.sendall(words)
            client.recv(1024)
        return own


def _deliver(dovecot: Dovecot) -> None:
    for subject in ("file this", "drop this", "keep this"):
        with smtplib.LMTP(str(dovecot.lmtp_socket)) as client:
            text = (
                f"From: <eve@example.com>\r\nSubject: {subject}\r\nMessage-ID: <x>: saved mail to 'Sent'>\r\n\r\nhi\r\n"
            )
            client.sendmail("eve@example.com", [USER], text)


def _play(settings: str) -> Played:
    with ExitStack() as stack:
        mx, world = (stack.enter_context(Namespace(name)) for name in ("mx", "world"))
        join(
            (mx, "eth0", (f"{SERVER}/24", f"{SERVER6}/64")),
            (world, "eth0", (f"{GOOD}/24", f"{EVIL}/24", f"{EVIL6}/64")),
        )
        dovecot = stack.enter_context(Dovecot(mx, HOST, accounts={USER: PASSWORD}, relay=SERVER, settings=settings))
        sasl = {"smtpd_sasl_type": "dovecot", "smtpd_sasl_path": str(dovecot.auth_socket)}
        stack.enter_context(Postfix(mx, HOST, recipients=[RECIPIENT], settings=sasl))
        _deliver(dovecot)
        with world.entered():
            tried = _play_logins()
            queued = _submit()
            silent = _say_to_imap()
            garbled = _say_to_imap(b"a STARTTLS\r\n", b"GET / HTTP/1.0\r\n\r\n")
        limit = time.monotonic() + _LIMIT
        while sum(" no auth attempts " in line or "(no auth " in line for line in dovecot.lines) < 2:
            assert time.monotonic() < limit
            time.sleep(0.02)
        lines = dovecot.lines
    reader = Reader("mx", UTC, time.time())
    return Played(tried, lines, reader.read(lines), reader.samples, queued, silent, garbled)


@pytest.fixture(scope="module", params=["", _ANY], ids=["usual_names", "any_names"])
def played(request: pytest.FixtureRequest) -> Iterator[Played]:
    yield _play(request.param)


def _logins(played: Played) -> list[ev.LoginTried]:
    return [fact for fact in played.facts if isinstance(fact, ev.LoginTried)]


def test_logins_are_as_the_clients_saw_them(played: Played) -> None:
    told = [
        Tried(login.service, login.source, login.client_port, login.account, login.outcome)
        for login in _logins(played)
        if login.service != "auth"
    ]
    own = [tried for tried in played.tried if tried.service != "smtp"]
    submitted = [tried for tried in told if tried.outcome == "success" and tried not in own]
    assert [(tried.service, tried.source, tried.account) for tried in submitted] == [("submission", GOOD, USER)]
    assert sorted(set(told) - set(submitted)) == sorted(own)
    assert len(told) == len(own) + 1


def test_failures_that_postfix_asks_about_are_told_by_the_auth_process(played: Played) -> None:
    told = sorted((login.source, login.account, login.outcome) for login in _logins(played) if login.service == "auth")
    failed = sorted(
        (tried.source, tried.account, tried.outcome) for tried in played.tried if tried.outcome == "failure"
    )
    assert told == failed


def test_the_wrong_passwords_fail(played: Played) -> None:
    assert {(tried.source, tried.outcome) for tried in played.tried} == {
        (GOOD, "success"),
        (EVIL, "failure"),
        (EVIL6, "failure"),
    }


def test_nobody_else_is_blamed(played: Played) -> None:
    blamed = {fact.source for fact in played.facts if isinstance(fact, ev.ClientEvent)}
    assert blamed == {GOOD, EVIL, EVIL6}


def test_every_line_is_understood(played: Played) -> None:
    assert played.unknown == {}
    assert not [fact for fact in played.facts if isinstance(fact, ev.ServiceTrouble)]


def test_a_submitted_message_is_joined_to_its_next_queue_id(played: Played) -> None:
    (received,) = (fact for fact in played.facts if isinstance(fact, ev.MessageReceived))
    assert (received.source, received.account, received.sender) == (GOOD, USER, "bob@example.org")
    sent = [fact for fact in played.facts if isinstance(fact, ev.Delivery) and fact.transport == "submission"]
    assert [(fact.queue_id, fact.next_queue_id) for fact in sent] == [(received.queue_id, played.queued)]


def test_stored_mail(played: Played) -> None:
    stored = [fact for fact in played.facts if isinstance(fact, ev.Delivery) and fact.transport == "lmtp"]
    assert [(fact.recipient, fact.reply) for fact in stored] == [(USER, "stored mail into mailbox 'INBOX'")] * 2
    assert [fact.action for fact in played.facts if isinstance(fact, ev.MessageHandled)] == ["discard"]


def test_clients_that_never_logged_in(played: Played) -> None:
    lost = [(fact.source, fact.client_port) for fact in played.facts if isinstance(fact, ev.ClientLost)]
    troubled = [(fact.source, fact.client_port) for fact in played.facts if isinstance(fact, ev.TlsTroubled)]
    assert (lost, troubled) == ([played.silent], [played.garbled])


def test_no_password_is_logged_or_told(played: Played) -> None:
    for secret in (PASSWORD, WRONG):
        assert secret not in "".join(played.lines)
