"""A sensor's end of the socket pair: batches go out; when the console cannot keep up, detail is shed, counts are kept.

On the socket a batch is its length (4 octets, network order) and a msgpack array of events.
"""

import socket
import struct
from collections import deque
from collections.abc import Sequence

import msgspec

from smtpwatch import events as ev
from smtpwatch.counters import add, counted

QUEUE_FULL = 4 << 20  # octets waiting beyond which detail is shed: about 30,000 events, 0.3 s at full speed
QUEUE_LOW = 1 << 20  # octets waiting below which what was shed is told and detail flows again
MAX_SOURCES = 10_000  # sources tallied one by one while shedding; more are counted together under ""
BATCH_MAX = 2_000  # events in one message, so that the console can apply it within a slice

HEADER = struct.Struct("!I")
OTHERS = ""


class Outbox:
    """Sends events of `sensor` on a non-blocking socket. `shed` counts events that became tallies."""

    def __init__(self, sock: socket.socket, sensor: str, host: str) -> None:
        self._sock = sock
        self._sensor = sensor
        self._host = host
        self._encoder = msgspec.msgpack.Encoder()
        self._queue: deque[memoryview] = deque()
        self._queued = 0
        self._tallies: dict[str, dict[str, int]] = {}
        self._closed: list[int] = []
        self._untold: set[int] = set()
        """Sessions whose opening was shed: so is all that follows, lest the console sees half a session."""
        self._shedding = False
        self._health: ev.SensorStatus | None = None
        self.shed = 0

    def fileno(self) -> int:
        """The socket's, to wait for its end."""
        return self._sock.fileno()

    @property
    def waiting(self) -> bool:
        """Whether octets wait for the socket to take more."""
        return bool(self._queue)

    def send(self, events: Sequence[ev.Event]) -> None:
        """Queue events and send what the socket takes. Raises BrokenPipeError once the console is gone."""
        self.flush()
        if self._queued > QUEUE_FULL:
            self._shedding = True
        elif self._shedding and self._queued < QUEUE_LOW:
            self._shedding = False
            self._tell_tallies(events[-1].time if events else 0.0)
        if self._shedding or self._untold:
            events = self._shed(events)
        for at in range(0, len(events), BATCH_MAX):
            self._put(events[at : at + BATCH_MAX])
        self.flush()

    def settle(self, now: float) -> None:
        """Tell tallies also when no new event comes."""
        if self._tallies and self._queued < QUEUE_LOW:
            self._shedding = False
            self._tell_tallies(now)
            self.flush()

    def urgent(self, event: ev.SensorStatus) -> None:
        """Tell a sensor's health: never shed, but not piled up while nobody reads, since only the latest matters."""
        self._health = event
        self.flush()

    def flush(self) -> None:
        """Send what the socket takes now."""
        self._send()
        if self._health is not None and self._queued <= QUEUE_FULL:
            self._put([self._health])
            self._health = None
            self._send()

    def _send(self) -> None:
        while self._queue:
            try:
                sent = self._sock.send(self._queue[0])
            except BlockingIOError:
                return
            self._queued -= sent
            if sent == len(self._queue[0]):
                self._queue.popleft()
            else:
                self._queue[0] = self._queue[0][sent:]

    def _put(self, events: Sequence[ev.Event]) -> None:
        body = self._encoder.encode(events)
        self._queue.append(memoryview(HEADER.pack(len(body)) + body))
        self._queued += HEADER.size + len(body)

    def _shed(self, events: Sequence[ev.Event]) -> list[ev.Event]:
        """Tally what must not go out in detail; returns the rest."""
        kept: list[ev.Event] = []
        for event in events:
            if not isinstance(event, ev.SessionEvent):
                kept.append(event)
            elif self._shedding or event.session in self._untold:
                self._tally(event)
            else:
                kept.append(event)
        return kept

    def _tally(self, event: ev.SessionEvent) -> None:
        self.shed += 1
        source = event.source
        if source not in self._tallies and len(self._tallies) >= MAX_SOURCES:
            source = OTHERS
        add(self._tallies.setdefault(source, {}), counted(event))
        if isinstance(event, ev.SessionOpened):
            self._untold.add(event.session)
        elif isinstance(event, ev.SessionClosed):
            if event.session in self._untold:
                self._untold.discard(event.session)
            else:
                self._closed.append(event.session)

    def _tell_tallies(self, now: float) -> None:
        closed = tuple(self._closed)
        tallies: list[ev.Event] = []
        for source, counts in self._tallies.items():
            tallies.append(ev.Tally(now, self._sensor, self._host, source, counts, closed))
            closed = ()
        self._tallies = {}
        self._closed = []
        for at in range(0, len(tallies), BATCH_MAX):
            self._put(tallies[at : at + BATCH_MAX])
