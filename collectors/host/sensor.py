"""The host collector as a process: the mail servers' queues at a polite interval, their certificates a few times a day,
whom they relay for each time that it changes, health once a second; and, as they begin, connections of others that send
mail past the mail servers.

One queue is read at a time, by a child that comes last for processor and disk (collectors.host.reading).
"""

import select
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial

from collectors.host.certificate import Asking, ask_all
from collectors.host.mta import Mta, mail_servers
from collectors.host.owners import Owners, open_owners
from collectors.host.reading import SENSOR, Reading
from collectors.host.relay import Looking
from smtpwatch.config import Config
from smtpwatch.events import Health, SensorStatus
from smtpwatch.outbox import Outbox

HEALTH = 1.0  # seconds between health reports
SEARCH = 30.0  # seconds between looks at which mail servers run
ENDING = 0.05  # seconds between looks at a child that has said all and is about to end
REST = 20.0  # times as long as a reading took, at least, are between it and the next: it costs 5 % at most
PATIENCE = 600.0  # seconds until a queue that could not be read is tried again: each try is a line in the mail log


class HostSensor:
    """Reads the queues of the mail servers that `find` finds into an outbox until the console goes away; `asking`, if
    given, tells the certificates, `owners` who sends mail past them, and `looking` whom they relay for."""

    def __init__(
        self,
        config: Config,
        host: str,
        outbox: Outbox,
        clock: Callable[[], float],
        find: Callable[[], Sequence[Mta]] = mail_servers,
        asking: Asking | None = None,
        owners: Owners | None = None,
        looking: Looking | None = None,
    ) -> None:
        self._interval = config.queue_interval
        self._host = host
        self._outbox = outbox
        self._clock = clock
        self._find = find
        self._asking = asking
        self._owners = owners
        self._looking = looking
        self._next: dict[Mta, float] = {}
        """When to read the queue of each."""
        self._barred: dict[str, float] = {}
        """Until when not to try those again that may not be read, though they be restarted."""
        self._notes: dict[str, str] = {}
        self._unparsed: dict[str, int] = {}
        self._reading: Reading | None = None
        self._search_at = 0.0
        self._health_at = 0.0

    def run(self) -> None:
        """Look until the console closes its end of the socket (BrokenPipeError)."""
        try:
            while True:
                now = self._clock()
                if now < self._health_at - HEALTH:  # the clock was set back
                    self._search_at = self._health_at = now
                    self._next = dict.fromkeys(self._next, now)
                    self._barred.clear()
                    for each in (self._asking, self._looking):
                        if each is not None:
                            each.at_once(now)
                self._watch(now)
                if now >= self._search_at:
                    self._search(now)
                self._look(now)
                self._ask(now)
                if now >= self._health_at:
                    self._health(now)
                self._wait(self._clock())
        finally:
            if self._reading is not None:
                self._reading.close()
            if self._looking is not None:
                self._looking.close()

    def _watch(self, now: float) -> None:
        """Tell who sends mail past the mail server; first of all, since such a process may end in a moment."""
        if self._owners is not None:
            found = self._owners.read(now)
            if found:
                self._outbox.send(found)

    def _search(self, now: float) -> None:
        self._search_at = now + SEARCH
        self._next = {mta: self._next.get(mta, self._barred.get(mta.name, now)) for mta in self._find()}
        there = {mta.name for mta in self._next}
        self._notes = {name: note for name, note in self._notes.items() if name in there}

    def _look(self, now: float) -> None:
        """Read on, or begin with the queue whose turn it is."""
        if self._reading is None:
            due = [(at, mta) for mta, at in self._next.items() if at <= now]
            if not due:
                return
            self._reading = Reading(min(due)[1], now)
        if self._reading.read(now):
            reading, self._reading = self._reading, None
            self._done(reading, self._clock())

    def _ask(self, now: float) -> None:
        """Tell the certificates that our ports have shown, and whom the mail servers relay for."""
        for each in (self._asking, self._looking):
            found = each.poll(now) if each is not None else ()
            if found:
                self._outbox.send(found)

    def _done(self, reading: Reading, now: float) -> None:
        mta, took = reading.mta, now - reading.began
        sample = reading.sample(now, self._host)
        self._outbox.send([sample])
        if sample.note:
            self._notes[mta.name] = sample.note
        else:
            self._notes.pop(mta.name, None)
        if reading.listing.damaged:
            self._unparsed[mta.name] = self._unparsed.get(mta.name, 0) + reading.listing.damaged
        # One that does not run may be read all the same; it warns of that, in the mail log too.
        troubled = reading.failed or (reading.said and not mta.running)
        at = now + max(self._interval, REST * took, PATIENCE if troubled else 0.0)
        for each in self._next:  # it may have been started anew meanwhile
            if each == mta or (reading.denied and each.name == mta.name):
                self._next[each] = at
        if reading.denied:
            self._barred[mta.name] = at

    def _wait(self, now: float) -> None:
        """Until it is time for something, or the child has more. Raises BrokenPipeError if the console has gone."""
        outbox, reading = self._outbox, self._reading
        poll = select.poll()
        poll.register(outbox.fileno(), select.POLLOUT if outbox.waiting else 0)
        until = min(self._health_at, self._search_at, *(() if reading else self._next.values()))
        if reading is not None:
            for descriptor in reading.filenos():
                poll.register(descriptor, select.POLLIN)
            if not reading.filenos():
                until = min(until, now + ENDING)
        if self._owners is not None:
            rest = self._owners.resting(now)
            if rest:
                until = min(until, now + rest)
            else:
                poll.register(self._owners.fileno(), select.POLLIN)
        for descriptor, event in poll.poll(min(HEALTH, max(0.0, until - now)) * 1000):
            if descriptor == outbox.fileno():
                if event & (select.POLLHUP | select.POLLERR):
                    raise BrokenPipeError
                outbox.flush()

    def _health(self, now: float) -> None:
        self._health_at = now + HEALTH
        self._outbox.settle(now)
        reason = "; ".join(self._notes.values())
        state: Health = "degraded" if reason else "running"
        watching = tuple(mta.name for mta in self._next)
        self._outbox.urgent(
            SensorStatus(
                now, SENSOR, self._host, state, reason, 0, 0, self._outbox.shed, dict(self._unparsed), watching
            )
        )


def run(config: Config, host: str, outbox: Outbox, clock: Callable[[], float]) -> None:
    """Watch the queues, who sends mail past them, and whom the servers relay for, and ask for the certificates. Raises
    BrokenPipeError when the console is gone."""
    asking = Asking(partial(ask_all, config, host, clock)) if config.certificates else None
    with open_owners(config, host) or nullcontext() as owners:
        HostSensor(config, host, outbox, clock, asking=asking, owners=owners, looking=Looking(host)).run()
