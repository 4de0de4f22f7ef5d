"""Lines that no thread ties to others (Exim without process ids, filters, Dovecot's logins): each goes to the session
that was open then, or else with the others of its source."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator

from smtpwatch import events as ev
from smtpwatch.state.agreement import contains, has_said, may_have_said
from smtpwatch.state.clocks import Clocks
from smtpwatch.state.join import Join
from smtpwatch.state.session import Session
from smtpwatch.state.visit import AGAIN, JoinKind, Visit

APART = 60.0  # seconds between two such lines of one source that are told as two sessions
GATHERED = 10_000  # sources whose lines are gathered at a time
WAITING = 50_000  # lines that wait at a time for the packets of their session


class Strays:
    """`alone(visit)` is called with each visit that needs a session of its own, `closed(session)` when that is over."""

    def __init__(
        self, clocks: Clocks, join: Join, alone: Callable[[Visit], None], closed: Callable[[Session], None]
    ) -> None:
        self._clocks = clocks
        self._join = join
        self._alone = alone
        self._closed = closed
        self._waiting: deque[ev.ClientEvent] = deque()
        self._gathered: OrderedDict[tuple[str, str, str], Visit] = OrderedDict()

    def add(self, event: ev.ClientEvent) -> None:
        """One more line."""
        self._waiting.append(event)

    def settle(self, at_once: bool, everything: bool) -> Iterator[tuple[ev.ClientEvent, Visit]]:
        """Those lines whose visit is known by now, each applied to it. `at_once`: there are no packets to wait for."""
        clocks = self._clocks
        while self._waiting:
            event = self._waiting[0]
            wait = not (at_once or everything or len(self._waiting) > WAITING)
            if wait and not clocks.told(event.time):
                break
            self._waiting.popleft()
            visit = None if at_once else self._of_session(event)
            if visit is None and type(event) is ev.LoginTried and event.service == AGAIN:
                continue  # the server tells of it as well, and of which session
            visit = visit or self._of_source(event)
            visit.apply(event)
            yield event, visit
        self._close(float("inf") if everything else clocks.log.time)

    def _of_session(self, event: ev.ClientEvent) -> Visit | None:
        found = self._containing(event)
        if found is None:
            return None
        session, kind = found
        for visit in session.visits:
            if visit.program == event.program and visit.join is not None and not visit.connected:
                return visit
        visit = Visit(event)
        visit.session, visit.join = session, kind
        session.visits.append(visit)
        return visit

    def _containing(self, event: ev.ClientEvent) -> tuple[Session, JoinKind] | None:
        """The session that the line is of: the only one of that client, or the only one with that HELO, that was open
        when it was logged."""
        queue_id, helo = getattr(event, "queue_id", ""), getattr(event, "helo", None)
        named = self._join.exact.session_that_got(event.source, queue_id, event.time) if queue_id else None
        offset = self._clocks.offset
        if named is not None:
            session, then = named
            offset.learn(event.time - then, event.time + event.time.is_integer() - then)
            return session, "queue id"
        held = self._join.sessions_of(event.source) or ()
        open_then = [session for session in held if contains(session, event, offset.wide)]
        may = [session for session in open_then if not helo or may_have_said(session, helo)]
        if len(may) != 1:
            return None
        if helo and has_said(may[0], helo):
            return may[0], "HELO"
        return (may[0], "time") if len(open_then) == 1 else None

    def _of_source(self, event: ev.ClientEvent) -> Visit:
        key = (event.host, event.program, event.source)
        visit = self._gathered.get(key)
        if visit is None or event.time - visit.latest > APART:
            if visit is not None:
                self._end(visit)
            visit = self._gathered[key] = Visit(event)
            visit.source, visit.name = event.source, event.name
            self._alone(visit)
        self._gathered.move_to_end(key)
        return visit

    def _close(self, now: float) -> None:
        """Those that are over."""
        while self._gathered:
            visit = next(iter(self._gathered.values()))
            if now - visit.latest <= APART and len(self._gathered) <= GATHERED:
                return
            self._gathered.popitem(last=False)
            self._end(visit)

    def _end(self, visit: Visit) -> None:
        if visit.session is not None:
            self._closed(visit.session)
