"""Every parser of Postfix's services with lines that nobody wrote: none raises, none hangs."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.logs import postfix
from smtpwatch import events as ev
from tests.collectors.logs import (
    test_postfix_cleanup,
    test_postfix_daemons,
    test_postfix_delivery,
    test_postfix_postscreen,
    test_postfix_queue,
    test_postfix_smtpd,
    test_postfix_smtpd_warnings,
)
from tests.collectors.logs.telling import HOSTILE_SIZE, head, mutated

CASES = (
    *test_postfix_smtpd.CASES,
    *test_postfix_smtpd_warnings.CASES,
    *test_postfix_cleanup.CASES,
    *test_postfix_queue.CASES,
    *test_postfix_delivery.CASES,
    *test_postfix_postscreen.CASES,
    *test_postfix_daemons.CASES,
)
PROGRAMS = sorted({program for program, _, _ in CASES})
TEXTS = [text for _, text, _ in CASES if text]
HANG = 2.0  # seconds for a line; only a guard against a search without end: it takes a few milliseconds

# Where a stranger's words begin, in one line or another; and what makes a careless pattern look again and again.
_BEGINNINGS = re.compile(r'<|: |=<|\(|"| from ')
_PIECES = (
    "<",
    '"',
    '<"',
    "\\",
    "; from=<",
    "; from=<x> to=<y>",
    " from a[1]: ",
    ">: ",
    "x ",
    "[",
    "::",
    "=1 ",
    '" ',
    ", sasl_",
    "(",
)


def _read(program: str, text: str) -> list[ev.Event]:
    parse = postfix.parser_of(program)
    assert parse is not None
    return list(parse(text, head(program, text)) or ())


@given(st.sampled_from(PROGRAMS), st.one_of(st.text(), mutated(TEXTS)))
@settings(deadline=None)
def test_never_raises(program: str, text: str) -> None:
    _read(program, text)


@given(st.sampled_from(CASES), st.sampled_from(TEXTS), st.data())
@settings(deadline=None)
def test_what_is_read_stands_in_the_line(case: tuple[str, str, object], other: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(case[1])))
    text = case[1][:at] + other
    for event in _read(case[0], text):
        assert isinstance(event, ev.LogEvent)
        assert event.text == text
        if isinstance(event, ev.ClientEvent) and event.source:
            assert event.source in text.lower() or ":" in event.source or f"::ffff:{event.source}" in text


@pytest.mark.parametrize("piece", _PIECES)
def test_long_lines_do_not_hang(piece: str) -> None:
    filling = piece * (HOSTILE_SIZE // len(piece))
    seen = set()
    for program, text, _ in CASES:
        match = _BEGINNINGS.search(text, text.find("]") + 1) or _BEGINNINGS.search(text)
        if match is None or (shape := (program, text[: match.end()])) in seen:
            continue
        seen.add(shape)
        for hostile in (text[: match.end()] + filling, text[: match.end()] + filling + text[match.end() :]):
            begin = time.monotonic()
            _read(program, hostile)
            assert time.monotonic() - begin < HANG, text
