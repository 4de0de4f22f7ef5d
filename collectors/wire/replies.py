"""SMTP replies, read as octets (RFC 5321, 4.2): whole replies out of a stream, and what their text says."""

import re
from collections.abc import Callable
from functools import lru_cache

from collectors.wire.commands import text
from collectors.wire.tls import looks_like_record
from smtpwatch.events import CUT

MAX_LINE = 4096  # octets kept of one reply line; RFC 5321 allows 512
USUAL_LINE = 128  # octets; longer ones are rarely said twice
MAX_LINES = 128  # lines kept of one reply; the longest EHLO replies have about 20

_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_DOMAIN = re.compile(r"\[|[\w-]+\.[\w-]")
_SAYS_TLS = re.compile(r"\bTLS\b", re.IGNORECASE)


def enhanced_code(reply: str) -> str | None:
    """The RFC 3463 code that a reply's text starts with: "5.7.1"."""
    if reply[1:2] != ".":
        return None
    return _enhanced(reply[:12])


@lru_cache(1024)  # an MTA uses a few tens, and this is asked for every reply
def _enhanced(start: str) -> str | None:
    word = start.split(maxsplit=1)[0].rstrip(":")
    return word if _ENHANCED.fullmatch(word) else None


@lru_cache(2048)  # a server says few things over and over; only queue ids and refused addresses differ
def _one_line(data: bytes) -> tuple[int, str | None, str] | None:
    """(code, enhanced code, text) of octets that are one whole reply line, None if they are something else."""
    digits = data[:3]
    if data[3:4] != b" " or data.find(b"\n") != len(data) - 1 or data[-2:-1] != b"\r" or not digits.isdigit():
        return None
    said = text(data[4:-2])
    return int(digits), enhanced_code(said), said


def invites_tls(reply: str) -> bool:
    """Whether the text of a 220 can only answer STARTTLS: a greeting begins with the server's domain (RFC 5321, 4.2),
    and has no enhanced code (RFC 2034, 4)."""
    if enhanced_code(reply) is not None:
        return True
    return _SAYS_TLS.search(reply) is not None and _DOMAIN.match(reply) is None


class ReplyReader:
    """Cuts the server's octets into replies and calls `reply(code, enhanced, text, now)` for each; `junk(line, now)`
    for a line that is none. `text` has the lines without their codes, joined by \\n.

    `reply` may stop the reading by setting `go_on`: what follows STARTTLS is no reply, and goes there. Octets that
    begin a TLS record where a reply should begin are offered to `tls(data, now)`, which returns whether it took them,
    and all to come."""

    __slots__ = ("_code", "_junk", "_lines", "_reply", "_rest", "_tls", "go_on")

    def __init__(
        self,
        reply: Callable[[int, str | None, str, float], None],
        junk: Callable[[bytes, float], None],
        tls: Callable[[bytes, float], bool],
    ) -> None:
        self._reply = reply
        self._junk = junk
        self._tls = tls
        self._rest = b""
        self._lines: list[bytes] = []
        self._code = 0
        self.go_on: Callable[[bytes, float], None] | None = None

    @property
    def idle(self) -> bool:
        """Between two replies; nothing is kept."""
        return not self._rest and not self._lines and self.go_on is None

    def read(self, data: bytes, now: float) -> None:
        """Take in octets."""
        if self._rest:
            data = self._rest + data
            self._rest = b""
        elif not self._lines and len(data) <= USUAL_LINE:
            reply = _one_line(data)
            if reply is not None:
                self._reply(*reply, now)
                return
        if not self._lines and looks_like_record(data) and self._tls(data, now):
            return
        at = 0
        while (end := data.find(b"\n", at)) >= 0:
            self._line(data[at : end - 1] if data[end - 1 : end] == b"\r" else data[at:end], now)
            at = end + 1
            if self.go_on is not None:
                if at < len(data):
                    self.go_on(data[at:], now)
                return
        self._rest = data[at : at + MAX_LINE]

    def gap(self, now: float) -> bool:
        """Octets are missing here. A reply that was begun is told as far as it goes, its code at least: its end is
        nearly always in the same packet, so in the same gap. Returns whether there was one."""
        rest, self._rest = self._rest, b""
        if rest[:3].isdigit() and len(rest) > 3 and rest[3] in b" -":
            self._line(rest[:3] + b" " + rest[4:] + CUT.encode(), now)
            return True
        if self._lines:
            lines, self._lines = self._lines, []
            self._whole(self._code, b"\n".join(lines) + f"\n{CUT}".encode(), now)
            return True
        return rest != b""

    def _line(self, line: bytes, now: float) -> None:
        digits = line[:3]
        mark = line[3:4]
        if not digits.isdigit() or mark not in (b" ", b"-", b"") or len(digits) < 3:
            self._junk(line, now)
        elif mark == b"-":
            self._code = int(digits)
            if len(self._lines) < MAX_LINES:
                self._lines.append(line[4:])
        elif self._lines:
            lines = [*self._lines, line[4:]]
            self._lines = []
            self._whole(int(digits), b"\n".join(lines), now)
        else:
            self._whole(int(digits), line[4:], now)

    def _whole(self, code: int, octets: bytes, now: float) -> None:
        said = text(octets)
        self._reply(code, enhanced_code(said), said, now)
