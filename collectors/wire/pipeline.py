"""From packets to events, the same for live capture and files: decode, track, and keep time by the packets' own
clock."""

from collections.abc import Callable, Iterable
from ipaddress import ip_address

from collectors.wire.asleep import QUIET
from collectors.wire.clock import Clock
from collectors.wire.frames import Decode, Octets
from collectors.wire.tracker import Tracker
from smtpwatch.config import Config, Network
from smtpwatch.events import Direction, Event

Packet = tuple[float, Octets, int, int, int, Decode]
"""(time, buf, at, end, wire_end, decode): see frames.Decode."""


def direction_by(
    local: Iterable[str], networks: Iterable[Network], submission: Iterable[int]
) -> Callable[[str, str, int], Direction]:
    """How a session's direction is told: `local` are our addresses, `networks` hold more of them; none at all means
    that nothing is known of us, so every server counts as ours."""
    ours = frozenset(local)
    nets = tuple(networks)
    submission_ports = frozenset(submission)

    def is_ours(address: str) -> bool:
        return address in ours or (bool(nets) and any(ip_address(address) in net for net in nets))

    def direction(client: str, server: str, port: int) -> Direction:
        if (ours or nets) and not is_ours(server) and is_ours(client):
            return "outbound"
        return "submission" if port in submission_ports else "inbound"

    return direction


class Pipeline:
    """Takes packets, gives events: `batch` collects them, for the caller to take away and clear.

    `received` counts packets, `unparsed` those that were no TCP segment by the reason why; `now` is the time of the
    last one, or the time known where that is beyond belief."""

    def __init__(self, config: Config, host: str, local: Iterable[str] = ()) -> None:
        self.batch: list[Event] = []
        self.received = 0
        self.unparsed: dict[str, int] = {}
        self.now = 0.0
        self._lulled = 0.0
        direction = direction_by(local, config.networks(), config.submission_ports)
        self._clock = Clock()
        self.tracker = Tracker(config.ports, config.any_port, direction, self.batch.append, host, self._clock)

    def packets(self, packets: Iterable[Packet]) -> None:
        """Take in packets in the order of their capture. What `packets` raises is passed on once all before it is
        taken."""
        segment = self.tracker.segment
        received = 0
        clock = self._clock
        low, high = clock.low, clock.high
        now = self.now
        try:
            for now, buf, at, end, wire_end, decode in packets:
                received += 1
                found = decode(buf, at, end, wire_end)
                if type(found) is str:
                    self.unparsed[found] = self.unparsed.get(found, 0) + 1
                else:
                    segment(now, buf, found)  # type: ignore[arg-type]  # only isinstance, which is slower, tells mypy
                if not low <= now < high:
                    if clock.read(now):
                        self.tick(clock.now)
                    low, high = clock.low, clock.high
        finally:  # a damaged file ends the packets by raising
            self.received += received
            self.now = clock.believed(now)
            if not 0 <= self.now - self._lulled < QUIET:
                self._lulled = self.now
                self.tracker.lull(self.now)

    def idle(self, now: float) -> None:
        """No packets lately, but live time goes on: now it is `now`."""
        self.now = now
        if self._clock.set(now):
            self.tick(now)

    def tick(self, now: float) -> None:
        """Time has come to `now`."""
        self.tracker.tick(now)

    def finish(self) -> None:
        """No more packets will come."""
        self.tracker.finish()
