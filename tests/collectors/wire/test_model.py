"""Random sessions: whole, they are told exactly; with packets missing, what is told is true or unknown."""

import random

import pytest

from smtpwatch.state.facts import AuthFacts, RecipientFacts, SessionFacts, TransactionFacts
from tests.collectors.wire.model import Play
from tests.wire import Wire, sessions_of

SEEDS = range(60)


def lies(told: SessionFacts, play: Play) -> list[str]:
    """What is told of a session with gaps, and is not so."""
    found = [f"AUTH {auth}" for auth in told.auth if not _known_auth(auth, play.auth)]
    if told.helo is not None and told.helo not in (*play.helos, "first.example"):
        found.append(f"HELO {told.helo}")
    left = list(play.transactions)
    for transaction in told.transactions:
        named = play.named.get(transaction.mail_from, [])
        while left and not _may_be(transaction, left[0], named):
            left.pop(0)
        if not left:
            found.append(f"{transaction} is none of {play.transactions}")
            break
        if transaction.outcome != "unknown":  # else what follows may be the rest of it
            left.pop(0)
    return found


def _known_auth(told: AuthFacts, true: list[AuthFacts]) -> bool:
    return any(
        told.mechanism in (auth.mechanism, "unknown") and told.outcome in (auth.outcome, "unknown") for auth in true
    )


def _may_be(told: TransactionFacts, true: TransactionFacts, named: list[str | None]) -> bool:
    """Whether `told` is `true`, less what is unknown; with MAIL's refusal unseen, recipients that were `named` after
    it may be there without a code."""
    answered = [each for each in told.rcpts if each.code is not None or each.rcpt not in (*named, None)]
    return (
        told.mail_from in (true.mail_from, None)
        and told.outcome in (true.outcome, "unknown")
        and (told.code, told.reply) in ((true.code, true.reply), (None, None))
        and told.queue_id in (true.queue_id, None)
        and _recipients_may_be(answered, true.rcpts)
    )


def _recipients_may_be(told: list[RecipientFacts], true: list[RecipientFacts]) -> bool:
    left = list(true)
    for recipient in told:
        while left and not (recipient.rcpt in (left[0].rcpt, None) and recipient.code in (left[0].code, None)):
            left.pop(0)
        if not left:
            return False
        left.pop(0)
    return True


@pytest.mark.parametrize("seed", SEEDS)
def test_a_whole_session_is_told_exactly(seed: int) -> None:
    play = Play(seed)
    (told,) = sessions_of(play.wire.packets)
    assert told.transactions == play.transactions
    assert told.auth == play.auth
    assert (told.helo, told.closed_by, told.partial) == (play.helos[-1], "quit", None)


@pytest.mark.parametrize("seed", SEEDS)
def test_any_packet_may_be_missing(seed: int) -> None:
    whole = Play(seed)
    for index in range(len(whole.wire.packets)):
        wire = Wire()
        wire.packets = whole.wire.packets[:index] + whole.wire.packets[index + 1 :]
        for told in sessions_of(wire.packets):
            assert lies(told, whole) == [], f"without packet {index}"


@pytest.mark.parametrize("seed", SEEDS)
def test_several_packets_may_be_missing(seed: int) -> None:
    whole = Play(seed)
    draw = random.Random(seed)
    for turn in range(40):
        wire = Wire()
        wire.packets = [packet for packet in whole.wire.packets if draw.random() >= 0.1]
        for told in sessions_of(wire.packets):
            assert lies(told, whole) == [], f"turn {turn}"


@pytest.mark.parametrize("seed", SEEDS)
def test_packets_in_a_row_may_be_missing(seed: int) -> None:
    whole = Play(seed)
    for index in range(len(whole.wire.packets)):
        for count in range(2, 10):
            wire = Wire()
            wire.packets = whole.wire.packets[:index] + whole.wire.packets[index + count :]
            for told in sessions_of(wire.packets):
                assert lies(told, whole) == [], f"without packets {index} to {index + count - 1}"


def test_a_message_whose_beginning_is_missing_is_no_list_of_commands() -> None:
    wire = Wire().open().script("S: 220 x\nC: EHLO y\nS: 250-x\\n250 PIPELINING")
    wire.script("C: MAIL FROM:<a@x>\\nRCPT TO:<b@x>\nS: 250 Ok\\n250 Ok")
    lost = len(wire.packets)
    wire.script("C: DATA\nS: 354 go")
    wire.client(b"Subject: x\r\n\r\nMAIL FROM:<no@command>\r\n.\r\n")
    wire.script("S: 250 Ok: queued as Q1\nC: QUIT\nS: 221 Bye").close(by_client=False)
    (session,) = sessions_of(wire.drop(*range(lost, lost + 4)).packets)
    told = [(each.mail_from, each.outcome, each.queue_id) for each in session.transactions]
    assert told == [("a@x", "unknown", None), (None, "accepted", "Q1")]  # which may be one and the same


def test_a_250_is_no_greeting() -> None:
    wire = Wire().open().script("S: 220 x\nC: EHLO y\nS: 250-x\\n250 AUTH PLAIN")
    wire.script("C: AUTH PLAIN AGFAYgBz\nS: 535 no\nC: MAIL FROM:<a@x>\nS: 250 Ok\nC: QUIT\nS: 221 Bye").close()
    (session,) = sessions_of(wire.drop(1, 3).packets)  # without SYN-ACK and greeting
    assert (session.banner, session.helo) == (None, "y")
    assert session.auth == [AuthFacts("PLAIN", "failure")]
