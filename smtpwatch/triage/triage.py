"""All rules on the picture: each event to those that want it, a tick a second, and the alerts that come of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import inf
from typing import Any

from smtpwatch import events as ev
from smtpwatch.config import Config
from smtpwatch.state.activity import Refusal
from smtpwatch.state.noticed import Noticed
from smtpwatch.state.party import Outcome, Party
from smtpwatch.state.picture import Picture
from smtpwatch.state.session import Session
from smtpwatch.triage.alerts import Alerts
from smtpwatch.triage.logins import Logins
from smtpwatch.triage.policy import Policy
from smtpwatch.triage.processes import Processes
from smtpwatch.triage.rule import Rule, Scene
from smtpwatch.triage.rules import RULES

TICK = 1.0  # seconds of event time
LOOKS = 15.0  # seconds within which each rule has a look, those too that look seldom
PAUSES = 8  # such looks in a time without events
SET_BACK = 60.0  # seconds by which the time may go back before rules follow it


class Triage(Noticed):
    """Folds events into `picture`, takes notice of what it counts, and raises `alerts`."""

    def __init__(self, picture: Picture, config: Config) -> None:
        limits = config.alerts
        self.alerts = Alerts(limits.quiet)
        self.policy = Policy(config)
        self.logins = Logins(limits.window)
        self._picture = picture
        self._at = -inf
        scene = Scene(picture, limits, self.policy, self.logins, self.alerts)
        self.rules: Sequence[Rule] = [kind(scene) for kind in RULES if kind.name not in limits.off]
        came_of = self._wanted_by("came_of")
        self._came_of = {outcome: [tell for rule, tell in came_of if outcome in rule.outcomes] for outcome in Outcome}
        refused = self._wanted_by("refused")
        reasons = {reason for rule, _ in refused for reason in rule.reasons}
        self._refused = {why: [tell for rule, tell in refused if _wants(rule, why)] for why in {*reasons, ""}}
        self._other_refused = self._refused[""]
        self._took = self._wanted("took_recipient")
        self._tried = self._wanted("tried")
        self._logged_in = self._wanted("logged_in")
        self._ticks = self._wanted("tick")
        self.processes = Processes()
        self._events: dict[type[ev.Event], list[Callable[[Any], None]]] = {
            ev.RelayPolicy: [self.policy.take],
            ev.ProcessSeen: [self.processes.take],
        }
        for rule in self.rules:
            for kind in rule.events:
                self._events.setdefault(kind, []).append(rule.event)
        picture.activity.noticed = self

    def apply(self, events: Iterable[ev.Event]) -> None:
        """Fold events into the picture, in order, and judge by it: in portions of a second, so that what is long past
        by the end of a batch is judged as it was."""
        portion: list[ev.Event] = []
        until = self._at + TICK
        for event in events:
            if event.time >= until or event.time < self._at - SET_BACK:
                self._fold(portion)
                self._pass(event.time)
                portion = [event]
                until = event.time + TICK
            else:
                portion.append(event)
        self._fold(portion)

    def _fold(self, events: Sequence[ev.Event]) -> None:
        self._picture.apply(events)
        wanted = self._events
        for event in events:
            for tell in wanted.get(type(event), ()):
                tell(event)
        if events:
            self.tick(self._picture.latest)

    def _pass(self, to: float) -> None:
        """Time in which nothing happened passes as it would have live, for a while: who only waits shows then."""
        for _ in range(PAUSES):
            if not 0 < to - self._at - LOOKS < inf:
                break
            self.tick(self._at + LOOKS)

    def finish(self) -> None:
        """No more is to come."""
        self._picture.finish()
        self._at = -inf
        self.tick(self._picture.latest)
        self.tick(self._picture.latest + LOOKS)

    def tick(self, now: float) -> None:
        """It is that time, be there events or not."""
        if 0 <= now - self._at < TICK:
            return
        self._at = now
        for tick in self._ticks:
            tick(now)
        for rule in self.rules:
            rule.settle(now)
        self.alerts.settle(now)

    def came_of(self, session: Session | None, parties: Sequence[Party], outcome: Outcome, time: float, n: int) -> None:
        """As Noticed has it; to the rules that want it. So are those below."""
        for tell in self._came_of[outcome]:
            tell(session, parties, outcome, time, n)

    def refused(self, session: Session, refusal: Refusal) -> None:
        """As Noticed has it."""
        if session.direction != "outbound":
            for tell in self._refused.get(refusal.why, self._other_refused):
                tell(session, refusal)

    def took_recipient(self, session: Session, event: ev.RecipientDecided) -> None:
        """As Noticed has it."""
        for tell in self._took:
            tell(session, event)

    def tried(self, source: str, session: Session | None, login: ev.LoginTried) -> None:
        """As Noticed has it; the accounts learn of it first."""
        if login.account and login.outcome == "failure":
            self.logins.touch(login.account).failure(source, login.time, login)
        for tell in self._tried:
            tell(source, session, login)

    def logged_in(self, source: str, session: Session | None, account: str, time: float) -> None:
        """As Noticed has it; the accounts learn of it last, so that rules can tell what is new."""
        for tell in self._logged_in:
            tell(source, session, account, time)
        party = self._picture.activity.sources.get(source)
        facts = None if party is None else party.facts
        self.logins.touch(account).success(source, "" if facts is None else facts.country, time)

    def _wanted(self, method: str) -> list[Callable[..., None]]:
        """Of those rules that have one of their own."""
        return [tell for _, tell in self._wanted_by(method)]

    def _wanted_by(self, method: str) -> list[tuple[Rule, Callable[..., None]]]:
        nothing = getattr(Rule, method)
        return [(rule, getattr(rule, method)) for rule in self.rules if getattr(type(rule), method) is not nothing]


def _wants(rule: Rule, why: str) -> bool:
    """To hear of refusals for that reason; "" is all that no rule names."""
    return not rule.reasons or why in rule.reasons
