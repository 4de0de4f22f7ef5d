"""What must not leave the parser: credentials, and lines that might be some."""

import base64
import binascii
import re
from collections.abc import Iterator

from collectors.wire import commands

NOT_SHOWN = "(not shown: may be a credential)"
MAX_REMEMBERED = 1024  # pieces of withheld words remembered of a session; PLAIN has some 50, an OAuth token 2,000
SHORT = 4  # octets; shorter words give nothing away, and would blot out half of a reply
LONGEST_SEARCHED = 8192  # characters of a reply; EHLO's have a few hundred
PIECE = 8  # octets in a row that a reply may not share with a withheld word

# What a reply answers, if that may be a command that was not seen.
UNSEEN = frozenset(("", "?", "AUTH", "*"))
# Replies to a line that was not understood or not accepted: most servers that repeat it do so there.
_REPEATING = frozenset((500, 501, 502, 503, 504, 535, 334))
_TOKEN = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")


class Withheld:
    """Remembers withheld words for as long as the session lasts, to take them out of replies: as they were sent, in
    part, and as base64 has them."""

    __slots__ = ("_pieces", "_whole")

    def __init__(self) -> None:
        self._pieces: set[str] = set()
        self._whole = False  # more was withheld than is remembered: no reply is shown any more

    def add(self, line: bytes) -> None:
        """These words must not show. Names of verbs and mechanisms may."""
        self._whole = self._whole or len(line) > 4 * MAX_REMEMBERED
        for word in line.split():
            if self._whole:
                return
            if word.upper() not in _HARMLESS:
                for secret in (word, *_decoded(word)):
                    self._remember(commands.text(secret))

    def _remember(self, word: str) -> None:
        if len(word) < SHORT:
            return
        pieces = [word] if len(word) <= PIECE else [word[at : at + PIECE] for at in range(len(word) - PIECE + 1)]
        if len(self._pieces) + len(pieces) > MAX_REMEMBERED:
            self._whole = True
        else:
            self._pieces.update(pieces)

    def hide(self, reply: str) -> str:
        """A reply's text without them."""
        if self._whole or len(reply) > LONGEST_SEARCHED:
            return NOT_SHOWN
        hidden: set[int] = set()
        for size in {len(piece) for piece in self._pieces}:
            for at in range(len(reply)):
                if reply[at : at + size] in self._pieces:
                    hidden.update(range(at, at + size))
        if not hidden:
            return reply
        return re.sub("\0+", "***", "".join("\0" if at in hidden else char for at, char in enumerate(reply)))


# Words of a withheld line that a reply may well have on its own account.
_HARMLESS = frozenset(name.encode() for name in (*commands.MECHANISMS, *commands.VERBS.values()))


def _decoded(word: bytes) -> Iterator[bytes]:
    """What is in a base64 word, in the pieces that SASL puts together (RFC 4616: NUL; OAUTHBEARER: ^A and =)."""
    try:
        octets = base64.b64decode(word + b"=" * (-len(word) % 4), validate=True)
    except binascii.Error:
        return
    yield from re.split(rb"[\0\x01\s=,]+", octets)


def unseen(code: int, text: str) -> str:
    """The text of a reply to a command that was not seen, less what may repeat a credential from there."""
    if code in _REPEATING:
        return NOT_SHOWN
    return _TOKEN.sub(_mask, text) if code >= 300 else text


def _mask(match: re.Match[str]) -> str:
    """Words of a language stay."""
    word = match[0]
    return word if word.isalpha() and (word.isupper() or word[1:].islower()) else "***"


def unknown_line(line: bytes, suspect: bool) -> str:
    """What may be told of a line that is no SMTP command: its first word, if that is a word and nothing is
    `suspect`."""
    word, space, _ = line.partition(b" ")
    if suspect:
        return NOT_SHOWN
    if space and len(word) <= 12 and word.isascii() and word.isalpha():
        return f"{commands.text(word)} ... ({len(line)} octets)"
    return f"({len(line)} octets, no command)"
