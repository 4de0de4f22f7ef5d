"""What the screen is given: files as they are read, and what is wrong with them."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from smtpwatch import console
from smtpwatch import events as ev
from smtpwatch.bus import CAPACITY, Bus
from smtpwatch.config import Config
from smtpwatch.feed import FeedError
from tests.screens import scenes

LOG = "Mar  1 10:40:11 mx1 postfix/smtpd[1203]: connect from mail.example.com[203.0.113.90]\n"


class Screen:
    """Stands for SmtpWatch: notes what it was given until there is no more."""

    shown: "list[Screen]"

    def __init__(
        self, config: Config, host: str, take: object, clock: object, lookups: object, blocking: object, hook: object
    ) -> None:
        self.host, self.take, self.clock = host, take, clock
        self.told = asyncio.Event()
        self.return_code = 0
        self.events: list[ev.Event] = []
        Screen.shown.append(self)

    def wake(self) -> None:
        while batch := self.take():  # type: ignore[operator]
            self.events += batch

    def no_more(self) -> None:
        self.told.set()

    async def run_async(self) -> None:
        await asyncio.wait_for(self.told.wait(), 10)


@pytest.fixture(autouse=True)
def screen(monkeypatch: pytest.MonkeyPatch) -> None:
    Screen.shown = []
    monkeypatch.setattr("smtpwatch.app.SmtpWatch", Screen)


def test_files_are_read_while_the_screen_is_open(tmp_path: Path) -> None:
    log = tmp_path / "mail.log"
    log.write_text(LOG * 5_000)
    assert console.run(Config(), "mx1", [log], demo=False) == 0
    (shown,) = Screen.shown
    assert sum(isinstance(event, ev.ClientConnected) for event in shown.events) == 5_000
    assert isinstance(shown.events[-1], ev.SensorStatus) and shown.events[-1].received == 5_000
    assert shown.clock() == 0.0  # type: ignore[operator]


def test_files_of_no_use_open_no_screen(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("no log at all\n" * 10)
    for path in (tmp_path / "none.log", other):
        with pytest.raises(FeedError):
            console.run(Config(), "mx1", [path], demo=False)
    assert Screen.shown == []


def test_damage_is_told_by_the_sensor(monkeypatch: pytest.MonkeyPatch) -> None:
    good, told = scenes.busy_evening()[1:3], scenes.status("degraded", "cut short")

    def damaged(*_: object, plain: bool) -> Iterator[Sequence[ev.Event]]:
        yield good
        yield [told]
        raise FeedError("cut short", damaged=True)

    monkeypatch.setattr(console, "from_files", damaged)
    assert console.run(Config(), "mx1", [Path("x.pcap")], demo=False) == 0
    assert Screen.shown[0].events == [*good, told]


def test_the_demo_is_played_as_a_live_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own host, its own addresses, whatever is set; told against the clock."""

    class Left(Screen):
        """Left after some seconds' events."""

        async def run_async(self) -> None:
            while not any(isinstance(event, ev.MessageReceived) for event in self.events):
                await asyncio.sleep(0.01)

    monkeypatch.setattr("smtpwatch.app.SmtpWatch", Left)
    began = time.time()
    assert console.run(Config(), "elsewhere", [], demo=True) == 0
    (shown,) = Screen.shown
    assert (shown.host, shown.clock) == ("mx1.example.net", time.time)
    assert {event.host for event in shown.events} == {"mx1.example.net"}
    assert {event.sensor for event in shown.events if isinstance(event, ev.SensorStatus)} == {"wire", "log", "host"}
    assert all(event.time >= began for event in shown.events)
    directions = {event.direction for event in shown.events if isinstance(event, ev.SessionOpened)}
    assert "inbound" in directions


async def test_reading_waits_for_the_state() -> None:
    bus = Bus()
    slow = bus.subscribe(lossless=True)
    events = list(scenes.many(6 * CAPACITY // 10))
    read: list[int] = []

    def batches() -> Iterator[Sequence[ev.Event]]:
        for number in range(5):
            read.append(number)
            yield events

    feeding = asyncio.create_task(console._publish(batches(), bus))
    await asyncio.sleep(0.1)
    assert len(read) == 3 and not feeding.done()
    while not feeding.done() or slow.waiting:
        slow.take()
        await asyncio.sleep(0.01)
    assert read == list(range(5))
