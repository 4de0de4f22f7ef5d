"""smtpd(8)'s lines about clients, messages and refusals: smtpd.c and smtpd_check.c of Postfix 3.7 and 3.10."""

from typing import Any

import pytest

from smtpwatch import events as ev
from tests.collectors.logs.lines import Case, Fact, expected, fact, named, read

SMTPD = "postfix/smtpd"
SUBMISSION = "postfix/submission/smtpd"
WHO = ("192.0.2.7", 0, "")
MAIL = ("192.0.2.8", 0, "mail.example.net")
ENVELOPE = "from=<a@example.net> to=<b@example.org> proto=ESMTP helo=<h.example.net>"
OF: dict[str, Any] = {"sender": "a@example.net", "recipient": "b@example.org", "helo": "h.example.net"}

COMING: list[Case] = [
    (SMTPD, "connect from unknown[192.0.2.7]", [fact(ev.ClientConnected, *WHO)]),
    (SMTPD, "connect from mail.example.net[192.0.2.8]", [fact(ev.ClientConnected, *MAIL)]),
    (SMTPD, "connect from unknown[192.0.2.7]:51234", [fact(ev.ClientConnected, "192.0.2.7", 51234, "")]),
    (SMTPD, "connect from unknown[192.0.2.7]:unknown", [fact(ev.ClientConnected, *WHO)]),
    (SMTPD, "connect from unknown[2001:db8::7]", [fact(ev.ClientConnected, "2001:db8::7", 0, "")]),
    (SMTPD, "connect from m.example[2001:DB8:0::7]:25", [fact(ev.ClientConnected, "2001:db8::7", 25, "m.example")]),
    (SMTPD, "connect from unknown[::ffff:192.0.2.7]", [fact(ev.ClientConnected, *WHO)]),
    (SMTPD, "connect from localhost[127.0.0.1]", [fact(ev.ClientConnected, "127.0.0.1", 0, "localhost")]),
    (SMTPD, "connect from unknown[unknown]", [fact(ev.ClientConnected, "", 0, "")]),
    (SUBMISSION, "connect from unknown[192.0.2.7]", [fact(ev.ClientConnected, *WHO)]),
    ("postfix/smtps/smtpd", "connect from unknown[192.0.2.7]", [fact(ev.ClientConnected, *WHO)]),
    ("postfix-out/smtpd", "connect from unknown[192.0.2.7]", [fact(ev.ClientConnected, *WHO)]),
    ("mx-in/amavis/smtpd", "connect from unknown[192.0.2.7]", [fact(ev.ClientConnected, *WHO)]),
    (SMTPD, "connect from unknown[192.0.2.7] or so", None),
    (SMTPD, "connect from unknown[192.0.2.777]", None),
    (SMTPD, "connect to unknown[192.0.2.7]", None),
    (SMTPD, "connect from", None),
    (SMTPD, "disconnect from unknown[192.0.2.7]", [fact(ev.ClientDisconnected, *WHO)]),
    (SMTPD, "disconnect from unknown[192.0.2.7]:51234 ehlo=1 auth=0/3 quit=1 commands=2/5",
     [fact(ev.ClientDisconnected, "192.0.2.7", 51234, "", "", {"ehlo": (1, 1), "auth": (0, 3), "quit": (1, 1)})]),
    (SMTPD, "disconnect from mail.example.net[192.0.2.8] ehlo=2 starttls=1 mail=1 rcpt=1/2 bdat=1 unknown=0/2 "
     "commands=6/9",
     [fact(ev.ClientDisconnected, *MAIL, "", {
         "ehlo": (2, 2), "starttls": (1, 1), "mail": (1, 1), "rcpt": (1, 2), "bdat": (1, 1), "unknown": (0, 2)})]),
    (SMTPD, "disconnect from unknown[192.0.2.7] commands=0/0", [fact(ev.ClientDisconnected, *WHO)]),
    (SMTPD, "lost connection after AUTH from unknown[192.0.2.7]", [fact(ev.ClientLost, *WHO, "lost connection",
     "AUTH")]),
    (SMTPD, "lost connection after CONNECT from mail.example.net[192.0.2.8]:25000",
     [fact(ev.ClientLost, "192.0.2.8", 25000, "mail.example.net", "lost connection", "CONNECT")]),
    (SMTPD, "lost connection after DATA (1530 bytes) from mail.example.net[192.0.2.8]",
     [fact(ev.ClientLost, *MAIL, "lost connection", "DATA")]),
    (SMTPD, "timeout after END-OF-MESSAGE from mail.example.net[192.0.2.8]",
     [fact(ev.ClientLost, *MAIL, "timeout", "END-OF-MESSAGE")]),
    (SMTPD, "too many errors after RCPT from unknown[192.0.2.7]", [fact(ev.ClientLost, *WHO, "too many errors",
     "RCPT")]),
    (SMTPD, "lost connection after STARTTLS from unknown[2001:db8::7]",
     [fact(ev.ClientLost, "2001:db8::7", 0, "", "lost connection", "STARTTLS")]),
    (SMTPD, "NOQUEUE: lost connection after AUTH from unknown[192.0.2.7]",  # since 3.10
     [fact(ev.ClientLost, *WHO, "lost connection", "AUTH")]),
    (SMTPD, "4XYz1B2c3Dz1x: timeout after BDAT (12 bytes) from mail.example.net[192.0.2.8]",
     [fact(ev.ClientLost, *MAIL, "timeout", "BDAT")]),
    (SMTPD, "lost connection after HELO", None),
    (SMTPD, "improper command pipelining after EHLO from unknown[192.0.2.7]: QUIT\\r\\n",
     [fact(ev.ClientOddity, *WHO, "pipelining", "after EHLO: QUIT\\r\\n")]),
    (SMTPD, "improper command pipelining after DATA from unknown[192.0.2.7]:",
     [fact(ev.ClientOddity, *WHO, "pipelining", "after DATA")]),
    (SMTPD, "improper command pipelining after NOOP from unknown[192.0.2.7]",
     [fact(ev.ClientOddity, *WHO, "pipelining", "after NOOP")]),
    (SMTPD, "improper command pipelining after RSET from unknown[192.0.2.7]: x from unknown[198.51.100.9]: y",
     [fact(ev.ClientOddity, *WHO, "pipelining", "after RSET: x from unknown[198.51.100.9]: y")]),
]  # fmt: skip

MESSAGES: list[Case] = [
    (SMTPD, "3F2A11C0D5E: client=mail.example.net[192.0.2.8]", [fact(ev.MessageReceived, *MAIL, "3F2A11C0D5E",
     "smtp")]),
    (SMTPD, "4XYz1B2c3Dz1x: client=unknown[2001:db8::7]:4000",
     [fact(ev.MessageReceived, "2001:db8::7", 4000, "", "4XYz1B2c3Dz1x", "smtp")]),
    (SUBMISSION, "3F2A11C0D5E: client=unknown[192.0.2.7], sasl_method=PLAIN, sasl_username=bob@example.org",
     [fact(ev.LoginTried, *WHO, "submission", "success", "bob@example.org", "PLAIN", "", "3F2A11C0D5E"),
      fact(ev.MessageReceived, *WHO, "3F2A11C0D5E", "smtp", account="bob@example.org", mechanism="PLAIN")]),
    (SMTPD, "3F2A11C0D5E: client=unknown[192.0.2.7], sasl_method=LOGIN, sasl_username=bob, "
     "sasl_sender=alice@example.org",
     [fact(ev.LoginTried, *WHO, "smtp", "success", "bob", "LOGIN", "", "3F2A11C0D5E"),
      fact(ev.MessageReceived, *WHO, "3F2A11C0D5E", "smtp", account="bob", mechanism="LOGIN")]),
    (SMTPD, "3F2A11C0D5E: client=localhost[127.0.0.1], orig_queue_id=77AA11C0D5E, "
     "orig_client=mail.example.net[192.0.2.8]",
     [fact(ev.MessageReceived, *MAIL, "3F2A11C0D5E", "smtp", orig_queue_id="77AA11C0D5E")]),
    (SMTPD, "3F2A11C0D5E: client=localhost[127.0.0.1], orig_client=unknown[192.0.2.7]",
     [fact(ev.MessageReceived, *WHO, "3F2A11C0D5E", "smtp")]),
    (SMTPD, "3F2A11C0D5E: client=localhost[127.0.0.1], orig_client=unknown[unavailable]",
     [fact(ev.MessageReceived, "127.0.0.1", 0, "localhost", "3F2A11C0D5E", "smtp")]),
    (SMTPD, "3F2A11C0D5E: client=unknown[192.0.2.7], sasl_method=PLAIN, sasl_username=bob, orig_queue_id=77AA11C0D5E, "
     "orig_client=mail.example.net[192.0.2.8]",  # with an account, no further client is believed
     [fact(ev.LoginTried, *WHO, "smtp", "success", "bob", "PLAIN", "", "3F2A11C0D5E"),
      fact(ev.MessageReceived, *WHO, "3F2A11C0D5E", "smtp", account="bob", mechanism="PLAIN",
      orig_queue_id="77AA11C0D5E")]),
    (SMTPD, 'NOQUEUE: client=unknown[192.0.2.7], sasl_sender="x, orig_client=evil[198.51.100.9]"',
     [fact(ev.MessageReceived, *WHO, "", "smtp")]),
    (SMTPD, "3F2A11C0D5E: client=nonsense", None),
    (SMTPD, "3F2A11C0D5E: something else", None),
]  # fmt: skip


def _refused(
    reply: str,
    code: int,
    enhanced: str,
    why: str,
    stage: str = "RCPT",
    who: tuple[str, int, str] = WHO,
    **more: Any,
) -> list[Fact]:
    return [fact(ev.Refused, *who, stage, code, enhanced, why, reply, **more)]


REFUSALS: list[Case] = [
    (SMTPD, f"NOQUEUE: reject: RCPT from unknown[192.0.2.7]: 554 5.7.1 <b@example.org>: Relay access denied; "
     f"{ENVELOPE}",
     _refused("554 5.7.1 <b@example.org>: Relay access denied", 554, "5.7.1", "relay denied", **OF)),
    (SMTPD, f"NOQUEUE: reject: RCPT from unknown[192.0.2.7]:5000: 454 4.7.1 <b@example.org>: Relay access denied; "
     f"{ENVELOPE}",
     _refused("454 4.7.1 <b@example.org>: Relay access denied", 454, "4.7.1", "relay denied",
              who=("192.0.2.7", 5000, ""), **OF)),
    (SMTPD, "NOQUEUE: reject: RCPT from unknown[192.0.2.7]: 554 5.7.1 Service unavailable; Client host [192.0.2.7] "
     "blocked using "
     f"zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.7; {ENVELOPE}",
     _refused("554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using zen.spamhaus.org; "
              "https://www.spamhaus.org/query/ip/192.0.2.7", 554, "5.7.1", "blocklist", blocklist="zen.spamhaus.org",
              **OF)),
    (SMTPD, "NOQUEUE: reject: RCPT from unknown[192.0.2.7]: 450 4.7.1 Client host rejected: cannot find your hostname, "
     f"[192.0.2.7]; {ENVELOPE}",
     _refused("450 4.7.1 Client host rejected: cannot find your hostname, [192.0.2.7]", 450, "4.7.1", "client", **OF)),
    (SMTPD, "NOQUEUE: reject: EHLO from unknown[192.0.2.7]: 504 5.5.2 <User>: Helo command rejected: need "
     "fully-qualified "
     "hostname; proto=SMTP helo=<User>",
     _refused("504 5.5.2 <User>: Helo command rejected: need fully-qualified hostname", 504, "5.5.2", "HELO", "EHLO",
     helo="User")),
    (SMTPD, "NOQUEUE: reject: CONNECT from unknown[192.0.2.7]: 554 5.7.1 <unknown[192.0.2.7]>: Client host rejected: "
     "Access "
     "denied; proto=SMTP",
     _refused("554 5.7.1 <unknown[192.0.2.7]>: Client host rejected: Access denied", 554, "5.7.1", "client",
     "CONNECT")),
    (SMTPD, "NOQUEUE: reject: VRFY from unknown[192.0.2.7]: 550 5.1.1 <x>: Recipient address rejected: User unknown in "
     "local "
     "recipient table; to=<x> proto=SMTP helo=<h>",
     _refused("550 5.1.1 <x>: Recipient address rejected: User unknown in local recipient table", 550, "5.1.1",
     "unknown user",
              "VRFY", recipient="x", helo="h")),
    (SMTPD, "NOQUEUE: reject: MAIL from unknown[192.0.2.7]: 552 5.3.4 Message size exceeds fixed limit; proto=ESMTP "
     "helo=<h>",
     _refused("552 5.3.4 Message size exceeds fixed limit", 552, "5.3.4", "size", "MAIL", helo="h")),
    (SMTPD, "NOQUEUE: reject: MAIL from unknown[192.0.2.7]: 552 5.3.4 Message size exceeds fixed limit;",
     _refused("552 5.3.4 Message size exceeds fixed limit", 552, "5.3.4", "size", "MAIL")),
    (SMTPD, "NOQUEUE: reject: RCPT from unknown[192.0.2.7]: 421 4.3.0 mx1.example.org Server local data error",
     _refused("421 4.3.0 mx1.example.org Server local data error", 421, "4.3.0", "resources")),
    (SMTPD, "3F2A11C0D5E: reject: DATA from unknown[192.0.2.7]: 550 5.5.3 <DATA>: Data command rejected: "
     "Multi-recipient bounce; "
     "from=<> proto=ESMTP helo=<h>",
     _refused("550 5.5.3 <DATA>: Data command rejected: Multi-recipient bounce", 550, "5.5.3", "protocol", "DATA",
              sender="", helo="h", queue_id="3F2A11C0D5E")),
    (SMTPD, f"NOQUEUE: reject: DATA from unknown[192.0.2.7]: bare <LF> received; {ENVELOPE}",  # since 3.9
     _refused("bare <LF> received", 0, "", "protocol", "DATA", **OF)),
    (SMTPD, f"NOQUEUE: reject_warning: RCPT from unknown[192.0.2.7]: 450 4.1.8 <a@example.net>: Sender address "
     f"rejected: Domain "
     f"not found; {ENVELOPE}",
     _refused("450 4.1.8 <a@example.net>: Sender address rejected: Domain not found", 450, "4.1.8", "sender",
     warning=True, **OF)),
    (SMTPD, f"NOQUEUE: hangup: RCPT from unknown[192.0.2.7]: go away; {ENVELOPE}", _refused("go away", 0, "", "other",
     **OF)),
    (SMTPD, f"3F2A11C0D5E: milter-reject: RCPT from mail.example.net[192.0.2.8]: 451 4.7.1 Greylisting in action; "
     f"{ENVELOPE}",
     _refused("451 4.7.1 Greylisting in action", 451, "4.7.1", "greylist", who=MAIL, queue_id="3F2A11C0D5E", **OF)),
    (SMTPD, "NOQUEUE: milter-reject: CONNECT from unknown[192.0.2.7]: 554 5.7.1 Command rejected; proto=SMTP",
     _refused("554 5.7.1 Command rejected", 554, "5.7.1", "policy", "CONNECT")),
    (SMTPD, "NOQUEUE: milter-reject: UNKNOWN from unknown[192.0.2.7]: 500 5.5.1 no; proto=SMTP",
     _refused("500 5.5.1 no", 500, "5.5.1", "protocol", "UNKNOWN")),
    (SMTPD, f"proxy-reject: END-OF-MESSAGE: 554 5.7.0 Reject, id=1-01 - spam; {ENVELOPE}",
     _refused("554 5.7.0 Reject, id=1-01 - spam", 554, "5.7.0", "content", "END-OF-MESSAGE", who=("", 0, ""), **OF)),
    (SMTPD, f"proxy-accept: END-OF-MESSAGE: 250 2.0.0 Ok: queued as 3F2A11C0D5E; {ENVELOPE}", []),
    (SMTPD, f"NOQUEUE: reject: RCPT from unknown[192.0.2.7]: 554 5.7.1 <b@example.org>: Relay access denied; "
     f"{ENVELOPE} "
     "sasl_method=PLAIN sasl_username=bob sasl_sender=x@y",  # since 3.10
     _refused("554 5.7.1 <b@example.org>: Relay access denied", 554, "5.7.1", "relay denied", **OF)),
    (SMTPD, 'NOQUEUE: reject: RCPT from unknown[192.0.2.7]: 550 5.1.1 <a b@example.org>: Recipient address rejected: '
     'User unknown; '
     'from=<"x> to=<y"@example.net> to=<"a b"@example.org> proto=ESMTP helo=<h>',
     _refused("550 5.1.1 <a b@example.org>: Recipient address rejected: User unknown", 550, "5.1.1", "unknown user",
              sender='"x> to=<y"@example.net', recipient='"a b"@example.org', helo="h")),
    (SMTPD, "NOQUEUE: reject: ETRN from unknown[192.0.2.7]: 459 4.7.1 <example.com>: Etrn command rejected: Access "
     "denied; "
     "proto=ESMTP helo=<h>",
     _refused("459 4.7.1 <example.com>: Etrn command rejected: Access denied", 459, "4.7.1", "policy", "ETRN",
     helo="h")),
    (SMTPD, "NOQUEUE: reject: rcpt from unknown[192.0.2.7]: 554 5.7.1 no; proto=SMTP", None),
    (SMTPD, "NOQUEUE: reject: RCPT from nobody: 554 5.7.1 no; proto=SMTP", None),
    (SMTPD, "warning: Connection rate limit exceeded: 61 from unknown[192.0.2.7] for service smtp",
     _refused("Connection rate limit exceeded: 61", 0, "", "rate", "CONNECT")),
    (SMTPD, "warning: Connection concurrency limit exceeded: 51 from unknown[192.0.2.7] for service smtp",
     _refused("Connection concurrency limit exceeded: 51", 0, "", "rate", "CONNECT")),
    (SMTPD, "warning: Message delivery request rate limit exceeded: 9 from unknown[192.0.2.7] for service smtp",
     _refused("Message delivery request rate limit exceeded: 9", 0, "", "rate", "MAIL")),
    (SMTPD, "warning: Recipient address rate limit exceeded: 9 from unknown[192.0.2.7] for service smtp",
     _refused("Recipient address rate limit exceeded: 9", 0, "", "rate", "RCPT")),
    (SMTPD, "warning: New TLS session rate limit exceeded: 9 from unknown[192.0.2.7] for service smtp",
     _refused("New TLS session rate limit exceeded: 9", 0, "", "rate", "STARTTLS")),
    (SMTPD, "warning: AUTH command rate limit exceeded: 9 from unknown[192.0.2.7] for service smtp",
     _refused("AUTH command rate limit exceeded: 9", 0, "", "rate", "AUTH")),
    (SMTPD, "warning: reject: ETRN example.com... from unknown[192.0.2.7]", _refused("", 0, "", "policy", "ETRN")),
]  # fmt: skip

ACTIONS: list[Case] = [
    (SMTPD, f"3F2A11C0D5E: hold: RCPT from unknown[192.0.2.7]: <b@example.org>: Recipient address triggers HOLD "
     f"action; {ENVELOPE}",
     [fact(ev.MessageHandled, "3F2A11C0D5E", "hold", f"<b@example.org>: Recipient address triggers HOLD action; "
     f"{ENVELOPE}")]),
    (SMTPD, f"NOQUEUE: discard: RCPT from unknown[192.0.2.7]: <b@example.org>: Recipient address triggers DISCARD "
     f"action; {ENVELOPE}",
     [fact(ev.MessageHandled, "", "discard", f"<b@example.org>: Recipient address triggers DISCARD action; "
     f"{ENVELOPE}")]),
    *(
        (SMTPD, f"3F2A11C0D5E: {word}: RCPT from unknown[192.0.2.7]: some words; {ENVELOPE}",
         [fact(ev.MessageHandled, "3F2A11C0D5E", action, f"some words; {ENVELOPE}")])
        for word, action in (
            ("redirect", "redirect"), ("filter", "filter"), ("prepend", "prepend"), ("bcc", "bcc"), ("warn", "warn"),
            ("milter-hold", "hold"), ("milter-discard", "discard"), ("delay", "delay"),
        )
    ),
    (SMTPD, f"NOQUEUE: permit: RCPT from unknown[192.0.2.7]: action=permit_mynetworks for Client host=x; {ENVELOPE}",
     []),
    (SMTPD, f"NOQUEUE: info: RCPT from unknown[192.0.2.7]: some words; {ENVELOPE}", []),
]  # fmt: skip

CASES = COMING + MESSAGES + REFUSALS + ACTIONS


@pytest.mark.parametrize("case", CASES, ids=named(CASES))
def test_smtpd(case: Case) -> None:
    assert read(case) == expected(case)
