"""Which visit a client's port belongs to, where the log does not say: a process was seen to have that client's
connection open at some moment, and its own lines say whom it served, one after the other.

A process may have gone on to its next client between its line and the look. So the ports that one process was seen with
are set against its visits in order, each where stamps, the greeting on the wire, HELO and TLS allow; what has more
than one place is not decided.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf

from smtpwatch.events import ClientPortSeen
from smtpwatch.state.agreement import contradict
from smtpwatch.state.log_sessions import Visit
from smtpwatch.state.session import Session

PROCESSES = 5_000  # whose latest visits are remembered
LATEST = 12  # visits and sightings of one process that are set against each other
LATE = 1.0  # seconds after which a line that was written before a sighting has come
SLACK = 0.02  # seconds between what a process does and the stamp of its line
GREETING = 2.0  # seconds from the line of a connection to the greeting, at most

Process = tuple[str, int]
Find = Callable[[str, int, float], Session | None]
"""The wire's session from an address and port that was open at some time."""


@dataclass(slots=True)
class _Seen:
    """A port that a process had open at `time`; `session` is the wire's."""

    time: float
    source: str
    port: int
    session: Session | None = None


class _Served:
    """One process: its latest visits and the ports it was seen with, both in order."""

    __slots__ = ("forgotten", "seen", "visits")

    def __init__(self) -> None:
        self.visits: deque[Visit] = deque()
        self.seen: deque[_Seen] = deque(maxlen=LATEST)
        self.forgotten = -inf
        """Until then it may have served visits that are no longer held."""

    def begin(self, visit: Visit) -> None:
        """It serves another client from now on."""
        self.visits.append(visit)
        if len(self.visits) > LATEST:
            oldest = self.visits.popleft()
            until = self.visits[0].start if oldest.end is None else oldest.end
            self.forgotten = until + oldest.whole + SLACK
            self.seen = deque((each for each in self.seen if each.time > self.forgotten), maxlen=LATEST)

    def see(self, seen: _Seen) -> None:
        """It had that port open."""
        known = any(each.port == seen.port and each.source == seen.source for each in self.seen)
        if seen.time > self.forgotten and not known:
            self.seen.append(seen)

    def decide(self) -> Iterator[tuple[Visit, _Seen]]:
        """The pairs that are the only ones possible."""
        seen = [each for each in self.seen if any(_may(visit, each) for visit in self.visits)]
        places = _only_places([[_may(visit, each) for visit in self.visits] for each in seen])
        for each, place in zip(seen, places, strict=True):
            if place is not None:
                yield self.visits[place], each

    def narrow(self) -> None:
        """What is known of the others bounds when each visit was, to the packet."""
        before = inf
        for visit in reversed(self.visits):
            visit.before = min(visit.before, before)
            before = visit.session.served if visit.session is not None else before
        after = -inf
        for visit in self.visits:
            visit.after = max(visit.after, after)
            after = visit.session.served if visit.session is not None else after


class Sightings:
    """Gives visits their ports."""

    def __init__(self) -> None:
        self._processes: OrderedDict[Process, _Served] = OrderedDict()
        self._waiting: deque[tuple[float, Process]] = deque()

    def visit(self, visit: Visit) -> None:
        """A process has begun to serve a client."""
        process = (visit.host, visit.pid)
        self._processes.setdefault(process, _Served()).begin(visit)
        self._processes.move_to_end(process)
        if len(self._processes) > PROCESSES:
            self._processes.popitem(last=False)
        if self._processes[process].seen:
            self._waiting.append((visit.start, process))

    def seen(self, event: ClientPortSeen) -> None:
        """A process had a client's connection open at `event.time`."""
        process = (event.host, event.pid)
        served = self._processes.get(process)
        if served is None:
            return
        served.see(_Seen(event.time, event.source, event.client_port))
        self._waiting.append((event.time, process))

    def settle(self, now: float, find: Find, everything: bool = False) -> Iterator[Visit]:
        """Decide what can be decided by `now`; yields the visits that have got their port."""
        processes: dict[Process, None] = {}
        while self._waiting and (everything or self._waiting[0][0] + LATE < now):
            processes[self._waiting.popleft()[1]] = None
        for process in processes:
            served = self._processes.get(process)
            if served is None:
                continue
            for seen in served.seen:
                seen.session = seen.session or find(seen.source, seen.port, seen.time)
            for visit, seen in served.decide():
                if not visit.client_port:
                    visit.client_port, visit.port_seen = seen.port, True
                    yield visit
            served.narrow()


def _may(visit: Visit, seen: _Seen) -> bool:
    """Whether the process may have been serving that visit's client when it was seen with that port."""
    if visit.source != seen.source or (visit.client_port and visit.client_port != seen.port):
        return False
    if seen.time < visit.start - SLACK or (visit.end is not None and seen.time > visit.end + visit.whole + SLACK):
        return False
    session = seen.session
    if session is None:
        return True
    if session.greeted is not None and not (
        visit.start - SLACK <= session.greeted <= visit.start + visit.whole + GREETING
    ):
        return False
    return not contradict(visit, session)


def _only_places(may: list[list[bool]]) -> list[int | None]:
    """For each row the one column that it has in every way to give each row a column of its own, in the same order;
    None where there is a choice, or no way at all."""
    rows = len(may)
    columns = len(may[0]) if may else 0
    # from_left[row][column]: rows up to this one can be placed, this one at the column; from_right likewise.
    from_left = [[False] * columns for _ in range(rows)]
    from_right = [[False] * columns for _ in range(rows)]
    for row in range(rows):
        for column in range(columns):
            before = row == 0 or any(from_left[row - 1][:column])
            from_left[row][column] = may[row][column] and before
    for row in reversed(range(rows)):
        for column in range(columns):
            after = row == rows - 1 or any(from_right[row + 1][column + 1 :])
            from_right[row][column] = may[row][column] and after
    places: list[int | None] = []
    for left, right in zip(from_left, from_right, strict=True):
        possible = [column for column in range(columns) if left[column] and right[column]]
        places.append(possible[0] if len(possible) == 1 else None)
    return places
