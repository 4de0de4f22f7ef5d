"""One destination told in full, and the lines about all of them."""

import time
from collections.abc import Iterator

import pytest
from rich.cells import cell_len

from smtpwatch import events as ev
from smtpwatch.state.picture import Picture
from smtpwatch.state.queue_ages import QueueAges
from tests.state.outbound import POSTFIX, START, delivery, folded, postfix
from tests.widgets.test_delivery_columns import NOW, evening
from widgets.delivery_lines import body, facts, no_delivery_yet, totals

NONE = (0,) * 10


@pytest.fixture(autouse=True)
def _zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def told(kind: str, name: str, cells: int, ages: QueueAges | None = None) -> list[str]:
    """Head and body, a rule between them."""
    deliveries = evening()
    found = deliveries.get(kind, name)
    assert found is not None
    head, said = facts(found, ages, NOW, cells), body(found, deliveries, NOW, cells)
    assert all(strip.cell_length <= cells for strip in (*head, *said))
    return [strip.text.rstrip() for strip in (*head, *said)]


def test_a_domain_that_is_not_reached() -> None:
    ages = QueueAges(NONE, (("slow.example", (2, *NONE[1:])),), NOW, 9)
    assert told("domain", "slow.example", 80, ages) == [
        "domain slow.example: nothing gets through",
        "mail    0 sent, 2 deferred, 0 bounced, 0 expired since 10:13:23",
        "lately  2.0/min in the last minute, 0.1/min in the last 15, of which 100%",
        "        failed; last 56s ago",
        "waiting 1,380 recipients in the queue, 2 of those that the log told of",
        "conn    timed out, 56s ago",
        "Why not",
        "timed out               2 100% 10:13:24 Connection timed out",
        "",
        "Next hops",
        "     2 mx.slow.example[198.51.100.41]:25            x timed out",
        "",
        "Latest, the newest first",
        "10:13:24 deferred <d@slow.example> A000000004: connect to mx.slow.example[198.5…",
        "10:13:23 deferred <c@slow.example> A000000003: connect to mx.slow.example[198.5…",
    ]


def test_how_long_it_has_waited() -> None:
    ages = QueueAges(NONE, (("slow.example", (2, *NONE[3:], 3, 4)),), NOW, None)
    assert (
        told("domain", "slow.example", 80, ages)[4] == "waiting 1,380 recipients in the queue, 7 for more than 160 min"
    )


def test_a_domain_that_is_well() -> None:
    assert told("domain", "far.example", 120) == [
        "domain far.example",
        "mail    1 sent, 0 deferred, 1 bounced, 0 expired since 10:13:21",
        "lately  2.0/min in the last minute, 0.1/min in the last 15; last 58s ago",
        "delay   half of what was sent within 1.0s, 9 of 10 within 1.0s",
        "part    of it before the queue 0.1s, in the queue 0.0s, connecting 0.4s, sending 0.5s (half of it)",
        "conn    ok, 58s ago",
        "TLS     TLSv1.3 TLS_AES_256_GCM_SHA384 verified (log, 1m ago)",
        "Why not",
        "unknown user            1 100% 10:13:22 550 5.1.1 <b@far.example>: Recipient address rejected: User unknown",
        "",
        "Next hops",
        "     2 mx.far.example[198.51.100.25]:25                           ok        TLS 1.3     1.0s",
        "",
        "Latest, the newest first",
        "10:13:22 bounced  <b@FAR.example> A000000002: 550 5.1.1 <b@far.example>: Recipient address rejected: User "
        "unknown",
        "10:13:21 sent     <a@far.example> A000000001: 250 2.0.0 Ok: queued as 90A1B2C3D4",
    ]


def test_a_next_hop_and_a_reason() -> None:
    assert told("hop", "mx.weak.example[198.51.100.60]:25", 80)[:6] == [
        "next hop mx.weak.example[198.51.100.60]:25: nothing gets through",
        "mail    0 sent, 1 deferred, 0 bounced, 0 expired since 10:13:26",
        "lately  1.0/min in the last minute, 0.1/min in the last 15, of which 100%",
        "        failed; last 54s ago",
        "conn    no TLS, 54s ago",
        "TLS     failed: lost connection (log, 54s ago)",
    ]
    assert told("reason", "timed out", 80)[-6:] == [
        "Domains",
        "     2 slow.example",
        "",
        "Latest, the newest first",
        "10:13:24 deferred <d@slow.example> A000000004: connect to mx.slow.example[198.5…",
        "10:13:23 deferred <c@slow.example> A000000003: connect to mx.slow.example[198.5…",
    ]


def test_one_that_was_not_tried_yet() -> None:
    assert told("domain", "untried.example", 80) == [
        "domain untried.example",
        "waiting 7 recipients in the queue",
        "Mail for it waits in the queue; no attempt to deliver it has been logged yet.",
    ]


@pytest.mark.parametrize("cells", [40, 80, 200])
def test_hostile_words_stay_in_their_lines(cells: int) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J[bold red]x[/] \u202etxt.exe\u202c 漢字かな \x9b31m" * 9
    deliveries = folded([delivery(f"a@{evil}", "bounced", f"host {evil} said: 550 {evil}", relay=evil, code=550)])
    for kind in ("domain", "hop", "reason"):
        found = deliveries.in_order(kind)[0]
        for strip in (*facts(found, None, NOW, cells), *body(found, deliveries, NOW, cells)):
            assert strip.text.isprintable()
            assert cell_len(strip.text) <= cells


def test_all_in_a_line() -> None:
    assert totals(folded([])) == ""
    assert totals(folded(postfix(POSTFIX))) == (
        "To other hosts: 2 sent, 4 deferred, 2 bounced since 10:13:21; into mailboxes here: 3; through filters: 2"
    )


def test_no_delivery_yet() -> None:
    picture = Picture()
    assert "none is followed" in no_delivery_yet(picture, folded([]), "10:00")
    picture.apply([ev.SensorStatus(START, "log", "mx1", "running", "", 9, 0, 0, {}, ("/var/log/mail.log",))])
    assert no_delivery_yet(picture, folded([]), "10:00") == "No delivery to another host yet, log followed since 10:00."
    local = ev.Delivery(START, "log", "mx1", "postfix/local", 1, "", "A", "root@example.net", "sent", relay="local")
    assert no_delivery_yet(picture, folded([local]), "10:00") == (
        "No delivery to another host yet, log followed since 10:00; into mailboxes here: 1."
    )
