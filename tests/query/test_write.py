"""Terms written for values find these and no others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpwatch.clean import clean
from smtpwatch.query import FIELDS, Said, holds, sift, with_term, written
from smtpwatch.query.write import LONGEST

TEXTS = st.text(max_size=LONGEST // 10)
TEXT_FIELDS = st.sampled_from([name for name, field in FIELDS.items() if field.kind == "text" and field.spelt is str])


def finds(term: str, said: Said) -> bool:
    query = sift(term)
    assert query.faults == () and len(query.terms) == 1
    return holds(said, query.terms[0].ask)


@given(TEXT_FIELDS, TEXTS, TEXTS)
def test_a_text_finds_itself_alone(field: str, said: str, other: str) -> None:
    term = written(field, said)
    assert finds(term, said) and sift(f"!{term}").terms[0].exclude
    assert finds(term, other) is (clean(said).casefold() == clean(other).casefold())


@given(TEXT_FIELDS, st.text(min_size=2 * LONGEST, max_size=3 * LONGEST))
def test_a_long_text_finds_itself_by_its_beginning(field: str, said: str) -> None:
    assert finds(written(field, said), said)


@given(st.text(alphabet='ab*?"\\,! /:<>=', max_size=9), st.text(alphabet='ab*?"\\,! /:<>=', max_size=9))
def test_what_the_language_uses_is_written_so_that_it_is_only_text(said: str, other: str) -> None:
    assert finds(written("helo", said), other) is (said == other)


@given(st.text(alphabet='ab*?"\\,! /:', min_size=1, max_size=9))
def test_plain_words_are_written_as_one(said: str) -> None:
    query = sift(written("", said))
    assert query.faults == () and [term.field for term in query.terms] == [""]
    assert query.terms[0].ask(said) and not query.terms[0].ask("")


@pytest.mark.parametrize(
    ("field", "said", "term"),
    [
        ("src", "203.0.113.7", "src:203.0.113.7"), ("src", "2001:db8::1", "src:2001:db8::1"),
        ("from", "<>", 'from:"<>"'),
        ("from", "a@example.com", "from:a@example.com"), ("reason", "relay denied", 'reason:"relay denied"'),
        ("helo", "", 'helo:""'), ("size", None, 'size:""'), ("age", 61.9, "age:>=61"), ("age", 0.35, "age:>=0.3"),
        ("refused", 0, "refused:0"), ("refused", 12.0, "refused:>=12"), ("size", 4610, "size:4610"),
        ("asn", 64500, "asn:64500"),
        ("mark", "!", "mark:!"), ("helo", "a,b", 'helo:"a,b"'), ("helo", "*", "helo:\\*"),
        ("", "(bounce)", '"(bounce)"'),
        ("helo", "x" * 81, f"helo:{'x' * 80}*"),
    ],
)  # fmt: skip
def test_written(field: str, said: Said, term: str) -> None:
    assert written(field, said) == term
    if field:
        assert finds(term, said)


@pytest.mark.parametrize(
    ("text", "added", "result"),
    [
        ("", "cc:RO", "cc:RO"), ("bob", "cc:RO", "bob cc:RO"), ("cc:RO bob", "cc:RO", "bob cc:RO"),
        ("bob  cc:RO x", "!cc:RO", "bob x !cc:RO"), ("!cc:RO", "cc:RO", "cc:RO"),
        ('reply:"a b" x', '!reply:"a b"', 'x !reply:"a b"'),
    ],
)  # fmt: skip
def test_a_term_more(text: str, added: str, result: str) -> None:
    assert with_term(text, added) == result
