"""Which outbound sessions of the wire carried a message on: those that its deliveries in the log name."""

from itertools import chain
from typing import Literal, NamedTuple

from smtpwatch.events import Delivery
from smtpwatch.state.message import Message
from smtpwatch.state.session import Session
from smtpwatch.state.sessions import Sessions

MOST = 20  # sessions of one message: it may have been tried for days
APART = 2.0  # seconds between the next hop's refusal and the stamp of its line, which may be in whole seconds


class Relayed(NamedTuple):
    """A session that carried the message, or tried to. `by` tells how that is known."""

    session: Session
    by: Literal["queue id", "recipient and time"]


def relayed(sessions: Sessions, message: Message) -> list[Relayed]:
    """The latest MOST of them, oldest first: where the next hop gave the queue id that is logged, and where it refused
    that recipient of that sender at that time, if only one session did. What TLS hides is not among them."""
    tried = [line for line in message.lines if isinstance(line, Delivery) and line.relay_address]
    hops = {delivery.relay_address for delivery in tried}
    if not hops:
        return []
    outbound = [
        session for session in chain(sessions.recent.values(), sessions.live.awake_now) if session.server in hops
    ]
    found: dict[tuple[str, int], Relayed] = {}
    for delivery in tried:
        for each in _by_queue_id(outbound, delivery) or _by_refusal(outbound, delivery, message.sender):
            found.setdefault(each.session.key, each)
    return sorted(found.values(), key=lambda each: each.session.start)[-MOST:]


def _by_queue_id(outbound: list[Session], delivery: Delivery) -> list[Relayed]:
    named = delivery.next_queue_id
    return [
        Relayed(session, "queue id")
        for session in outbound
        if named and session.server == delivery.relay_address and named in session.queue_ids
    ][:1]


def _by_refusal(outbound: list[Session], delivery: Delivery, sender: str | None) -> list[Relayed]:
    if delivery.code < 400:
        return []
    answer = (delivery.recipient, delivery.code)
    found = [
        Relayed(session, "recipient and time")
        for session in outbound
        if session.server == delivery.relay_address
        and session.start - APART <= delivery.time <= session.end + APART
        and any(each.sender == sender and answer in each.rcpts for each in session.transactions)
    ]
    return found if len(found) == 1 else []
