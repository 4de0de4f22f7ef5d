"""What must not leave the parser: credentials, and lines that might be some."""

from collectors.wire import commands

NOT_SHOWN = "(not shown: may be a credential)"
MAX_WORDS = 8  # withheld words remembered, in case the server repeats one
SHORT = 4  # octets; shorter words give nothing away, and would blot out half of a reply

# What a reply answers, if it may repeat a withheld line: that line, or something that was not seen.
REPEATING = frozenset(("", "?", "AUTH", "*"))
# Replies to a line that was not understood or not accepted: some servers repeat it there.
_MAY_REPEAT = frozenset((500, 501, 502, 503, 504, 535, 334))


class Withheld:
    """Remembers withheld words for as long as the session lasts, to take them out of replies."""

    __slots__ = ("_words",)

    def __init__(self) -> None:
        self._words: list[str] = []

    def add(self, line: bytes) -> None:
        """These words must not show. Names of mechanisms may."""
        words = [commands.text(word) for word in line.split() if len(word) >= SHORT]
        self._words += [word for word in words if word.upper() not in commands.MECHANISMS]
        del self._words[:-MAX_WORDS]

    def hide(self, reply: str) -> str:
        """A reply's text without them."""
        for word in self._words:
            reply = reply.replace(word, "***")
        return reply


def may_repeat(code: int, verb: str) -> bool:
    """Whether a reply to something that was not seen may repeat a credential."""
    return code in _MAY_REPEAT and verb in REPEATING


def unknown_line(line: bytes, suspect: bool) -> str:
    """What may be told of a line that is no SMTP command: its first word, if that is a word and nothing is
    `suspect`."""
    word, space, _ = line.partition(b" ")
    if suspect:
        return NOT_SHOWN
    if space and len(word) <= 12 and word.isascii() and word.isalpha():
        return f"{commands.text(word)} ... ({len(line)} octets)"
    return f"({len(line)} octets, no command)"
