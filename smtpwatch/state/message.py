"""One message under its queue id: how it came, what became of it, and which messages it became on the way."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

from smtpwatch import events as ev

if TYPE_CHECKING:
    from smtpwatch.state.log_sessions import Visit

LINES = 200  # log facts kept of one message, the latest
RECIPIENTS = 1_000  # of one message, whose latest delivery attempt is kept
CHAIN = 20  # messages that one may have come through: filters, lists and bounces rarely make it three

FINAL = ("sent", "bounced", "expired", "suppressed")


class Message:
    """A message. `source`, `account`, `uid` and `user` are those that brought it, as far as its own lines say; `end`
    None: still in the queue."""

    __slots__ = (
        "account", "action", "children", "end", "expired", "helo", "host", "lines", "message_id", "origin", "parent",
        "program", "queue_id", "recipients", "refused", "sender", "size", "source", "start", "told", "uid", "user",
        "verdicts", "visit",
    )  # fmt: skip

    def __init__(self, event: ev.LogEvent, queue_id: str) -> None:
        self.host = event.host
        self.queue_id = queue_id
        self.program = event.program
        self.start = event.time
        self.end: float | None = None
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
        self.verdicts: list[ev.Verdict] = []
        self.refused: ev.Refused | None = None
        self.action = ""
        """What a rule did to it last: hold, discard, ..."""
        self.expired = False
        self.lines: deque[ev.LogEvent] = deque(maxlen=LINES)
        self.visit: Visit | None = None
        """The client's visit that brought it, where that is known."""
        self.parent: Message | None = None
        """The message that this one was before a content filter, a forwarding or a bounce."""
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

    @property
    def state(self) -> str:
        """In one word: rejected, held, expired, bounced, partly, deferred, sent, discarded, queued, or done."""
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
        if "sent" in statuses and (self.end is not None or len(statuses) == 1):
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
