"""amavisd's lines, as $log_templ and $log_verbose_templ of amavisd-new 2.13 and its users' logs have them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.logs.filters.amavis import parse
from collectors.logs.head import NOTHING, Facts
from smtpwatch import events as ev
from smtpwatch.events import VerdictResult
from tests.collectors.logs.telling import assert_quick, head, mutated, read

CLIENT = "203.0.113.7"
FROM = f"[{CLIENT}]:4711 [198.51.100.1] <a@example.com>"
TO = "<b@example.org>"
LAST = "Queue-ID: ABC123, Message-ID: <m@example.com>, mail_id: SvjFaxs_mgzs"
Case = tuple[str, Facts]


def _says(text: str, by: str, result: VerdictResult, detail: str, *, requeued: str = "", score: float | None = None,
          recipient: str = "b@example.org",
          queue_id: str = "ABC123", source: str = CLIENT, message_id: str = "m@example.com") -> Case:  # fmt: skip
    verdict = ev.Verdict(
        *head("amavis", text), by, result, queue_id, source, message_id, recipient=recipient, score=score, detail=detail
    )
    if not requeued:
        return text, (verdict,)
    return text, (verdict, ev.MessageHandled(*head("amavis", text), queue_id, "requeue", requeued))


_BLOCKED_BY_MTA = (
    f"(12345-07) Blocked MTA-BLOCKED {{TempFailedInbound}}, {FROM} -> {TO}, {LAST}, Hits: 0.1, size: 1, 9 ms"
)
_FORGED = (
    '"> -> <x>, Queue-ID: FAKE, Message-ID: <y>, mail_id: z, Hits: -99, size: 1, queued_as: FAKE2, 1 ms"@example.com'
)
_TROUBLE = "(!!)(12345-01) TROUBLE in process_request: connect failed"
CASES: tuple[Case, ...] = (
    _says(f"(12345-01) Passed CLEAN {{RelayedInbound}}, {FROM} -> {TO}, {LAST}, Hits: -1.9, size: 1234, queued_as: "
          "DEF456, 1234 ms",
          "spam", "clean", "Passed CLEAN", requeued="DEF456", score=-1.9),
    _says(f"(12345-01-2) Passed CLEAN {{RelayedInbound}}, {FROM} -> {TO},<c@example.org>, {LAST}, Hits: -, size: "
          "1234, queued_as: DEF456, "
          "dkim_sd=sel:example.com, 1234 ms", "spam", "clean", "Passed CLEAN", requeued="DEF456", recipient=""),
    _says(f"(12345-02) Passed SPAMMY {{RelayedTaggedInbound}}, {FROM} -> {TO}, {LAST}, Hits: 6.31, size: 1, "
          "queued_as: DEF456, 9 ms",
          "spam", "spam", "Passed SPAMMY", requeued="DEF456", score=6.31),
    _says(f"(12345-03) Blocked SPAM {{DiscardedInbound,Quarantined}}, {FROM} -> {TO}, quarantine: S/spam-x.gz, "
          f"{LAST}, Hits: 16.642, size: 1, 9 ms",
          "spam", "spam", "Blocked SPAM", score=16.642),
    _says(f"(12345-04) Blocked INFECTED (Eicar-Signature) {{DiscardedInbound,Quarantined}}, {FROM} -> {TO}, "
          f"quarantine: v/virus-x, {LAST}, Hits: -, size: 1, 9 ms",
          "virus", "infected", "Blocked INFECTED"),
    _says(f"(12345-05) Blocked BANNED (application/x-dosexec,.exe,a.exe) {{DiscardedInbound}}, {FROM} -> {TO}, "
          f"{LAST}, Hits: -, size: 1, 9 ms",
          "content", "rejected", "Blocked BANNED"),
    _says(f"(12345-06) Passed BAD-HEADER-7 {{RelayedInbound}}, {FROM} -> {TO}, {LAST}, Hits: 0.1, size: 1, queued_as: "
          "DEF456, 9 ms",
          "content", "none", "Passed BAD-HEADER", requeued="DEF456", score=0.1),
    _says(f"(12345-08) Passed UNCHECKED-ENCRYPTED {{RelayedInbound}}, {FROM} -> {TO}, {LAST}, Hits: 0.1, size: 1, "
          "queued_as: DEF456, 9 ms",
          "virus", "none", "Passed UNCHECKED-ENCRYPTED", requeued="DEF456", score=0.1),
    _says(f"(12345-09) Passed CLEAN, [{CLIENT}] [198.51.100.1] <> -> {TO}, mail_id: x, Hits: -, size: 1332, "
          "queued_as: DEF456, 152 ms",
          "spam", "clean", "Passed CLEAN", queue_id="", message_id="", requeued="DEF456"),
    _says(f"(12345-10) Passed CLEAN {{RelayedOutbound}}, ORIGINATING/MYNETS LOCAL [2001:db8::7]:4711 [2001:db8::7] "
          f"<a@example.com> -> {TO}, {LAST}, "
          "Hits: 0, size: 1, queued_as: DEF456, 9 ms", "spam", "clean", "Passed CLEAN", source="2001:db8::7",
          score=0.0, requeued="DEF456"),
    # $log_verbose_templ
    _says(f'(12345-11) Passed CLEAN {{RelayedInbound}}, [{CLIENT}]:4711 [198.51.100.1] ESMTPS/ESMTP <a@example.com> '
          f'-> {TO}, (ESMTPS://203.0.113.7), '
          f'tls: TLSv1.3, {LAST}, b: abc, Hits: 1.5, size: 1, queued_as: DEF456, Subject: "x, Hits: -50, size: 1", '
          'From: a, helo=x, 9 ms',
          "spam", "clean", "Passed CLEAN"),
    (_BLOCKED_BY_MTA, (ev.MessageHandled(*head("amavis", _BLOCKED_BY_MTA), "ABC123", "block", "MTA-BLOCKED"),)),
    # Forged: in a quoted sender, in a Message-ID, in the name of a file.
    _says(f"(12345-12) Passed CLEAN {{RelayedInbound}}, [{CLIENT}]:4711 <{_FORGED}> -> {TO}, {LAST}, Hits: -1.9, "
          "size: 1, queued_as: DEF456, 9 ms",
          "spam", "clean", "Passed CLEAN", message_id=""),
    _says(f"(12345-13) Passed CLEAN {{RelayedInbound}}, {FROM} -> {TO}, Queue-ID: ABC123, Message-ID: <m>, mail_id: "
          "z, Hits: -99, size: 1, queued_as: FAKE, 1 ms>, "
          "mail_id: y, Hits: 4, size: 1, queued_as: DEF456, 9 ms", "spam", "clean", "Passed CLEAN", message_id=""),
    _says(f"(12345-14) Blocked BANNED (.exe) {{X}}, [9.9.9.9]:1 <x@example.net>) {{DiscardedInbound}}, {FROM} -> "
          f"{TO}, {LAST}, Hits: -, size: 1, 9 ms",
          "content", "rejected", "Blocked BANNED", source="", queue_id="", message_id="", recipient=""),
    (_TROUBLE, (ev.ServiceTrouble(*head("amavis", _TROUBLE), "error", _TROUBLE),)),
    ("(12345-01) FWD from <a> -> <b>, BODY=7BIT 250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as "
     "925141A1A9B", NOTHING),
    ("(12345-01) spam-tag, <a> -> <b>, Yes, score=9.781 tagged_above=-999 required=6.31 tests=[X=1] autolearn=ham",
     NOTHING),
)  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CASES, ids=range(len(CASES)))
def test_a_line(text: str, expected: Facts) -> None:
    assert read("amavis", text) == expected


@given(st.text() | mutated([text for text, _ in CASES]))
def test_it_never_raises(text: str) -> None:
    parse(text, head("amavis", text))


HOSTILE = st.text() | st.sampled_from(
    [_FORGED, "x>, mail_id: z, Hits: -99, size: 1", ".exe) {X}, [9.9.9.9]:1 <x@example.net> -> <y>"]
)


@given(HOSTILE, HOSTILE)
def test_no_name_and_no_message_id_blames_another(name: str, message_id: str) -> None:
    text = (
        f"(1-5) Blocked BANNED ({name}) {{DiscardedInbound}}, {FROM} -> {TO}, Queue-ID: ABC123, Message-ID: "
        f"<{message_id}>, "
        "mail_id: x, Hits: 2, size: 1, 9 ms"
    )
    for fact in parse(text, head("amavis", text)) or ():
        assert isinstance(fact, ev.Verdict)
        assert fact.source in (CLIENT, "")
        assert fact.queue_id in ("ABC123", "")
        assert fact.score in (2.0, None)


def test_no_line_takes_long() -> None:
    assert_quick(parse, [CASES[0][0], CASES[4][0], CASES[10][0], CASES[12][0]])
