"""The picture that the screen asks: sessions, rates, totals and the sensors' health, folded from events.

One writer (the console's loop) applies events; panes only read. Nothing here knows the screen or the clock."""

from collections.abc import Callable, Iterable
from copy import copy
from math import inf

from smtpwatch import counters
from smtpwatch.events import Event, SensorStatus, Tally
from smtpwatch.state.activity import Activity
from smtpwatch.state.activity_wire import tally
from smtpwatch.state.deliveries import Deliveries
from smtpwatch.state.messages import Messages
from smtpwatch.state.origins import Place
from smtpwatch.state.party import Outcome
from smtpwatch.state.queue import Queues
from smtpwatch.state.queue_ages import QueueAges, queue_ages
from smtpwatch.state.rates import Rate
from smtpwatch.state.session import Session
from smtpwatch.state.sessions import Sessions
from smtpwatch.state.tls import Tls

RATE_SECONDS = 1.0  # width of a bucket: the screen tells rates per second
RATE_BUCKETS = 61  # one minute of whole buckets beside the one that is filling

BRIEF = 5.0  # seconds; what "now" means: long enough to stand still, short enough to see a burst
AGES = 5.0  # seconds; the table of ages may look at ten thousand messages, and hardly changes
SHARE = 60.0  # seconds; for shares (TLS, refused), which need more than a handful of sessions


class Vitals:
    """The figures of the status bar, per second over BRIEF; shares are 0..1 over SHARE, None where nothing happened."""

    __slots__ = ("accepted", "auth_failed", "refused", "refused_share", "sessions", "tls_share")

    def __init__(self, picture: "Picture", now: float) -> None:
        rate, ours = picture.rate, picture.activity.ours
        self.sessions = picture.activity.opening(now, BRIEF)
        self.accepted = ours(now, BRIEF, Outcome.ACCEPTED)
        self.refused = ours(now, BRIEF, Outcome.REFUSED)
        self.auth_failed = ours(now, BRIEF, Outcome.AUTH_FAILED)
        refused = ours(now, SHARE, Outcome.REFUSED)
        self.refused_share = _share(refused, refused + ours(now, SHARE, Outcome.ACCEPTED))
        self.tls_share = _share(rate(now, SHARE, counters.TLS), rate(now, SHARE, counters.SESSIONS))


class Picture:
    """What is true now. `latest` is the newest event time seen, `events` how many were folded in."""

    def __init__(self, place: Callable[[str], Place | None] | None = None) -> None:
        self.activity = Activity(place)
        self.tls = Tls()
        self.sessions = Sessions(self.tls.ended, self.activity)
        self.deliveries = Deliveries(self.messages)
        self.queues = Queues()
        self._ages: QueueAges | None = None
        self._ages_at = -inf
        self.totals: dict[str, int] = {}
        self.sensors: dict[str, SensorStatus] = {}
        """Each sensor's latest status."""
        self.since: dict[str, float] = {}
        """When each sensor that runs, or runs degraded, began to."""
        self.latest = 0.0
        self.events = 0
        self._rates: dict[str, Rate] = {}

    def apply(self, events: Iterable[Event]) -> None:
        """Take in events, in order."""
        sessions = self.sessions
        for event in events:
            self.events += 1
            if event.time > self.latest:
                self.latest = event.time
            sessions.apply(event)
            self.queues.apply(event)
            self.tls.apply(event)
            self.deliveries.apply(event)
            if type(event) is SensorStatus:
                self._status(event)
            elif type(event) is Tally:
                tally(self.activity, event)
                for name, n in event.counts.items():
                    self._count(name, event.time, n)
            else:
                for name in counters.counted(event):
                    self._count(name, event.time, 1)

    def finish(self) -> None:
        """No more is to come: what waited for its other half goes without."""
        self.sessions.finish()
        self.tls.finish()

    def queue_ages(self, now: float) -> QueueAges | None:
        """How long mail has waited, as it was AGES seconds ago at most."""
        if not 0 < now - self._ages_at < AGES:  # time stands still when a file has been read
            self._ages, self._ages_at = queue_ages(self.queues, self.messages, now), now
        return self._ages

    @property
    def messages(self) -> Messages:
        """The messages that the logs tell of."""
        return self.sessions.logs.messages

    def now(self, clock: float) -> float:
        """The time that ages and rates are told against: the clock, unless events are ahead of it."""
        return max(self.latest, clock)

    def rate(self, now: float, window: float, *names: str) -> float:
        """How often per second the counters `names` went up, together, over the last `window` seconds (at most 60)."""
        rates = self._rates
        return sum(rates[name].per_second(now, window) for name in names if name in rates)

    def _count(self, name: str, time: float, n: int) -> None:
        self.totals[name] = self.totals.get(name, 0) + n
        rate = self._rates.get(name)
        if rate is None:
            rate = self._rates[name] = Rate(RATE_BUCKETS, RATE_SECONDS)
        rate.add(time, n)

    def _status(self, event: SensorStatus) -> None:
        self.sensors[event.sensor] = event
        if event.state in ("running", "degraded"):
            self.since.setdefault(event.sensor, event.time)
        else:
            self.since.pop(event.sensor, None)


def still(session: Session) -> Session:
    """A copy of `session` as it stands, which later events leave alone: what a frozen view shows."""
    twin = copy(session)
    twin.tls = copy(session.tls)
    twin.transactions = list(session.transactions)
    twin.auth = list(session.auth)
    twin.visits = list(session.visits)
    return twin


def _share(part: float, whole: float) -> float | None:
    return min(1.0, part / whole) if whole else None
