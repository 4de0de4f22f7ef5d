"""The recording that `smtpwatch --demo` plays: a capture, two logs, and what the host's sensors told meanwhile.

Made by tests/hosts/record_demo.py on hosts of its own. Packets and lines are read by the same pipelines as those of any
file; queue samples and the sensors' health are in it as events.
"""

import gzip
import heapq
from collections.abc import Iterator, Sequence
from importlib import resources
from itertools import chain, islice
from operator import attrgetter
from pathlib import Path

import msgspec

from smtpwatch.config import Config
from smtpwatch.events import Event, QueueSample, SensorStatus
from smtpwatch.feed import from_files

CAPTURE, MAIL_LOG, DOVECOT_LOG, SENSORS = "burst.pcap.gz", "mail.log.gz", "dovecot.log.gz", "sensors.jsonl.gz"
HOST = "mx1.example.net"
LOCAL = ("192.0.2.1", "192.0.2.2", "2001:db8:1::1")
"""The addresses of HOST."""
PLACES = "places.mmdb"  # of the recording's addresses; made by tests/lookup/databases.py
BATCH = 250  # events read in a row: some 5 ms of work


def recorded() -> Iterator[Sequence[Event]]:
    """The events of the recording in batches, by time, as they are read."""
    with resources.as_file(resources.files("smtpwatch") / "demo") as directory:
        yield from _read(directory)


def places() -> str:
    """The path of the geo database of the recording's addresses."""
    return str(resources.files("smtpwatch") / "demo" / PLACES)


def _read(directory: Path) -> Iterator[Sequence[Event]]:
    files = [directory / name for name in (CAPTURE, MAIL_LOG, DOVECOT_LOG)]
    seen = chain.from_iterable(from_files(files, Config(local=LOCAL), HOST))
    # That of a file comes at its end, and tells of the whole.
    facts = (event for event in seen if not isinstance(event, SensorStatus))
    events = heapq.merge(facts, _told(directory / SENSORS), key=attrgetter("time"))
    while batch := list(islice(events, BATCH)):
        yield batch


def _told(path: Path) -> list[QueueSample | SensorStatus]:
    decoder = msgspec.json.Decoder(QueueSample | SensorStatus)
    return decoder.decode_lines(gzip.decompress(path.read_bytes()))
