"""Raw log lines of mail on its way to other hosts, as four mail servers write them, and what they fold into."""

from collections.abc import Iterable
from datetime import UTC

from collectors.logs.reader import Reader
from smtpwatch import events as ev
from smtpwatch.state.deliveries import Deliveries
from smtpwatch.state.messages import Messages

START = 1_772_360_000.0  # 2026-03-01 10:13:20 UTC

OK = "status=sent (250 2.0.0 Ok: queued as 90A1B2C3D4)"
SUSPENDED = "delivery temporarily suspended: connect to mx.slow.example[198.51.100.41]:25: Connection timed out"

POSTFIX = f"""\
10:13:20 smtp[1]: Verified TLS connection established to mx.far.example[198.51.100.25]:25: TLSv1.3 with cipher \
TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519
10:13:21 smtp[1]: A000000001: to=<a@far.example>, relay=mx.far.example[198.51.100.25]:25, delay=1, \
delays=0.1/0/0.4/0.5, dsn=2.0.0, {OK}
10:13:22 smtp[1]: A000000002: to=<b@FAR.example>, relay=mx.far.example[198.51.100.25]:25, conn_use=2, delay=1, \
delays=0.1/0/0.4/0.5, dsn=5.1.1, status=bounced (host mx.far.example[198.51.100.25] said: 550 5.1.1 \
<b@far.example>: Recipient address rejected: User unknown (in reply to RCPT TO command))
10:13:23 smtp[2]: A000000003: to=<c@slow.example>, relay=none, delay=30, delays=0.1/0/30/0, dsn=4.4.1, \
status=deferred (connect to mx.slow.example[198.51.100.41]:25: Connection timed out)
10:13:24 error[3]: A000000004: to=<d@slow.example>, relay=none, delay=31, delays=31/0/0/0, dsn=4.4.1, \
status=deferred ({SUSPENDED})
10:13:25 smtp[4]: A000000005: to=<e@old.example>, relay=mx.old.example[198.51.100.50]:25, delay=2, delays=0/0/1/1, \
dsn=2.0.0, {OK}
10:13:26 smtp[5]: SSL_connect error to mx.weak.example[198.51.100.60]:25: lost connection
10:13:26 smtp[5]: A000000006: to=<f@weak.example>, relay=mx.weak.example[198.51.100.60]:25, delay=1, delays=0/0/1/0, \
dsn=4.7.5, status=deferred (Cannot start TLS: handshake failure)
10:13:27 smtp[6]: A000000007: to=<g@shut.example>, relay=mx.shut.example[198.51.100.70]:25, delay=1, delays=0/0/1/0, \
dsn=4.7.0, status=deferred (host mx.shut.example[198.51.100.70] refused to talk to me: 421 4.7.0 \
mx.shut.example Too many connections from you)
10:13:28 smtp[7]: A000000008: to=<h@none.example>, relay=none, delay=0, delays=0/0/0/0, dsn=5.4.4, status=bounced \
(Host or domain name not found. Name service error for name=none.example type=AAAA: Host not found)
10:13:29 local[8]: A000000009: to=<root@example.net>, relay=local, delay=0, delays=0/0/0/0, dsn=2.0.0, status=sent \
(delivered to mailbox)
10:13:30 lmtp[9]: A00000000A: to=<bob@example.net>, relay=mx1.example.net[private/dovecot-lmtp], delay=0, \
delays=0/0/0/0, dsn=2.0.0, status=sent (250 2.0.0 <bob@example.net> Xk9sQ1pW Saved)
10:13:31 amavis/smtp[10]: A00000000B: to=<bob@example.net>, relay=127.0.0.1[127.0.0.1]:10024, delay=0, \
delays=0/0/0/0, dsn=2.0.0, status=sent (250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 7C1D22)
10:13:32 amavis/smtp[10]: A00000000C: to=<bob@example.net>, relay=none, delay=0, delays=0/0/0/0, dsn=4.4.1, \
status=deferred (connect to 127.0.0.1[127.0.0.1]:10024: Connection refused)
10:13:33 error[11]: A00000000D: to=<x@example.net>, relay=none, delay=0, delays=0/0/0/0, dsn=5.1.1, status=bounced \
(User unknown in virtual alias table)
10:13:34 smtp[12]: A00000000E: to=<p@far.example>, relay=mx.far.example[198.51.100.25]:25, delay=1, delays=0/0/0/1, \
dsn=2.1.5, status=deliverable (250 2.1.5 Ok)
"""

EXIM_ID = "1sEdEt-00000001fW5-2iYm"
EXIM = f"""\
{EXIM_ID} => bob <bob@example.net> R=mailboxes T=maildir_home
{EXIM_ID} => x@far.example R=dnslookup T=remote_smtp H=mx.far.example [198.51.100.25] \
X=TLS1.3:TLS_AES_256_GCM_SHA384:256 CV=yes C="250 2.0.0 Ok: queued as 90A1B2C3D4" QT=3s
{EXIM_ID} ** gone@far.example R=dnslookup T=remote_smtp H=mx.far.example [198.51.100.25]: SMTP error from remote \
mail server after RCPT TO:<gone@far.example>: 550 5.1.1 no such user
{EXIM_ID} == y@slow.example R=dnslookup T=remote_smtp defer (110): Connection timed out H=mx.slow.example \
[198.51.100.41]
{EXIM_ID} == z@lost.example R=dnslookup defer (-1): host lookup did not complete
{EXIM_ID} == z@lost.example R=dnslookup T=remote_smtp defer (-53): retry time not reached for any host for \
'lost.example'
{EXIM_ID} ** who@example.net: Unrouteable address
{EXIM_ID} ** who@nowhere.example: Unrouteable address
{EXIM_ID} => f@example.net R=filter T=amavis_smtp H=localhost [127.0.0.1] C="250 Ok"
"""

SENDMAIL_ID = "6AP9LAxU007156"
SENDMAIL = f"""\
STARTTLS=client, relay=mx.far.example., version=TLSv1.3, verify=OK, cipher=TLS_AES_256_GCM_SHA384, bits=256/256
{SENDMAIL_ID}: to=<x@far.example>, delay=00:00:04, xdelay=00:00:01, mailer=esmtp, pri=30054, \
relay=mx.far.example. [198.51.100.25], dsn=2.0.0, stat=Sent (6AP9LAxU007157 Message accepted for delivery)
{SENDMAIL_ID}: to=<y@down.example>, delay=00:00:01, xdelay=00:00:00, mailer=esmtp, pri=30054, \
relay=down.example., dsn=4.0.0, stat=Deferred: Connection refused by down.example.
{SENDMAIL_ID}: to=alice, delay=00:00:01, xdelay=00:00:00, mailer=local, pri=30054, dsn=2.0.0, stat=Sent
{SENDMAIL_ID}: to=<z@far.example>, delay=00:00:00, xdelay=00:00:00, mailer=relay, pri=30054, \
relay=[127.0.0.1] [127.0.0.1], dsn=2.0.0, stat=Sent (6AP9LAxU007158 Message accepted for delivery)
"""

_MTA = "4a1b2c3d4e5f6a7b mta delivery evpid=752c781116fbba8d from=<bob@example.net> "
OPENSMTPD = f"""\
{_MTA}to=<x@far.example> rcpt=<-> source="192.0.2.25" relay="198.51.100.25 (mx.far.example)" delay=1s \
result="Ok" stat="250 2.0.0 cd68c0b3 Message accepted for delivery"
{_MTA}to=<y@lost.example> rcpt=<-> source="-" relay="lost.example" delay=4s result="TempFail" \
stat="Network error on destination MXs"
{_MTA}to=<z@old.example> rcpt=<-> source="-" relay="198.51.100.50 (mx.old.example)" delay=4d result="Expire" \
stat="Envelope expired"
4a1b2c3d4e5f6a7b mda delivery evpid=752c7811e4ead891 from=<bob@example.net> to=<alice@example.net> \
rcpt=<-> user=vmail delay=1s result=Ok stat=Delivered
"""


def postfix(lines: str) -> list[ev.Event]:
    """The facts of Postfix's lines, given without date, host and "postfix/"."""
    return _read(f"Mar  1 {line[:9]}mx1 postfix/{line[9:]}" for line in lines.splitlines())


def of(program: str, lines: str) -> list[ev.Event]:
    """The facts of another program's lines, given as it writes them."""
    return _read(
        f"Mar  1 10:13:{20 + at} mx1 {program}[7]: {line}" for at, line in enumerate(lines.splitlines())
    )  # fmt: skip


def _read(lines: Iterable[str]) -> list[ev.Event]:
    reader = Reader("mx1", UTC, START)
    events = reader.read(list(lines))
    assert not reader.unknown, reader.samples
    return events


def folded(events: Iterable[ev.Event]) -> Deliveries:
    """What they come to, messages first, as in the picture."""
    messages = Messages()
    deliveries = Deliveries(messages)
    for event in events:
        if isinstance(event, ev.LogEvent):
            messages.apply(event)
        deliveries.apply(event)
    return deliveries


def delivery(
    recipient: str = "a@far.example", status: ev.DeliveryStatus = "sent", reply: str = "250 2.0.0 Ok",
    time: float = START, relay: str = "mx.far.example", address: str = "198.51.100.25", **more: object,
) -> ev.Delivery:  # fmt: skip
    """One attempt of Postfix's smtp(8)."""
    common = (time, "log", "mx1", "postfix/smtp", 1, "", "A000000001", recipient, status)
    return ev.Delivery(*common, reply=reply, relay=relay, relay_address=address, relay_port=25, **more)  # type: ignore[arg-type]
