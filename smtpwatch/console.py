"""The process with the screen: sensors or a recording feed the bus, the app folds what is on it."""

import asyncio
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from smtpwatch import bundled, rights
from smtpwatch.bus import Bus
from smtpwatch.config import Config
from smtpwatch.events import Event, SensorStatus
from smtpwatch.feed import FeedError, from_files
from smtpwatch.firewall.blocking import Blocking
from smtpwatch.firewall.gated import GatedBlocking
from smtpwatch.firewall.pretend import pretended
from smtpwatch.garbage import collect_seldom
from smtpwatch.heap import map_what_is_big
from smtpwatch.lookup import Lookups, Names, Places
from smtpwatch.lookup.resolver import Resolver
from smtpwatch.replay import play
from smtpwatch.sensors import Sensor
from smtpwatch.triage.hook import Hook

CHECK = 0.5  # seconds between looks at a silent sensor
READ_ON = 0.001  # seconds between two batches of a file, for the screen
NO_ROOM = 0.02  # seconds to let state catch up; meanwhile the sensor waits, and sheds if it must


def run(config: Config, host: str, files: Sequence[Path], demo: bool) -> int:
    """Open the screen on live traffic, on captures and logs, or on the demo; returns the exit code.

    Raises FeedError if a file cannot be read at all."""
    map_what_is_big()
    if files:
        recorded = _sound(from_files(files, config, host, plain=True))
        # No resolver: whoever looks into a file may not want to be seen by those it is about.
        return _show(config, host, lambda bus: _publish(recorded, bus), _no_time, Lookups(Places(config.geo), None))
    if demo:
        # Its addresses are nobody's, and no resolver's business.
        lookups = Lookups(Places([bundled.places()]), None)
        with tempfile.TemporaryDirectory(prefix="smtpwatch-") as directory:
            blocking = pretended(Path(directory), config.ports, time.time) if config.block else None
            return _show(
                config, bundled.HOST, lambda bus: play(bundled.recorded(), bus, time.time), time.time, lookups, blocking
            )
    lookups = Lookups(Places(config.geo), Names(Resolver()) if config.names else None)
    sensors = [Sensor(name, config, host, plain=True) for name in config.sensors]
    gate = GatedBlocking(config) if config.block and rights.may_block() else None
    hook = Hook(config.alerts, time.monotonic) if config.alerts.on_alert else None
    started = [event for sensor in sensors for event in sensor.poll(time.time())]  # they come up meanwhile
    try:
        return _show(config, host, lambda bus: _live(sensors, started, bus), time.time, lookups, gate, hook)
    finally:
        if hook is not None:
            hook.stop()
        if gate is not None:
            gate.stop()
        for sensor in sensors:
            sensor.stop()


def _no_time() -> float:
    """What is read from files is told against the time of its latest event."""
    return 0.0


def _show(
    config: Config,
    host: str,
    feed: Callable[[Bus], Coroutine[None, None, None]],
    clock: Callable[[], float],
    lookups: Lookups,
    blocking: Blocking | None = None,
    hook: Hook | None = None,
) -> int:
    """The screen, until it is left. A `feed` that ends has told all there is."""
    from smtpwatch.app import SmtpWatch

    async def main() -> int:
        bus = Bus()
        subscription = bus.subscribe(lossless=True)
        app = SmtpWatch(config, host, subscription.take, clock, lookups, blocking, hook)
        subscription.wake = app.wake
        collecting = asyncio.create_task(collect_seldom())
        feeding = asyncio.create_task(feed(bus))
        feeding.add_done_callback(lambda done: None if done.cancelled() else app.no_more())
        await app.run_async()
        feeding.cancel()
        collecting.cancel()
        return app.return_code or 0

    return asyncio.run(main())


def _sound(batches: Iterator[Sequence[Event]]) -> Iterator[Sequence[Event]]:
    """The files' batches; the first of them is read at once, so that files that are of no use end in FeedError before
    the screen opens. Later damage is told by a SensorStatus among the events."""
    first: list[Sequence[Event]] = []
    for batch in batches:
        first.append(batch)
        if any(not isinstance(event, SensorStatus) for event in batch):
            break
    return _until_damage(chain(first, batches))


def _until_damage(batches: Iterable[Sequence[Event]]) -> Iterator[Sequence[Event]]:
    try:
        yield from batches
    except FeedError:
        return


async def _publish(recorded: Iterable[Sequence[Event]], bus: Bus) -> None:
    """Read on as fast as state takes it in. A batch takes some 2 ms of a log, 15 ms of a capture."""
    for batch in recorded:
        while not bus.has_room:
            await asyncio.sleep(NO_ROOM)
        bus.publish(batch)
        await asyncio.sleep(READ_ON)


async def _live(sensors: Sequence[Sensor], started: list[Event], bus: Bus) -> None:
    """Read the sensors for as long as the screen is open."""
    bus.publish(started)
    await asyncio.gather(*(_follow(sensor, bus) for sensor in sensors))


async def _follow(sensor: Sensor, bus: Bus) -> None:
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
