"""What Sendmail's lines are made of: queue ids, clients, addresses, replies."""

from __future__ import annotations

import re
from functools import lru_cache

from collectors.logs.addresses import address

Client = tuple[str, int, str]
"""(source, client_port, name), as the fields of a ClientEvent."""

NOBODY: Client = ("", 0, "")

ADDRESS = r'[^"<>()\\]*(?:"(?:[^"\\]|\\.)*"[^"<>()\\]*)*'
r"""A pattern for what stands between < and >. Sendmail takes comments in parentheses and escapes with \ as well, inside
which a > ends nothing: such an address matches not."""

_CLIENT = re.compile(
    r"(?:(?:IDENT:)?[^\s\[\]@]*@)?([\w.-]*) ?\[((?:IPv6:)?[0-9A-Fa-f.:]+)\]( \(may be forged\))?", re.ASCII
)
_CODES = re.compile(r"([2-5]\d\d)(?:[ -]([245]\.\d{1,3}\.\d{1,3})(?=[ :]|$))?", re.ASCII)


def is_queue_id(word: str) -> bool:
    """`1A2B3CdE012345`: letters and digits, a process id at their end."""
    return 7 <= len(word) <= 24 and word.isascii() and word.isalnum() and word[-5:].isdecimal()


@lru_cache(4_096)  # a client is named in several lines, one after another
def client(words: str) -> Client | None:
    """A client as `name [address]`, `[address]` or `ident@name [address] (may be forged)`, None for what is none. A
    name that may be forged is none."""
    match = _CLIENT.fullmatch(words)
    source = address(match[2]) if match is not None else ""
    if match is None or not source:
        return None
    return source, 0, "" if match[3] else match[1]


def codes(reply: str) -> tuple[int, str]:
    """(code, enhanced code) that a reply begins with, 0 and "" for none."""
    match = _CODES.match(reply)
    return (int(match[1]), match[2] or "") if match is not None else (0, "")
