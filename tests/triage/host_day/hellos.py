"""The TLS of clients: what some well-known programs' hellos look like, read by the wire collector's own functions.

`POSTFIX`, `OPENSSL`, `OLD` and `SURVEY` have the ciphers and groups that OpenSSL sends in the tests' own captures; the
others are close to what such programs send, and their fingerprints are computed, not invented."""

from __future__ import annotations

from typing import NamedTuple

from collectors.wire import tls_names
from collectors.wire.fingerprints import ja3, ja4
from collectors.wire.hellos import ClientHello
from smtpwatch import events as ev

SERVER = "mx.north.example"
_V13, _V12, _V11, _V10 = 0x0304, 0x0303, 0x0302, 0x0301
_C13 = (0x1302, 0x1303, 0x1301)
_ECDHE = (0xC02C, 0xC030, 0xC02B, 0xC02F, 0xCCA9, 0xCCA8)
_DHE = (0x009F, 0x009E)
_CBC2 = (0xC024, 0xC028, 0xC023, 0xC027)
_CBC = (0xC00A, 0xC014, 0xC009, 0xC013, 0x0035, 0x002F)
_GROUPS = (29, 23, 30, 25, 24)
_FFDHE = (256, 257, 258, 259, 260)
_EXTENSIONS = (0, 11, 10, 35, 22, 23, 13, 43, 45, 51)
_SIGNATURES = (0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0809, 0x080A, 0x080B, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501,
               0x0601)  # fmt: skip


class Hello(NamedTuple):
    """What TlsOffered has behind `implicit`, and how the handshake ends with our server: TlsNegotiated's first fields
    and the words of Postfix's log line. `octets` is about its size."""

    offered: tuple[object, ...]
    chosen: tuple[object, ...]
    logged: str
    octets: int


_SIGNED = "key-exchange X25519 server-signature ECDSA (prime256v1) server-digest SHA256"
_ANSWERS: dict[int, tuple[str, str, str, str]] = {  # version, cipher, JA3S, the log's words; JA3S as captured
    _V13: ("TLSv1.3", "TLS_AES_256_GCM_SHA384", "15af977ce25de452b96affa2addb1036",
           f"TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) {_SIGNED}"),
    _V12: ("TLSv1.2", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "abade5a4a7f42baf54766e5d108283b6",
           "TLSv1.2 with cipher ECDHE-ECDSA-AES256-GCM-SHA384 (256/256 bits)"),
    _V10: ("TLSv1.0", "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ef11b7c1bd520da6824fcd0cf876de79",
           "TLSv1 with cipher ECDHE-ECDSA-AES256-SHA (256/256 bits)"),
}  # fmt: skip


def _hello(
    versions: tuple[int, ...],
    ciphers: tuple[int, ...],
    groups: tuple[int, ...] = _GROUPS,
    extensions: tuple[int, ...] = _EXTENSIONS,
    sni: bool = True,
) -> Hello:
    if not sni:
        extensions = extensions[1:]
    if _V13 not in versions:
        extensions = tuple(number for number in extensions if number not in (43, 45, 51))
    hello = ClientHello(
        min(max(versions), _V12), b"", ciphers, extensions, versions if _V13 in versions else (), groups,
        b"\0\1\2", _SIGNATURES, SERVER.encode() if sni else None, (),
    )  # fmt: skip
    offered = (
        tuple(map(tls_names.version, versions)), tls_names.ciphers(ciphers), tuple(map(tls_names.group, groups)),
        SERVER if sni else None, (), ja3(hello), ja4(hello),
    )  # fmt: skip
    version, cipher, ja3s, logged = _ANSWERS[versions[0]]
    return Hello(offered, (version, cipher, "x25519", None, ja3s, False), logged, 200 + 2 * len(ciphers))


_OPENSSL = (*_C13, *_ECDHE, *_CBC2, *_DHE, 0x006B, 0x0067, 0x00FF)
POSTFIX = _hello((_V13, _V12, _V11, _V10), (*_C13, *_ECDHE, *_DHE, 0xCCAA, *_CBC2, *_CBC, 0x00FF), _GROUPS + _FFDHE)
OPENSSL = _hello((_V13, _V12), _OPENSSL, _GROUPS + _FFDHE)
EXIM = _hello(
    (_V13, _V12),
    (*_C13, 0x1304, *_ECDHE, *_CBC, *_DHE),
    (23, 24, 25, 29, 30, 256),
    (5, 0, 10, 11, 13, 22, 23, 35, 43, 45, 51),
)
BORING = _hello(
    (_V13, _V12), (0x1301, 0x1302, 0x1303, *_ECDHE, *_CBC), (29, 23, 24), (0, 23, 65281, 10, 11, 35, 13, 51, 45, 43)
)
SCHANNEL = _hello(
    (_V13, _V12), (0x1302, 0x1301, *_ECDHE[:4], *_CBC2, *_CBC), (29, 23, 24), (0, 10, 11, 13, 35, 23, 43, 45, 51, 65281)
)
JAVA = _hello(
    (_V13, _V12),
    (*_C13, *_ECDHE, *_DHE, *_CBC2, 0x00FF),
    (29, 23, 24, 25, 256, 257),
    (0, 5, 10, 11, 17, 23, 43, 13, 45, 51),
)
GO = _hello(
    (_V13, _V12),
    (*_ECDHE[:4], *_CBC[:4], 0x1301, 0x1302, 0x1303),
    (29, 23, 24, 25),
    (0, 5, 10, 11, 13, 65281, 18, 43, 51),
)
APPLE = _hello(
    (_V13, _V12),
    (0x1301, 0x1302, 0x1303, *_ECDHE, *_CBC[:4]),
    (29, 23, 24, 25),
    (0, 23, 65281, 10, 11, 16, 5, 13, 18, 51, 45, 43),
)
OPENSSL12 = _hello((_V12,), (*_ECDHE, *_CBC2, *_DHE, 0x006B, 0x0067, 0x00FF))
SCHANNEL12 = _hello((_V12,), (*_ECDHE[:4], *_CBC2, *_CBC), (29, 23, 24), (0, 10, 11, 13, 35, 23, 65281))
OLD = _hello((_V10,), (*_CBC, 0x0039, 0x0033, 0x00FF))
SURVEY = _hello((_V13, _V12), (*_C13, *_ECDHE, *_CBC, *_DHE), (29, 23, 24), sni=False)
_EXPORT = (0x0005, 0x0004, 0x000A, 0x0009)
EXPORT_CIPHERS = tls_names.ciphers(_EXPORT)
EXPORT = _hello((_V12,), _EXPORT, (), (0, 35, 23, 13), sni=False)
"""With nothing that our server takes."""

SERVERS = (POSTFIX, POSTFIX, OPENSSL, EXIM, EXIM, BORING, SCHANNEL, JAVA, GO)
SERVERS12 = (OPENSSL12, OPENSSL12, SCHANNEL12)
PROGRAMS = (SCHANNEL, SCHANNEL, OPENSSL, APPLE, JAVA)  # Outlook, Thunderbird and the like
PHONES = (APPLE, BORING)


def offered(hello: Hello, time: float, rest: tuple[str, str, int, str], implicit: bool) -> ev.TlsOffered:
    """The ClientHello."""
    return ev.TlsOffered(time, *rest, implicit, *hello.offered)  # type: ignore[arg-type]


def negotiated(hello: Hello, time: float, rest: tuple[str, str, int, str], implicit: bool) -> ev.TlsNegotiated:
    """The ServerHello."""
    return ev.TlsNegotiated(time, *rest, *hello.chosen, implicit)  # type: ignore[arg-type, call-arg]
