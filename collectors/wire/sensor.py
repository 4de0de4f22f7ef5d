"""The wire collector as a process: live capture to events, health once a second."""

import gc
import socket
from collections.abc import Callable, Iterable

import psutil

from collectors.wire.live import Capture, open_capture
from collectors.wire.pipeline import Pipeline
from collectors.wire.smtp import SENSOR
from smtpwatch.config import Config
from smtpwatch.events import Health, SensorStatus
from smtpwatch.outbox import Outbox

WAIT = 0.1  # seconds to sleep for packets, at most: how late an idle sensor sees that the console is gone
HEALTH = 1.0  # seconds between health reports and looks at the interfaces


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
        """Capture until the console closes its end of the socket (BrokenPipeError). Raises OSError if the capture
        breaks."""
        capture, pipeline, outbox, batch = self._capture, self._pipeline, self._outbox, self._pipeline.batch
        while True:
            now = self._clock()
            if now >= self._health_at:
                self._health(now)
            capture.wait(WAIT)
            received = pipeline.received
            pipeline.packets(capture.batch())
            if pipeline.received == received:
                pipeline.idle(self._clock())
            if batch:
                outbox.send(batch)
                batch.clear()
            elif outbox.waiting:
                outbox.flush()

    def _health(self, now: float) -> None:
        self._health_at = now + HEALTH
        self._capture.refresh()
        self._outbox.settle(now)
        dropped = self._capture.dropped()
        lost, self._dropped = dropped - self._dropped, dropped
        if lost:
            self._tell(now, "degraded", f"{lost:,} packets dropped by the kernel in the last second")
        elif not self._capture.watching:
            self._tell(now, "degraded", "no interface to capture on")
        else:
            self._tell(now, "running", "")

    def _tell(self, now: float, state: Health, reason: str) -> None:
        pipeline = self._pipeline
        status = SensorStatus(
            now,
            SENSOR,
            self._host,
            state,
            reason,
            pipeline.received,
            self._dropped,
            self._outbox.shed,
            dict(pipeline.unparsed),
            self._capture.watching,
        )
        self._outbox.urgent(status)


def run(config: Config, host: str, outbox: Outbox, clock: Callable[[], float]) -> None:
    """Open the capture that this system has, and run it. Raises CaptureError, PermissionError or OSError."""
    # Connections let go of themselves (streams.Connection.dissolve); a collection would stop capture for too long.
    gc.disable()
    capture = open_capture(config)
    try:
        WireSensor(config, host, capture, outbox, clock).run()
    finally:
        capture.close()
