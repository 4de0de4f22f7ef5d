"""Lines of whatever octets a log holds, and in whatever pieces they come."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.logs.lines import KEPT, Lines


def cut(octets: bytes, *places: int) -> list[str]:
    """The lines of octets that come in pieces, up to a last one without an end."""
    lines = Lines()
    ends = sorted({0, len(octets), *(min(place, len(octets)) for place in places)})
    found = [line for start, end in pairwise(ends) for line in lines.cut(octets[start:end])]
    return found + lines.rest()


@pytest.mark.parametrize(
    ("octets", "lines"),
    [
        (b"", []),
        (b"one\n", ["one"]),
        (b"one\ntwo", ["one", "two"]),
        (b"one\n\ntwo\n", ["one", "", "two"]),
        (b"one\r\ntwo\r\n", ["one", "two"]),
        (b"a\rb\r\r\n", ["a\rb\r"]),
        (b"caf\xc3\xa9\n", ["café"]),
        (b"caf\xe9 \xff\xfe\n", [r"caf\xe9 \xff\xfe"]),
        (b"broken \xc3\nwhole\n", [r"broken \xc3", "whole"]),
        (b"\0\0\0one\n\0\0two\n", ["one", "two"]),
        (b"one\n" + bytes(9), ["one"]),
        (b"a\0b\n", ["a\0b"]),
        (bytes(3) + b"\n", [""]),
        (b"\x1b[2J\x85\n", ["\x1b[2J\\x85"]),
        (b"one\x0btwo\xe2\x80\xa8three\n", ["one\x0btwo\u2028three"]),
    ],
)  # fmt: skip
def test_lines(octets: bytes, lines: list[str]) -> None:
    assert cut(octets) == lines
    assert cut(octets, *range(len(octets))) == lines


@pytest.mark.parametrize("place", [0, 1, 7, 100_000, KEPT + 3, 3_000_000, 4_000_003])
def test_megabytes_of_nuls_hide_no_line(place: int) -> None:
    """What a crash or copytruncate under a writer left, before, between and after lines, in one piece or two."""
    octets = b"one\n" + bytes(3_000_000) + b"two\n" + bytes(1_000_000) + b"three\n"
    assert cut(octets, place) == ["one", "two", "three"]


@pytest.mark.parametrize("length", [64 * 1024, 64 * 1024 + 1, KEPT - 1, KEPT, KEPT + 1, 5 * KEPT])
@pytest.mark.parametrize("step", [1 << 30, KEPT, 50_000, 4_096])
def test_long_lines_are_kept_up_to_a_bound(length: int, step: int) -> None:
    octets = b"before\n" + b"x" * length + b"\nafter\n"
    assert cut(octets, *range(0, len(octets), step)) == ["before", "x" * min(length, KEPT), "after"]


def test_the_bound_is_in_octets_and_the_same_for_all_characters() -> None:
    for text, kept in (("é".encode() * KEPT, "é" * (KEPT // 2)), (b"\xff" * KEPT * 2, r"\xff" * KEPT)):
        octets = text + b"\nafter\n"
        assert cut(octets) == cut(octets, *range(0, len(octets), 1_000)) == [kept, "after"]


def test_a_line_without_its_beginning_is_left_out() -> None:
    lines = Lines(within=True)
    assert lines.cut(b"forged") == []
    assert lines.cut(b" end\none\ntw") == ["one"]
    assert lines.rest() == ["tw"]
    lines = Lines(within=True)
    assert lines.cut(b"forged") == lines.rest() == []


def test_a_last_line_may_go_on_after_all() -> None:
    lines = Lines()
    assert lines.cut(b"half") == []
    assert lines.rest() == ["half"]
    assert lines.rest() == []
    assert lines.cut(b" a line\nnext\n") == [" a line", "next"]


PIECES = st.lists(
    st.one_of(
        st.binary(max_size=20),
        st.sampled_from((b"\n", b"\r\n", b"\0", bytes(300), b"line\n", b"\xc3", b"\xa9", b"y" * (KEPT // 2 + 5))),
    ),
    max_size=12,
)


@given(PIECES, st.lists(st.integers(0, 600), max_size=8), st.lists(st.integers(0, 5 * KEPT), max_size=4))
def test_places_of_cuts_make_no_difference(pieces: list[bytes], near: list[int], far: list[int]) -> None:
    octets = b"".join(pieces)
    assert cut(octets, *near, *far) == cut(octets)
