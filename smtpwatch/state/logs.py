"""What the logs tell, joined with what the wire shows: visits find their sessions, messages their visits."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable

from smtpwatch import events as ev
from smtpwatch.state.clocks import TOLERANCE
from smtpwatch.state.join import Join
from smtpwatch.state.log_sessions import Visit, Visits
from smtpwatch.state.messages import Messages
from smtpwatch.state.mirror import mirror
from smtpwatch.state.session import Session
from smtpwatch.state.sightings import Sightings

SENSOR = "log"
SETTLE = 0.5  # seconds of event time between looks at who can be joined by time
STRAY_WAIT = 3.0  # seconds that a line without a thread waits for the packets of its session, if the clocks are known
STRAYS_APART = 60.0  # seconds between two lines without a thread, of one source, that are told as two sessions
STRAYS = 10_000  # sources whose lines without a thread are gathered at a time


class Logs:
    """Folds log events. `opened(session)` is called with each session that only the log knows of, `ended(session)` with
    one that has ended."""

    def __init__(self, opened: Callable[[Session], None], ended: Callable[[Session], None]) -> None:
        self.join = Join(_joined)
        self.messages = Messages()
        self.alone = False
        """There are no packets: a visit need not wait for its session."""
        self._visits = Visits()
        self._sightings = Sightings()
        self._threadless: deque[ev.ClientEvent] = deque()
        """Lines that no thread ties to others, until every session that they could be of has been seen."""
        self._pseudo: OrderedDict[tuple[str, str, str], Visit] = OrderedDict()
        self._opened = opened
        self._ended = ended
        self._number = 0
        self._settled = 0.0

    def apply(self, event: ev.LogEvent) -> None:
        """Take in one fact."""
        if type(event) is ev.ClientPortSeen:
            self._sightings.seen(event)
            return
        visit, new = self._visits.visit(event)
        if visit is not None:
            self._visited(visit, new, event)
        elif isinstance(event, ev.ClientEvent) and event.source and _of_smtp(event):
            self._threadless.append(event)
        message = self.messages.apply(event)
        if message is not None and visit is not None and message.visit is None and type(event) is ev.MessageReceived:
            message.visit = visit

    def _visited(self, visit: Visit, new: bool, event: ev.LogEvent) -> None:
        visit.apply(event)
        if not self.alone:
            self.join.logged(visit, new)
            if new and visit.pid and not visit.client_port:
                self._sightings.visit(visit)
        elif new:
            self._alone(visit)
        session = visit.session
        if session is not None:
            mirror(visit, session)
        if type(event) is ev.ClientDisconnected:
            self._visits.over(event)
            if session is not None and session.sensor == SENSOR:
                self._close(session)

    def _stray(self, event: ev.ClientEvent) -> None:
        """A line without a thread: of the session that was open then, else with the same source's other such lines."""
        found = None if self.alone else self.join.containing(event)
        if found is not None:
            session, kind = found
            visit = next((each for each in session.visits if each.program == event.program and not each.pid), None)
            if visit is None:
                visit = Visit(event)
                visit.session, visit.join = session, kind
                session.visits.append(visit)
        else:
            visit = self._strays_of(event)
        visit.apply(event)
        if visit.session is None:
            self._alone(visit)
        else:
            mirror(visit, visit.session)
        message = self.messages.get((event.host, getattr(event, "queue_id", "")))
        if message is not None and message.visit is None and type(event) is ev.MessageReceived:
            message.visit = visit

    def _strays_of(self, event: ev.ClientEvent) -> Visit:
        key = (event.host, event.program, event.source)
        visit = self._pseudo.get(key)
        if visit is None or event.time - visit.lines[-1].time > STRAYS_APART:
            if visit is not None and visit.session is not None:
                self._close(visit.session)
            visit = self._pseudo[key] = Visit(event)
        self._pseudo.move_to_end(key)
        return visit

    def _close_strays(self, now: float) -> None:
        while self._pseudo:
            key, visit = next(iter(self._pseudo.items()))
            if visit.lines and now - visit.lines[-1].time <= STRAYS_APART and len(self._pseudo) <= STRAYS:
                return
            del self._pseudo[key]
            if visit.session is not None:
                self._close(visit.session)

    def _close(self, session: Session) -> None:
        session.stage = "closed"
        self._ended(session)

    def _alone(self, visit: Visit) -> None:
        """A session of its own, since the wire shows none."""
        self._number += 1
        session = Session(SENSOR, self._number, visit.source, visit.start)
        visit.session = session
        session.visits.append(visit)
        mirror(visit, session)
        self._opened(session)
        if visit.end is not None:
            self._close(session)

    def session_opened(self, session: Session) -> None:
        """The wire shows a session."""
        self.join.opened(session)
        self._mirror_all(session)

    def session_closed(self, session: Session) -> None:
        """It has ended on the wire."""
        self.join.ended(session)

    def queued(self, session: Session, queue_id: str) -> None:
        """The wire shows the queue id of one of its messages."""
        self.join.queued(session, queue_id)
        self._mirror_all(session)

    def _mirror_all(self, session: Session) -> None:
        for visit in session.visits:
            mirror(visit, session)

    def settle(self, now: float, everything: bool = False) -> None:
        """Join by time what can be by now. `everything`: no more is to come."""
        if not everything and now - self._settled < SETTLE:
            return
        self._settled = now
        for visit in self._sightings.settle(now, self.join.from_port, everything):
            self.join.logged(visit, new=False)
        for visit in list(self.join.settle(now, everything)):
            if not self.join.could_be_several(visit):  # else it is one of those that are shown already
                self._alone(visit)
        due = now - TOLERANCE - 1.0 if not self.join.offset.known else now - STRAY_WAIT
        while self._threadless and (everything or self.alone or self._threadless[0].time <= due):
            self._stray(self._threadless.popleft())
        self._close_strays(float("inf") if everything else now)


def _joined(visit: Visit) -> None:
    if visit.session is not None:
        mirror(visit, visit.session)


def _of_smtp(event: ev.ClientEvent) -> bool:
    """Whether a line is about an SMTP session: not about IMAP and the like, nor about a client in general."""
    if type(event) is ev.ClientPeak:
        return False
    return event.program != "dovecot" or event.text.startswith("submission")
