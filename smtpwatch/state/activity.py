"""Who does what: the outcomes of all sessions, by source and by everything that sources have in common.

How right the figures are. Each outcome counts once, whether the wire tells it, a log, or both (Session.told). All that
is followed is followed exactly while there is room (PLACES); then who did the least gives way to who comes
(heavy.py), and figures are lower bounds: `Party.error` tells how much may have been before, for a source never more
than a ten-thousandth of all outcomes and sessions. Only sources in a group (`members`) are an estimate beyond 64.

What is not counted: what came of a session that TLS hides and no log tells of. Of several that TLS hides, of the same
client, it may stay unknown which is which: then it counts for the client and not for any of them. A session that TLS
hides is `abandoned` only once its log has told its end. What happened while detail was shed counts by source, without
its reasons.

Outbound sessions have us for a source; they count in the totals alone. The wire's events are folded in by
activity_wire.py, what logs tell by activity_logs.py."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from smtpwatch import events as ev
from smtpwatch.state.agreement import FIRST_SERVED
from smtpwatch.state.heavy import Heavy
from smtpwatch.state.history import Together
from smtpwatch.state.names import NAME, domain_of, helo_pattern
from smtpwatch.state.noticed import NOBODY, Noticed
from smtpwatch.state.origins import Origins, Place
from smtpwatch.state.party import PASSED, PLACES, REJECTED, TLS, Dimension, Facts, Outcome, Party
from smtpwatch.state.rates import Rate
from smtpwatch.state.session import LOG, Session

GROUPS = 16  # that one session can be of; a client that changes its name with each command fills no table
REASONS = 100  # of refusals that are told apart: twenty classes, and DNS lists by name
US = 1_000  # addresses that we send from, which are remembered: a Tally does not say which way its events went
PROXIES = 1_000  # addresses of proxies that are remembered: what is blocked there hits many

Direction = ev.Direction
OURS: tuple[Direction, ...] = ("inbound", "submission")
"""The directions in which others are the clients."""


class Refusal(NamedTuple):
    """A reply of 4xx or 5xx. `code` 0: which of them is not known; `why` is its class, or the DNS list."""

    time: float
    code: int
    why: str
    sender: str | None = None
    recipient: str | None = None


class Activity:
    """`groups` by dimension; `totals` by direction of traffic; `reasons` why clients were refused."""

    def __init__(self, place: Callable[[str], Place | None] | None = None) -> None:
        self.groups: dict[Dimension, Heavy[Party]] = {
            dimension: Heavy(places, partial(Party, dimension)) for dimension, places in PLACES.items()
        }
        self.sources = self.groups[Dimension.ADDRESS]
        self.origins = Origins(self.groups, place)
        self.totals: dict[Direction, Party] = {
            direction: Party(None, direction) for direction in ("inbound", "submission", "outbound")
        }
        self.reasons: Heavy[Party] = Heavy(REASONS, partial(Party, None))
        self.openings: dict[Direction, Rate] = {direction: Rate(61, 1.0) for direction in self.totals}
        """How often sessions begin, over a minute at most."""
        self.everyone = Together(*(self.totals[direction].history for direction in OURS))
        """What those come to who come to us: inbound and submission."""
        self.us: set[str] = set()
        """Addresses of ours that outbound sessions come from."""
        self.proxies: set[str] = set()
        """Addresses that have named the real client of a session."""
        self.noticed: Noticed = NOBODY
        """Is told what sessions come to."""

    def ours(self, now: float, window: float, outcome: Outcome) -> float:
        """Outcomes of everyone per second over the last `window` seconds."""
        return self.everyone.rate(now, window, outcome)

    def opening(self, now: float, window: float) -> float:
        """Sessions per second that begin, likewise; over a minute at most."""
        return sum(self.openings[direction].per_second(now, window) for direction in OURS)

    # Who a session is.

    def opened(self, session: Session, time: float) -> None:
        """A session has begun."""
        total = self.totals[session.direction]
        total.begun(time)
        self.openings[session.direction].add(time)
        session.parties = [total]
        if session.direction != "outbound":
            self._locate(session, time)
        elif len(self.us) < US:
            self.us.add(session.source)

    def renamed(self, session: Session, event: ev.SourceNamed) -> None:
        """It is not the proxy's, but the client's that a proxy has named."""
        if session.direction == "outbound" or not session.parties:
            return
        if len(self.proxies) < PROXIES:
            self.proxies.add(event.via)
        own, others = session.parties[1], session.parties[1:]
        open_, nothing = not session.over, not any(session.told)
        for party in others:
            if party.held and nothing:
                party.withdrawn(session.start, open_)
                if party.blank and party.dimension is not None:
                    self.groups[party.dimension].drop(party)
            elif party.held:  # an earlier client of the same connection (XCLIENT) has done something
                party.open -= open_
        if own.facts is not None and nothing:
            own.facts.latest = tuple(key for key in own.facts.latest if key != session.key)
            if not own.held:
                for group in own.facts.groups:
                    group.leave(own.key)
        del session.parties[1:]
        self._locate(session, event.time)
        facts = self.facts(session)
        if facts is not None:
            facts.via = event.via

    def named(self, session: Session, dimension: Dimension, name: str, time: float) -> None:
        """The session is of that group too, with all that it has come to so far."""
        parties = session.parties
        if not name or session.direction == "outbound" or not 0 < len(parties) < GROUPS:
            return
        party = self.groups[dimension].touch(name[:NAME])
        if party in parties:
            return
        parties.append(party)
        party.begun(time, not session.over)
        party.join(session.source)
        if dimension is Dimension.ACCOUNT:
            self.noticed.logged_in(session.source, session, name, time)
        told = session.told
        if any(told):
            for outcome in Outcome:
                if told[outcome]:
                    party.count(outcome, time, told[outcome])
            party.rejected += told[REJECTED]
            party.deferred += told[Outcome.REFUSED] - told[REJECTED]
            party.passed += told[PASSED]
            party.tls += told[TLS]

    def hello(self, session: Session, name: str, time: float) -> None:
        """Its client says that it is called so."""
        pattern = helo_pattern(name[:NAME])
        for party in session.parties:
            if party.dimension is Dimension.HELO and party.key == pattern:
                return
        self.named(session, Dimension.HELO, pattern, time)
        self.noted(session, "helos", name)

    def noted(self, session: Session, kind: str, value: str) -> None:
        """Something to remember of its source (Facts)."""
        facts = self.facts(session)
        if facts is not None and value:
            facts.note(kind, value[:NAME])

    # What came of it.

    def came_of(self, session: Session, outcome: Outcome, time: float, n: int = 1) -> None:
        """`n` more outcomes of that kind."""
        session.told[outcome] += n
        parties = self.parties(session, time)
        for party in parties:
            party.count(outcome, time, n)
        self.noticed.came_of(session, parties, outcome, time, n)

    def refused(self, session: Session, refusal: Refusal) -> None:
        """One refusal, and why."""
        time, code, why, sender, recipient = refusal
        self.came_of(session, Outcome.REFUSED, time)
        session.told[REJECTED] += code >= 500
        for party in session.parties:
            party.rejected += code >= 500
            party.deferred += 0 < code < 500
        if session.direction == "outbound":
            return
        self.reasons.touch(why[:NAME]).count(Outcome.REFUSED, time)
        self.noted(session, "reasons", why)
        self.attributed(session, Dimension.SENDER_DOMAIN, sender, Outcome.REFUSED, time)
        self.attributed(session, Dimension.RECIPIENT_DOMAIN, recipient, Outcome.REFUSED, time)
        self.noticed.refused(session, refusal)

    def attributed(
        self, session: Session, dimension: Dimension, address: str | None, outcome: Outcome, time: float
    ) -> None:
        """What came of one sender's or recipient's mail, by domain: a session may have many."""
        domain = domain_of(address)
        if domain and session.direction != "outbound":
            party = self.groups[dimension].touch(domain)
            party.count(outcome, time)
            party.join(session.source)

    def passed(self, session: Session, time: float) -> None:
        """Its client has logged in."""
        if not session.told[PASSED]:
            session.told[PASSED] = 1
            for party in self.parties(session, time):
                party.passed += 1

    def secured(self, session: Session, version: str, cipher: str, time: float) -> None:
        """It is under TLS from now on."""
        if not session.told[TLS]:
            session.told[TLS] = 1
            for party in self.parties(session, time):
                party.tls += 1
            self.noted(session, "versions", version)
            self.noted(session, "ciphers", cipher)

    def closed(self, session: Session) -> None:
        """It has just ended; a log may still tell more of it."""
        for party in session.parties:
            if party.held:  # else another one is followed under its key by now, to which this session is none
                party.open -= 1
                party.seen(session.end)

    def settle(self, session: Session) -> None:
        """If it has ended, and nothing came of it as far as will ever be told, that counts."""
        if session.over and session.smtp and not any(session.told[:TLS]) and _nothing_more(session):
            self.came_of(session, Outcome.ABANDONED, session.end)

    def parties(self, session: Session, time: float) -> list[Party]:
        """Whose doings it counts among; those who had to give way to others are back."""
        parties = session.parties
        for at, party in enumerate(parties):
            if not party.held:
                parties[at] = self._again(session, party, time)
        return parties

    def _again(self, session: Session, party: Party, time: float) -> Party:
        assert party.dimension is not None  # nosec: the totals are always held
        if party.dimension is Dimension.ADDRESS:
            fresh = self.origins.of(party.key, time)[0]
            fresh.led_to(session.key)
        else:
            fresh = self.groups[party.dimension].touch(party.key)
            facts = self.facts(session)
            if party.dimension is Dimension.ASN and facts is not None:
                fresh.label = facts.org
            fresh.join(session.source)
        fresh.begun(time, not session.over)
        return fresh

    def _locate(self, session: Session, time: float) -> None:
        places = self.origins.of(session.source, time)
        for party in places:
            party.begun(time)
        session.parties += places
        places[0].led_to(session.key)

    @staticmethod
    def facts(session: Session) -> Facts | None:
        """Those of its source."""
        return session.parties[1].facts if len(session.parties) > 1 else None


def _nothing_more(session: Session) -> bool:
    """No more can be told of an ended session that has come to nothing so far."""
    if session.partial is not None or session.messages:  # not all was seen, or a message is on its way to the queue
        return False
    if session.sensor == LOG:
        return not any(visit.served in FIRST_SERVED for visit in session.visits)  # who passes goes on to another visit
    return not session.dark or any(visit.over and visit.served not in FIRST_SERVED for visit in session.visits)
