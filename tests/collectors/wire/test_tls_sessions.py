"""What a session's facts say of TLS, from captures that hold all of it or part."""

import pytest

from smtpwatch import events as ev
from smtpwatch.config import Config
from smtpwatch.state.facts import SessionFacts
from tests.collectors.wire.handshakes import (
    TLS12,
    TLS13,
    Certificates,
    Flight,
    client_hello,
    play,
    record,
    server_hello,
    vector,
)
from tests.wire import Wire, events_of, session_of, sessions_of

CLEAR = """
S: 220 mx.example.net ESMTP
C: EHLO client.example.com
S: 250-mx.example.net\\n250 STARTTLS
C: STARTTLS
"""
READY = "S: 220 2.0.0 Ready to start TLS"
HELLO: Flight = ("client", client_hello([0x1301], [(43, vector(1, b"\3\4"))]))
ANSWER: Flight = ("server", server_hello(0x1301, [(43, b"\3\4"), (51, b"\0\x1d")]))
DARK: list[Flight] = [("client", record(23, bytes(80))), ("server", record(23, bytes(80)))]
ODD = Config(ports=(25, 465, 587, 2525))


def secured(port: int, flights: list[Flight], clear: str = CLEAR, ready: str = READY) -> Wire:
    """A whole connection: what is said in clear, a handshake, the end."""
    wire = Wire(port=port).open().script(clear).script(ready)
    for peer, octets in flights:
        (wire.client if peer == "client" else wire.server)(octets)
    return wire.close()


def begins(wire: Wire, octets: bytes) -> Wire:
    """The capture begins at the packet that holds `octets`."""
    at = next(at for at, packet in enumerate(wire.packets) if octets in packet.data)
    return wire.drop(*range(at))


def lacks(wire: Wire, *octets: bytes) -> Wire:
    """The capture lost the packets that hold any of `octets`."""
    return wire.drop(*(at for at, packet in enumerate(wire.packets) if any(each in packet.data for each in octets)))


def told(session: SessionFacts) -> tuple[str | None, str, str | None]:
    return session.banner, session.starttls, None if session.tls is None else session.tls.version


FLIGHTS = [HELLO, ANSWER, *DARK]
BANNER = "220 mx.example.net ESMTP"


def oddities(wire: Wire) -> list[str]:
    return [event.kind for event in events_of(wire.packets, ODD) if isinstance(event, ev.Oddity)]


class TestStarttls:
    def test_a_handshake_proves_the_reply_that_was_lost(self) -> None:
        wire = lacks(secured(25, FLIGHTS), b"220 2.0.0")
        assert told(session_of(wire)) == (BANNER, "accepted", "TLSv1.3")

    def test_a_client_hello_alone_proves_nothing(self) -> None:
        wire = lacks(secured(25, [HELLO]), b"220 2.0.0")
        assert told(session_of(wire)) == (BANNER, "requested", None)

    @pytest.mark.parametrize("client_too", [True, False])
    @pytest.mark.parametrize("ready", ["220 2.0.0 Ready to start TLS", "220 TLS go ahead", "220 ready for tls"])
    def test_a_capture_that_begins_at_the_reply_to_starttls_has_no_banner(self, ready: str, client_too: bool) -> None:
        wire = begins(secured(25, FLIGHTS, ready="S: " + ready), ready.encode())
        if not client_too:
            wire.only(False)
        assert told(session_of(wire)) == (None, "accepted", "TLSv1.3")
        assert not any(isinstance(event, ev.Greeting) for event in events_of(wire.packets))

    def test_a_220_of_any_words_is_no_banner_where_the_client_hello_is_next(self) -> None:
        wire = begins(secured(25, FLIGHTS, ready="S: 220 Go ahead."), b"220 Go ahead.")
        assert told(session_of(wire)) == (None, "accepted", "TLSv1.3")

    @pytest.mark.parametrize(
        "banner", ["220 mx.example.net ESMTP, TLS is welcome", "220 [192.0.2.25] TLS ESMTP", "220 mx ESMTP"]
    )
    def test_a_capture_that_begins_at_the_banner_has_it(self, banner: str) -> None:
        wire = begins(secured(25, FLIGHTS, CLEAR.replace(BANNER, banner)), banner.encode())
        assert told(session_of(wire)) == (banner, "accepted", "TLSv1.3")

    @pytest.mark.parametrize(
        ("port", "flights", "starttls"),
        [
            (25, FLIGHTS, "accepted"),
            (587, FLIGHTS, "accepted"),
            (465, FLIGHTS, "none"),
            (25, [HELLO], "requested"),
            (587, [HELLO], "requested"),
            (465, [HELLO], "none"),
        ],
    )
    def test_a_capture_that_begins_at_the_client_hello(self, port: int, flights: list[Flight], starttls: str) -> None:
        wire = begins(secured(port, flights), HELLO[1])
        assert told(session_of(wire)) == (None, starttls, "TLSv1.3" if flights is FLIGHTS else None)
        offered = [event.implicit for event in events_of(wire.packets) if isinstance(event, ev.TlsOffered)]
        assert offered == [port == 465]

    @pytest.mark.parametrize("port", [25, 587])
    def test_a_capture_that_begins_at_the_server_hello(self, port: int) -> None:
        wire = begins(secured(port, FLIGHTS), ANSWER[1])
        assert told(session_of(wire)) == (None, "accepted", "TLSv1.3")

    def test_the_server_alone_with_its_reply_to_starttls_lost(self) -> None:
        wire = lacks(secured(25, FLIGHTS).only(False), b"220 2.0.0")
        assert told(session_of(wire)) == (BANNER, "accepted", "TLSv1.3")
        assert oddities(wire) == []

    def test_starttls_and_its_reply_lost(self) -> None:
        wire = lacks(secured(25, FLIGHTS), b"STARTTLS\r\n", b"220 2.0.0")
        session = session_of(wire)
        assert (session.banner, session.starttls) == (BANNER, "accepted")


@pytest.mark.parametrize("kind", ["TLS 1.3", "TLS 1.3, retried", "TLS 1.2", "TLS 1.2, resumed"])
@pytest.mark.parametrize("port", [25, 465])
def test_whatever_is_missing_nothing_is_claimed_that_was_not(
    recorded: dict[str, list[Flight]], kind: str, port: int
) -> None:
    """Any one packet lost, begun at any packet, of both sides or one."""
    clear = (CLEAR, READY) if port == 25 else ("", "")

    def whole() -> Wire:
        return secured(port, recorded[kind] + DARK, *clear)

    negotiated = session_of(whole()).tls
    assert negotiated is not None
    for captured in (whole(), whole().only(True), whole().only(False)):
        packets = captured.packets
        for at in range(len(packets)):
            for part in (packets[:at] + packets[at + 1 :], packets[at:]):
                for session in sessions_of(part):
                    assert session.banner in ((BANNER, None) if port == 25 else (None,))
                    assert session.transactions == []
                    tls = session.tls
                    if tls is not None and tls.version is not None:
                        assert session.starttls == ("accepted" if port == 25 else "none")
                        assert (tls.version, tls.cipher) == (negotiated.version, negotiated.cipher)
                        assert tls.resumed in (negotiated.resumed, None)
                    elif tls is not None:
                        assert session.starttls in (("requested", "accepted") if port == 25 else ("none",))


class TestImplicitTls:
    @pytest.mark.parametrize("port", [465, 2525])
    def test_seen_whole(self, port: int) -> None:
        wire = secured(port, FLIGHTS, "", "")
        assert told(session_of(wire, ODD)) == (None, "none", "TLSv1.3")
        implicit = [event.implicit for event in events_of(wire.packets, ODD) if hasattr(event, "implicit")]
        assert implicit == [True, True]

    @pytest.mark.parametrize(("port", "skipped"), [(465, 0), (2525, 0), (465, 1)])
    def test_the_server_alone(self, port: int, skipped: int) -> None:
        wire = secured(port, FLIGHTS, "", "").only(False)
        wire.drop(*range(skipped))
        session = session_of(wire, ODD)
        assert told(session) == (None, "none", "TLSv1.3")
        assert session.tls is not None
        assert (session.tls.cipher, session.tls.ja3, session.tls.sni) == ("TLS_AES_128_GCM_SHA256", None, None)
        assert session.tls.ja3s is not None
        assert oddities(wire) == []

    @pytest.mark.parametrize("size", [1, 2, 3, 7])
    def test_the_server_alone_in_small_segments(self, size: int) -> None:
        answer = ANSWER[1]
        parts: list[Flight] = [("server", answer[at : at + size]) for at in range(0, len(answer), size)]
        assert told(session_of(secured(465, [HELLO, *parts], "", "").only(False))) == (None, "none", "TLSv1.3")

    def test_the_client_hello_lost(self) -> None:
        assert told(session_of(lacks(secured(465, FLIGHTS, "", ""), HELLO[1]))) == (None, "none", "TLSv1.3")

    def test_a_client_that_does_not_ask_for_starttls(self) -> None:
        wire = Wire().open().script("S: " + BANNER).client(HELLO[1]).close()
        assert told(session_of(wire)) == (BANNER, "none", None)

    def test_a_server_that_answers_a_command_with_tls_is_not_believed(self) -> None:
        wire = Wire().open().script("S: 220 mx\nC: EHLO x").server(ANSWER[1] + b"\n").script("S: 250 mx").close()
        assert told(session_of(wire)) == ("220 mx", "none", None)
        assert oddities(wire) == ["not a reply"]


class TestResumption:
    @pytest.mark.parametrize(("captured", "resumed"), [("both", True), ("server", None)])
    def test_it_shows_by_both_hellos_up_to_tls12(self, made: Certificates, captured: str, resumed: bool | None) -> None:
        client, server = made.client(version=TLS12), made.server()
        first = play(client, server)
        wire = secured(465, play(client, server, first.client.session).flights, "", "")
        if captured == "server":
            wire.only(False)
        session = session_of(wire)
        assert session.tls is not None
        assert (session.tls.version, session.tls.resumed) == ("TLSv1.2", resumed)

    def test_in_tls13_the_server_hello_tells(self, made: Certificates) -> None:
        client, server = made.client(), made.server()
        first = play(client, server)
        session = session_of(secured(465, play(client, server, first.client.session).flights, "", "").only(False))
        assert session.tls is not None
        assert session.tls.resumed is True


class TestAlpn:
    @pytest.mark.parametrize(
        ("version", "server", "alpn"),
        [(TLS12, ("smtp",), "smtp"), (TLS12, (), None), (TLS13, ("smtp",), "smtp,h2"), (TLS13, (), "smtp,h2")],
    )
    def test_the_choice_where_it_shows_else_the_offer(
        self, made: Certificates, version: int, server: tuple[str, ...], alpn: str | None
    ) -> None:
        client = made.client(version=version, alpn=("smtp", "h2"))
        session = session_of(secured(465, play(client, made.server(alpn=server)).flights, "", ""))
        assert session.tls is not None
        assert session.tls.alpn == alpn

    def test_the_offer_where_no_server_hello_is_seen(self) -> None:
        hello = client_hello([0x1301], [(16, vector(2, vector(1, b"smtp")))])
        session = session_of(secured(465, [("client", hello)], "", ""))
        assert session.tls is not None
        assert session.tls.alpn == "smtp"


@pytest.mark.parametrize("first", ["client", "server"])
@pytest.mark.parametrize("port", [25, 465])
def test_a_capture_that_begins_in_the_dark_tells_nothing(port: int, first: str) -> None:
    wire = Wire(port=port)
    for peer, octets in DARK if first == "client" else reversed(DARK):
        (wire.client if peer == "client" else wire.server)(octets)
    assert told(session_of(wire.close())) == (None, "none", None)
    assert oddities(wire) == []


def test_a_client_whose_starttls_was_lost() -> None:
    """Seen on its side only, so that no reply tells."""
    session = session_of(lacks(secured(25, FLIGHTS), b"STARTTLS\r\n").only(client=True))
    assert session.tls is not None and session.tls.ja4 is not None
    assert session.starttls == "requested"
    events = events_of(lacks(secured(25, FLIGHTS), b"STARTTLS\r\n").only(client=True).packets)
    assert not [event for event in events if isinstance(event, ev.Oddity)]
