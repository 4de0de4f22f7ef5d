"""Handshakes that failed, those alike together."""

from collections import OrderedDict
from collections.abc import Iterator

from smtpwatch import events as ev
from smtpwatch.events import Direction

FAILURES = 200  # kinds of failure, the latest; the words of a log and of a client's offer make many
REASON = 200  # characters

FailureKey = tuple[Direction, str, str]


class Failure:
    """Failures of one direction for one reason. `alert` is RFC 8446's name, "" for none; the peer, what it `offered`
    and what the server chose are those of the latest. `logged`: a log tells it, the wire could not."""

    __slots__ = ("alert", "chosen", "count", "direction", "last", "logged", "offered", "peer", "reason")

    def __init__(self, direction: Direction, reason: str, alert: str) -> None:
        self.direction = direction
        self.reason = reason
        self.alert = alert
        self.count = 0
        self.last = 0.0
        self.peer = ""
        self.offered: ev.TlsOffered | None = None
        self.chosen = ""
        """Version and cipher, if the server came to choose any."""
        self.logged = False


class Failures:
    """All kinds that are held."""

    def __init__(self) -> None:
        self._held: OrderedDict[FailureKey, Failure] = OrderedDict()
        self.total = 0

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[Failure]:
        """The latest first."""
        return reversed(self._held.values())

    def add(self, direction: Direction, reason: str, alert: str, peer: str, time: float) -> Failure:
        """One more."""
        key = (direction, reason[:REASON], alert)
        failure = self._held.get(key)
        if failure is None:
            failure = self._held[key] = Failure(*key)
            if len(self._held) > FAILURES:
                self._held.popitem(last=False)
        else:
            self._held.move_to_end(key)
        self.total += 1
        failure.count += 1
        failure.last, failure.peer = time, peer
        return failure
