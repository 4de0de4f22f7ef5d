"""OpenSMTPD's lines: of 6.8 as OpenSMTPD 6.8.0 wrote them in tests/hosts, of others as its source has them."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.logs.head import Head
from collectors.logs.opensmtpd import parse
from smtpwatch import events as ev
from tests.collectors.logs.telling import assert_quick, head, mutated, read

SESSION = "27c72fdedcd373d5"
CLIENT = "192.0.2.7"
NAME = "client.example.com"
NOBODY = ("", 0, "")
Told = Callable[[Head], ev.Event]
Case = tuple[str, Sequence[Told] | None]


def told(kind: Callable[..., ev.Event], *fields: Any, **named: Any) -> Told:
    return lambda head: kind(*head, *fields, **named)


def smtp(text: str, *facts: Told) -> Case:
    return f"{SESSION} smtp {text}", facts


def failed(command: str, reply: str, *facts: Told) -> Case:
    return smtp(f'failed-command command="{command}" result="{reply}"', *facts)


def refused(stage: str, code: int, enhanced: str, reason: ev.Reason, reply: str, **named: str) -> Told:
    return told(ev.Refused, *NOBODY, stage, code, enhanced, reason, reply, **named)


def received(msgid: str, sender: str | None = None, to: tuple[str, ...] = (), **named: Any) -> Told:
    return told(ev.MessageReceived, *named.pop("who", NOBODY), msgid, "smtp", sender, to, **named)


def login(outcome: ev.LoginOutcome, account: str, who: tuple[str, int, str] = NOBODY) -> Told:
    return told(ev.LoginTried, *who, "smtp", outcome, account)


def delivery(status: ev.DeliveryStatus, msgid: str, to: str, reply: str, **named: Any) -> Told:
    return told(ev.Delivery, msgid, to, status, reply=reply, **named)


def ended(reason: str) -> Told:
    return told(ev.ClientDisconnected, *NOBODY, reason)


_WHO = (CLIENT, 0, NAME)
_FROM_6_0 = f"address={CLIENT} host={NAME} "
_MTA = f"{SESSION} mta delivery evpid=752c781116fbba8d from=<bob@example.org> to=<dave@example.net> rcpt=<-> "
_HOP = 'source="192.0.2.25" relay="198.51.100.25 (mx.example.net)" delay='
_SENT = {"relay": "mx.example.net", "relay_address": "198.51.100.25", "sender": "bob@example.org", "transport": "mta"}
_INVALID = "550 Invalid recipient: <nobody@example.org>"
_BAD_HELO = "501 5.5.4 Invalid command arguments: Invalid domain name"
_NOT_ALLOWED = "503 5.5.1 Invalid command: Command not allowed at this point."
_UNSUPPORTED = "503 5.5.1 Invalid command: Command not supported"

CASES: tuple[Case, ...] = (
    smtp(f"connected address={CLIENT} host={NAME}", told(ev.ClientConnected, *_WHO)),
    smtp("connected address=[2001:db8::7] host=<unknown>", told(ev.ClientConnected, "2001:db8::7", 0, "")),
    smtp("connected address=[ipv6:2001:db8::7] host=a.example", told(ev.ClientConnected, "2001:db8::7", 0,
        "a.example")),
    smtp("connected address=local host=mx.example.org", told(ev.ClientConnected, "", 0, "mx.example.org")),
    smtp(f"event=connected address={CLIENT} host={NAME}", told(ev.ClientConnected, *_WHO)),
    smtp("message msgid=cd68c0b3 size=192 nrcpt=1 proto=ESMTP", received("cd68c0b3", size=192, protocol="ESMTP")),
    smtp("envelope evpid=cd68c0b39348f19f from=<a@example.com> to=<alice@example.org>",
         received("cd68c0b3", "a@example.com", ("alice@example.org",))),
    smtp("envelope evpid=cd68c0b39348f19f from=<> to=<alice@example.org>",
         received("cd68c0b3", "", ("alice@example.org",))),
    smtp("event=message msgid=cd68c0b3 from=<a@example.com> to=<b@example.org> size=192 ndest=1 proto=SMTP",
         received("cd68c0b3", "a@example.com", ("b@example.org",), size=192, protocol="SMTP")),
    smtp(f"event=message {_FROM_6_0}msgid=cd68c0b3 from=<> to=<b@example.org> size=1 ndest=1 proto=ESMTP",
         received("cd68c0b3", "", ("b@example.org",), who=_WHO, size=1, protocol="ESMTP")),
    smtp("tls ciphers=TLSv1.2:AECDH-AES256-SHA:256", told(ev.TlsEstablished, *NOBODY, "TLSv1.2", "AECDH-AES256-SHA",
        256)),
    smtp('event=starttls ciphers="version=TLSv1.2, cipher=ECDHE-RSA-AES256-GCM-SHA384, bits=256"',
         told(ev.TlsEstablished, *NOBODY, "TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384", 256)),
    smtp(f'event=starttls {_FROM_6_0}ciphers="version=TLSv1.2, cipher=AES256-SHA, bits=256"',
         told(ev.TlsEstablished, *_WHO, "TLSv1.2", "AES256-SHA", 256)),
    smtp("tls tls=smtps"),
    smtp("authentication user=bob result=ok", login("success", "bob")),
    smtp("authentication user=bob result=permfail", login("failure", "bob")),
    smtp("authentication user=bob result=tempfail", login("deferred", "bob")),
    smtp(f"authentication user=bob {_FROM_6_0}result=permfail", login("failure", "bob", _WHO)),
    smtp(r"authentication user=x\040address=9.9.9.9\040host=y result=permfail",
         login("failure", r"x\040address=9.9.9.9\040host=y")),
    smtp("disconnected reason=quit", ended("quit")),
    smtp("disconnected  reason=quit", ended("quit")),
    smtp("event=closed reason=quit", ended("quit")),
    smtp(f"event=closed {_FROM_6_0}reason=quit", ended("quit")),
    smtp("disconnected reason=disconnect", told(ev.ClientLost, *NOBODY, "lost connection"), ended("disconnect")),
    smtp("disconnected reason=timeout", told(ev.ClientLost, *NOBODY, "timeout"), ended("timeout")),
    smtp('disconnected reason="io-error: Connection reset by peer"', told(ev.ClientLost, *NOBODY,
        "Connection reset by peer"),
         ended("io-error: Connection reset by peer")),
    smtp('disconnected reason="io-error: error:0A00009C:SSL routines::http request"',
         told(ev.TlsTroubled, *NOBODY, "error:0A00009C:SSL routines::http request"),
         ended("io-error: error:0A00009C:SSL routines::http request")),
    smtp("disconnected reason=ca-failure", ended("ca-failure")),
    failed("RCPT TO:<nobody@example.org>", _INVALID,
           refused("RCPT", 550, "", "unknown user", _INVALID, recipient="nobody@example.org")),
    failed("RCPT TO: <bob@example.org>  ", "524 5.2.4 Mailing list expansion problem: <bob@example.org>",
           refused("RCPT", 524, "5.2.4", "unknown user", "524 5.2.4 Mailing list expansion problem: <bob@example.org>",
                   recipient="bob@example.org")),
    failed("MAIL FROM:<a@b.example> SIZE=99", "530 5.5.1 Invalid command: Must issue a STARTTLS command first",
           refused("MAIL", 530, "5.5.1", "TLS required", "530 5.5.1 Invalid command: Must issue a STARTTLS command "
               "first",
                   sender="a@b.example")),
    failed("", "550 no rDNS please fix", refused("CONNECT", 550, "", "other", "550 no rDNS please fix")),
    failed("DATA", "451 Try again later", refused("DATA", 451, "", "resources", "451 Try again later")),
    failed("AUTH LOGIN", _UNSUPPORTED, refused("AUTH", 503, "5.5.1", "protocol", _UNSUPPORTED)),
    smtp(f'event=failed-command {_FROM_6_0}command="RCPT TO:<x@y.example>" result="{_NOT_ALLOWED}"',
         refused("RCPT", 503, "5.5.1", "protocol", _NOT_ALLOWED, recipient="x@y.example")),
    # A login has a line of its own; one that failed for its form has not.
    failed("AUTH PLAIN (...)", "535 Authentication failed"),
    failed("AUTH LOGIN (password)", "535 Authentication failed"),
    failed("AUTH PLAIN (...)", "501 5.5.4 Syntax error",
           refused("AUTH", 501, "5.5.4", "protocol", "501 5.5.4 Syntax error")),
    # These hold a password, or may.
    failed("AUTH PLAIN AGJvYgB3cm9uZw==", _UNSUPPORTED),
    failed("auth plain AGJvYgB3cm9uZw==", _UNSUPPORTED),
    failed("c2VjcmV0LTk=", "500 5.5.1 Invalid command: Command unrecognized"),
    failed("secret", "500 5.5.1 Invalid command: Command unrecognized"),
    # The client wrote what looks like a reply.
    failed('EHLO x" result="550 forged" [9.9.9.9]', _BAD_HELO, refused("EHLO", 0, "", "other", "")),
    failed("EHLO a..b", _BAD_HELO, refused("EHLO", 501, "5.5.4", "protocol", _BAD_HELO)),
    failed(r'RCPT TO:<"x" rcpt=<e\\>vil>" result="Ok"@far.example>', "501 5.1.3 Recipient address syntax error",
           refused("RCPT", 0, "", "other", "")),
    smtp('bad-input result="500 5.5.1 Invalid command: Pipelining not supported"',
         refused("", 500, "5.5.1", "protocol", "500 5.5.1 Invalid command: Pipelining not supported")),
    smtp('client-cert-check result="failure"'),
    smtp("event=proxy address=198.51.100.1"),
    (f"{SESSION} mda delivery evpid=752c7811e4ead891 from=<bob@example.org> to=<alice@example.org> "
    "rcpt=<al@example.org> "
     "user=vmail delay=1d2h3m4s result=Ok stat=Delivered",
     [delivery("sent", "752c7811", "alice@example.org", "Delivered", original="al@example.org", delay=93784.0,
               sender="bob@example.org", transport="mda")]),
    (f"{SESSION} mda event=delivery evpid=752c7811e4ead891 from=<> to=<a@example.org> user=vmail method=maildir "
    "delay=5s "
     'result=TempFail stat=Error ("cannot write")',
     [delivery("deferred", "752c7811", "a@example.org", 'Error ("cannot write")', delay=5.0, sender="",
         transport="mda")]),
    (f'{_MTA}{_HOP}0s result="Ok" stat="250 2.0.0 cd68c0b3 Message accepted for delivery"',
     [delivery("sent", "752c7811", "dave@example.net", "250 2.0.0 cd68c0b3 Message accepted for delivery",
         enhanced="2.0.0",
               code=250, next_queue_id="cd68c0b3", delay=0.0, **_SENT)]),
    (f'{_MTA}{_HOP}2m result="TempFail" stat="451 4.7.1 Later "please" result="Ok" stat="250 Ok""',
     [delivery("deferred", "752c7811", "dave@example.net", '451 4.7.1 Later "please" result="Ok" stat="250 Ok"',
               enhanced="4.7.1", code=451, delay=120.0, **_SENT)]),
    (f'{_MTA}source="-" relay="example.net" delay=4s result="TempFail" stat="Network error on destination MXs"',
     [delivery("deferred", "752c7811", "dave@example.net", "Network error on destination MXs", delay=4.0,
               **{**_SENT, "relay": "example.net", "relay_address": ""})]),
    (f'{_MTA}{_HOP}0s result="PermFail" stat="550 5.1.1 <dave> User unknown"',
     [delivery("bounced", "752c7811", "dave@example.net", "550 5.1.1 <dave> User unknown", enhanced="5.1.1", code=550,
               delay=0.0, **_SENT)]),
    (f"{SESSION} mta tls ciphers=TLSv1.3:TLS_AES_256_GCM_SHA384:256",
     [told(ev.TlsEstablished, *NOBODY, "TLSv1.3", "TLS_AES_256_GCM_SHA384", 256)]),
    (f"{SESSION} mta error reason=IO Error: error:0A000086:SSL routines::certificate verify failed",
     [told(ev.TlsTroubled, *NOBODY, "error:0A000086:SSL routines::certificate verify failed")]),
    (f"{SESSION} mta error reason=Connection timeout", []),
    (f"{SESSION} mta connecting address=smtp://198.51.100.25:25 host=198.51.100.25", []),
    (f"{SESSION} mta connected", []),
    (f'{SESSION} mta server-cert-check result="success"', []),
    (f"{SESSION} mta disconnected reason=quit messages=1", []),
    ("relay: Expire for 752c781116fbba8d: from=<bob@example.org>, to=<dave@example.net>, rcpt=<->, delay=4d, "
    "stat=Envelope expired",
     [delivery("expired", "752c7811", "dave@example.net", "Envelope expired", delay=345600.0, sender="bob@example.org",
               transport="mta")]),
    ("delivery: Remove for 752c781116fbba8d: from=<bob@example.org>, to=<d@example.org>, rcpt=<->, delay=4s, "
     "stat=Removed by administrator",
     [told(ev.MessageHandled, "752c7811", "remove", "<d@example.org>: Removed by administrator")]),
    ("info: OpenSMTPD 6.8.0p2 starting", []),
    ("debug: smtp: new client on listener: 0x55", []),
    ("smtp-out: Error on session 4a1b4a1b4a1b4a1b: Connection failed", []),
    ("warn: PermFail injecting failure report on message 752c7811 to <bob@example.org> for 1 envelope: 524 5.2.4 x",
     [told(ev.ServiceTrouble, "warning", "PermFail injecting failure report on message 752c7811 to <bob@example.org> "
         "for 1 "
           "envelope: 524 5.2.4 x", "752c7811")]),
    ("warn: purge_task: opendir: No such file or directory",
     [told(ev.ServiceTrouble, "warning", "purge_task: opendir: No such file or directory")]),
    ("fatal: queue: no space", [told(ev.ServiceTrouble, "fatal", "queue: no space")]),
    # Before 6.0.
    (f"smtp-in: New session {SESSION} from host {NAME} [{CLIENT}]", [told(ev.ClientConnected, *_WHO)]),
    (f"smtp-in: New session {SESSION} from host ix.example.com [local]", [told(ev.ClientConnected, "", 0,
    "ix.example.com")]),
    (f"smtp-in: Accepted message 4296f490 on session {SESSION}: from=<a@example.com>, to=<b@example.org>, size=1746, "
    "ndest=1, "
     "proto=ESMTP", [received("4296f490", "a@example.com", ("b@example.org",), size=1746, protocol="ESMTP")]),
    (f"smtp-in: Accepted message 4296f490 on session {SESSION}: from=<>, size=1746, nrcpts=2, proto=SMTP",
     [received("4296f490", "", size=1746, protocol="SMTP")]),
    (f"smtp-in: Accepted authentication for user bob on session {SESSION}", [login("success", "bob")]),
    (f"smtp-in: Authentication failed for user bob on session {SESSION}", [login("failure", "bob")]),
    (f"smtp-in: Authentication temporarily failed for user bob on session {SESSION}", [login("deferred", "bob")]),
    (f"smtp-in: Started TLS on session {SESSION}: version=TLSv1.2, cipher=EDH-RSA-DES-CBC3-SHA, bits=112",
     [told(ev.TlsEstablished, *NOBODY, "TLSv1.2", "EDH-RSA-DES-CBC3-SHA", 112)]),
    (f'smtp-in: Failed command on session {SESSION}: "MAIL FROM:<root@j.example>  " => 421 4.3.0: Temporary Error',
     [refused("MAIL", 421, "4.3.0", "resources", "421 4.3.0: Temporary Error", sender="root@j.example")]),
    (f'smtp-in: Failed command on session {SESSION}: "RCPT TO:<nobody@example.org>" => {_INVALID}',
     [refused("RCPT", 550, "", "unknown user", _INVALID, recipient="nobody@example.org")]),
    (f'smtp-in: Failed command on session {SESSION}: "HELO x" => 250 ok" => 501 Invalid domain name',
     [refused("HELO", 0, "", "other", "")]),
    (f'smtp-in: Failed command on session {SESSION}: "AUTH [...]" => 535 Authentication failed', []),
    (f'smtp-in: Failed command on session {SESSION}: "AUTH PLAIN AGJvYgB3cm9uZw==" => 503 Not supported', []),
    (f"smtp-in: Bad input on session {SESSION}: 500 5.5.2 Line too long",
     [refused("", 500, "5.5.2", "protocol", "500 5.5.2 Line too long")]),
    (f"smtp-in: Closing session {SESSION}", [ended("")]),
    (f"smtp-in: Received disconnect from session {SESSION}",
     [told(ev.ClientLost, *NOBODY, "lost connection"), ended("disconnect")]),
    (f"smtp-in: Disconnecting session {SESSION}: IO error: No SSL error",
     [told(ev.TlsTroubled, *NOBODY, "No SSL error"), ended("IO error: No SSL error")]),
    (f"smtp-in: Ending session {SESSION}: too many failed RCPT", [ended("too many failed RCPT")]),
    (f"relay: Ok for 752c781116fbba8d: session={SESSION}, from=<bob@example.org>, to=<dave@example.net>, rcpt=<->, "
     "source=192.0.2.25, relay=198.51.100.25 (mx.example.net), delay=1s, stat=250 2.0.0 Ok: queued as ABC",
     [delivery("sent", "752c7811", "dave@example.net", "250 2.0.0 Ok: queued as ABC", enhanced="2.0.0", code=250,
               next_queue_id="ABC", delay=1.0, **_SENT)]),
    ("delivery: PermFail for 752c781116fbba8d: from=<a@example.com>, to=<x@example.org>, user=x, method=mbox, "
    "delay=1s, "
     "stat=Error (no such user)",
     [delivery("bounced", "752c7811", "x@example.org", "Error (no such user)", delay=1.0, sender="a@example.com",
               transport="mda")]),
    # Not understood: forged, or unknown.
    (f"{SESSION} smtp connected address={CLIENT} host=x address=9.9.9.9", None),
    (f"smtp-in: New session {SESSION} from host x [9.9.9.9] [{CLIENT}]", None),
    (f"{SESSION} smtp something new", None),
    (f"{SESSION} smtp message msgid=cd68c0b3", None),
    ("something: new", None),
    ("", None),
)  # fmt: skip


@pytest.mark.parametrize(("text", "facts"), CASES, ids=range(len(CASES)))
def test_a_line(text: str, facts: Sequence[Told] | None) -> None:
    given_facts = read("smtpd", text)
    if facts is None:
        assert given_facts is None
    else:
        assert given_facts is not None
        assert list(given_facts) == [fact(head("smtpd", text)) for fact in facts]


def test_a_name_in_the_dns_is_no_address() -> None:
    (fact,) = read("smtpd", f"smtp-in: New session {SESSION} from host a[9.9.9.9] [{CLIENT}]") or ()
    assert isinstance(fact, ev.ClientConnected)
    assert fact.source == CLIENT


@given(st.text() | mutated([text for text, _ in CASES]))
def test_it_never_raises(text: str) -> None:
    parse(text, head("smtpd", text))


@given(st.text().map(lambda text: text.replace("\n", "")) | st.sampled_from([text for text, _ in CASES]))
def test_no_command_makes_a_source_or_keeps_a_secret(command: str) -> None:
    """Whatever a client writes, it is nobody's address, and an argument of AUTH is never told."""
    for text in (failed(command, "500 no")[0], failed(f"AUTH PLAIN {command} x", "500 no")[0]):
        for fact in parse(text, head("smtpd", text)) or ():
            assert isinstance(fact, ev.Refused)
            assert (fact.source, fact.stage != "AUTH" or "PLAIN" not in text) == ("", True)


def test_no_line_takes_long() -> None:
    assert_quick(parse, [text for text, facts in CASES if facts and len(text) > 60][::7])
