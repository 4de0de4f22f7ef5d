"""Lines of qmgr(8), pickup(8), bounce(8) and postsuper(1)."""

import pytest

from smtpwatch import events as ev
from tests.collectors.logs.lines import Case, expected, fact, named, read

QID = "3F2A11C0D5E"
LONG = "4XYz1B2c3Dz1x"
QMGR, PICKUP, BOUNCE, POSTSUPER = (f"postfix/{name}" for name in ("qmgr", "pickup", "bounce", "postsuper"))

CASES: list[Case] = [
    (QMGR, f"{QID}: from=<a@example.net>, size=4711, nrcpt=2 (queue active)",
     [fact(ev.MessageQueued, QID, "a@example.net", 4711, 2)]),
    ("postfix/nqmgr", f"{LONG}: from=<>, size=1, nrcpt=1 (queue active)", [fact(ev.MessageQueued, LONG, "", 1, 1)]),
    (QMGR, f'{QID}: from=<"x>, size=1, nrcpt=9 (queue active)"@example.net>, size=4711, nrcpt=2 (queue active)',
     [fact(ev.MessageQueued, QID, '"x>, size=1, nrcpt=9 (queue active)"@example.net', 4711, 2)]),
    (QMGR, f"{QID}: from=<a@example.net>, status=expired, returned to sender",
     [fact(ev.MessageExpired, QID, "a@example.net")]),
    (QMGR, f"{QID}: from=<a@example.net>, status=force-expired, returned to sender",
     [fact(ev.MessageExpired, QID, "a@example.net")]),
    (QMGR, f"{QID}: from=<a@example.net>, something new", None),
    (QMGR, f"{QID}: removed", [fact(ev.MessageRemoved, QID)]),
    (QMGR, f"{QID}: to=<b@example.org>, relay=none, delay=3601, delays=3601/0.01/0/0, dsn=4.4.1, status=deferred "
     f"(delivery "
     "temporarily suspended: connect to mx.example.org[192.0.2.9]:25: Connection refused)",
     [fact(ev.Delivery, QID, "b@example.org", "deferred", "4.4.1",
           "delivery temporarily suspended: connect to mx.example.org[192.0.2.9]:25: Connection refused",
           relay="none", delay=3601.0, delays=(3601.0, 0.01, 0.0, 0.0))]),
    (QMGR, f"{QID}: skipped, still being delivered", []),
    (QMGR, f"warning: {QID}: unable to read", [fact(ev.ServiceTrouble, "warning", f"{QID}: unable to read", QID)]),
    (QMGR, "warning: connect to transport private/x: No such file or directory",
     [fact(ev.ServiceTrouble, "warning", "connect to transport private/x: No such file or directory")]),
    (QMGR, f"{QID}: something new", None),
    (PICKUP, f"{QID}: uid=33 from=<www-data>",
     [fact(ev.MessageReceived, "", 0, "", QID, "local", "www-data", uid=33)]),
    (PICKUP, f"{QID}: uid=0 from=<>", [fact(ev.MessageReceived, "", 0, "", QID, "local", "", uid=0)]),
    (PICKUP, f"{QID}: uid=0 from=<root> orig_id=77AA11C0D5E",
     [fact(ev.MessageReceived, "", 0, "", QID, "local", "root", uid=0, orig_queue_id="77AA11C0D5E")]),
    (PICKUP, f'{QID}: uid=33 from=<"x> orig_id=77AA11C0D5E"@example.org>',
     [fact(ev.MessageReceived, "", 0, "", QID, "local", '"x> orig_id=77AA11C0D5E"@example.org', uid=33)]),
    (PICKUP, "warning: maildrop/AB12CD34: error writing AB12CD34: queue file write error",
     [fact(ev.ServiceTrouble, "warning", "maildrop/AB12CD34: error writing AB12CD34: queue file write error")]),
    (PICKUP, f"{QID}: uid=x from=<root>", None),
    (BOUNCE, f"{QID}: sender non-delivery notification: {LONG}", [fact(ev.NoticeSent, QID, "bounce", LONG)]),
    (BOUNCE, f"{QID}: sender delay notification: {LONG}", [fact(ev.NoticeSent, QID, "delay", LONG)]),
    (BOUNCE, f"{QID}: sender delivery status notification: {LONG}", [fact(ev.NoticeSent, QID, "success", LONG)]),
    (BOUNCE, f"{QID}: postmaster non-delivery notification: {LONG}", [fact(ev.NoticeSent, QID, "postmaster", LONG)]),
    (BOUNCE, f"{QID}: postmaster delay notification: {LONG}", [fact(ev.NoticeSent, QID, "postmaster", LONG)]),
    (BOUNCE, f"{QID}: not sending trace/success notification for double-bounce message", []),
    (POSTSUPER, f"{QID}: removed", [fact(ev.MessageRemoved, QID, "by an admin")]),
    (POSTSUPER, f"{QID}: placed on hold", [fact(ev.MessageHandled, QID, "hold", "by an admin")]),
    (POSTSUPER, f"{QID}: released from hold", [fact(ev.MessageHandled, QID, "release", "by an admin")]),
    (POSTSUPER, f"{QID}: requeued", [fact(ev.MessageHandled, QID, "requeue", "by an admin")]),
    (POSTSUPER, f"{QID}: expired", [fact(ev.MessageHandled, QID, "expire", "by an admin")]),
    *(
        (POSTSUPER, text, [])
        for text in ("Deleted: 3 messages", "Placed on hold: 1 message", "Released from hold: 1 message",
                     "Requeued: 2 messages", "Force-expired: 1 message", "Renamed to match inode number: 1 message")
    ),
    (POSTSUPER, "fatal: use of this command is reserved for the superuser",
     [fact(ev.ServiceTrouble, "fatal", "use of this command is reserved for the superuser")]),
    (QMGR, "", None),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=named(CASES))
def test_queue(case: Case) -> None:
    assert read(case) == expected(case)
