"""Which visit a client's port belongs to, where the log does not say: a process was seen to have that client's
connection open at some moment, and its own lines say whom it served, one after the other.

Stamps do not count here, since many are of whole seconds, but the order in which things were told: what was seen comes
after the lines that were there to be read by then. It is of the process's visit at that place, or of one that follows
so soon that its line may just not have been read. What has more than one place is not decided."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator
from math import inf

from smtpwatch.events import ClientPortSeen
from smtpwatch.state.agreement import contradict, in_time, taken
from smtpwatch.state.clocks import SLACK, Clocks
from smtpwatch.state.session import Session
from smtpwatch.state.visit import EXACT, Visit

PROCESSES = 1_000  # whose latest visits are remembered; Postfix runs 100 smtpds unless told otherwise
LATEST = 12  # visits and sightings of one process that are remembered
UNREAD = 2.0  # seconds that a line may be written before it is read, as long as it is not known better
QUICKEST = 0.25  # the least that is ever believed: the log's sensor looks 10 times a second or more
SLOWEST = 5.0  # the most
SOON = 0.5  # seconds from reading a line to a look that was meant for it
DELAYS = 50  # latest delays that count
ENOUGH = 10  # sessions that lasted LONG times the longest delay: had there been longer ones, they would show it
LONG = 4.0
PATIENCE = 5.0  # seconds that the wire may be behind, and that what is not decided may still be

Process = tuple[str, int]
Find = Callable[[str, int, float], Session | None]
"""The wire's session from an address and port that was open at some time."""


class _Seen:
    """A port that a process had open at `time`, and the visits that it may be of; `session` is the wire's."""

    __slots__ = ("first", "port", "session", "source", "time", "visits")

    def __init__(self, event: ClientPortSeen, visits: list[Visit], first: bool) -> None:
        self.time = event.time
        self.first = first
        """The look that was meant for the last of the visits, right after its line was read."""
        self.source = event.source
        self.port = event.client_port
        self.visits = visits
        self.session: Session | None = None


class _Process:
    """One process: its latest visits, and what was seen of it and is not decided."""

    __slots__ = ("seen", "visits")

    def __init__(self) -> None:
        self.visits: deque[Visit] = deque(maxlen=LATEST)
        self.seen: deque[_Seen] = deque(maxlen=LATEST)

    def narrow(self) -> None:
        """What is known of the others bounds when each visit was, to the packet."""
        before = inf
        for visit in reversed(self.visits):
            visit.before = min(visit.before, before)
            before = _served(visit, before)
        after = -inf
        for visit in self.visits:
            visit.after = max(visit.after, after)
            after = _served(visit, after)


class Sightings:
    """Gives visits their ports. `find` finds the wire's sessions, `sole` tells whether a session is the only one of its
    source that has no visit."""

    def __init__(self, clocks: Clocks, find: Find, sole: Callable[[Session], bool]) -> None:
        self._clocks = clocks
        self._find = find
        self._sole = sole
        self._processes: OrderedDict[Process, _Process] = OrderedDict()
        self._soon: deque[tuple[float, Process]] = deque()
        """When to look at processes, as long as their clients have only one session."""
        self._waiting: deque[tuple[float, Process]] = deque()
        """When to look at them in any case: by then all lines have been read that were written before."""
        self._delays: deque[tuple[float, Session]] = deque(maxlen=DELAYS)
        self._unread = UNREAD

    def visit(self, visit: Visit) -> None:
        """A process has begun to serve a client."""
        visit.read = self._clocks.marks.time
        if visit.connected:
            visit.after = visit.read - 2 * self._unread
        key = (visit.host, visit.pid)
        process = self._processes.get(key)
        if process is None:
            process = self._processes[key] = _Process()
            if len(self._processes) > PROCESSES:
                self._processes.popitem(last=False)
        else:
            self._processes.move_to_end(key)
        process.visits.append(visit)
        for seen in process.seen:
            if seen.time + self._unread > visit.read:
                seen.visits.append(visit)

    def seen(self, event: ClientPortSeen) -> None:
        """A process had a client's connection open at `event.time`."""
        key = (event.host, event.pid)
        process = self._processes.get(key)
        if process is None:
            return
        last = process.visits[-1]
        there = [last] if last.end is None else []
        if not self._clocks.live:  # not told as it happened: then stamps must do
            there = [each for each in process.visits if each.end is None or event.time <= each.end + each.whole]
        process.seen.append(_Seen(event, there, not last.seen))
        last.seen = True
        self._soon.append((event.time, key))
        self._waiting.append((event.time, key))

    def joined(self, visit: Visit) -> None:
        """The session of a visit is known for sure."""
        process = self._processes.get((visit.host, visit.pid))
        if process is not None and visit.join in EXACT:
            process.narrow()

    def settle(self, everything: bool = False) -> Iterator[tuple[Visit, Session]]:
        """What can be decided by now. The caller joins each pair before it asks for the next."""
        if not self._waiting:
            return
        self._believe()
        until = inf if everything else self._clocks.marks.time - self._unread
        packets = inf if everything else max(self._clocks.wire.time - SLACK, until - PATIENCE)
        due: dict[Process, None] = {}
        for waiting, latest in ((self._soon, packets), (self._waiting, until)):
            while waiting and waiting[0][0] <= latest:
                due[waiting.popleft()[1]] = None
        for key in due:
            process = self._processes.get(key)
            if process is None:
                continue
            while process.seen and process.seen[0].time < until - PATIENCE and not everything:
                process.seen.popleft()
            unknown = sum(not self._known(seen, packets) for seen in process.seen)
            if unknown:
                self._waiting.append((until + SOON, key))
            yield from self._decide(process, until)

    def _known(self, seen: _Seen, packets: float) -> bool:
        """Whether the wire shows its session, and that it is served."""
        if seen.session is None and seen.time <= packets:
            seen.session = self._find(seen.source, seen.port, seen.time)
            if seen.session is not None:
                seen.session.wakeful = True
            if seen.first and seen.session is not None and seen.session.greeted is not None:
                self._delays.append((seen.time - seen.session.greeted, seen.session))
        return seen.session is not None and seen.session.spoken

    def _believe(self) -> None:
        """How long a line may wait for being read: a look that follows it finds a session that began so long ago, if it
        still lasts."""
        longest = max((seconds for seconds, _ in self._delays), default=0.0)
        now = self._clocks.wire.time
        proof = sum(
            (session.end if session.over else now) - session.served > LONG * max(QUICKEST, longest) / 2
            for _, session in self._delays
        )
        self._unread = min(SLOWEST, max(QUICKEST, 2 * longest)) if proof >= ENOUGH else UNREAD

    def _decide(self, process: _Process, until: float) -> Iterator[tuple[Visit, Session]]:
        """The pairs that are the only ones possible, and those that they leave."""
        while True:
            options: dict[tuple[str, int], list[Visit]] = {}
            of: dict[tuple[str, int], tuple[Session, int]] = {}
            for seen in process.seen:
                if seen.session is not None and (seen.time <= until or self._sole(seen.session)):
                    key = seen.session.key
                    before = options.get(key, seen.visits)
                    options[key] = [each for each in seen.visits if each in before and self._may(each, seen)]
                    of[key] = seen.session, seen.port
            claims = Counter(id(visits[0]) for visits in options.values() if len(visits) == 1)
            found = False
            for key, visits in options.items():
                if len(visits) == 1 and claims[id(visits[0])] == 1 and not visits[0].client_port:
                    found = True
                    session, visits[0].client_port = of[key]
                    visits[0].port_seen = True
                    yield visits[0], session
            if not found:
                return

    def _may(self, visit: Visit, seen: _Seen) -> bool:
        session = seen.session
        if session is None or visit.source != seen.source or visit.client_port not in (0, seen.port):
            return False
        if visit.join in EXACT and visit.session is not session:
            return False
        if visit.connected and session.greeted is not None and session.greeted < visit.read - self._unread:
            return False
        if not in_time(visit, session, self._clocks.offset.wide):
            return False
        return not taken(session, visit) and not contradict(visit, session)


def _served(visit: Visit, otherwise: float) -> float:
    """When it was served, by packet time, if that is known for sure."""
    session = visit.session
    if session is None or visit.join not in EXACT or session.greeted is None:
        return otherwise
    return session.greeted
