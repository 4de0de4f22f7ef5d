"""Lines of postscreen(8), dnsblog(8) and tlsproxy(8): the forms of Postfix 3.7 and 3.10."""

import pytest

from smtpwatch import events as ev
from tests.collectors.logs.lines import Case, expected, fact, named, read

POSTSCREEN, DNSBLOG, TLSPROXY = (f"postfix/{name}" for name in ("postscreen", "dnsblog", "tlsproxy"))
AT = "[192.0.2.7]:5000"
WHO = ("192.0.2.7", 5000, "")
SIX = ("2001:db8::7", 5000, "")

CASES: list[Case] = [
    (POSTSCREEN, f"CONNECT from {AT} to [192.0.2.25]:25", [fact(ev.ClientConnected, *WHO, "192.0.2.25", 25)]),
    (POSTSCREEN, "CONNECT from [2001:db8::7]:5000 to [2001:db8::25]:25", [fact(ev.ClientConnected, *SIX, "2001:db8::25",
     25)]),
    (POSTSCREEN, f"CONNECT from {AT}", [fact(ev.ClientConnected, *WHO)]),  # before 2.10
    (POSTSCREEN, "CONNECT from nowhere", None),
    (POSTSCREEN, f"DISCONNECT {AT}", [fact(ev.ClientDisconnected, *WHO)]),
    (POSTSCREEN, f"PASS NEW {AT}", [fact(ev.Screened, *WHO, "pass new")]),
    (POSTSCREEN, "PASS OLD [2001:db8::7]:5000", [fact(ev.Screened, *SIX, "pass old")]),
    *(
        (POSTSCREEN, f"{words} {AT}", [fact(ev.Screened, *WHO, words.lower())])
        for words in ("WHITELISTED", "BLACKLISTED", "ALLOWLISTED", "DENYLISTED", "WHITELIST VETO", "ALLOWLIST VETO")
    ),
    (POSTSCREEN, f"PREGREET 14 after 0.22 from {AT}: EHLO ylmf-pc\\r\\n",
     [fact(ev.Screened, *WHO, "pregreet", "14 after 0.22 EHLO ylmf-pc\\r\\n")]),
    (POSTSCREEN, f"PREGREET 14 after 0.22 from {AT}: x from [198.51.100.9]:1: y",
     [fact(ev.Screened, *WHO, "pregreet", "14 after 0.22 x from [198.51.100.9]:1: y")]),
    (POSTSCREEN, f"HANGUP after 1.3 from {AT} in tests before SMTP handshake",
     [fact(ev.Screened, *WHO, "hangup", "after 1.3 in tests before SMTP handshake")]),
    (POSTSCREEN, f"DNSBL rank 7 for {AT}", [fact(ev.Screened, *WHO, "dnsbl", "rank 7")]),
    (POSTSCREEN, f"COMMAND PIPELINING from {AT} after EHLO: QUIT\\r\\n",
     [fact(ev.Screened, *WHO, "command pipelining", "after EHLO: QUIT\\r\\n")]),
    (POSTSCREEN, f"COMMAND TIME LIMIT from {AT} after CONNECT", [fact(ev.Screened, *WHO, "command time limit",
     "after CONNECT")]),
    (POSTSCREEN, f"COMMAND COUNT LIMIT from {AT} after NOOP", [fact(ev.Screened, *WHO, "command count limit",
     "after NOOP")]),
    (POSTSCREEN, f"COMMAND LENGTH LIMIT from {AT} after EHLO", [fact(ev.Screened, *WHO, "command length limit",
     "after EHLO")]),
    (POSTSCREEN, f"BARE NEWLINE from {AT} after EHLO", [fact(ev.Screened, *WHO, "bare newline", "after EHLO")]),
    (POSTSCREEN, f"NON-SMTP COMMAND from {AT} after CONNECT: GET / HTTP/1.1",
     [fact(ev.Screened, *WHO, "non-smtp command", "after CONNECT: GET / HTTP/1.1")]),
    (POSTSCREEN, f"DATA without valid RCPT from {AT}", [fact(ev.Screened, *WHO, "data without valid rcpt")]),
    (POSTSCREEN, f"NOQUEUE: reject: RCPT from {AT}: 550 5.7.1 Service unavailable; client [192.0.2.7] blocked using "
     "zen.spamhaus.org; from=<a@example.net>, to=<b@example.org>, proto=ESMTP, helo=<h>",
     [fact(ev.Refused, *WHO, "RCPT", 550, "5.7.1", "blocklist",
           "550 5.7.1 Service unavailable; client [192.0.2.7] blocked using zen.spamhaus.org", "zen.spamhaus.org",
           "a@example.net", "b@example.org", "h")]),
    (POSTSCREEN, f"NOQUEUE: reject: RCPT from {AT}: 450 4.3.2 Service currently unavailable; from=<a@example.net>, "
     'to=<b@example.org>, proto=SMTP, helo=<h> from=<x>, to=<y>, proto=ESMTP, helo=<z>',
      # postscreen cleans no HELO name
     [fact(ev.Refused, *WHO, "RCPT", 450, "4.3.2", "resources", "450 4.3.2 Service currently unavailable", "",
           "a@example.net", "b@example.org", "h> from=<x>, to=<y>, proto=ESMTP, helo=<z")]),
    (POSTSCREEN, f"NOQUEUE: reject: RCPT from {AT}: 521 5.5.1 Protocol error; from=<>, to=<b@example.org>, proto=SMTP, "
     f"helo=<>",
     [fact(ev.Refused, *WHO, "RCPT", 521, "5.5.1", "protocol", "521 5.5.1 Protocol error", "", "", "b@example.org",
     "")]),
    (POSTSCREEN, f"NOQUEUE: reject: CONNECT from {AT}: too many connections",
     [fact(ev.Refused, *WHO, "CONNECT", 0, "", "rate", "too many connections")]),
    (POSTSCREEN, f"NOQUEUE: reject: CONNECT from {AT}: all server ports busy",
     [fact(ev.Refused, *WHO, "CONNECT", 0, "", "resources", "all server ports busy")]),
    (POSTSCREEN, f"reject: connect from {AT}: all screening ports busy",
     [fact(ev.Refused, *WHO, "CONNECT", 0, "", "resources", "all screening ports busy")]),
    (POSTSCREEN, "entering STRESS mode with 70 connections",
     [fact(ev.ServiceTrouble, "warning", "entering STRESS mode with 70 connections")]),
    (POSTSCREEN, "leaving STRESS mode with 49 connections", []),
    (POSTSCREEN, f"{AT}: discarding EHLO keywords: CHUNKING", []),
    (POSTSCREEN, "cache btree:/var/lib/postfix/postscreen_cache full cleanup: retained=12 dropped=3 entries", []),
    (POSTSCREEN, "close database /var/lib/postfix/postscreen_cache.db: No such file or directory (possible Berkeley DB "
     "bug)", []),
    (POSTSCREEN, "warning: dnsblog reply timeout 10s for bl.example.org",
     [fact(ev.ServiceTrouble, "warning", "dnsblog reply timeout 10s for bl.example.org")]),
    (POSTSCREEN, "something new", None),
    (POSTSCREEN, "NOQUEUE: reject: RCPT from nowhere: 550 no", None),
    (DNSBLOG, "addr 192.0.2.7 listed by domain zen.spamhaus.org as 127.0.0.4",
     [fact(ev.Verdict, "DNSBL", "listed", source="192.0.2.7", domain="zen.spamhaus.org", detail="127.0.0.4")]),
    (DNSBLOG, "addr 2001:db8::7 listed by domain bl.example.org as 127.0.0.2",
     [fact(ev.Verdict, "DNSBL", "listed", source="2001:db8::7", domain="bl.example.org", detail="127.0.0.2")]),
    (DNSBLOG, "warning: dnsblog_query: lookup error for DNS query 7.2.0.192.bl.example.org: Host or domain name not "
     "found",
     [fact(ev.ServiceTrouble, "warning",
           "dnsblog_query: lookup error for DNS query 7.2.0.192.bl.example.org: Host or domain name not found")]),
    (DNSBLOG, "addr nowhere listed by domain bl.example.org as 127.0.0.2", None),
    (TLSPROXY, f"CONNECT from {AT}", []),  # postscreen's own connection
    (TLSPROXY, "CONNECT to [192.0.2.9]:25", []),
    (TLSPROXY, f"DISCONNECT {AT}", []),
    (TLSPROXY, f"Anonymous TLS connection established from {AT}: TLSv1.2 with cipher X (128/128 bits)",
     [fact(ev.TlsEstablished, *WHO, "TLSv1.2", "X", 128, "anonymous")]),
    (TLSPROXY, f"SSL_accept error from {AT}: lost connection", [fact(ev.TlsTroubled, *WHO, "lost connection")]),
    (TLSPROXY, f"TLS handshake failed for service=smtpd peer={AT}", [fact(ev.TlsTroubled, *WHO, "handshake failed")]),
    (TLSPROXY, "TLS handshake failed for service=smtp peer=[192.0.2.9]:25", []),
    (TLSPROXY, "something new", None),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=named(CASES))
def test_postscreen(case: Case) -> None:
    assert read(case) == expected(case)
