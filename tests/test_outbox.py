"""The sensor's outbox and the console's reading of it: whatever the console's pace, counts are exact and memory is
bounded."""

import socket
import subprocess
import tracemalloc
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtpwatch import events as ev
from smtpwatch import outbox as module
from smtpwatch.config import Config
from smtpwatch.counters import counted
from smtpwatch.outbox import HEADER, MAX_SOURCES, QUEUE_FULL, QUEUE_LOW, Outbox
from smtpwatch.sensors import Sensor
from smtpwatch.state.sessions import Sessions
from tests.impostor import Impostor

OTHER_SOURCE = "203.0.113.7"  # what a PROXY header names


def _status(time: float) -> ev.SensorStatus:
    return ev.SensorStatus(time, "wire", "mx", "running", "", 0, 0, 0, {}, ("lo",))


class Traffic:
    """Makes events as a wire sensor does: sessions open, say things and close, each in its turn."""

    def __init__(self) -> None:
        self.sent: list[ev.Event] = []
        self.open: dict[int, str] = {}
        """Sessions that are open, and their sources."""
        self._opened = 0

    def opening(self, source: int) -> ev.Event:
        self._opened += 1
        self.open[self._opened] = f"2001:db8::{source:x}"
        who = self._who(self._opened)
        return self._made(ev.SessionOpened(*who, who[0], 40000, "192.0.2.25", 25, "inbound"))

    def saying(self, session: int, what: int) -> ev.Event:
        if what == 0:
            self.open[session] = OTHER_SOURCE
        who = self._who(session)
        said = (
            ev.SourceNamed(*who, 0, "192.0.2.99", "PROXY v1"),
            ev.Greeting(*who, 554, "no"),
            ev.Command(*who, "MAIL", "FROM:<a@example.org>"),
            ev.Reply(*who, "MAIL", 250, None, "2.1.0 Ok"),
            ev.RecipientDecided(*who, "b@example.net", 250, None, "Ok"),
            ev.RecipientDecided(*who, "b@example.net", 550, "5.1.1", "unknown user"),
            ev.MessageDecided(*who, "a@example.org", True, "accepted", 250, None, "queued", "1A2B", 1, 0, 10),
            ev.MessageDecided(*who, "a@example.org", True, "deferred", 451, None, "later", None, 1, 0, 10),
            ev.TlsNegotiated(*who, "TLSv1.3", "TLS_AES_128_GCM_SHA256", "x25519", None, "", False, False),
            ev.AuthAttempted(*who, "PLAIN", "failure", True),
            ev.SessionProgress(*who, 1, 2),
        )
        return self._made(said[what])

    def closing(self, session: int) -> ev.Event:
        who = self._who(session)
        del self.open[session]
        return self._made(ev.SessionClosed(*who, who[0], "quit", 1, 2, None, True))

    def _who(self, session: int) -> tuple[float, str, str, int, str]:
        return (float(len(self.sent)), "wire", "mx", session, self.open[session])

    def _made(self, event: ev.Event) -> ev.Event:
        self.sent.append(event)
        return event


SAYINGS = 11


class Console:
    """The outbox of an impostor, and the Sensor that reads it."""

    def __init__(self) -> None:
        children: list[Impostor] = []

        def start(argv: Sequence[str], *, pass_fds: tuple[int], **_: object) -> Impostor:
            children.append(Impostor(argv, pass_fds=pass_fds))
            return children[-1]

        self.sensor = Sensor("wire", Config(), "mx")
        with patch.object(subprocess, "Popen", start):
            self.sensor.poll(0.0)
        (self.child,) = children
        self.child.assignment()
        self.child.socket.setblocking(False)
        # The least that the kernel allows, so that the queue, not the socket, holds what is not read.
        self.child.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        self.outbox = Outbox(self.child.socket, "wire", "mx")
        self.received: list[ev.Event] = []

    def read(self) -> None:
        """One look at the socket."""
        self.received += self.sensor.receive(0.0)

    def read_all(self, now: float) -> None:
        """Look until nothing waits, not even a tally."""
        before = -1
        while self.outbox.waiting or len(self.received) > before:
            before = len(self.received)
            self.outbox.flush()
            self.outbox.settle(now)
            self.read()

    def close(self) -> None:
        self.child.exit(0)
        self.sensor.stop()


@contextmanager
def console() -> Iterator[Console]:
    made = Console()
    try:
        yield made
    finally:
        made.close()


def _counts(events: Sequence[ev.Event]) -> Counter[str]:
    """Every counter over whole events and tallies."""
    counts: Counter[str] = Counter()
    for event in events:
        counts.update(event.counts if isinstance(event, ev.Tally) else dict.fromkeys(counted(event), 1))
    return counts


def _of_sessions(events: Sequence[ev.Event]) -> list[ev.SessionEvent]:
    return [event for event in events if isinstance(event, ev.SessionEvent)]


def _judge(traffic: Traffic, seen: Console) -> None:
    """What must hold of all that was sent and all that was received."""
    detail = _of_sessions(seen.received)
    assert _counts(seen.received) == _counts(traffic.sent)
    assert seen.outbox.shed == len(_of_sessions(traffic.sent)) - len(detail)
    # Whole sessions: nothing of one whose opening was shed, and what is told of one is told in order.
    told = {event.session for event in detail if isinstance(event, ev.SessionOpened)}
    assert {event.session for event in detail} == told
    place = {id_: at for at, id_ in enumerate((event.session, event.time) for event in _of_sessions(traffic.sent))}
    places = [place[event.session, event.time] for event in detail]
    assert places == sorted(places)
    # Ends: told in detail or by a tally, once.
    ended = [event.session for event in detail if isinstance(event, ev.SessionClosed)]
    ended += [number for event in seen.received if isinstance(event, ev.Tally) for number in event.closed]
    assert sorted(ended) == sorted(told - set(traffic.open))
    state = Sessions()
    for event in seen.received:
        state.apply(event)
    assert {number for _, number in state.live} == told & set(traffic.open)


# What happens next: sessions open from some of a few sources, open ones talk or close (which, by their place among
# the open ones), or what was made until now is sent, the console reads, the sensor settles or tells its health.
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("open"), st.integers(1, 20), st.integers(0, 9)),
        st.tuples(st.just("talk"), st.integers(0, 99), st.integers(0, SAYINGS - 1)),
        st.tuples(st.just("close"), st.integers(1, 20), st.integers(0, 99)),
        st.tuples(
            st.sampled_from(("send", "send", "send", "read", "drain", "settle", "status")), st.just(0), st.just(0)
        ),
    ),
    min_size=10,
    max_size=80,
)


def _happens(traffic: Traffic, step: str, first: int, second: int) -> list[ev.Event]:
    """The events of one step; none if it is not one that makes any."""
    numbers = list(traffic.open)
    if step == "open":
        return [traffic.opening((second + at) % 10) for at in range(first)]
    if step == "talk":
        return [traffic.saying(numbers[(first + at) % len(numbers)], second) for at in range(20) if numbers]
    if step == "close":
        at = second % max(len(numbers), 1)
        return [traffic.closing(number) for number in numbers[at : at + first]]
    return []


@settings(max_examples=200, deadline=None)
@given(_STEPS)
def test_counts_are_exact_whatever_the_pace(steps: list[tuple[str, int, int]]) -> None:
    """With bounds so low that a few events reach them."""
    small = patch.multiple(module, QUEUE_FULL=600, QUEUE_LOW=200, MAX_SOURCES=3, BATCH_MAX=60)
    with small, console() as seen:
        traffic = Traffic()
        waiting: list[ev.Event] = []
        for step, first, second in steps:
            waiting += _happens(traffic, step, first, second)
            if step == "send":
                seen.outbox.send(waiting)
                waiting = []
            elif step == "read":
                seen.read()
            elif step == "drain":
                seen.read_all(1e6)
            elif step == "settle":
                seen.outbox.settle(1e6)
            elif step == "status":
                seen.outbox.urgent(_status(1e6))
        seen.outbox.send(waiting)
        seen.read_all(1e6)
        _judge(traffic, seen)
        statuses = [event for event in seen.received if isinstance(event, ev.SensorStatus)]
        assert bool(statuses) is any(step == "status" for step, _, _ in steps)


def _flood(traffic: Traffic, sessions: int, sources: int) -> Iterator[list[ev.Event]]:
    """Short sessions from so many sources, a hundred in a batch."""
    for first in range(0, sessions, 100):
        batch = []
        for number in range(first, first + 100):
            batch.append(traffic.opening(number % sources))
            session = next(reversed(traffic.open))
            batch += [traffic.saying(session, 5), traffic.closing(session)]
        yield batch


def test_more_sources_than_are_tallied_one_by_one() -> None:
    traffic = Traffic()
    with console() as seen:
        for source in range(3):
            seen.outbox.send([traffic.opening(source), traffic.saying(source + 1, 2)])
        for batch in _flood(traffic, 40_000, MAX_SOURCES + 5_000):
            seen.outbox.send(batch)
        assert seen.outbox.shed > 0
        seen.outbox.send([traffic.closing(2)])
        seen.read_all(1e6)
        assert not seen.outbox.waiting
        tallies = [event for event in seen.received if isinstance(event, ev.Tally)]
        assert len(tallies) == MAX_SOURCES + 1
        assert [event.counts["sessions"] > 0 for event in tallies if event.source == ""] == [True]
        assert [event.closed for event in tallies if event.closed] == [(2,)]
        # Detail flows again, also of a session whose beginning was told before the flood.
        seen.outbox.send([traffic.opening(1), traffic.saying(3, 6)])
        seen.read_all(1e6)
        assert [type(event) for event in seen.received[-2:]] == [ev.SessionOpened, ev.MessageDecided]
        _judge(traffic, seen)


@pytest.fixture
def deaf() -> Iterator[tuple[Outbox, socket.socket]]:
    """An outbox, and the console's end of its socket, which nobody reads."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        yield Outbox(ours, "wire", "mx"), theirs


def test_memory_is_flat_while_nobody_reads(deaf: tuple[Outbox, socket.socket]) -> None:
    outbox, _ = deaf
    traffic = Traffic()
    for batch in _flood(traffic, 30_000, 30_000):
        outbox.send(batch)
    assert outbox.shed > 0
    traffic.sent.clear()
    tracemalloc.start()
    try:
        for batch in _flood(traffic, 10_000, 10_000):
            outbox.send(batch)
        traffic.sent.clear()
        grown = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert grown < 256 << 10


def _drained(outbox: Outbox, theirs: socket.socket) -> bytes:
    theirs.setblocking(False)
    octets = bytearray()
    while True:
        outbox.flush()
        try:
            octets += theirs.recv(1 << 20)
        except BlockingIOError:
            return bytes(octets)


def test_health_does_not_pile_up_while_nobody_reads(deaf: tuple[Outbox, socket.socket]) -> None:
    """A console that was stopped (SIGSTOP) for a day and more; then the latest word counts."""
    outbox, theirs = deaf
    size = len(msgspec.msgpack.encode([_status(0.0)])) + HEADER.size
    for second in range(2 * QUEUE_FULL // size):
        outbox.urgent(_status(float(second)))
    octets = _drained(outbox, theirs)
    assert len(octets) < QUEUE_FULL + (1 << 20)
    latest = msgspec.msgpack.decode(octets[-size + HEADER.size :], type=list[ev.SensorStatus])
    assert latest == [_status(float(second))]


def test_a_message_is_its_length_and_an_array_of_events(deaf: tuple[Outbox, socket.socket]) -> None:
    outbox, theirs = deaf
    outbox.urgent(_status(1.0))
    outbox.send([_status(2.0), _status(3.0)])
    octets = _drained(outbox, theirs)
    times = []
    while octets:
        (size,) = HEADER.unpack_from(octets)
        body, octets = octets[HEADER.size : HEADER.size + size], octets[HEADER.size + size :]
        times.append([event.time for event in msgspec.msgpack.decode(body, type=list[ev.AnyEvent])])
    assert times == [[1.0], [2.0, 3.0]]


def test_the_console_is_gone(deaf: tuple[Outbox, socket.socket]) -> None:
    outbox, theirs = deaf
    outbox.urgent(_status(1.0))
    theirs.close()
    with pytest.raises(BrokenPipeError):
        outbox.send([_status(2.0)])


def test_bounds_make_sense() -> None:
    """What is told after shedding fits below the mark at which shedding would begin anew."""
    tally = ev.Tally(1e9, "wire", "mx.example.net", "2001:db8:1234:5678::1", dict.fromkeys(map(str, range(6)), 100), ())
    assert QUEUE_LOW + len(msgspec.msgpack.encode([tally])) * MAX_SOURCES < QUEUE_FULL
