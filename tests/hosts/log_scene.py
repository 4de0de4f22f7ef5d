"""The scene of a test of Postfix's log: clients that remember what they saw, and the facts that the log has of it."""

import base64
import ssl
import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from collectors.logs.reader import Reader
from smtpwatch import events as ev
from tests.hosts import mail_hosts as scene
from tests.hosts.client import Client, Reply
from tests.hosts.mail_hosts import MailHosts

HELO = "client.example.net"
SENDER = scene.FAR_RECIPIENT  # a bounce for it finds its way
SUBMISSION, SUBMISSIONS = 587, 465
HOP = "198.51.100.27"
SILENT = "198.51.100.28"  # nobody listens there
LATER = "later@hop.example"
NEVER = "never@hop.example"
UNREACHABLE = "x@silent.example"
ANSWERS = {"later": "450 4.2.0 come back later", "never": "550 5.1.1 never heard of"}
PATIENCE = 10.0  # seconds; Postfix logs within milliseconds, but starts some of its daemons first

SETTINGS = {
    "smtpd_client_port_logging": "yes",
    "enable_long_queue_ids": "yes",
    "transport_maps": f"inline:{{ hop.example=smtp:[{HOP}]:25, silent.example=smtp:[{SILENT}]:25 }}",
    "smtpd_sasl_tls_security_options": "noanonymous",
    "alias_maps": "",
    "myorigin": scene.MX_NAME,
}

Kind = TypeVar("Kind", bound=ev.Event)


class Refusal(NamedTuple):
    """A reply that said no, and to what."""

    source: str
    port: int
    stage: str
    code: int
    enhanced: str
    reply: str


class Message(NamedTuple):
    """A message that was taken."""

    source: str
    port: int
    queue_id: str
    account: str
    message_id: str
    recipients: tuple[str, ...]


class Login(NamedTuple):
    """A login and how it ended."""

    source: str
    port: int
    outcome: str
    mechanism: str


class Handshake(NamedTuple):
    """What was negotiated, in OpenSSL's words."""

    source: str
    port: int
    version: str
    cipher: str


class Scene:
    """One Postfix with clients about it. What they saw is kept, and in the end read from the log."""

    def __init__(self, hosts: MailHosts) -> None:
        self.hosts = hosts
        self.refusals: list[Refusal] = []
        self.messages: list[Message] = []
        self.logins: list[Login] = []
        self.handshakes: list[Handshake] = []
        self.commands: dict[int, dict[str, tuple[int, int]]] = {}
        self.submitted: list[str] = []
        self.clients: list[tuple[str, int]] = []

    def client(self, server: str = scene.MX, port: int = 25, tls: ssl.SSLContext | None = None) -> Client:
        """A client that has said EHLO."""
        client = Client(server, port, tls=tls, name=scene.MX_NAME)
        self.clients.append((client.ip, client.port))
        if tls is not None:
            self.shaken(client)
        client.reply()
        client.command(f"EHLO {HELO}")
        return client

    def shaken(self, client: Client) -> None:
        """Its handshake has ended well."""
        assert client.tls is not None
        self.handshakes.append(Handshake(client.ip, client.port, *client.tls))

    def refused(self, client: Client, stage: str, reply: Reply) -> None:
        """It was refused something."""
        enhanced, _, _ = reply.text.partition(" ")
        self.refusals.append(Refusal(client.ip, client.port, stage, reply.code, enhanced, f"{reply.code} {reply.text}"))

    def send(self, client: Client, *recipients: str, account: str = "") -> str:
        """A whole message; its queue id."""
        client.command(f"MAIL FROM:<{SENDER}>")
        taken = []
        for recipient in recipients:
            reply = client.command(f"RCPT TO:<{recipient}>")
            if reply.code == 250:
                taken.append(recipient)
            else:
                self.refused(client, "RCPT", reply)
        message_id = f"{len(self.messages)}.test@{HELO}"
        end = client.message(f"From: {SENDER}\r\nMessage-ID: <{message_id}>\r\nSubject: test\r\n\r\nHello.".encode())
        assert end.queue_id is not None
        self.messages.append(Message(client.ip, client.port, end.queue_id, account, message_id, tuple(taken)))
        return end.queue_id

    def login(self, client: Client, password: str) -> None:
        """AUTH PLAIN; the account of a login is logged with a message only."""
        words = base64.b64encode(f"\0{scene.USER}\0{password}".encode()).decode()
        code = client.command(f"AUTH PLAIN {words}").code
        if code != 235:
            self.logins.append(Login(client.ip, client.port, "failure", "PLAIN"))

    def lines(self) -> list[str]:
        """The log so far."""
        return self.hosts.postfix.log.read_text(encoding="utf-8", errors="backslashreplace").split("\n")[:-1]

    def facts(self) -> tuple[list[ev.Event], Reader]:
        """What the log says, and who read it."""
        reader = Reader("elsewhere", None, time.time())
        return reader.read(self.lines()), reader

    def until(self, found: Callable[[list[ev.Event]], bool]) -> None:
        """Wait for the log to say so."""
        limit = time.monotonic() + PATIENCE
        while not found(self.facts()[0]):
            assert time.monotonic() < limit, "\n".join(self.lines())
            time.sleep(0.05)


def of(facts: list[ev.Event], kind: type[Kind]) -> list[Kind]:
    """Those of one kind."""
    return [fact for fact in facts if type(fact) is kind]
