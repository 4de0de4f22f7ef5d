"""From a raw line to its parser: host, program and process id in every form; and lines that say nothing."""

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.logs import reader as reading
from collectors.logs.head import SENSOR
from collectors.logs.reader import LONGEST, OTHERS, PROGRAMS, SAMPLES, Reader
from smtpwatch import events as ev

HERE = "here"
TIME = datetime(2025, 11, 10, 12, 30, 7, tzinfo=UTC).timestamp()
STAMP = "Nov 10 12:30:07 "
TEXT = "connect from unknown[192.0.2.7]"
SMTPD = "postfix/smtpd"
HANG = 2.0  # seconds; only a guard against a search without end


def _reader() -> Reader:
    return Reader(HERE, UTC, TIME)


def _connected(host: str, program: str, pid: int, text: str = TEXT) -> ev.ClientConnected:
    return ev.ClientConnected(TIME, SENSOR, host, program, pid, text, "192.0.2.7", 0, "")


@pytest.mark.parametrize(
    ("line", "host", "program", "pid"),
    [
        (f"{STAMP}mx1 postfix/smtpd[77]: {TEXT}", "mx1", SMTPD, 77),
        (f"{STAMP}mx1.example.org postfix/smtpd[77]: {TEXT}", "mx1.example.org", SMTPD, 77),
        (f"{STAMP}192.0.2.25 postfix/smtpd[77]: {TEXT}", "192.0.2.25", SMTPD, 77),
        (f"{STAMP}2001:db8::25 postfix/smtpd[77]: {TEXT}", "2001:db8::25", SMTPD, 77),
        (f"{STAMP}postfix/smtpd[77]: {TEXT}", HERE, SMTPD, 77),
        (f"<22>{STAMP}postfix/smtpd[77]: {TEXT}", HERE, SMTPD, 77),
        (f"<22>{STAMP}mx1 postfix/smtpd[77]: {TEXT}", "mx1", SMTPD, 77),
        (f"{STAMP}mx1 postfix/smtpd: {TEXT}", "mx1", SMTPD, 0),
        (f"{STAMP}postfix/smtpd: {TEXT}", HERE, SMTPD, 0),
        (f"{STAMP}mx1 postfix/submission/smtpd[77]: {TEXT}", "mx1", "postfix/submission/smtpd", 77),
        (f"{STAMP}mx1 postfix-out/smtpd[77]: {TEXT}", "mx1", "postfix-out/smtpd", 77),
        (f"2025-11-10T12:30:07+00:00 mx1 postfix/smtpd[77]: {TEXT}", "mx1", SMTPD, 77),
        (f"2025-11-10T13:30:07.000000+01:00 mx1 postfix/smtpd[77]: {TEXT}", "mx1", SMTPD, 77),
        (f"<22>1 2025-11-10T12:30:07Z mx1 postfix/smtpd 77 - - {TEXT}", "mx1", SMTPD, 77),
        (f"<22>1 2025-11-10T12:30:07Z - postfix/smtpd - - - {TEXT}", HERE, SMTPD, 0),
        (f"<22>1 2025-11-10T12:30:07Z mx1 postfix/smtpd 77 ID47 - \ufeff{TEXT}", "mx1", SMTPD, 77),
        (f'<22>1 2025-11-10T12:30:07Z mx1 postfix/smtpd 77 - [a@1 x="1"][b y="q\\"\\]]: z"] {TEXT}', "mx1", SMTPD, 77),
    ],
)
def test_heads(line: str, host: str, program: str, pid: int) -> None:
    read = _reader()
    assert read.read([line]) == [_connected(host, program, pid)]
    assert read.read([line, line]) == [_connected(host, program, pid)] * 2  # its head is remembered, or not
    assert (read.received, read.unknown) == (3, {})


@pytest.mark.parametrize(
    "line",
    [
        f"<22>{STAMP}mx1 postfix/cleanup[1]: 3F2A11C0D5E: message-id=<a> - x",
        f"<22>{STAMP}postfix/cleanup[1]: 3F2A11C0D5E: message-id=a postfix/smtpd 1 - {TEXT}",
    ],
)
def test_words_in_a_text_are_no_head_of_rfc5424(line: str) -> None:
    (event,) = _reader().read([line])
    assert isinstance(event, ev.MessageIdentified)


@pytest.mark.parametrize(
    ("line", "program"),
    [
        ("", ""),
        ("no stamp at all: at all", ""),
        (STAMP, ""),
        (f"{STAMP}mx1 last message repeated 3 times", ""),
        (f"{STAMP}mx1 a b c[1]: {TEXT}", ""),
        (f"{STAMP}mx1 kernel: {TEXT}", "kernel"),
        (f"{STAMP}mx1 postfix/smtpd[77]: nonsense", SMTPD),
        (f"{STAMP}mx1 postfix/policy-of-ours[77]: {TEXT}", "postfix/policy-of-ours"),
        (f"<22>1 2025-11-10T12:30:07Z mx1 kernel - - - {TEXT}", "kernel"),
    ],
)
def test_unknown_lines_are_counted_by_program_and_sampled(line: str, program: str) -> None:
    read = _reader()
    assert read.read([line] * (SAMPLES + 2)) == []
    assert read.unknown == {program: SAMPLES + 2}
    assert read.samples == {program: [line] * SAMPLES}
    assert read.received == SAMPLES + 2


def test_understood_lines_without_a_fact_are_not_unknown() -> None:
    read = _reader()
    assert read.read([f"{STAMP}mx1 postfix/scache[1]: statistics: start interval Nov 10 10:00:00"]) == []
    assert read.unknown == {}


def test_programs_of_unknown_lines_are_bounded() -> None:
    read = _reader()
    read.read([f"{STAMP}mx1 program{number}[1]: text" for number in range(PROGRAMS + 50)])
    assert len(read.unknown) == len(read.samples) == PROGRAMS + 1
    assert read.unknown[OTHERS] == 50
    assert len(read.samples[OTHERS]) == SAMPLES


def test_heads_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "HEADERS", 8)
    read = _reader()
    lines = [f"{STAMP}mx1 postfix/smtpd[{pid}]: {TEXT}" for pid in range(1, 30)]
    assert read.read(lines * 2) == [_connected("mx1", SMTPD, pid) for pid in range(1, 30)] * 2
    assert len(read._headers) <= 8


@pytest.mark.parametrize(
    "head", [f"{STAMP}mx1 postfix/smtpd[77]: ", "<22>1 2025-11-10T12:30:07Z mx1 postfix/smtpd 77 - - "]
)
def test_a_long_line_is_cut(head: str) -> None:
    read = _reader()
    text = "warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: " + "x" * (2 * LONGEST)
    (event,) = read.read([head + text])
    assert isinstance(event, ev.LoginTried)
    assert event.source == "192.0.2.7"
    assert LONGEST <= len(event.text) <= LONGEST + len(ev.CUT)
    assert text.startswith(event.text.removesuffix(ev.CUT))


def test_samples_are_cut() -> None:
    read = _reader()
    read.read([f"{STAMP}mx1 kernel: " + "x" * (3 * LONGEST), "y" * (3 * LONGEST)])
    assert [len(sample) for samples in read.samples.values() for sample in samples] == [LONGEST, LONGEST]


@pytest.mark.parametrize("piece", ["x", " ", ": ", "[", '["', "<", "(", "\\", "[a] ", "x[1]: ", "- "])
def test_long_lines_do_not_hang(piece: str) -> None:
    filling = piece * (LONGEST // len(piece))
    for head in (
        STAMP,
        f"<22>{STAMP}",
        "<22>1 2025-11-10T12:30:07Z ",
        "2025-11-10 12:30:07 ",
        "<22>1 2025-11-10T12:30:07Z a b 1 - [",
    ):
        begin = time.monotonic()
        _reader().read([head + filling, filling])
        assert time.monotonic() - begin < HANG


def test_the_reference_moves_on() -> None:
    """Whoever follows a log into the new year tells its reader."""
    read = Reader(HERE, UTC, datetime(2025, 12, 30, tzinfo=UTC).timestamp())
    (before,) = read.read([f"Dec 30 00:00:01 mx1 postfix/smtpd[1]: {TEXT}"])
    read.stamps.reference = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    (after,) = read.read([f"Jan  1 00:00:01 mx1 postfix/smtpd[1]: {TEXT}"])
    assert after.time - before.time == 2 * 86_400


@given(st.lists(st.text()))
def test_never_raises(lines: list[str]) -> None:
    read = _reader()
    read.read(lines)
    read.read([f"{STAMP}{line}" for line in lines])
    assert read.received == 2 * len(lines)
