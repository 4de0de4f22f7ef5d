"""Events for commands without a screen: live from the sensors, or from a file, as one stream of batches."""

import selectors
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from smtpwatch.config import Config
from smtpwatch.errors import CaptureError
from smtpwatch.events import Event, SensorStatus
from smtpwatch.sensors import Sensor, read_files

WAIT = 0.5  # seconds between looks at the sensors' health, and between two batches, when nothing comes


class FeedError(Exception):
    """The events cannot be had; the message is one line for the admin. `damaged`: a file was given up to its damage."""

    def __init__(self, message: str, damaged: bool = False) -> None:
        super().__init__(message)
        self.damaged = damaged


def batches(config: Config, host: str, files: Sequence[Path]) -> Iterator[Sequence[Event]]:
    """Batches of events, without end when live, and then also empty ones. Raises FeedError."""
    return from_files(files, config, host) if files else live(config, host)


def from_files(files: Sequence[Path], config: Config, host: str, plain: bool = False) -> Iterator[Sequence[Event]]:
    """The events of captures and logs; `plain`: with log lines that state no fact, for a screen to show.

    Raises FeedError: at once if one can't be read, after all that is good if one is damaged."""
    given = False
    try:
        for batch in read_files(files, config, host, time.time(), plain):
            given = given or any(not isinstance(event, SensorStatus) for event in batch)
            yield batch
    except CaptureError as error:
        raise FeedError(str(error), damaged=given) from None


def live(config: Config, host: str) -> Iterator[Sequence[Event]]:
    """Events as they happen; an empty batch where none came within WAIT seconds, so that the caller has its turn.

    Raises FeedError if no sensor can start, or none that does has anything to look at."""
    sensors = [Sensor(name, config, host) for name in config.sensors]
    latest: dict[str, SensorStatus] = {}
    try:
        while True:
            events = [event for sensor in sensors for event in sensor.poll(time.time())]
            _wait(sensors)
            for sensor in sensors:
                events += sensor.receive(time.time())
            yield events
            for event in events:
                if isinstance(event, SensorStatus):
                    latest[event.sensor] = event
            given_up = [sensor for sensor in sensors if sensor.given_up]
            if given_up and all(sensor in given_up or _idle(latest.get(sensor.name)) for sensor in sensors):
                last = latest.get(given_up[0].name)
                raise FeedError(last.reason if last is not None else f"the {given_up[0].name} sensor does not start")
    finally:
        for sensor in sensors:
            sensor.stop()


def _wait(sensors: Sequence[Sensor]) -> None:
    """Until one of them has something to say, or it is time to look at their health."""
    with selectors.DefaultSelector() as selector:
        for sensor in sensors:
            if sensor.fileno() >= 0:
                selector.register(sensor.fileno(), selectors.EVENT_READ)
        selector.select(WAIT)


def _idle(status: SensorStatus | None) -> bool:
    """Nothing worth waiting for comes from it: it looks at nothing, or only at the queue."""
    return status is not None and (status.sensor == "host" or (status.state == "degraded" and not status.watching))
