"""IANA's names for TLS numbers (iana.org/assignments/tls-parameters): cipher suites, groups and alerts.

The table is tls-parameters.txt beside this file, read when the first name is asked for.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files

_VERSIONS = {0x0300: "SSLv3", 0x0301: "TLSv1.0", 0x0302: "TLSv1.1", 0x0303: "TLSv1.2", 0x0304: "TLSv1.3"}


@cache
def _registry() -> Mapping[str, Mapping[int, str]]:
    """Names by number, by registry: lines of `hex name` under a line `[registry]`."""
    tables: dict[str, dict[int, str]] = {}
    for line in (files(__package__) / "tls-parameters.txt").read_text("ascii").splitlines():
        if line.startswith("["):
            table = tables[line.strip("[]")] = {}
        elif line and not line.startswith("#"):
            number, _, name = line.partition(" ")
            table[int(number, 16)] = name
    return tables


def cipher(number: int) -> str:
    """A cipher suite's name: "TLS_AES_256_GCM_SHA384", "0xNNNN" where IANA has none."""
    return _registry()["ciphers"].get(number) or f"0x{number:04X}"


def ciphers(numbers: Iterable[int]) -> tuple[str, ...]:
    """Names of several cipher suites, in their order."""
    table = _registry()["ciphers"]
    return tuple([table.get(number) or f"0x{number:04X}" for number in numbers])


def group(number: int) -> str:
    """A supported group's name: "x25519", "X25519MLKEM768", "0xNNNN" where IANA has none."""
    return _registry()["groups"].get(number) or f"0x{number:04X}"


def alert(number: int) -> str:
    """An alert's name (RFC 8446, 6, and IANA's later ones): "unknown_ca", "0xNN" where IANA has none."""
    return _registry()["alerts"].get(number) or f"0x{number:02X}"


def version(number: int) -> str:
    """A protocol version's usual name: "TLSv1.2", "0xNNNN" for any other number (drafts of TLS 1.3 too)."""
    return _VERSIONS.get(number) or f"0x{number:04X}"
