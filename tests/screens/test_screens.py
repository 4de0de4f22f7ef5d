"""The whole screen, as SVG, on a clock that stands still."""

from collections.abc import Awaitable, Callable
from typing import Literal

import pytest
from textual.pilot import Pilot

from smtpwatch.app import SmtpWatch
from smtpwatch.config import Config
from tests.screens import burst, mail, scenes

SnapCompare = Callable[..., bool]
SIZES = ((80, 24), (120, 40), (200, 50))
MONO = Config(theme="mono", refresh=scenes.SLOW, pane="sessions", alerts=scenes.QUIET)
sizes = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")


def typing(*keys: str) -> Callable[[Pilot[None]], Awaitable[None]]:
    """Tick once, then press `keys`."""

    async def run(pilot: Pilot[None]) -> None:
        assert isinstance(pilot.app, SmtpWatch)
        folded = -1
        while pilot.app.picture.events != folded:  # in slices, between which the screen gets its turns
            folded = pilot.app.picture.events
            await pilot.pause()
        pilot.app.tick()
        await pilot.pause()
        await pilot.press(*keys)
        await pilot.pause()

    return run


@sizes
def test_table(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    app, _ = scenes.app(scenes.busy_evening())
    assert snap_compare(app, terminal_size=size, run_before=typing())


@sizes
def test_transcript(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    app, _ = scenes.app(scenes.busy_evening())
    assert snap_compare(app, terminal_size=size, run_before=typing("down", "enter"))


def test_mono(snap_compare: SnapCompare) -> None:
    app, _ = scenes.app(scenes.busy_evening(), MONO)
    assert snap_compare(app, terminal_size=(80, 24), run_before=typing())


def test_filter(snap_compare: SnapCompare) -> None:
    app, _ = scenes.app(scenes.busy_evening())
    assert snap_compare(app, terminal_size=(80, 24), run_before=typing("slash", *"in !quit"))


def test_help(snap_compare: SnapCompare) -> None:
    app, _ = scenes.app(scenes.busy_evening())
    assert snap_compare(app, terminal_size=(80, 24), run_before=typing("question_mark"))


def test_nothing_yet(snap_compare: SnapCompare) -> None:
    app, _ = scenes.app([scenes.status()])
    assert snap_compare(app, terminal_size=(80, 24), run_before=typing())


def test_sensor_failed(snap_compare: SnapCompare) -> None:
    reason = "packets: not allowed (needs root or CAP_NET_RAW). Run: sudo smtpwatch   or: smtpwatch --demo"
    app, _ = scenes.app([scenes.status("failed", reason)])
    assert snap_compare(app, terminal_size=(80, 24), run_before=typing())


@sizes
def test_messages(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    app, _ = scenes.app(mail.evening())
    assert snap_compare(app, terminal_size=size, run_before=typing("4", "down"))


def test_messages_mono(snap_compare: SnapCompare) -> None:
    app, _ = scenes.app(mail.evening(), MONO)
    assert snap_compare(app, terminal_size=(80, 24), run_before=typing("4", "down"))


def test_no_message_yet(snap_compare: SnapCompare) -> None:
    app, _ = scenes.app([scenes.status()])
    assert snap_compare(app, terminal_size=(80, 24), run_before=typing("4"))


@pytest.mark.parametrize("size", SIZES[:2], ids=lambda size: f"{size[0]}x{size[1]}")
def test_story(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    app, _ = scenes.app(mail.evening())
    assert snap_compare(app, terminal_size=size, run_before=typing("4", "enter"))


def test_story_of_a_bounce(snap_compare: SnapCompare) -> None:
    app, _ = scenes.app(mail.evening())
    assert snap_compare(app, terminal_size=(120, 40), run_before=typing("4", *["down"] * 6, "enter"))


def test_transcript_with_log(snap_compare: SnapCompare) -> None:
    app, _ = scenes.app(mail.evening())
    keys = ("slash", *"partner", "enter", "enter", "home")
    assert snap_compare(app, terminal_size=(120, 40), run_before=typing(*keys))


def test_hostile_message(snap_compare: SnapCompare) -> None:
    app, _ = scenes.app(mail.hostile())
    assert snap_compare(app, terminal_size=(120, 40), run_before=typing("4", "enter"))


def test_hostile(snap_compare: SnapCompare) -> None:
    app, _ = scenes.app(scenes.hostile())
    assert snap_compare(app, terminal_size=(120, 40), run_before=typing("enter"))


PANES = {
    "home": ("1",),
    "home-sessions": ("1", "tab", "down"),
    "sources": ("2", "down"),
    "networks": ("2", "g", "down"),
    "accounts": ("2", *["g"] * 4, "down"),
    "source": ("2", "down", "enter"),
    "deliveries": ("5", "down"),
    "destination": ("5", "down", "enter"),
    "tls": ("6", "down"),
    "log": ("9",),
    "line": ("9", "up", "enter"),
}
"""What the burst looks like in each pane, after which keys."""

panes = pytest.mark.parametrize("keys", PANES.values(), ids=PANES)


def in_burst(theme: Literal["terminal", "light", "safe", "mono"] = "terminal") -> SmtpWatch:
    """The app with the burst waiting to be folded."""
    feed = scenes.Feed(burst.burst())
    config = Config(refresh=scenes.SLOW, theme=theme)
    app = SmtpWatch(config, scenes.HOST, feed.take, lambda: scenes.NOW, burst.lookups())
    app.wake()
    return app


@sizes
@panes
def test_pane(snap_compare: SnapCompare, keys: tuple[str, ...], size: tuple[int, int]) -> None:
    assert snap_compare(in_burst(), terminal_size=size, run_before=typing(*keys))


@panes
def test_pane_mono(snap_compare: SnapCompare, keys: tuple[str, ...]) -> None:
    assert snap_compare(in_burst("mono"), terminal_size=(80, 24), run_before=typing(*keys))


@pytest.mark.parametrize("theme", ["light", "safe"])
def test_theme(snap_compare: SnapCompare, theme: Literal["light", "safe"]) -> None:
    assert snap_compare(in_burst(theme), terminal_size=(120, 40), run_before=typing())


@pytest.mark.parametrize("key", "2569")
def test_nothing_in_a_pane(snap_compare: SnapCompare, key: str) -> None:
    app, _ = scenes.app([scenes.status()])
    assert snap_compare(app, terminal_size=(80, 24), run_before=typing(key))
