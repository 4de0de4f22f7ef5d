"""Which counters an event bumps, written out from the words in ARCHITECTURE.md, not from the code."""

import pytest

from smtpwatch import counters
from smtpwatch import events as ev

_WHO = (1.0, "wire", "mx", 1, "203.0.113.7")
_STATUS = ev.SensorStatus(1.0, "wire", "mx", "running", "", 0, 0, 0, {}, ())


def _opened(direction: ev.Direction) -> ev.Event:
    return ev.SessionOpened(*_WHO, 1.0, 40000, "192.0.2.25", 25, direction)


def _recipient(code: int | None) -> ev.Event:
    return ev.RecipientDecided(*_WHO, "a@example.org", code, None, "")


def _message(outcome: ev.Outcome, code: int | None = 250) -> ev.Event:
    return ev.MessageDecided(*_WHO, "", True, outcome, code, None, "", None, 1, 0, 10)


@pytest.mark.parametrize(
    ("event", "names"),
    [
        (_opened("inbound"), {"sessions", "sessions inbound"}),
        (_opened("submission"), {"sessions", "sessions submission"}),
        (_opened("outbound"), {"sessions", "sessions outbound"}),
        (ev.SessionClosed(*_WHO, 1.0, "quit", 1, 1, None, True), {"sessions closed"}),
        (ev.Greeting(*_WHO, 220, "mx ESMTP"), set()),
        (ev.Greeting(*_WHO, 421, "busy"), {"greetings refused", "refusals"}),
        (ev.Greeting(*_WHO, 554, "no"), {"greetings refused", "refusals"}),
        (_recipient(250), {"recipients accepted"}),
        (_recipient(251), {"recipients accepted"}),
        (_recipient(450), {"recipients refused", "refusals"}),
        (_recipient(550), {"recipients refused", "refusals"}),
        (_recipient(None), set()),
        (_message("accepted"), {"messages accepted"}),
        (_message("rejected"), {"messages rejected"}),
        (_message("rejected", None), {"messages rejected"}),
        (_message("rejected", 550), {"messages rejected", "refusals"}),
        (_message("deferred", 451), {"messages deferred", "refusals"}),
        (_message("reset"), {"messages reset"}),
        (_message("abandoned"), {"messages abandoned"}),
        (_message("unknown"), {"messages unknown"}),
        (ev.AuthAttempted(*_WHO, "PLAIN", "success", True), {"auth success"}),
        (ev.AuthAttempted(*_WHO, "PLAIN", "failure", True), {"auth failure"}),
        (ev.AuthAttempted(*_WHO, "PLAIN", "aborted", True), {"auth aborted"}),
        (ev.AuthAttempted(*_WHO, "PLAIN", "unknown", True), {"auth unknown"}),
        (
            ev.TlsNegotiated(*_WHO, "TLSv1.3", "TLS_AES_128_GCM_SHA256", None, None, "", False, False),
            {"tls", "tls TLSv1.3"},
        ),
        (ev.TlsFailed(*_WHO, "client", "unknown_ca", "certificate refused"), {"tls failed"}),
        (ev.Oddity(*_WHO, "bare LF", ""), {"oddities"}),
        (ev.Command(*_WHO, "RSET", ""), set()),
        (ev.Reply(*_WHO, "RSET", 550, None, ""), set()),
        (ev.TransactionOpened(*_WHO, ""), set()),
        (ev.SessionProgress(*_WHO, 1, 1), set()),
        (_STATUS, set()),
    ],
)
def test_what_an_event_counts_as(event: ev.Event, names: set[str]) -> None:
    counted = counters.counted(event)
    assert set(counted) == names
    assert len(counted) == len(names)


def test_adding_up() -> None:
    counts: dict[str, int] = {}
    for event in (_opened("inbound"), _opened("outbound"), _STATUS):
        counters.add(counts, counters.counted(event))
    assert counts == {"sessions": 2, "sessions inbound": 1, "sessions outbound": 1}
