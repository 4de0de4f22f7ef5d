"""Blocking on the whole screen, as SVG: the pane, the question, what was done, what was refused."""

from pathlib import Path

import pytest

from tests.screens import blocks, burst
from tests.screens.test_screens import SIZES, SnapCompare, sizes, typing


def on(source: str, pane: str = "2") -> tuple[str, ...]:
    """The keys that put the cursor on that source."""
    return (pane, "slash", *f"src:{source}", "enter", "down")


@sizes
def test_pane(snap_compare: SnapCompare, tmp_path: Path, size: tuple[int, int]) -> None:
    made = blocks.firewall(tmp_path)
    blocks.some_blocked(made)
    app, _ = blocks.app(made)
    assert snap_compare(app, terminal_size=size, run_before=typing("8", "down"))


ACTS = {
    "question": (*on("203.0.113.7"), "B"),
    "blocked": (*on("203.0.113.7"), "b"),
    "probation": (*on(burst.GOOD), "b", "y"),
    "refused": (*on(blocks.ADMIN), "b"),
    "time": (*on("203.0.113.7"), "b", "t"),
    "source": (*on("203.0.113.7"), "b", "enter"),
    "home": ("1", "down", "b"),
}


@pytest.mark.parametrize("size", SIZES[:2], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("keys", ACTS.values(), ids=ACTS)
def test_act(snap_compare: SnapCompare, tmp_path: Path, keys: tuple[str, ...], size: tuple[int, int]) -> None:
    app, _ = blocks.app(blocks.firewall(tmp_path))
    assert snap_compare(app, terminal_size=size, run_before=typing(*keys))


def test_mono(snap_compare: SnapCompare, tmp_path: Path) -> None:
    made = blocks.firewall(tmp_path)
    blocks.some_blocked(made)
    app, _ = blocks.app(made, theme="mono")
    assert snap_compare(app, terminal_size=(80, 24), run_before=typing("8", "down"))


def test_nothing_blocked(snap_compare: SnapCompare, tmp_path: Path) -> None:
    app, _ = blocks.app(blocks.firewall(tmp_path))
    assert snap_compare(app, terminal_size=(80, 24), run_before=typing("8"))
