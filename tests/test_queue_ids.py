"""Postfix's long queue ids, read and made."""

from hypothesis import given
from hypothesis import strategies as st

from smtpwatch.queue_ids import named, queue_id, shifting

_AT = 1_700_000_000.0
_WITHIN = (_AT - 600, _AT + 600)


def test_one_of_a_real_postfix() -> None:
    """Logged by cleanup(8) of Postfix 3.7 on 2026-11-25 at 12:37:18.4356 UTC."""
    real = "4jZK2634lNzLd9q"
    within = (1_795_610_238.0, 1_795_610_239.0)
    assert named(f"{real}: client=mail.partner.example[198.51.100.140]:39617", within)
    assert not named(f"{real}: client=mail.partner.example[198.51.100.140]:39617", (0.0, 1_795_610_238.0))
    assert shifting(0.0, within)(real) == real


@given(
    time=st.integers(0, 600_000_000),
    later=st.integers(0, 10**15),
    inode=st.integers(51, 10**12),
    prefix=st.text(max_size=9),
)
def test_shifted_as_if_made_later(time: int, later: int, inode: int, prefix: str) -> None:
    at = _AT + time / 1e6
    text = shifting(later / 1e6, _WITHIN)
    made, expected = queue_id(at, inode), shifting(later / 1e6, _WITHIN)(queue_id(at, inode))
    assert named(made, _WITHIN)
    assert text(f"{prefix} {made}: x") == f"{prefix} {expected}: x"
    assert shifting(-later / 1e6, (_WITHIN[0] + later / 1e6, _WITHIN[1] + later / 1e6))(expected) == made
    assert (made == expected) is (later == 0)


@given(st.text(alphabet="0123456789BCDFGHabcdfgz .:<>@-", max_size=80))
def test_what_only_looks_like_one_stays(text: str) -> None:
    if not named(text, _WITHIN):
        assert shifting(86_400.0, _WITHIN)(text) == text


def test_the_date_before_one_goes_along() -> None:
    """cleanup(8) writes such Message-IDs; a date that is none is left alone."""
    made, later = queue_id(_AT, 4711), queue_id(_AT + 86_401, 4711)
    shift = shifting(86_401.0, _WITHIN)
    assert shift(f"<20231114221320.{made}@mx1.example.net>") == f"<20231115221321.{later}@mx1.example.net>"
    assert shift(f"<99999999999999.{made}@mx1.example.net>") == f"<99999999999999.{later}@mx1.example.net>"
    assert shift(f"a{made} {made}a") == f"a{made} {made}a"
