"""postgrey's lines as postgrey 1.37 wrote them; milter-greylist's as its source has them (4.6)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.logs.filters.greylist import milter_greylist, postgrey
from collectors.logs.head import NOTHING, Facts
from smtpwatch import events as ev
from smtpwatch.events import VerdictResult
from tests.collectors.logs.telling import assert_quick, head, mutated, read

CLIENT = "203.0.113.7"
MILTER = "milter-greylist"
Case = tuple[str, str, Facts]


def _grey(
    program: str,
    text: str,
    result: VerdictResult,
    recipient: str,
    detail: str,
    *,
    source: str = CLIENT,
    queue_id: str = "",
) -> Case:
    verdict = ev.Verdict(*head(program, text), "greylist", result, queue_id, source, recipient=recipient, detail=detail)
    return program, text, (verdict,)


_SENDER = "sender=a, client_address=9.9.9.9, x@example.com"
_CLIENT_IS = f"client_name=unknown, client_address={CLIENT}"
_SKIP = f"(from=<a, addr=x[9.9.9.9]) ACL 1>, rcpt=<b@example.org>, addr=mail.example.com[{CLIENT}]) ACL 102"
CASES: tuple[Case, ...] = (
    _grey("postgrey", f"action=greylist, reason=new, {_CLIENT_IS}, {_SENDER}, recipient=carol@example.org",
          "greylisted",
          "carol@example.org", "reason=new"),
    _grey("postgrey", f"action=pass, reason=triplet found, delay=301, {_CLIENT_IS}, {_SENDER}, "
          "recipient=carol@example.org", "pass",
          "carol@example.org", "reason=triplet found, delay=301"),
    _grey("postfix/postgrey", "ABC123: action=pass, reason=client AWL, client_name=mail.example.com, "
          "client_address=2001:db8::7, "
          "sender=a@example.com, recipient=c@example.org", "pass", "c@example.org", "reason=client AWL",
          source="2001:db8::7", queue_id="ABC123"),
    _grey("postgrey", f"action=greylist, reason=early-retry (120s missing), {_CLIENT_IS}, recipient=c@example.org",
          "greylisted",
          "c@example.org", "reason=early-retry (120s missing)"),
    _grey("postgrey", f"action=greylist, reason=new, {_CLIENT_IS}, sender=a, recipient=root@example.org, x@b, "
          "recipient=c@example.org",
          "greylisted", "", "reason=new"),
    ("postgrey", "cleaning up old logs...", NOTHING),
    ("postgrey", "Binding to TCP port 10023 on host 127.0.0.1 with IPv4", NOTHING),
    ("postgrey", "action=new, reason=none", None),
    _grey(MILTER, f"ABC123: addr mail.example.com[{CLIENT}] from <a@example.com> to <c@example.org> delayed for "
          "00:05:00 (ACL 12)",
          "greylisted", "c@example.org", "delayed for 00:05:00 (ACL 12)", queue_id="ABC123"),
    _grey(MILTER, f"(unknown id): addr [{CLIENT}] from <a@example.com> rcpt <c@example.org>: autowhitelisted for "
          "24:00:00", "pass",
          "c@example.org", "autowhitelisted for 24:00:00"),
    _grey(MILTER, f'ABC123: addr x[{CLIENT}] from <"> to <x> delayed for"@example.com> to <c@example.org> delayed for '
          '00:05:00 (ACL 1)',
          "greylisted", "c@example.org", "delayed for 00:05:00 (ACL 1)", queue_id="ABC123"),
    _grey(MILTER, f"ABC123: skipping greylist because sender <a> is whitelisted, {_SKIP}", "pass", "",
          f"sender <a> is whitelisted, {_SKIP}", queue_id="ABC123"),
    (MILTER, "something new", None),
)  # fmt: skip


@pytest.mark.parametrize(("program", "text", "expected"), CASES, ids=range(len(CASES)))
def test_a_line(program: str, text: str, expected: Facts) -> None:
    assert read(program, text) == expected


@given(st.text() | mutated([text for _, text, _ in CASES]))
def test_it_never_raises(text: str) -> None:
    postgrey(text, head("postgrey", text))
    milter_greylist(text, head(MILTER, text))


@given(st.text() | st.sampled_from([_SENDER, ", client_address=9.9.9.9, sender=", _SKIP]))
def test_no_sender_blames_another(sender: str) -> None:
    text = f"action=greylist, reason=new, {_CLIENT_IS}, sender={sender}, recipient=c@example.org"
    why = f"sender {sender} is whitelisted, (from={sender}, rcpt=c, addr=x[{CLIENT}]) ACL 1"
    skipped = f"ABC: skipping greylist because {why}"
    for facts in (postgrey(text, head("postgrey", text)), milter_greylist(skipped, head(MILTER, skipped))):
        (told,) = facts or (None,)
        assert isinstance(told, ev.Verdict)
        assert told.source == CLIENT


def test_no_line_takes_long() -> None:
    assert_quick(postgrey, [CASES[1][1], CASES[2][1]])
    assert_quick(milter_greylist, [CASES[8][1], CASES[10][1], CASES[11][1]])
