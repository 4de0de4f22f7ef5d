"""One alert in full, and the worst in one line."""

from ipaddress import ip_network

import pytest
from textual.strip import Strip

from smtpwatch.firewall.block import Block
from smtpwatch.triage.alert import Alert, Step
from smtpwatch.triage.alerts import Alerts
from tests.screens import alerts as made
from tests.screens import burst
from tests.screens.conftest import utc as utc
from tests.screens.scenes import NOW
from widgets import ink
from widgets.alert_lines import body, head, summary

NEVER = float("-inf")


def raised(rule: str) -> Alert:
    return made.some(Alerts(made.QUIET))[rule]


def text(*parts: list[Strip]) -> str:
    return "\n".join(strip.text.rstrip() for part in parts for strip in part)


def blocked(source: str) -> Block | None:
    made_ = Block(ip_network(source), "smtp", NOW, None, "", "ada", "nftables", "1")
    return made_ if source.endswith((".7", ".1")) else None


def test_the_line() -> None:
    line = summary(raised("takeover"), 2, 120)
    assert line.cell_length == 120 and line.text.endswith("…  +2 alerts (7)")
    assert line.text.startswith("x account bob@example.net: logged in from 5 networks in 4 countries")
    first, rest, more = list(line)
    assert (first.text, first.style) == ("x account bob@example.net", ink.BAD)
    assert rest.style is None and more.style == ink.FAINT


@pytest.mark.parametrize(
    ("others", "cells", "end"),
    [(0, 120, "  (7)"), (1, 120, "  +1 alert (7)"), (1_204, 120, "  +1,204 alerts (7)"), (2, 80, "  +2 (7)")],
)
def test_how_many_more(others: int, cells: int, end: str) -> None:
    line = summary(raised("early-talker"), others, cells)
    assert line.text.endswith(end) and line.cell_length == cells and line.text.startswith(". 192.0.2.10: 1 ")


@pytest.mark.parametrize("cells", [1, 5, 20])
def test_the_line_in_no_room(cells: int) -> None:
    assert summary(raised("takeover"), 9, cells).text


def test_a_sentence_that_does_not_begin_with_its_subject() -> None:
    first, *_ = summary(raised("reputation"), 0, 80)
    assert (first.text, first.style) == ("! ", ink.WARN)


def test_head() -> None:
    alert = raised("takeover")
    told = text(head(alert, NOW, 80, NEVER, False))
    assert told.splitlines()[0] == "x critical: takeover, account bob@example.net"
    assert "look at the queue" in told and "state   open" in told
    assert "seen    first 10:16:07, last 10:41:07, 0s ago; found 12 times, 1,812 in all" in told
    assert "b block 198.18.0.5, 198.18.1.5, 198.18.2.5, 198.18.3.5 and 1 more" in told
    assert "keys    o account:bob@example.net   a acknowledge   x silence for 1 h, 1 d" in told


def test_how_it_stands() -> None:
    alerts = Alerts(made.QUIET)
    every = made.some(alerts)
    until = NOW + 3_480
    assert "silenced until 11:39:07, 58m more" in text(head(every["harvest"], NOW, 80, until, False))
    assert "state   acknowledged" in text(head(every["queue-grows"], NOW, 80, NEVER, False))
    assert "over since 10:29:27" in text(head(every["slot-hog"], NOW, 80, NEVER, False))
    again = "over since 10:29:27; silenced until 11:39:07, should it come again"
    assert again in text(head(every["slot-hog"], NOW, 80, until, False))
    assert "part of another alert by now" in text(head(every["takeover"], NOW, 80, NEVER, True))


def test_which_of_its_sources_are_blocked() -> None:
    alert = raised("harvest")
    assert "and 9 more; 2 of them blocked" in text(head(alert, NOW, 120, NOW + 60, False, blocked))
    assert "203.0.113.7 ■, 203.0.113.8" in text(body(alert, [], NOW, 120, blocked))
    assert "203.0.113.7; blocked" in text(head(raised("relay-tries"), NOW, 80, NEVER, False, blocked))
    assert "b block" not in text(head(raised("reputation"), NOW, 80, NEVER, False, blocked))


def test_body() -> None:
    picture = burst.picture()
    alert = raised("brute-force")
    sessions = [session for key in alert.sessions if (session := picture.sessions.get(key)) is not None]
    lines = text(body(alert, sessions, NOW, 80)).splitlines()
    assert lines[0] == "latest sessions" and lines[1].startswith("x 10:40:12")
    assert lines[3] == "(1 that is no longer held)"
    assert lines[lines.index("log lines") + 1].startswith("10:40:58  postfix/smtpd: warning: unknown[198.51.100.20]")
    told = text(body(raised("takeover"), [], NOW, 80))
    assert told.index("10:15:07  31 failed logins") < told.index("10:26:07  used from 5 networks")
    assert text(body(raised("certificate-ends"), [], NOW, 80)) == "There is no more to tell of it."


def test_what_does_not_fit_into_the_head_is_below() -> None:
    alert = raised("reputation")
    alert.says = "a word and more " * 60
    assert text(head(alert, NOW, 80, NEVER, False)).count("a word") < 30
    assert text(body(alert, [], NOW, 80)).count("a word") == 60


def test_steps_are_wrapped_and_in_order() -> None:
    alert = raised("early-talker")
    alert.steps = [Step(NOW, "later " * 40), Step(NOW - 60, "sooner")]
    lines = text(body(alert, [], NOW, 80)).splitlines()
    assert lines[1] == "10:40:07  sooner" and lines[2].startswith("10:41:07  later") and lines[3].startswith(" " * 10)
    assert all(len(line) <= 80 for line in lines)


@pytest.mark.parametrize("cells", [20, 80, 200])
def test_hostile_words_are_text(cells: int) -> None:
    alert = Alerts(made.QUIET).found(made.HOSTILE)
    told = text(head(alert, NOW, cells, NEVER, False), body(alert, [], NOW, cells), [summary(alert, 1, cells)])
    assert "\\e]0;owned" in told or cells == 20
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 or char == "\u202e" for char in told.replace("\n", ""))
