"""Messages, followed by queue id from client to last delivery: across daemons, through content filters, into
bounces."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from smtpwatch import events as ev
from smtpwatch.state.message import CHAIN, FINAL, RECIPIENTS, Message

MESSAGES = 10_000  # the latest; those that have left the queue go first; about 3 kB each
EXPECTED = 5_000  # queue ids that a next hop has named and that no line has told of yet
ORIGINS = 10_000  # sources and accounts whose deliveries are counted, the latest active
VERDICTS = 50  # of one message
REJOIN = (
    600.0  # seconds within which the same Message-ID on a new queue id is the same message coming back from a filter
)

LOOPBACK = ("127.", "::1")

Outcomes = dict[str, int]
"""Deliveries by status."""


class Messages:
    """The messages that the logs tell of. `by_source` and `by_account` count what became of their mail."""

    def __init__(self) -> None:
        self.held: OrderedDict[tuple[str, str], Message] = OrderedDict()
        self.by_source: OrderedDict[str, Outcomes] = OrderedDict()
        self.by_account: OrderedDict[str, Outcomes] = OrderedDict()
        self._by_message_id: OrderedDict[str, Message] = OrderedDict()
        self._expected: OrderedDict[tuple[str, str], Message] = OrderedDict()
        self._done: OrderedDict[tuple[str, str], None] = OrderedDict()

    def get(self, key: tuple[str, str]) -> Message | None:
        """The message with that host and queue id, if it is still held."""
        return self.held.get(key)

    def apply(self, event: ev.LogEvent) -> Message | None:
        """Take in a fact; the message that it is about, None if it is about none."""
        queue_id = getattr(event, "queue_id", "")
        message = self._of(event, queue_id) if queue_id else None
        if message is None and type(event) is ev.Verdict and event.message_id:
            message = self._by_message_id.get(event.message_id)
        if message is None:
            return None
        message.lines.append(event)
        fold = _FOLDS.get(type(event))
        if fold is not None:
            fold(self, message, event)
        return message

    def _of(self, event: ev.LogEvent, queue_id: str) -> Message:
        key = (event.host, queue_id)
        message = self.held.get(key)
        if message is not None and not (message.end is not None and type(event) is ev.MessageReceived):
            return message
        message = self.held[key] = Message(event, queue_id)  # short queue ids are used again
        self.held.move_to_end(key)
        self._done.pop(key, None)
        parent = self._expected.pop(key, None)
        if parent is not None:
            self.adopt(parent, message)
        if len(self.held) > MESSAGES:
            oldest = next(iter(self._done), None) or next(iter(self.held))
            self._done.pop(oldest, None)
            self._let_go(self.held.pop(oldest))
        return message

    def _let_go(self, message: Message) -> None:
        if self._by_message_id.get(message.message_id) is message:
            del self._by_message_id[message.message_id]
        for child in message.children:
            child.parent = None
        if message.parent is not None:
            message.parent.children.remove(message)

    def adopt(self, parent: Message, child: Message) -> None:
        """`child` is what became of `parent`."""
        if child.parent is None and parent.root is not child and child is not parent and len(parent.children) < CHAIN:
            child.parent = parent
            parent.children.append(child)

    def expect(self, parent: Message, queue_id: str) -> None:
        """`parent` is said to have become `queue_id`, on this host if that is told of at all."""
        key = (parent.host, queue_id)
        child = self.held.get(key)
        if child is not None:
            self.adopt(parent, child)
            return
        self._expected[key] = parent
        if len(self._expected) > EXPECTED:
            self._expected.popitem(last=False)

    def identified(self, message: Message, message_id: str) -> None:
        """The Message-ID ties a message that a filter gives back to the one that it took."""
        message.message_id = message_id
        before = self._by_message_id.get(message_id)
        from_here = message.source.startswith(LOOPBACK) or message.origin == "local"
        if before is not None and before.host == message.host and from_here and message.start - before.start < REJOIN:
            self.adopt(before, message)
        if message_id:
            self._by_message_id[message_id] = message
            if len(self._by_message_id) > MESSAGES:
                self._by_message_id.popitem(last=False)

    def over(self, message: Message, now: float) -> None:
        """It has left the queue."""
        message.end = now
        self._done[message.key] = None

    def count(self, message: Message, status: str) -> None:
        """A delivery comes back to the source and the account that caused it."""
        root = message.root
        for origins, name in ((self.by_source, root.source), (self.by_account, root.account)):
            if name:
                counts = origins.setdefault(name, {})
                origins.move_to_end(name)
                counts[status] = counts.get(status, 0) + 1
                if len(origins) > ORIGINS:
                    origins.popitem(last=False)


def _received(messages: Messages, message: Message, event: ev.MessageReceived) -> None:
    message.origin = event.origin
    message.source, message.account = event.source, event.account
    message.helo, message.uid, message.user = event.helo, event.uid, event.user
    if event.sender is not None:
        message.sender = event.sender
    if event.size is not None:
        message.size = event.size
    for recipient in event.recipients[:RECIPIENTS]:
        message.recipients.setdefault(recipient, None)
    if event.message_id:
        messages.identified(message, event.message_id)
    if event.orig_queue_id:
        before = messages.get((message.host, event.orig_queue_id))
        if before is not None and before is not message:
            messages.adopt(before, message)


def _identified(messages: Messages, message: Message, event: ev.MessageIdentified) -> None:
    messages.identified(message, event.message_id)


def _queued(messages: Messages, message: Message, event: ev.MessageQueued) -> None:
    message.sender, message.size, message.told = event.sender, event.size, event.recipients


def _handled(messages: Messages, message: Message, event: ev.MessageHandled) -> None:
    message.action = "" if event.action == "release" else event.action


def _delivery(messages: Messages, message: Message, event: ev.Delivery) -> None:
    if event.recipient in message.recipients or len(message.recipients) < RECIPIENTS:
        message.recipients[event.recipient] = event
    if event.sender is not None and message.sender is None:
        message.sender = event.sender
    internal = event.relay_address.startswith(LOOPBACK)
    if event.next_queue_id and (internal or not event.relay_address):
        messages.expect(message, event.next_queue_id)
    if not internal or event.status not in FINAL:
        messages.count(message, event.status)


def _notice(messages: Messages, message: Message, event: ev.NoticeSent) -> None:
    if event.notice_id:
        messages.expect(message, event.notice_id)


def _expired(messages: Messages, message: Message, event: ev.MessageExpired) -> None:
    message.expired = True
    messages.count(message, "expired")


def _removed(messages: Messages, message: Message, event: ev.MessageRemoved) -> None:
    messages.over(message, event.time)


def _refused(messages: Messages, message: Message, event: ev.Refused) -> None:
    if event.stage in ("END-OF-MESSAGE", "DATA") and not event.warning:
        message.refused = event
        messages.over(message, event.time)


def _verdict(messages: Messages, message: Message, event: ev.Verdict) -> None:
    if len(message.verdicts) < VERDICTS:
        message.verdicts.append(event)


_FOLDS: dict[type[ev.LogEvent], Callable[[Messages, Message, Any], None]] = {
    ev.MessageReceived: _received,
    ev.MessageIdentified: _identified,
    ev.MessageQueued: _queued,
    ev.MessageHandled: _handled,
    ev.Delivery: _delivery,
    ev.NoticeSent: _notice,
    ev.MessageExpired: _expired,
    ev.MessageRemoved: _removed,
    ev.Refused: _refused,
    ev.Verdict: _verdict,
}
