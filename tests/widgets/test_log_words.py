"""A line's mark, its facts in words, and what it says to a filter."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from smtpwatch import events as ev
from smtpwatch.query import FIELDS as ASKED
from smtpwatch.state.lines import Line
from tests.widgets import log_scene as scene
from tests.widgets.log_scene import A, B, head
from widgets import log_words
from widgets.log_columns import short
from widgets.log_fields import FIELDS
from widgets.log_words import in_words, mark, words

SMTPD = "postfix/smtpd"


def line(*facts: ev.LogEvent) -> Line:
    return Line(0, facts)


CASES: list[tuple[ev.LogEvent, str, str]] = [
    (scene.refused(), "x", f"refused RCPT 554 5.7.1 relay denied {A}"),
    (scene.refused(code=450), "!", f"put off RCPT 450 5.7.1 relay denied {A}"),
    (scene.refused(warning=True), "!", f"would refuse RCPT 554 5.7.1 relay denied {A}"),
    (scene.login("failure"), "x", f"login failed bob PLAIN {A}"),
    (scene.login("success", service="imap"), " ", f"login ok bob imap PLAIN {A}"),
    (scene.login("deferred", account=""), "!", f"login deferred (no name) PLAIN {A}"),
    (scene.delivery("sent"), " ", "sent example.com 250 2.0.0 4.3 s"),
    (scene.delivery("deferred"), "!", "deferred example.com 450 4.2.0 4.3 s 450 4.2.0 Greylisted (mx.example.com)"),
    (scene.delivery("bounced"), "x", "bounced example.com 450 4.2.0 4.3 s 450 4.2.0 Greylisted (mx.example.com)"),
    (scene.received(), " ", f"received from {A}"),
    (ev.MessageReceived(*head("postfix/pickup", "t"), "", 0, "", "4B1", "local", uid=0), " ",
     "received local from uid 0"),
    (ev.MessageQueued(*head("postfix/qmgr", "t"), "4B1", "", 1_300, 3), " ", "queued <> for 3 1.3k octets"),
    (ev.MessageIdentified(*head("postfix/cleanup", "t"), "4B1", "a@example.com"), " ", ""),
    (ev.ClientConnected(*head(SMTPD, "t"), B, 0, ""), " ", f"connect {B}"),
    (ev.ClientDisconnected(*head(SMTPD, "t"), A, 0, "", "", {"rcpt": (0, 3)}), " ", f"gone {A} 3 commands refused"),
    (ev.ClientLost(*head(SMTPD, "t"), A, 0, "", "timeout", "DATA"), "!", f"timeout after DATA {A}"),
    (ev.TlsEstablished(*head(SMTPD, "t"), A, 0, "", "TLSv1.3", "x", 256, "anonymous", "X25519"), " ",
     f"TLS 1.3 X25519 anonymous {A}"),
    (ev.TlsTroubled(*head(SMTPD, "t"), A, 0, "", "no shared cipher"), "x", f"TLS failed no shared cipher {A}"),
    (ev.Verdict(*head("spamd", "t"), "spam", "spam", score=7.25, threshold=5.0), "x", "spam spam 7.25 of 5"),
    (ev.Verdict(*head("opendmarc", "t"), "DMARC", "softfail", domain="example.net"), "!", "DMARC softfail example.net"),
    (ev.Verdict(*head("opendkim", "t"), "DKIM", "pass"), " ", "DKIM pass"),
    (ev.Screened(*head("postfix/postscreen", "t"), A, 0, "", "pregreet"), "!", f"postscreen pregreet {A}"),
    (ev.Screened(*head("postfix/postscreen", "t"), A, 0, "", "pass new"), " ", f"postscreen pass new {A}"),
    (ev.ClientPeak(*head("postfix/anvil", "t"), A, 0, "", "connection rate", 1_200, 60, "smtp"), " ",
     f"peak connection rate 1,200 in 60 s {A}"),
    (ev.ClientOddity(*head(SMTPD, "t"), A, 0, "", "bare LF", "x"), "!", f"bare LF {A}"),
    (ev.MessageHandled(*head("postfix/cleanup", "t"), "4B1", "hold", "virus"), " ", "hold virus"),
    (ev.NoticeSent(*head("postfix/bounce", "t"), "4B1", "bounce", "4B2"), " ", "bounce notice 4B2"),
    (ev.MessageExpired(*head("postfix/qmgr", "t"), "4B1", "a@example.net"), "x", "expired back to a@example.net"),
    (ev.MessageRemoved(*head("postfix/qmgr", "t"), "4B1"), " ", "left the queue"),
    (ev.LocalSubmission(*head("exim", "t"), "/var/www", ("-t",)), " ", "local mailer in /var/www"),
    (ev.ServiceTrouble(*head("postfix/master", "t"), "warning", "x"), "!", "warning"),
    (ev.ServiceTrouble(*head("postfix/master", "t"), "fatal", "x"), "x", "fatal"),
    (scene.plain("odd"), "?", "not understood"),
    (scene.plain("dull", understood=True), " ", ""),
]  # fmt: skip


@pytest.mark.parametrize(("fact", "glyph", "said"), CASES)
def test_each_kind_of_fact(fact: ev.LogEvent, glyph: str, said: str) -> None:
    assert (mark(line(fact)), words(line(fact)), in_words(fact)) == (glyph, said, said)


def test_every_kind_has_been_shown() -> None:
    kinds = {type(fact) for fact, _, _ in CASES} | {ev.ClientPortSeen}
    known = {each for each in vars(ev).values() if isinstance(each, type) and issubclass(each, ev.LogEvent)}
    assert kinds == known - {ev.LogEvent, ev.ClientEvent}


def test_of_several_facts_the_worst_comes_first() -> None:
    both = line(scene.received(), scene.refused(), scene.login("deferred"))
    assert mark(both) == "x"
    assert words(both) == (
        f"refused RCPT 554 5.7.1 relay denied {A}; login deferred bob PLAIN {A}; received from {A}"
    )  # fmt: skip


def test_a_long_reply_is_cut_before_it_is_looked_at() -> None:
    long = ev.Delivery(*head("postfix/smtp", "t"), "4B1", "b@example.com", "bounced", reply="x" * 60_000)
    assert len(in_words(long)) < log_words.REPLY_MAX + 50


@pytest.mark.parametrize(
    ("program", "name"),
    [
        ("postfix/smtpd", "smtpd"),
        ("postfix/submission/smtpd", "submission"),
        ("postfix-out/smtp", "smtp"),
        ("exim", "exim"),
        ("/usr/sbin/amavisd-new", "amavisd-new"),
        ("odd/", "odd/"),
        ("a//b", "b"),
    ],
)
def test_short_names(program: str, name: str) -> None:
    assert short(program) == name


def said_of(field: str, *facts: ev.LogEvent) -> list[object]:
    says = FIELDS[field](line(*facts))
    return list(says) if isinstance(says, Iterable) and not isinstance(says, str) else [says]


def test_what_a_filter_can_ask() -> None:
    assert set(FIELDS) <= set(ASKED)
    one = scene.refused()
    expected: dict[str, list[object]] = {
        "src": [A], "net": [A], "from": ["a@example.net"], "to": ["x@example.org"], "domain": ["example.org"],
        "helo": ["h.example"], "reason": ["relay denied"], "code": [554], "verdict": ["rejected"],
        "reply": ["554 5.7.1 <x@example.org>: Relay access denied"], "prog": ["postfix/smtpd", "smtpd"], "pid": [7],
        "host": ["mx"], "mark": ["x"],
    }  # fmt: skip
    assert {field: said for field in FIELDS if (said := said_of(field, one))} == expected


def test_what_other_facts_tell() -> None:
    assert said_of("account", scene.login("failure")) == ["bob"]
    assert said_of("verdict", scene.refused(code=450)) == ["deferred"]
    assert said_of("verdict", scene.refused(warning=True)) == []
    assert said_of("from", scene.received()) == ["<>"]
    assert said_of("qid", scene.delivery("sent")) == [scene.QUEUE_ID]
    assert said_of("status", scene.delivery("sent")) == ["sent"]
    assert said_of("relay", scene.delivery("sent")) == ["mx.example.com"]
    assert said_of("tls", CASES[16][0], CASES[17][0]) == ["1.3", "failed"]
    assert said_of("mark", scene.delivery("sent")) == [""]
    many = ev.MessageReceived(
        *head(SMTPD, "t"), A, 0, "", "4B1", "smtp", recipients=tuple(f"{number}@example.com" for number in range(9_999))
    )
    assert len(said_of("to", many)) == 100
