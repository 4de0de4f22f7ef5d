"""Trouble of our own: what we do not see, and so cannot judge."""

from __future__ import annotations

from math import inf

from smtpwatch import events as ev
from smtpwatch.triage.alert import Severity, Subject
from smtpwatch.triage.counting import Lately
from smtpwatch.triage.rule import Rule, Scene, many, span

EVERY = 5.0  # seconds between looks
BUSY = 5  # sessions on the wire within the silence, of which a log would tell
DROPPED = 100  # packets within the window
RESTARTS = 3  # within the window
LEAST = 100  # lines or packets, for a share to say something


class LogSilent(Rule):
    """No log line comes while the wire shows sessions: the log is written elsewhere, or not at all."""

    name = "log-silent"
    events = (ev.SessionClosed, ev.SensorStatus)

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._sessions = Lately(self.limits.silence)
        self._next = -inf
        self._lines = 0
        self._line_at = -inf

    def event(self, event: ev.Event) -> None:
        """A session of ours is over, and spoke: a mail server writes a line of it. Or the log's sensor tells how many
        lines it has read."""
        if isinstance(event, ev.SensorStatus):
            if event.sensor == "log" and event.received != self._lines:
                self._lines, self._line_at = event.received, event.time
        elif isinstance(event, ev.SessionClosed) and event.smtp:
            self._sessions.add(event.time)

    def tick(self, now: float) -> None:
        """Have lines come meanwhile?"""
        if now < self._next:
            return
        self._next = now + EVERY
        picture, silence = self.scene.picture, self.limits.silence
        status, since = picture.sensors.get("log"), picture.since.get("log")
        if status is None or not status.watching or since is None or now - since < silence:
            return
        subject = Subject("sensor", "log")
        if now - max(self._line_at, since) < silence:
            self.alerts.clear((self.name, subject), now)
            return
        sessions = self._sessions.count(now)
        if sessions >= BUSY:
            says = (
                f"no line in {', '.join(status.watching)} for {span(silence)}, while the wire shows"
                f" {many(sessions, 'session')}: is that the log the mail server writes (maillog_file, syslog)?"
            )
            self.found(now, subject, Severity.WARNING, says, count=sessions)


class Blind(Rule):
    """A sensor loses packets, does not understand a share of what it reads, sheds detail, or starts again and again."""

    name = "blind"
    events = (ev.SensorStatus,)

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._before: dict[str, ev.SensorStatus] = {}
        self._dropped: dict[str, Lately] = {}
        self._received: dict[str, Lately] = {}
        self._unparsed: dict[str, Lately] = {}
        self._starts: dict[str, Lately] = {}

    def event(self, event: ev.Event) -> None:
        """A sensor tells of its health; counts are since its start."""
        assert isinstance(event, ev.SensorStatus)
        name, time = event.sensor, event.time
        before = self._before.get(name)
        self._before[name] = event
        if event.state == "failed":
            self._of(self._starts, name).add(time)
        elif event.state in ("running", "degraded"):
            fresh = before is None or event.received < before.received
            lost = event.dropped - (0 if fresh or before is None else before.dropped)
            strange = sum(event.unparsed.values()) - (0 if fresh or before is None else sum(before.unparsed.values()))
            received = event.received - (0 if fresh or before is None else before.received)
            for counts, n in ((self._dropped, lost), (self._unparsed, strange), (self._received, received)):
                if n > 0:
                    self._of(counts, name).add(time, n)
        self._judge(name, time)

    def _of(self, counts: dict[str, Lately], name: str) -> Lately:
        found = counts.get(name)
        if found is None:
            found = counts[name] = Lately(self.limits.window)
        return found

    def _judge(self, name: str, now: float) -> None:
        window = span(self.limits.window)
        starts, dropped = self._of(self._starts, name).count(now), self._of(self._dropped, name).count(now)
        strange, received = self._of(self._unparsed, name).count(now), self._of(self._received, name).count(now)
        if starts >= RESTARTS:
            why = self._before[name].reason
            self._tell(
                now, name, "restarts", f"the {name} sensor failed {starts:,} times within {window}: {why}", starts
            )
        if dropped >= DROPPED:
            says = (
                f"{name}: {many(dropped, 'packet')} lost within {window}: figures are too low (ring_mib, snaplen, load)"
            )
            self._tell(now, name, "drops", says, dropped)
        if strange >= LEAST and received and strange >= self.limits.unparsed_share * received:
            says = f"{name}: {strange / received:.0%} of what it read within {window} was not understood"
            self._tell(now, name, "unparsed", f"{says}: `smtpwatch explain` shows which lines", strange)

    def _tell(self, now: float, name: str, what: str, says: str, count: int) -> None:
        self.found(now, Subject("sensor", f"{name} {what}"), Severity.WARNING, says, count=count)
