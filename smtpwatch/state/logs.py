"""What the logs tell, joined with what the wire shows: visits find their sessions, messages their visits."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from smtpwatch import events as ev
from smtpwatch.own_host import OwnHost
from smtpwatch.state.activity import Activity
from smtpwatch.state.activity_logs import accepted, logged, parted, unclaimed
from smtpwatch.state.asleep import Packer
from smtpwatch.state.clocks import Clocks
from smtpwatch.state.join import Join
from smtpwatch.state.lines import Lines
from smtpwatch.state.log_sessions import Visits, of_smtp
from smtpwatch.state.message import Message
from smtpwatch.state.messages import Messages
from smtpwatch.state.mirror import mirror
from smtpwatch.state.session import LOG, Session
from smtpwatch.state.sightings import Sightings
from smtpwatch.state.sleepers import Sleepers
from smtpwatch.state.strays import Strays
from smtpwatch.state.visit import Visit

SENSOR = LOG
WIRE = "wire"
SETTLE = 0.25  # seconds of either clock between looks at who can be joined
QUIET = 0.3  # seconds that a sensor's report of its health may be ahead of what it has told
BUSY = 1.0  # the same for packets, if there are so MANY of them from one report to the next
MANY = 1_000
READ = 2.0  # seconds by the clock of the log's sensor within which lines are read
BEHIND = 10.0  # the same for a log that has more to tell


class Logs:
    """Folds log events. `opened(session)` is called with each session that only the log knows of, `ended(session)` with
    one that has ended; `live` are all that have not."""

    def __init__(
        self,
        opened: Callable[[Session], None],
        ended: Callable[[Session], None],
        live: Sleepers,
        packer: Packer,
        activity: Activity | None = None,
    ) -> None:
        self.clocks = Clocks()
        self.join = Join(self.clocks, live, packer)
        self.messages = Messages()
        self.lines = Lines()
        self.alone = False
        """There are no packets: a visit need not wait for its session."""
        self._visits = Visits()
        self._sightings = Sightings(self.clocks, self.join.exact.session_at, self.join.sole)
        self._strays = Strays(self.clocks, self.join, self._alone, self._close)
        self._hosts = OwnHost()
        self._opened = opened
        self._ended = ended
        self._activity = activity
        self._number = 0
        self._newest = -inf
        """The stamp of the newest line."""
        self._received = self._packets = 0
        self._settled = (0.0, 0.0)

    def apply(self, event: ev.LogEvent) -> None:
        """Take in one fact."""
        if isinstance(event, ev.ClientPortSeen):
            self.clocks.marks.tell(event.time)
            self._sightings.seen(event)
            return
        if type(event) is ev.PlainLine:
            self.lines.plain(event)
            return
        self.clocks.log.tell(event.time)
        self._newest = event.time
        if not self.clocks.live and self.clocks.wire.time > -inf:
            self.clocks.wire.tell(event.time)
        visit, new = self._visits.visit(event)
        self.lines.add(event, visit)
        if self._visits.given_up:
            self._give_up()
        if visit is not None:
            self._visited(visit, new, event)
        elif isinstance(event, ev.ClientEvent) and event.source and of_smtp(event):
            self._strays.add(event)
            self.lines.stray(event)
        message = self.messages.apply(event)
        if message is None:
            return
        if type(event) is ev.Verdict and not event.queue_id:
            self.lines.about(message)
        if visit is not None and message.visit is None and type(event) is ev.MessageReceived:
            message.visit = visit
        self._tell_message(message, event.time)

    def _give_up(self) -> None:
        for visit in self._visits.given_up:
            self._over(visit)
        self._visits.given_up.clear()

    def _visited(self, visit: Visit, new: bool, event: ev.LogEvent) -> None:
        visit.apply(event)
        queue_id = event.queue_id if isinstance(event, ev.MessageReceived) else ""
        if visit.session is None:
            if self.alone or not self._of_this_host(event.host):
                self._alone(visit)
            else:
                self.join.logged(visit, new, queue_id)
                if new and visit.pid and not visit.client_port:
                    self._sightings.visit(visit)
        else:
            if queue_id and visit.join is not None:
                self.join.logged(visit, False, queue_id)
            self._tell(visit.session)
        if isinstance(event, ev.ClientDisconnected):
            self._visits.over(event, visit)
            if visit.session is not None:
                self._over(visit)

    def _of_this_host(self, host: str) -> bool:
        """It may be, as far as is known by now. When our own name is seen for the first time, those who were taken for
        us are not."""
        found = self._hosts.found
        own = self._hosts.may_be(host)
        if self._hosts.found and not found:
            for visit in self.join.leave(self._hosts.may_be):
                self._alone(visit)
        return own

    def _tell(self, session: Session) -> None:
        """What the log tells of it shows on the session, and counts."""
        mirror(session)
        if self._activity is not None:
            logged(self._activity, session)

    def _over(self, visit: Visit) -> None:
        """No more lines of it will come."""
        if visit.session is None:
            self.join.logged(visit, False)
        elif visit.session.sensor == SENSOR:
            self._close(visit.session)

    def _close(self, session: Session) -> None:
        if not session.over:
            session.stage = "closed"
            self._ended(session)

    def _alone(self, visit: Visit) -> None:
        """A session of its own, since the wire shows none."""
        self._number += 1
        session = Session((SENSOR, self._number), visit.source, visit.start)
        visit.session = session
        session.visits.append(visit)
        mirror(session)
        self._opened(session)
        self._tell(session)
        self._tell_messages(visit)
        if visit.over:
            self._close(session)

    def wire(self, time: float) -> None:
        """The packets have come that far."""
        self.clocks.wire.tell(time)
        if not self.clocks.live:  # log and packets are told in one order: so has the log
            self.clocks.log.tell(time)
        self.settle()

    def session_opened(self, session: Session, host: str) -> None:
        """The wire shows a session; `host` sees it."""
        if host != self._hosts.name:
            self._hosts.named(host)
        self.join.opened(session)

    def session_named(self, session: Session, by: str) -> None:
        """Its client has got another name, `by` a proxy's word."""
        self.join.named(session, instead=by.startswith("PROXY"))

    def session_closed(self, session: Session) -> None:
        """It has ended on the wire."""
        if session.sensor != SENSOR:
            if session.visits:
                self._tell(session)
            for visit in session.visits:  # their lines may have come before it was known that TLS hides them
                self._tell_messages(visit)
            self.join.ended(session)

    def done_with(self, session: Session) -> bool:
        """What the log has to say of the visit that an ended session was has been told, if it says anything."""
        if any(visit.over for visit in session.visits):
            return True
        _, most = self.clocks.offset.wide
        read = self.clocks.marks.time > session.end + READ and not self.join.waits(session.source)
        return read or self.clocks.told(session.end + most)

    def queued(self, session: Session, queue_id: str, time: float) -> None:
        """The wire shows the queue id of one of its messages."""
        self.join.queued(session, queue_id, time)

    def status(self, event: ev.SensorStatus) -> None:
        """A sensor's health: it has told all that it had to tell a moment ago."""
        if event.sensor == SENSOR:
            self.clocks.live = True  # of files it comes last
            if event.received == self._received:  # since the report before: all that was written then has been read
                self.clocks.log.tell(self._newest + 1.0 + self.clocks.span)
                self.clocks.log.tell(event.time - QUIET + self.clocks.offset.wide[0])
            else:
                self.clocks.log.tell(event.time - BEHIND)
            self._received = event.received
            self.clocks.marks.tell(event.time)
        elif event.sensor == WIRE:
            self.alone = event.state == "failed"
            self.wire(event.time - (QUIET if 0 <= event.received - self._packets < MANY else BUSY))
            self._packets = event.received
        self.settle()

    def settle(self, everything: bool = False) -> None:
        """Join what can be by now. `everything`: no more is to come."""
        log, wire = self.clocks.log.time, self.clocks.wire.time
        far = abs(log - self._settled[0]) >= SETTLE or abs(wire - self._settled[1]) >= SETTLE
        if not (far or everything):
            return
        self._settled = log, wire
        self.join.one_host = self._hosts.sure
        for visit, session in self._sightings.settle(everything):
            self.join.sighted(visit, session)
            self._show()
        self._visits.give_up_idle(log)
        self._give_up()
        for visit in self.join.settle(everything or self.alone):
            self._alone(visit)
        self._show()
        for event, visit in self._strays.settle(self.alone, everything):
            self.lines.settled(event, visit)
            if visit.session is not None:
                self._tell(visit.session)
            message = self.messages.get((event.host, getattr(event, "queue_id", "")))
            if message is not None and message.visit is None and message.lines and message.lines[0] is event:
                message.visit = visit
                self._tell_message(message, event.time)

    def _show(self) -> None:
        """What was joined shows on the sessions."""
        for visit, session in self.join.left:
            mirror(session)
            if self._activity is not None:
                parted(session, visit)
        for visit in self.join.undecided:
            if self._activity is not None and visit.session is None:
                messages = (self.messages.get((visit.host, queue_id)) for queue_id in visit.queue_ids)
                unclaimed(self._activity, visit, [each for each in messages if each is not None])
        self.join.undecided.clear()
        for visit in self.join.joined:
            self._sightings.joined(visit)
            if visit.session is not None:
                self._tell(visit.session)
                self._tell_messages(visit)
        self.join.joined.clear()
        self.join.left.clear()

    def _tell_messages(self, visit: Visit) -> None:
        """Whose they are is known by now."""
        for queue_id, time in visit.queue_ids.items():
            message = self.messages.get((visit.host, queue_id))
            if message is not None and message.visit is visit:
                self._tell_message(message, time)

    def _tell_message(self, message: Message, time: float) -> None:
        if self._activity is not None and message.visit is not None:
            accepted(self._activity, message, time)
