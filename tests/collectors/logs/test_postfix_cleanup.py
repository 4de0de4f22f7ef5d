"""cleanup(8)'s lines: the forms of cleanup_message.c, cleanup_milter.c and cleanup_api.c of Postfix 3.7 and 3.10."""

import pytest

from smtpwatch import events as ev
from tests.collectors.logs.lines import Case, expected, fact, named, read

CLEANUP = "postfix/cleanup"
QID = "3F2A11C0D5E"
MAIL = ("192.0.2.8", 0, "mail.example.net")
ENVELOPE = "from=<a@example.net> to=<b@example.org> proto=ESMTP helo=<h.example.net>"
OF = {"sender": "a@example.net", "recipient": "b@example.org", "helo": "h.example.net", "queue_id": QID}
END = "END-OF-MESSAGE"
FORGED = "header Subject: x from evil[198.51.100.9]; from=<x@y> to=<z@y> proto=SMTP helo=<z>: 5.7.1 forged"

CASES: list[Case] = [
    (CLEANUP, f"{QID}: message-id=<1@example.net>", [fact(ev.MessageIdentified, QID, "1@example.net")]),
    (CLEANUP, f"{QID}: message-id=1@example.net", [fact(ev.MessageIdentified, QID, "1@example.net")]),
    (CLEANUP, f"{QID}: message-id=<>", [fact(ev.MessageIdentified, QID, "")]),
    (CLEANUP, f"{QID}: message-id=", [fact(ev.MessageIdentified, QID, "")]),
    (CLEANUP, f"{QID}: message-id=<a> <b>?x: client=evil[198.51.100.9]",
     [fact(ev.MessageIdentified, QID, "<a> <b>?x: client=evil[198.51.100.9]")]),
    (CLEANUP, f"{QID}: resent-message-id=<2@example.net>", [fact(ev.MessageIdentified, QID, "2@example.net")]),
    ("postfix-out/cleanup", "4XYz1B2c3Dz1x: message-id=<1@x>", [fact(ev.MessageIdentified, "4XYz1B2c3Dz1x", "1@x")]),
    (CLEANUP, f"{QID}: milter-reject: END-OF-MESSAGE from mail.example.net[192.0.2.8]: 5.7.1 Spam message rejected; "
     f"{ENVELOPE}",
     [fact(ev.Refused, *MAIL, END, 0, "5.7.1", "content", "5.7.1 Spam message rejected", **OF)]),
    (CLEANUP, f"{QID}: milter-reject: END-OF-MESSAGE from unknown[2001:db8::7]: 4.7.1 try again later; from=<> "
     f"to=<b@example.org>",
     [fact(ev.Refused, "2001:db8::7", 0, "", END, 0, "4.7.1", "resources", "4.7.1 try again later", sender="",
           recipient="b@example.org", queue_id=QID)]),
    (CLEANUP, f"{QID}: milter-reject: DATA from mail.example.net[192.0.2.8]: 5.7.1 x; from=<f> to=<g> proto=SMTP "
     f"helo=<h> i; {ENVELOPE}",
     [fact(ev.Refused, *MAIL, "DATA", 0, "5.7.1", "HELO", "5.7.1 x; from=<f> to=<g> proto=SMTP helo=<h> i", **OF)]),
    (CLEANUP, f"{QID}: milter-hold: END-OF-MESSAGE from mail.example.net[192.0.2.8]: milter triggers HOLD action; "
     f"{ENVELOPE}",
     [fact(ev.MessageHandled, QID, "hold", f"milter triggers HOLD action; {ENVELOPE}")]),
    (CLEANUP, f"{QID}: milter-discard: END-OF-MESSAGE from mail.example.net[192.0.2.8]: milter triggers DISCARD "
     f"action; {ENVELOPE}",
     [fact(ev.MessageHandled, QID, "discard", f"milter triggers DISCARD action; {ENVELOPE}")]),
    (CLEANUP, f"{QID}: milter-reject: END-OF-MESSAGE from nobody: 5.7.1 x; {ENVELOPE}", None),
    (CLEANUP, f"{QID}: reject: header Subject: pills from mail.example.net[192.0.2.8]; {ENVELOPE}: 5.7.1 no pills here",
     [fact(ev.Refused, *MAIL, END, 0, "5.7.1", "content", "5.7.1 no pills here", **OF)]),
    (CLEANUP, f"{QID}: reject: body http://pills.example from mail.example.net[192.0.2.8]:400; {ENVELOPE}",
     [fact(ev.Refused, "192.0.2.8", 400, "mail.example.net", END, 0, "", "content", "", **OF)]),
    (CLEANUP, f"{QID}: reject: header Subject: pills from local; from=<root@example.org>: 5.7.1 no",
     [fact(ev.Refused, "", 0, "", END, 0, "5.7.1", "content", "5.7.1 no", sender="root@example.org", queue_id=QID)]),
    (CLEANUP, f"{QID}: reject: {FORGED} from mail.example.net[192.0.2.8]; {ENVELOPE}: 5.7.1 true",
     [fact(ev.Refused, "", 0, "", END, 0, "", "content", "", queue_id=QID)]),
    (CLEANUP, f"{QID}: reject: header X: from evil[198.51.100.9]; from mail.example.net[192.0.2.8]; {ENVELOPE}: 5.7.1 "
     f"true",
     [fact(ev.Refused, *MAIL, END, 0, "5.7.1", "content", "5.7.1 true", **OF)]),
    (CLEANUP, f"{QID}: reject: header X: y from mail.example.net[192.0.2.8]; from=<x> to=<z> proto=SMTP helo=<h>: 5.7 "
     "forged@example.net> to=<b@example.org> proto=ESMTP helo=<h>: 5.7.1 true",  # an address without its quotes
     [fact(ev.Refused, *MAIL, END, 0, "", "content", "", queue_id=QID)]),
    (CLEANUP, f"{QID}: reject: mime-error improper use of 8-bit data in message header: Subject: ? from "
     f"mail.example.net[192.0.2.8]; "
     "from=<a@example.net> to=<b@example.org>",
     [fact(ev.Refused, *MAIL, END, 0, "", "protocol", "mime-error improper use of 8-bit data in message header",
           sender="a@example.net", recipient="b@example.org", queue_id=QID)]),
    *(
        (CLEANUP, f"{QID}: {word}: header Subject: pills from mail.example.net[192.0.2.8]; {ENVELOPE}: why",
         [fact(ev.MessageHandled, QID, action, f"header Subject: pills from mail.example.net[192.0.2.8]; {ENVELOPE}: "
         f"why")])
        for word, action in (
            ("warning", "warn"), ("hold", "hold"), ("discard", "discard"), ("redirect", "redirect"), ("filter",
             "filter"),
            ("prepend", "prepend"), ("replace", "replace"), ("strip", "strip"), ("bcc", "bcc"), ("info", "info"),
            ("pass", "pass"), ("milter-header-hold", "hold"), ("milter-header-warning", "warn"),
        )
    ),
    (CLEANUP, f"{QID}: to=<b@example.org>, relay=none, delay=0.1, delays=0.1/0/0/0, dsn=5.4.6, status=bounced (alias "
     f"loop)",
     [fact(ev.Delivery, QID, "b@example.org", "bounced", "5.4.6", "alias loop", relay="none", delay=0.1,
           delays=(0.1, 0.0, 0.0, 0.0))]),
    (CLEANUP, f"{QID}: removed (canceled)", [fact(ev.MessageRemoved, QID, "canceled")]),  # since 3.10
    (CLEANUP, f"warning: {QID}: queue file size limit exceeded",
     [fact(ev.ServiceTrouble, "warning", f"{QID}: queue file size limit exceeded", QID)]),
    (CLEANUP, f"warning: {QID}: message rejected: hopcount exceeded",
     [fact(ev.ServiceTrouble, "warning", f"{QID}: message rejected: hopcount exceeded", QID)]),
    (CLEANUP, "table hash:/etc/aliases(0,lock|fold_fix) has changed -- restarting", []),
    (CLEANUP, f"{QID}: some other thing", None),
    (CLEANUP, "some other thing", None),
    (CLEANUP, "", None),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=named(CASES))
def test_cleanup(case: Case) -> None:
    assert read(case) == expected(case)
