"""Whose doings are followed together: a source, or all sources that have something in common."""

from __future__ import annotations

from enum import Enum, IntEnum
from math import exp, inf, log, log1p

from smtpwatch.state.distinct import Distinct
from smtpwatch.state.few import Few
from smtpwatch.state.heavy import Held
from smtpwatch.state.history import History


class Outcome(IntEnum):
    """What came of what a client tried; each is a series of its own in a history."""

    ACCEPTED = 0
    """A message was taken."""
    REFUSED = 1
    """A reply of 4xx or 5xx to a connection, a sender, a recipient or a message."""
    AUTH_FAILED = 2
    """A login was refused."""
    ABANDONED = 3
    """A session ended and nothing at all had come of it."""


REJECTED, PASSED, TLS = range(len(Outcome), len(Outcome) + 3)
"""What a session is told of beside its outcomes (Session.told): refusals by 5xx, a login that succeeded, TLS."""

FIGURES = TLS + 1
"""Of one session: the outcomes, and these."""


class Dimension(Enum):
    """What sources can have in common. The value is its name on screen and in the filter."""

    ADDRESS = "address"
    NETWORK = "network"
    ASN = "ASN"
    COUNTRY = "country"
    ACCOUNT = "account"
    HELO = "HELO"
    JA4 = "JA4"
    SENDER_DOMAIN = "from domain"
    RECIPIENT_DOMAIN = "to domain"


PLACES = {
    Dimension.ADDRESS: 10_000,
    Dimension.NETWORK: 5_000,
    Dimension.ASN: 1_000,
    Dimension.COUNTRY: 300,  # there are 249
    Dimension.ACCOUNT: 2_000,
    Dimension.HELO: 1_000,
    Dimension.JA4: 500,
    Dimension.SENDER_DOMAIN: 1_000,
    Dimension.RECIPIENT_DOMAIN: 1_000,
}
"""How many are followed of each. Of a million sources that do one thing each, those that do more than a hundred are
sure to be among ten thousand. Measured, with its names and its part of a network of ten: a source takes 1.7 kB with one
outcome, 2.4 kB with five, 4.8 kB with five hundred; an outcome's ring is 1.2 kB, so never more than 9 kB."""


MEMORY = 60.0  # seconds after which an outcome weighs a third of a new one in `heat`
ROUNDING = 1e-9  # of a heat: what is left of it when all is taken back but for rounding
OPENING = 0.5  # of an outcome: what a session weighs that has come to nothing yet, so that those who only hang show
_NO_HISTORY = History(len(Outcome))  # of those who are not held: nobody adds to it
LATEST = 8  # sessions of a source that are found from it


class Party(Held):
    """One source or group. `rejected`, `deferred`: refusals by 5xx and 4xx; `passed`: logins that succeeded."""

    __slots__ = (
        "deferred", "dimension", "facts", "first", "heat", "history", "key", "label", "last", "members", "open",
        "passed", "rejected", "sessions", "tls",
    )  # fmt: skip

    key: str

    def __init__(self, dimension: Dimension | None, key: str) -> None:
        super().__init__(key)
        self.dimension = dimension
        self.label = ""
        """More about the key: the name of an ASN's holder."""
        self.first = self.last = 0.0
        self.heat = -inf
        """Orders parties by how much they have done of late, older outcomes weighing less and less (forward decay,
        Cormode and others, 2009): it changes only when there is a new one, so that ordering asks no clock."""
        self.sessions = 0
        self.open = 0
        """Sessions that have not ended yet."""
        self.tls = 0
        """Sessions with TLS."""
        self.rejected = self.deferred = self.passed = 0
        self.history = History(len(Outcome))
        self.members: Distinct | None = None if dimension in (None, Dimension.ADDRESS) else Distinct()
        """Its sources."""
        self.facts: Facts | None = Facts() if dimension is Dimension.ADDRESS else None

    def gone(self) -> None:
        """It has had to give way. Open sessions refer to it for as long as they last, and there may be a hundred
        thousand: it lets go of all that takes room."""
        super().gone()
        self.history, self.members, self.facts = _NO_HISTORY, None, None

    @property
    def blank(self) -> bool:
        """Nothing is told of it: whatever there was has been taken back."""
        return self.weight == self.error

    def seen(self, time: float) -> None:
        """It did something at that time."""
        if time > self.last:
            self.last = time
        if not self.first or time < self.first:
            self.first = time

    def count(self, outcome: Outcome, time: float, n: int = 1) -> None:
        """`n` more outcomes of that kind."""
        self.weight += n
        self.seen(time)
        self.warm(time, n)
        self.history.add(time, outcome, n)

    def begun(self, time: float, open_: bool = True) -> None:
        """One more session."""
        self.weight += 1
        self.sessions += 1
        self.open += open_
        self.seen(time)
        self.warm(time, OPENING)

    def led_to(self, session: tuple[str, int]) -> None:
        """A source's session is found from it, by its key."""
        if self.facts is not None:
            self.facts.latest = (*self.facts.latest[1 - LATEST :], session)

    def join(self, source: str) -> None:
        """A source is one of its members."""
        if self.members is not None:
            self.members.add(source)

    def leave(self, source: str) -> None:
        """It was none after all."""
        if self.members is not None:
            self.members.discard(source)

    def withdrawn(self, time: float, open_: bool) -> None:
        """The session that began at `time` is another's."""
        self.weight -= 1
        self.sessions -= 1
        self.open -= open_
        left = 1 - OPENING * exp(min(1.0, time / MEMORY - self.heat))
        self.heat = self.heat + log(left) if left > ROUNDING and not self.blank else -inf

    def shed(self, sessions: int, time: float) -> None:
        """So many sessions of which no more is told."""
        self.weight += sessions
        self.sessions += sessions
        self.seen(time)
        self.warm(time, OPENING * sessions)

    def warm(self, time: float, n: float) -> None:
        """Something that weighs `n` was done."""
        ahead = time / MEMORY - self.heat
        if ahead > 50:  # beside this, what was before weighs nothing
            self.heat = time / MEMORY + log(n)
        else:
            self.heat += log1p(n * exp(ahead))

    def total(self, outcome: Outcome) -> int:
        """How many there were, since it is followed: up to `error` more may have been before."""
        return self.history.total(outcome)

    @property
    def accepted(self) -> int:
        """Messages."""
        return self.history.total(Outcome.ACCEPTED)

    @property
    def refused(self) -> int:
        """Refusals."""
        return self.history.total(Outcome.REFUSED)

    @property
    def auth_failed(self) -> int:
        """Logins that failed."""
        return self.history.total(Outcome.AUTH_FAILED)

    @property
    def abandoned(self) -> int:
        """Sessions that came to nothing."""
        return self.history.total(Outcome.ABANDONED)

    def rate(self, now: float, window: float) -> float:
        """Outcomes per second over the last `window` seconds."""
        return self.history.rate(now, window, *Outcome)


class Facts:
    """What is told of a source beside its figures: names and addresses it gave, the few most frequent of each."""

    __slots__ = (
        "accounts", "asn", "ciphers", "country", "groups", "helos", "ja4s", "latest", "network", "org", "reasons",
        "recipients", "senders", "versions", "via",
    )  # fmt: skip

    def __init__(self) -> None:
        self.network = ""
        self.country = ""
        self.asn: int | None = None
        self.org = ""
        self.groups: tuple[Party, ...] = ()
        """Its network, country and ASN, as they were last found to be followed: it is a member of each."""
        self.latest: tuple[tuple[str, int], ...] = ()
        """Keys of its latest sessions."""
        self.via = ""
        """The proxy that it comes through."""
        self.helos: Few | None = None
        self.senders: Few | None = None
        self.recipients: Few | None = None
        self.accounts: Few | None = None
        """Accounts it logged in as, or tried to."""
        self.ja4s: Few | None = None
        self.versions: Few | None = None
        self.ciphers: Few | None = None
        self.reasons: Few | None = None

    def note(self, kind: str, value: str) -> None:
        """One more of `kind`, an attribute's name."""
        few: Few | None = getattr(self, kind)
        if few is None:
            few = Few()
            setattr(self, kind, few)
        few.add(value)
