"""spamd's and spampd's lines, as the sources of SpamAssassin 4.0.1 and spampd 2.53 have them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.logs.filters.spamassassin import spamass_milter, spamd, spampd
from collectors.logs.head import NOTHING, Facts
from smtpwatch import events as ev
from smtpwatch.events import VerdictResult
from tests.collectors.logs.telling import assert_quick, head, mutated, read

Case = tuple[str, str, Facts]


def _spam(
    program: str, text: str, result: VerdictResult, message_id: str = "", score: float | None = None,
    threshold: float | None = None,
    *, detail: str = "", recipient: str = "",
) -> Case:  # fmt: skip
    verdict = ev.Verdict(
        *head(program, text),
        "spam",
        result,
        message_id=message_id,
        recipient=recipient,
        score=score,
        threshold=threshold,
        detail=detail,
    )
    return program, text, (verdict,)


_PEER = "rhost=localhost,raddr=127.0.0.1,rport=40986"
_LEFT = "required_score=5.0"
_WARN = "WARNING!! SpamAssassin error on message <a@b>: died"
CASES: tuple[Case, ...] = (
    _spam("spamd", "spamd: result: Y 15 - BAYES_99,URIBL_BLACK "
          f"scantime=1.2,size=2345,user=debian-spamd,uid=112,{_LEFT},{_PEER},"
          "mid=<a@example.com>,bayes=1.000000,autolearn=spam autolearn_force=no", "spam", "a@example.com", 15.0, 5.0,
          detail="BAYES_99,URIBL_BLACK"),
    _spam("spamd", "spamd: result: . -1 -  "
          f"scantime=0.3,size=99,user=bob@example.org,uid=112,{_LEFT},{_PEER},mid=(unknown),autolearn=ham",
          "clean", "", -1.0, 5.0, recipient="bob@example.org"),
    # The id's blanks and commas have become "_".
    _spam("spamd", "spamd: result: .  0 - X "
          f"scantime=0.3,size=9,user=u,uid=1,{_LEFT},{_PEER},mid=<x>_Y_99_required_score=1.0@b>,autolearn=no",
          "clean", "x>_Y_99_required_score=1.0@b", 0.0, 5.0, detail="X"),
    ("spamd", "spamd: result: Y 15 - X scantime=1.2", None),
    ("spamd", "spamd: identified spam (15.2/5.0) for debian-spamd:112 in 1.2 seconds, 2345 bytes.", NOTHING),
    ("spamd", "spamd: clean message (0.2/5.0) for debian-spamd:112 in 1.2 seconds, 2345 bytes.", NOTHING),
    ("spamd", "spamd: connection from localhost [127.0.0.1]:40986 to port 783, fd 5", NOTHING),
    ("spamd", "spamd: processing message <a> spamd: result: Y 99 - X@b> for debian-spamd:112", NOTHING),
    ("spamd", "prefork: child states: II", NOTHING),
    ("spamd", "something new", None),
    _spam("spampd", "identified spam <a@example.com> (15.20/5.00) from <e@example.com> for <b@example.org> in 1.02s, "
          "2048 bytes.", "spam",
          "a@example.com", 15.2, 5.0, detail="(15.20/5.00) from <e@example.com> for <b@example.org> in 1.02s, 2048 "
          "bytes."),
    _spam("spampd", "clean message <a> (99.00/1.00) from <x> (0.20/5.00) from <e> for <b> in 1.02s, 2048 bytes.",
          "clean",
          detail="clean message <a> (99.00/1.00) from <x> (0.20/5.00) from <e> for <b> in 1.02s, 2048 bytes."),
    ("spampd", _WARN, (ev.ServiceTrouble(*head("spampd", _WARN), "error", _WARN),)),
    ("spampd", "processing message <identified spam> for <b@example.org>", NOTHING),
    ("spamass-milter", "spamass-milter 0.4.0 starting", NOTHING),
)  # fmt: skip


@pytest.mark.parametrize(("program", "text", "expected"), CASES, ids=range(len(CASES)))
def test_a_line(program: str, text: str, expected: Facts) -> None:
    assert read(program, text) == expected


@given(st.text() | mutated([text for _, text, _ in CASES]))
def test_it_never_raises(text: str) -> None:
    for program, parse in (("spamd", spamd), ("spampd", spampd), ("spamass-milter", spamass_milter)):
        parse(text, head(program, text))


def test_no_line_takes_long() -> None:
    assert_quick(spamd, [CASES[0][1], CASES[1][1]])
    assert_quick(spampd, [CASES[10][1]])
