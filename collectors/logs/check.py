"""The latest lines of a host's logs, without following them: how much of them is understood."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from collectors.logs.files import NO_PROGRAM
from collectors.logs.lines import Lines
from collectors.logs.places import JOURNALD, followed
from collectors.logs.reader import Reader
from smtpwatch.config import Config
from smtpwatch.logs_checked import LogChecked

LATEST = 2 << 20  # octets of a log that are looked at: its latest 10,000 lines or more


def check(config: Config, host: str, now: float) -> Iterator[LogChecked]:
    """Each log that would be followed, and what is made of its latest lines."""
    for name in followed(config.logs, now):
        if name == JOURNALD:
            yield LogChecked(JOURNALD, "", 0, 0, {}, {})
            continue
        try:
            octets = _latest(Path(name))
        except OSError as error:
            yield LogChecked(name, error.strerror or str(error), 0, 0, {}, {})
            continue
        reader = Reader(host, config.zone(), now)
        lines = Lines()
        reader.read([*lines.cut(octets), *lines.rest()])
        unknown = {program or NO_PROGRAM: count for program, count in reader.unknown.items()}
        samples = {program or NO_PROGRAM: lines for program, lines in reader.samples.items()}
        yield LogChecked(name, "", reader.received, sum(unknown.values()), unknown, samples)


def _latest(path: Path) -> bytes:
    """The last octets of a file, from the beginning of a line."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        start = max(0, size - LATEST)
        file.seek(start)
        octets = file.read(LATEST)
    return octets if not start else octets.partition(b"\n")[2]
