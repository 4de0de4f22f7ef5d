"""What this host's logs tell of the last hours, read once: for whoever asks without having followed them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from collectors.logs import places
from collectors.logs.journal import past
from collectors.logs.lines import Lines
from collectors.logs.reader import Reader
from collectors.logs.rotated import rotated
from collectors.octets import Octets
from smtpwatch import clock
from smtpwatch.config import Config
from smtpwatch.errors import CaptureError
from smtpwatch.events import Event

MOST = 8 << 20  # octets of each log, with what it was rotated to: half a second's work

Note = Callable[[str], None]


def recent(config: Config, host: str, now: float, since: float, note: Note) -> Iterator[list[Event]]:
    """The facts of each log that would be followed, those before `since` among them where they come with the rest.
    `note` is told, a line each, what there is of that time and was not read."""
    names = places.followed(config.logs, now)
    if not names:
        note("there is no log")
    for name in names:
        if name == places.JOURNALD:
            journalctl = places.journalctl()
            trouble = "journalctl is not there"
            if journalctl is not None:
                events, trouble = past(journalctl, host, config.zone(), now, since)
                yield events
            if trouble:
                note(trouble)
        else:
            yield _of_file(Path(name), Reader(host, config.zone(), now), since, note)


def _of_file(path: Path, reader: Reader, since: float, note: Note) -> list[Event]:
    parts: list[bytes] = []
    room, cut = MOST, False
    for file in _files(path, since, note):
        octets, whole = _last(file, room, note)
        parts.append(octets)
        room -= len(octets)
        cut = not whole
        if cut:
            break
    lines = Lines()
    events = reader.read([*lines.cut(b"".join(reversed(parts))), *lines.rest()])
    if cut and events and events[0].time > since:
        note(f"{path}: what is before {clock.of_day(events[0].time)} was not read")
    return events


def _files(path: Path, since: float, note: Note) -> Iterator[Octets]:
    """The log, and what it was rotated to since then, the latest first."""
    try:
        octets = Octets(path)
    except CaptureError as error:
        note(str(error))
    else:
        with closing(octets):
            yield octets
    for each in rotated(path, int(since * 1e9)):
        with closing(each):
            yield each.octets


def _last(file: Octets, room: int, note: Note) -> tuple[bytes, bool]:
    """The last octets of a file, from the beginning of a line, and whether that is all of it."""
    kept: deque[bytes] = deque()
    size, whole = 0, True
    try:
        while more := file.more():
            kept.append(more)
            size += len(more)
            while size - len(kept[0]) >= room:
                size -= len(kept.popleft())
                whole = False
    except CaptureError as error:  # what could be unpacked of it is of use
        note(str(error))
    octets = b"".join(kept)
    if size > room:
        octets, whole = octets[-room:], False
    return (octets, True) if whole else (octets.partition(b"\n")[2], False)
