"""A hostile client of a real Postfix: whatever it says looks like a log's own words, and nothing of it is believed.

All that is forged names EVIL and FORGED,
which nobody is; so no fact may have them in a field that says who did what."""

import base64
import ssl
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import pytest

from collectors.logs.reader import Reader
from smtpwatch import events as ev
from tests.hosts import mail_hosts as scene
from tests.hosts.client import Client
from tests.hosts.mail_hosts import MailHosts, mail_hosts
from tests.hosts.next_hop import NextHop

pytestmark = [
    pytest.mark.xdist_group("log hosts"),
    pytest.mark.needs("namespaces", "postfix", "smtp-sink", "saslpasswd2", "openssl"),
]

EVIL = "198.51.100.66"
FORGED = "forged@evil.example"
FORGED_ID = "3F2A11C0D5E"
HOP = "198.51.100.27"
SILENT = "198.51.100.28"  # nobody listens there
SUBMISSION, SUBMISSIONS = 587, 465
PATIENCE = 10.0  # seconds

_ENVELOPE = f"from=<{FORGED}> to=<{FORGED}> proto=ESMTP helo=<{FORGED}>"
_ATTEMPT = f"relay=evil[{EVIL}]:25, delay=0, delays=0/0/0/0, dsn=2.0.0, status=sent (250 ok)"
FORGERIES = (
    f"] 550 5.7.1 x from unknown[{EVIL}]: ",
    f"x from unknown[{EVIL}]: 550 5.7.1 no; {_ENVELOPE}",
    f"> {_ENVELOPE}",
    f"x; {_ENVELOPE}",
    f"x>: Relay access denied; {_ENVELOPE}",
    f"x> to=<{FORGED}>, {_ATTEMPT}",
    f"{FORGED}>, {_ATTEMPT}",
    f"{FORGED}> to=<{FORGED}> proto=ESMTP helo=<{FORGED}>: 5.7.1 forged",
    "x>, status=expired, returned to sender",
    "x>, size=1, nrcpt=1 (queue active)",
    f"unknown[{EVIL}]: SASL LOGIN authentication failed: no, sasl_username={FORGED}",
    f"x authentication failed: no, sasl_username={FORGED}",
    f"x, sasl_method=PLAIN, sasl_username={FORGED}, sasl_sender=x, orig_queue_id={FORGED_ID}, orig_client=evil[{EVIL}]",
    f"Nov 25 09:06:01 mx postfix/smtpd[1]: connect from unknown[{EVIL}]",
    f"{FORGED_ID}: client=unknown[{EVIL}], sasl_method=PLAIN, sasl_username={FORGED}",
    f"client=unknown[{EVIL}]",
    f"connect from unknown[{EVIL}]",
    f"rip={EVIL}, lip={EVIL}, user=<{FORGED}>",
    f"H=(evil) [{EVIL}] F=<> A=plain:{FORGED}",
    f"for service smtp limit exceeded: 9 from unknown[{EVIL}] for service smtp",
    f"hostname evil.example does not resolve to address {EVIL}",
    f"SSL_accept error from unknown[{EVIL}]: -1",
    f"\tx\t[{EVIL}]\x01\x1b[31m\x7f: ",
    f"\udcff\udcc3ä€ from unknown[{EVIL}]: ",
    "\\" * 9 + f' from unknown[{EVIL}]: "x',
    f"{'A' * 990} from unknown[{EVIL}]: x",
    f"{'; from=<x> ' * 150} from unknown[{EVIL}]: x; {_ENVELOPE}",
)

_SETTINGS = {
    "smtpd_client_port_logging": "yes",
    "transport_maps": f"inline:{{ hop.example=smtp:[{HOP}]:25, silent.example=smtp:[{SILENT}]:25 }}",
    "smtpd_sasl_tls_security_options": "noanonymous",
    "smtpd_helo_restrictions": "warn_if_reject reject_invalid_helo_hostname",
    "smtpd_sender_restrictions": "warn_if_reject reject_non_fqdn_sender",
    "smtpd_etrn_restrictions": "reject",
    "smtpd_hard_error_limit": "1000",
    "smtpd_sasl_auth_enable": "yes",
    "header_checks": (
        "regexp:{ { /^Subject: reject/ REJECT no }, { /^Subject: discard/ DISCARD }, { /^Subject:/ WARN seen }, "
        "{ /^X-Evil:/ WARN } }"
    ),
    "body_checks": "regexp:{ { /^evil / WARN seen } }",
}


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()


def _quoted(local_part: str) -> str:
    """As RFC 5321 wants an odd local part."""
    return '"' + local_part.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Siege:
    """The hostile client's deeds, and what truly came of them."""

    def __init__(self, hosts: MailHosts, address_format: str) -> None:
        self.hosts = hosts
        self.format = address_format
        self.clients: list[tuple[str, int]] = []
        self.taken: dict[str, int] = {}
        """How many recipients each message that was taken had, by queue id."""
        self.deferred: set[str] = set()

    def say(self, client: Client, line: str) -> str:
        """One command, in whatever octets; the reply's text, "" for none."""
        client.send(line.encode("utf-8", "surrogateescape") + b"\r\n")
        return client.reply().text

    def client(self, port: int = 25, tls: ssl.SSLContext | None = None) -> Client:
        """A client that has read the banner."""
        client = Client(scene.MX, port, tls=tls, name=scene.MX_NAME)
        self.clients.append((client.ip, client.port))
        client.reply()
        return client

    def commands(self, text: str) -> None:
        """Every command with those words in it, in clear."""
        with self.client() as client:
            for line in (
                f"HELO {text}", f"EHLO {text}", f"NOOP {text}", f"VRFY {text}", f"VRFY <{_quoted(text)}@example.org>",
                f"ETRN {text}", f"MAIL FROM:<{text}>", f"MAIL FROM:<{_quoted(text)}@example.net>",
                f"RCPT TO:<{text}>", f"RCPT TO:<{_quoted(text)}@example.com>", f"RCPT TO:<{_quoted(text)}@example.org>",
                f"RCPT TO:<{_quoted(text)}>", "RSET", f"MAIL FROM:<{_quoted(text)}@example.net> AUTH={_quoted(text)}",
                f"MAIL FROM:<a@example.net> SIZE={text}", f"XCLIENT NAME={text}", f"XFORWARD ADDR={text}", "STARTTLS x",
            ):  # fmt: skip
                self.say(client, line)
        for line in (text, f"BDAT {text}", f"EHLO x\r\n{text}", f"{text}\n{text}"):  # Postfix hangs up on most of these
            with self.client() as client, suppress(ConnectionError):
                client.send(line.encode("utf-8", "surrogateescape") + b"\r\nQUIT\r\n")
                client.end_of_stream()

    def logins(self, text: str) -> None:
        """As a user name, as a mechanism."""
        with self.client(SUBMISSION) as client:
            self.say(client, f"EHLO {text}")
            self.say(client, f"AUTH PLAIN {_encoded(chr(0) + text + chr(0) + 'x')}")
            self.say(client, f"AUTH PLAIN {_encoded(text + chr(0) + text + chr(0) + 'x')}")
            if self.say(client, "AUTH LOGIN") and self.say(client, _encoded(text)):
                self.say(client, _encoded("x"))
            self.say(client, f"AUTH {_quoted(text)}")
            self.say(client, f"AUTH {text}")
            self.say(client, f"AUTH PLAIN {text}")

    def message(self, client: Client, sender: str, recipients: list[str], lines: list[str]) -> str:
        """A message; its queue id, "" if it was refused."""
        self.say(client, "RSET")
        self.say(client, sender)
        taken = sum("2.1.5" in self.say(client, f"RCPT TO:<{recipient}>") for recipient in recipients)
        if not taken:
            return ""
        self.say(client, "DATA")
        client.send("\r\n".join([*lines, ".", ""]).encode("utf-8", "surrogateescape"))
        queue_id = client.reply().queue_id or ""
        if queue_id:
            self.taken[queue_id] = taken
        return queue_id

    def messages(self, text: str) -> None:
        """In headers, bodies and Message-IDs, and in envelopes that go on to the next hop."""
        folded = text.replace(": ", ":\r\n ")
        contents = (
            [f"Subject: {text}", f"Message-ID: {text}", "", f"evil {text}"],
            [f"Subject: reject {text}", f"Message-ID: <{text}>", "", "x"],
            [f"Subject: discard {folded}", f"Message-ID: <{folded}>", "", "x"],
            [f"X-Evil: {text}", f"Resent-Message-ID: <{text}>", f"{text}: x", "", "x"],
        )
        with self.client() as client:
            self.say(client, f"EHLO {text}")
            for lines in contents:
                queue_id = self.message(client, f"MAIL FROM:<{_quoted(text)}@example.net>", [scene.RECIPIENT], lines)
                if lines[0].startswith("Subject: discard"):
                    self.taken.pop(queue_id, None)  # no further line is about it

    def relayed(self, text: str) -> None:
        """Hostile recipients that are delivered, or put off: for whom has an account, all of this is allowed."""
        with self.client(SUBMISSIONS, self.hosts.trust()) as client:
            self.say(client, f"EHLO {text}")
            plain = _encoded(f"\0{scene.USER}\0{scene.PASSWORD}")
            assert "successful" in self.say(client, f"AUTH PLAIN {plain}")
            for domain in ("hop.example", "silent.example"):
                queue_id = self.message(
                    client,
                    f"MAIL FROM:<{_quoted(text)}@{domain}> AUTH={_quoted(text)}",
                    [f"{_quoted(text)}@{domain}"],
                    [f"Subject: {text}", "", "x"],
                )
                if domain == "silent.example" and queue_id:
                    self.deferred.add(queue_id)

    def lines(self) -> list[str]:
        """The log so far."""
        return self.hosts.postfix.log.read_bytes().decode("utf-8", "backslashreplace").split("\n")[:-1]

    def settle(self) -> None:
        """Wait until all that was taken is delivered or deferred, and all clients have gone."""
        limit = time.monotonic() + PATIENCE
        while not self._settled(self.lines()):
            assert time.monotonic() < limit
            time.sleep(0.05)

    def _settled(self, lines: list[str]) -> bool:
        gone = {line.split(": ")[1] for line in lines if line.endswith(": removed") and "/qmgr[" in line}
        gone |= {line.split(": ")[1] for line in lines if "status=deferred (connect to " in line}
        left = sum("]: disconnect from " in line for line in lines)
        return gone >= set(self.taken) and left >= len(self.clients)


@pytest.fixture(scope="module", params=["external", "internal"])
def siege(request: pytest.FixtureRequest) -> Iterator[Siege]:
    """Addresses logged with their quotes, as by default, and without, as before 3.5."""
    settings = {**_SETTINGS, "info_log_address_format": request.param}
    with mail_hosts((f"{HOP}/24", f"{SILENT}/24"), settings) as hosts, NextHop(hosts.world, HOP, {}):
        made = Siege(hosts, request.param)
        with hosts.world.entered():
            for text in FORGERIES:
                for deed in (made.commands, made.logins, made.messages, made.relayed):
                    deed(text)
        made.settle()
        yield made


def _facts(siege: Siege) -> list[ev.Event]:
    return Reader("elsewhere", None, time.time()).read(siege.lines())


def test_lines_are_understood(siege: Siege) -> None:
    """All of them, but for deliveries to addresses that are logged without their quotes."""
    reader = Reader("elsewhere", None, time.time())
    reader.read(siege.lines())
    reader.samples.pop("postfix/smtp" if siege.format == "internal" else "", None)
    assert reader.samples == {}


def test_nobody_else_is_blamed(siege: Siege) -> None:
    told = {(fact.source, fact.client_port) for fact in _facts(siege) if isinstance(fact, ev.ClientEvent)}
    assert told <= {*siege.clients, ("", 0)}
    assert told >= set(siege.clients)


def test_nothing_forged_is_a_fact(siege: Siege) -> None:
    forged = (EVIL, FORGED, FORGED_ID, f"evil[{EVIL}]:25", "evil.example", "evil")
    for fact in _facts(siege):
        values = {
            name: getattr(fact, name) for name in fact.__struct_fields__ if name not in ("text", "detail", "reply")
        }
        assert not [name for name, value in values.items() if value in forged], fact


def test_connections(siege: Siege) -> None:
    facts = _facts(siege)
    for kind in (ev.ClientConnected, ev.ClientDisconnected):
        told = [(fact.source, fact.client_port) for fact in facts if isinstance(fact, kind)]
        assert Counter(told) == Counter(siege.clients)


def test_accounts(siege: Siege) -> None:
    """Whoever logged in is who he is; whoever did not is the name that he gave."""
    logins = [fact for fact in _facts(siege) if isinstance(fact, ev.LoginTried)]
    assert {fact.account for fact in logins if fact.outcome == "success"} == {scene.USER}
    assert {fact.mechanism for fact in logins} <= {"PLAIN", "LOGIN", "", "x", "unknown", "client", "connect", "rip"}
    assert len(logins) > 5 * len(FORGERIES)


def test_messages(siege: Siege) -> None:
    received = {fact.queue_id for fact in _facts(siege) if isinstance(fact, ev.MessageReceived)}
    assert received >= set(siege.taken)


def test_deliveries(siege: Siege) -> None:
    told = [fact for fact in _facts(siege) if isinstance(fact, ev.Delivery)]
    assert {fact.relay_address for fact in told} <= {"", HOP, scene.FAR_MX}
    for fact in told:
        if fact.queue_id in siege.taken:
            assert fact.status == ("deferred" if fact.queue_id in siege.deferred else "sent")
            assert fact.code == (250 if fact.relay_address == HOP else 0)
