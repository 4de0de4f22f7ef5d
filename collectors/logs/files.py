"""Log files to events, merged in time order, in this process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import tzinfo

from collectors.logs.head import SENSOR
from collectors.logs.lines import Lines
from collectors.logs.plain import Plain
from collectors.logs.reader import Reader
from collectors.logs.twins import MAIN, REJECT, Twins, kind
from collectors.merge import merged
from collectors.octets import Octets
from smtpwatch.errors import CaptureError
from smtpwatch.events import Event, Health, SensorStatus

STAMPLESS = ""
"""The program of lines without one: those that begin with no stamp are among them."""

NO_PROGRAM = "no program"


class _Log:
    """One log file. Stamps without a year are dated by when it was last written, those of standard input by `now`."""

    def __init__(self, octets: Octets, zone: tzinfo | None, host: str, now: float, plain: bool) -> None:
        self._octets = octets
        self.name = octets.name
        self.kind = kind(octets.path)
        self.reader = Reader(host, zone, octets.changed or now, Plain() if plain else None)
        self.latest = 0.0
        self.damage: CaptureError | None = None
        self.foreign = False
        """It has lines, and none of them begins as a log's do."""

    def events(self) -> Iterator[Sequence[Event]]:
        """Its events in batches. What ends it before its end is in `damage`."""
        lines = Lines()
        reader = self.reader
        try:
            while chunk := self._octets.more():
                yield reader.read(lines.cut(chunk))
        except CaptureError as error:
            self.damage = error
        yield reader.read(lines.rest())
        self._octets.close()
        self.latest = reader.latest
        if self.damage is None and reader.received == reader.unknown.get(STAMPLESS):
            self.foreign = True
            self.damage = CaptureError(
                f"{self.name}: is neither a capture file (pcap, pcapng) nor a log with time stamps"
            )


def read(
    opened: Sequence[Octets], zone: tzinfo | None, host: str, now: float, plain: bool = False
) -> Iterator[Sequence[Event]]:
    """The events of some logs in batches, then a SensorStatus with the counts (lines received, not understood by
    program). `plain`: lines without facts are told too.

    Raises CaptureError, after the events of all lines before the damage."""
    logs = [_Log(octets, zone, host, now, plain) for octets in opened]
    for batch in merged(_once(logs)):
        if batch:
            yield batch
    if len(logs) == 1 and logs[0].damage is not None and logs[0].foreign:
        raise logs[0].damage
    damage = next((log.damage for log in logs if log.damage is not None), None)
    unknown: dict[str, int] = {}
    for log in logs:
        for program, count in log.reader.unknown.items():
            name = program or NO_PROGRAM
            unknown[name] = unknown.get(name, 0) + count
    received = sum(log.reader.received for log in logs)
    latest = max(log.latest for log in logs)
    names = tuple(log.name for log in logs)
    state: Health = "degraded" if damage else "running"
    yield [SensorStatus(latest, SENSOR, host, state, str(damage or ""), received, 0, 0, unknown, names)]
    if damage is not None:
        raise damage


def _once(logs: Sequence[_Log]) -> list[Iterator[Sequence[Event]]]:
    """Their events, without those that Exim's rejectlogs repeat."""
    if {MAIN, REJECT} - {log.kind for log in logs}:
        return [log.events() for log in logs]
    twins = Twins()
    return [log.events() if not log.kind else _new(log, twins) for log in logs]


def _new(log: _Log, twins: Twins) -> Iterator[Sequence[Event]]:
    for batch in log.events():
        yield twins.new(log.kind, batch)
