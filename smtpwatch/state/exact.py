"""What ports and queue ids say: which session a visit names. Both are used again, so time has a word in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from smtpwatch.state.agreement import from_port, gave
from smtpwatch.state.clocks import BELIEVED, SLACK, TOLERANCE, Clocks
from smtpwatch.state.index import Index
from smtpwatch.state.session import Session
from smtpwatch.state.visit import EXACT, Visit

RIVALS = 20_000  # ports and queue ids of visits, the latest


class Exact:
    """Sessions and visits by address and port, and by address and queue id. `at` finds the sessions of an address and
    port."""

    def __init__(self, clocks: Clocks, at: Callable[[str, int], list[Session]]) -> None:
        self._clocks = clocks
        self._at = at
        self._queued: Index[tuple[Session, float]] = Index(RIVALS)
        self._from_port: Index[Visit] = Index(RIVALS)
        self._received: Index[Visit] = Index(RIVALS)

    def place(self, session: Session, port: int) -> list[Visit]:
        """A session comes from that port; returns the visits that it may be."""
        return [visit for visit in self._from_port.get((session.source, port)) if visit.session is None]

    def queued(self, session: Session, queue_id: str, time: float) -> list[Visit]:
        """A session got that queue id; returns the visits that it may be."""
        key = (session.source, queue_id)
        self._queued.add(key, (session, time))
        return [visit for visit in self._received.get(key) if visit.join not in EXACT]

    def logged(self, visit: Visit, queue_id: str) -> None:
        """A visit's message has that queue id, or, if that is "", it has a client's port."""
        if queue_id:
            self._received.add((visit.source, queue_id), visit)
        else:
            self._from_port.add((visit.source, visit.client_port), visit)

    def forget(self, session: Session) -> None:
        """It ended so long ago that no line of it will come."""
        for queue_id in session.queue_ids:
            key = (session.source, queue_id)
            for entry in self._queued.get(key):
                if entry[0] is session:
                    self._queued.discard(key, entry)

    def session_of(self, visit: Visit, queue_id: str) -> Session | None:
        """The session that a visit is by queue id, or, if that is "", by its client's port."""
        if queue_id:
            return self._with_queue_id(visit, queue_id)
        place = (visit.source, visit.client_port)
        sessions, visits = self._at(*place), self._from_port.get(place)
        if not sessions:
            return None
        window = BELIEVED if len(sessions) == len(visits) == 1 else self._clocks.offset.wide
        return _only(visit, sessions, visits, lambda visit, session: from_port(visit, session, window))

    def _with_queue_id(self, visit: Visit, queue_id: str) -> Session | None:
        key = (visit.source, queue_id)
        entries, visits = self._queued.get(key), self._received.get(key)
        if not entries:
            return None
        window = BELIEVED if len(entries) == len(visits) == 1 else self._clocks.offset.wide

        def may(visit: Visit, session: Session) -> bool:
            return any(gave(visit, queue_id, *each, window) for each in entries if each[0] is session)

        return _only(visit, [session for session, _ in entries], visits, may)

    def reused(self, visit: Visit) -> bool:
        """Its port has been used more than once of late."""
        place = (visit.source, visit.client_port)
        return max(len(self._at(*place)), len(self._from_port.get(place))) > 1

    def silent(self, visit: Visit) -> bool:
        """A session from its port waits for a server's first word."""
        return any(not (each.spoken or each.over) for each in self._at(visit.source, visit.client_port))

    def session_at(self, source: str, port: int, time: float) -> Session | None:
        """The session from that address and port that was open about that time, if there was but one."""
        there = [each for each in self._at(source, port) if each.start <= time + SLACK]
        open_then = [each for each in there if not each.over or each.end >= time - SLACK]
        return open_then[0] if len(open_then) == 1 else None

    def session_that_got(self, source: str, queue_id: str, time: float) -> tuple[Session, float] | None:
        """The session from that address that got that queue id about that time, and when, if there was but one."""
        found = [each for each in self._queued.get((source, queue_id)) if abs(time - each[1]) <= TOLERANCE]
        return found[0] if len(found) == 1 else None


def _only(
    visit: Visit, sessions: Iterable[Session], visits: Iterable[Visit], may: Callable[[Visit, Session], bool]
) -> Session | None:
    """The session that nothing but `visit` may be, and that is all that it may be."""
    found = {session.key: session for session in sessions if may(visit, session)}
    if len(found) != 1:
        return None
    (session,) = found.values()
    rivals = (each for each in visits if each is not visit and each.join not in EXACT and each.served == visit.served)
    return None if any(may(rival, session) for rival in rivals) else session
