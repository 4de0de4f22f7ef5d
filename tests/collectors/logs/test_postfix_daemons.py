"""Lines of anvil(8), qmqpd(8), and of the services and commands that handle no mail; which programs are Postfix's."""

import pytest

from collectors.logs import postfix
from smtpwatch import events as ev
from tests.collectors.logs.lines import Case, expected, fact, named, read

QID = "3F2A11C0D5E"
ANVIL, QMQPD, MASTER, SCRIPT = (f"postfix/{name}" for name in ("anvil", "qmqpd", "master", "postfix-script"))

CASES: list[Case] = [
    (ANVIL, "statistics: max connection rate 5/60s for (smtp:192.0.2.7) at Nov 10 10:00:00",
     [fact(ev.ClientPeak, "192.0.2.7", 0, "", "connection rate", 5, 60, "smtp")]),
    (ANVIL, "statistics: max connection count 3 for (submission:2001:db8::7) at Nov 10 10:00:00",
     [fact(ev.ClientPeak, "2001:db8::7", 0, "", "connection count", 3, 0, "submission")]),
    *(
        (ANVIL, f"statistics: max {kind} rate 9/60s for (192.0.2.25:smtp:192.0.2.7) at Nov 10 10:00:00",
         [fact(ev.ClientPeak, "192.0.2.7", 0, "", f"{kind} rate", 9, 60, "192.0.2.25:smtp")])
        for kind in ("message", "recipient", "newtls", "auth")
    ),
    (ANVIL, "statistics: max connection rate 1/60s for ([2001:db8::25]:smtp:2001:db8::7) at Nov 10 10:00:00",
     [fact(ev.ClientPeak, "2001:db8::7", 0, "", "connection rate", 1, 60, "[2001:db8::25]:smtp")]),
    (ANVIL, "statistics: max connection rate 1/60s for (smtp:unknown) at Nov 10 10:00:00",
     [fact(ev.ClientPeak, "", 0, "", "connection rate", 1, 60, "smtp")]),
    (ANVIL, "statistics: max cache size 7 at Nov 10 10:00:00", []),
    (ANVIL, "fatal: no", [fact(ev.ServiceTrouble, "fatal", "no")]),
    (ANVIL, "something new", None),
    (QMQPD, "connect from unknown[192.0.2.7]", [fact(ev.ClientConnected, "192.0.2.7", 0, "")]),
    (QMQPD, "disconnect from unknown[192.0.2.7]", [fact(ev.ClientDisconnected, "192.0.2.7", 0, "")]),
    (QMQPD, f"{QID}: client=unknown[192.0.2.7]", [fact(ev.MessageReceived, "192.0.2.7", 0, "", QID, "other")]),
    (QMQPD, f"{QID}: unknown[192.0.2.7]: lost connection while receiving message content",
     [fact(ev.ClientLost, "192.0.2.7", 0, "", "lost connection", "receiving message content")]),
    (QMQPD, "something new", None),
    (MASTER, "daemon started -- version 3.7.11, configuration /etc/postfix", []),
    (MASTER, "reload -- version 3.7.11, configuration /etc/postfix", []),
    (MASTER, "terminating on signal 15", []),
    (MASTER, "/etc/postfix/master.cf: line 12: using backwards-compatible default setting chroot=y", []),
    (MASTER, "warning: process /usr/lib/postfix/sbin/smtpd pid 77 exit status 1",
     [fact(ev.ServiceTrouble, "warning", "process /usr/lib/postfix/sbin/smtpd pid 77 exit status 1")]),
    (MASTER, 'warning: service "smtp" (25) has reached its process limit "100": new clients may experience noticeable '
     'delays',
     [fact(ev.ServiceTrouble, "warning",
           'service "smtp" (25) has reached its process limit "100": new clients may experience noticeable delays')]),
    (SCRIPT, "starting the Postfix mail system", []),
    (SCRIPT, "stopping the Postfix mail system", []),
    (SCRIPT, "refreshing the Postfix mail system", []),
    (SCRIPT, "waiting for the Postfix mail system to terminate", []),
    (SCRIPT, "the Postfix mail system is running: PID: 1234", []),
    (SCRIPT, "fatal: the Postfix mail system is not running",
     [fact(ev.ServiceTrouble, "fatal", "the Postfix mail system is not running")]),
    (SCRIPT, "warning: group or other writable: /etc/postfix/./main.cf",
     [fact(ev.ServiceTrouble, "warning", "group or other writable: /etc/postfix/./main.cf")]),
    ("postfix/postfix-script", "something new", None),
    ("postfix/sendmail", "fatal: open /etc/postfix/main.cf: No such file or directory",
     [fact(ev.ServiceTrouble, "fatal", "open /etc/postfix/main.cf: No such file or directory")]),
    ("postfix/postdrop", "warning: uid=33: File too large", [fact(ev.ServiceTrouble, "warning",
     "uid=33: File too large")]),
    ("postfix/proxymap", 'warning: request for unapproved table: "hash:/x"',
     [fact(ev.ServiceTrouble, "warning", 'request for unapproved table: "hash:/x"')]),
    ("postfix/trivial-rewrite", "warning: do not list domain example.org in BOTH mydestination and "
     "virtual_alias_domains",
     [fact(ev.ServiceTrouble, "warning", "do not list domain example.org in BOTH mydestination and "
     "virtual_alias_domains")]),
    ("postfix/tlsmgr", "error: accept connection: Too many open files",
     [fact(ev.ServiceTrouble, "error", "accept connection: Too many open files")]),
    ("postfix/scache", "statistics: start interval Nov 10 10:00:00", []),
    ("postfix/scache", "statistics: domain lookup hits=0 miss=1 success=0%", []),
    ("postfix/verify", "cache btree:/var/lib/postfix/verify_cache full cleanup: retained=1 dropped=0 entries", []),
    ("postfix/verify", "close database /var/lib/postfix/verify_cache.db: No such file or directory (possible Berkeley "
     "DB bug)", []),
    ("postfix/spawn", "warning: command /usr/bin/policyd-spf exit status 1",
     [fact(ev.ServiceTrouble, "warning", "command /usr/bin/policyd-spf exit status 1")]),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=named(CASES))
def test_daemons(case: Case) -> None:
    assert read(case) == expected(case)


@pytest.mark.parametrize(
    "program", ["smtpd", "/smtpd", "cyrus/lmtp", "cyrus/master", "postfix/policyd-spf", "exim", ""]
)
def test_not_a_service_of_postfix(program: str) -> None:
    assert postfix.parser_of(program) is None
