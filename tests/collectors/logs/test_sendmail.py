"""Sendmail's lines: most as Sendmail 8.17 wrote them in tests/hosts, others as its source and guide have them."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.logs.head import Head
from collectors.logs.sendmail import parse
from smtpwatch import events as ev
from tests.collectors.logs.telling import assert_quick, head, mutated, read

ID = "6AP9NLX5008424"
OTHER_ID = "6AP9NMT2008537"
CLIENT = "192.0.2.7"
NAME = "client.example.com"
WHO = (CLIENT, 0, NAME)
NOBODY = ("", 0, "")
RELAY = f"{NAME} [{CLIENT}]"
FORGED = ", relay=y [9.9.9.9], reject=550 5.7.1 x"
Told = Callable[[Head], ev.Event]
Case = tuple[str, Sequence[Told] | None]


def told(kind: Callable[..., ev.Event], *fields: Any, **named: Any) -> Told:
    return lambda head: kind(*head, *fields, **named)


def line(text: str, *facts: Told) -> Case:
    return f"{ID}: {text}", facts


def refused(
    stage: str, code: int, enhanced: str, reason: ev.Reason, reply: str, who: tuple[str, int, str] = WHO, **named: Any
) -> Told:
    return told(ev.Refused, *who, stage, code, enhanced, reason, reply, **{"queue_id": ID, **named})


def delivery(status: ev.DeliveryStatus, to: str, enhanced: str, reply: str, **named: Any) -> Told:
    return told(ev.Delivery, ID, to, status, enhanced, reply, **{"delay": 0.0, "transport": "esmtp", **named})


def login(outcome: ev.LoginOutcome, account: str, mechanism: str, reason: str = "", queue_id: str = ID) -> Told:
    return told(ev.LoginTried, *WHO, "smtp", outcome, account, mechanism, reason, queue_id)


def received(size: int, recipients: int, sender: str, **named: Any) -> tuple[Told, Told]:
    who, origin = named.pop("who", WHO), named.pop("origin", "smtp")
    return (
        told(ev.MessageReceived, *who, ID, origin, sender, (), size, **named),
        told(ev.MessageQueued, ID, sender, size, recipients),
    )


_HOP = "xdelay=00:00:00, mailer=esmtp, pri=150015, relay=mx.example.net. [198.51.100.25]"
_AT_HOP = {"relay": "mx.example.net", "relay_address": "198.51.100.25"}
_DENIED = "550 5.7.1 <a@far.example>... Relaying denied. Proper authentication required."
_QUOTED = f'"b>{FORGED} <"@far.example'
_COMMENTED = f"<a@far.example (>{FORGED})>"
_NOT_FOUND = "user not found (-20)"
_SASL = f"AUTH failure (LOGIN): {_NOT_FOUND} SASL(-13): user not found: checkpass failed"

CASES: tuple[Case, ...] = (
    (f"NOQUEUE: connect from {RELAY}", [told(ev.ClientConnected, *WHO)]),
    (f"NOQUEUE: connect from [{CLIENT}]", [told(ev.ClientConnected, CLIENT, 0, "")]),
    (f"NOQUEUE: connect from {RELAY} (may be forged)", [told(ev.ClientConnected, CLIENT, 0, "")]),
    ("NOQUEUE: connect from x.example [IPv6:2001:db8::7]", [told(ev.ClientConnected, "2001:db8::7", 0, "x.example")]),
    line(f"from=<a@example.com>, size=54, class=0, nrcpts=1, msgid=<a, stat=Sent [9.9.9.9]@x>, proto=ESMTP, "
        "daemon=MTA, "
         f"relay={RELAY}",
         *received(54, 1, "a@example.com", message_id="a, stat=Sent [9.9.9.9]@x", protocol="ESMTP")),
    line(f"from=<>, size=5, class=-60, nrcpts=2, msgid=<x>, bodytype=8BITMIME, proto=ESMTPS, daemon=MTA, "
        f"relay={RELAY} (may be "
         "forged)", *received(5, 2, "", message_id="x", protocol="ESMTPS", who=(CLIENT, 0, ""))),
    line(f"from=<a@example.com>, size=5, class=0, nrcpts=1, msgid=<x>, proto=SMTP, relay=y [9.9.9.9]>, proto=ESMTP, "
        "daemon=MTA, "
         f"relay={RELAY}", *received(5, 1, "a@example.com", message_id="x", protocol="ESMTP")),
    line(f'from=<"a>, size=1, relay=y [9.9.9.9], x=<"@example.com>, size=9, class=0, nrcpts=1, msgid=<x>, proto=ESMTP, '
         f"daemon=MTA, relay={RELAY}",
         *received(9, 1, '"a>, size=1, relay=y [9.9.9.9], x=<"@example.com', message_id="x", protocol="ESMTP")),
    line("from=root, size=20, class=0, nrcpts=1, msgid=<x@mx>, relay=root@localhost",
         *received(20, 1, "root", message_id="x@mx", who=NOBODY, origin="local", user="root")),
    line(f"from=<>, size=0, class=0, nrcpts=1, proto=ESMTP, daemon=MTA, relay={RELAY}"),
    line(f"from=<evil@example.com>, size=0, class=0, nrcpts=0, proto=ESMTP, daemon=MTA, relay={RELAY}"),
    line("to=<gone@far.example>, delay=00:00:00, " + _HOP + ", dsn=5.1.1, reply=550 5.1.1 <gone> User unknown, "
        "stat=User unknown",
         delivery("bounced", "gone@far.example", "5.1.1", "550 5.1.1 <gone> User unknown", code=550, **_AT_HOP)),
    line("to=<later@far.example>, ctladdr=<bob@example.org> (1000/1000), delay=1+02:03:04, " + _HOP
         + ', dsn=4.3.0, stat=Deferred: 451 4.7.1 Later "please", stat=Sent',
         delivery("deferred", "later@far.example", "4.3.0", '451 4.7.1 Later "please", stat=Sent', code=451,
             delay=93784.0,
                  **_AT_HOP)),
    line("to=<x@far.example>, delay=00:00:00, " + _HOP + ", dsn=5.7.1, reply=550 a, stat=Sent (ok), stat=Service "
        "unavailable",
         delivery("bounced", "x@far.example", "5.7.1", "550 a, stat=Sent (ok), stat=Service unavailable", code=550,
             **_AT_HOP)),
    line('to=<e5@far.example>,<"f,>, x"@far.example>, delay=00:00:00, ' + _HOP
         + ", dsn=2.0.0, stat=Sent (2.0.0 6AP9LAxU007156 Message accepted for delivery)",
         delivery("sent", "e5@far.example", "2.0.0", "2.0.0 6AP9LAxU007156 Message accepted for delivery",
                  next_queue_id="6AP9LAxU007156", **_AT_HOP),
         delivery("sent", '"f,>, x"@far.example', "2.0.0", "2.0.0 6AP9LAxU007156 Message accepted for delivery",
                  next_queue_id="6AP9LAxU007156", **_AT_HOP)),
    line("to=alice, delay=00:00:01, xdelay=00:00:00, mailer=local, pri=30054, dsn=2.0.0, stat=Sent",
         delivery("sent", "alice", "2.0.0", "Sent", delay=1.0, transport="local")),
    line("to=<a@down.example>, delay=00:00:01, xdelay=00:00:00, mailer=esmtp, pri=30054, relay=down.example., "
        "dsn=4.0.0, "
         "stat=Deferred: Connection refused by down.example.",
         delivery("deferred", "a@down.example", "4.0.0", "Connection refused by down.example.", delay=1.0,
                  relay="down.example")),
    line("to=<alice@example.org>, delay=00:00:00, mailer=local, pri=30054, stat=queued"),
    line("to=<nobody@example.org>, delay=00:00:00, pri=0, stat=RSET"),
    line("to=<x0@example.org>, delay=00:00:00, pri=0, stat=aborted by sender"),
    line(f"ruleset=check_rcpt, arg1=<a@far.example>, relay={RELAY}, reject={_DENIED}",
         refused("RCPT", 550, "5.7.1", "relay denied", _DENIED, recipient="a@far.example")),
    line(f"ruleset=check_mail, arg1=<evil@example.com>, relay={RELAY} (may be forged), reject=550 5.7.1 "
        "<evil@example.com>... "
         "Access denied",
         refused("MAIL", 550, "5.7.1", "policy", "550 5.7.1 <evil@example.com>... Access denied", (CLIENT, 0, ""),
                 sender="evil@example.com")),
    line(f"ruleset=check_rcpt, arg1=<alice@example.org>, relay={RELAY}, reject=553 5.1.8 <alice@example.org>... "
        "Domain of sender "
         "address a@example.com does not exist",
         refused("RCPT", 553, "5.1.8", "sender", "553 5.1.8 <alice@example.org>... Domain of sender address "
             "a@example.com does "
                 "not exist", recipient="alice@example.org")),
    (f"ruleset=check_relay, arg1={NAME}, arg2={CLIENT}, relay={RELAY}, reject=550 5.7.1 listed at bl.example",
     [refused("CONNECT", 550, "5.7.1", "blocklist", "550 5.7.1 listed at bl.example", blocklist="bl.example",
         queue_id="")]),
    line(f"ruleset=check_mail, arg1=<a@example.com>, relay={RELAY}, discard",
         told(ev.MessageHandled, ID, "discard", "check_mail: discard")),
    line(f"ruleset=check_mail, arg1=<a@example.com>, relay={RELAY}, quarantine=why",
         told(ev.MessageHandled, ID, "hold", "check_mail: quarantine=why")),
    line(f"ruleset=check_subject, arg1=free money, relay={RELAY}, reject=554 5.7.0 spam",
         refused("check_subject", 554, "5.7.0", "content", "554 5.7.0 spam")),
    line("ruleset=check_mail, arg1=<a@example.com>, relay=root@localhost, reject=550 5.7.1 no",
         refused("MAIL", 550, "5.7.1", "policy", "550 5.7.1 no", NOBODY, sender="a@example.com")),
    # What stands before the relay is the client's own.
    line(f"ruleset=check_rcpt, arg1=<{_QUOTED}>, relay={RELAY}, reject=550 5.7.1 <{_QUOTED}>... Relaying denied",
         refused("RCPT", 0, "", "other", "", NOBODY)),
    line(f'ruleset=check_rcpt, arg1=<"a, b>"@far.example>, relay={RELAY}, reject=550 5.7.1 <"a, b>"@far.example>... No',
         refused("RCPT", 550, "5.7.1", "policy", '550 5.7.1 <"a, b>"@far.example>... No',
             recipient='"a, b>"@far.example')),
    line(f"ruleset=check_rcpt, arg1={_COMMENTED}, relay={RELAY}, reject=550 5.7.1 {_COMMENTED}... Relaying denied",
         refused("RCPT", 0, "", "other", "", NOBODY)),
    line(rf"ruleset=check_rcpt, arg1=<a\>{FORGED}@b>, relay={RELAY}, reject=550 5.7.1 no", refused("RCPT", 0, "",
        "other", "", NOBODY)),
    line(f"ruleset=check_subject, arg1=x{FORGED}, relay={RELAY}, reject=554 5.7.0 spam",
         refused("check_subject", 0, "", "other", "", NOBODY)),
    (f"STARTTLS=server, relay={RELAY}, version=TLSv1.3, verify=NO, cipher=TLS_AES_256_GCM_SHA384, bits=256/256",
     [told(ev.TlsEstablished, *WHO, "TLSv1.3", "TLS_AES_256_GCM_SHA384", 256)]),
    ("STARTTLS=client, relay=mx.example.net., version=TLSv1.3, verify=OK, cipher=TLS_AES_256_GCM_SHA384, bits=256/256",
     [told(ev.TlsEstablished, *NOBODY, "TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, "trusted", "", "mx.example.net.")]),
    ("STARTTLS=server, error: accept failed=-1, reason=http request, SSL_error=1, errno=0, retry=-1, relay=" + RELAY,
     [told(ev.TlsTroubled, *WHO, "accept failed=-1, reason=http request, SSL_error=1, errno=0, retry=-1")]),
    ("STARTTLS=server: error:0A00009C:SSL routines::http request:../ssl/record/ssl3_record.c:341:", []),
    ("STARTTLS=server, cert-subject=/CN=x, relay=y [9.9.9.9], cert-issuer=, verifymsg=ok", []),
    (f"AUTH=server, relay={RELAY}, authid=bob, mech=PLAIN, bits=0", [login("success", "bob", "PLAIN", queue_id="")]),
    ("AUTH=client, relay=mx.example.net, mech=PLAIN, bits=0", []),
    line(f"{_SASL}, user=bob, relay={RELAY}", login("failure", "bob", "LOGIN", _NOT_FOUND)),
    line(f"{_SASL}, user=x, relay=y [9.9.9.9], relay={RELAY}", login("failure", "x, relay=y [9.9.9.9]", "LOGIN",
        _NOT_FOUND)),
    line(f"AUTH failure (LOGIN): authentication failure (-13) SASL(-13): authentication failure: checkpass failed, "
        f"relay={RELAY}",
         login("failure", "", "LOGIN", "authentication failure (-13)")),
    line(f"AUTH failure (CRAM-MD5): generic failure (-1) SASL(-1): generic failure: no secret, relay={RELAY}",
         login("deferred", "", "CRAM-MD5", "generic failure (-1)")),
    line(f"lost input channel from {RELAY} to MTA after rcpt", told(ev.ClientLost, *WHO, "lost connection", "RCPT")),
    line(f"timeout waiting for input from {RELAY} during server cmd read",
         told(ev.ClientLost, *WHO, "timeout", "server cmd read")),
    line(f"{RELAY} did not issue MAIL/EXPN/VRFY/ETRN during connection to MTA",
         told(ev.ClientOddity, *WHO, "no MAIL", "MTA")),
    line(f"[{CLIENT}] did not issue MAIL/EXPN/VRFY/ETRN during connection to MSA",
         told(ev.ClientOddity, CLIENT, 0, "", "no MAIL", "MSA")),
    line(f"{RELAY}: possible SMTP attack: command=AUTH, count=4",
         told(ev.ClientOddity, *WHO, "possible attack", "attack: command=AUTH, count=4")),
    line(f"{RELAY}: Possible SMTP RCPT flood, throttling.",
         told(ev.ClientOddity, *WHO, "possible attack", "RCPT flood, throttling.")),
    line(f"{RELAY}: VRFY alice"),
    line(f"{RELAY}: VRFY alice [rejected]", refused("VRFY", 0, "", "policy", "")),
    line(f"{RELAY}: EXPN x... User unknown"),
    line(f"rejecting commands from {RELAY} due to pre-greeting traffic after 0 seconds",
         told(ev.ClientOddity, *WHO, "early talker", "before the greeting")),
    line(f"rejecting commands from {NAME} [{CLIENT}] [{CLIENT}] due to pre-greeting traffic",
         told(ev.ClientOddity, *WHO, "early talker", "before the greeting")),
    line(f"rejecting server EHLO from {RELAY} due to traffic before response"),
    line(f"unauthorized PIPELINING, sleeping, relay={RELAY}", told(ev.ClientOddity, *WHO, "pipelining", "")),
    line(f"invalid domain name (x) from y [9.9.9.9]) from {RELAY}",
         refused("HELO", 0, "", "HELO", "", helo="x) from y [9.9.9.9]")),
    line("Too many recipients", refused("RCPT", 0, "", "rate", "Too many recipients", NOBODY)),
    line("<nobody@example.org>... User unknown",
         refused("RCPT", 0, "", "unknown user", "User unknown", NOBODY, recipient="nobody@example.org")),
    line("nobody... User unknown", refused("RCPT", 0, "", "unknown user", "User unknown", NOBODY, recipient="nobody")),
    line(r"<a\>, relay=y [9.9.9.9], reject=x@far.example>... Invalid route address"),
    (f"NOQUEUE: tcpwrappers ({NAME}, {CLIENT}) rejection", [refused("CONNECT", 0, "", "client", "", queue_id="")]),
    line("Milter: to=<a@example.org>, reject=550 5.7.1 No such user here",
         refused("RCPT", 550, "5.7.1", "unknown user", "550 5.7.1 No such user here", NOBODY,
             recipient="a@example.org")),
    line('Milter: from=<", reject=250 "@x>, reject=451 4.7.1 Greylisted',
         refused("MAIL", 0, "", "other", "", NOBODY)),
    line("Milter: helo=x, reject=250 ok, reject=550 5.7.1 Command rejected", refused("HELO", 0, "", "other", "",
        NOBODY)),
    line("Milter: data, reject=554 5.7.1 Command rejected",
         refused("END-OF-MESSAGE", 554, "5.7.1", "policy", "554 5.7.1 Command rejected", NOBODY)),
    (f"NOQUEUE: Milter: connect: host={NAME}, addr={CLIENT}, rejecting commands",
     [refused("CONNECT", 0, "", "policy", "rejecting commands", (CLIENT, 0, ""), queue_id="")]),
    line("Milter (opendkim): to error state", told(ev.ServiceTrouble, "warning", "Milter (opendkim): to error state",
        ID)),
    line("Milter (opendkim) insert (1): header: X-Spam: no, reject=550"),
    line("Milter add: header: X-Spam: a, reject=550"),
    line("Milter: no active filter"),
    line("milter=opendkim, action=mail, reject=550 5.7.1 no"),
    line(f"{OTHER_ID}: DSN: User unknown", told(ev.NoticeSent, ID, "bounce", OTHER_ID)),
    line(f"{OTHER_ID}: return to sender: Cannot send message for 5 days", told(ev.NoticeSent, ID, "bounce", OTHER_ID),
         told(ev.MessageExpired, ID)),
    line(f"{OTHER_ID}: return to sender: User unknown", told(ev.NoticeSent, ID, "bounce", OTHER_ID)),
    line(f"{OTHER_ID}: sender notify: Warning: could not send message for past 4 hours",
         told(ev.NoticeSent, ID, "delay", OTHER_ID)),
    line(f"{OTHER_ID}: postmaster notify: User unknown", told(ev.NoticeSent, ID, "postmaster", OTHER_ID)),
    line(f"{OTHER_ID}: return receipt", told(ev.NoticeSent, ID, "success", OTHER_ID)),
    line(f"{OTHER_ID}: clone: owner=owner-list"),
    line("clone: owner=owner-list"),
    line("done; delay=00:00:01, ntries=1", told(ev.MessageRemoved, ID)),
    ("rejecting connections on daemon MTA: load average: 20",
     [told(ev.ServiceTrouble, "warning", "rejecting connections on daemon MTA: load average: 20")]),
    ("NOQUEUE: SYSERR(root): opendaemonsocket: daemon MTA: cannot bind: Address already in use",
     [told(ev.ServiceTrouble, "error",
           "SYSERR(root): opendaemonsocket: daemon MTA: cannot bind: Address already in use")]),
    line("<-- AUTH PLAIN AGJvYgBzZWNyZXQtOQ=="),
    line("--- 250 2.1.0 Ok"),
    line("SMTP outgoing connect on mx.example.org"),
    line("Authentication-Warning: mx.example.org: y [9.9.9.9] didn't use HELO protocol"),
    ("starting daemon (8.17.1.9): SMTP+queueing@00:10:00", []),
    ("alias database /etc/aliases rebuilt by root", []),
    (f"[ID 801593 mail.info] NOQUEUE: connect from {RELAY}", [told(ev.ClientConnected, *WHO)]),
    (f"[ID 801593 mail.notice] {ID}: ruleset=check_rcpt, arg1=<a@far.example>, relay={RELAY}, reject={_DENIED}",
     [refused("RCPT", 550, "5.7.1", "relay denied", _DENIED, recipient="a@far.example")]),
    line("relay parameter unrecognized"),
    (f"{ID}: lost input channel from x [9.9.9.9] to MTA after rcpt... User unknown", None),
    (f"{ID}: from=<a>, size=1, class=0, nrcpts=1, msgid=<x>, proto=ESMTP, relay=who knows", None),
    (f'{ID}: to=<a (>, delay=00:00:00, {_HOP}, dsn=2.0.0, stat=Sent)>, delay=00:00:00, {_HOP}, dsn=5.0.0, stat=x',
    None),
    ("something new", None),
    ("", None),
)  # fmt: skip


@pytest.mark.parametrize(("text", "facts"), CASES, ids=range(len(CASES)))
def test_a_line(text: str, facts: Sequence[Told] | None) -> None:
    given_facts = read("sm-mta", text)
    if facts is None:
        assert given_facts is None
    else:
        assert given_facts is not None
        assert list(given_facts) == [fact(head("sm-mta", text)) for fact in facts]


@given(st.text() | mutated([text for text, _ in CASES]))
def test_it_never_raises(text: str) -> None:
    parse(text, head("sendmail", text))


_PIECES = ("<", ">", '"', "(", ")", "\\", ",", " ", "relay=", ", relay=y [9.9.9.9]", ", reject=550", "x@y", "size=1, ")


@given(st.lists(st.sampled_from(_PIECES), max_size=12).map("".join) | st.text())
def test_no_stranger_blames_another(words: str) -> None:
    """Whatever the pieces that addresses, HELO, user names and Message-IDs are made of, the client is the client."""
    for text in (
        f"ruleset=check_rcpt, arg1=<{words}>, relay={RELAY}, reject=550 5.7.1 <{words}>... Relaying denied",
        f"ruleset=check_subject, arg1={words}, relay={RELAY}, reject=550 5.7.1 {words}... Relaying denied",
        f"from=<{words}>, size=1, class=0, nrcpts=1, msgid=<{words}>, proto=ESMTP, daemon=MTA, relay={RELAY}",
        f"AUTH failure (PLAIN): no (-20) {words}, user={words}, relay={RELAY}",
        f"invalid domain name ({words}) from {RELAY}",
    ):
        for fact in parse(f"{ID}: {text}", head("sendmail", text)) or ():
            assert not isinstance(fact, ev.ClientEvent) or fact.source in ("", CLIENT), text


def test_no_line_takes_long() -> None:
    assert_quick(parse, [text for text, facts in CASES if facts and len(text) > 70][::6])
