"""What a client can do to be read wrongly: odd spacing, haste, words that look like others. The server's replies
decide."""

import pytest

from collectors.queue_ids import queue_id
from smtpwatch import events as ev
from smtpwatch.state.facts import SessionFacts, TransactionFacts
from tests.wire import Wire, events_of, session_of

HELLO = "S: 220 mx ESMTP\nC: EHLO y\nS: 250-mx\\n250-PIPELINING\\n250 CHUNKING"
ENVELOPE = "C: MAIL FROM:<a@x>\nS: 250 2.1.0 Ok\nC: RCPT TO:<b@x>\nS: 250 2.1.5 Ok"
LHLO = "S: 220 mx LMTP\nC: LHLO y\nS: 250-mx\\n250-PIPELINING\\n250 CHUNKING"


def dialogue(*scripts: str) -> Wire:
    wire = Wire().open()
    for script in scripts:
        wire.script(script)
    return wire


def only(session: SessionFacts) -> TransactionFacts:
    (transaction,) = session.transactions
    return transaction


@pytest.mark.parametrize("data", [b"DATA\r\r\n", b" DATA\r\n", b"DATA \r\n", b"data\x0b\r\n", b"\x0cDATA\r\n"])
@pytest.mark.parametrize("mail", [b"MAIL FROM:<a@x>", b" MAIL FROM:<a@x>", b"MAIL\x0bFROM:<a@x>", b"mail\r FROM:<a@x>"])
def test_white_space_where_none_belongs(mail: bytes, data: bytes) -> None:
    """Postfix takes all of these."""
    wire = dialogue(HELLO).client(mail + b"\r\n").script("S: 250 2.1.0 Ok").client(b"\x0bRCPT TO:<b@x>\r\n")
    wire.script("S: 250 2.1.5 Ok").client(data).script("S: 354 go")
    wire.client(b"Subject: s\r\n\r\nMAIL FROM:<fake@x>\r\nQUIT\r\n.\r\n").script("S: 250 2.0.0 Ok: queued as Q1")
    session = session_of(wire.close())
    told = only(session)
    assert (told.mail_from, [each.rcpt for each in told.rcpts]) == ("a@x", ["b@x"])
    assert (told.outcome, told.queue_id, session.closed_by) == ("accepted", "Q1", "fin")


def test_the_server_takes_for_data_what_we_do_not_know() -> None:
    wire = dialogue(HELLO, ENVELOPE, "C: XDATA\nS: 354 go").client(b"QUIT\r\n.\r\n")
    assert only(session_of(wire.script("S: 250 Ok: queued as Q1").close())).queue_id == "Q1"


@pytest.mark.parametrize("octets", [100, 60_000, 70_000, 300_000])
@pytest.mark.parametrize(
    ("answer", "outcome", "code"), [("554 5.7.1 spam", "rejected", 554), ("250 Ok: queued as Q1", "accepted", 250)]
)
def test_a_client_that_does_not_wait(octets: int, answer: str, outcome: str, code: int) -> None:
    wire = dialogue(HELLO)
    blast = b"MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n" + b"0123456789\r\n" * (octets // 12) + b".\r\nQUIT\r\n"
    for at in range(0, len(blast), 1400):
        wire.client(blast[at : at + 1400])
    session = session_of(wire.script(f"S: 250 2.1.0 Ok\\n250 2.1.5 Ok\\n354 go\\n{answer}\\n221 bye").close())
    told = only(session)
    assert (told.outcome, told.code, [each.code for each in told.rcpts]) == (outcome, code, [250])
    assert (session.closed_by, session.partial) == ("quit", None)


def test_a_message_under_way_when_its_data_is_answered() -> None:
    wire = dialogue(HELLO, ENVELOPE, "C: DATA")
    for _ in range(60):
        wire.client(b"x" * 1398 + b"\r\n")
    wire.script("S: 354 go").client(b"the rest\r\n.\r\n").script("S: 250 Ok: queued as Q1")
    assert only(session_of(wire.close())).queue_id == "Q1"


def test_a_message_to_a_server_that_refused_data_is_given_up_and_said_so() -> None:
    wire = dialogue(HELLO, ENVELOPE, "C: DATA")
    for _ in range(60):
        wire.client(b"x" * 1398 + b"\r\n")
    session = session_of(wire.script("S: 451 4.3.0 later\nS: 500 what\nS: 500 what").close())
    assert session.partial is not None and "without waiting for the reply to DATA" in session.partial
    assert only(session).outcome in ("deferred", "unknown")


def test_pipelined_chunks() -> None:
    wire = dialogue(HELLO)
    messages = ((b"a@x", b"b@x", b"hello"), (b"e@x", b"f@x", b"another"))
    wire.client(
        b"".join(
            b"MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nBDAT %d LAST\r\n%s" % (sender, recipient, len(content), content)
            for sender, recipient, content in messages
        )
    )
    wire.script("S: 250 Ok\\n250 Ok\\n250 Ok: queued as Q1\\n250 Ok\\n250 Ok\\n250 Ok: queued as Q2")
    decided = [event for event in events_of(wire.close().packets) if isinstance(event, ev.MessageDecided)]
    assert [(each.sender, each.queue_id, each.octets) for each in decided] == [("a@x", "Q1", 5), ("e@x", "Q2", 7)]


def test_pipelined_chunks_in_lmtp_have_a_reply_for_each_recipient() -> None:
    wire = dialogue(LHLO)
    wire.client(
        b"MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nRCPT TO:<c@x>\r\nBDAT 5 LAST\r\nhelloMAIL FROM:<e@x>\r\nRCPT TO:<f@x>\r\n"
    )
    wire.script("S: 250 Ok\\n250 Ok\\n250 Ok\\n250 b\\n550 c\\n250 Ok\\n550 5.1.1 f")
    first, second = session_of(wire.close()).transactions
    assert (first.outcome, first.reply, [each.code for each in first.rcpts]) == ("accepted", "250 b", [250, 250])
    assert (second.mail_from, [each.code for each in second.rcpts]) == ("e@x", [550])


@pytest.mark.parametrize(
    ("answers", "outcome", "code"),
    [
        ("550 no\\n451 later", "rejected", 550),
        ("550 no\\n250 yes", "accepted", 250),
        ("250 yes", "accepted", 250),
        ("421 bye", "deferred", 421),
    ],
)
def test_lmtp_tells_the_outcome_of_the_answer_it_tells(answers: str, outcome: str, code: int) -> None:
    wire = dialogue(LHLO, ENVELOPE, "C: RCPT TO:<c@x>\nS: 250 Ok\nC: DATA\nS: 354 go\nC: .", f"S: {answers}")
    told = only(session_of(wire.close(by_client=False)))
    assert (told.outcome, told.code) == (outcome, code)


def test_what_was_never_answered_is_abandoned() -> None:
    wire = dialogue(HELLO, "C: MAIL FROM:<a@x>\\nRCPT TO:<b@x>\\nRCPT TO:<c@x>\nS: 250 Ok\\n250 Ok")
    told = only(session_of(wire.close(by_client=False)))
    assert (told.outcome, [each.code for each in told.rcpts]) == ("abandoned", [250, None])


def test_a_mail_that_was_never_answered_opened_nothing() -> None:
    assert session_of(dialogue(HELLO, "C: MAIL FROM:<a@x>").close(by_client=False)).transactions == []


def test_replies_that_make_no_sense_accept_nothing() -> None:
    assert session_of(dialogue(HELLO, "C: MAIL FROM:<a@x>\nS: 354 go").close()).transactions[0].outcome == "unknown"
    assert only(session_of(dialogue(HELLO, ENVELOPE, "C: DATA\nS: 250 Ok").close())).outcome == "abandoned"


def test_data_tried_again() -> None:
    wire = dialogue(HELLO, ENVELOPE, "C: DATA\nS: 451 later\nC: DATA\nS: 354 go\nC: half a message")
    assert only(session_of(wire.close())).outcome == "abandoned"


@pytest.mark.parametrize(
    ("reply", "queue"),
    [
        ("250 2.0.0 <x id=FORGED@evil> [InternalId=5, Hostname=x] Queued mail for delivery", "5"),
        ("250 2.6.0 <queued as 1@x> [InternalId=77] Queued", "77"),
        ("250 2.0.0 <b@x> zF1aGk6BBBB Saved", "zF1aGk6BBBB"),
        ("250 2.0.0 Ok: queued as 4XabCd", "4XabCd"),
    ],
)
def test_queue_ids_are_the_servers_words(reply: str, queue: str) -> None:
    told = only(session_of(dialogue(HELLO, ENVELOPE, f"C: DATA\nS: 354 go\nC: .\nS: {reply}").close()))
    assert told.queue_id == queue


def test_a_queue_id_that_the_capture_cut_is_not_told() -> None:
    wire = dialogue(HELLO, ENVELOPE, "C: DATA\nS: 354 go\nC: .").server(
        b"250 2.0.0 Ok: queued as 4XabCd1234\r\n", cut=28
    )
    told = only(session_of(wire.script("C: QUIT\nS: 221 bye").close()))
    assert (told.outcome, told.queue_id, told.reply) == ("accepted", None, f"250 2.0.0 Ok: queued as 4Xab{ev.CUT}")


def test_a_long_proxy_header_is_skipped_whole() -> None:
    header = (
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11"
        + (12 + 1500).to_bytes(2)
        + bytes([198, 51, 100, 9, 192, 0, 2, 25, 0, 99, 0, 25])
    )
    wire = Wire().open().client(header + b"\x04" * 700).client(b"\x04" * 800 + b"EHLO y\r\n")
    wire.script("S: 220 mx\\n250 mx\nC: QUIT\nS: 221 bye")
    events = events_of(wire.close().packets)
    named = [event for event in events if isinstance(event, ev.SourceNamed)]
    assert [(event.source, event.client_port) for event in named] == [("198.51.100.9", 99)]
    assert session_of(wire).helo == "y"


def test_brackets_in_brackets() -> None:
    assert session_of(dialogue(HELLO, "C: MAIL FROM:<<a@x>>\nS: 250 Ok").close()).transactions[0].mail_from == "a@x"


def test_a_bare_code() -> None:
    assert session_of(Wire().open().server(b"220\r\n").script("C: EHLO y\nS: 250 x").close()).banner == "220"


def test_a_reply_made_to_take_long_is_not_searched() -> None:
    """Its time would grow with the square of its length."""
    assert queue_id("x" * 500_000 + " Saved=") is None
    assert queue_id("2.0.0 " + "x" * 900 + "= Saved.") == "x" * 900 + "="
