"""Certificates on the wire: what a Certificate message shows, however it is cut, of whom it is told, and how often."""

import gc
import hashlib
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from collectors.certificate import read, seen
from collectors.wire.certificates import AGAIN, PLACES, Shown
from collectors.wire.frames import raw_ip
from collectors.wire.pipeline import Pipeline
from collectors.wire.tls import CERTIFICATE_OCTETS, Handshake
from collectors.wire.tls_records import MESSAGE_OCTETS
from smtpwatch.config import Config
from smtpwatch.events import CertificateSeen, Event, SessionClosed
from tests.collectors.certificates import certificate, name
from tests.collectors.wire.handshakes import (
    LOW,
    TLS10,
    TLS12,
    Certificates,
    Flight,
    chopped,
    client_hello,
    message,
    play,
    record,
    server_hello,
    vector,
)
from tests.collectors.wire.test_tls_records import held, refragmented
from tests.collectors.wire.test_tls_sessions import secured
from tests.wire import Wire, events_of

MX, SERVER = "mx.example.net", "192.0.2.25"
LEAF = certificate(name(MX), [x509.DNSName(MX)], issuer=name("R11"), signed_by="EC P-384")
OTHER = certificate(name("other.example.net"))
HELLO: Flight = ("client", client_hello([0x2F], None))
FINISHED = record(20, b"\1") + record(22, bytes(40))


def _said(*chain: bytes) -> bytes:
    """A Certificate message."""
    return message(11, vector(3, b"".join(vector(3, each) for each in chain)))


def _flights(*messages: bytes, version: int = 0x0303) -> list[Flight]:
    """A TLS 1.2 handshake whose server says `messages` after its ServerHello, all in a record of its own."""
    flight = server_hello(0x2F, None, version) + record(22, b"".join((*messages, message(14, b""))))
    return [HELLO, ("server", flight), ("client", FINISHED), ("server", FINISHED)]


def _shown(flights: list[Flight]) -> list[bytes]:
    """The certificates that a Handshake tells of."""
    shown: list[bytes] = []
    handshake = Handshake(False, lambda *_: None, shown.append)
    for peer, octets in flights:
        (handshake.client if peer == "client" else handshake.server)(octets)
    handshake.closed("client")
    return shown


def _events(
    flights: list[Flight], port: int = 25, config: Config | None = None, local: tuple[str, ...] = ()
) -> list[CertificateSeen]:
    wire = secured(port, flights) if port != 465 else secured(port, flights, "", "")
    return _certificates(events_of(wire.packets, config, local))


def _certificates(events: list[Event]) -> list[CertificateSeen]:
    return [event for event in events if isinstance(event, CertificateSeen)]


class TestMessage:
    @pytest.mark.parametrize("version", [0x0300, 0x0301, 0x0302, 0x0303])
    def test_every_version_in_clear(self, version: int) -> None:
        assert _shown(_flights(_said(LEAF), version=version)) == [LEAF]

    def test_the_first_of_a_chain(self) -> None:
        assert _shown(_flights(_said(LEAF, certificate(name("R11")), certificate(name("Root"))))) == [LEAF]

    def test_only_one_is_told(self) -> None:
        assert _shown(_flights(_said(LEAF), _said(OTHER))) == [LEAF]

    @pytest.mark.parametrize("said", [_said(), message(11, b""), message(11, b"\0\0"), _said(b"")])
    def test_none(self, said: bytes) -> None:
        assert _shown(_flights(said)) == []

    def test_what_is_no_certificate_is_handed_on_as_it_is(self) -> None:
        assert _shown(_flights(_said(b"damaged"))) == [b"damaged"]

    def test_not_before_the_server_has_chosen(self) -> None:
        assert _shown([HELLO, ("server", record(22, _said(LEAF)) + server_hello(0x2F, None))]) == []

    def test_not_the_clients(self) -> None:
        flights = _flights(_said(LEAF))
        flights.insert(2, ("client", record(22, _said(OTHER))))
        assert _shown(flights) == [LEAF]

    def test_octet_by_octet_and_cut_everywhere(self) -> None:
        flights = _flights(_said(LEAF, OTHER))
        assert _shown(chopped(flights, 1)) == [LEAF]
        server = flights[1][1]
        for at in range(1, len(server)):
            assert _shown([HELLO, ("server", server[:at]), ("server", server[at:]), *flights[2:]]) == [LEAF]

    @pytest.mark.parametrize("size", [1, 2, 3, 5, 64, 300, 1_000])
    def test_over_many_records(self, size: int) -> None:
        flights = _flights(_said(LEAF, OTHER))
        small: list[Flight] = [HELLO, ("server", refragmented(flights[1][1], size)), *flights[2:]]
        assert _shown(small) == [LEAF]
        assert _shown(chopped(small, 7)) == [LEAF]

    def test_a_gap_within_it(self) -> None:
        shown: list[bytes] = []
        handshake = Handshake(False, lambda *_: None, shown.append)
        flight = _flights(_said(LEAF))[1][1]
        handshake.client(HELLO[1])
        handshake.server(flight[:300])
        handshake.gap(from_client=False)
        handshake.server(flight[400:])
        assert shown == []


class TestLengths:
    def _most(self, octets: Iterator[bytes]) -> tuple[int, list[bytes]]:
        """The most that was held back while the server sent that, and what came of it."""
        shown: list[bytes] = []
        handshake = Handshake(False, lambda *_: None, shown.append)
        handshake.client(HELLO[1])
        handshake.server(server_hello(0x2F, None))
        most = 0
        for each in octets:
            handshake.server(each)
            most = max(most, held(handshake))
        return most, shown

    def test_what_is_announced_takes_no_memory(self) -> None:
        head = b"\x0b" + (MESSAGE_OCTETS).to_bytes(3, "big") + b"\3\xff\xfd\3\xff\xfa"
        most, shown = self._most(iter([record(22, head)]))
        assert most < 100 and shown == []

    def test_beyond_all_bounds_it_is_no_handshake(self) -> None:
        head = b"\x0b" + (MESSAGE_OCTETS + 1).to_bytes(3, "big")
        most, shown = self._most(iter([record(22, head + bytes(10_000)), record(22, bytes(10_000))]))
        assert most == 0 and shown == []

    @pytest.mark.parametrize("leaf", [CERTIFICATE_OCTETS, 200_000])
    def test_one_that_is_too_long_is_let_pass(self, leaf: int) -> None:
        said = _said(b"\x30" * leaf) + message(14, b"")
        pieces = (record(22, said[at : at + 4_000]) for at in range(0, len(said), 4_000))
        most, shown = self._most(pieces)
        assert most <= CERTIFICATE_OCTETS + 64 and shown == []

    def test_a_long_chain_behind_it_is_not_kept(self) -> None:
        said = _said(LEAF, bytes(100_000), bytes(100_000))
        pieces = (record(22, said[at : at + 4_000]) for at in range(0, len(said), 4_000))
        most, shown = self._most(pieces)
        assert most <= CERTIFICATE_OCTETS + 64 and shown == [LEAF]

    def test_a_length_that_contradicts_another(self) -> None:
        for inner in (0, 1, 5, len(LEAF), len(LEAF) + 1, 0xFFFFFF):
            said = message(11, vector(3, inner.to_bytes(3, "big") + LEAF))
            assert _shown(_flights(said)) == ([LEAF[:inner]] if 0 < inner <= len(LEAF) else [])


class TestRealHandshakes:
    @pytest.mark.parametrize("key", ["ec", "rsa"])
    @pytest.mark.parametrize("version", [TLS10, TLS12])
    def test_in_clear(self, made: Certificates, key: str, version: ssl.TLSVersion) -> None:
        flights = play(
            made.client(version=version, ciphers=LOW), made.server(key, version=version, ciphers=LOW)
        ).flights
        assert _shown(flights) == [_of_pem(made.folder / f"{key}.pem")]

    def test_none_in_tls13_nor_where_a_session_is_resumed(self, recorded: dict[str, list[Flight]]) -> None:
        for kind in ("TLS 1.3", "TLS 1.3, retried", "TLS 1.2, resumed"):
            assert _shown(recorded[kind]) == []

    def test_one_that_the_client_refuses(self, recorded: dict[str, list[Flight]], made: Certificates) -> None:
        assert _shown(recorded["TLS 1.2, unknown CA"]) == [_of_pem(made.folder / "ec.pem")]


def _of_pem(path: Path) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return x509.load_pem_x509_certificate(path.read_bytes()).public_bytes(Encoding.DER)


class TestEvents:
    def _expected(self, event: CertificateSeen, port: int) -> CertificateSeen:
        said = read(LEAF)
        assert said is not None
        return seen(said, event.time, "wire", "mx.example.net", SERVER, port, "wire")

    @pytest.mark.parametrize("port", [25, 587, 465])
    def test_what_is_told(self, port: int) -> None:
        (event,) = _events(_flights(_said(LEAF)), port)
        assert event == self._expected(event, port)
        assert (event.names, event.issuer, event.key, event.self_signed) == ((MX,), "R11", "EC P-256", False)
        assert event.fingerprint == hashlib.sha256(LEAF).hexdigest()

    def test_the_time_is_the_packets(self) -> None:
        wire = secured(25, _flights(_said(LEAF)))
        (event,) = _certificates(events_of(wire.packets))
        assert event.time == next(packet.time for packet in wire.packets if LEAF in packet.data)

    def test_a_server_of_ours(self) -> None:
        assert len(_events(_flights(_said(LEAF)), local=(SERVER,))) == 1
        assert len(_events(_flights(_said(LEAF)), config=Config(local=("192.0.2.0/24",)))) == 1

    def test_not_that_of_a_server_that_we_send_to(self) -> None:
        assert _events(_flights(_said(LEAF)), local=("203.0.113.7",)) == []

    def test_one_that_cannot_be_read_is_not_told_of(self) -> None:
        wire = secured(25, _flights(_said(LEAF[:-1])))
        events = events_of(wire.packets)
        assert _certificates(events) == []
        assert type(events[-1]) is SessionClosed

    def test_each_place_once(self) -> None:
        packets = []
        for number, (port, leaf) in enumerate([(25, LEAF), (25, LEAF), (587, LEAF), (25, OTHER), (587, LEAF)]):
            packets += secured_from(40_000 + number, port, _flights(_said(leaf)), number).packets
        told = [(event.port, event.names) for event in _certificates(events_of(packets))]
        assert told == [(25, (MX,)), (587, (MX,)), (25, ("other.example.net",))]


def secured_from(client_port: int, port: int, flights: list[Flight], later: float) -> Wire:
    """As `secured`, `later` by some seconds and from a port of its own."""
    start = 1_700_000_000.0 + later
    wire = Wire(port=port, client_port=client_port, start=start).open()
    wire.script("S: 220 mx.example.net ESMTP\nC: EHLO x\nS: 250-mx\\n250 STARTTLS\nC: STARTTLS\nS: 220 ready")
    for peer, octets in flights:
        (wire.client if peer == "client" else wire.server)(octets)
    return wire.close()


class TestShown:
    def _new(self, shown: Shown, now: float, der: bytes = LEAF, port: int = 25) -> bool:
        return shown.new(der, now, "wire", "mx", SERVER, port) is not None

    def test_again_after_a_while(self) -> None:
        shown = Shown()
        assert [self._new(shown, now) for now in (0.0, 1.0, AGAIN - 1, AGAIN, AGAIN + 1, 2 * AGAIN)] == [
            True, False, False, True, False, True,
        ]  # fmt: skip

    def test_the_clock_was_set_back(self) -> None:
        shown = Shown()
        assert [self._new(shown, now) for now in (9 * AGAIN, AGAIN, AGAIN + 1)] == [True, True, False]

    def test_one_that_cannot_be_read_is_tried_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        tried: list[bytes] = []
        monkeypatch.setattr("collectors.certificate.read", tried.append)
        shown = Shown()
        assert [self._new(shown, now, b"damaged") for now in (0.0, 1.0, AGAIN, 2 * AGAIN)] == [False] * 4
        assert tried == [b"damaged"]

    def test_it_is_bounded(self) -> None:
        shown = Shown()
        for port in range(PLACES + 10):
            self._new(shown, 0.0, port=port)
        assert len(shown._told) == PLACES
        assert self._new(shown, 1.0, port=3), "that was forgotten"
        assert not self._new(shown, 1.0, port=PLACES)


def test_nothing_is_left_behind_for_a_collector() -> None:
    """Live capture runs without one."""

    def pipeline() -> Pipeline:
        made = Pipeline(Config(), "mx")
        made.packets((packet.time, packet.data, 0, len(packet.data), packet.wire, raw_ip) for packet in packets)
        return made

    packets = []
    for number in range(50):
        packets += secured_from(40_000 + number, 25, _flights(_said(LEAF)), number).packets
    pipeline()  # what is imported and cached the first time is not meant
    gc.collect()
    gc.disable()
    try:
        kept = pipeline()
        assert len(_certificates(kept.batch)) == 1
        assert gc.collect() == 0
    finally:
        gc.enable()
