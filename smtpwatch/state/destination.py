"""What is known of mail to one destination: a domain, a next hop, or all that failed for one reason."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from copy import copy
from typing import Literal, NamedTuple

from smtpwatch.events import Delivery
from smtpwatch.state.few import Few
from smtpwatch.state.heavy import Held
from smtpwatch.state.next_hop import Hop
from smtpwatch.state.rates import Rate
from smtpwatch.state.spread import Spread, bucket_of
from smtpwatch.state.undelivered import OF_RECIPIENTS, Trouble

Kind = Literal["domain", "hop", "reason"]

LATEST = 10  # deliveries of one destination that are kept; each is about 1 kB
RATE_SECONDS = 15.0  # width of a bucket: rates are told by the minute
RATE_BUCKETS = 61  # a quarter of an hour, and the bucket that is filling
LATELY = 900.0  # seconds; what "now" means for mail: servers try again after some minutes
MINUTE = 60.0
MUCH = 0.1  # share of attempts that may fail before a destination is marked
PARTS = ("before the queue", "in the queue", "connecting", "sending")
"""What Postfix's delays=a/b/c/d are."""


class Secured(NamedTuple):
    """How a connection to a next hop was secured, as `by` ("log" or "wire") tells. `failed` says why it was not; all ""
    where it was in clear."""

    time: float
    by: str
    version: str = ""
    cipher: str = ""
    trust: str = ""
    failed: str = ""


class Why:
    """One reason: how often it deferred and bounced mail, and the latest delivery that it did that to."""

    __slots__ = ("bounced", "deferred", "last")

    def __init__(self, last: Delivery) -> None:
        self.last = last
        self.deferred = 0
        self.bounced = 0


class Peer:
    """What the wire shows of connections to one address: `connection` as in Destination."""

    __slots__ = ("connection", "secured", "time")

    def __init__(self) -> None:
        self.time = 0.0
        self.connection = ""
        self.secured: Secured | None = None


class Destination(Held):
    """Counts of attempts since it is held; `weight` counts all of them. `key` is (kind, name)."""

    __slots__ = (
        "attempts", "bounced", "connected", "connection", "deferred", "delay", "expired", "failures", "hop", "kind",
        "last", "last_failed", "last_sent", "last_trouble", "latest", "name", "others", "parts", "peer", "reasons",
        "secured", "sent", "since", "waiting", "where",
    )  # fmt: skip

    def __init__(self, key: Hashable) -> None:
        super().__init__(key)
        assert isinstance(key, tuple)
        self.kind: Kind = key[0]
        self.name: str = key[1]
        self.sent = self.deferred = self.bounced = self.expired = 0
        self.since = 0.0
        """When the first attempt was."""
        self.last: Delivery | None = None
        self.last_failed: Delivery | None = None
        self.last_sent = self.last_trouble = 0.0
        self.connection = ""
        """How the latest attempt to connect ended: ok, unwelcome, refused, timed out, no route, lost, no host, no DNS,
        no TLS; "" unknown. `connected` is when."""
        self.connected = 0.0
        self.waiting: int | None = None
        """Recipients of a domain in the queue, as the host tells; None: not known, or not among those with the most."""
        self.attempts = Rate(RATE_BUCKETS, RATE_SECONDS)
        self.failures = Rate(RATE_BUCKETS, RATE_SECONDS)
        self.delay = Spread()
        """From arrival to delivery, of those that were sent."""
        self.parts: tuple[Spread, ...] = ()
        """PARTS of it; () where they are not logged."""
        self.reasons: dict[str, Why] = {}
        """Their number is that of the words there are."""
        self.latest: deque[Delivery] = deque(maxlen=LATEST)
        self.others = Few()
        """Keys of a domain's next hops; domains of a next hop or of a reason."""
        self.hop: Destination | None = None
        """The next hop that a domain's mail was last brought to."""
        self.where: Hop | None = None
        """Of a next hop."""
        self.secured: Secured | None = None
        """Of a next hop, as the log tells."""
        self.peer: Peer | None = None
        """Of a next hop."""

    def took(self, delivery: Delivery, trouble: Trouble | None, times: tuple[int, ...]) -> None:
        """One more attempt; `trouble` None: it was sent. `times` are buckets: of the whole delay, and of its parts."""
        self.weight += 1
        time = delivery.time
        if self.last is None:
            self.since = time
        self.last = delivery
        self.latest.append(delivery)
        self.attempts.add(time)
        if trouble is None:
            self.sent += 1
            self.last_sent = time
            self._connected("ok", time)
            if times:
                self._took_time(times)
            return
        self.last_failed = delivery
        if trouble.why not in OF_RECIPIENTS:
            self.last_trouble = time
            self.failures.add(time)
        self._connected(trouble.connection, time)
        why = self.reasons.get(trouble.why)
        if why is None:
            why = self.reasons[trouble.why] = Why(delivery)
        why.last = delivery
        if delivery.status == "deferred":
            self.deferred += 1
            why.deferred += 1
        elif delivery.status == "expired":
            self.expired += 1
            why.bounced += 1
        else:
            self.bounced += 1
            why.bounced += 1

    def _connected(self, how: str, time: float) -> None:
        if how:
            self.connection = how
            self.connected = time

    def _took_time(self, times: tuple[int, ...]) -> None:
        self.delay.add(times[0])
        if len(times) > 1:
            if not self.parts:
                self.parts = tuple(Spread() for _ in PARTS)
            for spread, bucket in zip(self.parts, times[1:], strict=False):
                spread.add(bucket)

    def per_minute(self, now: float, window: float = MINUTE) -> float:
        """Attempts a minute over the last `window` seconds (LATELY at most)."""
        return self.attempts.per_second(now, window) * MINUTE

    def failing(self, now: float, window: float = LATELY) -> float:
        """The share of the attempts in that window that failed by more than their recipients, 0 if there were none."""
        attempts = self.attempts.per_second(now, window)
        return self.failures.per_second(now, window) / attempts if attempts else 0.0

    def mark(self, now: float) -> str:
        """x: of late nothing gets through, or this is a reason that mail is lost for; !: much does not, or this is one
        that it waits for; else a space."""
        if self.kind == "reason":
            if self.name in OF_RECIPIENTS or self.idle(now):
                return " "
            return "x" if self.bounced > self.deferred else "!"
        if now - self.last_trouble > LATELY:
            return " "
        if now - self.last_sent > LATELY:
            return "x"
        return "!" if self.failing(now) >= MUCH else " "

    def idle(self, now: float) -> bool:
        """Nothing was tried of late, and nothing is known to wait."""
        return not self.waiting and (self.last is None or now - self.last.time > LATELY)

    def security(self) -> Secured | None:
        """How connections to it are secured, of a domain those to its latest next hop: as the log tells, else as the
        wire shows; the later of the two if either tells of a failure."""
        hop = self.hop if self.kind == "domain" else self
        if hop is None:
            return None
        wire = hop.peer.secured if hop.peer is not None else None
        if hop.secured is None or (wire is not None and wire.failed and wire.time > hop.secured.time):
            return wire
        return hop.secured

    def connects(self) -> str:
        """How the latest attempt to connect ended: as the log tells; of a next hop as the wire shows, if that is
        later."""
        peer = self.peer
        if peer is not None and peer.connection and peer.time > self.connected:
            return peer.connection
        return self.connection

    def ranked(self) -> list[tuple[str, Why]]:
        """Its reasons, that with the most first."""
        return sorted(self.reasons.items(), key=lambda item: -(item[1].deferred + item[1].bounced))

    def still(self) -> Destination:
        """A copy that later events leave alone."""
        twin = Destination.__new__(Destination)  # half the cost of copy(): a frozen view makes thousands
        for name in (*Held.__slots__, *Destination.__slots__):
            setattr(twin, name, getattr(self, name))
        twin.attempts, twin.failures, twin.delay = copy(self.attempts), copy(self.failures), copy(self.delay)
        twin.parts = tuple(map(copy, self.parts))
        twin.reasons = {name: copy(why) for name, why in self.reasons.items()}
        twin.latest = self.latest.copy()
        twin.others = Few()
        for value, n in self.others.most():
            twin.others.add(value, n)
        twin.others.total = self.others.total
        return twin


def buckets(delivery: Delivery) -> tuple[int, ...]:
    """Those of its delay and of the parts of that; () where none is logged."""
    if delivery.delay is None:
        return ()
    if len(delivery.delays) == len(PARTS):
        return (bucket_of(delivery.delay), *map(bucket_of, delivery.delays))
    return (bucket_of(delivery.delay),)
