"""TCP: whatever happens to the segments, the session is the same, or what is missing is told."""

import gc
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.wire import held, tracker
from collectors.wire.frames import raw_ip
from collectors.wire.pipeline import Pipeline
from smtpwatch import events as ev
from smtpwatch.config import Config
from smtpwatch.state.facts import SessionFacts
from tests.wire import ACK, PSH, RST, SYN, Packet, Wire, events_of, session_of, sessions_of

DIALOGUE = """
S: 220 mx.example.net ESMTP
C: EHLO client.example.com
S: 250-mx.example.net\\n250 PIPELINING
C: MAIL FROM:<a@x>\\nRCPT TO:<b@x>\\nRCPT TO:<c@x>\\nDATA
S: 250 2.1.0 Ok\\n250 2.1.5 Ok\\n550 5.1.1 unknown\\n354 go
C: Subject: x\\n\\nbody\\n.\\nQUIT
S: 250 2.0.0 Ok: queued as AAA\\n221 Bye
"""


def dialogue(**options: int) -> Wire:
    return Wire(**options).open().script(DIALOGUE).close(by_client=False)  # type: ignore[arg-type]


def without_times(session: SessionFacts) -> tuple[object, ...]:
    return tuple(getattr(session, name) for name in session.__struct_fields__ if name not in ("start", "end"))


WHOLE = without_times(session_of(dialogue()))


def test_sequence_numbers_wrap() -> None:
    for isn in range(0xFFFFFFFF - 200, 0xFFFFFFFF, 7):
        assert without_times(session_of(dialogue(client_isn=isn, server_isn=isn - 40))) == WHOLE


def test_every_packet_twice() -> None:
    packets = [packet for packet in dialogue().packets for _ in range(2)]
    (session,) = sessions_of(packets)
    assert without_times(session) == WHOLE


@given(st.randoms(use_true_random=False), st.integers(1, 8))
@settings(max_examples=150, deadline=None)
def test_reordering_within_a_window(randomness: random.Random, window: int) -> None:
    """Packets that the capture has in another order, as several queues of a card do, after the handshake and before
    the end."""
    wire = dialogue()
    first, middle, last = wire.packets[:3], wire.packets[3:-3], wire.packets[-3:]
    keyed = sorted(enumerate(middle), key=lambda item: item[0] + randomness.uniform(0, window))
    packets = [
        Packet(1_700_000_000.0 + index * 0.001, packet.data, packet.wire)
        for index, packet in enumerate([*first, *(packet for _, packet in keyed), *last])
    ]
    (session,) = sessions_of(packets)
    assert without_times(session) == WHOLE


@given(st.lists(st.integers(1, 30), min_size=1, max_size=40), st.booleans())
@settings(max_examples=100, deadline=None)
def test_any_segmentation(sizes: list[int], overlap: bool) -> None:
    """Octets cut into segments anywhere, each segment perhaps repeating some of the one before."""
    wire = Wire().open()
    turn = 0
    for line in DIALOGUE.strip().splitlines():
        side, _, said = line.partition(": ")
        octets = said.replace("\\n", "\r\n").encode() + b"\r\n"
        at = 0
        base = wire.next[side == "C"]
        while at < len(octets):
            size = sizes[turn % len(sizes)]
            turn += 1
            back = min(at, 3) if overlap else 0
            wire.packet(side == "C", octets[at - back : at + size], ACK | PSH, seq=base + at - back)
            at += size
        wire.next[side == "C"] = base + len(octets)
        wire.packet(side != "C")
    assert without_times(session_of(wire.close(by_client=False))) == WHOLE


def test_a_lost_packet_is_a_gap_and_the_rest_goes_on() -> None:
    whole = dialogue()
    carrying = [index for index, packet in enumerate(whole.packets[3:-3], 3) if packet.wire > 40]
    for index in carrying:
        (session,) = sessions_of(dialogue().drop(index).packets)
        assert session.partial is not None and "not captured" in session.partial
        assert session.closed_by == "quit"
        for transaction in session.transactions:
            assert transaction.outcome in ("accepted", "unknown")  # known or not, but never guessed wrong
            assert transaction.queue_id in ("AAA", None)


def test_octets_that_come_late_fill_the_gap_in_the_count() -> None:
    wire = Wire().open().script("S: 220 x")
    wire.packet(True, b"EHLO late.example\r\n", ACK | PSH, seq=wire.next[True] + 0)
    late = wire.packets.pop()
    wire.next[True] += 19
    wire.script("S: 250 x\nC: QUIT\nS: 221 Bye")
    wire.now += 10
    wire.packets.append(Packet(wire.now, late.data, late.wire))
    wire.now += 1
    session = session_of(wire.close())
    assert session.bytes_client == len("EHLO late.example\r\nQUIT\r\n")
    assert session.closed_by == "quit"


def test_a_truncated_body_is_counted_by_its_headers() -> None:
    wire = (
        Wire()
        .open()
        .script("S: 220 x\nC: HELO y\nS: 250 x\nC: MAIL FROM:<a@x>\nS: 250 Ok\nC: RCPT TO:<b@x>\nS: 250 Ok")
    )
    wire.script("C: DATA\nS: 354 go")
    before = session_of(wire).bytes_client
    body = b"x" * 1200 + b"\r\n.\r\n"
    wire.client(body, cut=30).script("S: 250 2.0.0 Ok: queued as BBB\nC: QUIT\nS: 221 Bye")
    session = session_of(wire.close())
    assert session.bytes_client == before + len(body) + 6
    assert session.partial == f"{len(body) - 30:,} octets client to server cut by the capture's snap length"
    (transaction,) = session.transactions
    assert (transaction.code, transaction.queue_id, transaction.outcome) == (250, "BBB", "accepted")


def test_cut_commands_keep_their_verbs_and_codes() -> None:
    wire = Wire().open().script("S: 220 x\nC: HELO y\nS: 250 x")
    wire.client(b"MAIL FROM:<somebody@example.com>\r\n", cut=16).script("S: 250 2.1.0 Ok")
    wire.client(b"RCPT TO:<nobody@example.net>\r\n", cut=16).script("S: 550 5.1.1 unknown\nC: QUIT\nS: 221 Bye")
    (transaction,) = session_of(wire.close()).transactions
    assert transaction.mail_from is None
    assert [(each.rcpt, each.code) for each in transaction.rcpts] == [(None, 550)]
    assert transaction.outcome == "rejected"


def test_client_side_only() -> None:
    session = session_of(dialogue().only(client=True))
    assert session.helo == "client.example.com"
    assert session.partial == "server to client not captured"
    (transaction,) = session.transactions
    assert (transaction.mail_from, transaction.outcome, transaction.code) == ("a@x", "unknown", None)
    assert [(each.rcpt, each.code) for each in transaction.rcpts] == [("b@x", None), ("c@x", None)]
    assert (session.closed_by, session.bytes_server) == ("quit", 0)


def test_server_side_only() -> None:
    session = session_of(dialogue().only(client=False))
    assert session.client_ip == "203.0.113.7" and session.server_port == 25
    assert session.banner == "220 mx.example.net ESMTP"
    (transaction,) = session.transactions
    assert (transaction.mail_from, transaction.outcome, transaction.queue_id) == (None, "accepted", "AAA")
    assert session.partial == "client to server not captured"
    assert session.closed_by == "quit"  # a 221 answers nothing but QUIT


@pytest.mark.parametrize("begin", range(1, 16))
def test_begun_before_the_capture(begin: int) -> None:
    packets = dialogue().packets[begin:]
    sessions = sessions_of(packets)
    if begin <= 1:
        return  # the SYN-ACK shows all there is to know
    (session,) = sessions
    assert session.partial is not None and "began before the capture" in session.partial
    assert session.closed_by == "quit"
    assert all(each.outcome in ("accepted", "unknown") for each in session.transactions)


def test_ends() -> None:
    start = "S: 220 x\nC: HELO y\nS: 250 x"
    assert session_of(Wire().open().script(start).close()).closed_by == "fin"
    assert session_of(Wire().open().script(start).reset()).closed_by == "rst"
    assert session_of(Wire().open().script(start)).closed_by == "open"
    quit_first = Wire().open().script(start + "\nC: QUIT").reset()
    assert session_of(quit_first).closed_by == "quit"
    silent = Wire().open().script(start)
    other = Wire(client_port=50000, start=silent.now + 1000).open().script(start).close()
    assert [each.closed_by for each in sessions_of([*silent.packets, *other.packets])] == ["timeout", "fin"]


def test_a_connection_without_payload_is_no_session() -> None:
    wire = Wire().open().close()
    assert sessions_of(wire.packets) == []
    assert sessions_of(Wire().packets) == []
    closed = [event for event in events_of(wire.packets) if isinstance(event, ev.SessionClosed)]
    assert [event.smtp for event in closed] == [False]


def test_port_reuse_is_a_new_session() -> None:
    first, second = dialogue(), dialogue(client_isn=777_777, server_isn=888_888)
    later = [Packet(packet.time + 5, packet.data, packet.wire) for packet in second.packets]
    assert len(sessions_of([*first.packets, *later])) == 2
    unclosed = first.packets[:-3]
    assert [each.closed_by for each in sessions_of([*unclosed, *later])] == ["quit", "quit"]


def test_a_forged_syn_or_reset_does_not_end_a_session() -> None:
    wire = Wire().open().script("S: 220 x\nC: HELO y\nS: 250 x")
    wire.packet(True, flags=SYN, seq=123_456_789)
    wire.packet(True, flags=RST, seq=3_000_000_000)
    wire.packet(False, flags=RST | ACK, seq=17)
    wire.script("C: QUIT\nS: 221 Bye")
    assert session_of(wire.close()).closed_by == "quit"


def test_half_open_connections_end_in_time_and_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker, "MAX_CONNECTIONS", 50)
    flood: list[Packet] = []
    for number in range(300):
        wire = Wire(
            client=f"198.51.100.{number % 250 + 1}", client_port=2000 + number, start=1_700_000_000 + number * 0.001
        )
        wire.packet(True, flags=SYN)
        flood += wire.packets
    normal = dialogue(client_port=999)
    (session,) = [each for each in sessions_of([*flood, *normal.packets]) if each.client_port == 999]
    assert without_times(session)[6:] == WHOLE[6:]
    opened = [event for event in events_of(flood) if isinstance(event, ev.SessionOpened)]
    closed = [event for event in events_of(flood) if isinstance(event, ev.SessionClosed)]
    assert (len(opened), len(closed)) == (300, 300)


def test_a_closed_connection_needs_no_garbage_collector() -> None:
    """Live capture runs without one."""
    pipeline = Pipeline(Config(), "mx")
    wires = [dialogue(client_port=port) for port in range(2000, 2050)]
    wires += [
        Wire(client_port=port).open().script("S: 220 x\nC: AUTH LOGIN\nS: 334 x").reset() for port in range(3000, 3050)
    ]
    packets = [(each.time, each.data, 0, len(each.data), each.wire, raw_ip) for wire in wires for each in wire.packets]
    gc.collect()
    gc.disable()
    try:
        pipeline.packets(packets)
        assert len([event for event in pipeline.batch if isinstance(event, ev.SessionClosed)]) == 100
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_what_is_held_is_bounded() -> None:
    wire = Wire().open().script("S: 220 x")
    wire.next[True] += 10  # these octets never come
    for _ in range(400):
        wire.packet(True, b"y" * 1400, ACK | PSH)
    assert held.MAX_HELD < 400 * 1400
    session = session_of(wire.close())
    assert session.bytes_client == 400 * 1400
    assert session.partial == "10 octets client to server not captured"


def test_direction() -> None:
    script = "S: 220 x\nC: QUIT\nS: 221 y"

    def direction(wire: Wire, *local: str) -> str:
        return session_of(wire.open().script(script).close(), Config(local=local)).direction

    assert direction(Wire()) == "inbound"
    assert direction(Wire(port=587)) == "submission"
    assert direction(Wire(port=465)) == "submission"
    assert direction(Wire(), "203.0.113.0/24") == "outbound"
    assert direction(Wire(), "203.0.113.7", "192.0.2.25") == "inbound"
    assert direction(Wire(port=587), "192.0.2.0/24") == "submission"


def test_ipv6() -> None:
    session = session_of(Wire(client="2001:db8::7", server="2001:db8::25").open().script(DIALOGUE).close())
    assert (session.client_ip, session.server_ip, session.closed_by) == ("2001:db8::7", "2001:db8::25", "quit")


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 70), st.integers(0, 255)), max_size=20))
@settings(max_examples=200, deadline=None)
def test_damaged_packets_never_raise(changes: list[tuple[int, int, int]]) -> None:
    packets = dialogue().packets
    for which, where, octet in changes:
        packet = packets[which % len(packets)]
        data = bytearray(packet.data)
        data[where % len(data)] = octet
        packets[which % len(packets)] = Packet(packet.time, bytes(data), packet.wire)
    sessions_of(packets)


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=80)), max_size=30))
@settings(max_examples=200, deadline=None)
def test_any_octets_never_raise(said: list[tuple[bool, bytes]]) -> None:
    wire = Wire().open()
    for from_client, octets in said:
        (wire.client if from_client else wire.server)(octets)
    session_of(wire.close()) if any(octets for _, octets in said) else sessions_of(wire.close().packets)


@given(
    st.lists(
        st.tuples(
            st.booleans(),
            st.sampled_from(
                [b"EHLO x\r\n", b"MAIL FROM:<a@x>\r\n", b"RCPT TO:<b@x>\r\n", b"DATA\r\n", b".\r\n", b"BDAT 3 LAST\r\n",
                 b"AUTH PLAIN\r\n", b"*\r\n", b"STARTTLS\r\n", b"QUIT\r\n", b"RSET\r\n", b"220 x\r\n", b"250 2.1.0\r\n",
                 b"354 go\r\n", b"334 \r\n", b"235 ok\r\n", b"550 no\r\n", b"421 bye\r\n", b"\x16\x03\x01\x00\x05\x01"]
            ),
            st.booleans(),
        ),
        max_size=40,
    )
)  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_any_dialogue_never_raises(said: list[tuple[bool, bytes, bool]]) -> None:
    """Words of SMTP in any order, from either side, some of them lost."""
    wire = Wire().open()
    lost = []
    for from_client, octets, keep in said:
        if not keep:
            lost.append(len(wire.packets))
        (wire.client if from_client else wire.server)(octets)
    sessions_of(wire.close().drop(*lost).packets)
