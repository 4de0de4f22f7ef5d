"""OpenDKIM's lines as OpenDKIM 2.11 wrote them, or as its binary's messages have them; OpenDMARC's as those of 1.4."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.logs.filters.authentication import opendkim, opendmarc
from collectors.logs.head import NOTHING, Facts
from smtpwatch import events as ev
from smtpwatch.events import VerdictResult
from tests.collectors.logs.telling import assert_quick, head, mutated, read

QID = "89A892160AC"
Case = tuple[str, str, Facts]


def _says(
    program: str, text: str, by: str, result: VerdictResult, detail: str, domain: str = "", queue_id: str = QID
) -> Case:
    return program, text, (ev.Verdict(*head(program, text), by, result, queue_id, domain=domain, detail=detail),)


def _dkim(said: str, result: VerdictResult, domain: str = "", detail: str | None = None) -> Case:
    return _says("opendkim", f"{QID}: {said}", "DKIM", result, said if detail is None else detail, domain)


def _dmarc(said: str, by: str, result: VerdictResult, detail: str, domain: str) -> Case:
    return _says("opendmarc", f"{QID}: {said}", by, result, detail, domain)


_SIGNED = f"{QID}: DKIM-Signature field added (s=sel, d=example.org)"
_KEY = "/etc/dkim/key: key data is not secure: /etc can be read or written by other users"
_TABLE = f"{QID}: error loading key 'sel'"
_BAD = "s=sel d=example.com a=rsa-sha256 SSL error:02000068:rsa routines::bad signature"
_GONE = "key retrieval failed (s=sel, d=example.com): 'sel._domainkey.example.com' record not found"
_SLOW = "key retrieval failed (s=sel, d=example.com): 'sel._domainkey.example.com' query timed out"
CASES: tuple[Case, ...] = (
    _dkim("DKIM verification successful", "pass"),
    _dkim("bad signature data", "fail"),
    _dkim("no signature data", "none"),
    _dkim(_BAD, "fail", "example.com"),
    _dkim(_GONE, "permerror", "example.com"),
    _dkim(_SLOW, "temperror", "example.com"),
    _dkim("key revoked (s=sel, d=example.com, a=rsa-sha256)", "permerror", "example.com"),
    _dkim("syntax error: missing parameter(s) in signature data", "permerror"),
    _dkim('signature=AAAA domain=example.org selector=sel result="signature verification failed"', "fail",
          "example.org",
          "signature verification failed"),
    _dkim('signature=AAAA domain=example.org selector=sel result="no signature error"', "pass", "example.org",
          "no signature error"),
    # A domain of more than one word is none, and the result is the line's last.
    _dkim('signature=AAAA domain=a.example selector=s result="no signature error" selector=sel result="signature '
          'verification failed"',
          "fail", "a.example", "signature verification failed"),
    _dkim('signature=AAAA domain=a.example b selector=sel result="key retrieval failed"', "temperror", "",
          "key retrieval failed"),
    ("opendkim", _SIGNED, (ev.MessageHandled(*head("opendkim", _SIGNED), QID, "sign", "s=sel, d=example.org"),)),
    ("opendkim", _KEY, (ev.ServiceTrouble(*head("opendkim", _KEY), "error", _KEY),)),
    ("opendkim", _TABLE, (ev.ServiceTrouble(*head("opendkim", _TABLE), "error", "error loading key 'sel'", QID),)),
    ("opendkim", f"{QID}: [203.0.113.7] [203.0.113.7] not internal", NOTHING),
    ("opendkim", f"{QID}: not authenticated", NOTHING),
    ("opendkim", f"{QID}: no signing domain match for 'x: DKIM verification successful'", NOTHING),
    ("opendkim", f"{QID}: external host mail.example.com attempted to send as example.org", NOTHING),
    ("opendkim", "OpenDKIM Filter v2.11.0 starting (args: -f)", NOTHING),
    ("opendkim", "something new", None),
    _dmarc("example.com pass", "DMARC", "pass", "example.com pass", "example.com"),
    _dmarc("example.com fail", "DMARC", "fail", "example.com fail", "example.com"),
    _dmarc("example.com none", "DMARC", "none", "example.com none", "example.com"),
    _dmarc("SPF(mailfrom): example.com pass", "SPF", "pass", "example.com pass", "example.com"),
    _dmarc("SPF(helo): mail.example.com softfail", "SPF", "softfail", "mail.example.com softfail", "mail.example.com"),
    ("opendmarc", f"{QID}: unable to parse From header field", NOTHING),
    ("opendmarc", f"{QID}: a.example b.example pass", NOTHING),
    ("opendmarc", f"{QID} ignoring Authentication-Results at 1 from mx.example.net", NOTHING),
    ("opendmarc", "implicit authentication service: mx.example.org", NOTHING),
    ("opendmarc", "something new", None),
)  # fmt: skip


@pytest.mark.parametrize(("program", "text", "expected"), CASES, ids=range(len(CASES)))
def test_a_line(program: str, text: str, expected: Facts) -> None:
    assert read(program, text) == expected


@given(st.text() | mutated([text for _, text, _ in CASES]))
def test_it_never_raises(text: str) -> None:
    opendkim(text, head("opendkim", text))
    opendmarc(text, head("opendmarc", text))


def test_no_line_takes_long() -> None:
    assert_quick(opendkim, [CASES[3][1], CASES[4][1], CASES[8][1]])
    assert_quick(opendmarc, [CASES[24][1]])
