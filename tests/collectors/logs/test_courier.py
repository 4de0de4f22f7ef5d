"""Courier's lines, as its source has them and as administrators have shown them."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.logs.courier import parse
from smtpwatch import events as ev
from tests.collectors.logs.telling import assert_quick, head, mutated, read

CLIENT = "192.0.2.7"
SMTP = "courieresmtpd"
_ERROR = f"error,relay=::ffff:{CLIENT}"
_WRONG = f'{_ERROR},msg="535 Authentication failed.",cmd:'
Case = tuple[str, str, Sequence[ev.Event] | None]


def login(
    program: str, text: str, service: str, outcome: ev.LoginOutcome, account: str = "", mechanism: str = "",
        reason: str = "",
    port: int = 0, kept: str | None = None, source: str = CLIENT,
) -> Case:  # fmt: skip
    facts = head(program, text if kept is None else kept)
    return program, text, [ev.LoginTried(*facts, source, port, "", service, outcome, account, mechanism, reason)]


def refused(
    text: str, stage: str, code: int, reason: ev.Reason, reply: str, sender: str | None = None,
        recipient: str | None = None,
    port: int = 0, kept: str | None = None, enhanced: str = "",
) -> Case:  # fmt: skip
    facts = head(SMTP, text if kept is None else kept)
    return (
        SMTP,
        text,
        [ev.Refused(*facts, CLIENT, port, "", stage, code, enhanced, reason, reply, "", sender, recipient)],
    )


CASES: tuple[Case, ...] = (
    login("imapd", f"LOGIN FAILED, user=bob, ip=[::ffff:{CLIENT}]", "imap", "failure", "bob"),
    login("imapd-ssl", f"LOGIN FAILED, method=PLAIN, ip=[::ffff:{CLIENT}]", "imap", "failure", "", "PLAIN"),
    login("pop3d", f"LOGIN FAILED, user=bob, ip=[::ffff:{CLIENT}], port=[4321]", "pop3", "failure", "bob", port=4321),
    login("courierpop3login", f"LOGIN FAILED, user=bob, ip=[{CLIENT}]", "pop3", "failure", "bob"),
    login("imapd", "LOGIN FAILED, user=bob, ip=[2001:db8::7]", "imap", "failure", "bob", source="2001:db8::7"),
    login("imapd", f"INFO: LOGIN FAILED, user=bob, ip=[{CLIENT}], port=[1]", "imap", "failure", "bob", port=1),
    login("imapd", f"LOGIN, user=bob, ip=[::ffff:{CLIENT}], port=[4321], protocol=IMAP", "imap", "success", "bob",
        port=4321),
    login("pop3d", f"LOGIN, user=bob, ip=[::ffff:{CLIENT}], port=[4321], protocol=POP3, stls=1", "pop3", "success",
        "bob",
          port=4321),
    login("imapd", f"LOGIN FAILED, user=x, ip=[9.9.9.9], port=[1], ip=[::ffff:{CLIENT}], port=[4321]", "imap",
        "failure",
          "x, ip=[9.9.9.9], port=[1]", port=4321),
    login("imapd", f"LOGIN FAILED, user=x, ip=[9.9.9.9], protocol=IMAP, ip=[::ffff:{CLIENT}]", "imap", "failure",
          "x, ip=[9.9.9.9], protocol=IMAP"),
    login(SMTP, f"{_WRONG} AUTH LOGIN", "smtp", "failure", reason="535 Authentication failed.", kept=_WRONG),
    login(SMTP, f"{_WRONG} AUTH PLAIN AGJvYgBzZWNyZXQtOQ==", "smtp", "failure", reason="535 Authentication failed.",
        kept=_WRONG),
    login(SMTP, f"{_WRONG} c2VjcmV0", "smtp", "failure", reason="535 Authentication failed.", kept=_WRONG),
    login(SMTP, f"{_ERROR}: 535 Authentication failed.", "smtp", "failure", reason="535 Authentication failed."),
    login(SMTP, f'{_ERROR},port=4321,msg="454 Temporary authentication failure",cmd: x', "smtp", "deferred",
          reason="454 Temporary authentication failure", port=4321,
          kept=f'{_ERROR},port=4321,msg="454 Temporary authentication failure",cmd:'),
    refused(f"{_ERROR},from=<a@example.com>,to=<dave@example.net>: 513 Relaying denied.", "RCPT", 513, "relay denied",
            "513 Relaying denied.", "a@example.com", "dave@example.net"),
    refused(f"{_ERROR},ident=tmf,from=<a@example.com>,to=<nobody@example.org>: 550 User unknown.", "RCPT", 550,
        "unknown user",
            "550 User unknown.", "a@example.com", "nobody@example.org"),
    refused(f"{_ERROR},port=77,from=<a@nowhere.example>: 517 Domain does not exist: nowhere.example.", "MAIL", 517,
            "unknown user", "517 Domain does not exist: nowhere.example.", "a@nowhere.example", port=77),
    refused(f"{_ERROR},from=<a@example.com>,to=<b@example.org>: 451 4.7.1 Please try another MX", "RCPT", 451, "policy",
            "451 4.7.1 Please try another MX", "a@example.com", "b@example.org", enhanced="4.7.1"),
    refused(f'{_ERROR},msg="502 ESMTP command error",cmd: GET / HTTP/1.0', "", 502, "other", "502 ESMTP command error",
            kept=f'{_ERROR},msg="502 ESMTP command error",cmd:'),
    refused(f'{_ERROR},from=<"a>,to=<b>: 250 x"@example.com>: 513 Relaying denied.', "MAIL", 513, "relay denied",
            "513 Relaying denied.", '"a>,to=<b>: 250 x"@example.com'),
    refused(f"{_ERROR},from=<a (>: 250 x)>: 513 Relaying denied.", "", 0, "other", ""),
    (SMTP, f'{_ERROR},msg="writev: Broken pipe",cmd: HOST: x', []),
    (SMTP, f"started,ip=[::ffff:{CLIENT}]", []),
    ("imapd", f"Connection, ip=[::ffff:{CLIENT}]", []),
    ("imapd", f"LOGOUT, user=x, ip=[::ffff:{CLIENT}], port=[1], headers=0, body=0, rcvd=10, sent=10, time=0", []),
    ("imapd", f"Disconnected, ip=[::ffff:{CLIENT}], time=5, starttls=1", []),
    ("courierd", "newmsg,id=000000000012F6D4.4B5CF2E1.00007A4F: dns; x ([::ffff:9.9.9.9])", []),
    ("imapd", "LOGIN FAILED, user=bob", None),
    ("imapd", "LOGIN FAILED, user=bob, ip=[999]", None),
    (SMTP, "error,relay=x: 535 no", None),
    (SMTP, "something new", None),
    ("imapd", "", None),
)  # fmt: skip


@pytest.mark.parametrize(("program", "text", "facts"), CASES, ids=range(len(CASES)))
def test_a_line(program: str, text: str, facts: Sequence[ev.Event] | None) -> None:
    given_facts = read(program, text)
    assert given_facts is None if facts is None else given_facts is not None and list(given_facts) == facts


@given(st.text() | mutated([text for _, text, _ in CASES]))
def test_it_never_raises(text: str) -> None:
    parse(text, head("imapd", text))


@given(st.text() | st.sampled_from([", ip=[9.9.9.9]", ", ip=[9.9.9.9], port=[1]", ">: 250 x", ",relay=9.9.9.9"]))
def test_no_stranger_blames_another(words: str) -> None:
    for text in (
        f"LOGIN FAILED, user={words}, ip=[{CLIENT}]",
        f"{_ERROR},from=<{words}>,to=<{words}>: 550 User unknown.",
        f"{_WRONG} {words}",
    ):
        for fact in parse(text, head("x", text)) or ():
            assert isinstance(fact, ev.ClientEvent)
            assert fact.source == CLIENT


def test_no_line_takes_long() -> None:
    assert_quick(parse, [text for _, text, facts in CASES if facts][::3])
