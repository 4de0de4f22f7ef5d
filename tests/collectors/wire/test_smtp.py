"""The SMTP dialogue: what each exchange comes to."""

import base64

import pytest

from smtpwatch import events as ev
from smtpwatch.config import Config
from smtpwatch.state.facts import AuthFacts, RecipientFacts
from tests.wire import Wire, events_of, session_of, sessions_of

HELLO = """
S: 220 mx.example.net ESMTP Postfix
C: EHLO client.example.com
S: 250-mx.example.net\\n250-PIPELINING\\n250-SIZE 10240000\\n250-STARTTLS\\n250-AUTH PLAIN LOGIN CRAM-MD5\\n250 CHUNKING
"""


def hello() -> Wire:
    return Wire().open().script(HELLO)


def delivered() -> Wire:
    wire = hello().script("""
        C: MAIL FROM:<a@example.com> SIZE=20
        S: 250 2.1.0 Ok
        C: RCPT TO:<b@example.net>
        S: 250 2.1.5 Ok
        C: DATA
        S: 354 End data with <CR><LF>.<CR><LF>
        C: Subject: x\\n\\nbody\\n.
        S: 250 2.0.0 Ok: queued as 4XabCd1234
        C: QUIT
        S: 221 2.0.0 Bye
    """)
    return wire.close(by_client=False)


def test_delivery() -> None:
    session = session_of(delivered())
    assert (session.client_ip, session.client_port, session.server_ip, session.server_port) == (
        "203.0.113.7",
        40000,
        "192.0.2.25",
        25,
    )
    assert session.banner == "220 mx.example.net ESMTP Postfix"
    assert session.helo == "client.example.com"
    (transaction,) = session.transactions
    assert transaction.mail_from == "a@example.com"
    assert transaction.rcpts == [RecipientFacts("b@example.net", 250)]
    assert (transaction.code, transaction.reply) == (250, "250 2.0.0 Ok: queued as 4XabCd1234")
    assert (transaction.queue_id, transaction.outcome) == ("4XabCd1234", "accepted")
    assert (session.starttls, session.tls, session.closed_by, session.partial) == ("offered", None, "quit", None)
    assert session.direction == "inbound"


def test_octets_are_those_of_the_payload() -> None:
    wire = Wire().open().server(b"220 x\r\n").client(b"QUIT\r\n").server(b"221 y\r\n").close()
    session = session_of(wire)
    assert (session.bytes_client, session.bytes_server) == (6, 14)
    assert session.start == 1_700_000_000.0
    assert session.end == wire.packets[-1].time  # the bare ACK of the last FIN


def test_a_message_tells_its_size() -> None:
    decided = [event for event in events_of(delivered().packets) if isinstance(event, ev.MessageDecided)]
    assert [event.octets for event in decided] == [len("Subject: x\r\n\r\nbody\r\n.\r\n")]


@pytest.mark.parametrize(
    ("dialogue", "outcome"),
    [
        ("C: RCPT TO:<b@x>\nS: 250 2.1.5 Ok\nC: RSET\nS: 250 2.0.0 Ok\nC: QUIT\nS: 221 Bye", "reset"),
        ("C: EHLO again\nS: 250 mx\nC: QUIT\nS: 221 Bye", "reset"),
        ("C: EHLO again\nS: 501 no\nC: QUIT\nS: 221 Bye", "abandoned"),
        ("C: MAIL FROM:<c@x>\nS: 503 5.5.1 nested MAIL command\nC: QUIT\nS: 221 Bye", "abandoned"),
        ("C: RCPT TO:<b@x>\nS: 250 2.1.5 Ok\nC: QUIT\nS: 221 Bye", "abandoned"),
        ("C: RCPT TO:<b@x>\nS: 550 5.1.1 unknown\nC: QUIT\nS: 221 Bye", "rejected"),
        ("C: RCPT TO:<b@x>\nS: 451 4.7.1 greylisted\nC: QUIT\nS: 221 Bye", "deferred"),
        ("C: RCPT TO:<b@x>\nS: 550 no\nC: DATA\nS: 554 5.5.1 no valid recipients\nC: RSET\nS: 250 Ok", "reset"),
        ("C: RCPT TO:<b@x>\nS: 250 Ok\nC: DATA\nS: 354 go\nC: x\\n.\nS: 554 5.7.1 spam\nC: QUIT\nS: 221", "rejected"),
        ("C: RCPT TO:<b@x>\nS: 250 Ok\nC: DATA\nS: 354 go\nC: x\\n.\nS: 451 4.3.0 later\nC: QUIT\nS: 221", "deferred"),
        ("C: RCPT TO:<b@x>\nS: 250 Ok\nC: DATA\nS: 354 go\nC: half a message", "abandoned"),
        ("C: RCPT TO:<b@x>\nS: 250 Ok\nC: DATA\nS: 354 go\nC: x\\n.", "abandoned"),
        ("C: STARTTLS\nS: 220 go", "reset"),
    ],
)  # fmt: skip
def test_outcomes(dialogue: str, outcome: str) -> None:
    session = session_of(hello().script("C: MAIL FROM:<a@x>\nS: 250 2.1.0 Ok").script(dialogue).close())
    (transaction,) = session.transactions
    assert transaction.outcome == outcome


@pytest.mark.parametrize(("reply", "outcome"), [("550 5.7.1 no", "rejected"), ("451 4.7.1 later", "deferred")])
def test_a_refused_mail_with_none_open_is_a_transaction(reply: str, outcome: str) -> None:
    session = session_of(hello().script(f"C: MAIL FROM:<a@x>\nS: {reply}\nC: QUIT\nS: 221 Bye").close())
    (transaction,) = session.transactions
    assert (transaction.mail_from, transaction.code, transaction.reply, transaction.rcpts) == ("a@x", None, None, [])
    assert transaction.outcome == outcome


def test_no_transaction_without_mail() -> None:
    session = session_of(hello().script("C: QUIT\nS: 221 Bye").close())
    assert session.transactions == []
    assert session.closed_by == "quit"


def test_pipelining() -> None:
    wire = hello().script("""
        C: MAIL FROM:<a@x>\\nRCPT TO:<b@x>\\nRCPT TO:<c@x>\\nDATA
        S: 250 2.1.0 Ok\\n250 2.1.5 Ok\\n550 5.1.1 unknown\\n354 go
        C: text\\n.\\nMAIL FROM:<>\\nRCPT TO:<d@x>\\nDATA
        S: 250 2.0.0 Ok: queued as AAA\\n250 2.1.0 Ok\\n451 4.2.0 later\\n554 5.5.1 no valid recipients
        C: QUIT
        S: 221 Bye
    """)
    first, second = session_of(wire.close()).transactions
    assert first.rcpts == [RecipientFacts("b@x", 250), RecipientFacts("c@x", 550)]
    assert (first.queue_id, first.outcome) == ("AAA", "accepted")
    assert (second.mail_from, second.outcome) == ("", "rejected")


def test_pipelining_unasked_is_odd() -> None:
    wire = Wire().open().script("S: 220 x\nC: HELO y\nS: 250 x\nC: MAIL FROM:<a@x>\\nRCPT TO:<b@x>\nS: 250 Ok\\n250 Ok")
    kinds = [event.kind for event in events_of(wire.close().packets) if isinstance(event, ev.Oddity)]
    assert kinds == ["pipelining"]


def test_early_talker() -> None:
    wire = Wire().open().script("C: EHLO bot\nS: 220 mx\\n250 mx")
    kinds = [event.kind for event in events_of(wire.close().packets) if isinstance(event, ev.Oddity)]
    assert kinds == ["early talker"]
    assert session_of(wire).helo == "bot"


def test_bdat() -> None:
    wire = hello().script("C: MAIL FROM:<a@x>\nS: 250 Ok\nC: RCPT TO:<b@x>\nS: 250 Ok")
    wire.client(b"BDAT 12\r\nQUIT\r\n.\r\nxxxBDAT 5 LAST\r\nRSET\n").script(
        "S: 250 2.0.0 12 octets\\n250 2.0.0 Ok: queued as BBB"
    )
    session = session_of(wire.script("C: QUIT\nS: 221 Bye").close())
    (transaction,) = session.transactions
    assert (transaction.code, transaction.queue_id, transaction.outcome) == (250, "BBB", "accepted")


def test_a_refused_bdat_is_skipped_all_the_same() -> None:
    wire = hello().client(b"BDAT 6\r\nQUIT\r\nNOOP\r\n").script("S: 503 5.5.1 no MAIL\\n250 Ok")
    session = session_of(wire.close())
    assert session.closed_by == "fin"
    verbs = [event.verb for event in events_of(wire.packets) if isinstance(event, ev.Command)]
    assert verbs == ["EHLO", "BDAT", "NOOP"]


def test_lmtp_answers_for_each_recipient() -> None:
    wire = (
        Wire(port=24)
        .open()
        .script("""
        S: 220 x LMTP
        C: LHLO y
        S: 250-x\\n250 PIPELINING
        C: MAIL FROM:<a@x>\\nRCPT TO:<b@x>\\nRCPT TO:<c@x>\\nDATA
        S: 250 Ok\\n250 Ok\\n250 Ok\\n354 go
        C: text\\n.
        S: 550 5.2.2 b is full\\n250 2.0.0 c has it
        C: QUIT
        S: 221 Bye
    """)
    )
    (transaction,) = session_of(wire.close(), Config(ports=(24,))).transactions
    assert (transaction.code, transaction.reply, transaction.outcome) == (250, "250 2.0.0 c has it", "accepted")


@pytest.mark.parametrize(
    ("dialogue", "auth"),
    [
        (f"C: AUTH PLAIN {base64.b64encode(b'-bob-secret').decode()}\nS: 235 2.7.0 ok", ("PLAIN", "success")),
        ("C: AUTH LOGIN\nS: 334 VXNlcm5h\nC: Ym9i\nS: 334 UGFzc3dv\nC: c2VjcmV0\nS: 535 no", ("LOGIN", "failure")),
        ("C: AUTH CRAM-MD5\nS: 334 PDEyMz4=\nC: *\nS: 501 5.7.0 aborted", ("CRAM-MD5", "aborted")),
        ("C: AUTH PLAIN\nS: 334 \nC: AGJvYgBzZWNyZXQ=", ("PLAIN", "unknown")),
        ("C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6", ("LOGIN", "aborted")),
        ("C: AUTH PLAIN x\nS: 503 5.5.1 not here", ("PLAIN", "failure")),
    ],
)  # fmt: skip
def test_auth(dialogue: str, auth: tuple[str, str]) -> None:
    wire = hello().script(dialogue).close()
    assert session_of(wire).auth == [AuthFacts(*auth)]


SECRET = "hunter2-hunter2"
TOKENS = [base64.b64encode(text.encode()).decode() for text in (SECRET, f"\0bob\0{SECRET}", f"bob {SECRET}")]


@pytest.mark.parametrize(
    "dialogue",
    [
        f"C: AUTH PLAIN {TOKENS[1]}\nS: 535 5.7.8 no: {TOKENS[1]}",
        f"C: AUTH LOGIN\\nYm9i\\n{TOKENS[0]}\nS: 503 5.5.1 no\\n500 5.5.2 what: Ym9i\\n500 5.5.2 what: {TOKENS[0]}",
        f"C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: Ym9i\nS: 334 UGFzc3dvcmQ6\nC: {TOKENS[0]}\nS: 235 ok",
        f"C: AUTH {TOKENS[1]}\nS: 504 5.5.4 {TOKENS[1]}",
        f"C: AUHT PLAIN {TOKENS[1]}\nS: 500 5.5.2 AUHT PLAIN {TOKENS[1]}?",
        f"C: {TOKENS[1]}\nS: 500 5.5.2 {TOKENS[1]}",
        f"C: PASS {SECRET}\nS: 502 5.5.2 {SECRET}",
        f"C: AUTH PLAIN\nS: 334 \nC: {TOKENS[1]}\nS: 535 no",
        f"C: AUTH PLAIN\nS: 334 \nC: {TOKENS[1]}\nS: 535 no\nC: {TOKENS[1]}\nS: 500 {TOKENS[1]} what",
    ],
)
def test_secrets_never_leave_the_parser(dialogue: str) -> None:
    """Whole, one-sided, cut anywhere and begun anywhere: no event repeats the secret."""
    whole = hello().script(dialogue).close()
    captures = [whole.packets, whole.packets[5:]]
    captures += [whole.packets[:at] + whole.packets[at + 1 :] for at in range(len(whole.packets))]
    captures += [Wire.only(hello().script(dialogue), side).packets for side in (True, False)]
    captures += [hello().script(dialogue).only(True).packets[at:] for at in range(3, 8)]
    for packets in captures:
        shown = repr(events_of(packets)) + repr(sessions_of(packets))
        for secret in (SECRET, *TOKENS):
            assert secret not in shown


def test_a_proxy_header_names_the_client() -> None:
    wire = Wire().open().client(b"PROXY TCP4 198.51.100.9 192.0.2.25 5555 25\r\n").script(HELLO)
    named = [event for event in events_of(wire.packets) if isinstance(event, ev.SourceNamed)]
    assert [(event.source, event.client_port, event.via, event.by) for event in named] == [
        ("198.51.100.9", 5555, "203.0.113.7", "PROXY v1")
    ]


def test_a_proxy_header_version_2() -> None:
    header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes([198, 51, 100, 9, 192, 0, 2, 25]) + b"\x15\xb3\0\x19"
    wire = Wire().open().client(header[:10]).client(header[10:]).script(HELLO)
    named = [event for event in events_of(wire.packets) if isinstance(event, ev.SourceNamed)]
    assert [(event.source, event.client_port, event.by) for event in named] == [("198.51.100.9", 5555, "PROXY v2")]


def test_a_forged_proxy_header_blames_nobody() -> None:
    wire = (
        Wire()
        .open()
        .script("C: PROXY TCP4 198.51.100.9 192.0.2.25 5555 25\\nEHLO x\nS: 220 mx\nS: 502 5.5.2 what\\n250 mx")
    )
    events = events_of(wire.close().packets)
    assert not any(isinstance(event, ev.SourceNamed) for event in events)
    assert [event.to for event in events if isinstance(event, ev.Reply)] == ["PROXY", "EHLO"]
    assert {event.source for event in events if isinstance(event, ev.SessionEvent)} == {"203.0.113.7"}


def test_xclient() -> None:
    wire = hello().script("C: XCLIENT NAME=x ADDR=198.51.100.9 PORT=1\nS: 220 mx again\nC: EHLO y\nS: 250 mx")
    assert {event.source for event in events_of(wire.packets)[-2:] if isinstance(event, ev.SessionEvent)} == {
        "198.51.100.9"
    }


@pytest.mark.parametrize("end", [b"x\n.\n", b"x\r\n.\n", b"x\n.\r\n", b"x\r.\r", b"x\r.\n", b"x\r.\r\n", b"x\r\n.\r"])
def test_smuggling_is_told(end: bytes) -> None:
    wire = hello().script("C: MAIL FROM:<a@x>\nS: 250 Ok\nC: RCPT TO:<b@x>\nS: 250 Ok\nC: DATA\nS: 354 go")
    wire.client(end + b"MAIL FROM:<forged@x>\r\nRCPT TO:<c@x>\r\nDATA\r\nhello\r\n.\r\n").script(
        "S: 250 Ok: queued as A"
    )
    events = events_of(wire.close().packets)
    assert [event.kind for event in events if isinstance(event, ev.Oddity)] == ["smuggling"]
    assert len([event for event in events if isinstance(event, ev.TransactionOpened)]) == 1


def test_a_server_that_falls_for_smuggling_shows_both_messages() -> None:
    wire = hello().script("C: MAIL FROM:<a@x>\nS: 250 Ok\nC: RCPT TO:<b@x>\nS: 250 Ok\nC: DATA\nS: 354 go")
    wire.client(b"x\n.\nMAIL FROM:<forged@x>\r\nRCPT TO:<c@x>\r\nDATA\r\n")
    wire.script("S: 250 Ok: queued as A\\n250 Ok\\n250 Ok\\n354 go").client(b"hello\r\n.\r\n").script(
        "S: 250 Ok: queued as B"
    )
    session = session_of(wire.close())
    assert [(each.mail_from, each.queue_id) for each in session.transactions] == [("a@x", "A"), ("forged@x", "B")]


def test_starttls_injection() -> None:
    wire = hello().script("C: STARTTLS\\nMAIL FROM:<evil@x>\nS: 220 go")
    kinds = [event.kind for event in events_of(wire.close().packets) if isinstance(event, ev.Oddity)]
    assert "data after STARTTLS" in kinds


@pytest.mark.parametrize(
    ("dialogue", "state"),
    [
        ("", "offered"),
        ("C: STARTTLS", "requested"),
        ("C: STARTTLS\nS: 220 go", "accepted"),
        ("C: STARTTLS\nS: 454 4.7.0 no", "refused"),
    ],
)
def test_starttls_states(dialogue: str, state: str) -> None:
    assert session_of(hello().script(dialogue).close()).starttls == state


def test_the_accepted_hello_counts() -> None:
    wire = Wire().open().script("S: 220 x\nC: EHLO good\nS: 250 x\nC: EHLO bad name\nS: 501 no")
    assert session_of(wire.close()).helo == "good"
    wire = Wire().open().script("S: 220 x\nC: HELO one\nS: 501 no\nC: HELO two\nS: 501 no")
    assert session_of(wire.close()).helo == "two"


def test_addresses() -> None:
    from collectors.wire.commands import path

    assert path(b"FROM:<>") == ""
    assert path(b"FROM: <a@x> BODY=8BITMIME") == "a@x"
    assert path(b"FROM:a@x SIZE=1") == "a@x"
    assert path(b'TO:<"a>b c"@x>') == '"a>b c"@x'
    assert path(b"TO:<@relay.example,@other.example:a@x>") == "a@x"
    assert path("TO:<jörg@example.de>".encode()) == "jörg@example.de"
    assert path(b"TO:<\xff@x>") == "\\xff@x"
    assert path(b"FROM:<cut@examp", whole=False) is None


def test_long_lines_and_binary_junk_end_in_nothing_worse() -> None:
    wire = Wire().open().script("S: 220 x").client(b"A" * 60000).client(b"\0\xff\n" * 500).script("S: 500 what")
    events = events_of(wire.close().packets)
    assert {event.kind for event in events if isinstance(event, ev.Oddity)} >= {"long line", "bare LF"}
    assert isinstance(events[-1], ev.SessionClosed)
