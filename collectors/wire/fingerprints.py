"""Fingerprints of TLS clients and servers: JA3 and JA3S (Salesforce), JA4 (FoxIO).

They name the software behind a hello by what it offers and in which order. GREASE (RFC 8701) is left out.
"""

import hashlib
from collections.abc import Iterable

from collectors.wire.hellos import ALPN, SERVER_NAME, SUPPORTED_VERSIONS, ClientHello, ServerHello, is_grease

_JA4_VERSIONS = {0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3", 0x0002: "s2"}
_JA4_EMPTY = "000000000000"
_JA4_MOST = 99  # two digits; FoxIO caps the counts there


def ja3(hello: ClientHello) -> str:
    """MD5 of version, ciphers, extensions, groups and point formats in decimal, in the order sent
    (github.com/salesforce/ja3)."""
    fields = (
        str(hello.version),
        _decimal(hello.ciphers),
        _decimal(hello.extensions),
        _decimal(hello.groups),
        "-".join(map(str, hello.point_formats)),
    )
    return _md5(",".join(fields))


def ja3s(hello: ServerHello) -> str:
    """MD5 of version, cipher and extensions in decimal, in the order sent (github.com/salesforce/ja3)."""
    return _md5(f"{hello.legacy},{hello.cipher},{_decimal(hello.extensions)}")


def ja4(hello: ClientHello) -> str:
    """JA4 over TCP (github.com/FoxIO-LLC/ja4, technical_details/JA4.md)."""
    ciphers = [f"{number:04x}" for number in hello.ciphers if not is_grease(number)]
    extensions = [number for number in hello.extensions if not is_grease(number)]
    hashed = sorted(f"{number:04x}" for number in extensions if number not in (SERVER_NAME, ALPN))
    algorithms = [f"{number:04x}" for number in hello.signature_algorithms if not is_grease(number)]
    rest = ",".join(hashed)
    if algorithms:
        rest += "_" + ",".join(algorithms)
    return (
        f"t{_ja4_version(hello)}{'d' if SERVER_NAME in extensions else 'i'}"
        f"{min(len(ciphers), _JA4_MOST):02}{min(len(extensions), _JA4_MOST):02}{_ja4_alpn(hello.alpn)}"
        f"_{_sha256(','.join(sorted(ciphers))) if ciphers else _JA4_EMPTY}"
        f"_{_sha256(rest) if hashed else _JA4_EMPTY}"
    )


def _ja4_version(hello: ClientHello) -> str:
    offered = [number for number in hello.versions if not is_grease(number)]
    if SUPPORTED_VERSIONS in hello.extensions:
        return _JA4_VERSIONS.get(max(offered, default=0), "00")
    return _JA4_VERSIONS.get(hello.version, "00")


def _ja4_alpn(protocols: tuple[bytes, ...]) -> str:
    first = protocols[0] if protocols else b""
    if not first:
        return "00"
    ends = first[:1] + first[-1:]
    if ends.isalnum():
        return ends.decode("ascii")
    digits = first.hex()
    return digits[0] + digits[-1]


def _decimal(numbers: Iterable[int]) -> str:
    return "-".join([str(number) for number in numbers if not is_grease(number)])


def _md5(text: str) -> str:
    return hashlib.md5(text.encode("ascii"), usedforsecurity=False).hexdigest()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:12]
