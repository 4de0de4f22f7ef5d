"""The join: a visit that a log tells of, and a session seen on the wire, found to be one.

In order of certainty: the client's port, where it is logged; the queue id that the wire saw in clear and the log has
too; the client's socket, which the process was seen to have open; and else address, HELO and time. Nothing is joined
before all that could be meant instead has been seen, as far as it comes within TOLERANCE; what has a second choice is
not joined at all: a wrong join would blame the wrong client."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from math import inf

from smtpwatch.state.agreement import FIRST_SERVED, contradict
from smtpwatch.state.asleep import Packer
from smtpwatch.state.by_source import BySource, Key
from smtpwatch.state.by_time import ByTime
from smtpwatch.state.clocks import SLACK, Clocks, Window
from smtpwatch.state.exact import Exact
from smtpwatch.state.glance import Glance
from smtpwatch.state.session import Session
from smtpwatch.state.sleepers import Sleepers
from smtpwatch.state.visit import EXACT, JoinKind, Visit

KEPT = 30.0  # seconds after its end that a session can still be joined: log lines come late
ENDED = 20_000  # sessions kept so, at most; in a flood they are half of what state takes
OF_ONE_SOURCE = 2_000  # sessions or visits without a partner that time is asked about: 2 microseconds for each
AWAKE = 2_500  # of those that are objects: as many as are on screen (RECENT_SESSIONS), and some more
NAMES = 1_000  # that proxies may give the clients of one session: a relay may send XCLIENT with each message
FEW = 20  # visits or sessions of a source: one by one is quick
OPEN_AT_ONCE = 200  # sessions of one source that a single line may be of
WAITING = 50_000  # visits that wait for their session at a time
AGAIN = 10.0  # seconds until time is asked once more, as long as it is not known how far the clocks differ
PATIENCE = 30.0  # seconds of log time that packets are waited for


class Join:
    """Finds the wire session of each visit. `joined` are the visits found one, `left` those that better evidence has
    taken from a session, with it, since they were last emptied."""

    def __init__(self, clocks: Clocks, live: Sleepers, packer: Packer) -> None:
        self.joined: list[Visit] = []
        self.left: list[tuple[Visit, Session]] = []
        self.undecided: list[Visit] = []
        """Those that are over and may be of several sessions, all of the same client, since it was last emptied."""
        self.one_host = True
        """All visits are of the host whose packets are seen. Else neither time nor HELO tells anything."""
        self._clocks = clocks
        self._live = live
        self._over = Sleepers(AWAKE, packer)
        """Those that have ended, in that order."""
        self._sessions = BySource(self._find)
        """Of each source, those that a line may be of, oldest first; free are those that have no visit."""
        self.exact = Exact(clocks, lambda source, port: self._those(self._sessions.at(source, port)))
        self._visits: dict[str, dict[int, Visit]] = {}
        """Of each source, those that wait for their session, oldest first."""
        self._number = 0
        self._ended: deque[tuple[float, Key, str]] = deque()
        """When they did, and whose they were."""
        self._also: dict[Key, dict[tuple[str, int], None]] = {}
        """What proxies have named as the clients of sessions, and which ports of theirs (0: none)."""
        self._ripening: deque[tuple[Visit, str]] = deque()
        """Those that a port or a queue id is known of, until all has been seen that it could mean."""
        self._due: deque[tuple[float, Visit]] = deque()
        """Those that time must tell, until all has come that could be meant instead."""
        self._past: deque[tuple[float, Visit]] = deque()
        """Those that have no session, but may yet be what another is taken for; with the log's time."""

    def opened(self, session: Session) -> None:
        """A session was seen to begin."""
        if session.direction != "outbound":
            self._place(session, session.client_port)
            self._hold(session)

    def named(self, session: Session, instead: bool) -> None:
        """Its client has got another name: `instead` of the one before (PROXY), or beside that (XCLIENT)."""
        if session.direction == "outbound":
            return
        if instead:
            self._sessions.forget(session.client, session.key)
        names = self._also.setdefault(session.key, {})
        name = session.source, session.named_port
        if name in names or len(names) >= NAMES:
            return
        names[name] = None
        if session.named_port:
            self._place(session, session.named_port)
        self._hold(session)

    def _place(self, session: Session, port: int) -> None:
        self._ripening += [(visit, "") for visit in self.exact.place(session, port)]

    def _hold(self, session: Session) -> None:
        self._sessions.add(session.source, session)

    def _find(self, key: Key) -> Session | None:
        return self._live.awake(key) or self._over.awake(key)

    def rest(self) -> None:
        """Let some of those that have ended sleep (Sleepers.rest)."""
        self._over.rest()

    def _those(self, keys: Iterable[Key]) -> list[Session]:
        return [session for session in map(self._find, keys) if session is not None]

    def _glances(self, keys: Iterable[Key]) -> Iterator[Session | Glance]:
        for key in keys:
            seen = self._live.glance(key) or self._over.glance(key)
            if seen is not None:
                yield seen

    def ended(self, session: Session) -> None:
        """A session has ended; what the log says of it may still come."""
        session.kept()
        self._over.add(session)
        self._ended.append((session.end, session.key, session.client))
        while self._ended[0][0] < session.end - KEPT or len(self._ended) > ENDED:
            self._forget(*self._ended.popleft()[1:])

    def queued(self, session: Session, queue_id: str, time: float) -> None:
        """The wire saw which queue id the session's message got."""
        if session.direction != "outbound":
            self._ripening += [(visit, queue_id) for visit in self.exact.queued(session, queue_id, time)]

    def logged(self, visit: Visit, new: bool, queue_id: str = "") -> None:
        """A visit has begun, or something more is known of it, such as its message's queue id."""
        if new:
            self._number += 1
            visit.number = self._number
            visit.arrived, visit.seen_to = self._clocks.arrival()
            self._wait(visit)
            if visit.client_port:
                self.exact.logged(visit, "")
                self._ripening.append((visit, ""))
        if queue_id and visit.join not in EXACT:
            self.exact.logged(visit, queue_id)
            self._ripening.append((visit, queue_id))
        if visit.over and visit.session is None and not new:
            self._due.append((visit.latest, visit))

    def _wait(self, visit: Visit) -> None:
        self._visits.setdefault(visit.source, {})[id(visit)] = visit
        self._due.append((visit.by, visit))

    def sighted(self, visit: Visit, session: Session) -> None:
        """Its process was seen with that session's socket."""
        if visit.join not in EXACT and not contradict(visit, session):
            self._join(visit, session, "process")

    def sole(self, session: Session) -> bool:
        """It is the only one of its source that has no visit."""
        free = self._sessions.free(session.source)
        return len(free) == 1 and session.key in free

    def leave(self, own: Callable[[str], bool]) -> list[Visit]:
        """Forget the visits of hosts that are not our `own`; returns those that have no session."""
        others = [visit for held in self._visits.values() for visit in held.values() if not own(visit.host)]
        for visit in others:
            self._drop(visit)
        return [visit for visit in others if visit.session is None]

    def waits(self, source: str) -> bool:
        """There are visits of that client that may find their session yet; or so many that this is not known."""
        held = self._visits.get(source, {})
        return len(held) > FEW or any(visit.session is None for visit in held.values())

    def sessions_of(self, source: str) -> list[Session] | None:
        """Those that a line about that client may be of; None if there are too many, or it may be of another host."""
        held = self._sessions.of(source)
        return self._those(held) if self.one_host and len(held) <= OPEN_AT_ONCE else None

    def settle(self, everything: bool = False) -> list[Visit]:
        """Join what can be by now; returns the visits that have waited long enough and have no session.

        `everything`: no more will come."""
        self._settle_exactly(everything)
        due: dict[str, list[Visit]] = {}
        while self._due and (everything or self._told(*self._due[0]) or len(self._due) > WAITING):
            _, visit = self._due.popleft()
            if visit.session is None:
                due.setdefault(visit.source, []).append(visit)
        if everything:
            due = {
                source: [visit for visit in visits.values() if visit.session is None]
                for source, visits in self._visits.items()
            }
        return [visit for source, visits in due.items() for visit in self._in_time(source, visits, everything)]

    def _settle_exactly(self, everything: bool) -> None:
        again = []
        while self._ripening and (everything or self._ripe(self._ripening[0][0]) or len(self._ripening) > WAITING):
            visit, queue_id = self._ripening.popleft()
            # A port that is used again and again may be another session's by now, which has not been seen.
            too_soon = not (everything or queue_id or self._packets_beyond(visit)) and self.exact.reused(visit)
            if not too_soon:
                self._exactly(visit, queue_id)
            if visit.session is None and not queue_id and (too_soon or self.exact.silent(visit)):
                again.append((visit, queue_id))
        self._ripening.extendleft(reversed(again))

    def _ripe(self, visit: Visit) -> bool:
        return self._clocks.seen(visit.by, visit.seen_to) or self._clocks.log.time > visit.by + PATIENCE

    def _packets_beyond(self, visit: Visit) -> bool:
        """They have come further than when its line was read, at the latest."""
        return not self._clocks.live or self._clocks.wire.time > visit.arrived + SLACK

    def _told(self, time: float, visit: Visit) -> bool:
        return self._clocks.told(time) and self._ripe(visit)

    def _exactly(self, visit: Visit, queue_id: str) -> None:
        """Join by queue id, or, if that is "", by the client's port."""
        session = None if visit.join in EXACT else self.exact.session_of(visit, queue_id)
        if session is not None:
            self._join(visit, session, "queue id" if queue_id else "port")

    def _in_time(self, source: str, due: list[Visit], everything: bool) -> list[Visit]:
        """Join by time; returns those that have no session, and cannot have one any more."""
        held, free = self._visits.get(source, {}), self._sessions.free(source)
        due = [held[each] for each in dict.fromkeys(map(id, due)) if each in held] if held else []
        clocks = self._clocks
        told = None
        if free and self.one_host and len(held) <= OF_ONE_SOURCE and len(free) <= OF_ONE_SOURCE:
            until = inf if everything else clocks.log.time - clocks.span
            told = ByTime(held.values(), self._glances(free), self._find, clocks.offset, until)
            if clocks.offset.known and len(held) < FEW and len(free) < FEW:
                for visit, session in told.misfits(due):
                    clocks.offset.suggest(*_difference(visit, session))
            for visit, session, kind in told.pairs(due):
                self._join(visit, session, kind)
        for visit in due:
            if visit.client_port and visit.session is None:  # others from its port may have found theirs since
                self._exactly(visit, "")
        alone = []
        for visit in due:
            if visit.session is not None:
                continue
            choices = told.choices(visit) if told is not None else bool(free) and not visit.client_port
            if choices and visit.over:
                self.undecided.append(visit)
            waited = clocks.log.time - visit.latest
            if choices and not everything and not clocks.offset.known and waited < PATIENCE:
                self._due.append((clocks.log.time - clocks.span + AGAIN, visit))  # soon it may be known better
            elif visit.over or everything or not choices:
                self._past.append((clocks.log.time, visit))
                if not choices:  # else it is one of those that are shown already
                    alone.append(visit)
        while self._past and (
            everything or abs(clocks.log.time - self._past[0][0]) > KEPT or len(self._past) > WAITING
        ):
            self._drop(self._past.popleft()[1])
        return alone

    def _join(self, visit: Visit, session: Session, kind: JoinKind) -> None:
        others = [each for each in session.visits if each.served == visit.served and each.source == visit.source]
        if others and (kind not in EXACT or any(each.join in EXACT for each in others)):
            return
        if visit.session is not None and visit.join is None:  # it has a session of its own by now
            return
        for other in others:  # they were believed to be this session for a worse reason
            session.visits.remove(other)
            other.session = other.join = None
            self.left.append((other, session))
            if other is not visit:
                self._wait(other)
        if visit.session is not None:
            visit.session.visits.remove(visit)
            self.left.append((visit, visit.session))
        visit.session, visit.join = session, kind
        session.visits.append(visit)
        session.wakeful = True
        self.joined.append(visit)
        self._drop(visit)
        if visit.served not in FIRST_SERVED:  # which leave it free for another service
            self._sessions.taken(session.source, session)
            self._sessions.taken(session.client, session)
            if visit.connected and session.greeted is not None:
                offset = self._clocks.offset
                (offset.learn if kind in EXACT or offset.known else offset.suggest)(*_difference(visit, session))

    def _drop(self, visit: Visit) -> None:
        waiting = self._visits.get(visit.source)
        if waiting is not None and waiting.pop(id(visit), None) is not None and not waiting:
            del self._visits[visit.source]

    def _forget(self, key: Key, client: str) -> None:
        """It ended so long ago that no line of it will come."""
        session = self._over.drop(key)
        if session is not None:
            self.exact.forget(session)
            session.let_go()
        for source in (client, *(name for name, _ in self._also.pop(key, ()))):
            self._sessions.forget(source, key)


def _difference(visit: Visit, session: Session) -> Window:
    """Between which two times the clocks differ, if these are the same."""
    return visit.start - session.served, visit.by - session.served
