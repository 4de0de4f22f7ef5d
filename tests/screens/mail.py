"""The evening of tests.screens.scenes with its mail log beside it: what the host's Postfix wrote."""

from datetime import UTC

from collectors.logs.reader import Reader
from smtpwatch import events as ev
from tests.screens import scenes

LOG = "log"
PARTNER = "4XyZ1a2b3c"  # the message of session 7, which the wire shows in clear
BULK = "3FA85F6412"
LOST = "6E0F1B77A9"
NOTICE = "6F2A904D11"
LONG = "4fHx8d1VkNz9rYb"
SPAM = "5B7E0C22D4"
HELD = "9D04E1F3B8"
DARK = "8A11C93E07"  # of session 4, which TLS hides
OPEN = "7C1D2A40F3"  # of session 2, whose data is on its way

RULE = (
    "header Subject: invoice from mail.example.com[203.0.113.90]; from=<pay@example.com> to=<carol@example.net> "
    "proto=ESMTP helo=<mail.example.com>: held for a look"
)
_OUT = "2001:db8:7:1234:5678:9abc:def0:25"
LINES = f"""\
Mar  1 09:12:40 qmgr[900]: {LONG}: from=<carol@example.net>, size=18220, nrcpt=1 (queue active)
Mar  1 10:37:55 qmgr[900]: {LONG}: from=<carol@example.net>, status=expired, returned to sender
Mar  1 10:37:55 qmgr[900]: {LONG}: removed
Mar  1 10:38:12 pickup[950]: {BULK}: uid=33 from=<www-data>
Mar  1 10:38:12 cleanup[1204]: {BULK}: message-id=<news.20260301@example.net>
Mar  1 10:38:12 qmgr[900]: {BULK}: from=<www-data@example.net>, size=48120, nrcpt=3 (queue active)
Mar  1 10:38:13 smtp[1230]: {BULK}: to=<erin@example.org>, relay=mx.example.org[198.51.100.25]:25, delay=0.9, \
delays=0.1/0/0.3/0.5, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 90A1B2C3D4)
Mar  1 10:38:14 smtp[1231]: {BULK}: to=<dave@bigmail.example>, relay=mx.bigmail.example[198.51.100.40]:25, delay=1.4, \
delays=0.1/0/0.3/1, dsn=4.7.28, status=deferred (host mx.bigmail.example[198.51.100.40] said: 421 4.7.28 Too much \
mail from you, try again later (in reply to RCPT TO command))
Mar  1 10:38:42 smtp[1232]: {BULK}: to=<mallory@slow.example>, relay=none, delay=30, delays=0.1/0/30/0, dsn=4.4.1, \
status=deferred (connect to mx.slow.example[198.51.100.41]:25: Connection timed out)
Mar  1 10:39:05 submission/smtpd[1187]: connect from unknown[192.0.2.17]
Mar  1 10:39:05 submission/smtpd[1187]: {LOST}: client=unknown[192.0.2.17], sasl_method=PLAIN, \
sasl_username=bob@example.net
Mar  1 10:39:05 cleanup[1204]: {LOST}: message-id=<88.bob@example.net>
Mar  1 10:39:05 qmgr[900]: {LOST}: from=<bob@example.net>, size=2210, nrcpt=1 (queue active)
Mar  1 10:39:05 submission/smtpd[1187]: disconnect from unknown[192.0.2.17] ehlo=2 starttls=1 auth=1 mail=1 rcpt=1 \
data=1 quit=1 commands=8
Mar  1 10:39:06 smtp[1230]: {LOST}: to=<never@example.org>, relay=mx.example.org[198.51.100.25]:25, delay=1.1, \
delays=0.1/0/0.5/0.5, dsn=5.1.1, status=bounced (host mx.example.org[198.51.100.25] said: 550 5.1.1 \
<never@example.org>: Recipient address rejected: User unknown (in reply to RCPT TO command))
Mar  1 10:39:06 cleanup[1204]: {NOTICE}: message-id=<{NOTICE}@mx1.example.net>
Mar  1 10:39:06 qmgr[900]: {NOTICE}: from=<>, size=4300, nrcpt=1 (queue active)
Mar  1 10:39:06 bounce[1240]: {LOST}: sender non-delivery notification: {NOTICE}
Mar  1 10:39:06 qmgr[900]: {LOST}: removed
Mar  1 10:39:07 lmtp[1210]: {NOTICE}: to=<bob@example.net>, relay=mx1.example.net[private/dovecot-lmtp], delay=0.3, \
delays=0/0/0.1/0.2, dsn=2.0.0, status=sent (250 2.0.0 <bob@example.net> Xk9sQ1pW Saved)
Mar  1 10:39:07 qmgr[900]: {NOTICE}: removed
Mar  1 10:39:40 smtpd[1202]: connect from unknown[203.0.113.44]
Mar  1 10:39:41 smtpd[1202]: {SPAM}: client=unknown[203.0.113.44]
Mar  1 10:39:41 cleanup[1204]: {SPAM}: message-id=<win@lottery.example>
Mar  1 10:39:42 cleanup[1204]: {SPAM}: milter-reject: END-OF-MESSAGE from unknown[203.0.113.44]: 5.7.1 Spam message \
rejected; from=<win@lottery.example> to=<carol@example.net> proto=ESMTP helo=<lottery.example>
Mar  1 10:39:42 smtpd[1202]: disconnect from unknown[203.0.113.44] ehlo=1 mail=1 rcpt=1 data=0/1 quit=1 commands=4/5
Mar  1 10:40:11 smtpd[1203]: connect from mail.example.com[203.0.113.90]
Mar  1 10:40:11 smtpd[1203]: {HELD}: client=mail.example.com[203.0.113.90]
Mar  1 10:40:11 cleanup[1206]: {HELD}: hold: {RULE}
Mar  1 10:40:11 cleanup[1206]: {HELD}: message-id=<1@example.com>
Mar  1 10:40:11 smtpd[1203]: disconnect from mail.example.com[203.0.113.90] ehlo=1 mail=1 rcpt=1 data=1 quit=1 \
commands=5
Mar  1 10:40:22 smtpd[1200]: connect from out3.bigmail.example[{_OUT}]
Mar  1 10:40:22 smtpd[1200]: Anonymous TLS connection established from out3.bigmail.example[{_OUT}]: TLSv1.2 with \
cipher TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 (256/256 bits)
Mar  1 10:40:23 smtpd[1200]: {DARK}: client=out3.bigmail.example[{_OUT}]
Mar  1 10:40:23 cleanup[1204]: {DARK}: message-id=<77.x@bigmail.example>
Mar  1 10:40:23 qmgr[900]: {DARK}: from=<dave@bigmail.example>, size=41200, nrcpt=2 (queue active)
Mar  1 10:40:24 lmtp[1210]: {DARK}: to=<carol@example.net>, relay=mx1.example.net[private/dovecot-lmtp], delay=0.6, \
delays=0.4/0/0.1/0.1, dsn=2.0.0, status=sent (250 2.0.0 <carol@example.net> Zr3tY6uI Saved)
Mar  1 10:40:24 lmtp[1210]: {DARK}: to=<alice@example.net>, orig_to=<postmaster@example.net>, \
relay=mx1.example.net[private/dovecot-lmtp], delay=0.6, delays=0.4/0/0.1/0.1, dsn=2.0.0, status=sent (250 2.0.0 \
<alice@example.net> Bn4mV8cX Saved)
Mar  1 10:40:24 qmgr[900]: {DARK}: removed
Mar  1 10:40:58 submission/smtpd[1188]: connect from unknown[192.0.2.17]
Mar  1 10:40:58 submission/smtpd[1188]: {OPEN}: client=unknown[192.0.2.17], sasl_method=PLAIN, \
sasl_username=bob@example.net
Mar  1 10:41:01 smtpd[1201]: connect from mail.partner.example[203.0.113.80]
Mar  1 10:41:01 smtpd[1201]: {PARTNER}: client=mail.partner.example[203.0.113.80]
Mar  1 10:41:02 cleanup[1205]: {PARTNER}: message-id=<20260301.7@partner.example>
Mar  1 10:41:02 qmgr[900]: {PARTNER}: from=<bill@partner.example>, size=4610, nrcpt=1 (queue active)
Mar  1 10:41:02 lmtp[1210]: {PARTNER}: to=<carol@example.net>, relay=mx1.example.net[private/dovecot-lmtp], delay=0.4, \
delays=0.2/0/0.1/0.1, dsn=2.0.0, status=sent (250 2.0.0 <carol@example.net> Pq5wE2rT Saved)
Mar  1 10:41:02 qmgr[900]: {PARTNER}: removed
Mar  1 10:41:02 smtpd[1201]: disconnect from mail.partner.example[203.0.113.80] ehlo=1 mail=1 rcpt=1 data=1 quit=1 \
commands=5
"""


def status(state: ev.Health = "running", reason: str = "", at: float = scenes.START) -> ev.SensorStatus:
    """What the log sensor says of itself."""
    watching = () if reason else ("/var/log/mail.log",)
    return ev.SensorStatus(at, LOG, scenes.HOST, state, reason, 204, 0, 0, {}, watching)


def logged(lines: str = LINES) -> list[ev.Event]:
    """The facts of lines in syslog's form, without their host and "postfix/"."""
    whole = [f"{line[:16]}mx1 postfix/{line[16:]}" for line in lines.splitlines()]
    reader = Reader(scenes.HOST, UTC, scenes.NOW)
    events = reader.read(whole)
    assert not reader.unknown, reader.samples
    return events


def evening() -> list[ev.Event]:
    """Wire and log of the busy evening as they come: a line after the packets of its second."""
    events = [*scenes.busy_evening(), status(), *logged(), status(at=scenes.NOW)]
    return sorted(events, key=lambda event: event.time + isinstance(event, ev.LogEvent))


def hostile() -> list[ev.Event]:
    """A message whose every word is made to harm a terminal."""
    evil = "\x1b]0;owned\x07\x1b[2J[bold red]x[/] \u202etxt.exe\u202c 漢字かな \x9b31m"
    common = (LOG, scenes.HOST, "postfix/smtpd", 7, evil)
    bare = (LOG, scenes.HOST, "postfix/smtp", 8, evil)
    at = scenes.NOW - 5
    return [
        status(),
        ev.MessageReceived(at, *common, "203.0.113.66", 0, evil, "A0B1C2", "smtp", evil, (evil,), helo=evil),
        ev.MessageIdentified(at, *bare, "A0B1C2", evil),
        ev.Delivery(at, *bare, "A0B1C2", evil, "bounced", reply=f"host {evil} said: {evil}", relay=evil),
        ev.Verdict(at, *bare, evil, "spam", "A0B1C2"),
    ]


def many(messages: int) -> list[ev.Event]:
    """Messages that wait, one after the other."""
    common = (LOG, scenes.HOST, "postfix/smtpd", 7, "client=")
    return [
        ev.MessageReceived(
            scenes.START + number / messages, *common, "203.0.113.66", 0, "", f"{number:010X}", "smtp",
            f"s{number}@example.com",
        )
        for number in range(messages)
    ]  # fmt: skip
