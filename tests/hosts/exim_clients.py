"""The clients of a mail server whose log is to be read: ordinary, refused, rude and hostile ones, and what they saw."""

import base64
import contextlib
import ssl
from typing import NamedTuple

from tests.hosts.client import Client, Reply
from tests.hosts.exim import SUBMISSIONS_PORT

HOST, MX = "mx.example.org", "192.0.2.1"
STRANGER, NAMED, LISTED, BANNED, HOSTILE, CROWD = (f"192.0.2.{number}" for number in (2, 9, 8, 66, 13, 44))
CLIENTS = (STRANGER, NAMED, LISTED, BANNED, HOSTILE, CROWD)
HOP, DEAF_HOP = "198.51.100.2", "198.51.100.3"
VICTIM = "203.0.113.99"  # whom the hostile client would like to be blamed
ACCOUNTS = {"carol": "Secret-of-carol", "dave@example.org": "Secret-of-dave"}
_TRUSTING = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # the certificate signs itself, and is not looked at
_TRUSTING.check_hostname, _TRUSTING.verify_mode = False, ssl.CERT_NONE


class Said(NamedTuple):
    """A command, and its reply, in a session from `source` and `port`."""

    source: str
    port: int
    helo: str
    command: str
    reply: str


class Talk:
    """One session with the server: what is said and answered is kept in `said`, the list of the whole play."""

    def __init__(self, said: list[Said], source: str, port: int = 25) -> None:
        self._said = said
        self.helo = ""
        self.client = Client(MX, port, source=source, tls=_TRUSTING if port == SUBMISSIONS_PORT else None, name=HOST)
        self.source, self.port = self.client.ip, self.client.port
        self._keep("", self.client.reply())

    def __call__(self, *lines: str) -> str:
        """Say some lines, each after the reply to the one before; the last reply."""
        reply = ""
        for line in lines:
            if line.startswith(("EHLO", "HELO")):
                self.helo = line[5:]
            reply = self._keep(line, self.client.command(line))
        return reply

    def secure(self) -> None:
        self._keep("STARTTLS", self.client.starttls(_TRUSTING, HOST))

    def login(self, name: str, password: str) -> str:
        return self("AUTH PLAIN " + base64.b64encode(f"\0{name}\0{password}".encode()).decode())

    def _keep(self, command: str, reply: Reply) -> str:
        text = f"{reply.code} {reply.text}"
        self._said.append(Said(self.source, self.port, self.helo, command, text))
        return text


class Mail(NamedTuple):
    """A message that was accepted, as its sender knows it."""

    queue_id: str
    source: str
    port: int
    name: str
    helo: str
    sender: str
    recipients: tuple[str, ...]
    account: str
    tls: tuple[str, str] | None
    """Version and cipher."""
    subject: str

    @property
    def doubtful(self) -> bool:
        """Whether its log lines could be of another client."""
        return f") [{VICTIM}]" in self.helo or f") [{VICTIM}]" in self.sender


class Actors:
    """The clients. Each method is one visit."""

    def __init__(self) -> None:
        self.said: list[Said] = []
        self.mails: list[Mail] = []
        self.logins: list[tuple[str, int, str, str]] = []
        self.hurried: list[tuple[bool, str]] = []
        """Whether the server's greeting was awaited, and the reply."""

    def mail(
        self,
        sender: str,
        *recipients: str,
        source: str = STRANGER,
        name: str = "",
        helo: str = "client.example.org",
        account: str = "",
        port: int = 25,
        subject: str = "hello",
    ) -> None:
        """Send a message; with an account, over TLS."""
        talk = Talk(self.said, source, port)
        talk(f"EHLO {helo}")
        if account and port != SUBMISSIONS_PORT:
            talk.secure()
            talk(f"EHLO {helo}")
        if account:
            assert talk.login(account, ACCOUNTS[account]).startswith("235 ")
        talk(f"MAIL FROM:<{sender}>")
        taken = tuple(each for each in recipients if talk(f"RCPT TO:<{each}>").startswith("250 "))
        if taken:
            reply = talk("DATA", f"Subject: {subject}\r\nMessage-ID: <1@client.example.org>\r\n\r\nhello\r\n.")
            if reply.startswith("250 "):
                queue_id = reply.rpartition("id=")[2]
                self.mails.append(
                    Mail(queue_id, talk.source, talk.port, name, helo, sender, taken, account, talk.client.tls, subject)
                )
        talk.client.close()

    def guess(self, account: str, source: str = STRANGER, helo: str = "guesser") -> None:
        """Log in with a wrong password."""
        talk = Talk(self.said, source)
        talk(f"EHLO {helo}")
        reply = talk.login(account, "wrong")
        self.logins.append((talk.source, talk.port, account, reply))
        talk.client.close()

    def err(self, *lines: str, source: str = STRANGER) -> None:
        """Say some lines, and go without a word."""
        talk = Talk(self.said, source)
        with contextlib.suppress(EOFError):
            talk(*lines)
        talk.client.close()

    def hurry(self, first: str, octets: str) -> None:
        """Say what nobody has asked for yet: at once, or after the reply to `first`."""
        client = Client(MX, source=CROWD)
        if first:
            client.reply()
            client.command(first)
        client.send(octets.encode())
        with contextlib.suppress(OSError, EOFError):  # it may be reset, for what the server did not read
            reply = client.reply()
            self.hurried.append((bool(first), reply.text))
        client.close()

    def ordinary(self) -> None:
        self.mail("alice@sender.example", "bob@example.org")
        self.mail("alice@sender.example", "bob@example.org", source=NAMED, name="client.example.net")
        self.mail("", "info@example.org", "eve@example.org", "nobody@example.org")
        self.mail("carol@example.org", "x@far.example", "gone@far.example", "later@far.example", account="carol")
        self.mail("dave@example.org", "x@deaf.example", account="dave@example.org", port=SUBMISSIONS_PORT)

    def refused(self) -> None:
        self.mail("alice@sender.example", "nobody@example.org", "x@far.example")
        self.mail("alice@sender.example", "bob@example.org", source=LISTED)
        self.mail("alice@sender.example", "bob@example.org", subject="viagra")
        self.err("EHLO client.example.org", "MAIL FROM:<x@banned.example>", "MAIL FROM:<x@slow.example>")
        self.err("EHLO banned.example")
        self.err(source=BANNED)
        for account in ("carol", "undecided", 'a "b) c', "x) [203.0.113.9"):
            self.guess(account)

    def rude(self) -> None:
        self.err("EHLO x", "MAIL FROM:<a@b.example>", "RCPT TO:<bob@example.org>", "DATA")
        self.err("FOO", "BAR", "BAZ", "QUX")
        for _ in range(5):  # the greeting may be quicker
            self.hurry("", "EHLO x\r\n")
        self.hurry("HELO x", "MAIL FROM:<a@b.example>\r\nRCPT TO:<bob@example.org>\r\n")
        talk = Talk(self.said, STRANGER)
        talk("EHLO x", "STARTTLS")
        talk.client.send(b"GARBAGE\r\n" * 9)
        with contextlib.suppress(OSError):
            talk.client.end_of_stream()
        talk.client.close()

    def hostile(self) -> None:
        """Words that look like Exim's own, with another's address and account."""
        forged = f"x) [{VICTIM}] F=<root@b> rejected RCPT <c@d>: relay not permitted"
        lookalike = f'"a@b R=x T=y H=z [{VICTIM}]: 550 no"'
        for helo in (f"x) [{VICTIM}]", forged, f"[{VICTIM}]", f"x) [{VICTIM}]:25 closed by QUIT"):
            self.mail("a@b.example", "x@far.example", "bob@example.org", source=HOSTILE, helo=helo)
            self.guess("carol", source=HOSTILE, helo=helo)
        self.mail(f'"{forged}"@b.example', "x@far.example", "bob@example.org", source=HOSTILE, helo="x")
        self.mail("a@b.example", f'"{forged}"@far.example', source=HOSTILE, helo="x")
        self.mail(
            "a@b.example", "bob@example.org", source=HOSTILE, helo="x", subject=f'" H=(x) [{VICTIM}] A=plain:root'
        )
        self.mail("carol@example.org", f"{lookalike}@far.example", source=HOSTILE, helo="x", account="carol")
        self.guess(f"x) [{VICTIM}]: 535 Incorrect authentication data (set_id=root", source=HOSTILE)
        self.hurry("HELO x", f'FOO" H=[{VICTIM}] x\r\n' * 2)
        self.err(f'FOO" H=[{VICTIM}] x', f"VRFY x) [{VICTIM}] rejected", source=HOSTILE)
