"""Refusals that say what somebody is up to: recipients that do not exist, and a domain that is refused all at once."""

from __future__ import annotations

from smtpwatch.query import quoted
from smtpwatch.state.activity import Refusal
from smtpwatch.state.names import domain_of
from smtpwatch.state.session import Session
from smtpwatch.triage.alert import Severity, Subject
from smtpwatch.triage.counting import DAY, Repeats
from smtpwatch.triage.rule import Rule, Scene, keys_of, lines_of, many, span

SOURCES = 2_000  # that are counted one by one
DOMAINS = 1_000
RISE = 5.0  # times as many as is usual
HARMLESS = ("relay denied", "auth failed", "auth required")  # told by rules of their own


class Harvest(Rule):
    """So many recipients that do not exist, tried by one source within the window: somebody reads our directory."""

    name = "harvest"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._tries = Repeats(SOURCES, self.limits.window)

    def refused(self, session: Session, refusal: Refusal) -> None:
        """One more."""
        if refusal.why != "unknown user" or session.direction == "outbound":
            return
        tries = self._tries.add(session.source, refusal.time, 1, refusal.recipient or "")
        count, different = tries.lately.count(refusal.time), len(tries.others)
        limit = self.limits.unknown_users
        if count < limit or different < min(limit, 32):  # an old address, tried again and again, is nobody's harvest
            return
        found = f"; {many(session.accepted, 'recipient')} of its latest session exist" if session.accepted else ""
        says = (
            f"{session.source}: tried {many(count, 'recipient')} that do not exist within {span(self.limits.window)}"
            f"{found}: it looks for addresses"
        )
        self.found(
            refusal.time, Subject("source", session.source), Severity.WARNING, says,
            count=tries.all, sources=(session.source,), sessions=keys_of(session), lines=lines_of(session),
        )  # fmt: skip


class DomainRefused(Rule):
    """Refusals of mail for, or from, one domain that are many within the window, and many times what is usual."""

    name = "domain-refused"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._lately = Repeats(DOMAINS, self.limits.window)
        self._usual = Repeats(DOMAINS, DAY)
        self._since: float | None = None

    def refused(self, session: Session, refusal: Refusal) -> None:
        """One more, on both sides."""
        if session.direction == "outbound" or refusal.why in HARMLESS:
            return
        if self._since is None:
            self._since = refusal.time
        self._one(session, refusal, "to", domain_of(refusal.recipient))
        self._one(session, refusal, "from", domain_of(refusal.sender))

    def _one(self, session: Session, refusal: Refusal, side: str, domain: str) -> None:
        if not domain or domain == "<>":
            return
        time, window = refusal.time, self.limits.window
        lately = self._lately.add((side, domain), time, 1, session.source)
        usual = self._usual.add((side, domain), time)
        count = lately.lately.count(time)
        if count < self.limits.domain_refusals:
            return
        before = usual.lately.count(time) - count
        passed = min(DAY, time - (self._since or time)) - window
        expected = before * window / passed if passed > window else 0.0
        if count < RISE * expected:
            return
        said = f"mail {side} {domain}: {many(count, 'refusal')} within {span(window)} from {lately.others} sources"
        said += f", {count / expected:,.0f} times as many as usual" if expected >= 1 else ""
        self.found(
            time, Subject("domain", domain), Severity.WARNING, f"{said} (last: {refusal.why})",
            count=count, sessions=keys_of(session), lines=lines_of(session), term=f"{side}:{quoted('*@' + domain)}",
        )  # fmt: skip
