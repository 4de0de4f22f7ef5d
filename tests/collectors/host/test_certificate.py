"""Asking listeners for their certificate: servers that do as they should, and those that do what they like."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from collectors.certificate import read, seen
from collectors.host import certificate as subject
from collectors.host.certificate import EVERY, LIMIT, LISTENERS, NAME, UNTIL_SOME, Asking, ask, listeners
from smtpwatch.config import Config
from smtpwatch.events import CertificateSeen, SensorStatus
from smtpwatch.ports_asked import PortAsked
from smtpwatch.sensors import GOODBYE, Sensor
from tests.collectors.certificates import certificate, key, name

HOST = "mx.example.net"
NOW = 1_770_000_000.0
DER = certificate(name(HOST))
_LIMIT = 10.0  # seconds


class Server:
    """A listener on loopback that serves one client with `serve`; `heard` is what it got, `sni` what was asked for."""

    def __init__(self, folder: Path, serve: Callable[["Server", socket.socket], None]) -> None:
        self.heard: list[bytes] = []
        self.sni: list[str | None] = []
        self._serve = serve
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        chain = folder / "chain.pem"
        private = key("EC P-256").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        chain.write_bytes(private + ssl.DER_cert_to_PEM_cert(DER).encode())
        self._context.load_cert_chain(chain)
        self._context.sni_callback = lambda sock, asked, context: self.sni.append(asked)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with suppress(OSError):
            client, _ = self._listener.accept()
            with client:
                client.settimeout(_LIMIT)
                self._serve(self, client)

    def line(self, sock: socket.socket) -> bytes:
        octets = b""
        while not octets.endswith(b"\n"):
            more = sock.recv(1)
            if not more:
                raise ConnectionError
            octets += more
        self.heard.append(octets)
        return octets

    def tls(self, sock: socket.socket) -> ssl.SSLSocket:
        return self._context.wrap_socket(sock, server_side=True)

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


Serve = Callable[[Callable[[Server, socket.socket], None]], Server]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    servers: list[Server] = []

    def start(how: Callable[[Server, socket.socket], None]) -> Server:
        servers.append(Server(tmp_path, how))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def _says(*replies: bytes) -> Callable[[Server, socket.socket], None]:
    """A server that greets, then answers each line, and goes."""

    def how(server: Server, sock: socket.socket) -> None:
        greeting, *others = replies
        sock.sendall(greeting)
        for reply in others:
            server.line(sock)
            sock.sendall(reply)
        with suppress(OSError):
            while server.line(sock) != b"QUIT\r\n":
                pass

    return how


def _starttls(ehlo: bytes = b"250-mx\r\n250-SIZE 100\r\n250 STARTTLS\r\n") -> Callable[[Server, socket.socket], None]:
    def how(server: Server, sock: socket.socket) -> None:
        sock.sendall(b"220-mx.example.net\r\n220 ESMTP\r\n")
        server.line(sock)
        for at in range(len(ehlo)):  # it may come in any pieces
            sock.sendall(ehlo[at : at + 1])
        server.line(sock)
        sock.sendall(b"220 2.0.0 Ready\r\n")
        with server.tls(sock) as secure:
            server.line(secure)
            secure.sendall(b"221 2.0.0 Bye\r\n")

    return how


def _asked(server: Server, host: str = HOST) -> PortAsked:
    return ask("127.0.0.1", server.port, host, lambda: NOW)


def _shown(server: Server) -> PortAsked:
    said = read(DER)
    assert said is not None
    return PortAsked("127.0.0.1", server.port, seen(said, NOW, "host", HOST, "127.0.0.1", server.port, "asked"), "")


class TestAsk:
    @pytest.mark.parametrize("ehlo", [b"250-mx\r\n250-SIZE 1\r\n250 STARTTLS\r\n", b"250-mx\n250-starttls\n250 HELP\n"])
    def test_starttls(self, serve: Serve, ehlo: bytes) -> None:
        server = serve(_starttls(ehlo))
        assert _asked(server) == _shown(server)
        server.close()
        assert server.heard == [f"EHLO {NAME}\r\n".encode(), b"STARTTLS\r\n", b"QUIT\r\n"]
        assert server.sni == [HOST]

    def test_tls_at_once(self, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
        def how(server: Server, sock: socket.socket) -> None:
            with server.tls(sock) as secure:
                secure.sendall(b"220 mx.example.net ESMTP\r\n")
                server.line(secure)
                secure.sendall(b"221 Bye\r\n")

        server = serve(how)
        monkeypatch.setattr(subject, "IMPLICIT_TLS", server.port)
        assert _asked(server) == _shown(server)
        server.close()
        assert server.heard == [b"QUIT\r\n"]

    def test_a_server_that_goes_after_the_handshake(self, serve: Serve) -> None:
        def how(server: Server, sock: socket.socket) -> None:
            sock.sendall(b"220 mx\r\n")
            server.line(sock)
            sock.sendall(b"250-mx\r\n250 STARTTLS\r\n")
            server.line(sock)
            sock.sendall(b"220 go\r\n")
            server.tls(sock).close()

        server = serve(how)
        assert _asked(server) == _shown(server)

    @pytest.mark.parametrize("host", ["", ".example.net", "x" * 64 + ".example", "a\0b", "mx\n", "192.0.2.25"])
    def test_a_name_that_cannot_be_asked_for(self, serve: Serve, host: str) -> None:
        server = serve(_starttls())
        found = _asked(server, host)
        assert found.seen is not None and found.seen.fingerprint == _seen(_shown(server)).fingerprint
        assert server.sni == [None]


class TestUnwilling:
    @pytest.mark.parametrize(
        ("replies", "problem", "heard"),
        [
            ([b"554 5.7.1 go away\r\n"], "greets with 554 5.7.1 go away", ["QUIT"]),
            ([b"220 x\r\n", b"502 no\r\n"], "answers EHLO with 502 no", ["EHLO", "QUIT"]),
            ([b"220 x\r\n", b"250-x\r\n250 SIZE\r\n"], "does not offer STARTTLS", ["EHLO", "QUIT"]),
            ([b"220 x\r\n", b"250 STARTTLS\r\n"], "does not offer STARTTLS", ["EHLO", "QUIT"]),
            (
                [b"220 x\r\n", b"250-x\r\n250 STARTTLS\r\n", b"454 4.7.0 not now\r\n"],
                "answers STARTTLS with 454 4.7.0 not now",
                ["EHLO", "STARTTLS", "QUIT"],
            ),
            ([b"554 " + b"x" * 400 + b"\r\n"], "greets with 554 " + "x" * 76, ["QUIT"]),
            ([b"\r\n"], "greets with ", ["QUIT"]),
        ],
    )
    def test_said_so(self, serve: Serve, replies: list[bytes], problem: str, heard: list[str]) -> None:
        server = serve(_says(*replies))
        assert _asked(server) == PortAsked("127.0.0.1", server.port, None, problem)
        server.close()
        assert [line.split()[0].decode() for line in server.heard] == heard

    @pytest.mark.parametrize("octets", [b"x" * 20_000, b"220-x\r\n" * 200, b"\0" * 20_000, b"220-" * 9_000])
    def test_rubbish(self, serve: Serve, octets: bytes) -> None:
        server = serve(lambda server, sock: sock.sendall(octets))
        assert _asked(server).problem == "does not speak SMTP"

    def test_no_word(self, serve: Serve) -> None:
        server = serve(lambda server, sock: None)
        assert _asked(server).problem == "closes the connection"

    def test_no_tls_where_it_was_promised(self, serve: Serve) -> None:
        def how(server: Server, sock: socket.socket) -> None:
            sock.sendall(b"220 mx\r\n")
            server.line(sock)
            sock.sendall(b"250-mx\r\n250 STARTTLS\r\n")
            server.line(sock)
            sock.sendall(b"220 go\r\n")
            sock.recv(4_096)
            sock.sendall(b"500 what was that?\r\n")

        assert _asked(serve(how)).problem.startswith("no handshake: ")

    @pytest.mark.parametrize("drips", [False, True])
    def test_all_of_it_has_one_limit(self, serve: Serve, drips: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        """Also where something comes now and then."""
        done = threading.Event()

        def how(server: Server, sock: socket.socket) -> None:
            while drips and not done.wait(0.02):
                sock.sendall(b"2")
            done.wait(_LIMIT)

        server = serve(how)
        monkeypatch.setattr(subject, "LIMIT", 0.3)
        try:
            assert _asked(server).problem == "no answer within 0 s"
        finally:
            done.set()

    def test_nobody_listens(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        assert ask("127.0.0.1", port, HOST, lambda: NOW) == PortAsked("127.0.0.1", port, None, "Connection refused")

    def test_one_that_cannot_be_read(self, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(subject, "read", lambda der: None)
        assert _asked(serve(_starttls())).problem == "shows no certificate that can be read"


class TestListeners:
    @pytest.mark.parametrize(
        ("bound", "asked"),
        [
            ([("0.0.0.0", 25)], [("127.0.0.1", 25)]),
            ([("::", 25)], [("::1", 25)]),
            ([("0.0.0.0", 25), ("::", 25)], [("127.0.0.1", 25)]),
            ([("192.0.2.25", 25)], [("192.0.2.25", 25)]),
            (
                [("2001:db8::25", 25), ("192.0.2.25", 25), ("::1", 25)],
                [("::1", 25), ("192.0.2.25", 25), ("2001:db8::25", 25)],
            ),
            ([("127.0.0.1", 587), ("0.0.0.0", 587), ("0.0.0.0", 465)], [("127.0.0.1", 465), ("127.0.0.1", 587)]),
            ([("::ffff:192.0.2.25", 25), ("fe80::1%eth0", 25), ("fe80::1", 25)], [("192.0.2.25", 25)]),
            ([("0.0.0.0", 2525), ("0.0.0.0", 80)], []),
            (
                [(f"192.0.2.{number}", 25) for number in range(1, 200)],
                [(f"192.0.2.{number}", 25) for number in range(1, LISTENERS + 1)],
            ),
        ],
    )
    def test_where_they_are_asked(
        self, bound: list[tuple[str, int]], asked: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        table = [_socket(psutil.CONN_LISTEN, *place) for place in bound]
        table += [_socket(psutil.CONN_ESTABLISHED, "198.51.100.1", 25), SimpleNamespace(status="LISTEN", laddr=())]
        monkeypatch.setattr(psutil, "net_connections", lambda kind: table)
        assert listeners((25, 465, 587)) == asked


def _socket(status: str, ip: str, port: int) -> SimpleNamespace:
    return SimpleNamespace(status=status, laddr=SimpleNamespace(ip=ip, port=port))


class TestAsking:
    def _until(
        self, asking: Asking, now: float, enough: Callable[[list[CertificateSeen]], bool]
    ) -> list[CertificateSeen]:
        found: list[CertificateSeen] = []
        end = time.monotonic() + _LIMIT
        while not enough(found):
            assert time.monotonic() < end
            found += asking.poll(now)
            time.sleep(0.005)
        return found

    def _asking(self, *rounds: Iterable[PortAsked]) -> tuple[Asking, list[int]]:
        begun: list[int] = []
        answers = iter(rounds)

        def ask_all() -> Iterable[PortAsked]:
            begun.append(len(begun))
            return next(answers)

        return Asking(ask_all), begun

    def _settled(self, asking: Asking, now: float) -> list[CertificateSeen]:
        return self._until(asking, now, lambda _: not asking._asking)

    def test_at_the_start_and_now_and_then(self) -> None:
        one, other = _answer(25), _answer(587)
        asking, begun = self._asking([one, PortAsked("::1", 465, None, "Connection refused"), other], [one])
        assert asking.poll(NOW) == []
        assert self._settled(asking, NOW) == [_seen(one), _seen(other)]
        asking.poll(NOW + EVERY - 1)
        assert begun == [0]
        asking.poll(NOW + EVERY)
        assert self._settled(asking, NOW + EVERY) == [_seen(one)]
        assert begun == [0, 1]

    def test_where_nobody_listens_it_looks_again_soon(self) -> None:
        asking, begun = self._asking([], [_answer(25)])
        asking.poll(NOW)
        assert self._settled(asking, NOW) == []
        asking.poll(NOW + UNTIL_SOME)
        assert len(self._settled(asking, NOW + UNTIL_SOME)) == 1
        assert begun == [0, 1]

    def test_one_that_shows_nothing_is_not_asked_again_soon(self) -> None:
        asking, begun = self._asking([PortAsked("::1", 25, None, "does not offer STARTTLS")])
        asking.poll(NOW)
        self._settled(asking, NOW)
        asking.poll(NOW + UNTIL_SOME)
        assert begun == [0]

    def test_who_listens_may_not_be_known(self) -> None:
        def refused() -> Iterable[PortAsked]:
            raise psutil.AccessDenied

        asking = Asking(refused)
        asking.poll(NOW)
        assert self._settled(asking, NOW) == []

    def test_it_keeps_nobody_waiting(self) -> None:
        go_on = threading.Event()

        def slow() -> Iterator[PortAsked]:
            yield _answer(25)
            go_on.wait(_LIMIT)
            yield _answer(587)

        asking = Asking(slow)
        try:
            assert asking.poll(NOW) == []
            assert self._until(asking, NOW, bool) == [_seen(_answer(25))]
            assert asking.poll(NOW + 10 * EVERY) == [], "one at a time"
        finally:
            go_on.set()
        assert self._settled(asking, NOW) == [_seen(_answer(587))]

    def test_the_clock_was_set_back(self) -> None:
        asking, begun = self._asking([_answer(25)], [_answer(25)])
        asking.poll(NOW)
        self._settled(asking, NOW)
        asking.at_once(NOW - 1_000_000)
        asking.poll(NOW - 1_000_000)
        self._settled(asking, NOW - 1_000_000)
        assert begun == [0, 1]


def _answer(port: int) -> PortAsked:
    said = read(DER)
    assert said is not None
    return PortAsked("127.0.0.1", port, seen(said, NOW, "host", HOST, "127.0.0.1", port, "asked"), "")


def _seen(answer: PortAsked) -> CertificateSeen:
    assert answer.seen is not None
    return answer.seen


def test_a_listener_that_says_nothing_keeps_neither_health_nor_end_waiting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(_LIMIT)
        port = silent.getsockname()[1]
        sensor = Sensor("host", Config(ports=(port,)), HOST)
        sensor.poll(0.0)
        client: socket.socket | None = None
        try:
            client, _ = silent.accept()  # from here on it waits for a greeting
            reports = 0
            end = time.monotonic() + LIMIT
            while reports < 2:
                assert time.monotonic() < end
                reports += sum(isinstance(event, SensorStatus) for event in sensor.receive(1.0))
                time.sleep(0.01)
        finally:
            began = time.monotonic()
            sensor.stop()
            if client is not None:
                client.close()
    assert time.monotonic() - began < GOODBYE / 2, "it ended by itself"
