"""The part of a TLS handshake that travels in clear, told as events (RFC 8446; RFC 5246 for TLS 1.2).

Up to TLS 1.2 that is everything before each side's ChangeCipherSpec, in TLS 1.3 the hellos and little more.
"""

from collections.abc import Callable
from typing import Literal

from collectors.wire import hellos, tls_names
from collectors.wire.fingerprints import ja3, ja3s, ja4
from collectors.wire.tls_failures import Offer, Peer, goodbye, reason, silence
from collectors.wire.tls_records import ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, Direction, Item
from smtpwatch import events as ev

Emit = Callable[..., None]
"""Called as emit(event type, *its fields after `source`)."""

HELLO_OCTETS = 1 << 14  # one full record; with post-quantum key shares and a ticket a hello has about 4 kB
CERTIFICATE_OCTETS = 1 << 14  # of a Certificate message, whose first is the server's own; with 100 names it has 5 kB
KEY_EXCHANGE_OCTETS = 256  # ServerKeyExchange up to the curve or the prime's start, PSK hint included
NAMES_TOLD = 256  # of ciphers, of groups, of protocols; OpenSSL with everything on offers 160 ciphers
NAME_OCTETS = 255  # of a server name (RFC 1035, 2.3.4)

CLIENT_HELLO = 1
SERVER_HELLO = 2
CERTIFICATE = 11
SERVER_KEY_EXCHANGE = 12
SERVER_HELLO_DONE = 14
_MESSAGES = {
    CLIENT_HELLO: "ClientHello",
    SERVER_HELLO: "ServerHello",
    CERTIFICATE: "Certificate",
    SERVER_KEY_EXCHANGE: "ServerKeyExchange",
    13: "CertificateRequest",
    SERVER_HELLO_DONE: "ServerHelloDone",
    15: "CertificateVerify",
    16: "ClientKeyExchange",
}
_KEPT_OF_CLIENT = {CLIENT_HELLO: HELLO_OCTETS}
_KEPT_OF_SERVER = {SERVER_HELLO: HELLO_OCTETS, SERVER_KEY_EXCHANGE: KEY_EXCHANGE_OCTETS}
_KEPT_OF_OUR_SERVER = {**_KEPT_OF_SERVER, CERTIFICATE: CERTIFICATE_OCTETS}

_WARNING = 1
_FATAL = 2
_CLOSE_NOTIFY = 0


def looks_like_client_hello(data: bytes) -> bool:
    """Whether a client's first octets (3 suffice) are those of a TLS handshake record with a ClientHello."""
    return data[:2] == b"\x16\x03" and b"\0" <= data[2:3] <= b"\4" and data[5:6] in (b"", b"\1")


def looks_like_record(data: bytes) -> bool:
    """Whether octets (2 suffice) are those of a TLS record, and neither a reply nor a command."""
    return data[1:2] == b"\x03" and CHANGE_CIPHER_SPEC <= data[0] <= APPLICATION_DATA


class Handshake:
    """One connection's handshake, fed with the payload of each direction in order.

    Tells TlsOffered, TlsNegotiated and TlsFailed, each at most once. Any octets are taken; what is no TLS,
    or cannot be read on, ends that direction without a word. `certificate`, if given, is called once at most, with the
    server's own (DER, or whatever stands there)."""

    __slots__ = (
        "_certificate", "_chosen", "_client", "_emit", "_failed", "_goodbye", "_implicit", "_latest", "_offer",
        "_retried", "_server", "_session_id", "_untold",
    )  # fmt: skip

    def __init__(self, implicit: bool, emit: Emit, certificate: Callable[[bytes], None] | None = None) -> None:
        self._implicit = implicit
        self._emit = emit
        self._certificate = certificate
        self._client = Direction(_KEPT_OF_CLIENT)
        self._server = Direction(_KEPT_OF_SERVER if certificate is None else _KEPT_OF_OUR_SERVER)
        self._offer: Offer | None = None
        self._session_id = b""
        self._retried = False
        """A HelloRetryRequest was seen."""
        self._chosen: hellos.ServerHello | None = None
        self._untold = False
        """TlsNegotiated waits for ServerKeyExchange, which names the group."""
        self._failed = False
        self._goodbye: Peer | None = None
        """Who sent close_notify in clear."""
        self._latest = ""
        """The latest message of either side, by name."""

    def client(self, data: bytes) -> bool:
        """Take in the client's next octets. False once no more of them are wanted."""
        for item in self._client.read(data):
            if item[0] == HANDSHAKE:
                self._client_message(item[1], item[2])
            else:
                self._other_record(self._client, item)
        return self._client.open

    def server(self, data: bytes) -> bool:
        """Take in the server's next octets. False once no more of them are wanted."""
        for item in self._server.read(data):
            if item[0] == HANDSHAKE:
                self._server_message(item[1], item[2])
            else:
                self._other_record(self._server, item)
        if self._server.lost:
            self._tell_negotiated(None)
        return self._server.open

    def gap(self, from_client: bool) -> None:
        """Octets of that direction are missing here: it is read no further, what is known stays."""
        direction = self._client if from_client else self._server
        if direction.open:
            direction.give_up()
            if not from_client:
                self._tell_negotiated(None)

    def closed(self, by: Literal["client", "server", "nobody"]) -> None:
        """The connection ended. TlsFailed if the handshake is known not to have come to its end."""
        self._tell_negotiated(None)
        if self._failed or self._offer is None or not self._stopped(by):
            return
        self._failed = True
        if self._goodbye is None:
            self._emit(ev.TlsFailed, by, None, silence(by, self._latest))
        else:
            self._emit(ev.TlsFailed, self._goodbye, "close_notify", goodbye(self._goodbye, self._latest))

    def _stopped(self, by: str) -> bool:
        """Whether silence means that the handshake stopped, not that it went dark or out of sight."""
        if self._client.lost or self._server.lost:
            return False
        if not self._server.seen:
            return by == "server"  # its FIN or RST is proof that this direction is captured too
        if self._chosen is None:
            return not self._server.dark
        if self._chosen.version >= hellos.TLS13:
            return not self._client.dark
        return not (self._client.dark and self._server.dark)

    def _client_message(self, kind: int, body: bytes) -> None:
        if self._offer is None:
            hello = hellos.client_hello(body) if kind == CLIENT_HELLO else None
            if hello is None:
                self._client.give_up()
                return
            self._offered(hello)
        self._latest = _MESSAGES.get(kind, self._latest)

    def _offered(self, hello: hellos.ClientHello) -> None:
        self._session_id = hello.session_id
        self._offer = offer = _offer(hello)
        self._emit(ev.TlsOffered, self._implicit, *offer, ja3(hello), ja4(hello))

    def _server_message(self, kind: int, body: bytes) -> None:
        if self._chosen is None:
            hello = hellos.server_hello(body) if kind == SERVER_HELLO else None
            if hello is None:
                self._server.give_up()
            elif hello.retry:
                self._retried = True
                self._latest = "HelloRetryRequest"
            else:
                self._latest = _MESSAGES[kind]
                self._choose(hello)
            return
        self._latest = _MESSAGES.get(kind, self._latest)
        if kind == SERVER_KEY_EXCHANGE:
            self._tell_negotiated(hellos.key_exchange_group(tls_names.cipher(self._chosen.cipher), body))
        elif kind == SERVER_HELLO_DONE:
            self._tell_negotiated(None)
        elif kind == CERTIFICATE and self._certificate is not None:
            tell, self._certificate = self._certificate, None
            leaf = hellos.first_certificate(body)
            if leaf:
                tell(leaf)

    def _choose(self, hello: hellos.ServerHello) -> None:
        self._chosen = hello
        self._untold = True
        if hello.version >= hellos.TLS13:
            self._tell_negotiated(hello.group)
            self._server.darken()
        elif self._resumed(hello):
            self._tell_negotiated(None)

    def _resumed(self, hello: hellos.ServerHello) -> bool | None:
        if hello.version >= hellos.TLS13:
            return hello.pre_shared_key
        if self._offer is None:
            return None
        return hello.session_id != b"" and hello.session_id == self._session_id

    def _tell_negotiated(self, group: int | None) -> None:
        hello = self._chosen
        if hello is None or not self._untold:
            return
        self._untold = False
        self._emit(
            ev.TlsNegotiated,
            tls_names.version(hello.version),
            tls_names.cipher(hello.cipher),
            None if group is None else tls_names.group(group),
            None if hello.alpn is None else _text(hello.alpn),
            ja3s(hello),
            self._resumed(hello),
            self._implicit,
        )

    def _other_record(self, direction: Direction, item: Item) -> None:
        content, number, _ = item
        if content == ALERT:
            self._alert(direction, *divmod(number, 256))
        elif content != CHANGE_CIPHER_SPEC:
            direction.darken()
        elif not self._in_tls13():
            self._latest = "ChangeCipherSpec"
            direction.darken()
        if direction is self._server and direction.dark:
            self._tell_negotiated(None)

    def _in_tls13(self) -> bool:
        """TLS 1.3 sends ChangeCipherSpec for middleboxes' sake alone (RFC 8446, D.4); it ends nothing."""
        return self._retried or (self._chosen is not None and self._chosen.version >= hellos.TLS13)

    def _alert(self, direction: Direction, level: int, code: int) -> None:
        by: Peer = "client" if direction is self._client else "server"
        if level not in (_WARNING, _FATAL):
            direction.give_up()
        elif code == _CLOSE_NOTIFY:
            self._goodbye = by
            direction.finish()
        elif level == _FATAL:
            self._failed = True
            self._tell_negotiated(None)
            alert = tls_names.alert(code)
            version = None if self._chosen is None else tls_names.version(self._chosen.version)
            self._emit(ev.TlsFailed, by, alert, reason(by, alert, self._offer, version))
            self._client.finish()
            self._server.finish()


def _offer(hello: hellos.ClientHello) -> Offer:
    versions = sorted((number for number in hello.versions if not hellos.is_grease(number)), reverse=True)
    return Offer(
        tuple([tls_names.version(number) for number in versions[:NAMES_TOLD] or [hello.version]]),
        tls_names.ciphers(_real(hello.ciphers)),
        tuple([tls_names.group(number) for number in _real(hello.groups)]),
        None if hello.sni is None else _text(hello.sni[:NAME_OCTETS]),
        tuple([_text(protocol) for protocol in hello.alpn[:NAMES_TOLD]]),
    )


def _real(numbers: tuple[int, ...]) -> list[int]:
    return [number for number in numbers[:NAMES_TOLD] if not hellos.is_grease(number)]


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "backslashreplace")
