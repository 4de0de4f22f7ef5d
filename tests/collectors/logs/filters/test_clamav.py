"""clamav-milter's lines, as those of ClamAV 1.4 (its binary's messages); clamsmtpd's as its users' logs have them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.logs.filters.clamav import clamav_milter, clamsmtpd
from collectors.logs.head import NOTHING, Facts
from smtpwatch import events as ev
from smtpwatch.events import VerdictResult
from tests.collectors.logs.telling import assert_quick, head, mutated, read

MILTER, SMTP = "clamav-milter", "clamsmtpd"
Case = tuple[str, str, Facts]


def _virus(
    program: str,
    text: str,
    result: VerdictResult,
    detail: str,
    *,
    queue_id: str = "",
    message_id: str = "",
    recipient: str = "",
) -> Case:
    verdict = ev.Verdict(
        *head(program, text), "virus", result, queue_id, "", message_id, recipient=recipient, detail=detail
    )
    return program, text, (verdict,)


_HEADERS = "with subject 'x' message-id '<m@example.com>' date 'Wed, 25 Nov 2026 10:00:00 +0000'"
_HOSTILE = "with subject 'x' infected by Nothing' message-id '<a>' message-id '<m@example.com>' date 'y'"
_DOWN = "No clamd server appears to be available"
CASES: tuple[Case, ...] = (
    _virus(MILTER, f"Message ABC123 from <a@example.com> to <b@example.org> {_HEADERS} infected by Eicar-Signature",
           "infected", "Eicar-Signature",
           queue_id="ABC123", message_id="m@example.com", recipient="b@example.org"),
    _virus(MILTER, "Message from <a@example.com> to <b@example.org> infected by Eicar-Signature", "infected",
           "Eicar-Signature",
           recipient="b@example.org"),
    _virus(MILTER, f"Clean message ABC123 from <a@example.com> to <b@example.org> {_HEADERS}", "clean", "",
           queue_id="ABC123",
           message_id="m@example.com", recipient="b@example.org"),
    _virus(MILTER, "Clean message from <<a@example.com>> to <<b@example.org>>", "clean", "", recipient="b@example.org"),
    _virus(MILTER, f"Message ABC123 from <a> to <b> {_HOSTILE} infected by Eicar", "infected", "Eicar",
           queue_id="ABC123", recipient="b"),
    _virus(MILTER, f"Clean message ABC123 from <a> to <b> {_HOSTILE}", "clean", "", queue_id="ABC123", recipient="b"),
    (MILTER, _DOWN, (ev.ServiceTrouble(*head(MILTER, _DOWN), "error", _DOWN),)),
    (MILTER, "+++ Started at Wed Nov 25 10:00:00 2026", NOTHING),
    (MILTER, "Message ABC123 from <a> to <b> something new", None),
    _virus(SMTP, "100007: from=a@example.com, to=b@example.org, status=VIRUS:Eicar-Signature", "infected",
           "Eicar-Signature"),
    _virus(SMTP, "1308A0: from=a@example.com, to=b@example.org, status=CLEAN", "clean", "CLEAN"),
    _virus(SMTP, "1308A0: from=a, status=VIRUS:x, to=b@example.org, status=CLEAN", "clean", "CLEAN"),
    (SMTP, "100000: accepted connection from: 127.0.0.1", NOTHING),
    (SMTP, "100000: from=a@example.com, to=b@example.org, status=", NOTHING),
)  # fmt: skip


@pytest.mark.parametrize(("program", "text", "expected"), CASES, ids=range(len(CASES)))
def test_a_line(program: str, text: str, expected: Facts) -> None:
    assert read(program, text) == expected


@given(st.text() | mutated([text for _, text, _ in CASES]))
def test_it_never_raises(text: str) -> None:
    clamav_milter(text, head(MILTER, text))
    clamsmtpd(text, head(SMTP, text))


def test_no_line_takes_long() -> None:
    assert_quick(clamav_milter, [CASES[0][1], CASES[3][1]])
    assert_quick(clamsmtpd, [CASES[9][1]])
