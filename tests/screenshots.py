"""Writes screenshots/*.svg from the same traffic as the tests of the screen: `python -m tests.screenshots`."""

import asyncio
import os
import tempfile
import time
from pathlib import Path
from typing import Literal, NamedTuple

from smtpwatch.app import SmtpWatch
from smtpwatch.config import Config
from smtpwatch.events import Event
from smtpwatch.thresholds import Thresholds
from tests.screens import blocks, burst, mail, scenes

HERE = Path(__file__).parent.parent / "screenshots"


class Shot(NamedTuple):
    """What to show, how large, after which keys."""

    name: str
    events: list[Event]
    size: tuple[int, int]
    keys: tuple[str, ...] = ()
    theme: Literal["terminal", "light", "safe", "mono"] = "terminal"
    firewall: Literal["none", "empty", "used"] = "empty"


def shots() -> list[Shot]:
    """All of them."""
    evening, mailed, spam = scenes.busy_evening(), mail.evening(), burst.burst()
    refused = "packets: not allowed (needs root or CAP_NET_RAW). Run: sudo smtpwatch"
    large = (120, 40)
    return [
        Shot("home-80x24", spam, (80, 24)),
        Shot("home-120x40", spam, large),
        Shot("home-200x50", spam, (200, 50)),
        Shot("sources-120x40", spam, large, ("2", "down")),
        Shot("networks-120x40", spam, large, ("2", "g")),
        Shot("source-120x40", spam, large, ("2", "down", "enter")),
        Shot("sessions-120x40", evening, large, ("3",)),
        Shot("transcript-120x40", evening, large, ("3", *["down"] * 4, "enter")),
        Shot("messages-120x40", mailed, large, ("4", "down")),
        Shot("message-120x40", mailed, large, ("4", "enter")),
        Shot("deliveries-120x40", spam, large, ("5", "down")),
        Shot("tls-120x40", spam, large, ("6", "down")),
        Shot("alerts-120x40", spam, large, ("7", "down")),
        Shot("alert-120x40", spam, large, ("7", "down", "enter")),
        Shot("alerts-80x24", spam, (80, 24), ("7",)),
        Shot("log-120x40", mailed, large, ("9",)),
        Shot("filter-120x40", spam, large, ("2", "slash", *"reason:relay !cc:DE")),
        Shot("help-80x24", evening, (80, 24), ("3", "question_mark")),
        Shot("blocks-120x40", spam, large, ("8", "down"), firewall="used"),
        Shot("block-120x40", spam, large, ("1", "down", "b")),
        Shot("block-question-120x40", spam, large, (*on("203.0.113.7"), "B")),
        Shot("block-refused-80x24", spam, (80, 24), (*on(blocks.ADMIN), "b")),
        Shot("not-allowed-80x24", [scenes.status("failed", refused)], (80, 24), firewall="none"),
        Shot("mono-80x24", spam, (80, 24), (), "mono"),
        Shot("light-120x40", spam, large, (), "light"),
    ]


def on(source: str) -> tuple[str, ...]:
    """The keys that put the cursor on that source."""
    return ("2", "slash", *f"src:{source}", "enter", "down")


def app_of(shot: Shot, directory: Path) -> SmtpWatch:
    """The app of a shot, with what it needs of a firewall."""
    if shot.firewall == "none":
        feed = scenes.Feed(shot.events)
        config = Config(refresh=scenes.SLOW, theme=shot.theme)
        app = SmtpWatch(config, scenes.HOST, feed.take, lambda: scenes.NOW, burst.lookups())
        app.wake()
        return app
    made = blocks.firewall(directory)
    if shot.firewall == "used":
        blocks.some_blocked(made)
    return blocks.app(made, shot.events, shot.theme, Thresholds())[0]


async def take(shot: Shot, directory: Path) -> None:
    """Write one."""
    app = app_of(shot, directory)
    async with app.run_test(size=shot.size) as pilot:
        await pilot.pause()
        app.tick()
        await pilot.pause()
        await pilot.press(*shot.keys)
        await pilot.pause()
        (HERE / f"{shot.name}.svg").write_text(app.export_screenshot(title="smtpwatch"))


def main() -> None:
    """Write all, with times in UTC so that they are the same wherever they are made."""
    os.environ["TZ"] = "UTC"
    os.environ.pop("NO_COLOR", None)
    time.tzset()
    for shot in shots():
        with tempfile.TemporaryDirectory() as directory:
            asyncio.run(take(shot, Path(directory)))


if __name__ == "__main__":
    main()
