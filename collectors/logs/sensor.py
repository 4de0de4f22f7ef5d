"""The log collector as a process: follows the logs, events out, health once a second.

What it has no time for stays in the files: nothing is shed, and nothing is lost while the console is slow.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from pathlib import Path

from collectors.logs import places
from collectors.logs.files import NO_PROGRAM
from collectors.logs.head import SENSOR
from collectors.logs.journal import JournalSource
from collectors.logs.places import JOURNALD
from collectors.logs.plain import Plain
from collectors.logs.sockets import Ports
from collectors.logs.sources import FileSource, Source
from collectors.logs.twins import MAIN, REJECT, kind
from smtpwatch.config import Config
from smtpwatch.events import Event, Health, SensorStatus
from smtpwatch.outbox import Outbox
from smtpwatch.rights import go_first

IDLE_LOOK = 0.1  # seconds between looks at files that had nothing new of late
BUSY_LOOK = 0.05  # while lines come: soon enough to find a process with the client that it has just logged
PRESENT = 2.0  # seconds; older lines tell of connections that are over, and of processes that serve others by now
HEALTH = 1.0  # seconds between health reports
PLAIN = 200  # lines without facts told between two of these; nobody reads as many, and state has facts to fold
SEARCH = 10.0  # seconds between looks for a log where none was found


class LogSensor:
    """Follows `config.logs`, or what is found, into an outbox until the console goes away. `plain`: lines without facts
    are told too."""

    def __init__(
        self, config: Config, host: str, outbox: Outbox, clock: Callable[[], float], plain: bool = False
    ) -> None:
        self._config = config
        self._host = host
        self._outbox = outbox
        self._clock = clock
        self._plain = Plain(PLAIN) if plain else None
        self._sources: list[Source] = []
        self._busy_at = 0.0
        self._first = False
        """It has caught up with the logs once, and goes before other processes since then."""
        self._ports = Ports()
        self._fresh: list[Event] = []
        """What was read since the last look at processes."""
        self._health_at = 0.0
        self._search_at = 0.0
        self._since: float | None = None
        if config.backfill:
            self._since = clock() - config.backfill

    def run(self) -> None:
        """Follow until the console closes its end of the socket (BrokenPipeError)."""
        try:
            while True:
                now = self._clock()
                if not self._sources and now >= self._search_at:
                    self._find(now)
                more = self._round(now)
                if now >= self._health_at:
                    self._health(now)
                if not more:
                    self._wait()
        finally:
            for source in self._sources:
                source.close()

    def _round(self, now: float) -> bool:
        """One look at each source; whether there may be more at once."""
        more = False
        for source in self._sources:
            if self._outbox.waiting:
                self._outbox.flush()
                if self._outbox.waiting:  # the console is slow: the files wait
                    return False
            events = source.read(now)
            if events:
                self._busy_at = now
                self._outbox.send(events)
                # What is read as it happens is of processes that still have their clients.
                if now - events[-1].time < PRESENT:
                    self._fresh += events
            more = more or source.more
        if not more:
            if not self._first:
                self._first = True
                go_first()
            ports = self._ports.seen(self._fresh, self._clock())
            self._fresh = []
            if ports:
                self._outbox.send(ports)
        return more

    def _wait(self) -> None:
        """Until a journal has something, or it is time to look at the files again. Raises BrokenPipeError if the
        console goes."""
        poll = select.poll()
        console = self._outbox.fileno()
        poll.register(console, select.POLLOUT if self._outbox.waiting else 0)
        for source in self._sources:
            if source.fileno() >= 0 and not self._outbox.waiting:
                poll.register(source.fileno(), select.POLLIN)
        wait = BUSY_LOOK if self._clock() - self._busy_at < 1.0 else IDLE_LOOK
        if any(fd == console and happened & select.POLLHUP for fd, happened in poll.poll(wait * 1000)):
            raise BrokenPipeError

    def _find(self, now: float) -> None:
        self._search_at = now + SEARCH
        zone = self._config.zone()
        names = places.followed(self._config.logs, now)
        paths = [Path(name) for name in names if name != JOURNALD]
        files = [FileSource(path, self._host, zone, now, self._since, self._plain) for path in paths]
        rejectlogs = {path.parent: file for path, file in zip(paths, files, strict=True) if kind(path) == REJECT}
        for path, file in zip(paths, files, strict=True):
            if kind(path) == MAIN and path.parent in rejectlogs:
                file.pair_with(rejectlogs[path.parent])
        self._sources += files
        if JOURNALD in names:
            journalctl = places.journalctl() or "journalctl"
            self._sources.append(JournalSource(journalctl, self._host, zone, now, self._since, plain=self._plain))

    def _health(self, now: float) -> None:
        self._health_at = now + HEALTH
        if self._plain is not None:
            self._plain.room = PLAIN
        self._outbox.settle(now)
        troubles = [source.trouble for source in self._sources if source.trouble]
        state: Health = "running"
        if not self._sources:
            state, troubles = (
                "degraded",
                [f"no mail log found; name it with --log (looked for /{', /'.join(places.USUAL)})"],
            )
        elif troubles:
            state = "degraded"
        unknown: dict[str, int] = {}
        for source in self._sources:
            for program, count in source.reader.unknown.items():
                name = program or NO_PROGRAM
                unknown[name] = unknown.get(name, 0) + count
        received = sum(source.reader.received for source in self._sources)
        names = tuple(source.name for source in self._sources)
        reason = "; ".join(troubles)
        self._outbox.urgent(
            SensorStatus(now, SENSOR, self._host, state, reason, received, 0, self._outbox.shed, unknown, names)
        )


def run(config: Config, host: str, outbox: Outbox, clock: Callable[[], float], plain: bool = False) -> None:
    """Follow the logs, with `plain` the lines without facts too. Raises BrokenPipeError when the console is gone."""
    LogSensor(config, host, outbox, clock, plain).run()
