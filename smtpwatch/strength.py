"""How strong a TLS session is: versions in order, and what of version, cipher and group is not to be used any more.

Names are IANA's as the wire tells them ("TLS_RSA_WITH_AES_128_CBC_SHA", "ffdhe2048") or OpenSSL's as logs write them
("AES128-SHA")."""

from functools import lru_cache
from typing import Literal, NamedTuple

CLEAR, OLD, TLS12, TLS13 = range(4)
"""Levels: no TLS; below TLS 1.2; TLS 1.2; TLS 1.3. What is required of a peer is one of the last three."""

_LEVELS = {"SSLv2": OLD, "SSLv3": OLD, "TLSv1.0": OLD, "TLSv1.1": OLD, "TLSv1.2": TLS12, "TLSv1.3": TLS13}
_SPELT = {"TLSv1": "TLSv1.0", "TLS1.0": "TLSv1.0", "TLS1.1": "TLSv1.1", "TLS1.2": "TLSv1.2", "TLS1.3": "TLSv1.3",
          "SSL3.0": "SSLv3", "SSL3": "SSLv3"}  # fmt: skip
"""OpenSSL's name of TLS 1.0, and those of GnuTLS."""

_GROUPS = {"X25519": "x25519", "X448": "x448", "P-256": "secp256r1", "prime256v1": "secp256r1", "P-384": "secp384r1",
           "P-521": "secp521r1"}  # fmt: skip

SMALL_CURVES = (
    "sect163k1", "sect163r1", "sect163r2", "sect193r1", "sect193r2", "secp160k1", "secp160r1", "secp160r2",
    "secp192k1", "secp192r1", "prime192v1",
)  # fmt: skip

CACHED = 1_024  # combinations; a host sees some tens, and a scanner may try them all


class Weakness(NamedTuple):
    """`grade` "broken": it must not be used; "dated": it should not. `source` is what says so."""

    grade: Literal["broken", "dated"]
    what: str
    source: str


def version_name(logged: str) -> str:
    """A version as the wire names it: `TLSv1.0` for OpenSSL's `TLSv1`."""
    return _SPELT.get(logged, logged)


def group_name(logged: str) -> str:
    """A group as the wire names it: `secp256r1` for `ECDHE (P-256)`, `x25519` for `X25519`."""
    name = logged.partition("(")[2].rstrip(")") or logged
    return _GROUPS.get(name, name)


def level(version: str | None) -> int | None:
    """OLD, TLS12 or TLS13; None for a version that is not known."""
    return _LEVELS.get(version or "")


@lru_cache(CACHED)
def weaknesses(
    version: str | None, cipher: str | None, group: str | None, resumed: bool = False
) -> tuple[Weakness, ...]:
    """What is wrong with a session, the worst first; nothing if all is well or unknown. `resumed`: its keys are
    an earlier session's, so that no group shows."""
    found = [*_of_version(version)]
    if cipher and version != "TLSv1.3":  # all suites of TLS 1.3 are sound (RFC 8446, B.4)
        found += _of_cipher(cipher.upper().replace("-", "_"))
        if group is None and not resumed and _words(cipher) & {"DHE", "EDH"}:
            found.append(Weakness("dated", "DH group unknown", "RFC 9325, 4.5"))
    if group:
        found += _of_group(group)
    return tuple(sorted(found, key=lambda each: each.grade != "broken"))


def _words(cipher: str) -> set[str]:
    return set(cipher.upper().replace("-", "_").split("_"))


def _of_version(version: str | None) -> list[Weakness]:
    if version in ("SSLv2", "SSLv3"):
        return [Weakness("broken", version, "RFC 7568" if version == "SSLv3" else "RFC 6176")]
    if level(version) == OLD:
        return [Weakness("broken", f"TLS {(version or '').removeprefix('TLSv')}", "RFC 8996")]
    return []


def _of_cipher(cipher: str) -> list[Weakness]:
    words = set(cipher.split("_"))
    found = []
    if "NULL" in words:
        found.append(Weakness("broken", "NULL cipher", "RFC 9325, 4.1"))
    if "RC4" in words:
        found.append(Weakness("broken", "RC4", "RFC 7465"))
    if words & {"EXPORT", "EXP", "EXP1024", "RC2", "DES40"} or ("DES" in words and not words & {"CBC3", "3DES"}):
        found.append(Weakness("broken", "export or 56 bit cipher", "RFC 9325, 4.1"))
    if words & {"3DES", "CBC3"}:
        found.append(Weakness("dated", "3DES", "RFC 9325, 4.1"))
    if words & {"ANON", "ADH", "AECDH"}:
        found.append(Weakness("dated", "anonymous, no certificate", "RFC 5246, F.1.1.1"))
    elif _static(cipher):
        found.append(Weakness("dated", "no forward secrecy", "RFC 9325, 4.1"))
    if cipher.endswith(("_SHA", "_SHA1")) and not words & {"NULL", "RC4"}:
        found.append(Weakness("dated", "CBC with SHA-1", "RFC 9325, 4.2"))
    if "MD5" in words:
        found.append(Weakness("dated", "MD5", "RFC 9155"))
    return found


def _static(cipher: str) -> bool:
    """The key exchange is by the server's own key: RSA, or DH and ECDH with fixed keys."""
    if cipher.startswith("TLS_"):
        return cipher.startswith(("TLS_RSA_", "TLS_DH_", "TLS_ECDH_"))
    # OpenSSL names no key exchange where it is RSA.
    return cipher.startswith(
        (
            "AES",
            "CAMELLIA",
            "ARIA",
            "SEED",
            "IDEA",
            "DES_",
            "RC4",
            "NULL",
            "ECDH_",
            "DH_",
            "RSA_AES",
            "RSA_3DES",
            "RSA_ARC",
        )
    )


def _of_group(group: str) -> list[Weakness]:
    name = group.lower()
    if name in SMALL_CURVES:
        return [Weakness("broken", f"curve {group}", "RFC 9325, 4.5")]
    digits = "".join(char for char in name if "0" <= char <= "9")
    if name.startswith(("dh", "ffdhe", "modp", digits + " bit")) and digits and int(digits[:6]) < 2048:
        return [Weakness("broken", f"DH of {digits} bits", "RFC 9325, 4.5")]
    if name.startswith("0x"):
        return [Weakness("dated", f"group {group} unknown", "IANA TLS Supported Groups")]
    return []
