"""All sessions: live ones and the latest that ended, from wire and logs, each of them once."""

from collections import OrderedDict
from collections.abc import Callable
from sys import intern
from typing import Any

from smtpwatch import events as ev
from smtpwatch.state.activity import Activity
from smtpwatch.state.activity_wire import wire
from smtpwatch.state.asleep import Packer
from smtpwatch.state.logs import Logs
from smtpwatch.state.session import ONE_RUN, Session
from smtpwatch.state.sleepers import Sleepers

LIVE_SESSIONS = 100_000  # the tracker's own bound; beyond it the oldest are given up as recent ones
AWAKE = 4_000  # of those that are objects, 2.5 kB each; the others wait in 0.6 kB
RECENT_SESSIONS = 2_000  # what an admin may page back through; about 2 kB each


class Sessions:
    """All sessions: `live` by key in order of opening, `recent` the latest that ended, oldest first.

    `ended`, if given, is called with each session as it ends; `activity` is told what each comes to."""

    def __init__(self, ended: Callable[[Session], None] | None = None, activity: Activity | None = None) -> None:
        packer = Packer(activity)
        self.live = Sleepers(AWAKE, packer)
        self.recent: OrderedDict[tuple[str, int], Session] = OrderedDict()
        self.logs = Logs(self._from_log, self._log_ended, self.live, packer, activity)
        self._ended = ended
        self._activity = activity
        self._before: dict[str, int] = {}
        """What is added to a sensor's session numbers, since they begin anew when it starts anew."""

    def __len__(self) -> int:
        return len(self.live) + len(self.recent)

    def get(self, key: tuple[str, int]) -> Session | None:
        """The session with that key, if it is still held."""
        return self.live.get(key) or self.recent.get(key)

    def of(self, event: ev.SessionEvent) -> Session | None:
        """The session that an event of the wire is of, if it is still held."""
        return self.get((event.sensor, event.session + self._before.get(event.sensor, 0)))

    def apply(self, event: ev.Event) -> None:
        """Take in one event; events of no session only matter where they end some."""
        self.live.rest()
        self.logs.join.rest()
        if isinstance(event, ev.SessionEvent):
            self._of_session(event)
        elif isinstance(event, ev.LogEvent):
            self.logs.apply(event)
            self.logs.settle()
        elif type(event) is ev.Tally:
            for number in event.closed:
                self._lost((event.sensor, number + self._before.get(event.sensor, 0)), event.time)
        elif type(event) is ev.SensorStatus:
            self._status(event)

    def finish(self) -> None:
        """No more is to come: what waited for its other half goes without."""
        self.logs.settle(everything=True)

    def _of_session(self, event: ev.SessionEvent) -> None:
        key = (event.sensor, event.session + self._before.get(event.sensor, 0))
        if type(event) is ev.SessionProgress and self.live.progressed(key, event):
            self.logs.wire(event.time)
            return
        session = self.live.awake(key)
        if session is None:
            session = self._open(key, event)
        session.apply(event)
        if self._activity is not None:
            wire(self._activity, session, event)
        tell = _TELL_LOGS.get(type(event))
        if tell is not None:
            tell(self.logs, session, event)
        self.logs.wire(event.time)
        if type(event) is ev.SessionClosed and key in self.live:  # what time has settled may have needed its room
            self._close(key)

    def _status(self, event: ev.SensorStatus) -> None:
        if event.state == "starting":
            for key in [key for key in self.live if key[0] == event.sensor]:
                self._lost(key, event.time)
            self._before[event.sensor] = self._before.get(event.sensor, 0) + ONE_RUN
        self.logs.status(event)

    def _from_log(self, session: Session) -> None:
        self._make_room()
        self.live.add(session)
        if self._activity is not None:
            self._activity.opened(session, session.start)

    def _log_ended(self, session: Session) -> None:
        if session.key in self.live:
            self._over(session)

    def _open(self, key: tuple[str, int], event: ev.SessionEvent) -> Session:
        self._make_room()
        session = Session((intern(key[0]), key[1]), event.source, event.time)
        self.live.add(session)
        return session

    def _make_room(self) -> None:
        if len(self.live) >= LIVE_SESSIONS:
            oldest = self.live.oldest()
            self._lost(oldest, self.live[oldest].end)

    def _lost(self, key: tuple[str, int], now: float) -> None:
        """End a session whose own end was not told (shed, or its sensor restarted)."""
        session = self.live.awake(key)
        if session is not None and not session.over:  # else its end is being told
            session.wakeful = True  # no event of its tells how it ended
            session.stage = "closed"
            session.end = now
            session.partial = "detail was shed"
            self._over(session)

    def _over(self, session: Session) -> None:
        """It has ended otherwise than by an event of its own."""
        if self._activity is not None:
            self._activity.closed(session)
        self._close(session.key)

    def _close(self, key: tuple[str, int]) -> None:
        session = self.live.pop(key)
        self.logs.session_closed(session)
        if self._activity is not None:
            self._activity.settle(session)
        if session.smtp:
            self.recent[key] = session
            if len(self.recent) > RECENT_SESSIONS:
                self.recent.popitem(last=False)[1].let_go()
        else:
            session.let_go()
        if self._ended is not None:
            self._ended(session)


def _queued(logs: Logs, session: Session, event: ev.MessageDecided) -> None:
    if event.queue_id is not None:
        logs.queued(session, event.queue_id, event.time)


_TELL_LOGS: dict[type[ev.SessionEvent], Callable[[Logs, Session, Any], None]] = {
    ev.SessionOpened: lambda logs, session, event: logs.session_opened(session, event.host),
    ev.SourceNamed: lambda logs, session, event: logs.session_named(session, event.by),
    ev.MessageDecided: _queued,
}
"""What of the wire the join needs to know."""
