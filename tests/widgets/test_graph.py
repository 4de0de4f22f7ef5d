"""Graphs of rates: a panel a series, told apart by text alone."""

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from widgets import ink
from widgets.graph import Series, Window, graph

NOON = 1_700_049_600.0  # 2023-11-15, 12:00 UTC
TEN_MINUTES = Window("10 min", NOON, 10, 60)
TITLE = "Mail and refusals"

WAVE = [float(8 + 4 * (at % 10 < 5) + at % 3) for at in range(57)]
BURST = [0.0] * 30 + [20.0 * at for at in range(9)] + [181.0] * 18
FEW = [2.0 if at in (12, 40) else 0.0 for at in range(57)]


@pytest.fixture(autouse=True)
def utc() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def three(accepted: list[float], refused: list[float], auth: list[float]) -> list[Series]:
    return [
        Series("accepted", "ok", "line", None, accepted, accepted[-1] if accepted else 0.0),
        Series("refused", "ref", "area", ink.BAD, refused, refused[-1] if refused else 0.0),
        Series("auth fail", "auth", "bars", ink.WARN, auth, auth[-1] if auth else 0.0),
    ]


def shown(series: list[Series], width: int, height: int, window: Window = TEN_MINUTES) -> list[str]:
    return [strip.text.rstrip() for strip in graph(series, width, height, window, TITLE)]


def test_40x6() -> None:
    assert shown(three(WAVE, BURST, FEW), 40, 6) == [
        "Mail and refusals, 10 min",
        "  20┤⠒⠒⠢⠒⠒⠢⠢⠒⠒⠢⠒⠒⠒⠔⠒⠒⠔⠔⠒⠒  ok       10/s",
        " 200┤            ⢀⣴⣶⣶⣶⣶⣶⣶  ref     181/s",
        "    │           ⣠⣾⣿⣿⣿⣿⣿⣿⣿  peak    181/s",
        "   2┤    ⡇         ⡇       auth      0/s",
        "    └┬12:00────┬:05───────",
    ]  # fmt: skip


def test_58x12() -> None:
    assert shown(three(WAVE, BURST, FEW), 58, 12) == [
        "Mail and refusals, 10 min               peak refused 181/s",
        "  20┤ ⢀    ⢀ ⡀  ⢀ ⢀    ⢀    ⢀ ⡀  ⢀ ⢀    accepted      10/s",
        "    │⠉⠁⠉⢢⠤⢢⠇⠉⢸⡠⢢⠜⠉⠁⠱⢢⠔⠉⠁⠉⢢⠤⢢⠇⠉⢸⡠⢢⠜⠉⠁⠱⠂  peak          14/s",
        "   0┤",
        " 200┤                      ⣠⣤⣤⣤⣤⣤⣤⣤⣤⣤⡄  refused      181/s",
        "    │                    ⢠⣶⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⡇  peak         181/s",
        "    │                   ⣠⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⡇",
        "   0┤                  ⣴⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⡇",
        "   2┤       ⡇               ⡇           auth fail      0/s",
        "    │       ⡇               ⡇           peak         2.0/s",
        "   0┤       ⡇               ⡇",
        "    └┬12:00┬:02───┬:04───┬:06───┬:08───",
    ]  # fmt: skip


def test_78x18() -> None:
    assert shown(three(WAVE, BURST, FEW), 78, 18) == [
        "Mail and refusals, 10 min                                   peak refused 181/s",
        "  20┤                                                       accepted      10/s",
        "    │ ⣀⠤⡀⡀    ⣀⠤⡀⣀⢄    ⡤⡀⣀⠤⡀     ⣀⠤⡀⡀    ⣀⠤⡀⣀⢄    ⡤⡀⣀⠤⡀     peak          14/s",
        "  10┤⠉  ⠉⠘⢢⡠⠔⢢⠇ ⠉ ⢸⡠⠔⢢⡠⠃⠉  ⠱⠔⢢⡠⠔⠉  ⠉⠘⢢⡠⠔⢢⠇ ⠉ ⢸⡠⠔⢢⡠⠃⠉  ⠱⠔⠂",
        "    │",
        "   0┤",
        " 200┤                                   ⢠⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⣤⡄   refused      181/s",
        "    │                                 ⢀⣰⣾⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⡇   peak         181/s",
        "    │                                ⢠⣼⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⡇",
        " 100┤                               ⣼⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⡇",
        "    │                             ⣀⣶⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⡇",
        "   0┤                            ⣤⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⡇",
        "   2┤           ⡇                        ⡇                  auth fail      0/s",
        "    │           ⡇                        ⡇                  peak         2.0/s",
        "   1┤           ⡇                        ⡇",
        "    │           ⡇                        ⡇",
        "   0┤           ⡇                        ⡇",
        "    └┬12:00────┬:02───────┬:04───────┬:06───────┬:08───────",
    ]  # fmt: skip


def test_narrow() -> None:
    assert shown(three(WAVE, BURST, FEW), 20, 6) == [
        "Mail and refusals, …",
        "  ok┤⠒⠢⠒⠒⠢⠒⠒⠒⠒⠔⠒⠒⠔⠒⠂",
        " ref┤         ⣴⣶⣶⣶⣶⡆",
        "    │       ⢀⣼⣿⣿⣿⣿⣿⡇",
        "auth┤   ⡇      ⡇",
        "    └┬12:00─┬:05────",
    ]  # fmt: skip


def test_no_values_at_all() -> None:
    assert shown(three([], [], []), 58, 8) == [
        "Mail and refusals, 10 min",
        "    │none in 10 min                     accepted       0/s",
        "    │",
        "    │                                   refused        0/s",
        "    │",
        "    │                                   auth fail      0/s",
        "    │",
        "    └┬12:00┬:02───┬:04───┬:06───┬:08───",
    ]  # fmt: skip


def test_nothing_but_zeros() -> None:
    assert shown(three([0.0] * 57, [0.0] * 57, [0.0] * 57), 40, 6) == [
        "Mail and refusals, 10 min",
        "    │none in 10 min        ok        0/s",
        "    │                      ref       0/s",
        "    │",
        "    │                      auth      0/s",
        "    └┬12:00────┬:05───────",
    ]  # fmt: skip


def test_one_huge_peak_hides_nothing() -> None:
    series = three([1.0] * 57, [0.1] * 20 + [1e9] + [0.1] * 36, [])
    assert shown(series, 58, 6) == [
        "Mail and refusals, 10 min              peak refused 1.0G/s",
        "   1┤⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠁  accepted     1.0/s",
        "  1G┤           ⢸                       refused      0.1/s",
        "    │⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣸⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⡀  peak        1.0G/s",
        "    │                                   auth fail      0/s",
        "    └┬12:00┬:02───┬:04───┬:06───┬:08───",
    ]  # fmt: skip


def test_rare_things_are_told_by_the_hour() -> None:
    day = Window("24 h", NOON, 900, 96)
    assert shown(three([1 / 900] * 90, [0.0] * 80 + [3 / 900], []), 58, 6, day) == [
        "Mail and refusals, 24 h               peak refused 0.2/min",
        "   4┤⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉   accepted     4.0/h",
        " 0.2┤                            ⢸      refused    0.2/min",
        "    │                            ⢸      peak       0.2/min",
        "    │                                   auth fail      0/s",
        "    └┬12:00──┬18:00───┬00:00──┬06:00───",
    ]  # fmt: skip


def panels(lines: list[str], heights: list[int]) -> list[set[str]]:
    """The braille of each panel."""
    rows = iter(lines[1:])
    return [{char for _ in range(height) for char in next(rows) if "\u2800" < char <= "\u28ff"} for height in heights]


@pytest.mark.parametrize(
    ("width", "height", "heights"), [(40, 6, [1, 2, 1]), (58, 12, [3, 4, 3]), (78, 18, [5, 6, 5]), (12, 6, [1, 2, 1])]
)
def test_series_are_told_apart_by_their_glyphs_alone(width: int, height: int, heights: list[int]) -> None:
    line, area, bars = panels(shown(three(WAVE, BURST, FEW), width, height), heights)
    assert "⣿" in area and "⣿" not in line | bars
    assert bars and bars <= set("⡀⡄⡆⡇")  # the right half of every cell stays empty
    assert line.isdisjoint(bars)
    hanging = {char for char in line if not ord(char) & 0xC0 and ord(char) & 0x1B}
    assert hanging and hanging.isdisjoint(area)  # a line floats, an area stands on the ground


@pytest.mark.parametrize("width", [28, 40, 58, 120])
def test_and_by_their_names(width: int) -> None:
    text = "\n".join(shown(three(WAVE, BURST, FEW), width, 9))
    names = ("accepted", "refused", "auth fail") if width >= 58 else ("ok", "ref", "auth")
    assert all(name in text for name in names)


def test_colour_only_where_something_happened() -> None:
    quiet = graph(three(WAVE, [0.0] * 57, [0.0] * 57), 58, 12, TEN_MINUTES, TITLE)
    assert {segment.style for strip in quiet[1:] for segment in strip} == {None}
    loud = graph(three(WAVE, BURST, FEW), 58, 12, TEN_MINUTES, TITLE)
    assert [{segment.style for segment in strip} - {None} for strip in loud[1:]] == [
        *[set()] * 3, *[{ink.BAD}] * 4, *[{ink.WARN}] * 3, set(),
    ]  # fmt: skip


def test_a_title_from_outside_does_nothing_to_the_terminal() -> None:
    (line,) = graph([], 60, 1, TEN_MINUTES, "host\x1b[2J\u202e[b]")
    assert line.text.rstrip() == "host\\e[2J\\u{202e}[b], 10 min"


def test_what_was_not_counted_yet_is_blank() -> None:
    series = [each._replace(values=[None] * 30 + [5.0] * 20) for each in three([1.0], [1.0], [1.0])]
    for line in shown(series, 58, 8)[1:7]:
        assert not line[5:22].strip() and not line[34:39].strip()
    for top in shown(series, 58, 8)[1:7:2]:
        assert " " not in top[22:33]


rates = st.lists(st.none() | st.floats(0, 1e13) | st.just(0.0), max_size=96)


@given(rates, rates, rates, st.floats(0, 1e13), st.integers(-1, 130), st.integers(-1, 30), st.floats(0, 4e9))
def test_it_is_as_large_as_asked(
    one: list[float | None],
    two: list[float | None],
    three_: list[float | None],
    now: float,
    width: int,
    height: int,
    start: float,
) -> None:
    textures = zip(three([], [], []), (one, two, three_), strict=True)
    series = [each._replace(values=values, now=now) for each, values in textures]
    for window in (Window("10 min", start, 10, 60), Window("24 h", start, 900, 96)):
        strips = graph(series, width, height, window, TITLE)
        if width <= 0 or height <= 0:
            assert strips == []
            continue
        assert len(strips) <= height
        assert {strip.cell_length for strip in strips} == {width}
        assert all(len(strip.text) == width for strip in strips)
        if width >= 28 and height >= 4:
            assert len(strips) == height
            for strip in strips[1:-1]:
                assert strip.text[4] in "┤│"
            assert strips[-1].text[4] == "└"
