"""Exim's lines: each form, what strangers forge into them, and what they cost."""

import re
import time
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.logs.exim import parse
from collectors.logs.head import NOTHING, SENSOR, Head
from collectors.logs.reader import Reader
from smtpwatch import events as ev
from tests.collectors.logs.exim_client_lines import LOGINS, REFUSALS
from tests.collectors.logs.exim_delivery_lines import DELIVERIES
from tests.collectors.logs.exim_lines import ARRIVALS, ID, MESSAGES, Case
from tests.collectors.logs.exim_session_lines import SERVICE, SESSIONS

_TABLES = {
    "arrivals": ARRIVALS, "deliveries": DELIVERIES, "messages": MESSAGES, "refusals": REFUSALS, "logins": LOGINS,
    "sessions": SESSIONS, "service": SERVICE,
}  # fmt: skip
_CASES = {f"{table}: {name}": case for table, cases in _TABLES.items() for name, case in cases.items()}
_SUBJECT = re.compile(r' T="(?:[^"\\]|\\.)*"')
LIMIT = 2.0  # seconds for a line; only a guard against a search without end: it takes less than a millisecond


def _head(text: str) -> Head:
    """The head of facts of this line: as it is, but for a message's subject."""
    return (0.0, SENSOR, "mx", "exim", 0, _SUBJECT.sub("", text, count=1) if " <= " in text else text)


def _parse(text: str) -> list[ev.Event] | None:
    facts = parse(text, (0.0, SENSOR, "mx", "exim", 0, text))
    return None if facts is None else list(facts)


@pytest.mark.parametrize("case", _CASES.values(), ids=_CASES.keys())
def test_what_a_line_says(case: Case) -> None:
    text, expected = case
    assert _parse(text) == (None if expected is None else [fact(_head(text)) for fact in expected])


def test_a_line_without_facts_is_understood_all_the_same() -> None:
    assert parse("Start queue run: pid=743", _head("")) is NOTHING


@pytest.mark.parametrize(
    ("before", "program", "pid"),
    [
        ("2026-11-25 09:25:30 ", "exim", 0),
        ("2026-11-25 09:25:30.123 +0000 [745] ", "exim", 745),
        ("Nov 25 09:25:30 mx exim[745]: 2026-11-25 09:25:30 ", "exim", 745),
        ("2026-11-25T09:25:30.000000+00:00 mx exim4: 2026-11-25 09:25:30.123 [745] ", "exim4", 0),
        ("Nov 25 09:25:30 mx exim[745]: ", "exim", 745),
    ],
    ids=["own log", "own log, all selectors", "syslog", "syslog, all selectors", "syslog, no stamp of its own"],
)
def test_from_whichever_log(before: str, program: str, pid: int) -> None:
    reader = Reader("mx", UTC, 1_795_600_000.0)
    for text, expected in _CASES.values():
        name, facts = reader.line(before + text)
        assert name == program
        assert (facts is None) == (expected is None), text
        for fact, wanted in zip(facts or (), expected or (), strict=True):
            assert isinstance(fact, ev.LogEvent)
            assert int(fact.time) == 1_795_598_730
            assert fact == wanted((fact.time, SENSOR, "mx", program, pid, fact.text))


def test_a_split_line_is_known_by_its_whole_first_part() -> None:
    text = "2026-11-25 09:25:30 H=(c) [192.0.2.2] rejected EXPN bob"
    assert _parse(rf"[1\18] {text}")
    assert _parse(rf"[2\18] {text}") is None
    assert _parse(f"[1/5] {text}") is None
    assert _parse(f"[2/5] {text}") is None


_FORGED_HELO = "x) [9.9.9.9] F=<a@b> rejected RCPT <c@d>: relay not permitted"
_HELO_LINES = (
    "H=({}) [192.0.2.2] F=<a@b.example> rejected RCPT <x@far.example>: relay not permitted",
    "H=client.example.net ({}) [192.0.2.2]:25 rejected MAIL <a@b>: no",
    "plain_server authenticator failed for ({}) [192.0.2.2]: 535 Incorrect authentication data (set_id=carol)",
    "SMTP connection from ({}) [192.0.2.2]:40071 I=[192.0.2.1]:25 closed by QUIT",
    "SMTP connection from ({}) [192.0.2.2] lost",
    'SMTP call from ({}) [192.0.2.2] dropped: too many unrecognized commands (last was "QUX")',
    "unexpected disconnection while reading SMTP command from ({}) [192.0.2.2] D=0s",
    "SMTP command timeout on connection from ({}) [192.0.2.2]",
    "TLS error on connection from ({}) [192.0.2.2] (gnutls_handshake): timed out",
    "no MAIL in SMTP connection from ({}) [192.0.2.2] D=0s C=EHLO,QUIT",
    "no IP address found for host a.example (during SMTP connection from ({}) [192.0.2.2])",
    "rejected HELO from ({}) [192.0.2.2]: syntactically invalid argument(s): @",
    "unqualified recipient rejected: <bob> H=({}) [192.0.2.2]",
    'SMTP syntax error in "FOO" H=({}) [192.0.2.2] unrecognized command',
    'SMTP protocol synchronization error (next input sent too soon: pipelining was advertised): rejected "Q" H=({}) '
    "[192.0.2.2] x",
    f"{ID} <= a@b.example H=({{}}) [192.0.2.2] P=esmtp S=262 id=m1@sender.example",
    f"{ID} H=({{}}) [192.0.2.2] F=<a@b> rejected after DATA: no",
    f"{ID} SMTP connection lost after final dot H=({{}}) [192.0.2.2] P=esmtp",
)
_HELOS = (
    "x) [9.9.9.9]", "x) [9.9.9.9]:25", "[9.9.9.9]", "9.9.9.9", "x) [9.9.9.9]: 535 Incorrect authentication data "
    "(set_id=root)",
    "x) [9.9.9.9] closed by QUIT", "x [9.9.9.9", ") [9.9.9.9", "(a) [9.9.9.9]:25", "x) [9.9.9.9] P=esmtpa "
    "A=plain:root S=1",
    "x) [9.9.9.9], y", "x) [9.9.9.9])", _FORGED_HELO,
)  # fmt: skip


@pytest.mark.parametrize("line", _HELO_LINES)
@pytest.mark.parametrize("helo", _HELOS)
def test_a_helo_blames_nobody_else(line: str, helo: str) -> None:
    for fact in _parse(line.format(helo)) or []:
        assert getattr(fact, "source", "") in ("192.0.2.2", "")
        assert getattr(fact, "account", "") in ("carol", "")


_FORGED = {
    "account": (
        "plain_server authenticator failed for (x.example) [192.0.2.2]: 535 Incorrect authentication data "
        "(set_id=a) [9.9.9.9]: 535 Incorrect authentication data (set_id=root))"
    ),
    "account with a reason": (
        "plain_server authenticator failed for (x) [192.0.2.2]: 435 Unable to authenticate at present (set_id=root): "
        "x): y"
    ),
    "account with a reason, no other": (
        "plain_server authenticator failed for (x) [192.0.2.2]: 435 Unable to authenticate at present (set_id=root): x)"
    ),
    "sender": 'H=(c) [192.0.2.2] F=<"> rejected RCPT <root@b>: no) [9.9.9.9] F=<a"@b> rejected RCPT <c@d>: no',
    "recipient": 'H=(c) [192.0.2.2] F=<a@b> rejected RCPT <"x) [9.9.9.9] rejected RCPT <root@b>: y"@d>: no',
    "MAIL": 'H=(c) [192.0.2.2] rejected MAIL <"x) [9.9.9.9] rejected RCPT <root@b>: y"@d>: no',
    "VRFY": "H=(c) [192.0.2.2] rejected VRFY x) [9.9.9.9] rejected RCPT <root@b>: no",
    "command": 'SMTP syntax error in "FOO" H=[9.9.9.9] x" H=[192.0.2.2] unrecognized command',
    "command too soon": (
        "SMTP protocol synchronization error (next input sent too soon: pipelining was advertised): "
        'rejected "FOO" H=[9.9.9.9] next input="x" H=[192.0.2.2] next input="y"'
    ),
    "input too soon": (
        "SMTP protocol synchronization error (next input sent too soon: pipelining was advertised): "
        'rejected "FOO" H=[192.0.2.2] next input="x" H=[9.9.9.9]"'
    ),
    "greeting not awaited": (
        "SMTP protocol synchronization error (input sent without waiting for greeting): "
        'rejected connection from H=[192.0.2.2] input="x" H=[9.9.9.9] rejected"'
    ),
    "arrival's sender": f'{ID} <= "a H=[9.9.9.9] P=esmtpa A=plain:root S=1"@b H=(c) [192.0.2.2] P=esmtp S=5',
    "arrival's id": f'{ID} <= a@b H=(c) [192.0.2.2] P=esmtp S=5 id="x H=[9.9.9.9] A=plain:root S=1"@y',
    "arrival's subject": f'{ID} <= a@b H=(c) [192.0.2.2] P=esmtp S=5 id=x T="\\" A=plain:root S=1 H=(c) [9.9.9.9] '
    'P=esmtp"',
    "arrival's recipient": f'{ID} <= a@b H=(c) [192.0.2.2] P=esmtp S=5 for "A=plain:root S=1 for root@b"@d',
    "ident": f"{ID} <= a@b H=(c) [192.0.2.2] U=x P=esmtpa A=plain:root S=1 P=esmtp S=5",
    "ident in a refusal": "H=(c) [192.0.2.2] U=x F=<root@b> rejected RCPT <root@b>: no F=<a@b> rejected RCPT <c@d>: no",
    "certificate": f'{ID} <= a@b H=(c) [192.0.2.2] P=esmtps X=T:C:1 CV=no DN="x" A=plain:root S=1 id="y" S=5',
    "certificate in a refusal": (
        'H=(c) [192.0.2.2] X=T:C:1 CV=no DN="x" F=<root@b> rejected RCPT <root@b>: "z" F=<a@b> rejected RCPT <c@d>: no'
    ),
    "size's sender": 'rejected MAIL FROM:<"x> H=[9.9.9.9]: "@b> H=(c) [192.0.2.2]: message too big: size=2 max=1',
    "name of a host": "no IP address found for host a (during SMTP connection from [9.9.9.9]) (during SMTP "
    "connection from [192.0.2.2])",
    "name of another": "192.0.2.2 does not match any IP address for 9.9.9.9 does not match any IP address for x",
    "reason of a loss": 'SMTP call from [192.0.2.2] dropped: too many nonmail commands (last was "H=[9.9.9.9]: x")',
    "reason of a bounce": f"{ID} ** a@b R=r T=t H=h [192.0.2.2]: SMTP error from remote mail server after RCPT "
    "TO:<a@b>: 550 H=[9.9.9.9]",
    "queue id in a line": f"some words {ID} <= root@b H=(c) [9.9.9.9] P=esmtp S=1",
}  # fmt: skip


@pytest.mark.parametrize("text", _FORGED.values(), ids=_FORGED.keys())
def test_nothing_that_a_stranger_wrote_becomes_a_fact_of_others(text: str) -> None:
    for fact in _parse(text) or []:
        assert getattr(fact, "source", "") in ("192.0.2.2", "")
        assert getattr(fact, "account", "") != "root"
        assert "root" not in (getattr(fact, "sender", ""), getattr(fact, "recipient", ""))
        assert "root@b" not in (getattr(fact, "sender", ""), getattr(fact, "recipient", ""))
        assert getattr(fact, "relay_address", "") != "9.9.9.9"


def test_of_a_doubtful_line_the_certain_part_is_told() -> None:
    text = f"{ID} <= a@b H=({_FORGED_HELO}) [192.0.2.2] P=esmtp S=262 id=x"
    assert _parse(text) == [ev.MessageReceived(*_head(text), "", 0, "", ID, "smtp", "a@b")]
    failed = f"plain_server authenticator failed for ({_FORGED_HELO}) [192.0.2.2]: 535 Incorrect authentication data"
    assert _parse(failed) == [ev.LoginTried(*_head(failed), "", 0, "", "smtp", "failure", "", "plain_server")]


def test_a_recipient_that_looks_like_the_rest_of_the_line() -> None:
    forged = "a@b R=x T=y H=z [9.9.9.9]: 550 no"
    text = f'{ID} ** {forged.lower()}@far.example <"{forged}"@far.example> R=elsewhere: Unrouteable address'
    assert _parse(text) == [
        ev.Delivery(*_head(text), ID, f'"{forged}"@far.example', "bounced", "", "Unrouteable address"),
    ]
    assert _parse(f'{ID} ** {forged}@far.example <"somebody else"@far.example> R=elsewhere: no') is None
    text = f"{ID} => a b@far.example <a\\ b@far.example> R=elsewhere T=remote_smtp"
    assert _parse(text) == [
        ev.Delivery(*_head(text), ID, "a\\ b@far.example", "sent", transport="remote_smtp"),
    ]


def test_a_subject_is_not_kept() -> None:
    for rest in (
        'id=m@b T="secret plan" for c@d',
        'T="secret plan"',
        'id=m@b T="secret \\" plan" from <a@b>',
        'X T="secret',
    ):
        for fact in _parse(f"{ID} <= a@b.example H=(c) [192.0.2.2] P=esmtp S=5 {rest}") or []:
            assert isinstance(fact, ev.LogEvent)
            assert "secret" not in fact.text


_PIECES = (
    " ", "(", ") [", ") [9.9.9.9]", "<", ">", '"', " <", ' <"', '" <"', "\\", '\\"', ": ", " H=", " H=(", '" H=',
    " DT=", " (", " F=<",
    "a", "a@b ", "[", "=", " R=x", ' DN="', ' T="', ' C="', "SMTP error from remote mail server after ", '"a"',
    " args: ", "1 args: ",
)  # fmt: skip
_BEGINNINGS = (
    f"{ID} <= ", f"{ID} => ", f"{ID} => |", f"{ID} ** a@b", f"{ID} ** a@b: SMTP error from remote mail server after "
    "RCPT TO:<",
    f"{ID} == ", f"{ID} == a@b R=r T=t defer (111): ", f"{ID} F=", f"{ID} rejected from <", f"{ID} DKIM: d=", "H=(",
    "H=[192.0.2.2] F=<",
    "H=[192.0.2.2] F=<> rejected RCPT <", "x authenticator failed for (", "SMTP connection from (",
    'SMTP syntax error in "',
    "SMTP protocol synchronization error (next input sent too soon: pipelining was advertised): rejected \"", "cwd=",
    "no IP address found for host ", "unqualified recipient rejected: <", f"{ID} <= a@b H=(c) [192.0.2.2] P=esmtp "
    "S=1 id=",
    f'{ID} <= a@b H=(c) [192.0.2.2] P=esmtps X=T CV=no DN="', f"{ID} ** ", f"{ID} => a@b R=r T=t C=\"",
    "H=[192.0.2.2] F=<> RCPT ",
)  # fmt: skip


@pytest.mark.parametrize("beginning", _BEGINNINGS)
def test_hostile_lines_do_not_hang(beginning: str) -> None:
    for piece in _PIECES:
        text = (beginning + piece * (65_536 // len(piece)))[:65_536]
        least = min(_seconds(text) for _ in range(2))
        assert least < LIMIT, (piece, least)


def _seconds(text: str) -> float:
    start = time.perf_counter()
    _parse(text)
    return time.perf_counter() - start


_LINES = st.sampled_from([text for text, _ in _CASES.values()])


@given(st.one_of(st.text(), st.text(alphabet=' "()<>[]=:\\@.-0159aAHF*')))
def test_never_raises(text: str) -> None:
    _parse(text)
    _parse(f"{ID} {text}")


@given(_LINES, st.data())
def test_never_raises_on_damaged_lines(line: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(line)))
    end = data.draw(st.integers(start, len(line)))
    put = data.draw(st.one_of(st.text(max_size=20), st.sampled_from(_PIECES), st.just(line)))
    _parse(line[:start] + put + line[end:])
