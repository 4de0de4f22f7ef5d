"""One message under its queue id: how it came, what became of it, and which messages it became on the way."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from smtpwatch import events as ev

if TYPE_CHECKING:
    from smtpwatch.state.visit import Visit

LINES = 200  # log facts kept of one message, the latest
TEXT = 50_000  # characters of them
RECIPIENTS = 1_000  # of one message, whose latest delivery attempt is kept
CHAIN = 20  # messages that one may have come through: filters, lists and bounces rarely make it three

FINAL = ("sent", "bounced", "expired", "suppressed")

Tie = Literal["filter", "forward", "requeue", "notice"]
"""What became of a message: it came back from a content filter, was sent on by an alias, was put into the queue anew,
or the sender was told of its fate."""


class Message:
    """A message. `source`, `account`, `uid` and `user` are those that brought it, as far as its own lines say; `end`
    None: still in the queue."""

    __slots__ = (
        "_characters", "account", "action", "attributed", "brought", "children", "counted", "deleted", "end", "expired",
        "guessed", "helo", "host", "inner", "lines", "message_id", "origin", "parent", "program", "queue_id",
        "recipients", "refused", "sender", "size", "source", "start", "tie", "told", "uid", "user", "verdicts", "visit",
    )  # fmt: skip

    def __init__(self, event: ev.LogEvent, queue_id: str) -> None:
        self.host = event.host
        self.queue_id = queue_id
        self.program = event.program
        self.start = event.time
        self.end: float | None = None
        self.brought: tuple[int, str] | None = None
        """The process and the address that brought it: None until that is told."""
        self.origin = ""
        self.source = ""
        self.account = ""
        self.helo: str | None = None
        self.uid: int | None = None
        self.user = ""
        self.sender: str | None = None
        self.size: int | None = None
        self.told = 0
        """How many recipients the queue manager tells of."""
        self.message_id = ""
        self.recipients: dict[str, ev.Delivery | None] = {}
        """Each with its latest attempt, None before the first."""
        self.counted = False
        """It is counted as accepted by now, where only the log tells (Activity)."""
        self.attributed = 0
        """How many of its recipients are counted by domain."""
        self.verdicts: list[ev.Verdict] = []
        self.refused: ev.Refused | None = None
        self.action = ""
        """What a rule did to it last: hold, discard, ..."""
        self.expired = False
        self.deleted = False
        """By an admin, before all was done."""
        self.inner = False
        """It came from this host, or from a filter that speaks for another client."""
        self.lines: deque[ev.LogEvent] = deque()
        self._characters = 0
        self.visit: Visit | None = None
        """The client's visit that brought it, where that is known."""
        self.parent: Message | None = None
        """The message that this one was before a content filter, a forwarding or a bounce."""
        self.tie: Tie | None = None
        """What it is to its parent."""
        self.guessed = False
        """Only the Message-ID says so."""
        self.children: list[Message] = []

    @property
    def key(self) -> tuple[str, str]:
        """Unique among the messages that are held."""
        return self.host, self.queue_id

    @property
    def root(self) -> Message:
        """The message that all this began with."""
        message = self
        for _ in range(CHAIN):
            if message.parent is None:
                break
            message = message.parent
        return message

    def keep(self, event: ev.LogEvent) -> None:
        """One more line of it."""
        self.lines.append(event)
        self._characters += len(event.text)
        while len(self.lines) > LINES or (self._characters > TEXT and len(self.lines) > 1):
            self._characters -= len(self.lines.popleft().text)

    @property
    def became(self) -> list[Message]:
        """What it is in the queue now, or was after it left: by a filter, an alias or an admin."""
        return [child for child in self.children if child.tie != "notice"]

    @property
    def told_of(self) -> bool:
        """It tells, or what it was before told, the sender what became of another message."""
        message: Message | None = self
        for _ in range(CHAIN):
            if message is None or message.tie == "notice":
                break
            message = message.parent
        return message is not None and message.tie == "notice"

    @property
    def state(self) -> str:
        """In one word: rejected, held, expired, bounced, partly, deferred, sent, discarded, deleted, queued,
        or done."""
        if self.refused is not None:
            return "rejected"
        statuses = {delivery.status for delivery in self.recipients.values() if delivery is not None}
        if self.end is None and self.action == "hold":
            return "held"
        if self.expired or "expired" in statuses:
            return "expired"
        if "bounced" in statuses:
            return "partly" if "sent" in statuses else "bounced"
        if "deferred" in statuses and self.end is None:
            return "deferred"
        if self.deleted:
            return "deleted"
        tried = sum(delivery is not None for delivery in self.recipients.values())
        if "sent" in statuses and (self.end is not None or tried >= max(self.told, len(self.recipients))):
            return "sent"
        if self.action == "discard":
            return "discarded"
        return "queued" if self.end is None else "done"

    def family(self) -> list[Message]:
        """All that came of the root, in order of time: this message before and after filters, and its bounces."""
        return sorted(_all_of(self.root, CHAIN * CHAIN), key=lambda message: message.start)


def _all_of(message: Message, most: int) -> Iterator[Message]:
    waiting, seen = [message], 0
    while waiting and seen < most:
        message = waiting.pop()
        seen += 1
        yield message
        waiting += message.children
