"""From packets to events, the same for live capture and files: decode, track, and keep time by the packets' own
clock."""

from collections.abc import Callable, Iterable
from ipaddress import ip_address

from collectors.wire.frames import Decode, Octets
from collectors.wire.tracker import Tracker
from smtpwatch.config import Config, Network
from smtpwatch.events import Direction, Event

Packet = tuple[float, Octets, int, int, int, Decode]
"""(time, buf, at, end, wire_end, decode): see frames.Decode."""

TICK = 1.0  # seconds of packet time between looks at silence and progress


def direction_by(
    local: Iterable[str], networks: Iterable[Network], submission: Iterable[int]
) -> Callable[[str, str, int], Direction]:
    """How a session's direction is told: `local` are our addresses, `networks` hold more of them; none at all means
    that nothing is
    known of us, so every server counts as ours."""
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

    `received` counts packets, `unparsed` those that were no TCP segment by the reason why."""

    def __init__(self, config: Config, host: str, local: Iterable[str] = ()) -> None:
        self.batch: list[Event] = []
        self.received = 0
        self.unparsed: dict[str, int] = {}
        self.now = 0.0
        direction = direction_by(local, config.networks(), config.submission_ports)
        self.tracker = Tracker(config.ports, config.any_port, direction, self.batch.append, host)
        self._next_tick = 0.0

    def packets(self, packets: Iterable[Packet]) -> None:
        """Take in packets in the order of their capture. What `packets` raises is passed on once all before it is
        taken."""
        segment = self.tracker.segment
        received = 0
        next_tick = self._next_tick
        now = self.now
        try:
            for now, buf, at, end, wire_end, decode in packets:
                received += 1
                found = decode(buf, at, end, wire_end)
                if type(found) is str:
                    self.unparsed[found] = self.unparsed.get(found, 0) + 1
                else:
                    segment(now, buf, found)  # type: ignore[arg-type]
                if now >= next_tick:
                    self.tick(now)
                    next_tick = now + TICK
        finally:  # a damaged file ends the packets by raising
            self.received += received
            self._next_tick = next_tick
            self.now = max(now, self.now)

    def idle(self, now: float) -> None:
        """No packets lately, but live time goes on: now it is `now`."""
        self.now = max(now, self.now)
        if now >= self._next_tick:
            self.tick(now)
            self._next_tick = now + TICK

    def tick(self, now: float) -> None:
        """Time has come to `now`."""
        self.tracker.tick(now)

    def finish(self) -> None:
        """No more packets will come."""
        self.tracker.finish()
