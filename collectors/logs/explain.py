"""What is made of each line of a log, one by one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo

from collectors.logs.lines import Lines
from collectors.logs.reader import Reader
from collectors.octets import Octets
from smtpwatch.explained import Explained


def explain(octets: Octets, zone: tzinfo | None, host: str, now: float) -> Iterator[Explained]:
    """Each line of a log with its facts. Raises CaptureError, after all lines before the damage."""
    lines = Lines()
    reader = Reader(host, zone, octets.changed or now)
    number = 0
    while True:
        chunk = octets.more()
        for line in lines.cut(chunk) if chunk else lines.rest():
            number += 1
            program, facts = reader.line(line)
            yield Explained(number, program or None, facts is not None, tuple(facts or ()), line)
        if not chunk:
            return
