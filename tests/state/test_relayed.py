"""Outbound sessions found for a message's deliveries."""

import pytest

from smtpwatch import events as ev
from smtpwatch.state.message import Message
from smtpwatch.state.picture import Picture
from smtpwatch.state.relayed import MOST, relayed
from tests.screens import scenes

HOP, OTHER_HOP = "198.51.100.25", "198.51.100.26"
SENDER, RECIPIENT = "bob@example.net", "erin@example.org"
LINE = ("log", "mx1", "postfix/smtp", 8, "to=")


def refusing(number: int, start: float = scenes.NOW, server: str = HOP, sender: str = SENDER) -> list[ev.Event]:
    """A session in which the next hop refuses RECIPIENT with 550."""
    session = scenes.Dialogue(number, scenes.SERVER, start, 25, "outbound", server, step=0.01)
    session.greeting().hello("mx1.example.net").mail(sender)
    common = (scenes.SENSOR, scenes.HOST, number, scenes.SERVER)
    session.events.append(ev.RecipientDecided(start + 0.2, *common, RECIPIENT, 550, "5.1.1", "no"))
    return session.closed().events


def delivery(code: int = 550, time: float = scenes.NOW, next_queue_id: str = "", address: str = HOP) -> ev.Delivery:
    status: ev.DeliveryStatus = "bounced" if code >= 500 else "sent"
    return ev.Delivery(
        time, *LINE, "A0B1C2", RECIPIENT, status, relay_address=address, code=code, next_queue_id=next_queue_id
    )


def found(wire: list[ev.Event], *deliveries: ev.Delivery) -> list[tuple[int, str]]:
    """Numbers of the sessions, and how each is known."""
    picture = Picture()
    picture.apply(wire)
    picture.apply([ev.MessageQueued(scenes.NOW, *LINE, "A0B1C2", SENDER, 400, 1), *deliveries])
    message: Message = next(iter(picture.messages.held.values()))
    return [(each.session.id, each.by) for each in relayed(picture.sessions, message)]


def test_by_the_next_hops_queue_id() -> None:
    taken = scenes.Dialogue(1, scenes.SERVER, scenes.NOW - 500, 25, "outbound", HOP).greeting().hello("mx1")
    taken.mail(SENDER, RECIPIENT).accepted(SENDER, 1)
    assert found(taken.events, delivery(250, next_queue_id="4XyZ1a2b3c")) == [(1, "queue id")]
    assert found(taken.events, delivery(250, next_queue_id="4XyZ1a2b3c", address=OTHER_HOP)) == []
    assert found(taken.events, delivery(250)) == []


def test_by_a_refusal() -> None:
    assert found(refusing(1), delivery()) == [(1, "recipient and time")]


@pytest.mark.parametrize(
    "wire",
    [
        refusing(1, scenes.NOW - 60),
        refusing(1, scenes.NOW + 60),
        refusing(1, server=OTHER_HOP),
        refusing(1, sender="alice@example.net"),
        [*refusing(1), *refusing(2, scenes.NOW + 0.5)],
    ],
    ids=["before", "after", "another hop", "another sender", "two that it could be"],
)
def test_not_by_a_refusal_that_may_be_anothers(wire: list[ev.Event]) -> None:
    assert found(wire, delivery()) == []


def test_only_so_many_the_latest() -> None:
    times = [scenes.NOW + 100 * number for number in range(MOST + 5)]
    wire = [event for number, time in enumerate(times) for event in refusing(number, time)]
    sessions = found(wire, *(delivery(time=time) for time in times))
    assert [number for number, _ in sessions] == list(range(5, MOST + 5))
