"""The handshake reader against real handshakes, with Python's ssl on both ends, and failures of all kinds."""

import ssl
import subprocess
from typing import Literal

import pytest

from collectors.wire.hellos import RETRY
from collectors.wire.tls import Handshake, looks_like_client_hello
from smtpwatch import events as ev
from tests.collectors.wire.handshakes import (
    LOW,
    NAME,
    TLS10,
    TLS11,
    TLS12,
    TLS13,
    Certificates,
    Flight,
    alert,
    client_hello,
    kinds,
    message,
    only,
    play,
    record,
    server_hello,
    told,
    vector,
)

VERSIONS = (TLS10, TLS11, TLS12, TLS13)
CCS = record(20, b"\1")


def iana_name(number: int) -> str:
    """The standard name that the openssl command has for a cipher suite."""
    listed = subprocess.run(
        ["openssl", "ciphers", "-V", "-stdname", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    wanted = f"0x{number >> 8:02X},0x{number & 0xFF:02X}"
    return next(line.split()[2] for line in listed.stdout.splitlines() if line.split()[0] == wanted)


def cipher_number(context: ssl.SSLContext, name: str) -> int:
    return next(int(cipher["id"]) & 0xFFFF for cipher in context.get_ciphers() if cipher["name"] == name)


class TestRealHandshakes:
    @pytest.mark.parametrize("version", VERSIONS)
    def test_version_and_cipher_are_those_that_openssl_reports(
        self, made: Certificates, version: ssl.TLSVersion
    ) -> None:
        client = made.client(version=version, ciphers=LOW)
        played = play(client, made.server(version=version, ciphers=LOW))
        cipher = played.client.cipher()
        assert cipher is not None
        heard = told(played.flights)
        assert kinds(heard) == [ev.TlsOffered, ev.TlsNegotiated]
        negotiated = only(ev.TlsNegotiated, heard)
        reported = {"TLSv1": "TLSv1.0"}.get(played.client.version() or "", played.client.version())
        assert negotiated[0] == reported
        assert negotiated[1] == iana_name(cipher_number(client, cipher[0]))
        assert negotiated[5] is False
        assert reported in only(ev.TlsOffered, heard)[1]

    def test_what_the_client_offers(self, made: Certificates) -> None:
        client = made.client(alpn=("smtp", "x"))
        heard = told(play(client, made.server()).flights, implicit=True)
        implicit, versions, ciphers, groups, sni, alpn, ja3, ja4 = only(ev.TlsOffered, heard)
        assert (implicit, versions, sni, alpn) == (True, ("TLSv1.3", "TLSv1.2"), NAME, ("smtp", "x"))
        expected = [iana_name(int(cipher["id"]) & 0xFFFF) for cipher in client.get_ciphers()]
        assert list(ciphers) == [*expected, "TLS_EMPTY_RENEGOTIATION_INFO_SCSV"]
        assert groups[:2] == ("x25519", "secp256r1")
        assert len(ja3) == 32
        assert ja4.startswith("t13d")

    @pytest.mark.parametrize("version", [TLS12, TLS13])
    @pytest.mark.parametrize("group", ["secp256r1", "secp384r1", "secp521r1"])
    def test_the_group(self, made: Certificates, version: ssl.TLSVersion, group: str) -> None:
        curve = {"secp256r1": "prime256v1"}.get(group, group)
        played = play(made.client(version=version), made.server(curve=curve))
        assert only(ev.TlsNegotiated, told(played.flights))[2] == group
        server = b"".join(sent for peer, sent in played.flights if peer == "server")
        assert (RETRY in server) == (version is TLS13)

    @pytest.mark.parametrize(
        ("group", "expected"), [("ffdhe2048", "ffdhe2048"), ("ffdhe3072", "ffdhe3072"), ("modp_2048", None)]
    )
    def test_finite_field_groups(self, made: Certificates, group: str, expected: str | None) -> None:
        server = made.dh(made.server("rsa", ciphers="DHE"), group)
        heard = told(play(made.client(version=TLS12, ciphers="DHE"), server).flights)
        negotiated = only(ev.TlsNegotiated, heard)
        assert negotiated[1].startswith("TLS_DHE_RSA_")
        assert negotiated[2] == expected

    def test_static_rsa_has_no_group(self, made: Certificates) -> None:
        played = play(made.client(version=TLS12, ciphers="kRSA"), made.server("rsa", ciphers="kRSA"))
        heard = told(played.flights[:2], None)
        assert only(ev.TlsNegotiated, heard)[1:3] == ("TLS_RSA_WITH_AES_256_GCM_SHA384", None)

    @pytest.mark.parametrize("tickets", [True, False])
    def test_resumption_in_tls12(self, made: Certificates, tickets: bool) -> None:
        client, server = made.client(version=TLS12), made.server()
        if not tickets:
            server.options |= ssl.OP_NO_TICKET
        first = play(client, server)
        again = play(client, server, first.client.session)
        assert again.client.session_reused
        assert only(ev.TlsNegotiated, told(first.flights))[5] is False
        assert only(ev.TlsNegotiated, told(again.flights))[5] is True

    def test_resumption_in_tls13(self, made: Certificates) -> None:
        client, server = made.client(), made.server()
        first = play(client, server)
        again = play(client, server, first.client.session)
        assert again.client.session_reused
        assert only(ev.TlsNegotiated, told(first.flights))[5] is False
        assert only(ev.TlsNegotiated, told(again.flights))[5] is True

    @pytest.mark.parametrize(("version", "seen"), [(TLS12, "smtp"), (TLS13, None)])
    def test_the_chosen_protocol_is_in_clear_up_to_tls12(
        self, made: Certificates, version: ssl.TLSVersion, seen: str | None
    ) -> None:
        played = play(made.client(version=version, alpn=("x", "smtp")), made.server(alpn=("smtp",)))
        assert played.client.selected_alpn_protocol() == "smtp"
        assert only(ev.TlsNegotiated, told(played.flights))[3] == seen

    def test_both_directions_end_when_all_is_encrypted(self, recorded: dict[str, list[Flight]]) -> None:
        for name in ("TLS 1.3", "TLS 1.3, retried", "TLS 1.2", "TLS 1.2, resumed", "TLS 1.0"):
            handshake = Handshake(False, lambda *_: None)
            wanted = {"client": True, "server": True}
            for peer, sent in recorded[name]:
                wanted[peer] = (handshake.client if peer == "client" else handshake.server)(sent)
            assert wanted == {"client": False, "server": False}, name
            assert not handshake.client(b"more") and not handshake.server(b"more")


class TestFailures:
    def test_no_common_version(self, made: Certificates) -> None:
        client = made.client(version=TLS10, ciphers=LOW)
        played = play(client, made.server(version=TLS12))
        assert "server" in played.errors
        heard = told(played.flights)
        assert kinds(heard) == [ev.TlsOffered, ev.TlsFailed]
        assert only(ev.TlsFailed, heard) == (
            "server", "protocol_version", "no common version: client offers TLSv1.0, server refuses",
        )  # fmt: skip

    def test_no_common_cipher(self, made: Certificates) -> None:
        client = made.client(version=TLS12, ciphers="ECDHE-ECDSA-AES128-GCM-SHA256")
        heard = told(play(client, made.server(ciphers="ECDHE-ECDSA-AES256-GCM-SHA384")).flights)
        assert only(ev.TlsFailed, heard) == (
            "server",
            "handshake_failure",
            "no common cipher or group (client offers 1 cipher: TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)",
        )

    def test_no_common_group(self, made: Certificates) -> None:
        played = play(made.client(curve="secp521r1", version=TLS13), made.server(curve="secp384r1"))
        by, name, why = only(ev.TlsFailed, told(played.flights))
        assert (by, name) == ("server", "handshake_failure")
        assert why.startswith("no common cipher or group (client offers 3 ciphers: TLS_AES_256_GCM_SHA384, ")

    @pytest.mark.parametrize("version", [TLS12, TLS13])
    def test_unknown_ca(self, made: Certificates, version: ssl.TLSVersion) -> None:
        """OpenSSL's client sends this alert in clear even in TLS 1.3, having no keys for writing yet."""
        played = play(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), made.server(version=version))
        heard = told(played.flights)
        assert kinds(heard) == [ev.TlsOffered, ev.TlsNegotiated, ev.TlsFailed]
        why = "client does not trust the certificate: unknown_ca"
        assert only(ev.TlsFailed, heard) == ("client", "unknown_ca", why)

    def test_missing_client_certificate(self, recorded: dict[str, list[Flight]]) -> None:
        failed = only(ev.TlsFailed, told(recorded["TLS 1.2, no client certificate"]))
        assert failed == ("server", "handshake_failure", "server ended the handshake: handshake_failure")

    def test_unknown_name(self, made: Certificates) -> None:
        server = made.server()
        server.sni_callback = lambda *_: ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        heard = told(play(made.client(), server).flights)
        why = f"server does not know the name {NAME}"
        assert only(ev.TlsFailed, heard) == ("server", "unrecognized_name", why)

    @pytest.mark.parametrize(
        ("by", "code", "name", "why"),
        [
            ("server", 86, "inappropriate_fallback", "server refuses a fallback to TLSv1.1"),
            ("server", 120, "no_application_protocol", "no common application protocol: client offers smtp"),
            ("server", 116, "certificate_required", "server demands a client certificate"),
            ("server", 48, "unknown_ca", "server does not trust the client's certificate: unknown_ca"),
            ("server", 80, "internal_error", "server ended the handshake: internal_error"),
            ("client", 47, "illegal_parameter", "client ended the handshake: illegal_parameter"),
            ("client", 200, "0xC8", "client ended the handshake: 0xC8"),
        ],
    )
    def test_other_alerts(self, by: Literal["client", "server"], code: int, name: str, why: str) -> None:
        alpn = (16, vector(2, vector(1, b"smtp")))
        heard = told([("client", client_hello([0x2F], [alpn], 0x0302)), (by, alert(2, code))])
        assert only(ev.TlsFailed, heard) == (by, name, why)

    def test_client_refuses_the_version_that_the_server_chose(self) -> None:
        flights: list[Flight] = [
            ("client", client_hello([0x2F], None)),
            ("server", server_hello(0x2F, None, 0x0301)),
            ("client", alert(2, 70)),
        ]
        heard = told(flights)
        assert kinds(heard) == [ev.TlsOffered, ev.TlsNegotiated, ev.TlsFailed]
        assert only(ev.TlsFailed, heard)[2] == "no common version: server chooses TLSv1.0, client refuses"

    def test_an_alert_without_the_hello_claims_no_more_than_it_says(self) -> None:
        heard = told([("server", alert(2, 70))])
        assert heard == [(ev.TlsFailed, ("server", "protocol_version", "server ended the handshake: protocol_version"))]

    def test_warnings_end_nothing(self) -> None:
        flights: list[Flight] = [
            ("client", client_hello([0x2F], None)),
            ("server", alert(1, 112)),
            ("server", server_hello(0x2F, None) + record(22, message(14, b""))),
        ]
        assert kinds(told(flights, None)) == [ev.TlsOffered, ev.TlsNegotiated]

    def test_close_notify_in_clear(self) -> None:
        flights: list[Flight] = [
            ("client", client_hello([0x2F], None)),
            ("server", server_hello(0x2F, None) + record(22, message(14, b""))),
            ("client", alert(1, 0)),
        ]
        heard = told(flights, "server")
        assert only(ev.TlsFailed, heard) == ("client", "close_notify", "client left after ServerHelloDone")


class TestClosing:
    HELLO: Flight = ("client", client_hello([0x2F], None))
    ANSWER: Flight = ("server", server_hello(0x2F, None) + record(22, message(14, b"")))

    @pytest.mark.parametrize(
        ("flights", "by", "why"),
        [
            ([HELLO], "server", "closed without a word after ClientHello"),
            ([HELLO], "client", None),
            ([HELLO], "nobody", None),
            ([], "client", None),
            ([ANSWER], "client", None),
            ([HELLO, ANSWER], "client", "closed without a word after ServerHelloDone"),
            ([HELLO, ANSWER], "nobody", "no answer to ServerHelloDone"),
            ([HELLO, ANSWER, ("client", CCS)], "server", "closed without a word after ChangeCipherSpec"),
            ([HELLO, ANSWER, ("client", CCS), ("server", CCS)], "server", None),
            ([HELLO, ("server", b"454 TLS not available\r\n")], "server", None),
        ],
    )
    def test_silence(self, flights: list[Flight], by: str, why: str | None) -> None:
        failures = [fields for kind, fields in told(flights, by) if kind is ev.TlsFailed]
        assert failures == ([] if why is None else [(by, None, why)])

    def test_tls13_claims_nothing_once_the_client_is_dark(self, recorded: dict[str, list[Flight]]) -> None:
        flights = recorded["TLS 1.3"]
        assert flights[1][0] == "server"
        why = "closed without a word after ServerHello"
        assert only(ev.TlsFailed, told(flights[:2])) == ("client", None, why)
        assert kinds(told(flights[:3])) == [ev.TlsOffered, ev.TlsNegotiated]

    @pytest.mark.parametrize("from_client", [True, False])
    def test_a_gap_leaves_what_is_known_and_claims_nothing_more(self, from_client: bool) -> None:
        heard: list[type] = []
        handshake = Handshake(False, lambda kind, *_: heard.append(kind))
        handshake.client(self.HELLO[1])
        handshake.server(server_hello(0xC02F, None))
        assert heard == [ev.TlsOffered]
        handshake.gap(from_client)
        assert handshake.client(b"") is not from_client
        assert handshake.server(b"") is from_client
        handshake.closed("server")
        assert heard == [ev.TlsOffered, ev.TlsNegotiated]

    def test_a_gap_in_encrypted_octets_does_not_matter(self, recorded: dict[str, list[Flight]]) -> None:
        heard: list[type] = []
        handshake = Handshake(False, lambda kind, *_: heard.append(kind))
        handshake.client(self.HELLO[1])
        handshake.server(self.ANSWER[1] + CCS)
        handshake.gap(from_client=False)
        handshake.closed("client")
        assert heard == [ev.TlsOffered, ev.TlsNegotiated, ev.TlsFailed]


class TestRecognition:
    @pytest.mark.parametrize(
        ("octets", "expected"),
        [
            (b"", False),
            (b"\x16\x03", False),
            (b"\x16\x03\x01", True),
            (b"\x16\x03\x05", False),
            (b"\x16\x03\x01\x02\x00\x01", True),
            (b"\x16\x03\x01\x02\x00\x02", False),
            (b"\x15\x03\x01", False),
            (b"EHLO x\r\n", False),
        ],
    )
    def test_looks_like_client_hello(self, octets: bytes, expected: bool) -> None:
        assert looks_like_client_hello(octets) is expected
