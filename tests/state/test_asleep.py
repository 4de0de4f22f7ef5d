"""Sessions that sleep: given back as they were, found by whatever finds one that is awake, and small."""

from __future__ import annotations

import gc
import tracemalloc
from collections import Counter

import pytest

from smtpwatch import bundled
from smtpwatch import events as ev
from smtpwatch.replay import Recording
from smtpwatch.state import asleep, join, sessions
from smtpwatch.state.glance import Glance
from smtpwatch.state.handshake import TlsFacts
from smtpwatch.state.party import PLACES, Dimension, Party
from smtpwatch.state.picture import Picture
from smtpwatch.state.session import Session
from smtpwatch.state.sessions import Sessions
from tests.state.joint import HOST, NOW, Log, Wire
from tests.state.model import Outcome, Play
from tests.state.test_activity_model import Place
from tests.state.test_join_model import any_scene

MANY = 3_000
A = "203.0.113.7"
ASLEEP = 700  # octets of a session at most, with all that finds it

SLOTS = [name for name in Session.__slots__ if name not in ("tls", "parties")]


def same(one: Session, other: Session) -> bool:
    """All that is known of them is equal; their parties are the same, or gone alike."""
    return (
        all(getattr(one, name) == getattr(other, name) for name in SLOTS)
        and tls(one) == tls(other)
        and len(one.parties) == len(other.parties)
        and all(map(alike, one.parties, other.parties))
    )


def tls(session: Session) -> list[object] | None:
    facts = session.tls
    return None if facts is None else [getattr(facts, name) for name in TlsFacts.__slots__]


def alike(one: Party, other: Party) -> bool:
    gone = not one.held and not other.held and (one.dimension, one.key) == (other.dimension, other.key)
    return one is other or gone


def recorded() -> list[ev.Event]:
    """The demo: real Postfix and Dovecot, with everything that a client can do to them."""
    recording = Recording(bundled.recorded())
    while not recording.whole:
        recording.read()
    return [*recording.events]


def test_each_is_given_back_as_it_was() -> None:
    """After each event of a recording, where it may sleep."""
    picture = Picture()
    packer, slept = asleep.Packer(picture.activity), Counter[str]()
    for event in recorded():
        picture.apply([event])
        session = picture.sessions.get((event.sensor, event.session)) if isinstance(event, ev.SessionEvent) else None
        packed = None if session is None else packer.pack(session)
        if session is not None and packed is not None:
            assert same(packer.unpack(session.key, packed), session)
            slept[session.stage] += 1
    assert {"connect", "greeting", "EHLO", "TLS", "AUTH"} <= slept.keys()
    assert slept.total() > 2_000


@pytest.fixture
def drowsy(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, int], Session]:
    """Hardly any is awake. The latest object of each that has slept."""
    latest: dict[tuple[str, int], Session] = {}
    unpack = asleep.Packer.unpack

    def seen(packer: asleep.Packer, key: tuple[str, int], packed: bytes) -> Session:
        latest[key] = unpack(packer, key, packed)
        return latest[key]

    monkeypatch.setattr(asleep.Packer, "unpack", seen)
    monkeypatch.setattr(sessions, "AWAKE", 10)
    monkeypatch.setattr(sessions, "RECENT_SESSIONS", 5)
    monkeypatch.setattr(join, "AWAKE", 10)
    return latest


def joins(outcome: Outcome, latest: dict[tuple[str, int], Session]) -> dict[tuple[str, int], list[tuple[object, ...]]]:
    """What was found to be one, and by what."""
    held = {key: latest.get(key, session) for key, session in outcome.held.items()}
    return {
        key: [(visit.pid, visit.start, visit.join) for visit in session.visits]
        for key, session in held.items()
        if session.sensor == "wire"
    }


@pytest.mark.parametrize("seed", range(60))
def test_logs_find_those_that_sleep(seed: int, drowsy: dict[tuple[str, int], Session]) -> None:
    play = Play(seed, any_scene(seed))
    with pytest.MonkeyPatch.context() as awake:
        awake.setattr(sessions, "AWAKE", 1_000_000)
        awake.setattr(join, "AWAKE", 1_000_000)
        expected = joins(Outcome(play), {})
    drowsy.clear()
    assert joins(Outcome(play), drowsy) == expected
    assert drowsy or len(expected) <= 60


def opened(number: int, source: str) -> list[ev.Event]:
    wire = Wire(number, source, 1_024 + number, NOW + number / 1_000)
    return [wire.opened, wire.greeting(NOW + number / 1_000)]


@pytest.mark.usefixtures("drowsy")
def test_an_event_wakes_it() -> None:
    state = Sessions()
    for number in range(100):
        for event in opened(number, f"198.51.100.{number}"):
            state.apply(event)
    assert len(list(state.live.awake_now)) < 20 < len(state.live) == 100
    wire = Wire(3, "198.51.100.3", 1_027, NOW + 0.003)
    state.apply(ev.SessionProgress(NOW + 1, "wire", HOST, 3, "198.51.100.3", 17, 42))
    assert (state.live["wire", 3].octets_client, state.live["wire", 3].end) == (17, NOW + 1)
    assert len(list(state.live.awake_now)) < 20
    state.apply(wire.closed(NOW + 2))
    assert ("wire", 3) not in state.live
    assert state.recent["wire", 3].stage == "closed"
    assert [session.key[1] for session in state.live.values()] == [each for each in range(100) if each != 3]
    assert [*reversed(state.live)] == [*state.live][::-1]


def test_the_oldest_ends_while_a_session_of_the_log_takes_its_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "LIVE_SESSIONS", 50)
    ended: list[Session] = []
    state = Sessions(ended.append)
    wires = [Wire(number, f"198.51.100.{number}", 1_024, NOW + number / 10) for number in range(50)]
    then, log = NOW + 11, Log(500, A, whole=False)
    read = [ev.SensorStatus(then + at, "log", HOST, "running", "", 1, 0, 0, {}, ()) for at in (1, 2, 12.1)]
    for event in (*(wire.opened for wire in wires), log.connected(then), log.gone(then + 0.1), *read):
        state.apply(event)
    for number in range(3):
        state.apply(wires[number].closed(then + 12 + 5 * number))
        state.apply(Wire(50 + number, f"203.0.113.{number}", 1_024, then + 12 + 5 * number).opened)
    assert [session.key for session in ended].count(("wire", 0)) == 1
    assert len(state.live) == 50


def test_a_name_that_no_event_of_the_transcript_gave_keeps_it_awake() -> None:
    state = Sessions()
    state.apply(opened(1, A)[0])
    state.apply(ev.SessionProgress(NOW + 1, "wire", HOST, 1, "192.0.2.1", 1, 1))
    assert state.live["wire", 1].source == "192.0.2.1"
    assert asleep.Packer(None).pack(state.live["wire", 1]) is None


def test_who_is_not_who_it_was_does_not_sleep_on() -> None:
    """The event that named its client was shed; the next that comes tells."""
    state = Sessions()
    for event in opened(1, A):
        state.apply(event)
    packed = state.live._packer.pack(state.live["wire", 1])
    assert packed is not None
    state.live._held["wire", 1] = packed
    state.apply(ev.SessionProgress(NOW + 1, "wire", HOST, 1, A, 1, 1))
    assert not [*state.live.awake_now]
    state.apply(ev.SessionProgress(NOW + 2, "wire", HOST, 1, A[:-1], 2, 2))
    assert [session.source for session in state.live.awake_now] == [A[:-1]]


def test_what_shows_at_a_glance_is_as_it_is() -> None:
    """After each event of a recording."""
    state, packer, seen = Sessions(), asleep.Packer(None), Counter[tuple[bool, bool]]()
    for event in recorded():
        state.apply(event)
        session = state.get((event.sensor, event.session)) if isinstance(event, ev.SessionEvent) else None
        packed = None if session is None else packer.pack(session)
        if session is not None and packed is not None:
            glance = asleep.glance(session.key, packed)
            assert [*glance] == [getattr(session, name) for name in Glance._fields]
            seen[glance.over, glance.spoken] += 1
    assert {(False, False), (False, True)} <= seen.keys()


@pytest.mark.usefixtures("drowsy")
def test_to_ask_which_session_a_line_is_of_wakes_those_only_that_it_may_be_of() -> None:
    """One source holds many open, while the log tells of another session of it."""
    state, source = Sessions(), "203.0.113.7"
    known = [Wire(9_000 + n, "198.51.100.1", 50_000 + n, NOW + n) for n in range(10)]
    for n, wire in enumerate(known):  # how far the clocks differ
        log = Log(900 + n, "198.51.100.1", 50_000 + n)
        events = [wire.greeting(NOW + n), log.connected(NOW + n), log.gone(NOW + n + 0.2), wire.closed(NOW + n + 0.2)]
        for event in (wire.opened, *events):
            state.apply(event)
    for number in range(300):
        wire = Wire(number, source, 1_024 + number, NOW + 20 + number / 100)
        for event in (wire.opened, wire.greeting(wire.start)):
            state.apply(event)
    late, log = Wire(5_000, source, 60_000, NOW + 390), Log(500, source)
    other = Wire(5_001, "198.51.100.9", 60_001, NOW + 410)
    read = [ev.SensorStatus(NOW + at, "log", HOST, "running", "", 1, 0, 0, {}, ()) for at in (408, 409, 410, 411)]
    woken: set[tuple[str, int]] = set()
    for event in (
        *(late.opened, late.greeting(NOW + 390), log.connected(NOW + 390), log.gone(NOW + 391)),
        *(other.opened, other.greeting(NOW + 410), *read),
    ):
        state.apply(event)
        woken |= {session.key for session in state.live.awake_now}
    assert [visit.join for visit in state.live["wire", 5_000].visits] == ["time"]
    assert len(woken) < 30


def test_a_server_that_greets_each_by_its_name_takes_no_numbers_from_others() -> None:
    packer, state = asleep.Packer(None), Sessions()
    told = [f"mx1.example.net Hello client{number}.example.com" for number in range(2 * asleep.TEXTS)]
    for number, text in enumerate([*told, "mx1.example.net", "mx1.example.net"]):
        state.apply(opened(number, A)[0])
        state.apply(ev.Greeting(NOW, "wire", HOST, number, A, 220, text))
        session = state.live["wire", number]
        packed = packer.pack(session)
        assert packed is not None
        assert same(packer.unpack(session.key, packed), session)
    assert "mx1.example.net" in packer._texts
    assert not any("client" in text for text in packer._texts)
    assert len(packer._once) <= asleep.TEXTS


@pytest.mark.usefixtures("drowsy")
def test_one_that_is_opened_anew_is_not_taken_for_what_it_was() -> None:
    """Its key is still first in turn to sleep."""
    state = Sessions()
    state.apply(opened(1, A)[0])
    state.apply(ev.Tally(NOW + 1, "wire", HOST, A, {}, (1,)))
    for number in range(2, 11):
        state.apply(opened(number, f"198.51.100.{number}")[0])
    state.apply(ev.AuthAttempted(NOW + 2, "wire", HOST, 1, A, "PLAIN", "failure", False))
    assert state.live["wire", 1].auth == [("PLAIN", "failure")]


def test_when_it_began_is_not_forgotten() -> None:
    """Though its first packets were not seen."""
    state, packer = Sessions(), asleep.Packer(None)
    state.apply(ev.SessionProgress(NOW, "wire", HOST, 1, "203.0.113.7", 1, 1))
    state.apply(ev.SessionProgress(NOW + 5, "wire", HOST, 1, "203.0.113.7", 2, 2))
    packed = packer.pack(state.live["wire", 1])
    assert packed is not None
    later = packer.unpack(("wire", 1), asleep.progressed(packed, NOW + 9, 3, 4))
    assert (later.start, later.end, later.octets_client, later.octets_server) == (NOW, NOW + 9, 3, 4)


@pytest.mark.usefixtures("drowsy")
def test_a_line_without_a_thread_finds_one_that_falls_asleep_meanwhile() -> None:
    """Two sessions of its client: to look at the one that sleeps puts the other to sleep, which is next in turn."""
    state = Sessions()
    source = "203.0.113.7"
    told = {1: "one.example", 2: "two.example"}
    for number, name in told.items():
        wire = Wire(number, source, 40_000 + number, NOW + number)
        for event in (wire.opened, wire.greeting(NOW + number), *wire.hello(NOW + number, name)):
            state.apply(event)
    for number in range(3, 200):
        for event in opened(number, f"198.51.100.{number}"):
            state.apply(event)
    turn = state.live._turn
    state.live.awake(("wire", 2))
    turn.rotate(turn.index(("wire", 2)) * -1)
    join_ = state.logs.join
    one, two = join_.sessions_of(source) or []
    assert two is state.live._held["wire", 2]
    assert one is state.live._held["wire", 1]


@pytest.mark.usefixtures("drowsy")
def test_a_sensor_that_starts_anew_ends_those_that_sleep() -> None:
    ended: list[Session] = []
    state = Sessions(ended.append)
    for number in range(100):
        for event in opened(number, f"198.51.100.{number}"):
            state.apply(event)
    state.apply(ev.SensorStatus(NOW + 9, "wire", HOST, "starting", "", 0, 0, 0, {}, ()))
    assert len(state.live) == 0
    assert {session.partial for session in ended} == {"detail was shed"}


@pytest.mark.usefixtures("drowsy")
def test_counts_are_the_same_while_others_take_the_places_of_their_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who slept is still counted where it was, and nowhere else: `open` ends at nothing."""
    monkeypatch.setitem(PLACES, Dimension.ADDRESS, 10)
    picture = Picture()
    wires = [
        Wire(number, f"198.51.{number % 7}.{number}", 1_024 + number, NOW + number / 1_000) for number in range(200)
    ]
    picture.apply(event for wire in wires for event in (wire.opened, wire.greeting(wire.start)))
    assert len(list(picture.sessions.live.awake_now)) < 20
    networks = picture.activity.groups[Dimension.NETWORK]
    assert sum(party.open for party in networks) == 200
    picture.apply(wire.closed(NOW + 5) for wire in wires)
    assert [party.open for party in networks] == [0] * 7
    assert sum(party.abandoned for party in networks) == 200
    assert {party.open for party in picture.activity.sources} == {0}


@pytest.mark.usefixtures("drowsy")
def test_a_network_that_comes_back_has_its_holders_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another took its place while its session slept, which then does something."""
    monkeypatch.setitem(PLACES, Dimension.ASN, 1)
    picture = Picture(lambda address: Place("AT", int(address.split(".")[1]), "Holder of " + address))
    asns = picture.activity.groups[Dimension.ASN]
    for number in range(50):
        picture.apply(opened(number, f"10.{number}.0.1"))
    assert [party.key for party in asns] == ["AS49"]
    assert ("wire", 3) not in [session.key for session in picture.sessions.live.awake_now]
    picture.apply([ev.AuthAttempted(NOW + 2, "wire", HOST, 3, "10.3.0.1", "PLAIN", "failure", False)])
    assert [(party.key, party.label) for party in asns] == [("AS3", "Holder of 10.3.0.1")]


def test_what_one_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "AWAKE", 100)
    state = Sessions()
    events = [event for number in range(MANY) for event in opened(number, f"2001:db8:{number:x}::1")]
    for event in events[:400]:
        state.apply(event)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for event in events[400:]:
            state.apply(event)
        each = (tracemalloc.get_traced_memory()[0] - before) / (MANY - 200)
    finally:
        tracemalloc.stop()
    assert each < ASLEEP
