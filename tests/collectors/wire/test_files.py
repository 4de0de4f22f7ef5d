"""Capture files to events: every format gives the same, and damage costs no event before it."""

import gzip
import itertools
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from collectors.octets import Octets
from collectors.wire import files
from collectors.wire.bpf import BpfError
from smtpwatch.config import Config
from smtpwatch.errors import CaptureError
from smtpwatch.events import Event, SensorStatus, SessionClosed, SessionOpened
from tests.wire import Packet, Wire, events_of

HOST = "mx.example.net"
IPV4 = b"\x08\x00"
ETHERNET, RAW, COOKED, COOKED_2, WLAN = 1, 101, 113, 276, 105
LINKS = {
    ETHERNET: b"\2\0\0\0\0\1\2\0\0\0\0\2" + IPV4,
    RAW: b"",
    COOKED: struct.pack("!HHH8s", 0, 1, 6, b"\2\0\0\0\0\1") + IPV4,
    COOKED_2: IPV4 + struct.pack("!HIHBB8s", 0, 1, 1, 0, 6, b"\2\0\0\0\0\1"),
}
"""Link-layer headers of an IPv4 packet."""

SCRIPT = """
S: 220 mx.example.net ESMTP
C: EHLO client.example.com
S: 250 mx.example.net
C: MAIL FROM:<a@x>
S: 250 2.1.0 Ok
C: RCPT TO:<b@x>
S: 250 2.1.5 Ok
C: DATA
S: 354 go
C: text\\n.
S: 250 2.0.0 Ok: queued as AAA
C: QUIT
S: 221 2.0.0 Bye
"""


def dialogue(**options: int) -> list[Packet]:
    """One session; its times are whole in binary fractions, so that every format has them exactly."""
    wire = Wire(step=1 / 64, **options)  # type: ignore[arg-type]
    return wire.open().script(SCRIPT).close().packets


def pcap(packets: Sequence[Packet], linktype: int = RAW, order: str = "<") -> bytes:
    header = struct.pack(f"{order}IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, linktype)
    return header + b"".join(pcap_record(packet, linktype, order) for packet in packets)


def pcap_record(packet: Packet, linktype: int = RAW, order: str = "<") -> bytes:
    link = LINKS[linktype]
    seconds = int(packet.time)
    micros = round((packet.time - seconds) * 1e6)
    lengths = (len(link) + len(packet.data), len(link) + packet.wire)
    return struct.pack(f"{order}IIII", seconds, micros, *lengths) + link + packet.data


def block(kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + size + body + size


def pcapng_header(*linktypes: int) -> bytes:
    interfaces = (block(1, struct.pack("<HHI", linktype, 0, 0)) for linktype in linktypes)
    return block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)) + b"".join(interfaces)


def pcapng_record(packet: Packet, interface: int = 0, linktype: int = RAW) -> bytes:
    data = LINKS.get(linktype, b"") + packet.data
    stamp = round(packet.time * 1e6)
    original = len(data) - len(packet.data) + packet.wire
    return block(6, struct.pack("<5I", interface, stamp >> 32, stamp & 0xFFFFFFFF, len(data), original) + data)


def pcapng(packets: Sequence[Packet], linktype: int = RAW) -> bytes:
    return pcapng_header(linktype) + b"".join(pcapng_record(packet, 0, linktype) for packet in packets)


FORMATS = {"pcap": pcap, "pcapng": pcapng}
RECORDS: dict[str, Callable[[Packet], bytes]] = {"pcap": pcap_record, "pcapng": pcapng_record}


def written(folder: Path, octets: bytes) -> Path:
    path = folder / "capture"
    path.write_bytes(octets)
    return path


def read(path: Path, config: Config | None = None) -> tuple[list[Event], SensorStatus, CaptureError | None]:
    """(events, the status after them, the damage) of a file."""
    events: list[Event] = []
    damage = None
    try:
        for batch in files.read([Octets(path)], config or Config(), HOST):
            assert batch
            events += batch
    except CaptureError as error:
        damage = error
    status = events.pop()
    assert isinstance(status, SensorStatus)
    assert not any(isinstance(event, SensorStatus) for event in events)
    return events, status, damage


def sessions(events: list[Event]) -> list[int]:
    return [event.client_port for event in events if isinstance(event, SessionOpened)]


# ---- formats


@pytest.mark.parametrize("linktype", LINKS)
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("packed", [False, True])
def test_every_format_gives_the_same_events(tmp_path: Path, form: str, linktype: int, packed: bool) -> None:
    packets = dialogue()
    octets = FORMATS[form](packets, linktype)
    path = written(tmp_path, gzip.compress(octets) if packed else octets)
    events, status, damage = read(path)
    assert events == events_of(packets)
    assert isinstance(events[-1], SessionClosed)
    assert damage is None
    assert status == SensorStatus(
        packets[-1].time, "wire", HOST, "running", "", len(packets), 0, 0, {}, (str(path),)
    )  # fmt: skip
    assert read(path) == (events, status, None)


def test_big_endian(tmp_path: Path) -> None:
    packets = dialogue()
    assert read(written(tmp_path, pcap(packets, order=">")))[0] == events_of(packets)


def test_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The events do not hang on how many packets are taken at once, even if a batch gives none."""
    packets = dialogue()
    path = written(tmp_path, pcap(packets))
    for size in (1, 2, 3, len(packets), len(packets) + 1):
        monkeypatch.setattr(files, "BATCH", size)
        assert read(path)[0] == events_of(packets)
    unwatched = [*dialogue(port=80), *packets]
    assert read(written(tmp_path, pcap(unwatched)))[0] == events_of(unwatched)


@pytest.mark.parametrize("octets", [pcap([]), pcapng_header(), pcapng_header(RAW)])
def test_no_packets(tmp_path: Path, octets: bytes) -> None:
    path = written(tmp_path, octets)
    events, status, damage = read(path)
    assert (events, damage) == ([], None)
    assert (status.state, status.received, status.time) == ("running", 0, 0.0)


def test_no_capture_at_all(tmp_path: Path) -> None:
    for octets in (b"", b"text"):
        with pytest.raises(CaptureError):
            next(iter(files.read([Octets(written(tmp_path, octets))], Config(), HOST)))


def test_any_port(tmp_path: Path) -> None:
    path = written(tmp_path, pcap(dialogue(port=2525)))
    assert read(path)[0] == []
    assert sessions(read(path, Config(any_port=True))[0]) == [40000]


# ---- counts


def test_counts(tmp_path: Path) -> None:
    packets = dialogue()
    udp = bytearray(packets[0].data)
    udp[9] = 17
    fragment = bytearray(packets[0].data)
    fragment[6:8] = b"\0\x10"
    odd = [
        Packet(packets[0].time, bytes(udp), len(udp)),
        Packet(packets[0].time, bytes(fragment), len(fragment)),
        Packet(packets[0].time, packets[0].data[:30], packets[0].wire),
        Packet(packets[0].time, b"\x75" * 40, 40),
    ]
    unwatched = dialogue(port=80, client_port=50000)
    events, status, _ = read(written(tmp_path, pcap([*odd, *odd[:1], *unwatched, *packets])))
    assert status.received == 5 + len(unwatched) + len(packets)
    assert status.unparsed == {"not TCP": 2, "fragment": 1, "cut short": 1, "not IP": 1}
    assert sessions(events) == [40000]


def test_several_link_types_in_a_pcapng(tmp_path: Path) -> None:
    """Those of one connection included: a host sees it on several interfaces. What cannot be read is counted."""
    packets = dialogue()
    kinds = [*LINKS, WLAN]
    records = [pcapng_record(packet, at % 4, kinds[at % 4]) for at, packet in enumerate(packets)]
    records[5:5] = [pcapng_record(packets[5], 4, WLAN)] * 3
    path = written(tmp_path, pcapng_header(*kinds) + b"".join(records))
    events, status, damage = read(path)
    assert events == events_of(packets)
    assert damage is None
    assert (status.received, status.unparsed) == (len(packets), {"link type 105": 3})
    filtered = read(path, Config(bpf="tcp port 25"))
    assert (filtered[0], filtered[1].received, filtered[1].unparsed) == (events, len(packets), {"link type 105": 3})


# ---- the user's filter


@pytest.mark.parametrize("linktype", LINKS)
@pytest.mark.parametrize("form", FORMATS)
def test_filter(tmp_path: Path, form: str, linktype: int) -> None:
    ours = dialogue(client_port=41000)
    others = dialogue(client_port=42000)
    elsewhere = Wire(client="198.51.100.8", client_port=43000, step=1 / 64).open().script(SCRIPT).close().packets
    mixed = [packet for trio in zip(ours, others, elsewhere, strict=True) for packet in trio]
    path = written(tmp_path, FORMATS[form](mixed, linktype))
    for expression, kept in (
        ("tcp port 41000", ours),
        ("src or dst port 42000", others),
        ("net 198.51.100.0/24", elsewhere),
        ("host 203.0.113.7 and not port 42000", ours),
        ("greater 1000", []),
        ("ip", mixed),
        ("ip6", []),
    ):
        events, status, _ = read(path, Config(bpf=expression))
        assert events == events_of(kept)
        assert (status.received, status.unparsed, status.state) == (len(kept), {}, "running")


def test_filter_on_lengths_uses_those_on_the_wire(tmp_path: Path) -> None:
    wire = Wire(step=1 / 64).open().script("S: 220 x\nC: HELO y")
    wire.client(b"MAIL FROM:<a@x>\r\n" * 20, cut=10)
    path = written(tmp_path, pcap(wire.packets))
    assert read(path, Config(bpf="greater 300"))[1].received == 1


def test_filter_that_is_none(tmp_path: Path) -> None:
    path = written(tmp_path, pcap(dialogue()))
    with pytest.raises(BpfError, match="filter 'no such thing'"):
        list(files.read([Octets(path)], Config(bpf="no such thing"), HOST))


# ---- damage


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("packed", [False, True])
def test_cut_anywhere_in_the_last_packet(tmp_path: Path, form: str, packed: bool) -> None:
    packets = dialogue()
    octets = FORMATS[form](packets)
    last = len(RECORDS[form](packets[-1]))
    expected = events_of(packets[:-1])
    for missing in range(1, last):
        cut = octets[: len(octets) - missing]
        path = written(tmp_path, gzip.compress(cut, 1) if packed else cut)
        events, status, damage = read(path)
        assert events == expected
        assert damage is not None and str(damage).startswith(f"{path}: packet {len(packets)}: cut short (")
        assert (status.state, status.reason, status.received) == ("degraded", str(damage), len(packets) - 1)
        assert status.time == packets[-2].time
    assert read(written(tmp_path, octets[:-last]))[2] is None


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("which", [0, 1, 10, -1])
@pytest.mark.parametrize("batch", [1, 7, 2000])
def test_a_length_that_is_flipped(
    tmp_path: Path, form: str, which: int, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "BATCH", batch)
    packets = dialogue()
    which %= len(packets)
    octets = bytearray(FORMATS[form](packets))
    records = [len(RECORDS[form](packet)) for packet in packets]
    starts = list(itertools.accumulate(records, initial=len(octets) - sum(records)))
    at = starts[which] + (8 if form == "pcap" else 4)
    octets[at : at + 4] = bytes(each ^ 0xFF for each in octets[at : at + 4])
    events, status, damage = read(written(tmp_path, bytes(octets)))
    assert events == events_of(packets[:which])
    assert damage is not None and f": packet {which + 1}: impossible " in str(damage)
    assert (status.state, status.reason, status.received) == ("degraded", str(damage), which)


def test_damaged_gzip(tmp_path: Path) -> None:
    packets = [packet for port in range(30000, 30040) for packet in dialogue(client_port=port)]
    packed = gzip.compress(pcap(packets))
    events, status, damage = read(written(tmp_path, packed[: len(packed) // 2]))
    assert damage is not None and "packet " in str(damage) and "damaged gzip" in str(damage)
    assert (status.state, status.reason) == ("degraded", str(damage))
    assert 0 < status.received < len(packets)
    assert events == events_of(packets[: status.received])


def test_damage_behind_a_filter(tmp_path: Path) -> None:
    packets = dialogue()
    events, status, damage = read(written(tmp_path, pcap(packets)[:-1]), Config(bpf="port 25"))
    assert events == events_of(packets[:-1])
    assert damage is not None and f": packet {len(packets)}: cut short" in str(damage)
    assert status.state == "degraded"


# ---- time


@pytest.mark.parametrize("wild", [None, 4e9, 0.0])
@pytest.mark.parametrize("last", [False, True])
def test_the_time_of_the_end_is_that_of_the_last_packet(
    tmp_path: Path, wild: float | None, last: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many packets are taken at once; where its time is damaged, it is the time known, a tick ago at most."""
    packets = dialogue()
    if wild is not None:
        at = -1 if last else 20
        packets[at] = packets[at]._replace(time=wild)
    path = written(tmp_path, pcap(packets))
    found = set()
    for size in (1, 2, 7, 21, len(packets), 2000):
        monkeypatch.setattr(files, "BATCH", size)
        found.add(read(path)[1].time)
    (time,) = found
    assert packets[-2].time - 1 <= time <= packets[-2].time + 1 / 64
    assert time == packets[-1].time or (wild is not None and last)


def test_times_out_of_order(tmp_path: Path) -> None:
    """Several queues of a card write a file a little out of order, and clocks are set back."""
    packets = dialogue()
    whole = [event for event in events_of(packets) if isinstance(event, SessionClosed)]
    start = packets[0].time
    for times in (
        [start - index / 8 for index in range(len(packets))],
        [start + (5000 if index == 4 else 0) + index / 8 for index in range(len(packets))],
        [start + (0 if index < 9 else -100_000) + index / 8 for index in range(len(packets))],
        [start + 3 * (index % 2) + index / 8 for index in range(len(packets))],
        [0.0] * len(packets),
    ):
        moved = [Packet(time, packet.data, packet.wire) for time, packet in zip(times, packets, strict=True)]
        path = written(tmp_path, pcap(moved))
        events, status, damage = read(path)
        assert damage is None
        assert status.received == len(packets)
        closed = [event for event in events if isinstance(event, SessionClosed)]
        assert [(each.closed_by, each.octets_client, each.octets_server, each.partial) for each in closed] == [
            (each.closed_by, each.octets_client, each.octets_server, each.partial) for each in whole
        ]


def test_a_clock_that_is_set_back_still_ends_what_falls_silent(tmp_path: Path) -> None:
    silent = Wire(client_port=41000, start=1_700_000_000.0, step=1 / 64).open().script("S: 220 x\nC: HELO y\nS: 250 x")
    late = Wire(client_port=42000, start=1_700_100_000.0, step=1 / 64).open().script("S: 220 x")
    back = Wire(client_port=43000, start=1_700_001_000.0, step=1 / 64).open().script("S: 220 x")
    events, _, _ = read(written(tmp_path, pcap([*silent.packets, *late.packets, *back.packets])))
    closed = {event.session: event.closed_by for event in events if isinstance(event, SessionClosed)}
    assert closed == {1: "timeout", 2: "open", 3: "open"}
