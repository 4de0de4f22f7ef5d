"""What ClientHello, ServerHello, Certificate and ServerKeyExchange say (RFC 8446, 4.1; RFC 5246, 7.4; RFC 8422, 5)."""

import struct
from typing import NamedTuple

SERVER_NAME = 0
SUPPORTED_GROUPS = 10
EC_POINT_FORMATS = 11
SIGNATURE_ALGORITHMS = 13
ALPN = 16
PRE_SHARED_KEY = 41
SUPPORTED_VERSIONS = 43
KEY_SHARE = 51

TLS13 = 0x0304
RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""The random value that makes a ServerHello a HelloRetryRequest (RFC 8446, 4.1.3)."""

# The primes of RFC 7919 begin alike (64 ones, then the digits of e), so the length tells which one it is.
_FFDHE_START = bytes.fromhex("ffffffffffffffffadf85458a2bb4a9aafdc5620273d3cf1")
_FFDHE_GROUPS = {256: 0x0100, 384: 0x0101, 512: 0x0102, 768: 0x0103, 1024: 0x0104}

_U16 = struct.Struct("!H")
_EXTENSION = struct.Struct("!HH")


class ClientHello(NamedTuple):
    """Numbers as sent, in order, GREASE (RFC 8701) included; `extensions` are their types."""

    version: int
    session_id: bytes
    ciphers: tuple[int, ...]
    extensions: tuple[int, ...]
    versions: tuple[int, ...]
    groups: tuple[int, ...]
    point_formats: bytes
    signature_algorithms: tuple[int, ...]
    sni: bytes | None
    alpn: tuple[bytes, ...]


class ServerHello(NamedTuple):
    """`legacy` is the version field, `version` what was chosen in truth, `group` that of key_share."""

    legacy: int
    version: int
    retry: bool
    session_id: bytes
    cipher: int
    extensions: tuple[int, ...]
    group: int | None
    pre_shared_key: bool
    alpn: bytes | None


class _MalformedError(Exception):
    """A length contradicts another."""


def is_grease(number: int) -> bool:
    """Whether a cipher suite, group, extension, version or the like is one of RFC 8701's placeholders."""
    return number & 0x0F0F == 0x0A0A and number >> 8 == number & 0xFF


def client_hello(body: bytes) -> ClientHello | None:
    """A ClientHello's body (without the handshake header); None where it contradicts itself."""
    try:
        version = _u16(body, 0)
        session_id, at = _vector(body, 34, 1)
        ciphers, at = _vector(body, at, 2)
        _, at = _vector(body, at, 1)
        extensions, found = _extensions(body, at)
        return ClientHello(
            version,
            session_id,
            _u16s(ciphers),
            extensions,
            _listed(found.get(SUPPORTED_VERSIONS), 1),
            _listed(found.get(SUPPORTED_GROUPS), 2),
            _vector(found[EC_POINT_FORMATS], 0, 1)[0] if EC_POINT_FORMATS in found else b"",
            _listed(found.get(SIGNATURE_ALGORITHMS), 2),
            _host_name(found.get(SERVER_NAME, b"")),
            _protocols(found.get(ALPN, b"")),
        )
    except _MalformedError:
        return None


def server_hello(body: bytes) -> ServerHello | None:
    """A ServerHello's body (without the handshake header); None where it contradicts itself."""
    try:
        legacy = _u16(body, 0)
        session_id, at = _vector(body, 34, 1)
        cipher = _u16(body, at)
        extensions, found = _extensions(body, at + 3)
        protocols = _protocols(found.get(ALPN, b""))
        return ServerHello(
            legacy,
            _u16(found[SUPPORTED_VERSIONS], 0) if SUPPORTED_VERSIONS in found else legacy,
            body[2:34] == RETRY,
            session_id,
            cipher,
            extensions,
            _u16(found[KEY_SHARE], 0) if KEY_SHARE in found else None,
            PRE_SHARED_KEY in found,
            protocols[0] if protocols else None,
        )
    except _MalformedError:
        return None


def key_exchange_group(cipher: str, body: bytes) -> int | None:
    """The group number in a ServerKeyExchange (RFC 8422, 5.4; RFC 5246, 7.4.3; RFC 4279, 3; RFC 5489, 2).

    `cipher` is the suite's IANA name; `body` may be cut short. None: the exchange names no group."""
    exchange = cipher.partition("_WITH_")[0]
    try:
        at = _vector(body, 0, 2)[1] if "_PSK" in exchange else 0
        if "ECDH" in exchange:
            named_curve = body[at : at + 1] == b"\x03"
            return _u16(body, at + 1) if named_curve else None
        if "DH" in exchange and body.startswith(_FFDHE_START, at + 2):
            return _FFDHE_GROUPS.get(_u16(body, at))
    except _MalformedError:
        pass
    return None


def first_certificate(body: bytes) -> bytes:
    """The sender's own certificate in a Certificate message up to TLS 1.2 (RFC 5246, 7.4.2); its issuers' follow it.

    `body` may be cut short behind it. Empty where there is none, or it is not whole."""
    try:
        return _vector(body, 3, 3)[0]
    except _MalformedError:
        return b""


def _u16(data: bytes, at: int) -> int:
    try:
        return int(_U16.unpack_from(data, at)[0])
    except struct.error:
        raise _MalformedError from None


def _u16s(data: bytes) -> tuple[int, ...]:
    if len(data) % 2:
        raise _MalformedError
    return struct.unpack(f"!{len(data) // 2}H", data)


def _vector(data: bytes, at: int, size: int) -> tuple[bytes, int]:
    """A vector with a length of `size` octets in front, and where it ends."""
    start = at + size
    end = start + int.from_bytes(data[at:start], "big")
    if end > len(data):
        raise _MalformedError
    return data[start:end], end


def _listed(extension: bytes | None, size: int) -> tuple[int, ...]:
    return () if extension is None else _u16s(_vector(extension, 0, size)[0])


def _extensions(body: bytes, at: int) -> tuple[tuple[int, ...], dict[int, bytes]]:
    """The types in order, and the data of each; a hello may end before them (RFC 5246, 7.4.1.2)."""
    if at == len(body):
        return (), {}
    data, _ = _vector(body, at, 2)
    kinds: list[int] = []
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        if at + _EXTENSION.size > len(data):
            raise _MalformedError
        kind, length = _EXTENSION.unpack_from(data, at)
        at += _EXTENSION.size
        if at + length > len(data):
            raise _MalformedError
        kinds.append(kind)
        found[kind] = data[at : at + length]
        at += length
    return tuple(kinds), found


def _host_name(extension: bytes) -> bytes | None:
    """The name in server_name (RFC 6066, 3); None where there is none, as in a server's empty answer."""
    if not extension:
        return None
    names, _ = _vector(extension, 0, 2)
    if names[:1] != b"\x00":
        return None
    return _vector(names, 1, 2)[0]


def _protocols(extension: bytes) -> tuple[bytes, ...]:
    if not extension:
        return ()
    names, _ = _vector(extension, 0, 2)
    found: list[bytes] = []
    at = 0
    while at < len(names):
        name, at = _vector(names, at, 1)
        found.append(name)
    return tuple(found)
