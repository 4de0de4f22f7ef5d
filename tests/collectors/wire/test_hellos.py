"""What hellos and ServerKeyExchange say, from messages made by hand."""

import pytest

from collectors.wire import tls_names
from collectors.wire.tls import Handshake
from smtpwatch import events as ev
from tests.collectors.wire.handshakes import (
    Flight,
    client_hello,
    message,
    only,
    record,
    server_hello,
    server_name,
    told,
    u16s,
    vector,
)


class TestHellosByHand:
    def test_post_quantum_group_and_unknown_numbers(self) -> None:
        offered = client_hello(
            [0x0A0A, 0x1302, 0x1399],
            [
                (0x1A1A, b""),
                (0, server_name(b"m\xfcx\x1b")),
                (10, vector(2, u16s([0x2A2A, 0x11EC, 0x11EB, 0x11ED, 0x7777]))),
                (43, vector(1, u16s([0x3A3A, 0x0303, 0x7F1C, 0x0304]))),
            ],
        )
        chosen = server_hello(0x1302, [(43, u16s([0x0304])), (51, u16s([0x11EC]) + vector(2, bytes(1120)))])
        offer, negotiated, _ = (fields for _, fields in told([("client", offered), ("server", chosen)]))
        assert offer[1:6] == (
            ("0x7F1C", "TLSv1.3", "TLSv1.2"),
            ("TLS_AES_256_GCM_SHA384", "0x1399"),
            ("X25519MLKEM768", "SecP256r1MLKEM768", "SecP384r1MLKEM1024", "0x7777"),
            "m\\xfcx\x1b",
            (),
        )
        assert negotiated[:3] == ("TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519MLKEM768")

    def test_psk_hint_before_the_group(self) -> None:
        exchange = vector(2, b"hint") + b"\3" + u16s([29]) + vector(1, bytes(32))
        flights: list[Flight] = [
            ("client", client_hello([0xC035], None)),
            ("server", server_hello(0xC035, None) + record(22, message(12, exchange))),
        ]
        negotiated = only(ev.TlsNegotiated, told(flights, None))
        assert negotiated[1:3] == ("TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA", "x25519")

    @pytest.mark.parametrize(("bits", "number"), [(2048, 0), (3072, 1), (4096, 2), (6144, 3), (8192, 4)])
    def test_every_prime_of_rfc7919_is_known(self, bits: int, number: int) -> None:
        prime = ffdhe(bits).to_bytes(bits // 8, "big")
        flights: list[Flight] = [
            ("client", client_hello([0x9F], None)),
            ("server", server_hello(0x9F, None) + record(22, message(12, vector(2, prime) + bytes(9)))),
        ]
        assert only(ev.TlsNegotiated, told(flights, None))[2] == tls_names.group(0x0100 + number)

    @pytest.mark.parametrize(
        "octets",
        [
            b"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10" + bytes(40),
            b"EHLO mx.example.net\r\n",
            record(22, message(1, bytes(30))),
            record(22, message(2, bytes(80))),
            record(22, message(1, bytes(80)), version=0x0203),
            b"\x16\x03\x01\xff\xff" + bytes(80),
            record(22, message(1, b"")[:1] + b"\xff\xff\xff"),
            record(21, b"\0\0"),
        ],
        ids=["SSLv2", "text", "short", "no hello", "version", "too long", "huge", "no alert"],
    )
    def test_what_is_no_hello_is_given_up_without_a_word(self, octets: bytes) -> None:
        heard: list[type] = []
        handshake = Handshake(False, lambda kind, *_: heard.append(kind))
        assert handshake.client(octets) is False
        handshake.closed("client")
        assert heard == []

    @pytest.mark.parametrize(
        "damage",
        [
            (b"\0\x04\0\x2f\x13\x01", b"\0\x03\0\x2f\x13"),
            (b"\0\x0a\0\x04\0\x02", b"\0\x0a\0\x04\0\x03"),
            (b"\0\x0a\0\x04\0\x02", b"\0\x0a\0\x05\0\x02"),
            (b"\0\x08\0\x0a", b"\0\x07\0\x0a"),
            (b"\0\x08\0\x0a", b"\0\x09\0\x0a"),
        ],
        ids=["odd ciphers", "long list", "long extension", "short block", "long block"],
    )
    def test_lengths_that_contradict_each_other(self, damage: tuple[bytes, bytes]) -> None:
        good = client_hello([0x2F, 0x1301], [(10, vector(2, u16s([29])))])
        assert len(told([("client", good)], None)) == 1
        body = good[9:].replace(*damage)
        assert body != good[9:]
        assert told([("client", record(22, message(1, body)))], None) == []

    @pytest.mark.parametrize("end", [record(20, b"\1"), record(23, b""), b"220 mx.example.net"])
    def test_no_group_once_the_server_cannot_be_read_on(self, end: bytes) -> None:
        flights: list[Flight] = [
            ("client", client_hello([0xC02F], None)),
            ("server", server_hello(0xC02F, None)),
        ]
        assert len(told(flights, None)) == 1
        heard = told([*flights, ("server", end)], None)
        assert only(ev.TlsNegotiated, heard)[1:3] == ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", None)

    def test_very_long_lists_are_told_up_to_a_bound(self) -> None:
        heard = told([("client", client_hello(range(0x2000, 0x3000), [(16, vector(2, b"\1x" * 900))]))], None)
        offer = only(ev.TlsOffered, heard)
        assert 250 < len(offer[2]) <= 256
        assert len(offer[5]) == 256


def ffdhe(bits: int) -> int:
    """RFC 7919, appendix A: 2^b - 2^(b-64) + (floor(2^(b-130) e) + X) 2^64 - 1."""
    offsets = {2048: 560316, 3072: 2625351, 4096: 5736041, 6144: 15705020, 8192: 10965728}
    scale = 1 << bits
    euler, term, n = 0, scale, 0
    while term:
        euler += term
        n += 1
        term //= n
    return (1 << bits) - (1 << bits - 64) + ((euler >> 130) + offsets[bits] << 64) - 1
