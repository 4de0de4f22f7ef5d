"""Text from outside: nothing that acts on a terminal, reorders it or hides in it comes through."""

import json
import unicodedata

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smtpwatch.clean import clean, clean_json

# Unicode 16, DerivedCoreProperties.txt: Default_Ignorable_Code_Point, what a terminal shows as nothing at all.
_IGNORABLE = (
    (0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
    (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip
# Controls (C0, DEL, C1), surrogates, line and paragraph separators.
_CATEGORIES = {"Cc", "Cs", "Zl", "Zp"}
_BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def _unsafe(char: str) -> bool:
    code = ord(char)
    return (
        unicodedata.category(char) in _CATEGORIES
        or unicodedata.bidirectional(char) in _BIDI
        or any(first <= code <= last for first, last in _IGNORABLE)
    )


UNSAFE = [char for char in map(chr, range(0x110000)) if _unsafe(char)]
SCALARS = [char for char in UNSAFE if unicodedata.category(char) != "Cs"]

# Whatever Unicode has, surrogates too, with more of what is dangerous than chance would give.
TEXT = st.text(st.one_of(st.characters(codec=None), st.sampled_from(UNSAFE), st.characters(codec="ascii")))
# The same without surrogates, which no JSON can hold.
JSON_TEXT = st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from(SCALARS)))


def test_no_unsafe_character_comes_through() -> None:
    assert [f"U+{ord(char):04X}" for char in UNSAFE if any(map(_unsafe, clean(f"a{char}b")))] == []


def test_every_unsafe_character_leaves_something_to_see() -> None:
    assert [f"U+{ord(char):04X}" for char in UNSAFE if clean(f"a{char}b") in ("ab", f"a{char}b")] == []


@given(TEXT)
@example("\x1b[2J\x1b]0;title\x07")
@example("\ud83d")
def test_nothing_unsafe_remains_whatever_comes(text: str) -> None:
    cleaned = clean(text)
    assert not any(map(_unsafe, cleaned))
    assert len(f"{cleaned}.".splitlines()) == 1
    cleaned.encode()


@given(TEXT)
def test_what_is_safe_stays_as_it_is(text: str) -> None:
    safe = "".join(char for char in text if not _unsafe(char))
    assert clean(safe) == safe


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
def test_printable_ascii_is_unchanged(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "\\e[2J"),
        ("\x9b31m", "\\x9b31m"),
        ("a\r\nb", "a\\r b"),
        ("a\tb", "a b"),
        ("\x00\x7f", "\\x00\\x7f"),
        ("moc\u202eexe", "moc\\u{202e}exe"),
        ("pay\u200bpal", "pay\\u{200b}pal"),
        ("\U000e0041", "\\u{e0041}"),
        ("\udcff", "\\u{dcff}"),
        ("grüße пример 例え é", "grüße пример 例え é"),
    ],
)
def test_what_is_shown_instead(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(st.lists(JSON_TEXT))
@example(["".join(SCALARS)])
@example(["\\u202e", '"\u202e"', "\U000e0041"])
def test_json_keeps_its_meaning(value: list[str]) -> None:
    line = clean_json(msgspec.json.encode(value))
    assert json.loads(line) == value
    assert not any(map(_unsafe, line.decode()))


def test_json_of_plain_ascii_is_not_touched() -> None:
    line = msgspec.json.encode({"text": 'plain "quoted" \\ and \n escaped'})
    assert clean_json(line) is line
