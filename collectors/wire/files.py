"""Capture files to events: the live pipeline, in order, in this process, with nothing dropped."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import itemgetter

from collectors.octets import Octets
from collectors.wire import bpf
from collectors.wire.capture_file import CaptureFile
from collectors.wire.frames import Decode
from collectors.wire.pipeline import Packet, Pipeline
from collectors.wire.smtp import SENSOR
from smtpwatch.config import Config
from smtpwatch.errors import CaptureError
from smtpwatch.events import Event, SensorStatus

BATCH = 2_000  # packets between batches of events


def _only(packets: Iterable[Packet], expression: str, linktypes: Mapping[Decode, int]) -> Iterator[Packet]:
    """The packets that the user's filter lets pass; it is compiled for each link type that the file has."""
    programs: dict[Decode, bpf.Program] = {}
    for packet in packets:
        _, buf, at, end, wire_end, decode = packet
        if decode not in programs:
            programs[decode] = bpf.compile_expression(expression, linktypes[decode])
        if bpf.run(programs[decode], bytes(buf[at:end]), wire_end - at):
            yield packet


class _Captures:
    """The packets of some capture files, in time order. `damage` is the first that ended one before its end."""

    def __init__(self, opened: Sequence[Octets], expression: str) -> None:
        self._files = [CaptureFile(octets) for octets in opened]
        self._expression = expression
        self.damage: CaptureError | None = None

    def packets(self) -> Iterator[Packet]:
        """All of them; a damaged file is left where its damage begins, the others go on."""
        files = [self._sound(file) for file in self._files]
        return files[0] if len(files) == 1 else heapq.merge(*files, key=itemgetter(0))

    def _sound(self, file: CaptureFile) -> Iterator[Packet]:
        packets: Iterator[Packet] = iter(file.packets())
        if self._expression:
            packets = _only(packets, self._expression, file.linktypes)
        try:
            yield from packets
        except bpf.BpfError:  # the file is sound
            raise
        except CaptureError as error:
            self.damage = self.damage or error

    @property
    def unparsed(self) -> dict[str, int]:
        """Packets left out, by reason."""
        counts: dict[str, int] = {}
        for file in self._files:
            for reason, count in file.unparsed.items():
                counts[reason] = counts.get(reason, 0) + count
        return counts


def read(opened: Sequence[Octets], config: Config, host: str) -> Iterator[Sequence[Event]]:
    """The events of capture files, their packets in time order, in batches; then a SensorStatus with the counts
    (packets received, unparsed).

    Raises CaptureError, after the events of all packets before the damage."""
    pipeline = Pipeline(config, host)
    captures = _Captures(opened, config.bpf)
    packets = captures.packets()
    more = True
    while more:
        received = pipeline.received
        pipeline.packets(islice(packets, BATCH))
        more = pipeline.received > received
        if not more:
            pipeline.finish()
        if pipeline.batch:
            yield list(pipeline.batch)
            pipeline.batch.clear()
    unparsed = dict(pipeline.unparsed)
    for reason, count in captures.unparsed.items():
        unparsed[reason] = unparsed.get(reason, 0) + count
    damage = captures.damage
    watching = tuple(octets.name for octets in opened)
    yield [
        SensorStatus(
            pipeline.now, SENSOR, host, "degraded" if damage else "running", str(damage or ""), pipeline.received, 0, 0,
            unparsed, watching,
        )
    ]  # fmt: skip
    if damage is not None:
        raise damage
