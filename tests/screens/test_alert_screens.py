"""Alerts on the whole screen, as SVG: the pane, one in full, and the line above the others."""

import pytest

from smtpwatch.config import Config
from smtpwatch.thresholds import Thresholds
from smtpwatch.triage.rules import RULES
from tests.screens import alerts, scenes
from tests.screens.test_screens import SIZES, SnapCompare, sizes, typing

two = pytest.mark.parametrize("size", SIZES[:2], ids=lambda size: f"{size[0]}x{size[1]}")


KEYS = {
    "pane": ("7", "down"),
    "opened": ("7", "enter"),
    "evidence": ("7", "down", "down", "enter"),
    "over": ("7", "end", "enter"),
    "line": ("1",),
    "led": ("7", "down", "o"),
}


@sizes
@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)
def test_alerts(snap_compare: SnapCompare, keys: tuple[str, ...], size: tuple[int, int]) -> None:
    assert snap_compare(alerts.waiting(), terminal_size=size, run_before=typing(*keys))


@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)
def test_mono(snap_compare: SnapCompare, keys: tuple[str, ...]) -> None:
    assert snap_compare(alerts.waiting(theme="mono"), terminal_size=(80, 24), run_before=typing(*keys))


@two
def test_hostile(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    app = alerts.waiting(lambda raised: raised.found(alerts.HOSTILE))
    assert snap_compare(app, terminal_size=size, run_before=typing("7", "enter"))


def test_none(snap_compare: SnapCompare) -> None:
    """With two rules, so that it is the same whatever other rules there are."""
    off = tuple(rule.name for rule in RULES[2:])
    config = Config(refresh=scenes.SLOW, pane="alerts", alerts=Thresholds(off=off))
    app, _ = scenes.app([scenes.status()], config)
    assert snap_compare(app, terminal_size=(80, 24), run_before=typing())
