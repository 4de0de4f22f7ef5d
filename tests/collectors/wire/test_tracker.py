"""Ends and beginnings of connections, and the time they are judged by."""

import pytest

from collectors.wire import held, tracker
from collectors.wire.clock import Clock
from collectors.wire.frames import raw_ip
from collectors.wire.pipeline import Pipeline
from smtpwatch import events as ev
from smtpwatch.config import Config
from tests.wire import ACK, FIN, MASK, PSH, RST, SYN, Packet, Wire, events_of, session_of, sessions_of

HELLO = "S: 220 x\nC: HELO y\nS: 250 x"
ENVELOPE = HELLO + "\nC: MAIL FROM:<a@x>\nS: 250 2.1.0 Ok\nC: RCPT TO:<b@x>\nS: 250 2.1.5 Ok"
MESSAGE = "C: DATA\nS: 354 go\nC: text\\n.\nS: 250 2.0.0 Ok: queued as AAA\nC: QUIT\nS: 221 Bye"
QUIT = "C: QUIT\nS: 221 Bye"


def closed(packets: list[Packet]) -> list[ev.SessionClosed]:
    return [event for event in events_of(packets) if isinstance(event, ev.SessionClosed)]


def moved(packets: list[Packet], seconds: float) -> list[Packet]:
    return [packet._replace(time=packet.time + seconds) for packet in packets]


# ---- time


@pytest.mark.parametrize("time", [4e9, 0.0, 1_700_007_200.0, 1_699_990_000.0])
@pytest.mark.parametrize("own", [False, True])
def test_one_damaged_time_loses_nothing(time: float, own: bool) -> None:
    """At every place, first and last included, and whether the packet is the session's own or another's."""
    whole = Wire().open().script(ENVELOPE + "\n" + MESSAGE).close(by_client=False).packets
    stray = Wire(client="198.51.100.1").open().packets[0]._replace(time=time)
    (expected,) = sessions_of(whole)
    for at in range(len(whole)):
        packets = [*whole[:at], whole[at]._replace(time=time) if own else stray, *whole[at + own :]]
        (session,) = sessions_of(packets)
        assert (session.transactions, session.closed_by, session.partial) == (
            expected.transactions,
            "quit",
            None,
        ), f"at {at}"


@pytest.mark.parametrize("step", [7200.0, -7200.0])
def test_ticks_go_on_when_the_clock_was_set(step: float) -> None:
    first = Wire(step=0.5).open().script(ENVELOPE)
    later = moved(Wire(client_port=50000, step=0.5, start=first.now).open().script(ENVELOPE).packets, step)
    told = [event.time for event in events_of([*first.packets, *later]) if isinstance(event, ev.SessionProgress)]
    assert [time for time in told if time > later[3].time and time <= later[-1].time and abs(time - later[0].time) < 60]


def test_a_gap_in_the_capture_ends_what_is_idle() -> None:
    silent = Wire().open().script(HELLO)
    later = Wire(client_port=50000, start=silent.now + 7200).open().script(HELLO)
    assert [each.closed_by for each in closed([*silent.packets, *later.packets])] == ["timeout", "open"]


def test_a_clock_that_is_set_back_does_not_keep_what_is_silent() -> None:
    silent = Wire().open().script(HELLO)
    busy = (
        Wire(client_port=50000, start=silent.now - 7200, step=1.0).open().script(HELLO + "\nC: NOOP\nS: 250 Ok" * 300)
    )
    assert [each.closed_by for each in closed([*silent.packets, *busy.packets])] == ["timeout", "open"]


def test_idle_live_time_is_trusted() -> None:
    pipeline = Pipeline(Config(), "mx")
    silent = Wire().open().script(HELLO)
    pipeline.packets((each.time, each.data, 0, len(each.data), each.wire, raw_ip) for each in silent.packets)
    pipeline.idle(silent.now + 1000)
    assert [each.closed_by for each in pipeline.batch if isinstance(each, ev.SessionClosed)] == ["timeout"]


def test_a_time_is_believed_once_packets_agree() -> None:
    clock = Clock()
    assert [clock.read(time) for time in (100.0, 100.1, 100.2)] == [False, False, True]
    assert clock.now == 100.1
    assert (clock.believed(4e9), clock.believed(105.0)) == (100.1, 105.0)
    clock.read(5000.0)
    clock.read(100.5)
    clock.read(5000.0)
    clock.read(0.0)
    clock.read(5000.0)
    assert clock.now == 100.1
    for time in (5000.0, 5100.0):  # a quiet host's packets may be far apart
        clock.read(time)
    assert clock.now == 5000.0


# ---- RST


@pytest.mark.parametrize("distance", [500, -3])
def test_a_reset_that_the_receiver_ignores(distance: int) -> None:
    """It answers with an acknowledgement (RFC 5961, 3.2), and the session goes on."""
    wire = Wire().open().script(ENVELOPE)
    wire.packet(True, flags=RST, seq=wire.next[True] + distance)
    wire.packet(False)
    session = session_of(wire.script(MESSAGE).close())
    assert (session.closed_by, session.partial, session.transactions[0].queue_id) == ("quit", None, "AAA")


def test_a_reset_in_doubt_ends_the_session_if_nothing_follows() -> None:
    wire = Wire().open().script(HELLO)
    wire.packet(True, flags=RST, seq=wire.next[True] + 500)
    assert session_of(wire).closed_by == "rst"
    other = Wire(client_port=50000, start=wire.now, step=0.5).open().script(HELLO)
    events = events_of([*wire.packets, *other.packets])
    (end,) = [event for event in events if isinstance(event, ev.SessionClosed) and event.closed_by == "rst"]
    assert end.end == wire.packets[-1].time
    assert events.index(end) < len(events) - 3  # at a tick, long before the capture's end
    wire.now += 10  # and what comes after all is not lost
    late = wire.script("C: MAIL FROM:<late@x>\nS: 250 2.1.0 Ok\nC: RCPT TO:<b@x>\nS: 250 2.1.5 Ok")
    at = len(late.packets) - 8
    again = sessions_of([*late.packets[:at], *other.packets, *late.packets[at:]])
    assert [each.closed_by for each in again] == ["rst", "open", "open"]


def test_a_reset_right_after_a_fin_that_was_not_acknowledged() -> None:
    wire = Wire().open().script(ENVELOPE)
    wire.packet(True, flags=FIN | ACK)
    wire.packet(True, flags=RST, seq=wire.next[True] - 1)
    session = session_of(wire)
    assert (session.closed_by, session.transactions[0].outcome) == ("fin", "abandoned")


def test_a_server_that_closes_and_resets_what_comes_then() -> None:
    """The usual end of a session that timed out: both directions are there to its end."""
    wire = Wire().open().script(ENVELOPE)
    wire.packet(False, b"421 4.4.2 timeout\r\n", ACK | PSH | FIN)
    wire.packet(True)
    wire.packet(True, b"QUIT\r\n", ACK | PSH)
    wire.packet(False, flags=RST)
    session = session_of(wire)
    assert (session.partial, session.transactions[0].outcome) == (None, "abandoned")


def test_a_refused_connection_is_whole() -> None:
    wire = Wire()
    wire.packet(True, flags=SYN)
    wire.next[False] = 0
    wire.reset(by_client=False)
    assert [(each.closed_by, each.partial) for each in closed(wire.packets)] == [("rst", None)]


# ---- ports used again


@pytest.mark.parametrize("fast_open", [b"", b"HELO tfo\r\n"])
def test_a_new_session_on_the_same_ports_begins_with_its_syn(fast_open: bytes) -> None:
    old = Wire().open().script(ENVELOPE)
    new = Wire(client_isn=5_000_000, server_isn=9_000_000, start=old.now + 5)
    new.packet(True, fast_open, SYN)
    new.packet(False, flags=SYN | ACK)
    new.packet(True)
    new.script("S: 220 x\\n250 x" if fast_open else HELLO).script(QUIT).close()
    first, second = sessions_of([*old.packets, *new.packets])
    assert (first.start, first.end) == (old.packets[0].time, old.packets[-1].time)
    assert (second.start, second.end) == (new.packets[0].time, new.packets[-1].time)
    assert (second.helo, second.bytes_client) == ("tfo" if fast_open else "y", (10 if fast_open else 8) + 6)
    assert (second.closed_by, second.partial) == ("quit", None)


def test_a_syn_after_a_long_silence_needs_no_more_proof() -> None:
    old = Wire().open().script(ENVELOPE)
    new = Wire(client_isn=5_000_000, start=old.now + tracker.REUSE_IDLE + 1)
    new.packet(True, flags=SYN)
    assert [(each.closed_by, each.end) for each in closed([*old.packets, *new.packets])] == [
        ("timeout", old.packets[-1].time),
        ("open", new.packets[0].time),
    ]


# ---- octets that are late, or never come


def traffic(start: float, seconds: float) -> list[Packet]:
    """Another session, which keeps time."""
    wire = Wire(client_port=50000, start=start, step=seconds / 20).open()
    return wire.script("S: 220 x" + "\nC: NOOP\nS: 250 Ok" * 4).packets


def lost_upstream(after: float, acknowledged: bool = True) -> list[Packet]:
    """The first of two segments comes `after` seconds late; other traffic keeps time."""
    wire = Wire().open().script("S: 220 x\nC: EHLO y\nS: 250-x\\n250 PIPELINING")
    first, second = b"MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\n", b"RCPT TO:<c@x>\r\nDATA\r\n"
    base = wire.next[True]
    wire.packet(True, second, ACK | PSH, seq=base + len(first))
    if acknowledged:
        wire.packet(False)
    early, wire.packets = wire.packets, []
    early += traffic(wire.now, after)
    wire.now += after
    wire.packet(True, first, ACK | PSH, seq=base)
    wire.next[True] = base + len(first) + len(second)
    wire.server(b"250 Ok\r\n250 Ok\r\n550 no\r\n354 go\r\n")
    wire.script("C: x\\n.\nS: 250 Ok: queued as R1\n" + QUIT).close()
    return [*early, *wire.packets]


@pytest.mark.parametrize("after", [2.0, 4.0, 60.0])
def test_what_the_receiver_asks_for_is_waited_for(after: float) -> None:
    session = sessions_of(lost_upstream(after))[0]
    (transaction,) = session.transactions
    assert [(each.rcpt, each.code) for each in transaction.rcpts] == [("b@x", 250), ("c@x", 550)]
    assert (transaction.mail_from, transaction.queue_id, session.partial) == ("a@x", "R1", None)


@pytest.mark.parametrize(("after", "acknowledged"), [(200.0, True), (6.0, False)])
def test_octets_too_late_to_be_read_are_told(after: float, acknowledged: bool) -> None:
    session = sessions_of(lost_upstream(after, acknowledged))[0]
    assert session.partial == "32 octets client to server came too late to be read"
    assert session.bytes_client == len("EHLO y\r\nx\r\n.\r\nQUIT\r\n") + 32 + 21


def test_all_that_is_held_together_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker, "MAX_HELD", 50_000)
    pipeline = Pipeline(Config(), "mx")
    packets = []
    for port in range(2000, 2100):
        wire = Wire(client_port=port).open().script("S: 220 x")
        wire.packet(True, b"x" * 1400, ACK | PSH, seq=wire.next[True] + 10)
        wire.packet(False)
        packets += wire.packets
    packets += moved(Wire().open().packets, 5)
    pipeline.packets((each.time, each.data, 0, len(each.data), each.wire, raw_ip) for each in packets)
    holding = [half.conn for half in pipeline.tracker._halves.values() if half.held]
    assert holding and sum(conn.held_octets for conn in holding) <= 50_000
    assert holding[0].held_octets == 1400 + held.SEGMENT


@pytest.mark.parametrize("size", [10 << 20, 20 << 20, 900 << 20])
def test_a_gap_of_any_size_is_told_and_the_rest_goes_on(size: int) -> None:
    wire = Wire().open().script(ENVELOPE + "\nC: DATA\nS: 354 go").client(b"Subject: x\r\n\r\n")
    wire.next[True] = (wire.next[True] + size) & MASK
    wire.client(b"tail\r\n.\r\n").script("S: 250 2.0.0 Ok: queued as BIG\nC: QUIT\nS: 221 Bye")
    session = session_of(wire.close())
    assert session.partial == f"{size:,} octets client to server not captured"
    assert [(each.outcome, each.queue_id) for each in session.transactions] == [("accepted", "BIG")]
    assert session.closed_by == "quit"


def test_a_gap_of_any_size_shows_in_a_capture_of_one_side() -> None:
    wire = Wire().open().script(ENVELOPE + "\nC: DATA\nS: 354 go").client(b"Subject: x\r\n\r\n")
    wire.next[True] += 20 << 20
    wire.client(b"tail\r\n").client(b".\r\n").script(QUIT)
    session = session_of(wire.close().only(client=True))
    assert session.partial == f"{20 << 20:,} octets client to server not captured; server to client not captured"
    assert session.closed_by == "quit"


@pytest.mark.parametrize("far", [2 << 20, 20 << 20, 1 << 30])
@pytest.mark.parametrize("twice", [False, True])
def test_a_stray_segment_far_off_derails_nothing(far: int, twice: bool) -> None:
    wire = Wire(step=0.5).open().script(ENVELOPE)
    for _ in range(1 + twice):
        wire.packet(True, b"QUIT\r\n", ACK | PSH, seq=wire.next[True] + far)
    wire.packet(False, b"", ACK)
    session = session_of(wire.script(MESSAGE).close())
    assert (session.partial, session.closed_by, session.transactions[0].queue_id) == (None, "quit", "AAA")


def test_a_late_segment_fills_several_holes() -> None:
    wire = Wire().open().script("S: 220 x\nC: EHLO y\nS: 250-x\\n250 PIPELINING")
    base = wire.next[True]
    for offset in (0, 16, 32):
        wire.packet(True, b"NOOP %d\r\n" % (offset % 10), ACK | PSH, seq=base + offset)
    early, wire.packets = [*wire.packets, *traffic(wire.now, 8.0)], []
    wire.now += 8
    wire.packet(True, b"NOOP 2\r\nNOOP 3\r\nNOOP 4\r\n", ACK | PSH, seq=base + 8)
    wire.next[True] = base + 40
    wire.script("S: 250 1\\n250 2\\n250 3\\n250 4\\n250 5\n" + QUIT).close()
    session = sessions_of([*early, *wire.packets])[0]
    assert session.bytes_client == len("EHLO y\r\n") + 40 + len("QUIT\r\n")
    assert session.partial == "16 octets client to server came too late to be read"
