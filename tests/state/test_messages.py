"""Messages followed by queue id: through filters, into bounces, back to whoever caused them."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from smtpwatch import events as ev
from smtpwatch.state import messages as module
from smtpwatch.state.message import Message
from smtpwatch.state.messages import Messages

NOW = 1_772_361_600.0  # 2026-03-01 10:40:00 UTC
SOURCE = "203.0.113.7"
TO = "alice@example.org"


def head(program: str, after: float = 0.0, host: str = "mx") -> tuple[float, str, str, str, int, str]:
    return NOW + after, "log", host, f"postfix/{program}", 7, f"{program} at {after}"


def received(
    queue_id: str, after: float = 0.0, source: str = SOURCE, account: str = "", host: str = "mx"
) -> ev.LogEvent:
    return ev.MessageReceived(*head("smtpd", after, host), source, 0, "", queue_id, "smtp", account=account)


def identified(queue_id: str, message_id: str, after: float = 0.1) -> ev.LogEvent:
    return ev.MessageIdentified(*head("cleanup", after), queue_id, message_id)


def queued(queue_id: str, after: float = 0.2, recipients: int = 1) -> ev.LogEvent:
    return ev.MessageQueued(*head("qmgr", after), queue_id, "bob@example.net", 900, recipients)


def delivery(
    queue_id: str,
    status: ev.DeliveryStatus,
    after: float = 1.0,
    to: str = TO,
    relay: str = "192.0.2.99",
    became: str = "",
) -> ev.LogEvent:
    return ev.Delivery(
        *head("smtp", after),
        queue_id,
        to,
        status,
        "2.0.0",
        "250 ok",
        relay="mx",
        relay_address=relay,
        next_queue_id=became,
    )


def removed(queue_id: str, after: float = 2.0) -> ev.LogEvent:
    return ev.MessageRemoved(*head("qmgr", after), queue_id)


def fold(events: Iterable[ev.LogEvent]) -> Messages:
    messages = Messages()
    for event in events:
        messages.apply(event)
    return messages


def the(messages: Messages, queue_id: str = "A1", host: str = "mx") -> Message:
    message = messages.get((host, queue_id))
    assert message is not None
    return message


def test_from_client_to_last_delivery() -> None:
    messages = fold(
        [received("A1", account="bob"), identified("A1", "x@y"), queued("A1"), delivery("A1", "sent"), removed("A1")]
    )
    message = the(messages)
    assert (message.source, message.account, message.message_id, message.sender) == (
        SOURCE,
        "bob",
        "x@y",
        "bob@example.net",
    )
    assert (message.size, message.told, message.start, message.end, message.state) == (900, 1, NOW, NOW + 2, "sent")
    assert [type(line) for line in message.lines] == [
        ev.MessageReceived, ev.MessageIdentified, ev.MessageQueued, ev.Delivery, ev.MessageRemoved,
    ]  # fmt: skip
    assert messages.by_source == {SOURCE: {"sent": 1}}
    assert messages.by_account == {"bob": {"sent": 1}}


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([received("A1"), queued("A1")], "queued"),
        ([queued("A1"), delivery("A1", "deferred")], "deferred"),
        ([queued("A1"), delivery("A1", "deferred"), delivery("A1", "sent", 9.0)], "sent"),
        ([queued("A1", recipients=2), delivery("A1", "sent"), delivery("A1", "deferred", to="b@c")], "deferred"),
        ([queued("A1"), delivery("A1", "sent"), delivery("A1", "bounced", to="b@c"), removed("A1")], "partly"),
        ([queued("A1"), delivery("A1", "bounced"), removed("A1")], "bounced"),
        ([queued("A1"), ev.MessageExpired(*head("qmgr"), "A1"), removed("A1")], "expired"),
        ([queued("A1"), ev.MessageHandled(*head("cleanup"), "A1", "hold", "header")], "held"),
        ([ev.MessageHandled(*head("cleanup"), "A1", "hold", ""),
          ev.MessageHandled(*head("postsuper"), "A1", "release", "")], "queued"),
        ([ev.MessageHandled(*head("cleanup"), "A1", "discard", "header")], "discarded"),
        ([received("A1"), removed("A1")], "done"),
        ([received("A1"), ev.Refused(*head("cleanup"), SOURCE, 0, "", "END-OF-MESSAGE", 0, "5.7.1", "content", "spam",
                                     queue_id="A1")], "rejected"),
    ],
)  # fmt: skip
def test_state_in_one_word(events: list[ev.LogEvent], state: str) -> None:
    assert the(fold(events)).state == state


def test_through_a_filter_by_the_id_that_it_names() -> None:
    """Postfix to amavis on loopback, which gives it back under another id: one delivery, of him who began it."""
    messages = fold(
        [
            received("A1", account="bob"), queued("A1"),
            received("B2", 1.0, source="127.0.0.1"), queued("B2", 1.1),
            delivery("A1", "sent", 1.2, relay="127.0.0.1", became="B2"), removed("A1", 1.3),
            delivery("B2", "bounced", 2.0), removed("B2", 2.1),
        ]
    )  # fmt: skip
    assert the(messages, "B2").root is the(messages, "A1")
    assert [message.queue_id for message in the(messages, "B2").family()] == ["A1", "B2"]
    assert messages.by_account == {"bob": {"bounced": 1}}
    assert messages.by_source == {SOURCE: {"bounced": 1}}


def test_through_a_filter_by_message_id() -> None:
    messages = fold(
        [received("A1"), identified("A1", "x@y"), received("B2", 1.0, source="127.0.0.1"), identified("B2", "x@y", 1.1)]
    )
    assert the(messages, "B2").parent is the(messages, "A1")


def test_the_same_message_id_from_outside_is_another_message() -> None:
    """Anybody can send a Message-ID again."""
    messages = fold(
        [received("A1"), identified("A1", "x@y"), received("B2", 1.0, "198.51.100.9"), identified("B2", "x@y")]
    )
    assert the(messages, "B2").parent is None


def test_a_bounce_is_what_became_of_it() -> None:
    messages = fold(
        [
            received("A1"),
            delivery("A1", "bounced"),
            ev.NoticeSent(*head("bounce", 1.1), "A1", "bounce", "B2"),
            queued("B2", 1.2),
        ]
    )
    assert the(messages, "B2").parent is the(messages, "A1")


def test_two_hosts_may_use_one_queue_id() -> None:
    messages = fold([received("A1", host="mx1"), received("A1", source="198.51.100.9", host="mx2")])
    assert the(messages, host="mx1").source == SOURCE
    assert the(messages, host="mx2").source == "198.51.100.9"


def test_a_queue_id_that_is_used_again_is_another_message() -> None:
    messages = fold([received("A1"), delivery("A1", "sent"), removed("A1"), received("A1", 60.0, "198.51.100.9")])
    message = the(messages)
    assert (message.source, message.start, message.recipients, message.end) == ("198.51.100.9", NOW + 60, {}, None)


def test_a_verdict_by_message_id() -> None:
    verdict = ev.Verdict(*head("spamd", 0.5), "spam", "spam", message_id="x@y")
    assert the(fold([received("A1"), identified("A1", "x@y"), verdict])).verdicts == [verdict]


def test_messages_are_bounded_and_those_that_are_done_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MESSAGES", 10)
    events = [received(f"KEEP{n}") for n in range(5)]
    for n in range(100):
        events += [received(f"Q{n}"), identified(f"Q{n}", f"{n}@y"), removed(f"Q{n}")]
    messages = fold(events)
    assert len(messages.held) == 10
    assert all(messages.get(("mx", f"KEEP{n}")) is not None for n in range(5))
    assert messages.get(("mx", "Q99")) is not None
    assert len(messages._by_message_id) <= 10


def test_who_is_counted_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ORIGINS", 3)
    events = []
    for n in range(9):
        events += [received(f"Q{n}", source=f"203.0.113.{n}"), delivery(f"Q{n}", "sent")]
    assert list(fold(events).by_source) == ["203.0.113.6", "203.0.113.7", "203.0.113.8"]


def test_a_circle_of_ids_does_no_harm() -> None:
    messages = fold(
        [
            received("A1", source="127.0.0.1"), received("B2", source="127.0.0.1"),
            delivery("A1", "sent", relay="127.0.0.1", became="B2"),
            delivery("B2", "sent", relay="127.0.0.1", became="A1"),
            delivery("A1", "sent", relay="127.0.0.1", became="A1"),
        ]
    )  # fmt: skip
    assert {message.queue_id for message in the(messages, "B2").family()} == {"A1", "B2"}


# ---- filters, guesses and those who would mislead


def back(queue_id: str, after: float, orig: str = "", source: str = "127.0.0.1") -> ev.LogEvent:
    """A filter gives a message back. `orig`: by XFORWARD, which names client and queue id."""
    head_ = (NOW + after, "log", "mx", "postfix/smtpd", 9, f"{queue_id}: client=localhost[127.0.0.1]")
    if orig:
        head_ = (*head_[:5], f"{head_[5]}, orig_client=x[{SOURCE}]:9, orig_queue_id={orig}")
        source = SOURCE
    return ev.MessageReceived(*head_, source, 0, "", queue_id, "smtp", orig_queue_id=orig)


def test_amavis_names_the_new_id_itself() -> None:
    """Its own line may be the only one: the reply of the filter's port says nothing."""
    handled = ev.MessageHandled(NOW + 1.2, "log", "mx", "amavis", 5, "Passed CLEAN", "A1", "requeue", "B2")
    messages = fold(
        [
            received("A1", account="bob"), queued("A1"), back("B2", 1.0), queued("B2", 1.1), handled,
            delivery("A1", "sent", 1.3, relay="127.0.0.1"), removed("A1", 1.4), delivery("B2", "sent", 2.0),
        ]
    )  # fmt: skip
    assert (the(messages, "B2").parent, the(messages, "B2").tie) == (the(messages), "filter")
    assert messages.by_account == {"bob": {"sent": 1}}


def test_a_filter_that_names_the_id_by_xforward() -> None:
    messages = fold([received("A1"), back("B2", 1.0, orig="A1"), delivery("B2", "bounced", 2.0)])
    assert the(messages, "B2").parent is the(messages)
    assert messages.by_source == {SOURCE: {"bounced": 1}}


def test_two_filters_one_after_the_other() -> None:
    messages = fold(
        [
            received("A1", account="bob"), identified("A1", "x@y"), back("B2", 1.0), identified("B2", "x@y", 1.1),
            back("C3", 2.0), identified("C3", "x@y", 2.1), delivery("C3", "sent", 3.0),
        ]
    )  # fmt: skip
    assert [message.queue_id for message in the(messages, "C3").family()] == ["A1", "B2", "C3"]
    assert the(messages, "C3").parent is the(messages, "B2")
    assert messages.by_account == {"bob": {"sent": 1}}


def test_of_two_messages_with_one_id_none_is_guessed() -> None:
    """A list's copies for two of its members; or a stranger who knows the id of another's message."""
    strangers = [
        received("A1", account="bob"), identified("A1", "x@y"), received("E5", 0.5, "198.51.100.9"),
        identified("E5", "x@y", 0.6),
    ]  # fmt: skip
    messages = fold([*strangers, back("B2", 1.0), identified("B2", "x@y", 1.1), delivery("B2", "bounced", 2.0)])
    assert the(messages, "B2").parent is None
    assert messages.by_account == {}


def test_the_next_hops_word_corrects_a_guess() -> None:
    """The guess was made while one message was known: by its id the filter tells which it really was."""
    messages = fold(
        [
            received("A1"), identified("A1", "x@y"), received("E5", 0.5, "198.51.100.9"), back("B2", 1.0),
            identified("B2", "x@y", 1.1), delivery("E5", "sent", 1.2, relay="127.0.0.1", became="B2"),
        ]
    )  # fmt: skip
    assert the(messages, "B2").parent is the(messages, "E5")
    assert the(messages).children == []


def test_a_message_id_from_long_ago_ties_nothing() -> None:
    messages = fold([received("A1"), identified("A1", "x@y"), back("B2", 900.0), identified("B2", "x@y", 900.1)])
    assert the(messages, "B2").parent is None


def test_a_far_host_cannot_name_a_message_of_ours() -> None:
    """Its reply is a stranger's word."""
    messages = fold(
        [
            received("A1", account="bob"), received("E5", 0.5, "198.51.100.9"),
            delivery("A1", "sent", 1.0, relay="192.0.2.99", became="E5"), delivery("E5", "bounced", 2.0),
        ]
    )  # fmt: skip
    assert the(messages, "E5").parent is None
    assert messages.by_account == {"bob": {"sent": 1}}


def test_what_came_from_outside_came_out_of_no_filter() -> None:
    """A tunnel on this host leads to a far one."""
    events = [received("A1"), received("E5", 0.5, "198.51.100.9")]
    named = delivery("A1", "sent", 1.0, relay="127.0.0.1", became="E5")
    for order in ([*events, named], [events[0], named, events[1]]):
        assert the(fold(order), "E5").parent is None


def test_a_message_that_is_older_is_not_what_it_became() -> None:
    """Short queue ids are used again: the filter speaks of the one to come."""
    messages = fold(
        [back("B2", -60.0), removed("B2", -59.0), received("A1"), delivery("A1", "sent", 1.0, relay="127.0.0.1",
         became="B2"), back("B2", 1.1)]
    )  # fmt: skip
    assert the(messages, "B2").parent is the(messages)


# ---- what comes of it


def test_a_notice_is_no_delivery_of_the_one_who_caused_it() -> None:
    messages = fold(
        [
            received("A1", account="bob"), queued("A1"), delivery("A1", "bounced"),
            ev.NoticeSent(*head("bounce", 1.1), "A1", "bounce", "B2"), queued("B2", 1.2), removed("A1", 1.2),
            delivery("B2", "sent", 2.0, to="bob@example.net"), removed("B2", 2.1),
        ]
    )  # fmt: skip
    assert (the(messages, "B2").tie, the(messages, "B2").told_of, the(messages).told_of) == ("notice", True, False)
    assert messages.by_account == {"bob": {"bounced": 1}}
    assert the(messages).became == []


def test_forwarded_by_an_alias() -> None:
    """local(8) hands it on under another id: what becomes of that is what became of it."""
    messages = fold(
        [
            received("A1", account="bob"), delivery("A1", "sent", 1.0, relay="", became="B2"),
            identified("B2", "x@y", 1.1), queued("B2", 1.2), delivery("B2", "deferred", 2.0),
        ]
    )  # fmt: skip
    assert (the(messages, "B2").parent, the(messages, "B2").tie) == (the(messages), "forward")
    assert messages.by_account["bob"]["deferred"] == 1


def test_put_into_the_queue_anew() -> None:
    """postsuper -r: the old id is no more."""
    handled = ev.MessageHandled(*head("postsuper", 1.0), "A1", "requeue", "by an admin")
    again = ev.MessageReceived(*head("pickup", 1.5), "", 0, "", "B2", "local", "b@c", uid=105, orig_queue_id="A1")
    messages = fold([received("A1", account="bob"), queued("A1"), handled, again, delivery("B2", "sent", 2.0)])
    assert (the(messages, "B2").parent, the(messages, "B2").tie) == (the(messages), "requeue")
    assert (the(messages).end, the(messages).state) == (NOW + 1.5, "done")
    assert messages.by_account == {"bob": {"sent": 1}}


def test_deferred_then_expired() -> None:
    events = [queued("A1"), delivery("A1", "deferred"), delivery("A1", "deferred", 2.0)]
    messages = fold([received("A1"), *events, ev.MessageExpired(*head("qmgr", 3.0), "A1"), removed("A1", 3.1)])
    assert the(messages).state == "expired"
    assert messages.by_source == {SOURCE: {"deferred": 2, "expired": 1}}


def test_held_and_released_and_sent() -> None:
    messages = fold(
        [
            received("A1"), ev.MessageHandled(*head("cleanup"), "A1", "hold", "header"),
            ev.MessageHandled(*head("postsuper", 5.0), "A1", "release", "by an admin"), queued("A1", 6.0),
            delivery("A1", "sent", 7.0), removed("A1", 8.0),
        ]
    )  # fmt: skip
    assert (the(messages).state, the(messages).action) == ("sent", "")


def test_removed_by_an_admin() -> None:
    events = [received("A1"), queued("A1"), delivery("A1", "deferred")]
    removal = ev.MessageRemoved(*head("postsuper", 9.0), "A1", "by an admin")
    assert the(fold([*events, removal])).state == "deleted"


def test_one_of_two_recipients_is_not_all() -> None:
    events = [received("A1"), queued("A1", recipients=2), delivery("A1", "sent")]
    assert the(fold(events)).state == "queued"
    assert the(fold([*events, delivery("A1", "sent", 2.0, to="b@c")])).state == "sent"


def test_mail_for_the_mailboxes_of_this_host_is_delivered() -> None:
    """LMTP on loopback is no filter: nothing comes back."""
    messages = fold([received("A1"), delivery("A1", "sent", relay="127.0.0.1", became="wZq7"), removed("A1")])
    assert messages.by_source == {SOURCE: {"sent": 1}}


# ---- ids that are used again


def test_a_thousand_ids_used_again() -> None:
    """Each time by another client, for whom its own deliveries are counted; some are never told to have left."""
    messages = Messages()
    for turn in range(4):
        for n in range(1_000):
            at, source = turn * 3_600.0 + n, f"198.51.{turn}.{n % 250}"
            event = ev.MessageReceived(
                NOW + at, "log", "mx", "postfix/smtpd", 7, "client=", source, 0, "", f"Q{n}", "smtp"
            )
            messages.apply(event)
            messages.apply(delivery(f"Q{n}", "sent" if turn % 2 else "bounced", at + 1))
            if n % 3:
                messages.apply(removed(f"Q{n}", at + 2))
    assert len(messages.held) == 1_000
    assert {len(counts) for counts in messages.by_source.values()} == {1}
    assert sum(messages.by_source["198.51.3.7"].values()) == 4
    assert the(messages, "Q7").source == "198.51.3.7"
    assert the(messages, "Q7").recipients[TO] is not None
    assert len(the(messages, "Q7").lines) <= 3


def test_one_message_is_bounded() -> None:
    message = the(
        fold([received("A1"), *(delivery("A1", "deferred", n, to=f"r{n}@example.org") for n in range(5_000))])
    )
    assert len(message.recipients) == 1_000
    assert len(message.lines) == 200
    long = [ev.MessageHandled(*head("cleanup")[:5], "x" * 2_000, "A1", "warn", "") for _ in range(500)]
    message = the(fold([received("A1"), *long]))
    assert sum(len(line.text) for line in message.lines) <= 50_000


def test_ids_that_never_come_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EXPECTED", 10)
    events = [received("A1")]
    events += [delivery("A1", "sent", relay="127.0.0.1", became=f"X{n}") for n in range(100)]
    assert len(fold(events)._expected) == 10


def test_a_verdict_about_one_of_two_is_about_neither() -> None:
    """Anybody may send another's Message-ID, and have his own message called spam."""
    events = [
        received("A1"),
        identified("A1", "x@y"),
        received("E5", 0.5, "198.51.100.9"),
        identified("E5", "x@y", 0.6),
    ]
    messages = fold([*events, ev.Verdict(*head("spamd", 0.7), "spam", "spam", message_id="x@y")])
    assert [the(messages, each).verdicts for each in ("A1", "E5")] == [[], []]
