"""A spam burst with everything that the panes can show: sources of several networks, brute force, an account that is
used from many places, TLS of all kinds, deliveries, a queue that grows. The clock stands at `scenes.NOW`."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import product
from pathlib import Path

import msgspec
from textual.geometry import Region
from textual.pilot import Pilot
from textual.strip import Strip

from smtpwatch import events as ev
from smtpwatch.app import SmtpWatch
from smtpwatch.config import Config
from smtpwatch.lookup import Lookups, Name, Names, Place, Places
from smtpwatch.lookup.databases import Database
from smtpwatch.lookup.geo import UNDETAILED, Details
from smtpwatch.state.picture import Picture
from tests.screens import mail, scenes, tls
from tests.screens.scenes import HOST, NOW, Dialogue
from widgets.line_pane import LinePane

PLACES = {
    "203.0.113.": Place("RO", 64500, "EXAMPLE-HOST"),
    "198.51.100.": Place("VN", 64501, "EXAMPLE-TEL"),
    "192.0.2.": Place("DE", 64502, "EXAMPLE-PARTNER"),
    "2001:db8:7:": Place("US", 64510, "BIGMAIL"),
}
NOWHERE = Place()
NAMES = {
    "203.0.113.7": Name("host7.example.net", "confirmed"),
    "198.51.100.23": Name("", "none"),
    "192.0.2.10": Name("mail.partner.example", "unconfirmed"),
}
SPAMMERS = tuple(f"203.0.113.{number}" for number in range(1, 14))
BRUTES = ("198.51.100.20", "198.51.100.21", "198.51.100.23")
GOOD = "2001:db8:7::25"
BOBS = tuple(f"198.18.{number}.5" for number in range(5))
"""Where bob's account is used from; no database knows them."""


def place(address: str) -> Place:
    """Where the documentation's addresses are."""
    return next((found for start, found in PLACES.items() if address.startswith(start)), NOWHERE)


class Known(Places):
    """A database of those places."""

    def of(self, address: str) -> Place:
        """Where it is."""
        return place(address)

    @property
    def knows_country(self) -> bool:
        """It does."""
        return True

    @property
    def knows_network(self) -> bool:
        """It does."""
        return True

    @property
    def databases(self) -> tuple[Database, ...]:
        """Made twelve days ago."""
        return (Database(Path("places.mmdb"), "GeoLite2-City", NOW - 12 * 86_400, True, True, True),)

    def details(self, address: str) -> Details:
        """The city of one of them."""
        return Details("Cluj-Napoca", "Cluj", 20) if address == "203.0.113.7" else UNDETAILED


class Named(Names):
    """Names that are known already."""

    def of(self, address: str) -> Name | None:
        """The name, None for the others, which are being looked up."""
        return NAMES.get(address)


def lookups() -> Lookups:
    """Places and names. On a running loop."""
    return Lookups(Known(), Named(None))


def spam(number: int, source: str, start: float) -> Dialogue:
    """A session in which four recipients are refused."""
    return Dialogue(number, source, start, step=0.05).greeting().hello("ylmf-pc").mail(
        f"win{number}@lottery.example", *(f"u{at}@example.org" for at in range(4)), refused=True).closed()  # fmt: skip


def brute(number: int, source: str, start: float) -> Dialogue:
    """A session in which three logins fail, still open."""
    dialogue = Dialogue(number, source, start, 587, "submission").greeting().hello("[198.51.100.20]")
    for _ in range(3):
        dialogue.auth("failure").answer("AUTH", 535, "5.7.8 Error: authentication failed")
    return dialogue


def good(number: int, start: float) -> Dialogue:
    """A session that brings one message."""
    dialogue = Dialogue(number, GOOD, start).greeting().hello("out3.bigmail.example")
    dialogue.mail("dave@bigmail.example", "carol@example.net")
    return dialogue.accepted("dave@bigmail.example", 1, f"6Q{number}").closed()


def wire() -> list[ev.Event]:
    """What the packets tell of the burst, in order."""
    dialogues = [
        spam(1_000 + at, SPAMMERS[(at * at) % len(SPAMMERS)] if at % 3 else "203.0.113.7", NOW - 59 + at * 0.9)
        for at in range(60)
    ]
    dialogues += [brute(1_100 + at, BRUTES[at % 3], NOW - 55 + 5 * at) for at in range(10)]
    dialogues += [good(1_200 + at, NOW - 50 + 9 * at) for at in range(5)]
    dialogues.append(
        Dialogue(1_300, "192.0.2.10", NOW - 33).greeting().odd("early talker", "spoke before the greeting").hello(
            "mail.partner.example").tls()
    )  # fmt: skip
    events = [event for dialogue in dialogues for event in dialogue.events if event.time <= NOW]
    return sorted([scenes.status(), *events], key=lambda event: event.time)


def accounts() -> list[ev.Event]:
    """Bob's account sends from five networks, as the log tells."""
    lines = []
    for at, source in enumerate(BOBS):
        stamp, pid, queue_id = f"Mar  1 10:40:{10 + at:02}", 2_000 + at, f"B0B{at:07X}"
        lines += [
            f"{stamp} submission/smtpd[{pid}]: connect from unknown[{source}]",
            f"{stamp} submission/smtpd[{pid}]: {queue_id}: client=unknown[{source}], sasl_method=PLAIN, "
            "sasl_username=bob@example.net",
            f"{stamp} qmgr[900]: {queue_id}: from=<bob@example.net>, size=900, nrcpt=1 (queue active)",
            f"{stamp} submission/smtpd[{pid}]: disconnect from unknown[{source}] ehlo=2 starttls=1 auth=1 mail=1 "
            "rcpt=1 data=1 quit=1 commands=8",
        ]
    return mail.logged("\n".join(lines))


def queue(messages: int, at: float) -> ev.QueueSample:
    """What Postfix has in its queues."""
    counts = {"active": 12, "deferred": messages}
    ages: dict[str, tuple[int, ...]] = {
        "": (3, 5, 8, 13, 21, 34, 5, 3, 2, 1),
        "slow.example": (0, 1, 2, 4, 8, 16, 2, 1, 1, 1),
    }
    waiting = {"slow.example": 36, "bigmail.example": 20}
    return ev.QueueSample(
        at, "host", HOST, "postfix", "", counts, {"deferred": 7_300.0}, waiting, 90_000, True, "", ages
    )


def burst() -> list[ev.Event]:
    """All of it as it comes: a log line after the packets of its second."""
    host = ev.SensorStatus(scenes.START, "host", HOST, "running", "", 3, 0, 0, {}, ("postfix",))
    told = [*mail.logged(), *accounts(), mail.status(), mail.status(at=NOW)]
    samples = [queue(800, NOW - 300), queue(1_192, NOW - 5)]
    events = [*wire(), *tls.afternoon(), *told, host, *samples]
    return sorted(events, key=lambda event: event.time + isinstance(event, ev.LogEvent))


def picture(events: Sequence[ev.Event] | None = None, located: bool = True) -> Picture:
    """The burst, folded; nothing waits for its other half any longer."""
    folded = Picture(place if located else None)
    folded.apply(burst() if events is None else events)
    folded.finish()
    return folded


def app(
    events: Sequence[ev.Event] | None = None, config: Config | None = None, located: bool = True
) -> tuple[SmtpWatch, scenes.Feed]:
    """An app that has folded those events, on a clock that stands still, and its feed. On a running loop."""
    feed = scenes.Feed(())
    config = config or Config(refresh=scenes.SLOW, alerts=scenes.QUIET)
    watch = SmtpWatch(config, HOST, feed.take, lambda: NOW, lookups() if located else Lookups(None, None))
    watch.triage.apply(burst() if events is None else events)
    watch.triage.finish()
    return watch, feed


class Shown:
    """The app on a terminal, and what is on it."""

    def __init__(self, app: SmtpWatch, feed: scenes.Feed, pilot: Pilot[None]) -> None:
        self.app, self.feed, self.pilot = app, feed, pilot

    async def press(self, *keys: str) -> None:
        """Type."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def arrive(self, *events: ev.Event) -> None:
        """More events, and a tick."""
        self.app.picture.apply(events)
        self.app.tick()
        await self.pilot.pause()

    async def resize(self, width: int, height: int) -> None:
        """Another size, laid out and looked at."""
        await self.pilot.resize_terminal(width, height)
        await self.pilot.pause()
        await self.arrive()
        await self.pilot.pause()

    @property
    def strips(self) -> list[Strip]:
        """What reaches the terminal, line by line, as the filters have left it."""
        screen = self.app.screen
        return screen._compositor.render_strips(screen.size)

    @property
    def lines(self) -> list[str]:
        """The text of the whole screen."""
        return [strip.text.rstrip() for strip in self.strips]

    @property
    def foot(self) -> str:
        """The last line."""
        return self.app.foot.lines[0]

    @property
    def panes(self) -> list[LinePane]:
        """All that is in sight."""
        return [each for each in self.app.query(LinePane) if each.is_on_screen]

    @property
    def rows(self) -> list[str]:
        """What the rows of the table in front are called."""
        table = self.app.table
        return [str(table.view.key(row)[1]) for row in table.view.window(0, len(table.view))]

    def check(self) -> None:
        """Nothing overlaps, nothing sticks out, and all lines are as wide as their pane."""
        screen = self.app.screen
        regions = {pane.id: screen.find_widget(pane).visible_region for pane in self.panes}
        cells = [spot for region in regions.values() for spot in _spots(region)]
        assert len(cells) == len(set(cells)), regions
        for pane in self.panes:
            assert screen.region.contains_region(pane.region) or screen.size.height < 5, (pane.id, pane.region)
            assert all(strip.cell_length == pane.size.width for strip in pane._strips), pane.id
        assert all(strip.cell_length == self.app.size.width for strip in self.strips)


def _spots(region: Region) -> Iterator[tuple[int, int]]:
    return product(range(region.x, region.right), range(region.y, region.bottom))


@asynccontextmanager
async def screen(
    events: Sequence[ev.Event] | None = None,
    pane: str = "home",
    size: tuple[int, int] = (80, 24),
    theme: str = "terminal",
    located: bool = True,
) -> AsyncIterator[Shown]:
    """The app on a terminal of that size, looked at once."""
    config = msgspec.convert({"pane": pane, "theme": theme, "refresh": scenes.SLOW}, Config)
    config = msgspec.structs.replace(config, alerts=scenes.QUIET)
    watch, feed = app(events, config, located)
    async with watch.run_test(size=size) as pilot:
        await pilot.pause()
        watch.tick()
        await pilot.pause()
        yield Shown(watch, feed, pilot)
