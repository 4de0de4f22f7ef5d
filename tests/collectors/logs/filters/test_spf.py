"""policyd-spf's lines: as the Python service 3.0.4 writes them, and the Perl one 2.011."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.logs.filters.spf import policy_spf, policyd_spf
from collectors.logs.head import NOTHING, Facts
from smtpwatch import events as ev
from smtpwatch.events import VerdictResult
from tests.collectors.logs.telling import assert_quick, head, mutated, read

CLIENT = "203.0.113.7"
PYTHON, PERL = "policyd-spf", "postfix/policy-spf"
Case = tuple[str, str, Facts]


def _spf(
    text: str, result: VerdictResult, source: str = CLIENT, *, program: str = PYTHON, cut: int = 0, queue_id: str = ""
) -> Case:
    return program, text, (ev.Verdict(*head(program, text), "SPF", result, queue_id, source, detail=text[cut:]),)


_HELO = "helo=x; client-ip=9.9.9.9; envelope-from=a; client-ip=9.9.9.9@example.com; receiver=alice@example.org "
_WHY = "http://www.openspf.net/Why?s=mfrom;id=eve@example.com;ip=203.0.113.7;r=alice@example.org"
_PASS = (
    "Policy action=PREPEND Received-SPF: pass (example.com: 203.0.113.7 is authorized to use 'a@example.com' in "
    "'mfrom' identity "
    "(mechanism 'ip4:203.0.113.7' matched)) receiver=mx.example.org; identity=mailfrom; envelope-from="
)
_ERROR = 'ERROR: Unknown name "QueueID" in file "/etc/policyd-spf.conf"'
CASES: tuple[Case, ...] = (
    _spf(f"Pass; identity=mailfrom; client-ip={CLIENT}; helo=mail.example.com; envelope-from=a@example.com; "
         "receiver=<UNKNOWN> ", "pass"),
    _spf(f"None; identity=helo; client-ip={CLIENT}; {_HELO}", "none"),
    _spf(f"Permerror; identity=mailfrom; client-ip=2001:db8::7; {_HELO}", "permerror", "2001:db8::7"),
    _spf(f"prepend Received-SPF: Softfail (mailfrom) identity=mailfrom; client-ip={CLIENT}; {_HELO}", "softfail"),
    _spf(f"ABC123: prepend Received-SPF: Pass (mailfrom) identity=mailfrom; client-ip={CLIENT}; {_HELO}", "pass",
         cut=8, queue_id="ABC123"),
    _spf(f"prepend Received-SPF: None (no SPF record) identity=helo; client-ip={CLIENT}; helo=x; envelope-from=<>; "
         "receiver=b", "none"),
    # An explanation of the domain's own, and a HELO that looks like one.
    _spf("prepend Received-SPF: Fail (x) identity=helo; client-ip=9.9.9.9; helo=y) identity=helo; "
         f"client-ip={CLIENT}; helo=x", "fail", ""),
    _spf(f"prepend Received-SPF: None (no SPF record) identity=helo; client-ip={CLIENT}; {_HELO}", "none", ""),
    _spf(f"550 5.7.23 Message rejected due to: SPF fail - not authorized. Please see {_WHY}", "fail"),
    _spf(f"550 5.7.23 Message rejected due to: see http://www.openspf.net/;ip=9.9.9.9;r=x. Please see {_WHY}", "fail",
         ""),
    _spf(f"defer_if_permit 4.7.24 Message deferred due to: SPF Temporary Error: DNS Timeout. Please see {_WHY}",
         "temperror"),
    _spf("550 5.7.23 go away;ip=9.9.9.9;r=x", "fail", ""),
    (PYTHON, "spfcheck: pyspf result: \"['None', '', 'helo']\"", NOTHING),
    (PYTHON, "prepend X-Comment: SPF check N/A for local connections - client-ip=127.0.0.1; helo=x; envelope-from=a; "
     "receiver=b ", NOTHING),
    (PYTHON, "Normal exit", NOTHING),
    (PYTHON, _ERROR, (ev.ServiceTrouble(*head(PYTHON, _ERROR), "error", _ERROR),)),
    (PYTHON, "something new", None),
    _spf(f'{_PASS}"a@example.com"; helo=mail.example.com; client-ip={CLIENT}', "pass", program=PERL, cut=14),
    _spf(f'{_PASS}"a; client-ip=9.9.9.9 @example.com"; helo=mail.example.com; client-ip={CLIENT}', "pass",
         program="policy-spf", cut=14),
    _spf("Policy action=550 go away;ip=9.9.9.9;r=x", "fail", "", program=PERL, cut=14),
    _spf("Policy action=DEFER_IF_PERMIT SPF-Result=example.com: Time-out on DNS 'SPF' lookup", "temperror", "",
         program=PERL, cut=14),
    (PERL, "Policy action=DUNNO", NOTHING),
    (PERL, "SPF pass: HELO/EHLO: x, IP Address: 9.9.9.9, Recipient: y, IP Address: 203.0.113.7, Recipient: b", NOTHING),
    (PERL, "something new", None),
)  # fmt: skip


@pytest.mark.parametrize(("program", "text", "expected"), CASES, ids=range(len(CASES)))
def test_a_line(program: str, text: str, expected: Facts) -> None:
    assert read(program, text) == expected


@given(st.text() | mutated([text for _, text, _ in CASES]))
def test_it_never_raises(text: str) -> None:
    policyd_spf(text, head(PYTHON, text))
    policy_spf(text, head(PERL, text))


@given(st.text(), st.text())
def test_no_helo_and_no_sender_blames_another(helo: str, sender: str) -> None:
    for what in ("Fail; ", "prepend Received-SPF: Fail (mailfrom) "):
        text = f"{what}identity=mailfrom; client-ip={CLIENT}; helo={helo}; envelope-from={sender}; receiver=b "
        (told,) = policyd_spf(text, head(PYTHON, text)) or (None,)
        assert isinstance(told, ev.Verdict)
        assert (told.source, told.result) == (CLIENT, "fail")


def test_no_line_takes_long() -> None:
    assert_quick(policyd_spf, [CASES[0][1], CASES[6][1], CASES[8][1]])
    assert_quick(policy_spf, [CASES[17][1]])
