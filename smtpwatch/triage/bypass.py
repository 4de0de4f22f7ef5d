"""Processes that send mail past the mail server, and what they are."""

from __future__ import annotations

from smtpwatch import clock
from smtpwatch import events as ev
from smtpwatch.query import quoted
from smtpwatch.triage.alert import Severity, Step, Subject
from smtpwatch.triage.counting import DAY, Repeats
from smtpwatch.triage.rule import Rule, Scene, many

PROCESSES = 500  # that are counted one by one
COMMAND = 120  # characters of a command line that are told


class Bypass(Rule):
    """A process that is not the mail server's has a connection to a mail port elsewhere."""

    name = "bypass"
    events = (ev.ProcessSeen,)

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._seen = Repeats(PROCESSES, DAY)

    def event(self, event: ev.Event) -> None:
        """One connection."""
        assert isinstance(event, ev.ProcessSeen)
        # Those that are started anew for each message are one all the same.
        seen = self._seen.add((event.uid, event.program, event.directory), event.time, 1, event.server)
        what = event.program or event.name
        command = " ".join(event.command)[:COMMAND]
        where = f" in container {event.container}" if event.container else ""
        says = (
            f"{event.name or what} (pid {event.pid}, user {event.user or event.uid}{where}) sends mail past the mail"
            f" server, to {event.server}:{event.server_port}"
            f" ({many(seen.count(event.time), 'connection')} to {many(seen.different, 'server')}):"
            f" {command or what}, in {event.directory or '?'}, started {clock.of_day(event.since)}"
            f" by {event.parent_name or '?'} ({event.parent})"
        )
        step = Step(event.since, f"pid {event.pid} was started: {command or what}")
        steps = (step,) if seen.all == 1 else ()
        self.found(
            event.time, Subject("process", f"{what} of {event.user or event.uid}"), Severity.CRITICAL, says,
            count=seen.count(event.time), steps=steps, term=f"dir:outbound dst:{quoted(event.server)}",
        )  # fmt: skip
