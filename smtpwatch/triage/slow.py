"""Clients that hold sessions open and do nothing with them, until no slot is left for others."""

from __future__ import annotations

from collections import deque
from math import inf

from smtpwatch import events as ev
from smtpwatch.state.party import Outcome, Party
from smtpwatch.triage.alert import Severity, Subject
from smtpwatch.triage.rule import Rule, Scene, many

EVERY = 10.0  # seconds between looks


class SlotHog(Rule):
    """So many sessions of one source have been open for so long, and no message came of any."""

    name = "slot-hog"
    events = (ev.SessionOpened, ev.ClientConnected)

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._next = -inf
        self._watched: dict[str, deque[tuple[float, int]]] = {}
        """Of sources with that many open sessions: when, and how many they had begun by then."""

    def event(self, event: ev.Event) -> None:
        """One more session: is its source one to watch from now on?"""
        assert isinstance(event, ev.SessionOpened | ev.ClientConnected)
        party = self.scene.picture.activity.sources.get(event.source)
        if party is not None and party.open >= self.limits.slow_sessions:
            self._watched.setdefault(party.key, deque())

    def tick(self, now: float) -> None:
        """Who still has that many open?"""
        if self._next - EVERY <= now < self._next:
            return
        self._next = now + EVERY
        limit = self.limits.slow_sessions
        sources = self.scene.picture.activity.sources
        for key, begun in list(self._watched.items()):
            party = sources.get(key)
            if party is None or party.open < limit:
                del self._watched[key]
            else:
                begun.append((now, party.sessions))
                self._judge(party, begun, now)

    def _judge(self, party: Party, begun: deque[tuple[float, int]], now: float) -> None:
        after = self.limits.slow_after
        while len(begun) > 1 and begun[1][0] <= now - after:
            begun.popleft()
        since, sessions = begun[0]
        old = party.open - (party.sessions - sessions)  # those that were open by then, and still are
        if since > now - after or old < self.limits.slow_sessions:
            return
        if party.history.count(now, after, Outcome.ACCEPTED):
            return
        latest = () if party.facts is None else party.facts.latest
        says = (
            f"{party.key} holds {many(party.open, 'session')} open, {old:,} of them for more than {after:.0f} s, and no"
            " message came of it: it takes slots from others (smtpd_client_connection_count_limit)"
        )
        self.found(
            now, Subject("source", party.key), Severity.WARNING, says,
            count=party.open, sources=(party.key,), sessions=latest,
        )  # fmt: skip
