"""Sources that move together: they call themselves alike, speak TLS alike, want the same, and came at the same time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from math import inf
from typing import NamedTuple

from smtpwatch.query import quoted
from smtpwatch.state.few import Few
from smtpwatch.state.names import helo_pattern
from smtpwatch.state.party import Dimension, Facts, Outcome, Party
from smtpwatch.state.session import Session
from smtpwatch.triage.alert import BLOCKABLE, Severity, Subject
from smtpwatch.triage.counting import DAY
from smtpwatch.triage.rule import REWORD, Rule, Scene, listed, many, span

EVERY = 4.0  # seconds between two rounds, at least
PORTION = 1_500  # sources that are looked at in one second, some ms: ten thousand take seven seconds
MUCH = 4  # times as many tries as a campaign has sources, of those that have nothing but their name in common
KNOWN = 1_800.0  # seconds of traffic
RISE = 5.0  # times as much as is usual of those who call themselves so
LOOKED_AT = 1_000  # of those that look alike, who are asked what they want and where they are
BAD = (Outcome.REFUSED, Outcome.AUTH_FAILED, Outcome.ABANDONED)
NETWORKS = 3  # that they come from, at least: else their network tells them
TOGETHER = 0.8  # of them came within the window, or share what they want
SAID_BY_ALL = ("", "[address]", "user", "localhost", "localhost.localdomain", "#.#.#.#")
"""HELO patterns that have nothing to do with each other."""


class _Look(NamedTuple):
    """What members have in common."""

    helo: str
    ja4: str


class Campaign(Rule):
    """So many sources in several networks, of whom none has had a message accepted, with the same HELO pattern and JA4,
    that try the same recipients or accounts; or that all came within the window, and try much more than is usual of
    those who call themselves so."""

    name = "campaign"
    outcomes = BAD

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._bad: dict[Party, _Look | None] = {}
        """Sources that have come to something bad within the window, and what they look like once that was looked
        at."""
        self._left: Iterator[Party] | None = None
        """Those of them that this round has not looked at yet."""
        self._groups: dict[_Look, list[Party]] = {}
        self._next = -inf
        self._since: float | None = None

    def came_of(self, session: Session | None, parties: Sequence[Party], outcome: Outcome, time: float, n: int) -> None:
        """Remember whose."""
        if self._since is None:
            self._since = time
        if len(parties) > 1:
            self._bad.setdefault(parties[1], None)

    def tick(self, now: float) -> None:
        """Look at some more of those; when all were looked at, at those that look alike."""
        if self._left is None:
            if self._next - EVERY <= now < self._next:
                return
            self._next = now + EVERY
            self._left, self._groups = iter(list(self._bad)), {}
        since, seen = now - self.limits.window, 0
        for party in islice(self._left, PORTION):
            seen += 1
            if party.facts is None or party.last < since:
                del self._bad[party]
            elif not party.accepted and not party.passed:
                look = self._bad[party]
                if look is None:
                    look = self._bad[party] = _look_of(party.facts)
                if look.helo:
                    self._groups.setdefault(look, []).append(party)
        if seen < PORTION:
            self._left = None
            for look, members in self._groups.items():
                if len(members) >= self.limits.campaign:
                    self._judge(look, members, now)
            self._groups = {}

    def _judge(self, look: _Look, members: list[Party], now: float) -> None:
        alert = self.alerts.present.get((self.name, _subject(look)))
        if alert is not None and now - alert.told < REWORD:
            return
        window = self.limits.window
        bad = [(n, party) for party in members if (n := _tries(party, now, window))]
        if len(bad) < self.limits.campaign:
            return
        some = bad[:LOOKED_AT]
        networks = {party.facts.network for _, party in some if party.facts is not None}
        if len(networks) < NETWORKS:
            return
        fresh = sum(party.first >= now - window for _, party in some)
        wanted, share = _wanted(party.facts for _, party in some if party.facts is not None)
        tries = sum(n for n, _ in bad)
        at_once = fresh >= TOGETHER * len(some) and tries >= MUCH * self.limits.campaign and self._known(now)
        if not (at_once or share >= TOGETHER) or (self._as_usual(look, tries, now) and share < TOGETHER):
            return
        self._tell(look, bad, len(networks), wanted if share >= TOGETHER else "", now)

    def _known(self, now: float) -> bool:
        """What is usual has been seen for a while: until then everybody is new."""
        return self._since is not None and now - self._since >= KNOWN

    def _as_usual(self, look: _Look, tries: int, now: float) -> bool:
        """Some bots call themselves so all day long."""
        party = self.scene.picture.activity.groups[Dimension.HELO].get(look.helo)
        if party is None or party.error:  # it was followed before, and how much it did then is not known
            return True
        passed = min(DAY, now - party.first) - self.limits.window
        if passed <= 0:
            return False
        before = party.history.count(now, DAY, *BAD) - party.history.count(now, self.limits.window, *BAD)
        return tries < RISE * before * self.limits.window / passed

    def _tell(self, look: _Look, bad: list[tuple[int, Party]], networks: int, wanted: str, now: float) -> None:
        bad.sort(key=lambda each: -each[0])
        count, name = sum(n for n, _ in bad), _subject(look).name
        after = f", all after {wanted}" if wanted else ""
        says = (
            f"campaign {name}: {many(len(bad), 'source')} in {many(networks, 'network')} move together{after};"
            f" {many(count, 'try', 'tries')} within {span(self.limits.window)}, none accepted"
            f" ({listed((party.key for _, party in bad[:3]), len(bad))})"
        )
        term = f"helo:{quoted(look.helo).replace('#', '*')}" if look.helo else f"ja4:{look.ja4}"
        latest = tuple(key for _, party in bad[:8] if party.facts is not None for key in party.facts.latest[-1:])
        self.found(
            now, _subject(look), Severity.WARNING, says, count=count, term=term,
            sources=tuple(party.key for _, party in bad[:BLOCKABLE]), sessions=latest,
        )  # fmt: skip


def _subject(look: _Look) -> Subject:
    return Subject("campaign", f"HELO {look.helo} JA4 {look.ja4}" if look.ja4 else f"HELO {look.helo}")


def _tries(party: Party, now: float, window: float) -> int:
    """What it has come to of late, all of it bad: of one that is new that is all there is."""
    if party.first >= now - window:
        return max(0, party.weight - party.error - party.sessions)
    return party.history.count(now, window, *BAD)


def _look_of(facts: Facts) -> _Look:
    """Without a HELO pattern it looks like anybody: every program with the same TLS library has the same JA4."""
    helo = helo_pattern(_most(facts.helos))
    return _Look("" if helo in SAID_BY_ALL else helo, _most(facts.ja4s))


def _most(few: Few | None) -> str:
    found = [] if few is None else few.most()
    return found[0][0] if found else ""


def _wanted(members: Iterable[Facts]) -> tuple[str, float]:
    """The recipient or account that most of them tried, and how many of them did (0..1)."""
    counts: Counter[str] = Counter()
    whole = 0
    for facts in members:
        whole += 1
        for kind, few in (("account", facts.accounts), ("recipient", facts.recipients)):
            if few is not None:
                counts.update({f"{kind} {value}" for value in few.values})
    if not counts:
        return "", 0.0
    what, n = counts.most_common(1)[0]
    return what, n / whole
