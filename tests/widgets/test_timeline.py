"""Entries as lines: stamps, marks, ink, wrapping."""

import pytest
from rich.cells import cell_len
from rich.style import Style

from smtpwatch import events as ev
from tests.screens import scenes
from widgets import ink
from widgets.placing import AFTER, BEFORE, Entry, Spot
from widgets.timeline import LINE_MAX, timeline

START = scenes.START + 0.25
CLIENT = "203.0.113.7"


def command(time: float) -> ev.Command:
    return ev.Command(time, "wire", "mx1", 1, CLIENT, "NOOP", "")


def fact(text: str, time: float = scenes.START) -> ev.MessageIdentified:
    return ev.MessageIdentified(time, "log", "mx1", "postfix/cleanup", 7, text, "A", "id")


def texts(*entries: Entry, start: float = START, cells: int = 100) -> list[str]:
    strips = timeline(entries, start, cells)
    assert all(cell_len(strip.text) <= cells for strip in strips)
    return [strip.text for strip in strips]


def test_order_of_time_and_side() -> None:
    entries = [
        Entry(Spot(START + 1, AFTER), (fact("after"),), rough=True),
        Entry(Spot(START + 1), (command(START + 1),)),
        Entry(Spot(START + 1, BEFORE), (fact("before"),), rough=True),
        Entry(Spot(START), (command(START),)),
    ]
    assert texts(*entries) == [
        "+0.000    C> NOOP",
        "~1.000    L: postfix/cleanup[7]: before",
        "+1.000    C> NOOP",
        "~1.000    L: postfix/cleanup[7]: after",
    ]


@pytest.mark.parametrize(
    ("start", "time", "rough", "stamp"),
    [
        (scenes.START, scenes.START + 2, True, "+2"),
        (scenes.START, scenes.START + 65, True, "+1:05"),
        (scenes.START, scenes.START + 3_723, True, "+1:02:03"),
        (scenes.START, scenes.START + 2.5, True, "~2.500"),
        (START, scenes.START + 2, True, "~1.750"),
        (START, START + 2, False, "+2.000"),
        (START, START + 125, False, "+2:05"),
    ],
    ids=lambda value: str(value) if isinstance(value, str | bool) else f"{value - scenes.START:g}",
)
def test_stamps_claim_no_more_than_is_known(start: float, time: float, rough: bool, stamp: str) -> None:
    (text,) = texts(Entry(Spot(time), (fact("x"),), rough), start=start)
    assert text.split()[0] == stamp


def test_onward_sessions_have_marks_of_their_own() -> None:
    reply = ev.Reply(START, "wire", "mx1", 1, CLIENT, "MAIL", 250, None, "Ok")
    entries = [Entry(Spot(START), (each,), onward=True) for each in (command(START), reply)]
    assert texts(*entries) == ["+0.000    c> NOOP", "+0.000    s< 250 Ok"]


def log(kind: type[ev.LogEvent], *fields: object, **more: object) -> ev.LogEvent:
    return kind(START, "log", "mx1", "postfix/smtpd", 7, "x", *fields, **more)


CLIENT_FIELDS = (CLIENT, 0, "")
INKS: list[tuple[str, ev.LogEvent, Style]] = [
    ("connected", log(ev.ClientConnected, *CLIENT_FIELDS), ink.FAINT),
    ("lost", log(ev.ClientLost, *CLIENT_FIELDS, "timeout"), ink.WARN),
    ("refused", log(ev.Refused, *CLIENT_FIELDS, "RCPT", 554, "", "other", "no"), ink.BAD),
    ("greylisted", log(ev.Refused, *CLIENT_FIELDS, "RCPT", 450, "", "greylist", "later"), ink.WARN),
    ("warned", log(ev.Refused, *CLIENT_FIELDS, "RCPT", 554, "", "other", "no", warning=True), ink.FAINT),
    ("login", log(ev.LoginTried, *CLIENT_FIELDS, "smtp", "success"), ink.FAINT),
    ("login failed", log(ev.LoginTried, *CLIENT_FIELDS, "smtp", "failure"), ink.BAD),
    ("sent", log(ev.Delivery, "A", "a@example.org", "sent"), ink.FAINT),
    ("deferred", log(ev.Delivery, "A", "a@example.org", "deferred"), ink.WARN),
    ("bounced", log(ev.Delivery, "A", "a@example.org", "bounced"), ink.BAD),
    ("clean", log(ev.Verdict, "spam", "clean"), ink.FAINT),
    ("spam", log(ev.Verdict, "spam", "spam"), ink.WARN),
    ("expired", log(ev.MessageExpired, "A"), ink.BAD),
]


@pytest.mark.parametrize(("event", "style"), [each[1:] for each in INKS], ids=[each[0] for each in INKS])
def test_what_is_normal_is_grey(event: ev.LogEvent, style: Style) -> None:
    (strip,) = timeline([Entry(Spot(START), (event,))], START, 80)
    assert [segment.style for segment in strip] == [ink.FAINT, style]


def test_a_line_of_several_facts_has_the_ink_of_the_worst() -> None:
    facts = (
        log(ev.MessageReceived, *CLIENT_FIELDS, "A", "smtp"),
        log(ev.LoginTried, *CLIENT_FIELDS, "smtp", "failure"),
    )
    (strip,) = timeline([Entry(Spot(START), facts)], START, 80)
    assert [segment.style for segment in strip] == [ink.FAINT, ink.BAD]


def test_long_lines_are_wrapped_under_their_text_and_bounded() -> None:
    lines = texts(Entry(Spot(START), (fact("word " * 2_000),)), cells=60)
    assert len(lines) * 50 < LINE_MAX * 1.2
    assert lines[0].startswith("+0.000    L: postfix") and all(line.startswith(" " * 13) for line in lines[1:])


def test_hostile_lines_are_safe() -> None:
    (line,) = texts(Entry(Spot(START), (fact("\x1b[2J \u202e [bold]x[/]"),)))
    assert line.endswith("\\e[2J \\u{202e} [bold]x[/]")


def test_what_says_nothing_takes_no_line() -> None:
    progress = ev.SessionProgress(START, "wire", "mx1", 1, CLIENT, 1, 1)
    assert texts(Entry(Spot(START), (progress,))) == []
