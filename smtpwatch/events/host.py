"""What the host itself tells: how much mail waits in its server's queues."""

from typing import Literal

from smtpwatch.events.base import Event

MailServer = Literal["postfix", "exim"]


class QueueSample(Event, frozen=True, gc=False):
    """The queues of one mail server, as they were read. `instance` is the configuration directory of a Postfix that is
    not the default one, else "".

    `counts` are messages by queue: maildrop, incoming, active, deferred, hold for Postfix; queued, frozen and, if there
    are any, unreadable for Exim. It is empty if nothing could be read; `note` says why, and is "" when all went well.
    `oldest` is the age in seconds of the oldest message in each queue that has one; Exim tells minutes, hours or days.
    `waiting` are the recipients not yet delivered to, of the few domains with the most ("": no domain); where a queue
    has mail for many thousand domains they may be too low, never too high. `octets` is the size of all messages, as the
    server tells it. Not `complete`: there is more than was read."""

    mta: MailServer
    instance: str
    counts: dict[str, int]
    oldest: dict[str, float]
    waiting: dict[str, int]
    octets: int
    complete: bool
    note: str
