"""Random mail hosts that know which client said what, to hold the join against.

A `Play` has clients at a few addresses, processes that serve them one at a time, and the two stories of it that sensors
tell: the log's, with its own clock, and the wire's. Each log line carries in its text the number of the session that it
is of, which is the number of the wire's session too.
"""

import heapq
import math
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import attrgetter

import msgspec

from smtpwatch import events as ev
from smtpwatch.state.session import Session
from smtpwatch.state.sessions import Sessions
from smtpwatch.state.visit import Visit

BEGIN = 1_700_000_000.0
HOST = "mx"
SERVER = "192.0.2.25"
SMTPD = "postfix/smtpd"
POLL = (0.02, 0.1)  # seconds between looks at the log, while lines come and when none do
ACCEPTED_AFTER = 0.002  # seconds from a process's line to its greeting, on average


@dataclass(frozen=True)
class Scene:
    """What a play is like. Chances are from 0 to 1, times in seconds."""

    sessions: int = 60
    seconds: float = 20.0
    sources: int = 3
    processes: int = 6
    ports: int = 400
    """Of each client, taken in turn: few are soon used again."""
    port_logged: bool = False
    whole_stamps: bool = False
    clock: float = 0.0
    """How much the log's clock is ahead."""
    live: bool = True
    looks: bool = True
    """The sockets of processes can be looked at."""
    read_late: float = 0.05
    """How long a line takes to be there to be read, at most."""
    wire_late: float = 0.05
    """The same for what the wire shows."""
    swapped: float = 0.0
    """How much too late a line may come after those of other processes."""
    lines_lost: float = 0.0
    sessions_lost: float = 0.0
    greetings_lost: float = 0.0
    dark: float = 0.7
    """How many use TLS, after which the wire shows nothing."""
    names: int = 1_000_000
    """Of clients: few are often the same."""
    queue_ids: float = 1e9
    """Seconds after which they are used again."""
    longest: float = 3.0


@dataclass
class Client:
    """One session as it was. `began` and the other times are the packets'."""

    number: int
    source: str
    port: int
    began: float
    lasts: float
    tls: bool
    helo: str
    hidden_helo: str
    messages: int
    refused: bool
    queue_ids: list[str] = field(default_factory=list)
    accepted: float = 0.0
    greeted: float = 0.0
    ended: float = 0.0
    pid: int = 0


@dataclass(order=True)
class Told:
    """An event, and when it is told."""

    at: float
    number: int
    event: ev.Event = field(compare=False)


class Play:
    """One random play. `events` is what a console gets of it, `clients` is the truth."""

    def __init__(self, seed: int, scene: Scene) -> None:
        self.scene = scene
        self._random = random.Random(seed)
        self.clients = [self._client(number) for number in range(1, scene.sessions + 1)]
        self._serve()
        self._name_messages()
        wire, log = self._wire(), self._log()
        self.events = self._as_it_happens(wire, log) if scene.live else self._from_files(wire, log)

    # ---- what happens

    def _client(self, number: int) -> Client:
        draw, scene = self._random, self.scene
        name = draw.randrange(scene.names)
        other = draw.randrange(scene.names) if draw.random() < 0.2 else name
        messages = draw.choice((0, 0, 1, 1, 1, 3))
        return Client(
            number,
            f"203.0.113.{draw.randrange(scene.sources) + 1}",
            0,
            BEGIN + draw.random() ** draw.choice((1, 3)) * scene.seconds,
            0.02 + draw.random() ** 2 * scene.longest,
            draw.random() < scene.dark,
            f"c{name}.example.net",
            f"c{other}.example.net",
            messages,
            messages == 0 and draw.random() < 0.5,
        )

    def _serve(self) -> None:
        """Each client waits for a process that has nothing to do. Ports are given in turn, when they are free."""
        draw = self._random
        self.clients.sort(key=attrgetter("began"))
        free = [(BEGIN, 1_000 + n) for n in range(self.scene.processes)]
        heapq.heapify(free)
        ports: dict[str, list[tuple[float, int]]] = {}
        for client in self.clients:
            at, client.pid = heapq.heappop(free)
            client.accepted = max(at, client.began + 0.0003) + draw.random() * 0.001
            client.greeted = client.accepted + draw.expovariate(1 / ACCEPTED_AFTER)
            client.ended = client.greeted + client.lasts
            heapq.heappush(free, (client.ended + draw.random() * 0.002, client.pid))
            of_client = ports.setdefault(client.source, [(0.0, 40_000 + n) for n in range(self.scene.ports)])
            at, client.port = of_client[0]
            if at > client.began:  # all in use
                client.port = 20_000 + client.number
            else:
                heapq.heapreplace(of_client, (client.ended + draw.random() * 0.01, client.port))

    def _name_messages(self) -> None:
        """Give each message the queue id that has not been in use for the longest time."""
        free: list[tuple[float, str]] = []
        every = sorted(
            ((client.greeted, n, client) for client in self.clients for n in range(client.messages)),
            key=lambda each: each[:2],
        )
        for at, number, client in every:
            if not free or free[0][0] > at:
                heapq.heappush(free, (0.0, f"{len(free) * 1_000_000 + len(every) + number + client.number * 100:011X}"))
            _, queue_id = heapq.heappop(free)
            client.queue_ids.append(queue_id)
            heapq.heappush(free, (client.ended + self.scene.queue_ids, queue_id))

    # ---- what the wire shows

    def _wire(self) -> list[ev.Event]:
        shown = [event for client in self.clients if not self._lost("sessions_lost") for event in self._session(client)]
        return sorted(shown, key=attrgetter("time"))

    def _lost(self, chance: str) -> bool:
        return bool(self._random.random() < getattr(self.scene, chance))

    def _session(self, client: Client) -> Iterator[ev.Event]:
        head = ("wire", HOST, client.number, client.source)
        began, greeted, ended = client.began, client.greeted, client.ended
        yield ev.SessionOpened(began, *head, began, client.port, SERVER, 25, "inbound")
        unseen = self._lost("greetings_lost")
        if not unseen:
            yield ev.Greeting(greeted, *head, 220, "mx ESMTP")
        step = client.lasts / 20
        yield ev.Command(greeted + step, *head, "EHLO", client.helo)
        yield ev.Reply(greeted + 2 * step, *head, "EHLO", 250, None, "mx\nSTARTTLS")
        if client.tls:
            yield ev.Command(greeted + 3 * step, *head, "STARTTLS", "")
            yield ev.Reply(greeted + 4 * step, *head, "STARTTLS", 220, None, "ready")
            yield ev.TlsNegotiated(
                greeted + 5 * step, *head, "TLSv1.3", "TLS_AES_256_GCM_SHA384", None, None, "", None, False
            )
        else:
            for n, queue_id in enumerate(client.queue_ids):
                at = greeted + (8 + 2 * n) * step
                yield ev.MessageDecided(at, *head, "a@b", False, "accepted", 250, None, "", queue_id, 1, 0, 100)
        partial = "the greeting was not seen" if unseen else None
        yield ev.SessionClosed(ended, *head, ended, "quit", 100, 200, partial, True)

    # ---- what the log tells

    def _log(self) -> list[tuple[float, ev.LogEvent]]:
        """Lines, with the time when they were written; each process's are in order."""
        lines = []
        for client in self.clients:
            lines += [(at, event) for at, event in self._lines(client) if not self._lost("lines_lost")]
        return sorted(lines, key=lambda line: line[0])

    def _stamp(self, at: float) -> float:
        stamp = at + self.scene.clock
        return float(math.floor(stamp)) if self.scene.whole_stamps else stamp

    def _lines(self, client: Client) -> Iterator[tuple[float, ev.LogEvent]]:
        port = client.port if self.scene.port_logged else 0
        step = client.lasts / 20
        helo = client.hidden_helo if client.tls else client.helo
        tls, quit_ = client.tls, (1, 1)

        def head(at: float) -> tuple[float, str, str, str, int, str, str, int, str]:
            return self._stamp(at), "log", HOST, SMTPD, client.pid, f"#{client.number}", client.source, port, ""

        at = client.accepted
        yield at, ev.ClientConnected(*head(at))
        if tls:
            at = client.greeted + 6 * step
            yield at, ev.TlsEstablished(*head(at), "TLSv1.3", "TLS_AES_256_GCM_SHA384")
        if client.refused:
            at = client.greeted + 7 * step
            yield at, ev.Refused(*head(at), "RCPT", 550, "5.1.1", "unknown user", "550 no", helo=helo)
        for n, queue_id in enumerate(client.queue_ids):
            at = client.greeted + (7 + 2 * n) * step
            yield at, ev.MessageReceived(*head(at), queue_id, "smtp")
        at = client.ended - 0.0002
        commands = {"ehlo": (1 + tls, 1 + tls), "quit": quit_} | ({"starttls": (1, 1)} if tls else {})
        yield at, ev.ClientDisconnected(*head(at), "", commands)

    # ---- how it is told

    def _from_files(self, wire: list[ev.Event], log: list[tuple[float, ev.LogEvent]]) -> list[ev.Event]:
        """As `-r` merges them: each file in its own order, by time."""
        swapped = self._swapped(log)
        return list(heapq.merge(wire, [event for _, event in swapped], key=attrgetter("time")))

    def _swapped(self, log: list[tuple[float, ev.LogEvent]]) -> list[tuple[float, ev.LogEvent]]:
        """Lines of some processes are late, all that they write after them too."""
        late: dict[int, float] = {}
        told = []
        for at, event in log:
            due = max(late.get(event.pid, 0.0), at + self._random.random() ** 3 * self.scene.swapped)
            late[event.pid] = due
            told.append((due, event))
        return sorted(told, key=lambda line: line[0])

    def _as_it_happens(self, wire: list[ev.Event], log: list[tuple[float, ev.LogEvent]]) -> list[ev.Event]:
        """As two sensors tell it, the log's with a look at its processes after each reading."""
        draw, scene = self._random, self.scene
        told: list[Told] = []
        numbers = iter(range(10_000_000))

        def tell(at: float, events: Iterable[ev.Event]) -> None:
            for event in events:
                heapq.heappush(told, Told(at, next(numbers), event))

        behind = 0.0
        for event in wire:
            behind = max(behind, event.time + draw.random() * scene.wire_late)
            tell(behind, [event])
        at, end = BEGIN - 0.5, max(client.ended for client in self.clients) + 20.0
        for sensor in ("wire", "log"):
            tell(at - 0.01, [ev.SensorStatus(at, sensor, HOST, "starting", "", 0, 0, 0, {}, ())])
        lines = self._swapped(log)
        there = 0.0
        readable: list[tuple[float, ev.LogEvent]] = []
        for written, line in lines:
            there = max(there, written + draw.random() * scene.read_late)
            readable.append((there, line))
        read = 0
        health = at
        again: list[tuple[float, int]] = []
        while at < end:
            fresh: dict[int, str] = {}
            batch = []
            while read < len(readable) and readable[read][0] <= at:
                line = readable[read][1]
                batch.append(line)
                fresh.pop(line.pid, None)
                if isinstance(line, ev.ClientConnected) and line.time <= at <= line.time + line.time.is_integer() + 1.0:
                    fresh[line.pid] = line.source
                    again.append((at + 1.2, line.pid))
                read += 1
            tell(at, batch)
            if scene.looks and not scene.port_logged:
                looks = list(fresh) + [pid for due, pid in again if due <= at]
                again = [each for each in again if each[0] > at]
                tell(at, [seen for pid in looks if (seen := self._look(pid, at)) is not None])
            if at >= health:
                health = at + 1.0
                tell(at, [ev.SensorStatus(at, "log", HOST, "running", "", read, 0, 0, {}, ("mail.log",))])
                tell(max(at, behind if at > end - 20 else at), [
                    ev.SensorStatus(at, "wire", HOST, "running", "", read, 0, 0, {}, ("eth0",))
                ])  # fmt: skip
            at += POLL[0] if batch else POLL[1]
        return [heapq.heappop(told).event for _ in range(len(told))]

    def _look(self, pid: int, at: float) -> ev.Event | None:
        """Which port the process has open just after `at`."""
        then = at + self._random.random() * 0.01
        for client in self.clients:
            if client.pid == pid and client.accepted - 0.0002 <= then <= client.ended:
                return ev.ClientPortSeen(at, "log", HOST, SMTPD, pid, "", client.source, client.port, "")
        return None


class Outcome:
    """What Sessions made of a play."""

    def __init__(self, play: Play, others: Play | None = None) -> None:
        """`others`: another host, whose log is in the same file; its packets are not seen."""
        ended: list[Session] = []
        self.sessions = Sessions(ended.append)
        for event in play.events if others is None else _with_lines_of(others, play.events):
            self.sessions.apply(event)
        self.sessions.finish()
        self.held = {session.key: session for session in [*ended, *self.sessions.live.values()]}
        self.wire = [session for session in self.held.values() if session.sensor == "wire"]

    @property
    def joined(self) -> list[tuple[Session, Visit]]:
        """What was found to be one."""
        return [(session, visit) for session in self.wire for visit in session.visits]

    @property
    def wrong(self) -> list[tuple[Session, Visit]]:
        """The pairs of which the visit has no line of the session."""
        return [
            (session, visit)
            for session, visit in self.joined
            if f"#{session.id % (1 << 40)}" not in {line.text for line in visit.lines}
        ]

    @property
    def share(self) -> float:
        """Of the sessions that have their visit."""
        return sum(bool(session.visits) for session in self.wire) / max(1, len(self.wire))


def _with_lines_of(others: Play, events: list[ev.Event]) -> Iterator[ev.Event]:
    lines = [
        msgspec.structs.replace(event, host="mx2", text=f"other {event.text}")
        for event in others.events
        if isinstance(event, ev.LogEvent) and not isinstance(event, ev.ClientPortSeen)
    ]
    return heapq.merge(events, lines, key=attrgetter("time"))
