"""A log that is followed: its file, its reader, and what it has to say about itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from pathlib import Path
from typing import Protocol

from collectors.logs.plain import Plain
from collectors.logs.reader import Reader
from collectors.logs.tail import Tail
from collectors.logs.twins import Twins, kind
from smtpwatch.events import Event


class Source(Protocol):
    """What the sensor follows."""

    name: str
    reader: Reader

    def read(self, now: float) -> Sequence[Event]:
        """New events, some 2,000 lines' worth at most; `more` tells whether there may be more at once."""

    @property
    def more(self) -> bool: ...

    @property
    def trouble(self) -> str:
        """Why nothing comes, in one line; "" if nothing is wrong."""

    def fileno(self) -> int:
        """What to wait on, -1 for none: then it is looked at again and again."""

    def close(self) -> None: ...


class FileSource:
    """A log file, followed from its end, or from `since` on through what it was rotated to; `plain` as for Reader."""

    def __init__(
        self,
        path: Path,
        host: str,
        zone: tzinfo | None,
        now: float,
        since: float | None,
        plain: Plain | None = None,
    ) -> None:
        self.name = str(path)
        self.reader = Reader(host, zone, now, plain)
        self._since = since
        self._tail = Tail(path, since)
        self._kind = kind(path)
        self._twin: FileSource | None = None
        self._twins = Twins()

    def pair_with(self, other: FileSource) -> None:
        """A log that tells the same, in part."""
        self._twin, other._twin = other, self
        other._twins = self._twins

    @property
    def more(self) -> bool:
        """Whether there may be more at once."""
        return self._tail.more

    @property
    def trouble(self) -> str:
        """Why it cannot be read."""
        return self._tail.trouble

    def fileno(self) -> int:
        """Files are looked at; there is nothing to wait on."""
        return -1

    def read(self, now: float) -> Sequence[Event]:
        """New events."""
        twin = self._twin
        if twin is not None and twin.more and twin.reader.latest < self.reader.latest:
            return ()  # side by side in time, so that few facts need to be remembered
        lines = self._tail.read(now)
        since = self._since
        if not self._tail.more:  # what comes from now on is new in any case
            self._since = None
        if not lines:
            return ()
        self.reader.stamps.reference = now
        events = self.reader.read(lines)
        if since is not None:
            events = [event for event in events if event.time >= since]
        return events if twin is None else self._twins.new(self._kind, events)

    def close(self) -> None:
        """Let go of the file."""
        self._tail.close()
