"""What a rule is, and what it may look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar, NamedTuple

from smtpwatch.events import Event
from smtpwatch.query import quoted
from smtpwatch.state.noticed import Noticed
from smtpwatch.state.party import Outcome
from smtpwatch.state.picture import Picture
from smtpwatch.state.session import Session
from smtpwatch.thresholds import Thresholds
from smtpwatch.triage.alert import Alert, Finding, Line, SessionKey, Severity, Step, Subject, line_of
from smtpwatch.triage.alerts import Alerts
from smtpwatch.triage.logins import Logins
from smtpwatch.triage.policy import Policy

REWORD = 5.0  # seconds for which an alert may say what it said, though there is more of it by now
LINES = 3  # of a session that are shown as evidence: the latest
NAMED = 3  # of a list that is told in a sentence


class Scene(NamedTuple):
    """What there is to judge by, and where what is found goes."""

    picture: Picture
    limits: Thresholds
    policy: Policy
    logins: Logins
    alerts: Alerts


class Rule(Noticed):
    """A rule overrides those methods of Noticed that it wants to hear of; of refusals, it hears of those of clients,
    not of our own mail's. `event` gets the events of the types named in `events`, after they were folded into the
    picture, and `tick` comes once a second of event time. It remembers no more than it has to, in bounded room, and
    asks no clock."""

    name: ClassVar[str]
    """As it is told, and as the setting `alerts.off` knows it."""
    events: ClassVar[tuple[type[Event], ...]] = ()
    outcomes: ClassVar[tuple[Outcome, ...]] = tuple(Outcome)
    """Those that it wants to hear of (`came_of`)."""
    reasons: ClassVar[tuple[str, ...]] = ()
    """Why a client was refused, where it wants to hear of some refusals only (`refused`): "" is all others."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.limits = scene.limits
        self.alerts = scene.alerts
        self._waiting: dict[Subject, Callable[[], None]] = {}
        """What puts an alert into words, for those that were put so a moment ago."""

    def event(self, event: Event) -> None:
        """One event of those types."""

    def tick(self, now: float) -> None:
        """A second has passed."""

    def when_due(self, subject: Subject, time: float, count: int, put: Callable[[], None]) -> None:
        """Have an alert about it put into words: at once if it is new, or was not for REWORD seconds; else then, by the
        latest `put`. Until then it is told how much there is by now."""
        alert = self.alerts.present.get((self.name, subject))
        if alert is None or time - alert.told >= REWORD:
            self._waiting.pop(subject, None)
            put()
            return
        alert.last, alert.count = max(alert.last, time), max(alert.count, count)
        self._waiting[subject] = put

    def settle(self, now: float) -> None:
        """Put into words what has waited for it."""
        for subject in list(self._waiting):
            alert = self.alerts.present.get((self.name, subject))
            if alert is None:
                del self._waiting[subject]
            elif now - alert.told >= REWORD:
                self._waiting.pop(subject)()

    def found(
        self,
        now: float,
        subject: Subject,
        severity: Severity,
        says: str,
        *,
        count: int = 1,
        sources: tuple[str, ...] = (),
        sessions: tuple[SessionKey, ...] = (),
        lines: tuple[Line, ...] = (),
        steps: tuple[Step, ...] = (),
        term: str | None = None,
        lasts: float = 0.0,
    ) -> Alert:
        """Raise an alert, or one more time; as Finding has it. `term` None: what filters for the subject."""
        term = _term(subject) if term is None else term
        return self.alerts.found(
            Finding(now, self.name, subject, severity, says, count, sources, sessions, lines, steps, term, lasts)
        )


_TERMS = {"source": "src", "network": "net", "account": "account"}


def _term(subject: Subject) -> str:
    field = _TERMS.get(subject.kind)
    return "" if field is None or not subject.name else f"{field}:{quoted(subject.name)}"


def lines_of(session: Session | None) -> tuple[Line, ...]:
    """The latest lines that a log tells of a session: those that say something of it."""
    if session is None:
        return ()
    found = [line_of(event) for visit in session.visits for event in list(visit.lines)[-LINES:]]
    return tuple(sorted(dict.fromkeys(line for line in found if line.text))[-LINES:])


def keys_of(*sessions: Session | None) -> tuple[SessionKey, ...]:
    """Sessions as evidence."""
    return tuple(session.key for session in sessions if session is not None)


def listed(names: Iterable[str], total: int | None = None) -> str:
    """`bob, alice, carol and 12 more`; `total`: there are so many of them."""
    each = list(names)
    total = len(each) if total is None else max(total, len(each))
    shown = each if total <= NAMED + 1 and len(each) == total else each[:NAMED]
    more = total - len(shown)
    return f"{', '.join(shown)} and {more:,} more" if more > 0 else ", ".join(shown)


def many(n: int, one: str, several: str = "") -> str:
    """`1 session`, `2 sessions`."""
    return f"{n:,} {one if n == 1 else several or one + 's'}"


def span(seconds: float) -> str:
    """`10 min`, `90 s`, `2 h`, `1 d`."""
    for size, word in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{int(seconds // size)} {word}"
    return f"{seconds:.0f} s"
