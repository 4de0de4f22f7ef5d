"""The process with the screen: sensors or a recording feed the bus, the app folds what is on it."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from importlib.resources import as_file, files
from pathlib import Path

from smtpwatch.bus import Bus
from smtpwatch.config import Config
from smtpwatch.events import Event
from smtpwatch.feed import FeedError, from_file
from smtpwatch.replay import play
from smtpwatch.sensors import Sensor

DEMO = "demo/burst.pcap.gz"  # recorded by tests/hosts/record_demo.py
CHECK = 0.5  # seconds between looks at a silent sensor
NO_ROOM = 0.02  # seconds to let state catch up; meanwhile the sensor waits, and sheds if it must


def run(config: Config, host: str, file: Path | None, demo: bool) -> int:
    """Open the screen on live traffic, on a capture file, or on the demo; returns the exit code.

    Raises FeedError if a file cannot be read at all."""
    if file is not None:
        recorded, last = _recorded(file, config, host)
        return _show(config, host, lambda bus: _publish(recorded, bus), lambda: last)
    if demo:
        with as_file(files("smtpwatch") / DEMO) as path:
            recorded, _ = _recorded(path, Config(local=config.local), "mx.example.org")
        return _show(config, "mx.example.org", lambda bus: play(recorded, bus, time.time), time.time)
    sensor = Sensor("wire", config, host)
    started = sensor.poll(time.time())  # it comes up while the screen is being made
    try:
        return _show(config, host, lambda bus: _live(sensor, started, bus), time.time)
    finally:
        sensor.stop()


def _show(
    config: Config, host: str, feed: Callable[[Bus], Coroutine[None, None, None]], clock: Callable[[], float]
) -> int:
    from smtpwatch.app import SmtpWatch

    async def main() -> int:
        bus = Bus()
        subscription = bus.subscribe(lossless=True)
        app = SmtpWatch(config, host, subscription.take, clock)
        subscription.wake = app.wake
        feeding = asyncio.create_task(feed(bus))
        await app.run_async()
        feeding.cancel()
        return app.return_code or 0

    return asyncio.run(main())


def _recorded(path: Path, config: Config, host: str) -> tuple[list[Event], float]:
    """A file's events and the time of the last; damage is told by the SensorStatus among them, not raised."""
    recorded: list[Event] = []
    try:
        for batch in from_file(path, config, host):
            recorded += batch
    except FeedError as error:
        if not error.damaged:
            raise
    return recorded, max((event.time for event in recorded), default=0.0)


async def _publish(recorded: list[Event], bus: Bus, slice_: int = 2_000) -> None:
    for at in range(0, len(recorded), slice_):
        while not bus.has_room:
            await asyncio.sleep(NO_ROOM)
        bus.publish(recorded[at : at + slice_])
        await asyncio.sleep(0)


async def _live(sensor: Sensor, started: list[Event], bus: Bus) -> None:
    """Read the sensor for as long as the screen is open."""
    bus.publish(started)
    while True:
        if not bus.has_room:
            await asyncio.sleep(NO_ROOM)
            continue
        now = time.time()
        events = sensor.poll(now)
        if await _readable(sensor.fileno(), CHECK):
            events = events + sensor.receive(time.time())
        if events:
            bus.publish(events)


async def _readable(fd: int, seconds: float) -> bool:
    """Whether `fd` (-1: none) has something to read within that time."""
    if fd < 0:
        await asyncio.sleep(seconds)
        return False
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(fd, ready.set)
    try:
        await asyncio.wait_for(ready.wait(), seconds)
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(fd)
    return True
