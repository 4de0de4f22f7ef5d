"""Silent connections sleep: told is what would be told if none ever did, and asleep they take little."""

import gc
import tracemalloc
from collections import Counter
from collections.abc import Callable

import pytest

from collectors.wire import pipeline as wire_pipeline
from collectors.wire.frames import Octets, Segment, raw_ip
from collectors.wire.pipeline import Pipeline
from collectors.wire.streams import Connection
from collectors.wire.tracker import Tracker
from smtpwatch import events as ev
from smtpwatch.config import Config
from tests.collectors.wire.model import Play
from tests.wire import Packet, Wire

NOW = 1_700_000_000.0
MANY = 2_000
AWAKE, ASLEEP = 2_600, 600  # octets of a connection at most

DIALOGUE = """
S: 220 mx.example.net ESMTP
C: EHLO client.example.com
S: 250-mx.example.net\\n250 PIPELINING
C: NOOP
S: 250 2.0.0 Ok
C: MAIL FROM:<a@x>\\nRCPT TO:<b@x>\\nDATA
S: 250 2.1.0 Ok\\n250 2.1.5 Ok\\n354 go
C: Subject: x\\n\\nbody\\n.\\n
S: 250 2.0.0 Ok: queued as AAA
C: QUIT
S: 221 Bye
"""


class Drowsy(Tracker):
    """Whatever can sleep does so after each packet. `naps` counts."""

    naps = 0

    def segment(self, now: float, buf: Octets, segment: Segment) -> None:
        super().segment(now, buf, segment)
        asleep = len(self._asleep)
        for each in list(self._awake.values()):
            self._rest(each)
        Drowsy.naps += len(self._asleep) - asleep


def told(packets: list[Packet], config: Config | None = None) -> list[ev.Event]:
    pipeline = Pipeline(config or Config(), "mx")
    pipeline.packets((each.time, each.data, 0, len(each.data), each.wire, raw_ip) for each in packets)
    pipeline.finish()
    return pipeline.batch


def alike(monkeypatch: pytest.MonkeyPatch, packets: list[Packet], config: Config | None = None) -> int:
    """How often it slept, with the same told as without."""
    awake = told(packets, config)
    before = Drowsy.naps
    with monkeypatch.context() as drowsy:
        drowsy.setattr(wire_pipeline, "Tracker", Drowsy)
        assert told(packets, config) == awake
    return Drowsy.naps - before


def script(**options: float) -> Wire:
    return Wire(**options).open().script(DIALOGUE).close()  # type: ignore[arg-type]


@pytest.mark.parametrize("client", ["203.0.113.7", "2001:db8::7"])
def test_a_dialogue_sleeps_between_its_commands(monkeypatch: pytest.MonkeyPatch, client: str) -> None:
    server = "2001:db8::25" if ":" in client else "192.0.2.25"
    wire = Wire(client=client, server=server).open().script(DIALOGUE).close()
    assert alike(monkeypatch, wire.packets) >= 8
    assert alike(monkeypatch, wire.packets, Config(local=(server,))) >= 8
    assert alike(monkeypatch, wire.packets, Config(local=(client,))) >= 8


@pytest.mark.parametrize("seed", range(60))
def test_random_sessions(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    alike(monkeypatch, Play(seed).wire.packets)


def test_on_any_port(monkeypatch: pytest.MonkeyPatch) -> None:
    assert alike(monkeypatch, script(port=2525).packets, Config(any_port=True)) >= 3


@pytest.mark.parametrize("until", [1, 2, 3, 4, 6])
def test_silence_ends_it_all_the_same(until: int) -> None:
    """By the time that patience is over, whether it sleeps or not."""
    packets = script().packets[:until]
    other = Wire(client_port=50_000, step=10.0, start=NOW).open()
    for _ in range(120):
        other.client(b"NOOP\r\n")
    events = told(sorted([*packets, *other.packets], key=lambda packet: packet.time))
    (closed,) = [event for event in events if isinstance(event, ev.SessionClosed) and event.closed_by == "timeout"]
    assert closed.session == 1
    assert closed.time == packets[-1].time


def test_at_the_end_one_wakes_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """All are told in the order of their beginning; a file may end with a hundred thousand open."""
    wires = [script(client_port=40_000 + each, start=NOW + each / 100) for each in range(100)]
    packets = sorted((packet for wire in wires for packet in wire.packets[:5]), key=lambda packet: packet.time)
    awake = [each for each in told(packets) if type(each) is not ev.SessionProgress]
    monkeypatch.setattr(wire_pipeline, "Tracker", Drowsy)
    pipeline = Pipeline(Config(), "mx")
    pipeline.packets((each.time, each.data, 0, len(each.data), each.wire, raw_ip) for each in packets)
    most, close = [0], Tracker._close

    def closing(tracker: Tracker, conn: Connection, by: ev.ClosedBy) -> None:
        most.append(len(tracker._awake))
        close(tracker, conn, by)

    monkeypatch.setattr(Tracker, "_close", closing)
    pipeline.finish()
    assert [each for each in pipeline.batch if type(each) is not ev.SessionProgress] == awake
    assert len(most) == 101
    assert max(most) < 5


def test_what_cannot_sleep_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not at each lull, of which there are four a second."""
    waiting = Wire(start=NOW).open().script("S: 220 mx\nC: EHLO not.answered.example").packets
    others = [Wire(client_port=port, step=1.0, start=NOW + 1 + port / 100_000).open() for port in (10_000, 60_000)]
    for _ in range(6):
        for other in others:
            other.client(b"NOOP\r\n").server(b"250 Ok\r\n")
    packets = sorted((packet for other in others for packet in other.packets), key=lambda packet: packet.time)
    looks, look = Counter[int](), Tracker._look

    def looked(tracker: Tracker, conn: Connection, before: float, now: float) -> None:
        looks[conn.id] += 1
        look(tracker, conn, before, now)

    monkeypatch.setattr(Tracker, "tick", lambda tracker, now: None)
    monkeypatch.setattr(Tracker, "_look", looked)
    pipeline = Pipeline(Config(), "mx")
    for each in (*waiting, *packets):
        pipeline.packets([(each.time, each.data, 0, len(each.data), each.wire, raw_ip)])
    assert looks[1] == 1
    assert looks[2] > 3
    assert [*pipeline.tracker._awake][:1] == [1]


def test_the_oldest_that_was_never_answered_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.wire.tracker.MAX_CONNECTIONS", 3)
    wires = [Wire(client_port=40_000 + each, start=NOW + each) for each in range(6)]
    packets = [
        packet
        for at, wire in enumerate(wires)
        for packet in (wire.open().packets if at == 0 else wire.open().packets[:1])
    ]
    assert alike(monkeypatch, packets) >= 6
    closed = [event for event in told(packets) if isinstance(event, ev.SessionClosed)]
    assert [(each.session, each.closed_by) for each in closed] == [
        (2, "timeout"), (3, "timeout"), (4, "timeout"), (1, "open"), (5, "open"), (6, "open"),
    ]  # fmt: skip


def octets_each(packets: Callable[[Wire], list[Packet]], asleep: bool) -> float:
    """What one of MANY connections takes."""
    made = [packets(Wire(client_port=1024 + each, start=NOW)) for each in range(MANY)]
    pipeline = Pipeline(Config(), "mx")
    every = [(each.time, each.data, 0, len(each.data), each.wire, raw_ip) for wire in made for each in wire]
    pipeline.packets(every[:10])
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        pipeline.packets(every[10:])
        pipeline.batch.clear()
        if asleep:
            pipeline.idle(NOW + 5)
        return (tracemalloc.get_traced_memory()[0] - before) / MANY
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "packets",
    [
        lambda wire: wire.open().packets[:1],
        lambda wire: wire.open().packets,
        lambda wire: wire.open().script("S: 220 x\nC: EHLO y\nS: 250 z").packets,
    ],
    ids=["SYN", "handshake", "EHLO"],
)
def test_what_one_takes(packets: Callable[[Wire], list[Packet]]) -> None:
    assert octets_each(packets, asleep=False) <= AWAKE
    assert octets_each(packets, asleep=True) <= ASLEEP


def test_sleep_leaves_nothing_for_a_collector() -> None:
    pipeline = Pipeline(Config(), "mx")
    wires = [Wire(client_port=port).open().script("S: 220 x\nC: EHLO y\nS: 250 z") for port in range(2000, 2050)]
    packets = [(each.time, each.data, 0, len(each.data), each.wire, raw_ip) for wire in wires for each in wire.packets]
    gc.collect()
    gc.disable()
    try:
        pipeline.packets(packets)
        pipeline.idle(packets[-1][0] + 5)
        assert len(pipeline.tracker._asleep) == 50
        assert gc.collect() == 0
    finally:
        gc.enable()
