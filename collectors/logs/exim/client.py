"""The client as Exim's lines name it, and other pieces that they share."""

from __future__ import annotations

import re
from typing import NamedTuple

from collectors.logs.addresses import address

WORD = r'(?:[^\s"\\]++|"(?:[^"\\]|\\.)*+"|\\.)++'
"""A mailbox, or a Message-ID, that stands between blanks: blanks of its own are quoted."""

_IP = r"\[([0-9A-Fa-f:.]{2,45}(?:%\w+)?)\](?::(\d{1,5}))?"
_HELO = r"\(((?:[^)]++|\)(?! \[[0-9A-Fa-f:.]{2,45}(?:%\w+)?\]))*+)\) "  # to the first address behind a parenthesis
_CLIENT = re.compile(
    rf"(?:([\w.:-]++) )?(?:{_HELO})?{_IP}(?: I={_IP})?(?: U=(\S++))?(?: Ci=\w++)?", re.ASCII | re.DOTALL
)
_ANOTHER = re.compile(r"\) \[[0-9A-Fa-f:.]{2,45}(?:%\w+)?\](?::\d{1,5})?(?:[ :,)]|$)", re.ASCII)
_SUBMISSION_PORTS = (465, 587)


class Client(NamedTuple):
    """`H=name (helo) [source]:port I=[server]:server_port U=ident`, of which all but the source may be missing. The
    name is one that Exim has verified. `end` is where the rest of the line begins."""

    source: str
    port: int
    name: str
    helo: str | None
    server: str
    server_port: int
    ident: str
    end: int

    @property
    def service(self) -> str:
        return "submission" if self.server_port in _SUBMISSION_PORTS else "smtp"


def client(text: str, at: int) -> Client | None:
    """The client that `text` names at `at`, None where there is none, or where it could be either of two.

    HELO is the client's own text. Exim takes only names and address literals for one, unless it is told otherwise
    (helo_accept_junk_hosts): then a HELO may look like the rest of a line, with an address of its choice. Such a line
    has a second address behind a parenthesis."""
    match = _CLIENT.match(text, at)
    if match is None:
        return None
    name, helo, ip, port, server, server_port, ident = match.groups()
    end = match.end()
    if helo is not None and text.find(") [", end) >= 0 and _ANOTHER.search(text, end) is not None:
        return None
    source = address(ip)
    if not source:
        return None
    ours = address(server) if server else ""
    return Client(source, int(port or 0), name or "", helo, ours, int(server_port or 0), ident or "", end)


def cipher(text: str) -> tuple[str, str, int]:
    """(version, cipher, bits) of `X=TLS1.3:ECDHE_RSA_AES_256_GCM_SHA384:256`, as GnuTLS or OpenSSL name them; a resumed
    session has an asterisk at the end."""
    version, _, rest = text.rstrip("*").partition(":")
    name, _, bits = rest.rpartition(":")
    if not name or not (bits.isascii() and bits.isdecimal()):
        return version, rest, 0
    return version, name, int(bits[:6])


_UNIT = {"w": 604_800.0, "d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0}
_AMOUNT = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)([wdhms])", re.ASCII)


def seconds(text: str | None) -> float | None:
    """Seconds in `3m45s` or `0.304s`."""
    amounts = _AMOUNT.findall(text) if text else []
    return sum(float(number) * _UNIT[unit] for number, unit in amounts) if amounts else None
