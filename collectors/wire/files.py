"""Capture files to events: the live pipeline, in order, in this process, with nothing dropped."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from collectors.wire import bpf
from collectors.wire.capture_file import CaptureFile
from collectors.wire.frames import Decode
from collectors.wire.pipeline import Packet, Pipeline
from collectors.wire.smtp import SENSOR
from smtpwatch.config import Config
from smtpwatch.errors import CaptureError
from smtpwatch.events import Event, SensorStatus

BATCH = 2_000  # packets between batches of events


def _only(packets: Iterator[Packet], expression: str, linktypes: Mapping[Decode, int]) -> Iterator[Packet]:
    """The packets that the user's filter lets pass; it is compiled for each link type that the file has."""
    programs: dict[Decode, bpf.Program] = {}
    for packet in packets:
        _, buf, at, end, wire_end, decode = packet
        if decode not in programs:
            programs[decode] = bpf.compile_expression(expression, linktypes[decode])
        if bpf.run(programs[decode], bytes(buf[at:end]), wire_end - at):
            yield packet


def read(path: Path, config: Config, host: str) -> Iterator[Sequence[Event]]:
    """The events of a capture file in batches, then a SensorStatus with the counts (packets received, unparsed).

    Raises CaptureError, after the events of all packets before the damage."""
    pipeline = Pipeline(config, host)
    file = CaptureFile(path)
    packets: Iterator[Packet] = iter(file.packets())
    if config.bpf:
        packets = _only(packets, config.bpf, file.linktypes)
    damage: CaptureError | None = None
    more = True
    while more:
        received = pipeline.received
        try:
            pipeline.packets(islice(packets, BATCH))
            more = pipeline.received > received
        except bpf.BpfError:  # the file is sound
            raise
        except CaptureError as error:
            damage, more = error, False
        if not more:
            pipeline.finish()
        if pipeline.batch:
            yield list(pipeline.batch)
            pipeline.batch.clear()
    unparsed = dict(pipeline.unparsed)
    for reason, count in file.unparsed.items():
        unparsed[reason] = unparsed.get(reason, 0) + count
    reason = str(damage) if damage else ""
    state = "degraded" if damage else "running"
    yield [SensorStatus(pipeline.now, SENSOR, host, state, reason, pipeline.received, 0, 0, unparsed, (str(path),))]  # type: ignore[arg-type]
    if damage is not None:
        raise damage
