"""Events for commands without a screen: live from the sensors, or from a file, as one stream of batches."""

import selectors
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from smtpwatch.config import Config
from smtpwatch.errors import CaptureError
from smtpwatch.events import Event, SensorStatus
from smtpwatch.sensors import Sensor, read_file

WAIT = 0.5  # seconds between looks at the sensor's health when nothing comes


class FeedError(Exception):
    """The events cannot be had; the message is one line for the admin. `damaged`: a file was given up to its damage."""

    def __init__(self, message: str, damaged: bool = False) -> None:
        super().__init__(message)
        self.damaged = damaged


def batches(config: Config, host: str, file: Path | None) -> Iterator[Sequence[Event]]:
    """Batches of events, without end when live. Raises FeedError."""
    return from_file(file, config, host) if file is not None else live(config, host)


def from_file(path: Path, config: Config, host: str) -> Iterator[Sequence[Event]]:
    """The events of one capture file. Raises FeedError: at once if it can't be read, after all good packets if it is
    damaged."""
    given = False
    try:
        for batch in read_file(path, config, host):
            given = True
            yield batch
    except CaptureError as error:
        raise FeedError(str(error), damaged=given) from None


def live(config: Config, host: str) -> Iterator[Sequence[Event]]:
    """Events as they happen. Raises FeedError if the sensor cannot start."""
    sensor = Sensor("wire", config, host)
    try:
        while True:
            started = sensor.poll(time.time())
            if started:
                yield started
            with selectors.DefaultSelector() as selector:
                if sensor.fileno() >= 0:
                    selector.register(sensor.fileno(), selectors.EVENT_READ)
                selector.select(WAIT)
            events = sensor.receive(time.time())
            if events:
                yield events
            if sensor.given_up:
                last = events[-1] if events else None
                raise FeedError(last.reason if isinstance(last, SensorStatus) else "the wire sensor does not start")
    finally:
        sensor.stop()
