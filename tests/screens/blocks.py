"""The burst with a firewall beside it: some are blocked, and whoever is pressed on can be."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from smtpwatch import events as ev
from smtpwatch.app import SmtpWatch
from smtpwatch.config import Config
from smtpwatch.firewall.blocking import OwnBlocking
from smtpwatch.firewall.guard import Protected
from smtpwatch.firewall.prefixes import as_network
from smtpwatch.firewall.request import Request
from smtpwatch.thresholds import Thresholds
from tests.firewall.fakes import Scene, nets
from tests.screens import burst, scenes
from tests.screens.driven import Screen
from tests.screens.scenes import NOW

ADMIN, RESOLVER = "198.51.100.23", "192.0.2.10"


def firewall(directory: Path) -> Scene:
    """A firewall that protects two of the burst's sources, on the scene's clock."""
    made = Scene(
        directory / "journal",
        Protected(as_network(ADMIN), "ssh", "the client of this SSH session"),
        Protected(as_network(RESOLVER), "resolver", "a DNS resolver of this host (/etc/resolv.conf)"),
    )
    made.clock.now = NOW
    return made


def some_blocked(made: Scene) -> None:
    """Of every kind: verified and trying, on probation, until removed, another's, gone."""
    acts = made.acts
    made.clock.now = NOW - 1_900
    acts.verify(acts.block(Request(nets("203.0.113.13"), why="brute force by hand")).act)
    made.clock.now = NOW - 600
    acts.verify(acts.block(Request(nets("198.51.100.128/25"), "all", None, False, why="hosts that only scan")).act)
    made.firewall.held.pop((nets("203.0.113.13")[0], "smtp"))
    made.clock.now = NOW - 200
    acts.verify(acts.block(Request(nets("203.0.113.7"), seconds=600.0, usual=False, why="412 refused")).act)
    made.clock.now = NOW - 20
    acts.verify(acts.block(Request(nets("2001:db8:66::/64"), seconds=86_400.0, usual=False)).act)
    made.firewall.held[nets("192.0.2.200")[0], "smtp"] = (NOW + 90, "")
    made.clock.now = NOW
    made.firewall.packets = 1_204


def app(
    made: Scene,
    events: Sequence[ev.Event] | None = None,
    theme: Literal["terminal", "light", "safe", "mono"] = "terminal",
    alerts: Thresholds = scenes.QUIET,
) -> tuple[SmtpWatch, scenes.Feed]:
    """The app with a firewall, and the burst waiting to be folded."""
    feed = scenes.Feed(burst.burst() if events is None else events)
    blocking = OwnBlocking(made.acts)
    blocking.look()
    config = Config(refresh=scenes.SLOW, theme=theme, alerts=alerts)
    watch = SmtpWatch(config, scenes.HOST, feed.take, lambda: made.clock.now, burst.lookups(), blocking)
    watch.wake()
    return watch, feed


@asynccontextmanager
async def screen(
    made: Scene, events: Sequence[ev.Event] | None = None, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[Screen]:
    """The app at work."""
    watch, feed = app(made, events)
    async with watch.run_test(size=size) as pilot:
        folded = -1
        while watch.picture.events != folded:
            folded = watch.picture.events
            await pilot.pause()
        watch.tick()
        await pilot.pause()
        yield Screen(watch, feed, pilot)
