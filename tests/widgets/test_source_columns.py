"""The columns of sources and of groups: what fits at which width, and what each cell says."""

import pytest
from rich.style import Style

from smtpwatch.state.few import Few
from smtpwatch.state.party import Dimension, Outcome, Party
from tests.screens.conftest import utc as utc
from tests.screens.scenes import NOW
from widgets import ink
from widgets.row_line import header
from widgets.source_columns import at_least, every, group_columns, mark, recent, source_columns, tls, top
from widgets.source_table import row
from widgets.table_layout import Column, layout, shown, sought, term

SPAM = "203.0.113.7"


def party(key: str = SPAM, dimension: Dimension = Dimension.ADDRESS, last: float = NOW - 4) -> Party:
    """One that is mostly refused: in the last minute 60 times, and 3 messages taken before."""
    made = Party(dimension, key)
    made.begun(NOW - 2_000)
    made.count(Outcome.ACCEPTED, NOW - 1_999, 3)
    for second in range(60):
        if last - second >= NOW - 60:
            made.count(Outcome.REFUSED, last - second, 1)
            made.rejected += 1
    return made


def source(key: str = SPAM) -> Party:
    """With what is known of it."""
    made = party(key)
    facts = made.facts
    assert facts is not None
    facts.country, facts.asn, facts.org = "RO", 64500, "EXAMPLE-HOST"
    for n in range(3):
        facts.note("helos", "ylmf-pc")
        facts.note("senders", f"a{n}@example.com")
    facts.note("reasons", "relay denied")
    return made


def lines(columns: tuple[Column[Party], ...], cells: int, *parties: Party) -> list[str]:
    placed = layout(cells, columns)
    strips = [header(placed, None, False), *(row(each, placed, NOW) for each in parties)]
    assert [strip.cell_length for strip in strips] == [cells] * len(strips)
    return [strip.text.rstrip() for strip in strips]


SOURCES = source_columns(True, None)
NO_DATABASE = source_columns(False, None)
NAMED = source_columns(True, lambda address: "host7.example.net")


@pytest.mark.parametrize(
    ("columns", "cells", "expected"),
    [
        (SOURCES, 71, [
            "  source           cc network         /s last 60 s     ok    ref   auth",
            "x 203.0.113.7      RO EXAMPLE-HOST   0.7 ██████████     3     57",
        ]),
        (SOURCES, 80, [
            "  source             cc network          /s last 60 s     ok    ref   auth  open",
            "x 203.0.113.7        RO EXAMPLE-HOST    0.7 ██████████     3     57            1",
        ]),
        (SOURCES, 118, [
            "  last source             cc network         /s last 60 s  /s 1m /s 15m    ok    ref   auth   se"
            "ss  open why",
            "x   4s 203.0.113.7        RO EXAMPLE-HOST   0.7 ██████████   0.9    0.1     3     57            "
            " 1     1 relay "
            "denied",
        ]),
        (SOURCES, 200, [
            "  last source             cc network           /s last 60 s  /s 1m /s 15m    ok    ref   auth  n"
            "one   sess  "
            "open why           account    HELO         from             to               TLS    first",
            "x   4s 203.0.113.7        RO EXAMPLE-HOST     0.7 ██████████   0.9    0.1     3     57          "
            "         1     "
            "1 relay denied             ylmf-pc      a0@example.com …                  none   10:07:47",
        ]),
        (NAMED, 200, [
            "  last source             cc network           /s last 60 s  /s 1m /s 15m    ok    ref   auth  n"
            "one   sess  "
            "open why           account    HELO         from             first    name",
            "x   4s 203.0.113.7        RO EXAMPLE-HOST     0.7 ██████████   0.9    0.1     3     57          "
            "         1     "
            "1 relay denied             ylmf-pc      a0@example.com … 10:07:47 host7.example.net",
        ]),
    ],
    ids=["71", "80", "118", "200", "200 with names"],
)  # fmt: skip
def test_a_source(columns: tuple[Column[Party], ...], cells: int, expected: list[str]) -> None:
    assert lines(columns, cells, source()) == expected


def test_without_a_database_the_title_says_so() -> None:
    assert lines(NO_DATABASE, 80, party()) == [
        "  source             no geo db    /s last 60 s  /s 1m    ok    ref   auth   open",
        "x 203.0.113.7                    0.7 ██████████   0.9     3     57             1",
    ]


@pytest.mark.parametrize(
    ("dimension", "key", "title", "more"),
    [
        (Dimension.NETWORK, "203.0.113.0/24", "network", "offenders in"),
        (Dimension.ASN, "AS64500", "ASN", "network"),
        (Dimension.COUNTRY, "RO", "country", ""),
        (Dimension.ACCOUNT, "bob@example.net", "account", ""),
        (Dimension.HELO, "host#.example.com", "HELO", ""),
        (Dimension.JA4, "t13d1516h2_8daaf6152771_b186095e22b6", "JA4", ""),
        (Dimension.SENDER_DOMAIN, "example.com", "from domain", ""),
        (Dimension.RECIPIENT_DOMAIN, "example.org", "to domain", ""),
    ],
)
def test_a_group(dimension: Dimension, key: str, title: str, more: str) -> None:
    group = party(key, dimension)
    group.label = "EXAMPLE-HOST" if dimension is Dimension.ASN else ""
    assert group.members is not None
    for number in range(5):
        group.members.add(f"203.0.113.{number}")
    columns = group_columns(dimension, lambda network: f"{network[:-2]}29 4/5")
    for cells in (80, 118, 200):
        titles, line = lines(columns, cells, group)
        assert titles.split()[: len(title.split()) + (cells > 80)] == ["last", *title.split()][cells == 80 :]
        assert more in titles and "sources" in titles
        beside = {"offenders in": "203.0.113.0/29 4/5 ", "network": "EXAMPLE-HOST ", "": ""}[more]
        assert f" {beside}" in line
        assert line[titles.index("sources") : titles.index("sources") + 7].strip() == "5"
        assert line.startswith(f"x{'' if cells == 80 else '   4s'} {key[:9]}")


def test_a_group_that_is_no_network_in_full() -> None:
    group = party("bob@example.net", Dimension.ACCOUNT)
    assert lines(group_columns(Dimension.ACCOUNT, lambda network: ""), 80, group) == [
        "  account               sources    /s last 60 s  /s 1m    ok    ref   auth  open",
        "x bob@example.net             0   0.7 ██████████   0.9     3     57            1",
    ]


def _counted(refused: int, accepted: int = 0, failed: int = 0) -> Party:
    made = Party(Dimension.ADDRESS, SPAM)
    for outcome, n in ((Outcome.REFUSED, refused), (Outcome.ACCEPTED, accepted), (Outcome.AUTH_FAILED, failed)):
        if n:
            made.count(outcome, NOW, n)
    return made


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (_counted(0), " "),
        (_counted(0, 50), " "),
        (_counted(1), "!"),
        (_counted(2), "!"),
        (_counted(3), "x"),
        (_counted(0, 0, 3), "x"),
        (_counted(2, 0, 1), "x"),
        (_counted(3, 3), "!"),
        (_counted(4, 3), "x"),
        (_counted(10, 1_000), "!"),
    ],
)  # fmt: skip
def test_marks(made: Party, expected: str) -> None:
    assert mark(made) == expected


def test_colour_is_on_mark_and_name_alone_and_never_without_a_mark() -> None:
    placed = layout(80, SOURCES)

    def inks(made: Party, cursor: bool = False) -> dict[str, Style | None]:
        return {segment.text.strip(): segment.style for segment in row(made, placed, NOW, cursor)}

    assert [*inks(source()).items()][:2] == [("x", ink.BAD), ("", None)]
    assert inks(source())[SPAM] == ink.BAD
    assert set(inks(_counted(0, 5)).values()) == {None}
    assert inks(_counted(1, 5))[SPAM] == ink.WARN
    assert set(inks(source(), cursor=True).values()) == {ink.CURSOR}


def test_a_plus_where_there_may_have_been_more() -> None:
    made = _counted(12)
    assert at_least(made, made.refused) == "12"
    made.error = 4
    assert at_least(made, made.refused) == "12+"
    titles, line = lines(SOURCES, 80, made)
    assert line[: titles.index("ref") + 3].endswith(" 12+")
    assert "0+" not in line, "what is not told needs no plus"


def test_rates_are_blank_when_nothing_happens() -> None:
    made = party(last=NOW - 30)
    titles, line = lines(SOURCES, 118, made)
    assert line[: titles.index("last 60 s") - 1].endswith(" " * 5)
    assert "0.5" in line
    idle = party(last=NOW - 30)
    placed = layout(118, SOURCES)
    later = row(idle, placed, NOW + 3_600).text
    at = titles.index(" /s") - 4
    assert later[at : titles.index("/s 15m") + 6].strip() == ""


def test_the_last_minute_as_bars() -> None:
    made = Party(Dimension.ADDRESS, SPAM)
    made.count(Outcome.REFUSED, NOW - 58, 4)
    made.count(Outcome.ACCEPTED, NOW - 3, 2)
    seconds = recent(made, NOW)
    assert len(seconds) == 60 and (seconds[2], seconds[57], sum(seconds)) == (4, 2, 6)
    titles, line = lines(SOURCES, 80, made)
    at = titles.index("last 60 s")
    assert line[at : at + 10] == "█        ▄"


def test_the_most_frequent_and_how_many_more() -> None:
    few = Few()
    assert top(None) == every(None) == ""
    few.add("one")
    assert top(few) == "one"
    few.add("two", 3)
    assert top(few) == "two +1" and set(every(few).split()) == {"one", "two"}


def test_tls() -> None:
    made = _counted(1)
    assert tls(made, NOW) == ""
    made.begun(NOW)
    assert tls(made, NOW) == "none"
    made.tls = 2
    assert tls(made, NOW) == "2"
    assert made.facts is not None
    made.facts.note("versions", "TLSv1.2")
    assert tls(made, NOW) == "1.2"


def test_cells_as_terms() -> None:
    made = source()
    assert made.facts is not None
    made.facts.note("versions", "TLSv1.0")
    terms = {column.title: term(column, made, NOW) for column in NAMED}
    assert terms == {
        "": "mark:x", "last": "age:>=4", "source": f"src:{SPAM}", "cc": "cc:RO", "network": "asn:64500",
        "/s": "rate:>=0.7", "last 60 s": "", "/s 1m": "", "/s 15m": "", "ok": "accepted:>=3", "ref": "refused:>=57",
        "auth": "auth:0", "none": "", "sess": "sessions:>=1", "open": "", "why": 'reason:"relay denied"',
        "account": "", "HELO": "helo:ylmf-pc", "from": "from:a0@example.com", "to": "", "TLS": "tls:1.0", "first": "",
        "name": "name:host7.example.net",
    }  # fmt: skip


def test_words_are_sought_in_all_that_is_known() -> None:
    made = source()
    text = " ".join(sought(column, made) for column in NAMED if column.sought)
    assert "a2@example.com" in text and "relay denied" in text and "EXAMPLE-HOST AS64500" in text


def test_strangers_words_are_shown_as_text() -> None:
    made = source("203.0.113.66")
    assert made.facts is not None
    evil = "\x1b]0;owned\x07[bold]\u202e漢字" + "e\u0301" * 30_000
    for kind in ("helos", "senders", "recipients", "accounts", "reasons", "versions"):
        for _ in range(9):
            made.facts.note(kind, evil)
    made.facts.org = evil
    for cells in (80, 200, 400):
        _, line = lines(NAMED, cells, made)
        assert not any(ord(char) < 32 or 127 <= ord(char) < 160 or char == "\u202e" for char in line)
    assert all("\x1b" not in shown(column, made, NOW) for column in NAMED)
