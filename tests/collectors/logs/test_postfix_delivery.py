"""Delivery agents' lines: the form of log_adhoc.c, and what smtp(8) and its kin say besides."""

import pytest

from smtpwatch import events as ev
from tests.collectors.logs.lines import Case, expected, fact, named, read

QID = "3F2A11C0D5E"
LONG = "4XYz1B2c3Dz1x"
SMTP, LMTP, LOCAL = (f"postfix/{name}" for name in ("smtp", "lmtp", "local"))
TIMES = "delay=1.5, delays=0.1/0.02/0.38/1"
WAITED = {"delay": 1.5, "delays": (0.1, 0.02, 0.38, 1.0)}
MX = {"relay": "mx.example.org", "relay_address": "192.0.2.9", "relay_port": 25, **WAITED}
TO_MX = f"relay=mx.example.org[192.0.2.9]:25, {TIMES}"

ATTEMPTS: list[Case] = [
    (SMTP, f"{QID}: to=<b@example.org>, {TO_MX}, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 7C1D22A0B9F)",
     [fact(ev.Delivery, QID, "b@example.org", "sent", "2.0.0", "250 2.0.0 Ok: queued as 7C1D22A0B9F", code=250,
           next_queue_id="7C1D22A0B9F", **MX)]),
    (SMTP, f"{LONG}: to=<b@example.org>, relay=mx.example.org[2001:db8::9]:25, conn_use=3, {TIMES}, dsn=2.0.0, "
     f"status=sent "
     "(250 2.0.0 OK  1700000000 a1-20020a05.123 - gsmtp)",
     [fact(ev.Delivery, LONG, "b@example.org", "sent", "2.0.0", "250 2.0.0 OK  1700000000 a1-20020a05.123 - gsmtp",
           relay="mx.example.org", relay_address="2001:db8::9", relay_port=25, code=250,
           next_queue_id="a1-20020a05.123", **WAITED)]),
    (SMTP, f"{QID}: to=<b@example.org>, orig_to=<root>, {TO_MX}, dsn=4.2.0, status=deferred (host "
     f"mx.example.org[192.0.2.9] said: "
     "450 4.2.0 <b@example.org>: Recipient address rejected: Greylisted (in reply to RCPT TO command))",
     [fact(ev.Delivery, QID, "b@example.org", "deferred", "4.2.0",
           "host mx.example.org[192.0.2.9] said: 450 4.2.0 <b@example.org>: Recipient address rejected: Greylisted "
           "(in reply to RCPT TO command)", "root", code=450, **MX)]),
    (SMTP, f"{QID}: to=<b@example.org>, {TO_MX}, dsn=5.1.1, status=bounced (host mx.example.org[192.0.2.9] said: 550 "
     f"5.1.1 no)",
     [fact(ev.Delivery, QID, "b@example.org", "bounced", "5.1.1", "host mx.example.org[192.0.2.9] said: 550 5.1.1 no",
           code=550, **MX)]),
    (SMTP, f"{QID}: to=<b@example.org>, relay=none, {TIMES}, dsn=4.4.1, status=deferred (connect to "
     f"mx.example.org[192.0.2.9]:25: "
     "Connection refused)",
     [fact(ev.Delivery, QID, "b@example.org", "deferred", "4.4.1", "connect to mx.example.org[192.0.2.9]:25: "
     "Connection refused",
           relay="none", **WAITED)]),
    (SMTP, f"{QID}: to=<b@example.org>, {TO_MX}, dsn=5.0.0, status=SOFTBOUNCE (host mx.example.org[192.0.2.9] said: "
     f"550 no)",
     [fact(ev.Delivery, QID, "b@example.org", "deferred", "5.0.0", "host mx.example.org[192.0.2.9] said: 550 no",
     code=550, **MX)]),
    (SMTP, f"{QID}: to=<b@example.org>, {TO_MX}, dsn=2.1.5, status=deliverable (250 2.1.5 Ok)",
     [fact(ev.Delivery, QID, "b@example.org", "deliverable", "2.1.5", "250 2.1.5 Ok", code=250, **MX)]),
    (SMTP, f"{QID}: to=<b@example.org>, {TO_MX}, dsn=5.1.1, status=undeliverable (host mx.example.org[192.0.2.9] said: "
     f"550 no)",
     [fact(ev.Delivery, QID, "b@example.org", "undeliverable", "5.1.1", "host mx.example.org[192.0.2.9] said: 550 no",
           code=550, **MX)]),
    (LMTP, f"{QID}: to=<b@example.org>, relay=mx1.example.org[private/dovecot-lmtp], {TIMES}, dsn=2.0.0, status=sent "
     f"(250 2.0.0 "
     "<b@example.org> OtzMAb1nxWZ3AQAA Saved)",
     [fact(ev.Delivery, QID, "b@example.org", "sent", "2.0.0", "250 2.0.0 <b@example.org> OtzMAb1nxWZ3AQAA Saved",
           relay="mx1.example.org[private/dovecot-lmtp]", code=250, next_queue_id="OtzMAb1nxWZ3AQAA", **WAITED)]),
    (LOCAL, f"{QID}: to=<b@example.org>, orig_to=<root>, relay=local, {TIMES}, dsn=2.0.0, status=sent (forwarded as "
     f"7C1D22A0B9F)",
     [fact(ev.Delivery, QID, "b@example.org", "sent", "2.0.0", "forwarded as 7C1D22A0B9F", "root", relay="local",
           next_queue_id="7C1D22A0B9F", **WAITED)]),
    (LOCAL, f"{QID}: to=<b@example.org>, relay=local, {TIMES}, dsn=2.0.0, status=sent (delivered to command: /bin/x -a "
     f"\"(b)\")",
     [fact(ev.Delivery, QID, "b@example.org", "sent", "2.0.0", 'delivered to command: /bin/x -a "(b)"', relay="local",
     **WAITED)]),
    ("postfix/virtual", f"{QID}: to=<b@example.org>, relay=virtual, {TIMES}, dsn=2.0.0, status=sent (delivered to "
     f"maildir)",
     [fact(ev.Delivery, QID, "b@example.org", "sent", "2.0.0", "delivered to maildir", relay="virtual", **WAITED)]),
    ("postfix/pipe", f"{QID}: to=<b@example.org>, relay=dovecot, {TIMES}, dsn=2.0.0, status=sent (delivered via "
     f"dovecot service)",
     [fact(ev.Delivery, QID, "b@example.org", "sent", "2.0.0", "delivered via dovecot service", relay="dovecot",
     **WAITED)]),
    ("postfix/error", f"{QID}: to=<b@example.org>, relay=none, {TIMES}, dsn=5.1.1, status=bounced (User unknown in "
     f"virtual mailbox table)",
     [fact(ev.Delivery, QID, "b@example.org", "bounced", "5.1.1", "User unknown in virtual mailbox table", relay="none",
     **WAITED)]),
    ("postfix/retry", f"{QID}: to=<b@example.org>, relay=none, {TIMES}, dsn=4.3.0, status=deferred (mail transport "
     f"unavailable)",
     [fact(ev.Delivery, QID, "b@example.org", "deferred", "4.3.0", "mail transport unavailable", relay="none",
     **WAITED)]),
    ("postfix/discard", f"{QID}: to=<b@example.org>, relay=none, {TIMES}, dsn=2.0.0, status=sent (example.org)",
     [fact(ev.Delivery, QID, "b@example.org", "sent", "2.0.0", "example.org", relay="none", **WAITED)]),
    ("postfix/amavis/smtp", f"{QID}: to=<b@example.org>, relay=127.0.0.1[127.0.0.1]:10024, {TIMES}, dsn=2.0.0, "
     f"status=sent (250 "
     "2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 7C1D22A0B9F)",
     [fact(ev.Delivery, QID, "b@example.org", "sent", "2.0.0",
           "250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 7C1D22A0B9F", relay="127.0.0.1",
           relay_address="127.0.0.1", relay_port=10024, code=250, next_queue_id="7C1D22A0B9F", **WAITED)]),
    (SMTP, f"{QID}: to=<b@example.org>, relay=mx.example.org[192.0.2.9]:25, delay=15, dsn=2.0.0, status=sent (250 ok)",
      # before 2.3
     [fact(ev.Delivery, QID, "b@example.org", "sent", "2.0.0", "250 ok", relay="mx.example.org",
     relay_address="192.0.2.9",
           relay_port=25, delay=15.0, code=250)]),
    # An address that looks like the rest of a line: in quotes, or, before 3.5, without
    (SMTP, f'{QID}: to=<"x>, relay=evil[198.51.100.9]:25, delay=0, dsn=2.0.0, status=sent (250 ok)"@example.org>, '
     f'{TO_MX}, '
     "dsn=5.1.1, status=bounced (no)",
     [fact(ev.Delivery, QID, '"x>, relay=evil[198.51.100.9]:25, delay=0, dsn=2.0.0, status=sent (250 ok)"@example.org',
           "bounced", "5.1.1", "no", **MX)]),
    (SMTP, f"{QID}: to=<x>, relay=evil[198.51.100.9]:25, delay=0, dsn=2.0.0, status=sent (250 ok)@example.org>, "
     f"{TO_MX}, "
     "dsn=5.1.1, status=bounced (no)", None),
    (SMTP, f"{QID}: to=<b@example.org>, {TO_MX}, dsn=2.0.0, status=quantum (no)", None),
    (SMTP, f"{QID}: to=<b@example.org>, relay=none, delay=1.2.3, dsn=2.0.0, status=sent (no)", None),
]  # fmt: skip

STEPS: list[Case] = [
    *(
        (SMTP, f"{QID}: {text}", [])
        for text in (
            "host mx.example.org[192.0.2.9] said: 450 4.2.0 later (in reply to RCPT TO command)",
            "host mx.example.org[192.0.2.9] refused to talk to me: 554 no",
            "lost connection with mx.example.org[192.0.2.9] while sending DATA command",
            "conversation with mx.example.org[192.0.2.9] timed out while receiving the initial server greeting",
            "enabling PIX workarounds: disable_esmtp delay_dotcrlf for mx.example.org[192.0.2.9]:25",
            "Cannot start TLS: handshake failure",
            "TLS is required, but was not offered by host mx.example.org[192.0.2.9]",
            "Server certificate not verified",
            "SASL authentication failed; server mx.example.org[192.0.2.9] said: 535 no",
            "SMTPUTF8 is required, but was not offered by host mx.example.org[192.0.2.9]",
            "breaking line > 998 bytes with <CR><LF>SPACE",
            "passing <b@example.org> to transport=lmtp",
            "status=deferred (bounce failed)",
        )
    ),
    (SMTP, "connect to mx.example.org[192.0.2.9]:25: Connection timed out", []),
    (SMTP, "Host offered STARTTLS: [mx.example.org]", []),
    (SMTP, "certificate verification failed for mx.example.org[192.0.2.9]:25: untrusted issuer /CN=x", []),
    (SMTP, "mx.example.org[192.0.2.9]:25: re-using session with untrusted certificate, look for details earlier in the "
     "log", []),
    (SMTP, f"{QID}: replace: header Subject: a from b[198.51.100.9]: c",
     [fact(ev.MessageHandled, QID, "replace", "header Subject: a from b[198.51.100.9]: c")]),
    (SMTP, f"{QID}: warning: body x", [fact(ev.MessageHandled, QID, "warn", "body x")]),
    (SMTP, "Verified TLS connection established to mx.example.org[192.0.2.9]:25: TLSv1.3 with cipher "
     "TLS_AES_256_GCM_SHA384 "
     "(256/256 bits) key-exchange X25519 server-signature ECDSA (P-256) server-digest SHA256",
     [fact(ev.TlsEstablished, "", 0, "", "TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, "verified", "X25519",
           "mx.example.org[192.0.2.9]:25")]),
    (SMTP, "Untrusted TLS connection reused to mx.example.org[2001:db8::9]:25: TLSv1.2 with cipher X (128/128 bits)",
     [fact(ev.TlsEstablished, "", 0, "", "TLSv1.2", "X", 128, "untrusted", "", "mx.example.org[2001:db8::9]:25")]),
    (SMTP, "SSL_connect error to mx.example.org[192.0.2.9]:25: lost connection",
     [fact(ev.TlsTroubled, "", 0, "", "lost connection", "mx.example.org[192.0.2.9]:25")]),
    (SMTP, "warning: host mx.example.org[192.0.2.9]:25 greeted me with my own hostname mx1.example.org",
     [fact(ev.ServiceTrouble, "warning", "host mx.example.org[192.0.2.9]:25 greeted me with my own hostname "
     "mx1.example.org")]),
    (LOCAL, "warning: required alias not found: mailer-daemon",
     [fact(ev.ServiceTrouble, "warning", "required alias not found: mailer-daemon")]),
    (LOCAL, "fatal: unsupported dictionary type: x", [fact(ev.ServiceTrouble, "fatal",
     "unsupported dictionary type: x")]),
    (SMTP, f"{QID}: something new", None),
    (SMTP, "something new", None),
    (SMTP, "", None),
]  # fmt: skip

CASES = ATTEMPTS + STEPS


@pytest.mark.parametrize("case", CASES, ids=named(CASES))
def test_delivery(case: Case) -> None:
    assert read(case) == expected(case)
