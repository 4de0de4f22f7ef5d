"""Text from outside made safe to show: the one place that does it.

Banners, HELO names, addresses and log lines are written by strangers. Nothing in them may act on the terminal (C0,
DEL, C1 controls and escape sequences), reorder it (bidi marks), hide in it (zero-width) or upset its columns.
"""

import re

# Cc, bidi and zero-width marks, line and paragraph separators, interlinear and tag characters, lone surrogates.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# The same inside JSON that msgspec has written: C0 is escaped there already.
_UNSAFE_JSON = re.compile(_UNSAFE.pattern.replace("\x00-\x1f", ""))
_NAMED = {"\t": " ", "\n": " ", "\r": "\\r", "\x1b": "\\e"}


def _visible(match: re.Match[str]) -> str:
    char = match[0]
    code = ord(char)
    return _NAMED.get(char) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{{{code:x}}}")


def clean(text: str) -> str:
    """`text` on one line, with every character that could act on the terminal spelt out (`\\e[2J`)."""
    if text.isascii() and text.isprintable():
        return text
    return _UNSAFE.sub(_visible, text)


def _escaped(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def clean_json(line: bytes) -> bytes:
    """A line of JSON with the same meaning, safe to print on a terminal."""
    if line.isascii() and b"\x7f" not in line:
        return line
    return _UNSAFE_JSON.sub(_escaped, line.decode()).encode()
