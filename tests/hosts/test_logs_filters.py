"""Real filters of a real Postfix: OpenDKIM, postgrey and policyd-spf say what their parsers tell."""

import smtplib
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC
from pathlib import Path
from typing import NamedTuple

import pytest

from collectors.logs.reader import Reader
from smtpwatch import events as ev
from smtpwatch.events import Event
from tests.hosts.filters import Filter, make_key
from tests.hosts.namespaces import Namespace, join
from tests.hosts.postfix import Postfix

pytestmark = [
    pytest.mark.xdist_group("hosts"),
    pytest.mark.needs("namespaces", "postfix", "opendkim", "postgrey", "policyd-spf", "openssl"),
]
HOST, SERVER = "mx.example.org", "192.0.2.25"
OWN, STRANGER = "192.0.2.7", "192.0.2.66"
RECIPIENT = "alice@example.org"
FORGER = '"a, client_address=9.9.9.9, x"@example.com'
MILTER, POLICY = 8891, 10023
_DKIM = """\
Syslog yes
SyslogSuccess yes
LogWhy yes
Mode sv
Socket inet:8891@127.0.0.1
Domain example.org
Selector sel
KeyFile {directory}/key
InternalHosts 192.0.2.7
TestDNSData {directory}/dns
UserID opendkim
RequireSafeKeys no
"""
_SPF = "debugLevel = 2\nHELO_reject = Fail\nMail_From_reject = Fail\nskip_addresses = 127.0.0.0/8\n"
_QUESTION = f"""\
request=smtpd_access_policy
protocol_state=RCPT
client_address={STRANGER}
helo_name=x; client-ip=9.9.9.9
sender=a; client-ip=9.9.9.9@example.com
recipient={RECIPIENT}
instance=1.1

"""


class Played(NamedTuple):
    """What the filters logged, by program, and the ids that Postfix gave the two messages that it took."""

    facts: dict[str, list[Event]]
    unknown: dict[str, list[str]]
    signed: str
    unsigned: str


def _send(source: str, sender: str) -> str:
    """The queue id of a message, "" if it was not taken."""
    with suppress(smtplib.SMTPRecipientsRefused), smtplib.SMTP(SERVER, source_address=(source, 0)) as client:
        client.ehlo("client.example.com")
        client.mail(sender)
        code, _ = client.rcpt(RECIPIENT)
        if code == 250:
            _, reply = client.data(f"From: {sender}\r\nSubject: hi\r\n\r\nhi\r\n")
            return reply.decode().partition("queued as ")[2].split()[0]
    return ""


def _signer() -> dict[str, str]:
    with tempfile.TemporaryDirectory() as directory:
        key, public = make_key(Path(directory))
    return {"key": key, "conf": _DKIM, "dns": f"sel._domainkey.example.org v=DKIM1; k=rsa; p={public}\n"}


def _read(program: str, lines: Sequence[str]) -> tuple[list[Event], dict[str, list[str]]]:
    reader = Reader("mx", UTC, time.time())
    facts = reader.read([line.rstrip("\n") for line in lines])
    assert {fact.program for fact in facts if isinstance(fact, ev.LogEvent)} <= {program}
    return facts, reader.samples


@pytest.fixture(scope="module")
def played() -> Iterator[Played]:
    with ExitStack() as stack:
        mx, world = (stack.enter_context(Namespace(name)) for name in ("mx", "world"))
        join((mx, "eth0", (f"{SERVER}/24",)), (world, "eth0", (f"{OWN}/24", f"{STRANGER}/24")))
        dkim = stack.enter_context(
            Filter(mx, ["opendkim", "-f", "-x", "{directory}/conf"], port=MILTER, files=_signer(), user="opendkim")
        )
        grey = stack.enter_context(
            Filter(
                mx,
                ["postgrey", f"--inet=127.0.0.1:{POLICY}", "--dbdir={directory}", "--delay=1",
                 "--pidfile={directory}/pid", "--whitelist-clients={directory}/none",
                 "--whitelist-recipients={directory}/none", "--daemonize"],
                port=POLICY, files={"none": ""}, user="postgrey", daemon="pid",
            )
        )  # fmt: skip
        spf = stack.enter_context(Filter(mx, ["policyd-spf", "{directory}/conf"], files={"conf": _SPF}))
        settings = {
            "smtpd_milters": f"inet:127.0.0.1:{MILTER}",
            "smtpd_recipient_restrictions": f"check_policy_service inet:127.0.0.1:{POLICY}",
        }
        stack.enter_context(Postfix(mx, HOST, recipients=[RECIPIENT], settings=settings))
        spf.say(_QUESTION)
        with world.entered():
            assert (_send(OWN, "bob@example.org"), _send(STRANGER, FORGER)) == ("", "")
            time.sleep(1.1)  # postgrey's delay
            signed, unsigned = _send(OWN, "bob@example.org"), _send(STRANGER, FORGER)
        assert dkim.wait("no signature data")
        assert spf.wait("prepend Received-SPF: ")
        told = {name: _read(name, each.lines) for name, each in
                (("opendkim", dkim), ("postgrey", grey), ("policyd-spf", spf))}  # fmt: skip
    unknown = {name: lines for _, samples in told.values() for name, lines in samples.items()}
    yield Played({name: facts for name, (facts, _) in told.items()}, unknown, signed, unsigned)


def test_every_line_is_understood(played: Played) -> None:
    assert played.unknown == {}


def test_opendkim(played: Played) -> None:
    told = [
        (type(fact).__name__, getattr(fact, "queue_id", ""), getattr(fact, "result", getattr(fact, "detail", "")))
        for fact in played.facts["opendkim"]
        if not isinstance(fact, ev.ServiceTrouble)  # that its key lies in a directory under /tmp
    ]
    assert told == [("MessageHandled", played.signed, "s=sel, d=example.org"), ("Verdict", played.unsigned, "none")]


def test_postgrey(played: Played) -> None:
    told = [
        (fact.source, fact.result, fact.recipient) for fact in played.facts["postgrey"] if isinstance(fact, ev.Verdict)
    ]
    assert told == [
        (OWN, "greylisted", RECIPIENT),
        (STRANGER, "greylisted", RECIPIENT),
        (OWN, "pass", RECIPIENT),
        (STRANGER, "pass", RECIPIENT),
    ]


def test_policyd_spf(played: Played) -> None:
    """There is no DNS: whatever the result, the client is the one that Postfix named."""
    told = [fact for fact in played.facts["policyd-spf"] if isinstance(fact, ev.Verdict)]
    assert told
    assert {fact.source for fact in told} <= {STRANGER, ""}
    assert STRANGER in {fact.source for fact in told}
