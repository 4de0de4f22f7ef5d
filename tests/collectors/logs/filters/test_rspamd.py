"""rspamd's lines, as the log_format of rspamd 3.4 and its users' logs have them."""

from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.logs.filters.rspamd import parse
from collectors.logs.head import NOTHING, Facts
from collectors.logs.reader import Reader
from smtpwatch import events as ev
from smtpwatch.events import VerdictResult
from tests.collectors.logs.telling import TIME, assert_quick, head, mutated, read

CLIENT = "203.0.113.7"
WRITE = "<747296>; task; rspamd_task_write_log: "
TAIL = "len: 1437, time: 210.123ms, dns req: 12, digest: <0123456789abcdef0123456789abcdef>"
SYMBOLS = "[R_SPF_ALLOW(-0.20){+mx;},MIME_GOOD(-0.10){text/plain;}]"
Case = tuple[str, Facts]


def _line(verdict: str, *, front: str = "", tail: str = TAIL, symbols: str = SYMBOLS) -> str:
    front = front or f"id: <a@example.com>, qid: <02331840CC>, ip: {CLIENT}, from: <a@example.com>,"
    return f"{WRITE}{front} (default: {verdict} {symbols}), {tail}"


def _spam(text: str, result: VerdictResult, score: float | None, threshold: float | None, action: str, *,
          recipient: str = "",
          queue_id: str = "02331840CC", source: str = CLIENT, message_id: str = "a@example.com") -> Case:  # fmt: skip
    verdict = ev.Verdict(
        *head("rspamd", text), "spam", result, queue_id, source, message_id, recipient=recipient, score=score,
        threshold=threshold,
        detail=action,
    )  # fmt: skip
    return text, (verdict,)


_RCPT = (
    f'{TAIL}, rcpts: <alice@example.org>, mime_rcpts: <alice@example.org>, forced: reject "x"; score=nan (set by dmarc)'
)
_FORGED = "x>, qid: <FAKE>, ip: 9.9.9.9, from: <b@example.com>, (default: T (reject): [99.00/1.00] [X(9)]), len: 1"
_REAL = f"id: <{_FORGED}>, qid: <02331840CC>, ip: {CLIENT}, from: <a@example.com>,"
_HALF = f"id: <x>, qid: <FAKE>, ip: 9.9.9.9>, qid: <02331840CC>, ip: {CLIENT}, from: <a@example.com>,"
CASES: tuple[Case, ...] = (
    _spam(_line("F (no action): [-0.30/15.00]"), "clean", -0.3, 15.0, "no action"),
    _spam(_line("F (no action): [3.10/15.00]", tail=_RCPT), "clean", 3.1, 15.0, "no action",
          recipient="alice@example.org"),
    _spam(_line("F (greylist): [5.00/15.00]"), "greylisted", 5.0, 15.0, "greylist"),
    _spam(_line("F (add header): [8.10/15.00]"), "spam", 8.1, 15.0, "add header"),
    _spam(_line("F (rewrite subject): [9.10/15.00]"), "spam", 9.1, 15.0, "rewrite subject"),
    _spam(_line("T (reject): [15.20/15.00]"), "rejected", 15.2, 15.0, "reject"),
    _spam(_line("F (soft reject): [nan/15.00]"), "rejected", None, 15.0, "soft reject"),
    _spam(_line("S (no action): [0.00/0.00]"), "clean", 0.0, 0.0, "no action"),
    _spam(_line("F (no action): [0.10/15.00]", front="id: <undef>, ip: 2001:db8::7, user: bob,"), "clean", 0.1, 15.0,
          "no action",
          queue_id="", source="2001:db8::7", message_id=""),
    # Two verdicts: one is the Message-ID's. A > in it: what stands in front is not believed.
    (_line("F (no action): [3.10/15.00]", front=_REAL), None),
    (_line("F (no action): [3.10/15.00]", symbols="[SUBJ(0.00){ (default: T (reject): [99/1] [};}]"), None),
    _spam(_line("F (no action): [3.10/15.00]", front=_HALF), "clean", 3.1, 15.0, "no action", queue_id="", source="",
          message_id=""),
    ("<747296>; task; rspamd_message_parse: loaded message; id: <rspamd_task_write_log: id: <x>>; queue-id: <ABC>",
     NOTHING),
    ("<4fb495>; proxy; proxy_milter_finish_handler: finished milter connection", NOTHING),
    ("<c5ca66>; milter; rspamd_milter_process_command: got connection from 203.0.113.7:58386", NOTHING),
)  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CASES, ids=range(len(CASES)))
def test_a_line(text: str, expected: Facts) -> None:
    assert read("rspamd", text) == expected


def test_a_line_of_its_own_log_file() -> None:
    text = CASES[5][0]
    program, facts = Reader("mx", UTC, TIME).line(f"2026-11-25 10:00:00 #45015(normal) {text}")
    assert (program, facts) == ("rspamd", parse(text, (TIME, "log", "mx", "rspamd", 45015, text)))
    assert facts


@given(st.text() | mutated([text for text, _ in CASES]))
def test_it_never_raises(text: str) -> None:
    parse(text, head("rspamd", text))


HOSTILE = st.text() | st.sampled_from(
    [_FORGED, "x>, qid: <FAKE>, ip: 9.9.9.9, from: <b>,", "x>, ip: 9.9.9.9", " (default: "]
)


@given(HOSTILE, HOSTILE)
def test_no_message_id_and_no_sender_blames_another(message_id: str, sender: str) -> None:
    front = f"id: <{message_id}>, qid: <02331840CC>, ip: {CLIENT}, from: <{sender}>,"
    for fact in parse(text := _line("F (no action): [3.10/15.00]", front=front), head("rspamd", text)) or ():
        assert isinstance(fact, ev.Verdict)
        assert fact.source in (CLIENT, "")
        assert fact.queue_id in ("02331840CC", "")
        assert (fact.result, fact.score) == ("clean", 3.1)


def test_no_line_takes_long() -> None:
    assert_quick(parse, [CASES[1][0], CASES[9][0]])
