"""Cutting and padding by cells."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from smtpwatch.clean import clean
from widgets.cells import CHARACTERS_PER_CELL, cut, cut_middle, cut_word, fill, wrap

any_text = st.text(max_size=80).map(clean)


@pytest.mark.parametrize(
    ("text", "cells", "expected"),
    [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("漢字かな", 5, "漢字…"), ("漢字かな", 4, "漢 …"),
     ("abc", 0, ""), ("abc", 1, "…")],
)  # fmt: skip
def test_cut(text: str, cells: int, expected: str) -> None:
    assert cut(text, cells) == expected


def test_cut_middle_keeps_both_ends() -> None:
    assert cut_middle("2001:db8:7:1234:5678:9abc:def0:25", 15) == "2001:db…def0:25"


def test_cut_word_leaves_out_whole_words() -> None:
    assert cut_word("1.3 X25519", 7) == "1.3"
    assert cut_word("1.3 X25519", 10) == "1.3 X25519"
    assert cut_word("offered", 5) == "offe…"


def test_stacked_marks_are_bounded() -> None:
    assert len(fill("a" + "\u0301" * 10_000, 10)) <= CHARACTERS_PER_CELL * 10 + 10


@given(any_text, st.integers(0, 40), st.booleans())
def test_fill_is_exact(text: str, cells: int, right: bool) -> None:
    assert cell_len(fill(text, cells, right)) == cells
    assert cell_len(cut_middle(text, cells)) <= cells
    assert cell_len(cut_word(text, cells)) <= cells


@given(any_text, st.integers(2, 40))
def test_wrap_loses_nothing_but_spaces(text: str, cells: int) -> None:
    lines = wrap(text, cells)
    assert all(cell_len(line) <= cells for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
