"""Writes screenshots/*.svg from the same traffic as the tests of the screen: `python -m tests.screenshots`."""

import asyncio
import os
import time
from pathlib import Path
from typing import NamedTuple

from smtpwatch.config import Config
from smtpwatch.events import Event
from tests.screens import mail, scenes

HERE = Path(__file__).parent.parent / "screenshots"


class Shot(NamedTuple):
    """What to show, how large, after which keys."""

    name: str
    events: list[Event]
    size: tuple[int, int]
    keys: tuple[str, ...] = ()
    config: Config = Config(refresh=scenes.SLOW)


def shots() -> list[Shot]:
    """All of them."""
    evening, mailed = scenes.busy_evening(), mail.evening()
    mono = Config(theme="mono", refresh=scenes.SLOW)
    refused = "packets: not allowed (needs root or CAP_NET_RAW). Run: sudo smtpwatch"
    return [
        Shot("sessions-80x24", evening, (80, 24)),
        Shot("sessions-120x40", evening, (120, 40)),
        Shot("sessions-200x50", evening, (200, 50)),
        Shot("transcript-120x40", evening, (120, 40), (*["down"] * 4, "enter")),
        Shot("messages-120x40", mailed, (120, 40), ("4", "down")),
        Shot("message-120x40", mailed, (120, 40), ("4", "enter")),
        Shot("filter-120x40", evening, (120, 40), ("slash", *"in !quit")),
        Shot("help-80x24", evening, (80, 24), ("question_mark",)),
        Shot("not-allowed-80x24", [scenes.status("failed", refused)], (80, 24)),
        Shot("mono-80x24", evening, (80, 24), (), mono),
    ]


async def take(shot: Shot) -> None:
    """Write one."""
    app, _ = scenes.app(shot.events, shot.config)
    async with app.run_test(size=shot.size) as pilot:
        await pilot.pause()
        app.tick()
        await pilot.press(*shot.keys)
        await pilot.pause()
        (HERE / f"{shot.name}.svg").write_text(app.export_screenshot(title="smtpwatch"))


def main() -> None:
    """Write all, with times in UTC so that they are the same wherever they are made."""
    os.environ["TZ"] = "UTC"
    os.environ.pop("NO_COLOR", None)
    time.tzset()
    for shot in shots():
        asyncio.run(take(shot))


if __name__ == "__main__":
    main()
