"""Lines of qmail's surroundings: ucspi-tcp, CHKUSER, spamdyke and vpopmail, as their documentation has them."""

from collections.abc import Sequence
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.logs import qmail
from collectors.logs.programs import PARSERS
from collectors.logs.reader import Reader
from smtpwatch import events as ev
from smtpwatch.events import Reason
from tests.collectors.logs.telling import TIME, assert_quick, head, mutated, read

CLIENT = "192.0.2.7"
NAME = "client.example.com"
_LISTED = "http://www.spamhaus.org/query/bl?ip=192.0.2.7"
Case = tuple[str, str, Sequence[ev.Event] | None]


def refused(
    program: str, text: str, stage: str, code: int, reason: Reason, reply: str, *, name: str = "", source: str = CLIENT,
    blocklist: str = "", sender: str | None = None, recipient: str | None = None, helo: str | None = None,
        port: int = 0,
) -> Case:  # fmt: skip
    facts = head(program, text)
    return program, text, [
        ev.Refused(*facts, source, port, name, stage, code, "", reason, reply, blocklist, sender, recipient, helo)
    ]  # fmt: skip


def login(
    text: str, service: str, outcome: ev.LoginOutcome, account: str, reason: str, *, source: str = CLIENT,
        kept: str = "",
    program: str = "vpopmail",
) -> Case:  # fmt: skip
    return program, text, [
        ev.LoginTried(*head(program, kept or text), source, 0, "", service, outcome, account, "", reason)
    ]  # fmt: skip


_DYKE = (
    f"from: a@example.com to: b@example.org origin_ip: {CLIENT} origin_rdns: {NAME} auth: (unknown) encryption: (none)"
)
_TRIED = "vchkpw-smtp: password fail (pass: "
CASES: tuple[Case, ...] = (
    refused("rblsmtpd", f"{CLIENT} pid 93340: 451 {_LISTED}", "CONNECT", 451, "blocklist", f"451 {_LISTED}"),
    refused("rblsmtpd", f"{CLIENT} pid 93340 sbl.spamhaus.org: 553 {_LISTED}", "CONNECT", 553, "blocklist",
        f"553 {_LISTED}",
            blocklist="sbl.spamhaus.org"),
    ("rblsmtpd", "fatal: out of memory", []),
    ("rblsmtpd", "x pid 1: 451 y", None),
    refused("tcpserver", f"deny 123 mx.example.org:192.0.2.25:25 {NAME}:{CLIENT}::4321", "CONNECT", 0, "client", "",
        name=NAME,
            port=4321),
    refused("tcpserver", f"deny 123 0:192.0.2.25:25 :{CLIENT}:ident:4321", "CONNECT", 0, "client", "", port=4321),
    ("tcpserver", f"ok 123 mx.example.org:192.0.2.25:25 {NAME}:{CLIENT}::4321", []),
    ("tcpserver", f"pid 123 from {CLIENT}", []),
    ("tcpserver", "end 123 status 0", []),
    ("tcpserver", "status: 1/40", []),
    ("tcpserver", f"deny 123 mx:192.0.2.25:25 x:9.9.9.9:y:1 z:{CLIENT}::4321", None),
    refused("qmail-smtpd", f"CHKUSER rejected relaying: from <a@example.com::> remote <helo:unknown:{CLIENT}> rcpt "
            "<d@example.net> : client not allowed to relay", "RCPT", 0, "relay denied", "client not allowed to relay",
            sender="a@example.com", recipient="d@example.net", helo="helo"),
    refused("qmail-smtpd", f"1199.123 CHKUSER rejected rcpt: from <a@example.com:bob:> remote <x:y:{NAME}:{CLIENT}> "
        "rcpt "
            "<n@example.org> : not existing recipient", "RCPT", 0, "other", "not existing recipient", name=NAME,
            sender="a@example.com", recipient="n@example.org", helo="x:y"),
    refused("qmail-smtpd", f"CHKUSER rejected sender: from <a@n.example::> remote <x:{NAME}:{CLIENT}> rcpt <> : "
        "invalid sender MX "
            "domain", "MAIL", 0, "other", "invalid sender MX domain", name=NAME, sender="a@n.example", helo="x"),
    ("qmail-smtpd", f"CHKUSER rejected relaying: from <a::> remote <x:y:9.9.9.9> rcpt <z> : w:{NAME}:{CLIENT}> rcpt "
    "<r> : no",
     None),
    ("qmail-smtpd", f"CHKUSER accepted rcpt: from <a::> remote <x:y:{CLIENT}> rcpt <z> : found existing recipient", []),
    refused("qmail-smtpd", f"421 badiprbl: ip {CLIENT} rbl: listed", "CONNECT", 421, "blocklist",
            f"421 badiprbl: ip {CLIENT} rbl: listed"),
    refused("spamdyke", f"DENIED_RBL_MATCH {_DYKE} reason: zen.spamhaus.org", "", 0, "blocklist", "", name=NAME,
            sender="a@example.com", recipient="b@example.org"),
    refused("spamdyke", f"DENIED_RDNS_MISSING from: (unknown) to: b@example.org origin_ip: {CLIENT} origin_rdns: "
        "(unknown) "
            "auth: (unknown) encryption: TLS reason: (empty)", "", 0, "client", "", recipient="b@example.org"),
    refused("spamdyke", f"DENIED_GRAYLISTED {_DYKE} reason: (empty)", "", 0, "greylist", "", name=NAME,
        sender="a@example.com",
            recipient="b@example.org"),
    refused("spamdyke", f"DENIED_OTHER {_DYKE}", "", 0, "policy", "", name=NAME, sender="a@example.com",
            recipient="b@example.org"),
    refused("spamdyke", f"DENIED_RELAYING from: a b to: c origin_ip: {CLIENT} origin_rdns: x auth: (unknown)", "", 0,
            "relay denied", ""),
    refused("spamdyke", f"DENIED_RELAYING from: a to: b origin_ip: 9.9.9.9 origin_rdns: x auth: y origin_ip: {CLIENT} "
            "origin_rdns: x auth: (unknown)", "", 0, "relay denied", "", source=""),
    ("spamdyke", f"ALLOWED {_DYKE}", []),
    login(f"vchkpw-smtp: password fail bob@example.com:{CLIENT}", "smtp", "failure", "bob@example.com",
        "password fail"),
    login(f"{_TRIED}'secret') bob@example.com:{CLIENT}", "smtp", "failure", "bob@example.com", "password fail",
          kept=f"{_TRIED}...) bob@example.com:{CLIENT}"),
    login(f"{_TRIED}'x') root@example.com:9.9.9.9') bob@example.com:{CLIENT}", "smtp", "failure", "", "password fail",
          kept=f"{_TRIED}...) :{CLIENT}"),
    login(f"vchkpw-pop3: vpopmail user not found x:9.9.9.9@example.com:{CLIENT}", "pop3", "failure",
        "x:9.9.9.9@example.com",
          "vpopmail user not found"),
    login("vchkpw-imap: null password given bob@example.com:2001:db8::7", "imap", "failure",
        "bob@example.com:2001:db8:",
          "null password given", source=""),
    login(f"vchkpw-submission: (PLAIN) login success bob@example.com:{CLIENT}", "submission", "success",
        "bob@example.com",
          "(PLAIN) login success"),
    login(f"password fail bob@example.com:{CLIENT}", "smtp", "failure", "bob@example.com", "password fail",
          program="vchkpw-smtp"),
    ("vpopmail", "vchkpw-smtp: something new", []),
    ("vpopmail", "something new", []),
)  # fmt: skip


@pytest.mark.parametrize(("program", "text", "facts"), CASES, ids=range(len(CASES)))
def test_a_line(program: str, text: str, facts: Sequence[ev.Event] | None) -> None:
    given_facts = read(program, text)
    assert given_facts is None if facts is None else given_facts is not None and list(given_facts) == facts


def test_multilog_lines() -> None:
    """multilog(8) writes a stamp in place of the host: `@40000000450b2d2e1529cb14 rblsmtpd: ...`."""
    reader = Reader("here", UTC, TIME)
    (fact,) = reader.read([f"@40000000450b2d2e1529cb14 rblsmtpd: {CLIENT} pid 93340: 451 {_LISTED}"])
    assert isinstance(fact, ev.Refused)
    assert (fact.host, fact.program, fact.source) == ("here", "rblsmtpd", CLIENT)
    assert reader.read(["@40000000450b2d2e1529cb14 tcpserver: ok 123 mx:192.0.2.25:25 :192.0.2.7::4321"]) == []
    assert reader.unknown == {}


@pytest.mark.parametrize("program", ["qmail-smtpd", "rblsmtpd", "spamdyke", "tcpserver", "vpopmail", "vchkpw-smtp"])
@given(text=st.text() | mutated([text for _, text, _ in CASES]))
def test_it_never_raises(program: str, text: str) -> None:
    PARSERS[program](text, head(program, text))


@given(st.text())
def test_no_password_is_kept(password: str) -> None:
    text = f"{_TRIED}'{password}') bob@example.com:{CLIENT}"
    (fact,) = qmail.vpopmail(text, head("vpopmail", text)) or ()
    assert isinstance(fact, ev.LoginTried)
    assert fact.source == CLIENT
    assert len(fact.text) <= len(f"{_TRIED}...) bob@example.com:{CLIENT}")


def test_no_line_takes_long() -> None:
    for program, text, facts in CASES[::2]:
        if facts:
            assert_quick(PARSERS[program], [text])
