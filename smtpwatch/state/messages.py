"""Messages, followed by queue id from client to last delivery: across daemons, through content filters, into bounces.

What a message became is told by this host's own programs: by the queue id that a hop on this host gave, by the id that
XFORWARD or pickup(8) names, or by the id of a notice. Where none does, the Message-ID ties a message that comes from
this host to the one that waits for it; that is a guess, made only if there is one such message, since anybody may send
any Message-ID."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from smtpwatch import events as ev
from smtpwatch.state.index import Index
from smtpwatch.state.message import CHAIN, Message, Tie
from smtpwatch.state.message_folds import FOLDS

MESSAGES = 10_000  # the latest; those that have left the queue go first; about 3 kB each
EXPECTED = 5_000  # queue ids that a next hop has named and that no line has told of yet
ORIGINS = 10_000  # sources and accounts whose deliveries are counted, the latest active
REJOIN = 600.0  # seconds within which a message comes back from a filter
LATE = 5.0  # seconds that the lines of two messages may be in the wrong order

OF_MESSAGES = {
    ev.LoginTried, ev.Refused, ev.MessageReceived, ev.MessageIdentified, ev.MessageQueued, ev.MessageHandled,
    ev.Delivery, ev.NoticeSent, ev.MessageExpired, ev.MessageRemoved, ev.Verdict, ev.ServiceTrouble,
}  # fmt: skip
"""The facts that may name a queue id."""

Outcomes = dict[str, int]
"""Deliveries by status."""


class _Expected(NamedTuple):
    """A queue id that something is said to have become."""

    parent: Message
    tie: Tie
    time: float


class Messages:
    """The messages that the logs tell of. `by_source` and `by_account` count what became of their mail."""

    def __init__(self) -> None:
        self.held: OrderedDict[tuple[str, str], Message] = OrderedDict()
        self.by_source: OrderedDict[str, Outcomes] = OrderedDict()
        self.by_account: OrderedDict[str, Outcomes] = OrderedDict()
        self._by_message_id: Index[Message] = Index(MESSAGES)
        self._expected: OrderedDict[tuple[str, str], _Expected] = OrderedDict()
        self._done: OrderedDict[tuple[str, str], None] = OrderedDict()

    def get(self, key: tuple[str, str]) -> Message | None:
        """The message with that host and queue id, if it is still held."""
        return self.held.get(key)

    def apply(self, event: ev.LogEvent) -> Message | None:
        """Take in a fact; the message that it is about, None if it is about none."""
        if type(event) not in OF_MESSAGES:
            return None
        queue_id: str = event.queue_id  # type: ignore[attr-defined]
        message = self._of(event, queue_id) if queue_id else None
        if message is None and type(event) is ev.Verdict and event.message_id:
            message = self._identified_by(event.host, event.message_id)
        if message is None:
            return None
        message.keep(event)
        fold = FOLDS.get(type(event))
        if fold is not None:
            fold(self, message, event)
        return message

    def _of(self, event: ev.LogEvent, queue_id: str) -> Message:
        key = (event.host, queue_id)
        message = self.held.get(key)
        if message is not None and not (isinstance(event, ev.MessageReceived) and _anew(message, event)):
            return message
        if message is not None:
            self._let_go(message)
        message = self.held[key] = Message(event, queue_id)
        self.held.move_to_end(key)
        self._done.pop(key, None)
        expected = self._expected.pop(key, None)
        if expected is not None and event.time - expected.time < REJOIN:
            self.adopt(expected.parent, message, expected.tie)
        if len(self.held) > MESSAGES:
            oldest = next(iter(self._done), None) or next(iter(self.held))
            self._done.pop(oldest, None)
            self._let_go(self.held.pop(oldest))
        return message

    def _let_go(self, message: Message) -> None:
        self._by_message_id.discard((message.host, message.message_id), message)
        for child in message.children:
            child.parent = None
        self.disown(message)

    def disown(self, message: Message) -> None:
        """It is not what its parent became."""
        if message.parent is not None:
            message.parent.children.remove(message)
            message.parent = None

    def adopt(self, parent: Message, child: Message, tie: Tie, guessed: bool = False) -> None:
        """`child` is what became of `parent`. A guess gives way to what is certain."""
        if child.parent is not None and child.guessed and not guessed:
            self.disown(child)
        if child.parent is None and parent.root is not child and child is not parent and len(parent.children) < CHAIN:
            child.parent, child.tie, child.guessed = parent, tie, guessed
            parent.children.append(child)

    def expect(self, parent: Message, queue_id: str, tie: Tie, time: float) -> None:
        """`parent` is said to have become `queue_id`, on this host if that is told of at all."""
        key = (parent.host, queue_id)
        child = self.held.get(key)
        if child is not None and child.start >= parent.start - LATE:
            if tie != "filter" or child.inner or child.brought is None:
                self.adopt(parent, child, tie)
            return
        self._expected[key] = _Expected(parent, tie, time)
        if len(self._expected) > EXPECTED:
            self._expected.popitem(last=False)

    def identified(self, message: Message, message_id: str) -> None:
        """The Message-ID ties a message that a filter gives back to the one that it took."""
        if not message_id or message.message_id == message_id:
            return
        message.message_id = message_id
        key = (message.host, message_id)
        if message.inner and message.parent is None:
            waiting = [
                each
                for each in self._by_message_id.get(key)
                if 0 <= message.start - each.start + LATE < REJOIN and not each.became
            ]
            if len(waiting) == 1:
                self.adopt(waiting[0], message, "filter", guessed=True)
        self._by_message_id.add(key, message)

    def _identified_by(self, host: str, message_id: str) -> Message | None:
        """The message with that id, before it went through a filter; None if there are several."""
        roots = {
            message.key: message for each in self._by_message_id.get((host, message_id)) for message in (each.root,)
        }
        return next(iter(roots.values())) if len(roots) == 1 else None

    def over(self, message: Message, now: float) -> None:
        """It has left the queue."""
        message.end = now
        if self.held.get(message.key) is message:
            self._done[message.key] = None

    def count(self, message: Message, status: str) -> None:
        """A delivery comes back to the source and the account that caused it; that of a notice to nobody."""
        if message.told_of:
            return
        root = message.root
        for origins, name in ((self.by_source, root.source), (self.by_account, root.account)):
            if name:
                counts = origins.setdefault(name, {})
                origins.move_to_end(name)
                counts[status] = counts.get(status, 0) + 1
                if len(origins) > ORIGINS:
                    origins.popitem(last=False)


def _anew(message: Message, event: ev.MessageReceived) -> bool:
    """Whether this is the beginning of another message: short queue ids are used again. OpenSMTPD begins one several
    times, and only the first time says from where."""
    if message.end is not None:
        return True
    if message.brought is None:
        return False
    pid, source = message.brought
    return pid != event.pid or (bool(event.source) and bool(source) and source != event.source)
