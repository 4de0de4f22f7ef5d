"""Capture files as Scapy, tcpdump's and Wireshark's tools write them, and damaged ones."""

import gzip
import itertools
import shutil
import struct
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.packet import Packet as ScapyPacket
from scapy.packet import Raw
from scapy.utils import PcapNgWriter, PcapWriter, wrpcap

from collectors.wire import chunks, pcap
from collectors.wire.capture_file import CaptureError, CaptureFile

START = 1_700_000_000.25


def _packets(count: int) -> list[ScapyPacket]:
    made: list[ScapyPacket] = []
    for number in range(count):
        link = Ether(dst="02:00:00:00:00:01", src="02:00:00:00:00:02")
        packet = link / IP(src="192.0.2.1", dst="192.0.2.2") / TCP(sport=25, dport=40000, seq=number)
        packet /= Raw(b"x" * (number % 50))
        packet.time = START + number
        made.append(packet)
    return made


def _write(path: Path, packets: list[ScapyPacket], order: str = "<", nano: bool = False) -> bytes:
    writer = PcapWriter(str(path), endianness=order, nano=nano, linktype=1)
    writer.write(packets)
    writer.close()
    return path.read_bytes()


def _read(path: Path) -> list[tuple[float, bytes, int]]:
    """(time, captured octets, length on the wire) of every packet."""
    file = CaptureFile(path)
    return [(time, buf[at:end], wire_end - at) for time, buf, at, end, wire_end, _ in file.packets()]


def _expected(packets: list[ScapyPacket]) -> list[tuple[float, bytes, int]]:
    return [(float(packet.time), bytes(packet), len(packet)) for packet in packets]


def _segments(path: Path) -> Iterator[tuple[int, bytes]]:
    for _, buf, at, end, wire_end, decode in CaptureFile(path).packets():
        segment = decode(buf, at, end, wire_end)
        assert isinstance(segment, tuple)
        yield segment[1], buf[segment[4] : segment[4] + segment[6]]


def _block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack(f"{order}I", len(body) + 12)
    return struct.pack(f"{order}I", kind) + size + body + size


def _section(order: str = "<") -> bytes:
    return _block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def _interface(linktype: int, options: bytes = b"", order: str = "<", snaplen: int = 0) -> bytes:
    return _block(1, struct.pack(f"{order}HHI", linktype, 0, snaplen) + options, order)


def _option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(f"{order}HH", code, len(value)) + value + bytes(-len(value) % 4)


def _enhanced(interface: int, stamp: int, data: bytes, order: str = "<", original: int = 0) -> bytes:
    lengths = (len(data), original or len(data))
    return _block(6, struct.pack(f"{order}5I", interface, stamp >> 32, stamp & 0xFFFFFFFF, *lengths) + data, order)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nano", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_pcap_in_every_variant(tmp_path: Path, order: str, nano: bool, packed: bool) -> None:
    packets = _packets(60)
    path = tmp_path / "a.bin"
    octets = _write(path, packets, order, nano)
    if packed:
        path.write_bytes(gzip.compress(octets))
    assert _read(path) == _expected(packets)
    assert list(_segments(path)) == [(number, b"x" * (number % 50)) for number in range(60)]


def test_pcapng_by_scapy(tmp_path: Path) -> None:
    packets = _packets(40)
    path = tmp_path / "a.pcapng"
    writer = PcapNgWriter(str(path))
    writer.write(packets)
    writer.close()
    assert _read(path) == _expected(packets)


@pytest.mark.skipif(shutil.which("editcap") is None, reason="editcap (wireshark-common) is not installed")
@pytest.mark.parametrize("form", ["pcap", "nsecpcap", "pcapng"])
def test_files_by_editcap_with_a_snaplen(tmp_path: Path, form: str) -> None:
    packets = _packets(60)
    _write(tmp_path / "a.pcap", packets)
    path = tmp_path / "b"
    subprocess.run(["editcap", "-F", form, "-s", "60", tmp_path / "a.pcap", path], check=True)
    assert _read(path) == [(time, octets[:60], length) for time, octets, length in _expected(packets)]


@pytest.mark.skipif(shutil.which("tcpdump") is None, reason="tcpdump is not installed")
def test_file_by_tcpdump(tmp_path: Path) -> None:
    packets = _packets(20)
    _write(tmp_path / "a.pcap", packets)
    path = tmp_path / "b"
    subprocess.run(
        ["tcpdump", "-r", tmp_path / "a.pcap", "-w", path, "-s", "58", "greater", "60"],
        check=True,
        capture_output=True,
    )
    assert _read(path) == [packet for packet in _expected(packets) if packet[2] >= 60]


def test_packets_across_the_reads_of_a_larger_file(tmp_path: Path) -> None:
    packets = _packets(50)
    packets[3] /= Raw(b"y" * (3 * chunks.CHUNK))
    packets[3][IP].len = 1500
    path = tmp_path / "a.pcap"
    once = _write(path, packets)
    times = 5
    octets = once + once[24:] * (times - 1)
    for stored in (octets, gzip.compress(octets, 1)):
        path.write_bytes(stored)
        assert _read(path) == _expected(packets) * times


def test_pcapng_sections_interfaces_and_clocks(tmp_path: Path) -> None:
    data = bytes(_packets(1)[0])
    offset = _option(14, struct.pack("<q", 1_000_000_000))
    path = tmp_path / "a"
    path.write_bytes(
        _section()
        + _interface(1)
        + _interface(1, _option(2, b"eth1") + _option(9, b"\x09") + _option(0, b""))
        + _interface(105)
        + _interface(1, _option(9, b"\x8a") + offset)
        + _enhanced(0, 1_500_000, data)
        + _block(0x0BAD, b"any")
        + _enhanced(1, 7_250_000_000, data[:60], original=len(data))
        + _enhanced(2, 0, b"802.11")
        + _enhanced(3, 1536, data)
        + _section(">")
        + _interface(101, order=">", options=_option(9, b"\x03", ">"))
        + _enhanced(0, 2500, data[14:], ">")
        + _block(2, struct.pack(">HHIIII", 0, 9, 0, 3500, len(data) - 14, len(data)) + data[14:], ">")
        + _section()
        + _interface(1, snaplen=54)
        + _block(3, struct.pack("<I", 200) + data)
    )
    file = CaptureFile(path)
    packets = [(time, buf[at:end], wire_end - at) for time, buf, at, end, wire_end, _ in file.packets()]
    assert packets == [
        (1.5, data, len(data)),
        (7.25, data[:60], len(data)),
        (1_000_000_001.5, data, len(data)),
        (2.5, data[14:], len(data) - 14),
        (3.5, data[14:], len(data)),
        (0.0, data, 200),
    ]
    assert file.unparsed == {"link type 105": 1}
    assert set(file.linktypes.values()) == {1, 101}


@pytest.mark.parametrize("form", ["pcap", "pcapng"])
@pytest.mark.parametrize("packed", [False, True])
def test_every_truncation_says_where(tmp_path: Path, form: str, packed: bool) -> None:
    packets = _packets(4)
    path = tmp_path / "a"
    if form == "pcap":
        octets = _write(path, packets)
        ends = [24]
        for packet in packets:
            ends.append(ends[-1] + 16 + len(packet))
    else:
        blocks = [_section(), _interface(1)]
        blocks += [_enhanced(0, int(float(packet.time) * 1e6), bytes(packet)) for packet in packets]
        octets = b"".join(blocks)
        ends = [sum(map(len, blocks[: 2 + count])) for count in range(5)]
        ends[0] = len(blocks[0])
    whole = _expected(packets)
    for size in range(1, len(octets)):
        path.write_bytes(gzip.compress(octets[:size]) if packed else octets[:size])
        complete = max(sum(end <= size for end in ends) - 1, 0)
        found = []
        try:
            for time, buf, at, end, wire_end, _ in CaptureFile(path).packets():
                found.append((time, buf[at:end], wire_end - at))
        except CaptureError as error:
            message = str(error)
            assert message.startswith(f"{path}: ") and "\n" not in message
            if size >= ends[0]:
                assert f": packet {complete + 1}: cut short (wants " in message
                assert f"has {size - max(end for end in [*ends, *_starts(form)] if end <= size)})" in message
        else:
            assert size in ends or size in _starts(form)
        assert found == whole[:complete]


def _starts(form: str) -> list[int]:
    """Where a file may end well beside after a packet."""
    return [len(_section()) + len(_interface(1))] if form == "pcapng" else []


@pytest.mark.parametrize("form", ["pcap", "pcapng"])
def test_any_octet_changed_raises_nothing_else(tmp_path: Path, form: str) -> None:
    packets = _packets(2)
    path = tmp_path / "a"
    blocks = [_section(), _interface(1, _option(9, b"\6"))]
    blocks += [_enhanced(0, 1, bytes(packet)) for packet in packets]
    octets = _write(path, packets) if form == "pcap" else b"".join(blocks)
    for at in range(len(octets)):
        for value in (0, 1, 0x7F, 0xFF):
            path.write_bytes(octets[:at] + bytes([value]) + octets[at + 1 :])
            try:
                for _, buf, start, end, wire_end, decode in CaptureFile(path).packets():
                    assert 0 < start <= end <= min(wire_end, len(buf))
                    decode(buf, start, end, wire_end)
            except CaptureError as error:
                assert str(error).startswith(f"{path}: ")


def test_impossible_length_in_pcap(tmp_path: Path) -> None:
    path = tmp_path / "a"
    octets = _write(path, _packets(3))
    path.write_bytes(octets + struct.pack("<IIII", 1, 2, pcap.LONGEST_PACKET + 1, 60) + bytes(100))
    with pytest.raises(CaptureError, match=r"a: packet 4: impossible length 1048577$"):
        _read(path)


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([_interface(1), _enhanced(1, 0, b"x")], "packet 1: names interface 1 of 1"),
        ([_block(3, struct.pack("<I", 4) + b"abcd")], "packet 1: names interface 0 of 0"),
        ([_interface(1), _block(6, bytes(16))], "packet 1: packet block cut short"),
        ([_interface(1), _block(2, bytes(16))], "packet 1: packet block cut short"),
        ([_interface(1), _block(3, b"")], "packet 1: packet block cut short"),
        ([_block(1, bytes(4))], "packet 1: interface description cut short"),
        (
            [_interface(1), _enhanced(0, 0, b"x"), _block(6, struct.pack("<5I", 0, 0, 0, 99, 99))],
            "packet 2: impossible length 99",
        ),
        ([struct.pack("<II", 6, 13) + bytes(8)], "packet 1: impossible block length 13"),
        ([struct.pack("<II", 6, 8) + bytes(8)], "packet 1: impossible block length 8"),
        ([struct.pack("<II", 6, 1 << 30) + bytes(8)], "packet 1: impossible block length 1073741824"),
        ([_block(9, b"")[:-4] + bytes(4)], "packet 1: the block's two lengths differ"),
        ([struct.pack("<IIII", 0x0A0D0D0A, 16, 5, 16)], "packet 1: section header without its byte order"),
    ],
)
def test_impossible_pcapng(tmp_path: Path, blocks: list[bytes], message: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(_section() + b"".join(blocks))
    with pytest.raises(CaptureError) as caught:
        _read(path)
    assert str(caught.value) == f"{path}: {message}"


@pytest.mark.parametrize(
    ("octets", "message"),
    [
        (b"", "is empty"),
        (b"\x01", "is not a capture file (pcap, pcapng)"),
        (b"From MAILER-DAEMON Mon Jan  1 00:00:00 2024\n" * 9, "is not a capture file (pcap, pcapng)"),
        (gzip.compress(b"", mtime=0), "is empty"),
        (gzip.compress(b"hello", mtime=0), "is not a capture file (pcap, pcapng)"),
        (b"\x1f\x8b", "damaged gzip: ends before its end marker"),
        (b"\xd4\xc3\xb2\xa1" + bytes(12), "file header cut short (wants 24 octets, has 16)"),
        (struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 105), "link type 105 is not supported"),
    ],
)
def test_what_is_no_capture(tmp_path: Path, octets: bytes, message: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(octets)
    with pytest.raises(CaptureError) as caught:
        CaptureFile(path)
    assert str(caught.value) == f"{path}: {message}"


def test_missing_file_and_directory(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"none\.pcap: No such file or directory$"):
        CaptureFile(tmp_path / "none.pcap")
    with pytest.raises(CaptureError, match=r": Is a directory$"):
        CaptureFile(tmp_path)


def test_damaged_gzip_yields_what_precedes_the_damage(tmp_path: Path) -> None:
    packets = _packets(50) * 40
    path = tmp_path / "a.gz"
    packed = gzip.compress(_write(path, packets))
    ends = list(itertools.accumulate((16 + len(packet) for packet in packets), initial=24))
    for good, bad in ((packed[:-30], b""), (packed[: len(packed) // 2], b""), (packed[:-8], bytes(8))):
        path.write_bytes(good + bad)
        there = len(zlib.decompressobj(wbits=31).decompress(good))
        found = 0
        with pytest.raises(CaptureError, match=r"a\.gz: packet \d+: damaged gzip: "):
            for _ in CaptureFile(path).packets():
                found += 1
        assert found == sum(end <= there for end in ends[1:])
        assert found > 40


def test_link_type_with_a_frame_check_sequence_length(tmp_path: Path) -> None:
    path = tmp_path / "a"
    wrpcap(str(path), _packets(2))
    octets = bytearray(path.read_bytes())
    octets[20:24] = struct.pack("<I", 0x24000001)
    path.write_bytes(octets)
    assert len(_read(path)) == 2
