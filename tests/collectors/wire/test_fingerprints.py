"""JA3, JA3S and JA4 against their authors' published examples, and JA3 and JA3S against tshark."""

import hashlib
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from collectors.wire import hellos
from collectors.wire.fingerprints import ja3, ja3s, ja4
from smtpwatch import events as ev
from tests.collectors.wire.handshakes import (
    Flight,
    client_hello,
    kinds,
    needs_tshark,
    only,
    server_hello,
    server_name,
    told,
    u16s,
    vector,
)

GREASE = 0x3A3A
SALESFORCE_JA3 = (
    # version, ciphers, extensions, groups, point formats, digest: github.com/salesforce/ja3, README
    (
        769,
        (47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4),
        (0, 10, 11),
        (23, 24, 25),
        b"\0",
        "ada70206e40642a3e4461f35503241d5",
    ),
    (769, (4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99), None, (), b"", "de350869b8c85de67a350c8d186f11e6"),
)
# Raw and hashed forms published by FoxIO: technical_details/JA4.md, and the outputs of its own test captures.
FOXIO_JA4 = (
    "t13d1516h2_8daaf6152771_e5627efa2ab1 "
    "1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035"
    "_001b,0000,0033,0010,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,000a,0015"
    "_0403,0804,0401,0503,0805,0501,0806,0601",
    "t13d1517h2_8daaf6152771_cb7bf5808d99 "
    "1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035"
    "_fe0d,0010,0017,0033,44cd,ff01,000a,000d,0023,002b,000b,ca34,002d,0000,0005,001b,0012"
    "_0904,0905,0906,0403,0804,0401,0503,0805,0501,0806,0601",
)
FOXIO_ALPN = (
    (b"h2", "h2"),
    (b"http/1.1", "h1"),
    (b"x", "xx"),
    (b"", "00"),
    (b"\xab", "ab"),
    (b"\xab\xcd", "ad"),
    (b"\x30\xab", "3b"),
    (b"\x30\x31\xab\xcd", "3d"),
    (b"\x30\xab\xcd\x31", "01"),
)


def hello(
    ciphers: Sequence[int],
    kinds: Sequence[int] | None,
    *,
    version: int = 0x0303,
    versions: Sequence[int] = (0x0304, 0x0303),
    groups: Sequence[int] = (),
    points: bytes = b"",
    algorithms: Sequence[int] = (),
    alpn: Sequence[bytes] = (b"h2",),
) -> bytes:
    """A ClientHello record with extensions of these kinds in this order, filled from the other arguments."""
    bodies = {
        0: server_name(b"mx.example.net"),
        10: vector(2, u16s(groups)),
        11: vector(1, points),
        13: vector(2, u16s(algorithms)),
        16: vector(2, b"".join(vector(1, protocol) for protocol in alpn)),
        43: vector(1, u16s(versions)),
    }
    pairs = None if kinds is None else [(kind, bodies.get(kind, b"")) for kind in kinds]
    return client_hello(ciphers, pairs, version)


def parsed(octets: bytes) -> hellos.ClientHello:
    found = hellos.client_hello(octets[9:])
    assert found is not None
    return found


def numbers(listed: str) -> list[int]:
    return [int(number, 16) for number in listed.split(",")]


@pytest.mark.parametrize(("version", "ciphers", "kinds", "groups", "points", "digest"), SALESFORCE_JA3)
def test_ja3_of_the_published_examples(
    version: int,
    ciphers: Sequence[int],
    kinds: Sequence[int] | None,
    groups: Sequence[int],
    points: bytes,
    digest: str,
) -> None:
    assert ja3(parsed(hello(ciphers, kinds, version=version, groups=groups, points=points))) == digest


def test_ja3s_digests_the_fields_in_order_without_grease() -> None:
    found = hellos.server_hello(server_hello(47, [(n, b"") for n in (65281, 0, GREASE, 11, 35, 5)], 769)[9:])
    assert found is not None
    assert ja3s(found) == hashlib.md5(b"769,47,65281-0-11-35-5").hexdigest()


@pytest.mark.parametrize("example", FOXIO_JA4)
def test_ja4_of_the_published_examples(example: str) -> None:
    expected, raw = example.split(" ")
    ciphers, kinds, algorithms = map(numbers, raw.split("_"))
    assert ja4(parsed(hello(ciphers, kinds, algorithms=algorithms))) == expected
    greased = hello(
        [GREASE, *ciphers],
        [GREASE, *kinds, 0x1A1A],
        algorithms=[0x0A0A, *algorithms],
        versions=[0xFAFA, 0x0304, 0x0303],
    )
    assert ja4(parsed(greased)) == expected


def test_ja4_without_signature_algorithms_has_no_underscore() -> None:
    kinds = numbers("001b,0000,0033,0010,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,000a,0015")
    assert ja4(parsed(hello([0x1301], kinds))).endswith("_6d807ffa2a79")


@pytest.mark.parametrize(("protocol", "expected"), FOXIO_ALPN)
def test_ja4_shows_the_ends_of_the_first_protocol(protocol: bytes, expected: str) -> None:
    assert ja4(parsed(hello([0x1301], [16], alpn=[protocol, b"h3"])))[8:10] == expected


@pytest.mark.parametrize(
    ("version", "versions", "expected"),
    [
        (0x0303, [0x0303, 0x0304], "13"),
        (0x0303, [GREASE, 0x0302], "11"),
        (0x0303, [0x7F1C, 0x0303], "00"),
        (0x0303, None, "12"),
        (0x0301, None, "10"),
        (0x0300, None, "s3"),
        (0x0303, [], "00"),
    ],
)
def test_ja4_version(version: int, versions: list[int] | None, expected: str) -> None:
    kinds = [] if versions is None else [43]
    assert ja4(parsed(hello([0x1301], kinds, version=version, versions=versions or ())))[1:3] == expected


def test_ja4_of_empty_lists_and_of_too_many() -> None:
    assert ja4(parsed(hello([], None))) == "t12i000000_000000000000_000000000000"
    assert ja4(parsed(hello([GREASE], [0, 16, GREASE]))) == "t12d0002h2_000000000000_000000000000"
    many = ja4(parsed(hello(range(0x1300, 0x1380), range(0x5000, 0x5080))))
    assert many.startswith("t12i999900_")
    hashed = hashlib.sha256(",".join(f"{n:04x}" for n in range(0x1300, 0x1380)).encode()).hexdigest()
    assert many.split("_")[1] == hashed[:12]


@needs_tshark
def test_ja3_and_ja3s_as_tshark_computes_them(recorded: dict[str, list[Flight]], tmp_path: Path) -> None:
    common = (0, 23, 65281, 10, 11, 35, 16, 5, 13, 51, 45, 43)
    groups = (GREASE, 0x11EC, 29, 23, 24, 256)
    answers = {11: b"\1\0", 43: b"\3\4", 51: u16s([29]) + vector(2, bytes(32)), 65281: b"\0"}
    by_hand = (
        (
            hello((0x1301, 0xC02B, 0x00FF), common, groups=groups, points=b"\0", algorithms=(0x0403,)),
            (43, 51),
        ),
        (hello((GREASE, 0x1301), (GREASE, *common), groups=groups, points=b"\0\1\2"), (65281, 11, 35)),
        (hello((0x0A, 0x39, 0x16), None, version=0x0301), ()),
    )
    handshakes: list[list[Flight]] = [
        [
            ("client", offered),
            ("server", server_hello(0xC02F, [(kind, answers.get(kind, b"")) for kind in chosen])),
        ]
        for offered, chosen in by_hand
    ]
    handshakes += [flights for flights in recorded.values() if ev.TlsNegotiated in kinds(told(flights))]
    path = tmp_path / "hellos.pcap"
    capture(path, handshakes)
    for flights, (ja3s_seen, ja3_seen) in zip(handshakes, tshark_fingerprints(path, len(handshakes)), strict=True):
        heard = told(flights)
        # tshark tells each hello of a retried handshake; the offer is the first, the choice the last.
        assert only(ev.TlsOffered, heard)[6] == ja3_seen[0]
        assert only(ev.TlsNegotiated, heard)[4] == ja3s_seen[-1]


def capture(path: Path, handshakes: Sequence[list[Flight]]) -> None:
    """Write each handshake as a TCP connection of its own to port 465."""
    from scapy.layers.inet import IP, TCP
    from scapy.layers.l2 import Ether
    from scapy.utils import wrpcap

    packets = []
    for port, flights in enumerate(handshakes, 40000):
        sent = {"client": 1, "server": 1}
        for peer, octets in flights:
            other = "server" if peer == "client" else "client"
            ends = (port, 465) if peer == "client" else (465, port)
            segment = TCP(sport=ends[0], dport=ends[1], seq=sent[peer], ack=sent[other], flags="PA")
            address = ["192.0.2.1", "192.0.2.2"][:: 1 if peer == "client" else -1]
            ether = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
            packets.append(ether / IP(src=address[0], dst=address[1]) / segment / octets)
            sent[peer] += len(octets)
    wrpcap(str(path), packets)


def tshark_fingerprints(path: Path, streams: int) -> list[tuple[list[str], list[str]]]:
    """JA3S and JA3 of every hello, by connection."""
    fields = [word for field in ("tcp.stream", "tls.handshake.ja3s", "tls.handshake.ja3") for word in ("-e", field)]
    command = ["tshark", "-r", str(path), "-d", "tcp.port==465,tls", "-T", "fields", *fields]
    found: list[tuple[list[str], list[str]]] = [([], []) for _ in range(streams)]
    for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
        stream, server, client = line.split("\t")
        found[int(stream)][0].extend(filter(None, [server]))
        found[int(stream)][1].extend(filter(None, [client]))
    return found
