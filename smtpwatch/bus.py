"""The in-memory event bus: takes batches from sensors, fans them out to whoever subscribed. Bounded; what it drops it
counts.

It lives on one event loop and needs no locks. A subscriber that must have every event (state) makes the reader of the
sensors' sockets wait (`has_room`), and the sensors shed; one that need not (a slow pipe) loses its oldest batches,
counted.
"""

from collections import deque
from collections.abc import Callable, Sequence

from smtpwatch.events import Event

CAPACITY = 20_000  # events waiting for one subscriber, some 8 MB; as many again wait as octets on their way here


class Subscription:
    """One subscriber's queue. `dropped` counts the events it lost."""

    def __init__(self, lossless: bool) -> None:
        self.lossless = lossless
        self.dropped = 0
        self.wake: Callable[[], None] | None = None
        """Called after each put."""
        self._batches: deque[Sequence[Event]] = deque()
        self._waiting = 0

    @property
    def waiting(self) -> int:
        """Events that wait to be taken."""
        return self._waiting

    def put(self, batch: Sequence[Event]) -> None:
        """Queue a batch, at the cost of the oldest if there is no room and losing is allowed."""
        self._batches.append(batch)
        self._waiting += len(batch)
        while not self.lossless and self._waiting > CAPACITY and len(self._batches) > 1:
            lost = len(self._batches.popleft())
            self._waiting -= lost
            self.dropped += lost
        if self.wake is not None:
            self.wake()

    def take(self) -> Sequence[Event]:
        """The oldest batch, () if there is none."""
        if not self._batches:
            return ()
        batch = self._batches.popleft()
        self._waiting -= len(batch)
        return batch


class Bus:
    """Fans batches out. `published` counts events."""

    def __init__(self) -> None:
        self.published = 0
        self._subscriptions: list[Subscription] = []

    def subscribe(self, lossless: bool = False) -> Subscription:
        """A new queue for all that comes from now on."""
        subscription = Subscription(lossless)
        self._subscriptions.append(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """That queue gets nothing more."""
        self._subscriptions.remove(subscription)

    def publish(self, batch: Sequence[Event]) -> None:
        """Hand a batch to every subscriber."""
        self.published += len(batch)
        for subscription in self._subscriptions:
            subscription.put(batch)

    @property
    def has_room(self) -> bool:
        """Whether every subscriber that must not lose anything can take more."""
        return all(not each.lossless or each.waiting < CAPACITY for each in self._subscriptions)
