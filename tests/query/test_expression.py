"""Regular expressions: the same texts match as with Python's, and none takes long."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpwatch.query.automaton import TEXT, TRANSITIONS, Automaton
from smtpwatch.query.expression import BadExpression

ATOMS = st.sampled_from(
    ["a", "b", "é", "_", " ", ".", "[ab]", "[^a]", "[a-c_]", r"\w", r"\W", r"\d", r"\s", r"\.", r"[\d-]"]
)
EDGES = st.sampled_from(["^", "$", r"\b", r"\B"])
COUNTS = st.sampled_from(["*", "+", "?", "{2}", "{1,}", "{,2}", "{1,3}", "*?"])

PATTERNS = st.recursive(
    ATOMS | EDGES,
    lambda inner: (
        st.tuples(inner, inner).map("".join)
        | st.tuples(inner, inner).map(lambda two: f"({two[0]}|{two[1]})")
        | st.tuples(inner, COUNTS).map(lambda two: f"(?:{two[0]}){two[1]}")
    ),
    max_leaves=6,
)


@given(PATTERNS, st.text(alphabet="abcé_ .1-\x7f", min_size=1, max_size=12))
def test_like_pythons(pattern: str, text: str) -> None:
    """But for a text of no character, where Python's `\\B` has changed its mind between versions."""
    assert Automaton(pattern).search(text) is (re.search(pattern, text, re.IGNORECASE) is not None)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", "a*a*a*a*a*c", "(.*)*x", "((a{1,9}){1,9})*b"])
def test_nothing_is_tried_twice(pattern: str) -> None:
    """Each character costs one look-up: the states are few however long the text."""
    automaton = Automaton(pattern)
    assert not automaton.search("a" * (TEXT - 1) + "!")
    assert len(automaton._states) < 100


def test_what_it_remembers_is_bounded() -> None:
    automaton = Automaton("[a-z]{30}x")
    for first in range(0, 3 * TRANSITIONS, TEXT):
        automaton.search("".join(chr(0x4E00 + (first + each) % 20_000) for each in range(TEXT)))
        assert sum(map(len, automaton._states.values())) <= TRANSITIONS
    assert automaton.search("a" * 30 + "x")


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(", "a ( without its )"), (")", "a ) without its ("), ("[a", "a [ without its ]"), ("*", "nothing before *"),
        ("a**", "a second *"), ("a\\", "ends in \\"), (r"(a)\1", r"\1 is not known"),
        ("(?<=a)", "only (...) and (?:...) are known"),
        ("a{200}", "more than 100 times"), ("a{3,2}", "{3,2} is upside down"), ("[z-a]", "z-a is upside down"),
        ("(a{100}){100}", "too long"), ("(" * 30, "too deep"),
    ],
)  # fmt: skip
def test_what_cannot_be_read(pattern: str, why: str) -> None:
    with pytest.raises(BadExpression, match=f"^{re.escape(why)}$"):
        Automaton(pattern)


@given(st.text(alphabet="ab()[]{}*+?|\\^$.-,1dwb", max_size=12))
def test_what_is_typed_is_read_or_told_to_be_bad(pattern: str) -> None:
    try:
        automaton = Automaton(pattern)
    except BadExpression as why:
        assert str(why)
        return
    assert automaton.search("ab1.-") in (True, False)


@pytest.mark.parametrize("pattern", ["STRASSE", "straße", "[É]t", "{", "a{x}", "{,}"])
def test_whatever_the_case(pattern: str) -> None:
    text = {"[É]t": "été", "{": "{", "a{x}": "a{x}", "{,}": "{,}"}.get(pattern, "Straße")
    assert Automaton(pattern).search(text.casefold())
