"""Dovecot's lines about mail and sessions of those who have logged in, and about itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.logs.dovecot import parse
from collectors.logs.head import NOTHING, Facts
from smtpwatch import events as ev
from tests.collectors.logs.telling import assert_quick, head, mutated, read

SESSION = "QTwjNxZhvsXAAAIH"  # of 192.0.2.7:50622
END = f"rip=192.0.2.7, lip=192.0.2.25, session=<{SESSION}>"
PORT = 50622

Case = tuple[str, Facts]
_LMTP = "lmtp(bob)<6160><718YKdynBmsQGAAAg+zDdQ>: "


def _trouble(text: str, severity: ev.Severity, detail: str) -> Case:
    return text, (ev.ServiceTrouble(*head("dovecot", text), severity, detail),)


def _stored(text: str, reply: str, recipient: str = "bob", transport: str = "lmtp") -> Case:
    return text, (ev.Delivery(*head("dovecot", text), "", recipient, "sent", reply=reply, transport=transport),)


def _handled(text: str, action: str, detail: str) -> Case:
    return text, (ev.MessageHandled(*head("dovecot", text), "", action, detail),)


STORED = (
    _stored(f"{_LMTP}sieve: msgid=<a@b>: fileinto action: stored mail into mailbox 'Junk'",
            "stored mail into mailbox 'Junk'"),
    _stored(f"{_LMTP}sieve: msgid=unspecified: stored mail into mailbox 'INBOX'", "stored mail into mailbox 'INBOX'"),
    _stored(f"{_LMTP}msgid=<a@b>: saved mail to INBOX", "saved mail to INBOX"),
    _stored("lmtp(1234, bob@example.org): WjM7Ge8LVVzQDAAAzuw8Sg: sieve: msgid=<a@b>: stored mail into mailbox 'INBOX'",
            "stored mail into mailbox 'INBOX'", "bob@example.org"),
    _stored("lda(bob)<12><AAAA>: msgid=: saved mail to INBOX", "saved mail to INBOX", transport="lda"),
    _stored(f"{_LMTP}msgid=<p>: forwarded to <v@v>>: saved mail to INBOX", "saved mail to INBOX"),
    _handled(f"{_LMTP}sieve: msgid=<a@b>: redirect action: forwarded to <c@example.net>", "redirect",
             "forwarded to <c@example.net>"),
    _handled(f"{_LMTP}sieve: msgid=unspecified: discard action: Marked message to be discarded if not explicitly "
             "delivered (discard action)",
             "discard", "Marked message to be discarded if not explicitly delivered (discard action)"),
    _handled(f"{_LMTP}sieve: msgid=<r@x>: rejected message from <e@example.com> (reject)", "reject",
             "rejected message from <e@example.com> (reject)"),
    _handled(f"{_LMTP}msgid=<r@x>: save failed to INBOX: Quota exceeded (mailbox for user is full)", "save failed",
             "save failed to INBOX: Quota exceeded (mailbox for user is full)"),
    ("lmtp(6160): Connect from local", NOTHING),
    ("lmtp(6160): Disconnect from local: Logged out (state=READY)", NOTHING),
    (f"{_LMTP}something new", None),
)  # fmt: skip
_RELAYED = (
    f"submission(bob)<811><{SESSION}>: Successfully relayed message: from=<bob@example.org>, size=62, "
    "id=NE66A12mBmsrAwAAg+zDdQ, nrcpt=1, reply=`250 2.0.0 Ok: 253 bytes queued as 11BCA22A262'"
)
_QUIT = f"submission(bob)<484><{SESSION}>: Disconnected: Logged out (state=READY) in=229 out=400"
_OLD_QUIT = "imap(bob): Disconnected: Logged out in=8 out=468"
SESSIONS: tuple[Case, ...] = (
    (_RELAYED, (
        ev.MessageReceived(*head("dovecot", _RELAYED), "192.0.2.7", PORT, "", "NE66A12mBmsrAwAAg+zDdQ", "smtp",
                           "bob@example.org", size=62, account="bob"),
        ev.Delivery(*head("dovecot", _RELAYED), "NE66A12mBmsrAwAAg+zDdQ", "", "sent",
                    reply="250 2.0.0 Ok: 253 bytes queued as 11BCA22A262", next_queue_id="11BCA22A262",
                    sender="bob@example.org", transport="submission"))),
    (_QUIT, (ev.ClientDisconnected(*head("dovecot", _QUIT), "192.0.2.7", PORT, "", "Logged out"),)),
    (_OLD_QUIT, (ev.ClientDisconnected(*head("dovecot", _OLD_QUIT), "", 0, "", "Logged out"),)),
)  # fmt: skip
SERVICES = (
    ("master: Dovecot v2.3.19.1 (9b53102964) starting up for imap, submission, lmtp (core dumps disabled)", NOTHING),
    ("master: Warning: Killed with signal 15 (by pid=1 uid=0 code=kill)", NOTHING),
    ("indexer-worker(bob)<1><x>: Indexed 3 messages in INBOX", NOTHING),
    _trouble("master: Error: service(imap-login): child 123 killed with signal 9", "error",
             "master: service(imap-login): child 123 killed with signal 9"),
    _trouble("lmtp(bob)<1><x>: Panic: file mail-index.c: line 1: assertion failed", "panic",
             "lmtp(bob)<1><x>: file mail-index.c: line 1: assertion failed"),
    _trouble("auth: Fatal: sql: cannot connect", "fatal", "auth: sql: cannot connect"),
    _trouble("imap-login: Warning: Auth process not responding, delayed sending initial response (greeting): user=<>, "
             "" + END,
             "warning", "imap-login: Auth process not responding, delayed sending initial response (greeting): "
             "user=<>, " + END),
    ("nobody-knows: a line", None),
    ("no colon", None),
)  # fmt: skip
CASES = (*STORED, *SESSIONS, *SERVICES)
LINES = tuple(text for text, _ in CASES)


@pytest.mark.parametrize(("text", "expected"), CASES, ids=range(len(CASES)))
def test_a_line(text: str, expected: Facts) -> None:
    assert read("dovecot", text) == expected


@given(st.text() | mutated(LINES))
def test_it_never_raises(text: str) -> None:
    parse(text, head("dovecot", text))


def test_no_line_takes_long() -> None:
    assert_quick(parse, [LINES[0], LINES[5], _RELAYED, _QUIT])
