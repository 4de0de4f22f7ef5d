"""The TLS of clients: what some well-known programs' hellos look like, read by the wire collector's own functions.

`POSTFIX`, `OPENSSL`, `OPENSSL12` and `OLD` are number by number what OpenSSL 3 sent in the tests' own captures, with
its fingerprints; the others are close to what such programs send, and theirs are computed, not invented."""

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
_OLDER = (0x0303, 0x0301, 0x0302, 0x0402, 0x0502, 0x0602)
_OLDEST = (0x0303, 0x0203, 0x0301, 0x0201, 0x0302, 0x0202, 0x0402, 0x0502, 0x0602)
_PADDING = 21


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
    signatures: tuple[int, ...] = _SIGNATURES,
) -> Hello:
    if not sni:
        extensions = extensions[1:]
    if _V13 not in versions:
        extensions = tuple(number for number in extensions if number not in (43, 45, 51))
    hello = ClientHello(
        min(max(versions), _V12), b"", ciphers, extensions, versions if _V13 in versions else (), groups,
        b"\0\1\2", signatures, SERVER.encode() if sni else None, (),
    )  # fmt: skip
    offered = (
        tuple(map(tls_names.version, versions)), tls_names.ciphers(ciphers), tuple(map(tls_names.group, groups)),
        SERVER if sni else None, (), ja3(hello), ja4(hello),
    )  # fmt: skip
    version, cipher, ja3s, logged = _ANSWERS[versions[0]]
    return Hello(offered, (version, cipher, "x25519", None, ja3s, False), logged, 200 + 2 * len(ciphers))


_OPENSSL = (*_C13, *_ECDHE, *_CBC2, *_DHE, 0x006B, 0x0067, 0x00FF)


def _numbers(words: str) -> tuple[int, ...]:
    return tuple(int(word, 16) for word in words.split())


_ALL = _numbers(
    "1302 1303 1301 c02c c030 00a3 009f cca9 cca8 ccaa c0af c0ad c0a3 c09f c05d c061 c057 c053 00a7 c02b "
    "c02f 00a2 009e c0ae c0ac c0a2 c09e c05c c060 c056 c052 00a6 c024 c028 006b 006a c073 c077 00c4 00c3 "
    "006d 00c5 c023 c027 0067 0040 c072 c076 00be 00bd 006c 00bf c00a c014 0039 0038 0088 0087 c019 003a "
    "0089 c009 c013 0033 0032 0045 0044 c018 0034 0046 009d c0a1 c09d c051 009c c0a0 c09c c050 003d 00c0 "
    "003c 00ba 0035 0084 002f 0041 00ff"
)
"""What Postfix offers where any encryption is better than none."""
_ALL10 = _numbers(
    "c00a c014 0039 0038 0088 0087 c019 003a 0089 c009 c013 0033 0032 0045 0044 c018 0034 0046 0035 0084 002f 0041 00ff"
)
POSTFIX = _hello(
    (_V13, _V12, _V11, _V10), _ALL, (29, 30, 23, 25, 24), (*_EXTENSIONS, _PADDING), False, _SIGNATURES + _OLDEST
)
OPENSSL = _hello((_V13, _V12), _OPENSSL, _GROUPS + _FFDHE, (*_EXTENSIONS, _PADDING), signatures=_SIGNATURES + _OLDER)
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
OPENSSL12 = _hello((_V12,), _OPENSSL[3:], signatures=_SIGNATURES + _OLDER)
SCHANNEL12 = _hello((_V12,), (*_ECDHE[:4], *_CBC2, *_CBC), (29, 23, 24), (0, 10, 11, 13, 35, 23, 65281))
OLD = _hello((_V10,), _ALL10, extensions=(0, 11, 10, 35, 22, 23), signatures=())
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
