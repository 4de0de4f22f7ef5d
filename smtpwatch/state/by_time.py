"""One source's visits and sessions, told apart by time and HELO.

Visits and sessions that could be one another, by time and with a margin, make a group. A group is joined if it has as
many of the one as of the other, and if there is but one way to join them all: then one that is missing, or one whose
times are far from what is usual, leaves its group undecided and makes nothing wrong. All else that is known may speak
against a pair; HELO may also speak for one; but nothing is joined only since the others were ruled out by it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, pairwise
from math import inf

from smtpwatch.state.agreement import agree, contradict, has_said, in_time, may_have_said
from smtpwatch.state.by_source import Key
from smtpwatch.state.clocks import BELIEVED, Offset
from smtpwatch.state.glance import Glance
from smtpwatch.state.session import Session
from smtpwatch.state.visit import JoinKind, Visit

AMONG = 64  # visits or sessions about the same time: time does not tell more of them apart
GROUP = 6  # visits of a group that is joined; in a bigger one, two that are missing may go unnoticed
IN_TURN = 20  # the same, if they came one after the other
ROUNDS = 3  # what is joined by HELO leaves fewer choices to the rest: as often as that

Pair = tuple[Visit, Session, JoinKind]


class ByTime:
    """`visits` are all those of a source that wait for their session, `sessions` all those that have no visit; `find`
    wakes the session of a key. All that could be meant by a visit stamped `until` at the latest has come."""

    def __init__(
        self,
        visits: Iterable[Visit],
        sessions: Iterable[Session | Glance],
        find: Callable[[Key], Session | None],
        offset: Offset,
        until: float,
    ) -> None:
        self._offset = offset
        self._until = until
        self._visits = [visit for visit in visits if visit.port_seen or not visit.client_port]
        self._find = find
        self._seen: Sequence[Session | Glance] = [*sessions]
        """Thousands, it may be, that a client holds open: most are only looked at."""
        self._sessions: list[Session] = []
        self._options: dict[Visit, list[Session]] = {}
        self._claims: dict[Session, list[Visit]] = {}

    def pairs(self, due: Iterable[Visit]) -> Iterator[Pair]:
        """Sessions for those that are `due`, and others with them. The caller joins them."""
        wanted = [visit for visit in due if not visit.client_port]
        self._near(wanted)
        if max(len(self._seen), len(self._visits)) > AMONG:
            return
        # One list: what is found to be a visit's is no choice of another's any more.
        self._seen = self._sessions = [*filter(None, (self._find(each.key) for each in self._seen))]
        for _ in range(ROUNDS):
            if not self._sessions:
                return
            self._options.clear()
            self._claims.clear()
            found = list(self._found(wanted))
            yield from found
            if all(kind == "time" for _, _, kind in found):
                return
            for visit, session, _ in found:
                self._visits.remove(visit)
                self._sessions.remove(session)
                if visit in wanted:
                    wanted.remove(visit)

    def _found(self, wanted: list[Visit]) -> Iterator[Pair]:
        decided: set[Visit] = set()
        for visit in wanted:
            if visit in decided:
                continue
            group = self._group(visit)
            decided.update(group)
            pairs = self._only_way(group)
            for one in group or [visit]:
                session = pairs.get(one) or self._by_helo(one)
                if session is not None:
                    yield one, session, "time" if one in pairs else "HELO"

    def choices(self, visit: Visit) -> bool:
        """Whether there is a session that it may be, going by time."""
        if visit.client_port and not visit.port_seen:
            return False
        return any(in_time(visit, session, self._offset.wide) for session in self._seen)

    def _near(self, wanted: list[Visit]) -> None:
        """Forget the sessions that nothing wanted can be, and the visits that can be none of the rest: at a glance."""
        least, most = self._offset.wide
        reach = IN_TURN * (most - least + 1.0)
        first = min((visit.start for visit in wanted), default=inf) - most - reach
        last = max((visit.by for visit in wanted), default=-inf) - least + reach
        begun = all(visit.connected for visit in self._visits)
        self._seen = [
            each
            for each in self._seen
            if each.served <= last
            and (first <= each.served or ((first <= each.end or not each.over) and (each.greeted is None or not begun)))
        ]
        if begun and all(each.greeted is not None for each in self._seen):
            first, last = first + least, last + most
            self._visits = [each for each in self._visits if first <= each.by and each.start <= last]

    def _options_of(self, visit: Visit) -> list[Session]:
        """The sessions that it may be."""
        options = self._options.get(visit)
        if options is None:
            wide = self._offset.wide
            options = self._options[visit] = [each for each in self._sessions if in_time(visit, each, wide)]
        return options

    def _claims_on(self, session: Session) -> list[Visit]:
        """The visits that it may be."""
        claims = self._claims.get(session)
        if claims is None:
            wide = self._offset.wide
            claims = self._claims[session] = [each for each in self._visits if in_time(each, session, wide)]
        return claims

    def _group(self, visit: Visit) -> list[Visit]:
        """All visits that are tied to this one by sessions which could be either; none if there are too many."""
        most = IN_TURN if self._offset.known else GROUP
        group, seen = [visit], {visit}
        for each in group:
            options = self._options_of(each)
            if max(len(options), len(group)) > most:
                return []
            for session in options:
                for other in self._claims_on(session):
                    if other not in seen:
                        seen.add(other)
                        group.append(other)
        return group

    def _only_way(self, group: list[Visit]) -> dict[Visit, Session]:
        """The one way to join all of a group; nothing if there are more, or none, or if anything speaks against it."""
        sessions = {session for visit in group for session in self._options_of(visit)}
        if len(group) != len(sessions) or any(visit.by > self._until for visit in group):
            return {}
        ways = []
        visits = sorted(group, key=lambda visit: visit.number)
        if len(group) <= GROUP:
            ways = list(islice(self._ways(visits, {}), 2))
        if len(ways) != 1 and len(group) <= IN_TURN:
            ways = _in_turn(visits, sorted(sessions, key=lambda session: session.served))
        if len(ways) != 1 or not all(agree(*pair, self._offset.window) for pair in ways[0].items()):
            return {}
        return ways[0]

    def _ways(self, visits: list[Visit], begun: dict[Visit, Session]) -> Iterator[dict[Visit, Session]]:
        """All ways to join the rest of the visits, each process's in the order in which it served them."""
        if len(begun) == len(visits):
            yield dict(begun)
            return
        visit = visits[len(begun)]
        for session in self._options_of(visit):
            if session in begun.values() or contradict(visit, session):
                continue
            if all(_in_order(before, earlier, visit, session) for before, earlier in begun.items()):
                begun[visit] = session
                yield from self._ways(visits, begun)
                del begun[visit]

    def _by_helo(self, visit: Visit) -> Session | None:
        helo = visit.helo
        if not helo or visit.by > self._until:
            return None
        may = [each for each in self._options_of(visit) if may_have_said(each, helo)]
        if len(may) != 1 or not has_said(may[0], helo) or not agree(visit, may[0], self._offset.window):
            return None
        rivals = (each for each in self._claims_on(may[0]) if each is not visit)
        return may[0] if all(contradict(each, may[0]) for each in rivals) else None

    def misfits(self, due: Iterable[Visit]) -> list[tuple[Visit, Session]]:
        """Those of them that, by TOLERANCE, can be one session only, which can be nothing else, though the clocks seem
        to differ by less."""
        found = []
        for visit in due:
            sessions = [each for each in self._seen if in_time(visit, each, BELIEVED)]
            if len(sessions) != 1 or not visit.connected or in_time(visit, sessions[0], self._offset.wide):
                continue
            if sum(in_time(each, sessions[0], BELIEVED) for each in self._visits) == 1:
                session = self._find(sessions[0].key)
                if session is not None:
                    found.append((visit, session))
        return found


def _in_turn(visits: list[Visit], sessions: list[Session]) -> list[dict[Visit, Session]]:
    """A client that comes again and again, each time after it has left, is told of in the same order by both. Lines of
    two processes are in order if their stamps say so: not within one second, where that is all that they tell."""
    over = all(visit.over for visit in visits) and all(session.over for session in sessions)
    apart = all(one.end <= after.served for one, after in pairwise(sessions))
    told_apart = all(
        one.latest <= after.start and (_one_process(one, after) or one.latest + one.whole <= after.start)
        for one, after in pairwise(visits)
    )
    return [dict(zip(visits, sessions, strict=True))] if over and apart and told_apart else []


def _one_process(one: Visit, other: Visit) -> bool:
    return one.pid == other.pid and one.host == other.host and bool(one.pid)


def _in_order(before: Visit, earlier: Session, visit: Visit, session: Session) -> bool:
    return not _one_process(before, visit) or earlier.served < session.served
