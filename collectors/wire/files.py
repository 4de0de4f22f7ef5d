"""Capture files to events: the live pipeline, in order, in this process, with nothing dropped."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path


from collectors.wire import bpf
from collectors.wire.bpf_machine import run
from collectors.wire.capture_file import CaptureFile
from collectors.wire.errors import CaptureError
from collectors.wire.pipeline import Packet, Pipeline
from collectors.wire.smtp import SENSOR
from smtpwatch.config import Config
from smtpwatch.events import Event, SensorStatus

BATCH = 2_000  # packets between batches of events


def read(path: Path, config: Config, host: str) -> Iterator[Sequence[Event]]:
    """The events of a capture file in batches, then a SensorStatus with the counts (packets received, unparsed).

    Raises CaptureError, after the events of all packets before the damage."""
    pipeline = Pipeline(config, host)
    file = CaptureFile(path)
    packets: Iterator[Packet] = iter(file.packets())
    if config.bpf:
        packets = _only(packets, bpf.compile_expression(config.bpf, file.linktype))
    damage: CaptureError | None = None
    more = True
    while more:
        received = pipeline.received
        try:
            pipeline.packets(islice(packets, BATCH))
            more = pipeline.received > received
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
