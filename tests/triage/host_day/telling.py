"""Tells what happens, in the order in which a console would hear of it: the wire's events as packets come, a log's a
moment after its line was written. Knows the time of day, and what is still to happen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from itertools import count
from operator import itemgetter
from random import Random

from collectors.logs.postfix import parser_of
from smtpwatch import events as ev
from tests.triage.host_day.figures import DAY

HOST = "mx"
SERVER = "192.0.2.25"
NAME = "mx.north.example"

SLICE = 30  # seconds that are put in order at a time
LAG = 0.12  # seconds from a line's being written until it is told: rsyslog writes it, the sensor reads it
MAX_USE = 100  # clients that a process of Postfix serves (max_use)
MAX_IDLE = 100.0  # seconds that it waits for one (max_idle)
INODE = 0x20E000  # of the queue's files: a short queue id is the microsecond and this
INODES = 251  # files at a time, of the queue and of what is on its way: their numbers are used again

Told = tuple[float, ev.Event]


class Processes:
    """The processes of one service: each serves one client at a time, and in the end another takes its place."""

    def __init__(self, pids: Iterator[int]) -> None:
        self._pids = pids
        self._idle: list[tuple[float, int, int]] = []
        """Since when, its number, how often it was used."""

    def take(self, time: float) -> tuple[int, int]:
        """Who serves a client that comes then, and how many it has served before."""
        idle = self._idle
        while idle and idle[0][0] < time - MAX_IDLE:
            heappop(idle)
        if idle and idle[0][0] <= time:
            _, pid, used = heappop(idle)
            return pid, used
        return next(self._pids), 0

    def free(self, time: float, pid: int, used: int) -> None:
        """It has done so then."""
        if used + 1 < MAX_USE:
            heappush(self._idle, (time, pid, used + 1))


class Telling:
    """All events of a day that begins at `start`. `whole`: stamps of the log are in whole seconds."""

    def __init__(self, seed: int, start: float, whole: bool) -> None:
        self.random = Random(seed)
        self.start = start
        self.sessions = count(1)
        self.begun = 0
        """Sessions so far."""
        self._whole = whole
        self._slices: list[list[Told]] = [[] for _ in range(DAY // SLICE)]
        self._plans: list[tuple[float, int, Callable[..., None], tuple[object, ...]]] = []
        self._number = count()
        self._lines = [0] * (DAY + 1)
        self._packets = [0] * (DAY + 1)
        self._pids = self._new_pids()
        self._services: dict[str, Processes] = {}
        self._inodes = count()
        self.waiting: dict[str, str] = {}
        """Queue ids of the messages that wait for another try, and the domain for which they do."""
        self.since: dict[str, float] = {}
        """When each of them arrived."""

    def _new_pids(self) -> Iterator[int]:
        pid = 41_000
        while True:
            pid += self.random.randrange(1, 60)  # other programs start processes too
            if pid >= 4_194_304:  # pid_max of a 64 bit host
                pid = 301
            yield pid

    # What is to happen.

    def at(self, time: float, act: Callable[..., None], *facts: object) -> None:
        """`act` is called with the time and the facts when it is that time, if that is today."""
        if time < self.start + DAY:
            heappush(self._plans, (time, next(self._number), act, facts))

    def run(self) -> Iterator[list[ev.Event]]:
        """Let it all happen, slice by slice."""
        plans = self._plans
        received = packets = 0
        for number in range(len(self._slices)):
            told, until = self._slices[number], self.start + (number + 1) * SLICE
            while plans and plans[0][0] < until:
                time, _, act, facts = heappop(plans)
                act(time, *facts)
            for second in range(number * SLICE, (number + 1) * SLICE):
                received += self._lines[second]
                packets += self._packets[second]
                told.extend(self._health(self.start + second + 0.99, received, packets))
            told.sort(key=itemgetter(0))
            yield [event for _, event in told]
            self._slices[number] = []

    def _health(self, time: float, lines: int, packets: int) -> list[Told]:
        """What the sensors say of themselves each second."""
        return [
            (time, ev.SensorStatus(time, "wire", HOST, "running", "", packets, 0, 0, {}, ("eth0",))),
            (time, ev.SensorStatus(time, "log", HOST, "running", "", lines, 0, 0, {}, ("/var/log/mail.log",))),
            (time, ev.SensorStatus(time, "host", HOST, "running", "", 0, 0, 0, {}, ("postfix",))),
        ]

    # What has happened.

    def tell(self, some: list[Told]) -> None:
        """These, each when it is known. The day is cut at midnight: what comes after it is not told."""
        slices, start, end = self._slices, self.start, self.start + DAY
        for told in some:
            if told[0] < end:
                slices[int((told[0] - start) / SLICE)].append(told)

    def seen(self, time: float, packets: int) -> None:
        """A session had so many packets."""
        self._packets[min(DAY, max(0, int(time - self.start)))] += packets

    def log(self, time: float, program: str, pid: int, text: str) -> None:
        """Postfix writes a line then: its facts are those that the log's own parser finds."""
        parse = parser_of(program)
        assert parse is not None
        stamp = float(int(time)) if self._whole else round(time, 6)
        facts = parse(text, (stamp, "log", HOST, program, pid, text))
        assert facts is not None, text
        comes = time + LAG
        self._lines[min(DAY, int(comes - self.start))] += 1
        self.tell([(comes, fact) for fact in facts])

    # Who does it.

    def processes(self, service: str) -> Processes:
        """Those of a service, as "postfix/smtpd"."""
        found = self._services.get(service)
        if found is None:
            found = self._services[service] = Processes(self._pids)
        return found

    def by(self, service: str, time: float, text: str, busy: float = 0.01) -> None:
        """A process of it writes one line, and is `busy` with that."""
        processes = self.processes(service)
        pid, used = processes.take(time)
        self.log(time, service, pid, text)
        processes.free(time + busy, pid, used)

    def queue_id(self, time: float) -> str:
        """A short one, of no message that waits. The same one comes again within a day, as in life."""
        micros = int(time % 1 * 1e6)
        while True:
            found = f"{micros:05X}{INODE + next(self._inodes) % INODES:X}"
            if found not in self.waiting:
                return found
