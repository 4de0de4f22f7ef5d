"""How long mail has waited, by domain: qshape(1)'s table, of the queue itself or, if that is not told, of the logs."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from smtpwatch.events import AGE_LIMITS, QueueSample
from smtpwatch.state.messages import Messages
from smtpwatch.state.queue import Queues

BUCKETS = len(AGE_LIMITS) + 1

Ages = tuple[int, ...]
"""Recipients by age bucket."""


class QueueAges(NamedTuple):
    """`total` of all that wait, and `rows` of domains, that with the most first. `of` counts the messages behind them
    where the log alone tells, None where the queue itself does; `time` is when that was read."""

    total: Ages
    rows: tuple[tuple[str, Ages], ...]
    time: float
    of: int | None


def queue_ages(queues: Queues, messages: Messages, now: float) -> QueueAges | None:
    """As the host tells; where it does not, as the logs do; None if nothing is known to wait. It may look at all
    messages (ages_of_messages): ask every few seconds."""
    samples = [queue.latest for queue in queues.queues(now)]
    told = ages_of_queues(samples)
    if told is not None:
        return told
    if queues.total(now) == 0 and queues.complete(now):
        return None
    return ages_of_messages(messages, now)


def ages_of_queues(samples: Iterable[QueueSample]) -> QueueAges | None:
    """Of all queues together; None if none of them tells ages."""
    told = [sample for sample in samples if sample.ages]
    if not told:
        return None
    sums: dict[str, list[int]] = {"": [0] * BUCKETS}
    for sample in told:
        for domain, ages in sample.ages.items():
            row = sums.setdefault(domain, [0] * BUCKETS)
            for at, n in enumerate(ages[:BUCKETS]):
                row[at] += n
    return _table(sums, min(sample.time for sample in told), None)


def ages_of_messages(messages: Messages, now: float) -> QueueAges | None:
    """Of the messages that the log told of and that have not left the queue; None if there are none. It looks at all
    of them: some ms."""
    sums: dict[str, list[int]] = {"": [0] * BUCKETS}
    total = sums[""]
    waiting = 0
    for message in messages.held.values():
        if message.end is not None or message.refused is not None:
            continue
        bucket = bisect_right(AGE_LIMITS, (now - message.start) / 60)
        unnamed = max(0, message.told - len(message.recipients))  # Postfix names them as it tries them
        total[bucket] += unnamed
        found = unnamed > 0
        for recipient, attempt in message.recipients.items():
            if attempt is not None and attempt.status != "deferred":
                continue
            found = True
            total[bucket] += 1
            domain = recipient.rpartition("@")[2].lower() if "@" in recipient else ""
            if domain:
                row = sums.get(domain)
                if row is None:
                    row = sums[domain] = [0] * BUCKETS
                row[bucket] += 1
        waiting += found
    return _table(sums, now, waiting) if waiting else None


def _table(sums: dict[str, list[int]], time: float, of: int | None) -> QueueAges:
    total = tuple(sums.pop(""))
    rows = sorted(((domain, tuple(ages)) for domain, ages in sums.items()), key=lambda row: (-sum(row[1]), row[0]))
    return QueueAges(total, tuple(rows), time, of)
