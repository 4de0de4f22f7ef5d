"""The deliveries table's columns and lines, without an app."""

from itertools import pairwise

import pytest
from rich.segment import Segment

from smtpwatch import events as ev
from smtpwatch.state.deliveries import Deliveries
from smtpwatch.state.destination import LATELY, Destination
from tests.state.outbound import POSTFIX, START, delivery, folded, postfix
from widgets import ink
from widgets.delivery_columns import COLUMNS, FIELDS, count, took
from widgets.delivery_table import row
from widgets.row_line import header
from widgets.table_layout import GAP, layout, shown, sought

NOW = START + 60
WAITING = {"slow.example": 1_380, "untried.example": 7}


def events() -> list[ev.Event]:
    """Raw lines, and a queue."""
    sample = ev.QueueSample(NOW, "host", "mx1", "postfix", "", {"deferred": 9}, {}, WAITING, 1, True, "")
    return [*postfix(POSTFIX), sample]


def evening() -> Deliveries:
    """What they come to."""
    return folded(events())


def to(name: str, deliveries: Deliveries | None = None) -> Destination:
    found = (deliveries or evening()).get("domain", name)
    assert found is not None
    return found


def table(deliveries: Deliveries, kind: str, width: int) -> list[str]:
    """Titles and rows as they are drawn."""
    columns = layout(width, COLUMNS[kind])  # type: ignore[index]
    lines = [header(columns, None, False), *(row(each, columns, NOW) for each in deliveries.in_order(kind))]
    assert {line.cell_length for line in lines} == {width}
    return [line.text.rstrip() for line in lines]


@pytest.mark.parametrize("width", range(30, 260, 7))
@pytest.mark.parametrize("kind", COLUMNS)
def test_layout_fills_the_width_and_overlaps_nothing(kind: str, width: int) -> None:
    columns = layout(width, COLUMNS[kind])  # type: ignore[index]
    for left, right in pairwise(columns):
        assert left.start + left.cells + GAP == right.start
    assert columns[-1].start + columns[-1].cells == width


def test_columns_come_by_priority() -> None:
    def titles(width: int) -> list[str]:
        return [each.column.title for each in layout(width, COLUMNS["domain"])]

    assert titles(80) == ["", "domain", "sent", "defer", "bounce", "wait", "TLS", "conn", "last reply"]
    assert titles(120) == titles(200) == [column.title for column in COLUMNS["domain"]]


def test_domains_at_80() -> None:
    assert table(evening(), "domain", 80) == [
        "  domain               sent defer bounce  wait TLS    conn      last reply",
        "x slow.example                  2        1,380        timed out Connection time…",
        "  far.example             1            1       1.3    ok        550 5.1.1 <b@fa…",
        "x none.example                         1              no host   Host or domain …",
        "  old.example             1                    none   ok        250 2.0.0 Ok: q…",
        "x shut.example                  1                     unwelcome 421 4.7.0 mx.sh…",
        "x weak.example                  1              failed no TLS    Cannot start TL…",
        "  untried.example                            7",
    ]


def test_next_hops_at_80() -> None:
    assert table(evening(), "hop", 80)[:3] == [
        "  next hop             sent defer bounce  wait TLS    conn      last reply",
        "  mx.far.ex…1.100.25]     1            1       1.3    ok        550 5.1.1 <b@fa…",
        "x mx.slow.e…1.100.41]           2                     timed out Connection time…",
    ]


def test_reasons_at_120() -> None:
    blank = " " * 11
    assert table(evening(), "reason", 120) == [
        f"  reason{blank}          /min  sent defer bounce  wait delay TLS    conn      last reply",
        f"! timed out{blank}        2.0{blank}2{blank}                timed out Connection timed out",
        f"! TLS failure{blank}      1.0{blank}1{blank}                no TLS    Cannot start TLS: handshake failure",
        f"x no such host{blank}     1.0{blank}       1{blank}         no host   Host or domain name not found. Name s…",
        f"! rate limited{blank}     1.0{blank}1{blank}                unwelcome 421 4.7.0 mx.shut.example Too many co…",
        f"  unknown user{blank}     1.0{blank}       1{blank}         ok        550 5.1.1 <b@far.example>: Recipient …",
    ]


def test_domains_at_200() -> None:
    blank = " " * 35
    assert table(evening(), "domain", 200)[:3] == [
        f"  domain {blank}      /min  sent defer bounce  wait delay TLS    conn      last reply",
        f"x slow.example{blank}  2.0           2        1,380              timed out Connection timed out",
        f"  far.example {blank}  2.0     1            1        1.0s 1.3    ok        550 5.1.1 <b@far.example>: "
        "Recipient address rejected: User unknown",
    ]


@pytest.mark.parametrize(
    ("n", "text"), [(0, ""), (7, "7"), (9_999, "9,999"), (10_000, "10k"), (12_345, "12k"), (1_234_567, "1.2M")]
)
def test_counts(n: int, text: str) -> None:
    assert count(n) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, ""), (0.01, "0.0s"), (9.9, "9.9s"), (59.0, "59s"), (7_200.0, "2h")]
)
def test_delays(seconds: float | None, text: str) -> None:
    assert took(seconds) == text


def test_what_the_filter_asks() -> None:
    far = to("far.example")
    assert {name: read(far) for name, read in FIELDS.items()} == {
        "domain": "far.example",
        "relay": ("mx.far.example[198.51.100.25]:25", "mx.far.example"),
        "reason": ("unknown user",),
        "status": ("sent", "bounced"),
    }
    grey = to("a.example", folded([delivery("x@a.example", "deferred", "451 4.7.1 Greylisted", code=451)]))
    assert FIELDS["reason"](grey) == ("greylisted", "greylist")
    assert "mx.far.example" in sought(COLUMNS["domain"][1], far)


def _inks(line: list[Segment], words: str) -> set[str]:
    return {str(segment.style) for segment in line if words in segment.text}


def test_only_what_is_in_trouble_is_coloured() -> None:
    deliveries = evening()
    columns = layout(80, COLUMNS["domain"])
    assert _inks(list(row(to("slow.example", deliveries), columns, NOW)), "Connection time") == {str(ink.BAD)}
    assert {segment.style for segment in row(to("far.example", deliveries), columns, NOW)} == {None}
    later = row(to("far.example", deliveries), columns, NOW + 2 * LATELY)
    assert {segment.style for segment in later} == {ink.FAINT}
    assert {segment.style for segment in row(to("far.example", deliveries), columns, NOW, cursor=True)} == {ink.CURSOR}


def test_no_words_act_on_the_terminal() -> None:
    evil = "\x1b]0;owned\x07\x1b[2J[bold red]x[/] \u202etxt.exe\u202c 漢字かな \x9b31m"
    attempts = [delivery(f"a@{evil}", "bounced", f"host {evil} said: 550 {evil}", relay=evil, code=550)]
    deliveries = folded(attempts)
    for kind in COLUMNS:
        for line in table(deliveries, kind, 120):
            assert line.isprintable(), line
    for column in COLUMNS["domain"]:
        assert shown(column, deliveries.in_order("domain")[0], NOW).isprintable()
