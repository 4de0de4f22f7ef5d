"""The mail servers' queues as they are now: the latest sample of each, and whether they grow."""

from collections import deque
from typing import NamedTuple

from smtpwatch.events import Event, QueueSample

SENSOR = "host"

WINDOW = 600.0  # seconds; growth is told over the samples of this long
SPACING = 30.0  # seconds between samples that are remembered for it
STALE = 3_600.0  # seconds after which a sample says nothing of now; the longest pause between two is half that
QUEUES_MAX = 64  # mail servers remembered; a host has one, or a few instances of Postfix
LEAST = 5  # messages; a change that is smaller is no trend,
SHARE = 0.01  # nor is one of less than this part of the queue

Key = tuple[str, str, str]


class Depth(NamedTuple):
    """How many messages there were."""

    time: float
    messages: int


class Queue:
    """One mail server's queue. `latest` is its newest sample, whether it could be read or not."""

    __slots__ = ("_before", "latest")

    def __init__(self, sample: QueueSample) -> None:
        self.latest = sample
        self._before: deque[Depth] = deque(maxlen=round(WINDOW / SPACING) + 2)
        self._remember(sample)

    def apply(self, sample: QueueSample) -> None:
        """Take in a newer sample."""
        self.latest = sample
        self._remember(sample)

    @property
    def total(self) -> int:
        """Messages in all its queues."""
        return sum(self.latest.counts.values())

    def change(self) -> tuple[int, float]:
        """By how many messages it grew, and in how many seconds: the last WINDOW, or as far as it is known."""
        if not self.latest.complete or not self._before:
            return 0, 0.0
        before = self._before[0]
        return self.total - before.messages, self.latest.time - before.time

    def _remember(self, sample: QueueSample) -> None:
        if not sample.complete:  # a part says nothing of the whole
            return
        before = self._before
        if before and sample.time < before[-1].time:  # the clock was set back
            before.clear()
        if not before or sample.time - before[-1].time >= SPACING:
            before.append(Depth(sample.time, self.total))
        # One from before the window stays, as the beginning of it.
        while len(before) > 1 and before[1].time <= sample.time - WINDOW:
            before.popleft()


class Queues:
    """All queues that are known, folded from QueueSample events."""

    def __init__(self) -> None:
        self._queues: dict[Key, Queue] = {}

    def apply(self, event: Event) -> None:
        """Take in one event; others than samples say nothing of queues."""
        if type(event) is not QueueSample:
            return
        key = (event.host, event.mta, event.instance)
        queue = self._queues.pop(key, None)
        if queue is None:
            queue = Queue(event)
        else:
            queue.apply(event)
        self._queues[key] = queue  # last: the first is the one longest unheard of
        if len(self._queues) > QUEUES_MAX:
            del self._queues[next(iter(self._queues))]

    def get(self, key: Key) -> Queue | None:
        """The queue of that host, mail server and instance."""
        return self._queues.get(key)

    def queues(self, now: float) -> list[Queue]:
        """Each queue that was read lately, or could not be."""
        return [queue for queue in self._queues.values() if now - queue.latest.time <= STALE]

    def total(self, now: float) -> int | None:
        """Messages in all queues, None if none could be read."""
        seen = self._seen(now)
        return sum(queue.total for queue in seen) if seen else None

    def complete(self, now: float) -> bool:
        """Whether the total is all there is."""
        return all(queue.latest.complete for queue in self.queues(now))

    def oldest(self, now: float) -> float | None:
        """The age in seconds of the oldest message, None if there is none."""
        return max(
            (age + now - queue.latest.time for queue in self._seen(now) for age in queue.latest.oldest.values()),
            default=None,
        )

    def growth(self, now: float) -> float:
        """Messages a minute that the queues grew by; below 0 they shrink."""
        changes = [queue.change() for queue in self._seen(now)]
        return sum(messages / seconds * 60 for messages, seconds in changes if seconds > 0)

    def trend(self, now: float) -> int:
        """1 if the queues grow, -1 if they shrink, 0 if they do neither to speak of."""
        change = sum(queue.change()[0] for queue in self._seen(now))
        if abs(change) < max(LEAST, SHARE * (self.total(now) or 0)):
            return 0
        return 1 if change > 0 else -1

    def _seen(self, now: float) -> list[Queue]:
        return [queue for queue in self.queues(now) if queue.latest.counts]
