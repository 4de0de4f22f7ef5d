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
            received("A1"), received("B2"), delivery("A1", "sent", relay="127.0.0.1", became="B2"),
            delivery("B2", "sent", relay="127.0.0.1", became="A1"),
            delivery("A1", "sent", relay="127.0.0.1", became="A1"),
        ]
    )  # fmt: skip
    assert {message.queue_id for message in the(messages, "B2").family()} == {"A1", "B2"}
