"""The join: a visit that a log tells of, and a session seen on the wire, found to be one.

In order of certainty: the client's port, where it is logged; the queue id that the wire saw in clear and the log has
too; the client's socket, which the process was seen to have open; and else address and time, within TOLERANCE. Time
decides only where there is no second choice on either side: a wrong join would blame the wrong client."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from itertools import pairwise

from smtpwatch.events import ClientEvent
from smtpwatch.state.agreement import contains, contradict, fits, helo_of
from smtpwatch.state.clocks import TOLERANCE, Offset
from smtpwatch.state.log_sessions import JoinKind, Visit
from smtpwatch.state.session import Session

KEPT = 30.0  # seconds after its end that a session can still be joined: log lines come late
SETTLED = TOLERANCE + 1.0  # seconds after which no line or packet of a session's beginning is waited for any more
SLACK = 0.25  # seconds that the wire's sensor may be behind the log's
AMONG = 200  # sessions of one source looked through by time: beyond, time cannot tell them apart anyway


class Join:
    """Finds the wire session of each visit, and calls `joined` then. `offset` is what is known of the clocks."""

    def __init__(self, joined: Callable[[Visit], None]) -> None:
        self.offset = Offset()
        self._joined = joined
        self._by_port: dict[tuple[str, int], Session] = {}
        self._by_queue_id: dict[str, Session] = {}
        self._sessions: dict[str, dict[tuple[str, int], Session]] = {}
        """Of each source, those that can still be joined, oldest first."""
        self._visits: dict[str, dict[int, Visit]] = {}
        """Of each source, those that wait for their session, oldest first."""
        self._ended: deque[Session] = deque()
        self._ripening: deque[Visit] = deque()
        self._waiting: deque[Visit] = deque()
        self._look_again: set[str] = set()

    def opened(self, session: Session) -> None:
        """A session was seen to begin, or a PROXY header named its client."""
        self._by_port[_place(session)] = session
        self._sessions.setdefault(session.source, {})[session.key] = session
        for visit in list(self._visits.get(session.source, {}).values()):
            if visit.client_port and self._from_its_port(visit) is session:
                self._join(visit, session, _port_kind(visit))
                return

    def ended(self, session: Session) -> None:
        """A session has ended; what the log says of it may still come."""
        if session.source in self._visits:
            self._look_again.add(session.source)
        self._ended.append(session)
        while self._ended and self._ended[0].end < session.end - KEPT:
            self._forget(self._ended.popleft())

    def queued(self, session: Session, queue_id: str) -> None:
        """The wire saw which queue id the session's message got."""
        self._by_queue_id[queue_id] = session
        for visit in self._visits.get(session.source, {}).values():
            if queue_id in visit.queue_ids:
                self._join(visit, session, "queue id")
                return

    def logged(self, visit: Visit, new: bool) -> None:
        """A visit has begun, or something more is known of it: join it, if that is beyond doubt by now."""
        if visit.join is not None and not (visit.port_seen and visit.join == "time"):
            return
        if new:
            self._visits.setdefault(visit.source, {})[id(visit)] = visit
            self._ripening.append(visit)
        session = self._from_its_port(visit)
        if session is not None:
            self._join(visit, session, _port_kind(visit))
            return
        if visit.queue_ids:
            session = self._by_queue_id.get(visit.queue_ids[-1])
            if session is not None and session.source == visit.source:
                self._join(visit, session, "queue id")
        if visit.end is not None and visit.session is None:
            self._look_again.add(visit.source)

    def containing(self, event: ClientEvent) -> tuple[Session, JoinKind] | None:
        """The session that a line without a thread is of: the only one of that source, and with that HELO if the line
        has one, that was open when it was logged."""
        queue_id = getattr(event, "queue_id", "")
        by_id = self._by_queue_id.get(queue_id) if queue_id else None
        if by_id is not None and by_id.source == event.source:
            return by_id, "queue id"
        held = self._sessions.get(event.source, {})
        if len(held) > AMONG:
            return None
        open_then = [session for session in held.values() if contains(session, event, self.offset)]
        helo = helo_of(event)
        if helo:
            named = [session for session in open_then if (session.helo or "").casefold() == helo.casefold()]
            if len(named) == 1:
                return named[0], "HELO"
            if named:
                return None
            open_then = [session for session in open_then if session.helo is None]
        return (open_then[0], "time") if len(open_then) == 1 else None

    def from_port(self, source: str, port: int, time: float) -> Session | None:
        """The session from that address and port that was open at that time."""
        session = self._by_port.get((source, port))
        if session is None or time < session.start or (session.closed_by is not None and time > session.end + 1.0):
            return None
        return session

    def could_be_several(self, visit: Visit) -> bool:
        """Whether the wire shows sessions that it may be, but does not tell which."""
        held = self._sessions.get(visit.source, {})
        return len(held) > AMONG or any(fits(visit, each, self.offset) for each in held.values() if not each.visits)

    def settle(self, now: float, everything: bool = False) -> Iterator[Visit]:
        """Join by time what can be by `now`; yields the visits that have waited long enough and have no session.

        `everything`: nothing more will come."""
        sources = set(self._look_again)
        self._look_again.clear()
        while self._ripening and (everything or self._ripe(self._ripening[0], now)):
            visit = self._ripening.popleft()
            if visit.session is None:
                sources.add(visit.source)
                self._waiting.append(visit)
        for source in sources:
            self._by_time(source, now, everything)
        while self._waiting and (everything or now - self._waiting[0].start > SETTLED):
            visit = self._waiting.popleft()
            if visit.session is None:
                self._by_time(visit.source, now, everything)
            self._drop(visit)
            if visit.session is None:
                yield visit

    def _ripe(self, visit: Visit, now: float) -> bool:
        """Every session that it could be has been seen by now."""
        least, _ = self.offset.window
        return now > visit.start + visit.whole - least + SLACK

    def _by_time(self, source: str, now: float, everything: bool) -> None:
        """Join what has no second choice, and then what has none left."""
        while self._one_round(source, now, everything):
            pass
        visits = [visit for visit in self._visits.get(source, {}).values() if visit.connected]
        self._in_turn(visits, [each for each in self._sessions.get(source, {}).values() if not each.visits])

    def _one_round(self, source: str, now: float, everything: bool) -> bool:
        visits = [visit for visit in self._visits.get(source, {}).values() if visit.connected]
        sessions = [session for session in self._sessions.get(source, {}).values() if not session.visits]
        if not visits or not sessions or len(sessions) > AMONG or len(visits) > AMONG:
            return False
        choices = [(visit, [each for each in sessions if fits(visit, each, self.offset)]) for visit in visits]
        rivals = Counter(session.key for _, chosen in choices for session in chosen)
        joined = False
        for visit, chosen in choices:
            if len(chosen) == 1 and rivals[chosen[0].key] == 1 and (everything or self._ripe(visit, now)):
                if len(visits) == len(sessions) == 1:  # nothing that time could have mistaken: so the clocks agree
                    self._learn(visit, chosen[0])
                self._join(visit, chosen[0], "time")
                joined = True
        return joined

    def _in_turn(self, visits: list[Visit], sessions: list[Session]) -> None:
        """A source that comes again and again, one session after the other, is told in the same order by both."""
        if not self.offset.known or len(visits) != len(sessions) or not visits:
            return
        over = all(visit.end is not None for visit in visits) and all(s.closed_by is not None for s in sessions)
        apart = all(one.end <= next_.start for one, next_ in pairwise(sessions))
        told_apart = all((one.end or one.start) <= next_.start for one, next_ in pairwise(visits))
        pairs = list(zip(visits, sessions, strict=True))
        if over and apart and told_apart and all(fits(*pair, self.offset) for pair in pairs):
            for visit, session in pairs:
                self._join(visit, session, "time")

    def _from_its_port(self, visit: Visit) -> Session | None:
        """The session from that port, if it can be this one: ports are used again."""
        if not visit.client_port:
            return None
        session = self._by_port.get((visit.source, visit.client_port))
        if session is None or visit.start - session.served < -TOLERANCE - visit.whole:
            return None
        if session.closed_by is not None and visit.start - session.end > TOLERANCE:
            return None
        return None if visit.port_seen and contradict(visit, session) else session

    def _join(self, visit: Visit, session: Session, kind: JoinKind) -> None:
        for other in [each for each in session.visits if each.served == visit.served and each is not visit]:
            if kind == "time":
                return
            other.session = other.join = None  # it was believed to be this session for a worse reason
            session.visits.remove(other)
        if visit.session is not None:
            visit.session.visits.remove(visit)
        visit.session, visit.join = session, kind
        session.visits.append(visit)
        if kind != "time" and visit.connected:
            self._learn(visit, session)
        self._drop(visit)
        self._joined(visit)

    def _learn(self, visit: Visit, session: Session) -> None:
        self.offset.learn(visit.start, visit.whole, session.served)

    def _drop(self, visit: Visit) -> None:
        waiting = self._visits.get(visit.source)
        if waiting is not None and waiting.pop(id(visit), None) is not None and not waiting:
            del self._visits[visit.source]

    def _forget(self, session: Session) -> None:
        """It ended so long ago that no line of it will come."""
        if self._by_port.get(_place(session)) is session:
            del self._by_port[_place(session)]
        for queue_id in session.queue_ids:
            if self._by_queue_id.get(queue_id) is session:
                del self._by_queue_id[queue_id]
        for source in {session.source, session.client}:
            held = self._sessions.get(source)
            if held is not None and held.pop(session.key, None) is not None and not held:
                del self._sessions[source]


def _place(session: Session) -> tuple[str, int]:
    return session.source, session.named_port or session.client_port


def _port_kind(visit: Visit) -> JoinKind:
    return "process" if visit.port_seen else "port"
