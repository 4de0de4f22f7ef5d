"""The colours of the themes, as they reach the terminal."""

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from smtpwatch.app import SmtpWatch
from tests.screens import burst
from tests.screens.conftest import utc as utc
from widgets import ink
from widgets.palette import PALETTES, Palette

INKS = {name: style for name, style in vars(ink).items() if isinstance(style, Style)}
BLACK = Color(0, 0, 0)
PANES = ("1", "2", "3", "4", "5", "6", "9")


def shown_as(theme: str, style: Style) -> Style:
    (segment,) = Palette(theme).apply([Segment("x", style)], BLACK)
    assert segment.style is not None and segment.text == "x"
    return segment.style


def colours(shown: burst.Shown) -> set[str]:
    """Of all that is on the screen, background too."""
    found = set()
    for strip in shown.strips:
        for _, style, _ in strip:
            for colour in (style.color, style.bgcolor) if style is not None else ():
                if colour is not None and not colour.is_default:
                    found.add(colour.name)
    return found


async def everywhere(shown: burst.Shown) -> set[str]:
    """The colours of every pane, of what is opened from it, of the help, and of a filter with a fault in it."""
    found = set()
    for pane in PANES:
        await shown.press(pane)
        found |= colours(shown)
        await shown.press("down", "enter")
        found |= colours(shown)
        await shown.press("escape")
    await shown.press("1", "question_mark")
    found |= colours(shown)
    await shown.press("escape", "slash", *"cc:ro nope:x")
    return found | colours(shown)


@pytest.mark.parametrize("theme", PALETTES)
@pytest.mark.parametrize("name", INKS)
def test_every_ink_in_every_theme(theme: str, name: str) -> None:
    style = INKS[name]
    painted = shown_as(theme, style)
    if style.color is None:
        assert painted == style
    else:
        expected = PALETTES[theme].get(style.color.name, style.color.name)
        assert painted.color is not None and painted.color.name == expected
        assert painted.without_color == style.without_color, "bold and dim stay"


def test_what_a_theme_is_for() -> None:
    inked = {style.color.name for style in INKS.values() if style.color is not None}
    assert inked == {"red", "yellow", "green"}
    assert set(PALETTES["terminal"]) == set()
    assert set(PALETTES["light"]) == set(PALETTES["safe"]) == inked
    for theme in ("light", "safe"):
        assert len(set(PALETTES[theme].values())) == 3 and not inked.intersection(PALETTES[theme].values())


def test_what_has_no_style_or_another_colour_is_left_alone() -> None:
    segments = [Segment("x"), Segment("y", Style(color="magenta")), Segment("z", Style(bold=True))]
    assert Palette("safe").apply(segments, BLACK) == segments


@pytest.mark.parametrize(
    ("theme", "expected"),
    [
        ("terminal", {"red", "yellow", "green"}),
        ("light", {"color(124)", "color(94)", "color(22)"}),
        ("safe", {"color(208)", "color(220)", "color(39)"}),
        ("mono", set()),
    ],
)
async def test_all_that_reaches_the_screen(theme: str, expected: set[str]) -> None:
    async with burst.screen(theme=theme, size=(120, 40)) as shown:
        assert await everywhere(shown) == expected


async def test_no_color_in_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with burst.screen(theme="safe", size=(120, 40)) as shown:
        assert await everywhere(shown) == set()
        shown.app.action_theme("light")
        await shown.press("1")
        assert colours(shown) == set()


async def test_a_theme_can_be_changed_while_it_runs() -> None:
    async with burst.screen(theme="mono", size=(120, 40)) as shown:
        for theme, expected in (("light", "color(124)"), ("safe", "color(208)"), ("terminal", "red")):
            shown.app.action_theme(theme)
            await shown.pilot.pause()
            assert expected in colours(shown) and isinstance(shown.app, SmtpWatch)
        shown.app.action_theme("mono")
        await shown.pilot.pause()
        assert colours(shown) == set()


async def test_without_colour_nothing_is_lost() -> None:
    """What stands out does so by a mark too."""
    async with burst.screen(theme="terminal", size=(120, 40)) as shown:
        coloured = shown.lines
        marked = [
            strip.text for strip in shown.strips[2:]
            for _, style, _ in strip if style is not None and style.color is not None and style.color.name == "red"
        ]  # fmt: skip
        assert marked and all("x " in line for line in marked if "┤" not in line)
        shown.app.action_theme("mono")
        await shown.pilot.pause()
        assert shown.lines == coloured
