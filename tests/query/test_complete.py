"""What is offered at the cursor."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpwatch.query import FIELDS, TABLE, complete, sift

SEEN = {"account": ["bob", "alice", "bo b"], "tls": ["1.2"], "src": ["203.0.113.7"], "from": ["a*b@example.com"]}


def seen(field: str) -> Iterable[str]:
    return SEEN.get(field, [])


@pytest.mark.parametrize(
    ("text", "start", "end", "candidates"),
    [
        ("t", 0, 1, ("to:", "tls:")),
        ("bob !tl", 5, 7, ("tls:",)),
        ("tsl", 0, 3, ()),
        ("sender", 0, 6, ("from:",)),
        ("account:", 8, 8, ("bob", "alice", '"bo b"')),
        ("account:b", 8, 9, ("bob", '"bo b"')),
        ("account:LIC", 8, 11, ("alice",)),
        ("account:alice,b", 14, 15, ("bob", '"bo b"')),
        ('account:"bo', 8, 11, ("bob", '"bo b"')),
        ('account:"bo b"', 14, 14, ()),
        ("tls:", 4, 4, ("1.2", "1.3", "1.1", "1.0", "none", "offered", "refused", "failed")),
        ("from:", 5, 5, ("a\\*b@example.com",)),
        ("verdict:d", 8, 9, ("deferred", "accepted", "rejected", "abandoned")),
        ("nope:x", 0, 5, ()),
        ("/re", 3, 3, ()),
        ('"re', 3, 3, ()),
        ("!", 1, 1, ("src:",)),
    ],
)
def test_candidates(text: str, start: int, end: int, candidates: tuple[str, ...]) -> None:
    found = complete(text, len(text), seen)
    assert (found.start, found.end) == (start, end)
    assert found.candidates[: len(candidates)] == candidates and (candidates or not found.candidates)


def test_after_a_space_all_fields_of_the_pane_are_offered() -> None:
    assert complete("bob ", 4, seen).candidates == tuple(f"{each.name}:" for each in TABLE)
    assert complete("bob ", 4, seen, {"tls", "src"}).candidates == ("src:", "tls:")


def test_filled_in() -> None:
    found = complete("!acc bob", 4, seen)
    assert found.filled("!acc bob", 0) == ("!account: bob", 9)
    found = complete("account:b bob", 9, seen)
    assert found.filled("account:b bob", 1) == ('account:"bo b" bob', 14)


@given(st.text(alphabet='at:/"\\!, ls', max_size=12), st.data())
def test_whatever_is_typed_what_is_offered_can_be_read(text: str, data: st.DataObject) -> None:
    cursor = data.draw(st.integers(0, len(text)))
    sift(text, cursor)
    found = complete(text, cursor, seen)
    for number in range(len(found.candidates)):
        filled, after = found.filled(text, number)
        assert filled[after - len(found.candidates[number]) : after] == found.candidates[number]
        sift(filled, after)


def test_every_field_is_explained() -> None:
    assert len(FIELDS) == len(TABLE) and all(field.meaning and len(field.meaning) < 60 for field in TABLE)
