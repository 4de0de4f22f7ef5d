"""What Home tells beside its tables, in blocks and in words."""

import pytest

from smtpwatch import events as ev
from smtpwatch.state.party import Dimension
from smtpwatch.state.picture import Picture
from tests.screens import burst, mail, scenes
from tests.screens.scenes import NOW
from widgets import glance, ink


@pytest.fixture(scope="module")
def picture() -> Picture:
    return burst.picture()


def blocks(picture: Picture, cells: int, lines: int) -> list[str]:
    strips = glance.blocks(picture, NOW, cells, lines)
    assert [strip.cell_length for strip in strips] == [cells] * lines
    return [strip.text.rstrip() for strip in strips]


def words(picture: Picture, cells: int) -> list[str]:
    strips = glance.words(picture, NOW, cells)
    assert all(strip.cell_length <= cells for strip in strips) and len(strips) == 2
    return [strip.text.rstrip() for strip in strips]


def test_four_blocks_at_120(picture: Picture) -> None:
    assert blocks(picture, 120, 6) == [
        "  Why refused      1 min    Accounts         sent from    TLS in                1 h    Outbound     "
        "     sent defer lost",
        "  relay denied       240  ! bob@example.n…      6    6    none        ▆▆▆▆▆▆    69%  x slow.example "
        "        0     1    0",
        "                                                          1.3         ▆▆        21%  x bigmail.examp"
        "le      0     1    0",
        "                                                          1.2         ▆          6%    example.org  "
        "        1     0    1",
        "                                                          STARTTLS    ▆          1%",
        "                                                        ! failed      ▆          1%",
    ]


def test_the_queue_too_at_200(picture: Picture) -> None:
    lines = blocks(picture, 200, 7)
    at = lines[0].index("Queue")
    assert [line[at - 2 :] for line in lines[:5]] == [
        "  Queue                      messages",
        "  postfix active                   12",
        "  postfix deferred              1,192",
        "  oldest                           2h",
        "! grows                        80/min",
    ]


@pytest.mark.parametrize("cells", [1, 20, 59, 60, 100, 119, 120, 150, 200, 300])
@pytest.mark.parametrize("lines", [3, 6, 7])
def test_blocks_fill_their_room_and_no_more(picture: Picture, cells: int, lines: int) -> None:
    assert len(glance.blocks(picture, NOW, cells, lines)) == lines
    if cells >= 24:
        blocks(picture, cells, lines)


def test_colour_goes_with_a_mark(picture: Picture) -> None:
    styles = {ink.BAD: "x", ink.WARN: "!"}
    for strip in glance.blocks(picture, NOW, 200, 7)[1:]:
        for segment in strip:
            if segment.style in styles:
                assert segment.text.startswith(styles[segment.style])


def test_words(picture: Picture) -> None:
    assert words(picture, 80) == [
        "Why  relay denied 240",
        "TLS  none 69%  1.3 21%  1.2 6%                    Out  slow.example 1 deferred x",
    ]
    assert words(picture, 40) == ["Why  relay denied 240", "TLS  none 69%  Out  slow.e… 1 deferred x"]
    for cells in range(120):
        words(picture, cells)


def test_nothing_yet() -> None:
    nothing = Picture()
    assert blocks(nothing, 120, 3)[:2] == [
        "  Why refused               Accounts                      TLS in                       Outbound",
        "  nothing yet               nothing yet                   nothing yet                  nothing yet",
    ]
    assert words(nothing, 80) == ["Why  nothing yet", "TLS  nothing yet"]


def test_what_has_left_when_all_is_well() -> None:
    picture = Picture()
    picture.apply(
        mail.logged("""\
Mar  1 10:38:13 smtp[1230]: 3FA85F6412: to=<erin@example.org>, relay=mx.example.org[198.51.100.25]:25, delay=0.9, \
delays=0.1/0/0.3/0.5, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 90A1B2C3D4)
""")
    )
    assert words(picture, 80)[1].endswith("Out  1 sent")


def test_reasons_are_those_of_the_last_minute_the_most_common_first() -> None:
    picture = Picture()
    for number, (text, at, n) in enumerate(
        [
            ("5.7.1 Relay access denied", NOW - 5, 2),
            ("5.1.1 User unknown", NOW - 5, 3),
            ("5.7.1 Service unavailable; blocked using zen.example", NOW - 5, 1),
            ("4.2.0 Greylisted", NOW - 90, 9),
        ]
    ):
        for each in range(n):
            common = (scenes.SENSOR, scenes.HOST, 10 * number + each, "203.0.113.7")
            opened = ev.SessionOpened(at, *common, at, 1_025, scenes.SERVER, 25, "inbound")
            picture.apply([opened, ev.RecipientDecided(at, *common, "a@example.org", int(text[0]) * 110, None, text)])
    block = glance.reasons(picture, NOW, 5)
    assert [(row.name, row.said) for row in block.rows] == [
        ("unknown user", "3"), ("relay denied", "2"), ("zen.example", "1"),
    ]  # fmt: skip
    assert [row.name for row in glance.reasons(picture, NOW, 1).rows] == ["unknown user"]


def test_an_account_that_is_used_from_many_places_stands_out(picture: Picture) -> None:
    assert glance.accounts(picture, NOW, 5).rows == [glance.Row("bob@example.net", "     6    6", "!")]


def test_strangers_words_are_shown_as_text() -> None:
    picture = Picture()
    picture.apply([*mail.hostile(), *scenes.hostile()])
    evil = picture.activity.groups[Dimension.ACCOUNT].touch("\x1b[2J[bold]\u202e漢" * 50)
    evil.begun(NOW)
    for strip in [*glance.blocks(picture, NOW, 120, 6), *glance.words(picture, NOW, 80)]:
        assert not any(ord(char) < 32 or 127 <= ord(char) < 160 or char == "\u202e" for char in strip.text)
    assert "\\e[2J[bold]" in "".join(blocks(picture, 120, 6))
