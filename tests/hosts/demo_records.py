"""What is recorded of the demo's scene beside its packets: logs as a syslog daemon writes them, the queue as the host
sensor sees it, and how much the sensors have received from second to second."""

import threading
import time
from bisect import bisect_right
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from collectors.host.mta import Mta
from collectors.host.reading import Reading
from collectors.octets import Octets
from collectors.wire.capture_file import CaptureFile
from smtpwatch.events import QueueSample, SensorStatus
from tests.hosts import demo_hosts
from tests.hosts.demo_hosts import Scene

WATCHING = "demo"
_LOOK = 0.001  # seconds between looks at a log
_EACH = 5.0  # seconds between looks at the queue: the least that can be set
_HEALTH = 1.0  # seconds between a sensor's reports
_TRADITIONAL = len("Nov 25 10:00:00 ")


class Stamped:
    """A log's lines from the start of the `with` block to its end, each with the time at which it came, to the
    microsecond (RFC 3339), which is what a syslog daemon does. `host`: the name in the lines; "" leaves them as they
    are, since they have such stamps already."""

    def __init__(self, log: Path, host: str) -> None:
        self._log = log
        self._host = host
        self.times: list[float] = []
        """When each line came, epoch seconds."""
        self.lines: list[str] = []
        self.latest = time.monotonic()
        """When the latest came, by the monotonic clock."""

    def __enter__(self) -> Self:
        self._file = self._log.open(encoding="utf-8", errors="backslashreplace")
        self._file.seek(0, 2)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()
        self._file.close()

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(line + "\n" for line in self.lines)

    def _follow(self) -> None:
        rest = ""
        while not self._ending.wait(_LOOK):
            *lines, rest = (rest + self._file.read()).split("\n")
            if lines:
                self.latest = time.monotonic()
                now = time.time()
                self.times += [now] * len(lines)
                self.lines += [self._stamped(line, now) for line in lines] if self._host else lines

    def _stamped(self, line: str, now: float) -> str:
        _, _, said = line[_TRADITIONAL:].partition(" ")  # the host's name
        stamp = datetime.fromtimestamp(now, UTC).isoformat(timespec="microseconds")
        return f"{stamp} {self._host} {said}"


class Looks:
    """The queue, looked at by the host sensor's own reading from the start of the `with` block to its end."""

    def __init__(self, scene: Scene) -> None:
        etc = scene.postfix.directory / "etc"
        self._mta = Mta("postfix", "", tuple(scene.mx.command("postqueue", "-c", etc, "-j")), True)
        self.samples: list[QueueSample] = []

    def __enter__(self) -> Self:
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def _look(self) -> None:
        while True:
            reading = Reading(self._mta, time.time())
            try:
                while not reading.read(time.time()):
                    time.sleep(0.01)
                self.samples.append(reading.sample(time.time(), demo_hosts.NAME))
            finally:
                reading.close()
            if self._ending.wait(_EACH):
                return


def health(capture: Path, *logs: Stamped) -> list[SensorStatus]:
    """What the sensors would have told of themselves each second: running, and how much they had received by then."""
    packets = [packet[0] for packet in CaptureFile(Octets(capture)).packets()]
    lines = sorted(moment for log in logs for moment in log.times)
    at, end = packets[0], max(packets[-1], lines[-1]) + _HEALTH
    told = []
    while at <= end:
        for sensor, received in (("wire", bisect_right(packets, at)), ("log", bisect_right(lines, at)), ("host", 0)):
            told.append(
                SensorStatus(at, sensor, demo_hosts.NAME, "running", "", received, 0, 0, {}, (WATCHING,))
            )  # fmt: skip
        at += _HEALTH
    return told
