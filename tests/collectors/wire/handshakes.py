"""TLS handshakes for the tests: real ones between two in-memory peers, and hellos built by hand."""

import contextlib
import shutil
import ssl
import struct
import subprocess
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from collectors.wire.tls import Handshake
from collectors.wire.tls_failures import Peer

Flight = tuple[Peer, bytes]
Told = tuple[type, tuple[Any, ...]]

NAME = "mx.example.net"
TLS10, TLS11 = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
LOW = "DEFAULT:@SECLEVEL=0"
KINDS = (
    "TLS 1.3",
    "TLS 1.3, retried",
    "TLS 1.2",
    "TLS 1.2, resumed",
    "TLS 1.2, DHE",
    "TLS 1.0",
    "no common version",
    "TLS 1.2, unknown CA",
    "TLS 1.3, unknown CA",
    "TLS 1.2, no client certificate",
)
needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is missing")


class Certificates:
    """Self-signed certificates for NAME, and DH parameters, made by the openssl command in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._make("ec", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
        self._make("rsa", "-newkey", "rsa:2048")
        for group in ("ffdhe2048", "ffdhe3072", "modp_2048"):
            self._openssl(*f"genpkey -genparam -algorithm DH -pkeyopt group:{group} -out {group}".split())

    def _make(self, name: str, *key: str) -> None:
        files = f"-keyout {name}.key -out {name}.pem"
        subject = f"-subj /CN={NAME} -addext subjectAltName=DNS:{NAME}"
        self._openssl(*f"req -x509 -nodes -days 30 {subject} {files}".split(), *key)

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    def server(self, key: str = "ec", **settings: Any) -> ssl.SSLContext:
        """A server's context with the certificate `key`; `settings` as in `_context`."""
        context = _context(ssl.PROTOCOL_TLS_SERVER, **settings)
        context.load_cert_chain(self.folder / f"{key}.pem", self.folder / f"{key}.key")
        return context

    def client(self, **settings: Any) -> ssl.SSLContext:
        """A client's context that trusts both certificates."""
        context = _context(ssl.PROTOCOL_TLS_CLIENT, **settings)
        context.load_verify_locations(self.folder / "ec.pem")
        context.load_verify_locations(self.folder / "rsa.pem")
        return context

    def dh(self, context: ssl.SSLContext, group: str) -> ssl.SSLContext:
        """`context` with the finite-field `group` for DHE."""
        context.load_dh_params(str(self.folder / group))
        return context


def _context(
    protocol: int,
    version: ssl.TLSVersion | None = None,
    ciphers: str | None = None,
    curve: str | None = None,
    alpn: Sequence[str] = (),
) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    if version is not None:
        with warnings.catch_warnings():  # Python deprecates TLS 1.0 and 1.1; old mail hosts speak them still
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = version
    if ciphers is not None:
        context.set_ciphers(ciphers)
    if curve is not None:
        context.set_ecdh_curve(curve)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


@dataclass
class Played:
    """A handshake as it went over the wire, and what each side's ssl object came to.

    OpenSSL forgets a server's session with its connection, so both are held."""

    flights: list[Flight]
    client: ssl.SSLObject
    server: ssl.SSLObject
    errors: dict[Peer, ssl.SSLError]


def play(client: ssl.SSLContext, server: ssl.SSLContext, session: ssl.SSLSession | None = None) -> Played:
    """Run a handshake between the two, in memory, to its end; the client then reads any session tickets."""
    inputs = {"client": ssl.MemoryBIO(), "server": ssl.MemoryBIO()}
    outputs = {"client": ssl.MemoryBIO(), "server": ssl.MemoryBIO()}
    peers: dict[Peer, ssl.SSLObject] = {
        "client": client.wrap_bio(inputs["client"], outputs["client"], server_hostname=NAME, session=session),
        "server": server.wrap_bio(inputs["server"], outputs["server"], server_side=True),
    }
    played = Played([], peers["client"], peers["server"], {})
    for _ in range(4):
        for peer, tls in peers.items():
            if peer not in played.errors:
                try:
                    tls.do_handshake()
                except ssl.SSLWantReadError:
                    pass
                except ssl.SSLError as error:
                    played.errors[peer] = error
            sent = outputs[peer].read()
            if sent:
                played.flights.append((peer, sent))
                inputs["server" if peer == "client" else "client"].write(sent)
    if not played.errors:
        with contextlib.suppress(ssl.SSLWantReadError):
            peers["client"].read()
    return played


def told(flights: Iterable[Flight], closed_by: Any = "client", implicit: bool = False) -> list[Told]:
    """What a Handshake tells of the flights, each given as it is; `closed_by` None: the connection stays."""
    heard: list[Told] = []
    handshake = Handshake(implicit, lambda kind, *fields: heard.append((kind, fields)))
    for peer, octets in flights:
        (handshake.client if peer == "client" else handshake.server)(octets)
    if closed_by is not None:
        handshake.closed(closed_by)
    return heard


def only(kind: type, heard: Sequence[Told]) -> tuple[Any, ...]:
    (fields,) = [fields for told_kind, fields in heard if told_kind is kind]
    return fields


def kinds(heard: Sequence[Told]) -> list[type]:
    return [kind for kind, _ in heard]


def chopped(flights: Iterable[Flight], size: int) -> list[Flight]:
    """The same octets in segments of `size`."""
    return [(peer, sent[at : at + size]) for peer, sent in flights for at in range(0, len(sent), size)]


def record(content: int, body: bytes, version: int = 0x0303) -> bytes:
    return struct.pack("!BHH", content, version, len(body)) + body


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


def alert(level: int, code: int) -> bytes:
    return record(21, bytes([level, code]))


def vector(size: int, body: bytes) -> bytes:
    return len(body).to_bytes(size, "big") + body


def u16s(numbers: Iterable[int]) -> bytes:
    return b"".join(number.to_bytes(2, "big") for number in numbers)


def extensions(pairs: Iterable[tuple[int, bytes]]) -> bytes:
    return vector(2, b"".join(u16s([kind]) + vector(2, body) for kind, body in pairs))


def server_name(name: bytes) -> bytes:
    return vector(2, b"\0" + vector(2, name))


def client_hello(ciphers: Iterable[int], pairs: Iterable[tuple[int, bytes]] | None, version: int = 0x0303) -> bytes:
    """A ClientHello in one record; `pairs` are extension types with their data, None: none at all."""
    body = u16s([version]) + bytes(32) + b"\0" + vector(2, u16s(ciphers)) + b"\1\0"
    return record(22, message(1, body if pairs is None else body + extensions(pairs)), 0x0301)


def server_hello(cipher: int, pairs: Iterable[tuple[int, bytes]] | None, version: int = 0x0303) -> bytes:
    """A ServerHello in one record; `pairs` as in client_hello."""
    body = u16s([version]) + bytes(32) + b"\0" + u16s([cipher]) + b"\0"
    return record(22, message(2, body if pairs is None else body + extensions(pairs)))
