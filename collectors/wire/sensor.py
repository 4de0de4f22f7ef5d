"""The wire collector as a process: live capture to events, health once a second."""

import select
import socket
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import psutil

from collectors.wire.errors import CaptureError
from collectors.wire.pipeline import Packet, Pipeline
from collectors.wire.smtp import SENSOR
from smtpwatch.config import Config
from smtpwatch.events import Health, SensorStatus
from smtpwatch.outbox import Outbox

WAIT = 0.1  # seconds to sleep for packets: the delay of the first event after silence
HEALTH = 1.0  # seconds between health reports and looks at the interfaces


class Capture(Protocol):
    """Where packets come from."""

    watching: tuple[str, ...]

    def fileno(self) -> int: ...
    def batch(self) -> Iterator[Packet]: ...
    def dropped(self) -> int: ...
    def refresh(self) -> None: ...
    def close(self) -> None: ...


def own_addresses() -> set[str]:
    """This host's addresses, without scope ids."""
    return {
        address.address.partition("%")[0]
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family in (socket.AF_INET, socket.AF_INET6)
    }


class WireSensor:
    """Runs a capture through a pipeline into an outbox until the console goes away."""

    def __init__(self, config: Config, host: str, capture: Capture, outbox: Outbox, clock: Callable[[], float]) -> None:
        self._capture = capture
        self._outbox = outbox
        self._clock = clock
        self._host = host
        local: Iterable[str] = () if config.local else own_addresses()
        self._pipeline = Pipeline(config, host, local)
        self._health_at = 0.0
        self._dropped = 0

    def run(self) -> None:
        """Capture until the console's end of the socket is closed. Raises OSError if the capture breaks."""
        poll = select.poll()
        poll.register(self._capture.fileno(), select.POLLIN)
        poll.register(self._outbox.fileno(), select.POLLHUP)
        pipeline, outbox, batch = self._pipeline, self._outbox, self._pipeline.batch
        self._tell("running", "")
        while True:
            ready = poll.poll(WAIT * 1000)
            if any(fd == outbox.fileno() and event & (select.POLLHUP | select.POLLERR) for fd, event in ready):
                return
            pipeline.packets(self._capture.batch())
            now = self._clock()
            if not ready:
                pipeline.idle(now)
            if batch:
                outbox.send(batch)
                batch.clear()
            elif outbox.waiting:
                outbox.flush()
            if now >= self._health_at:
                self._health(now)

    def _health(self, now: float) -> None:
        self._health_at = now + HEALTH
        self._capture.refresh()
        self._outbox.settle(now)
        dropped = self._capture.dropped()
        lost, self._dropped = dropped - self._dropped, dropped
        if lost:
            self._tell("degraded", f"{lost:,} packets dropped by the kernel in the last second")
        else:
            self._tell("running", "")

    def _tell(self, state: Health, reason: str) -> None:
        status = SensorStatus(
            self._clock(),
            SENSOR,
            self._host,
            state,
            reason,
            self._pipeline.received,
            self._dropped,
            self._outbox.shed,
            dict(self._pipeline.unparsed),
            self._capture.watching,
        )
        self._outbox.urgent(status)


def run(config: Config, host: str, outbox: Outbox, clock: Callable[[], float]) -> None:
    """Open the capture that this system has, and run it. Raises CaptureError, PermissionError or OSError."""
    capture = _open(config)
    try:
        WireSensor(config, host, capture, outbox, clock).run()
    finally:
        capture.close()


def _open(config: Config) -> Capture:
    if hasattr(socket, "AF_PACKET"):
        from collectors.wire.live import LiveCapture

        return LiveCapture(config)
    from collectors.wire.portable import PortableCapture

    return PortableCapture(config)


__all__ = ["Capture", "CaptureError", "WireSensor", "own_addresses", "run"]
