"""Refusals that say what somebody is up to: recipients that do not exist, and a domain that is refused all at once."""

from __future__ import annotations

from math import inf

from smtpwatch.query import quoted
from smtpwatch.state.activity import Refusal
from smtpwatch.state.names import domain_of
from smtpwatch.state.party import Dimension, Outcome, Party
from smtpwatch.state.session import Session
from smtpwatch.triage.alert import Severity, Subject
from smtpwatch.triage.counting import APART, DAY, Repeats
from smtpwatch.triage.gathering import Gathering, source_and_network
from smtpwatch.triage.rule import Rule, Scene, keys_of, lines_of, many, span

SOURCES = 2_000  # that are counted one by one
MINUTE = 60.0
EVERY = 5.0  # seconds between looks at domains
RISE = 5.0  # times as many as is usual
HARMLESS = ("relay denied", "auth failed", "auth required")  # told by rules of their own


class Harvest(Rule):
    """So many recipients that do not exist, tried by one source within the window: somebody reads our directory."""

    name = "harvest"
    reasons = ("unknown user",)

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._tries = Repeats(SOURCES, self.limits.window)
        self._together = Gathering(self.alerts, self.name)

    def refused(self, session: Session, refusal: Refusal) -> None:
        """One more."""
        tries = self._tries.add(session.source, refusal.time, 1, refusal.recipient or "")
        limit = self.limits.unknown_users
        if tries.weight < limit or (count := tries.count(refusal.time)) < limit:
            return
        if tries.different < min(limit, APART // 2):  # an old address, tried over and over, is no harvest
            return
        whom = self._together.take(*source_and_network(session.source), count)

        def put() -> None:
            says = (
                f"{whom}: tried {many(whom.much, 'recipient')} that do not exist within {span(self.limits.window)}:"
                " it looks for addresses"
            )
            self.found(
                refusal.time, whom.subject, Severity.WARNING, says,
                count=whom.much, sources=(whom.subject.name,), sessions=keys_of(session), lines=lines_of(session),
            )  # fmt: skip

        self.when_due(whom.subject, refusal.time, whom.much, put)


class DomainRefused(Rule):
    """Refusals of mail for, or from, one domain that are many within the window, and many times what is usual."""

    name = "domain-refused"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._stirred: dict[str, tuple[Session, Refusal]] = {}
        self._since: float | None = None
        self._next = -inf

    def refused(self, session: Session, refusal: Refusal) -> None:
        """Remember the latest, by its reason."""
        if refusal.why not in HARMLESS:
            self._since = refusal.time if self._since is None else self._since
            domain = domain_of(refusal.recipient)
            if domain:
                self._stirred[f"to {domain}"] = session, refusal
            domain = domain_of(refusal.sender)
            if domain and domain != "<>":
                self._stirred[f"from {domain}"] = session, refusal

    def tick(self, now: float) -> None:
        """Judge those that were refused since the last time."""
        if not self._stirred or self._next - EVERY <= now < self._next:
            return
        self._next = now + EVERY
        stirred, self._stirred = self._stirred, {}
        groups = self.scene.picture.activity.groups
        for name, (session, refusal) in stirred.items():
            side, _, domain = name.partition(" ")
            group = groups[Dimension.RECIPIENT_DOMAIN if side == "to" else Dimension.SENDER_DOMAIN]
            party = group.get(domain)
            if party is not None and party.refused >= self.limits.domain_refusals:
                self._judge(side, party, session, refusal, now)

    def _steady(self, party: Party, count: int, now: float) -> bool:
        """What is usual is not known yet: the last minute has to be many times those before."""
        lately = party.history.count(now, MINUTE, Outcome.REFUSED)
        passed = now - (self._since or now) - MINUTE
        return passed > MINUTE and lately < RISE * (count - lately) * MINUTE / min(passed, self.limits.window)

    def _judge(self, side: str, party: Party, session: Session, refusal: Refusal, now: float) -> None:
        window = self.limits.window
        count = party.history.count(now, window, Outcome.REFUSED)
        if count < self.limits.domain_refusals:
            return
        before = party.history.count(now, DAY, Outcome.REFUSED) - count
        passed = min(DAY, now - (self._since or now)) - window
        expected = before * window / passed if passed > window else 0.0
        if count < RISE * expected or (expected == 0 and self._steady(party, count, now)):
            return
        members = 0 if party.members is None else len(party.members)
        said = f"mail {side} {party.key}: {many(count, 'refusal')} within {span(window)}"
        said += f", {count / expected:,.0f} times as many as usual" if expected >= 1 else ""
        says = f"{said} ({many(members, 'source')} so far; the last: {refusal.why})"
        self.found(
            now, Subject("domain", f"{side} {party.key}"), Severity.WARNING, says, count=count,
            sessions=keys_of(session), lines=lines_of(session), term=f"{side}:*@{quoted(party.key)}",
        )  # fmt: skip
