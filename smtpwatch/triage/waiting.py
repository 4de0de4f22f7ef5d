"""The queue: it grows, it grows old, it fills with notices to senders who never wrote."""

from __future__ import annotations

from math import inf

from smtpwatch import events as ev
from smtpwatch.state.picture import Picture
from smtpwatch.triage.alert import Severity, Subject
from smtpwatch.triage.counting import Lately
from smtpwatch.triage.rule import Rule, Scene, listed, many, span

EVERY = 10.0  # seconds between looks
LEAST = 20  # notices within the window, below which nobody minds
REASONS = 3  # that are named
HOLD = ("hold", "frozen", "corrupt")  # queues in which mail waits for an admin


class QueueGrows(Rule):
    """So many times what was in it ten minutes before, and as many as the limit says; or its mail has waited long and
    nothing of it gets younger."""

    name = "queue"
    events = (ev.QueueSample,)

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._oldest: dict[str, tuple[float, float]] = {}

    def event(self, event: ev.Event) -> None:
        """A queue was read."""
        assert isinstance(event, ev.QueueSample)
        if not event.counts:
            return
        name = f"{event.mta} {event.instance}".strip()
        total = sum(event.counts.values())
        self._growth(event, name, total)
        self._age(event, name, total)

    def _growth(self, event: ev.QueueSample, name: str, total: int) -> None:
        queue = self.scene.picture.queues.get((event.host, event.mta, event.instance))
        grown, seconds = (0, 0.0) if queue is None else queue.change()
        before = total - grown
        limits = self.limits
        if total < limits.queue_least or grown <= 0 or total < limits.queue_growth * max(1, before):
            return
        most = sorted(event.waiting.items(), key=lambda item: -item[1])[:REASONS]
        to = f"; most of it for {listed(f'{domain} ({n:,})' for domain, n in most if domain)}" if most else ""
        says = (
            f"the queue of {name} grew from {before:,} to {many(total, 'message')} in {seconds / 60:.0f} min{to}"
            f"{_why(self.scene.picture)}"
        )
        self.found(event.time, Subject("queue", f"{name} grows"), Severity.WARNING, says, count=total)

    def _age(self, event: ev.QueueSample, name: str, total: int) -> None:
        oldest = max((age for queue, age in event.oldest.items() if queue not in HOLD), default=0.0)
        waiting = total - sum(n for queue, n in event.counts.items() if queue in HOLD)
        limit = self.limits.queue_age
        if oldest < limit or waiting < self.limits.queue_least:
            return
        says = (
            f"the queue of {name} is {oldest / 3_600:.0f} h old, with {many(waiting, 'message')}"
            f"{_why(self.scene.picture)}"
        )
        self.found(event.time, Subject("queue", f"{name} is old"), Severity.NOTICE, says, count=waiting)


class Backscatter(Rule):
    """A large share of what is taken are notices that we make ourselves, for senders elsewhere: mail is accepted first,
    and refused when it is too late."""

    name = "backscatter"
    events = (ev.MessageReceived, ev.NoticeSent)

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._notices = Lately(self.limits.window)
        self._all = Lately(self.limits.window)
        self._next = -inf

    def event(self, event: ev.Event) -> None:
        """A message, or a notice that is one."""
        if isinstance(event, ev.MessageReceived):
            self._all.add(event.time)
            return
        assert isinstance(event, ev.NoticeSent)
        if event.kind != "bounce" or self._inside(event):
            return
        self._notices.add(event.time)
        self._judge(event.time)

    def _inside(self, event: ev.NoticeSent) -> bool:
        """Our own people are told what became of their mail: that is what notices are for."""
        message = self.scene.picture.messages.get((event.host, event.queue_id))
        root = None if message is None else message.root
        return root is not None and (bool(root.account) or root.origin == "local" or self._trusted(root.source))

    def _trusted(self, source: str) -> bool:
        return bool(source) and self.scene.policy.trusts(source)

    def _judge(self, now: float) -> None:
        notices, every = self._notices.count(now), self._all.count(now)
        if now < self._next or notices < LEAST or notices < self.limits.backscatter * max(every, 1):
            return
        self._next = now + EVERY
        says = (
            f"backscatter: {many(notices, 'bounce')} to senders elsewhere within {span(self.limits.window)}, beside"
            f" {many(every, 'message')} taken: refuse unknown recipients at RCPT (relay_recipient_maps)"
        )
        self.found(now, Subject("queue", "MAILER-DAEMON"), Severity.WARNING, says, count=notices, term='from:"<>"')


def _why(picture: Picture) -> str:
    """What mail waits for most."""
    reasons = [
        each for each in picture.deliveries.in_order("reason") if each.deferred and not each.idle(picture.latest)
    ]
    return f"; deferred: {listed(f'{each.name} ({each.deferred:,})' for each in reasons[:REASONS])}" if reasons else ""
