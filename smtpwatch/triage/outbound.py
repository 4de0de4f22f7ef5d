"""Mail that goes out in bursts: by account, by local user, by script, by trusted host, and all together."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Hashable

from smtpwatch import events as ev
from smtpwatch.state.heavy import Heavy, Held
from smtpwatch.state.message import Message
from smtpwatch.state.next_hop import hop_of, way_of
from smtpwatch.triage.alert import Line, Severity, Subject, line_of
from smtpwatch.triage.counting import Lately
from smtpwatch.triage.rule import Rule, Scene, keys_of, many

SENDERS = 4_000  # that are counted one by one: 0.5 kB each
HOUR = 3_600.0
PARTS = 12  # of an hour
DAYS = 7  # whose busiest hours are remembered
SETTLED = 86_400.0  # seconds after which what is usual is known
LEAST = 50  # recipients in an hour, below which nothing is a burst
WHOLE = 10  # times the limit of one sender, for the host as a whole
MORE = 1.5  # times its busiest hour: an account that always sends much is no news
LOST = 0.3  # of its deliveries not delivered: lists that were bought look so
ENOUGH = 20  # deliveries, for a share to say something

_SCRIPT = re.compile(r"header X-PHP-(?:Originating-)?Script: (\S{1,200})", re.IGNORECASE)
_NO_MAIL = ("-q", "-M", "-bd", "-bp", "-bP", "-bv", "-bt", "-bi", "-bV", "-br", "-oX")  # what Exim calls itself with


class _Sender(Held):
    """Recipients of the last hour, and of the busiest hour of each of the last days."""

    __slots__ = ("_busiest", "_hour", "_in_hour", "lately", "since")

    def __init__(self, key: Hashable) -> None:
        super().__init__(key)
        self.lately = Lately(HOUR, PARTS)
        self.since: float | None = None
        self._hour = 0
        self._in_hour = 0
        self._busiest: deque[tuple[int, int]] = deque(maxlen=DAYS)

    def add(self, time: float, n: int) -> None:
        """So many recipients more."""
        self.weight += n
        self.since = time if self.since is None else self.since
        self.lately.add(time, n)
        hour = int(time // HOUR)
        if hour > self._hour:
            self._over(self._hour, self._in_hour)
            self._hour, self._in_hour = hour, 0
        self._in_hour += n

    @property
    def usual(self) -> int:
        """Of the busiest hour that is over."""
        return max((n for _, n in self._busiest), default=0)

    def _over(self, hour: int, n: int) -> None:
        day = hour // 24
        if self._busiest and self._busiest[-1][0] == day:
            self._busiest[-1] = day, max(n, self._busiest[-1][1])
        elif n:
            self._busiest.append((day, n))


class OutboundBurst(Rule):
    """As many recipients within an hour as the limit says, or many times those of its own busiest hour."""

    name = "outbound-burst"
    events = (ev.MessageQueued, ev.MessageReceived, ev.MessageHandled, ev.LocalSubmission, ev.Delivery)

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._senders: Heavy[_Sender] = Heavy(SENDERS, _Sender)
        self._host = _Sender("host")

    def event(self, event: ev.Event) -> None:
        """What was taken to be sent, and by whom."""
        if isinstance(event, ev.MessageQueued):
            self._message(event, event.queue_id, event.recipients)
        elif isinstance(event, ev.MessageReceived):
            if event.recipients or "/" not in event.program:  # of Postfix the queue manager tells
                self._message(event, event.queue_id, max(1, len(event.recipients)))
        elif isinstance(event, ev.MessageHandled):
            script = _SCRIPT.match(event.detail)
            if script is not None:
                self._sent(Subject("script", script[1]), event.time, 1, None, line_of(event))
        elif isinstance(event, ev.LocalSubmission):
            if not any(word.startswith(_NO_MAIL) for word in event.arguments[1:]):
                self._sent(Subject("script", event.directory), event.time, 1, None, line_of(event))
        elif isinstance(event, ev.Delivery) and way_of(event, hop_of(event)) == "out":
            self._whole(event)

    def _message(self, event: ev.LogEvent, queue_id: str, recipients: int) -> None:
        message = self.scene.picture.messages.get((event.host, queue_id))
        if message is None or message.parent is not None:  # what it was before has been counted
            return
        subject = self._sender_of(message)
        if subject is not None:
            self._sent(subject, event.time, recipients, message, line_of(event))

    def _sender_of(self, message: Message) -> Subject | None:
        if message.account:
            return Subject("account", message.account)
        if message.uid is not None or message.user:
            return Subject("user", message.user or f"uid {message.uid}")
        if (
            message.source
            and message.origin == "smtp"
            and not message.inner
            and self.scene.policy.trusts(message.source)
        ):
            return Subject("source", message.source)
        return None

    def _sent(self, subject: Subject, time: float, n: int, message: Message | None, line: Line) -> None:
        sender = self._senders.touch(subject)
        sender.add(time, n)
        count = sender.lately.count(time)
        burst = self._burst(sender, count, time, self.limits.outbound)
        if not burst:
            return
        lost = self._lost(subject)
        words = "messages" if subject.kind == "script" else "recipients"
        says = f"{subject.kind} {subject.name}: {count:,} {words} within an hour, {burst}{lost}"
        visit = None if message is None else message.visit
        self.found(
            time, subject, Severity.CRITICAL if lost else Severity.WARNING, says, count=count, lines=(line,),
            lasts=HOUR, sources=_outside(message), sessions=keys_of(None if visit is None else visit.session),
        )  # fmt: skip

    def _burst(self, sender: _Sender, count: int, time: float, limit: int) -> str:
        """Why it is one, "" if it is none."""
        usual = sender.usual
        known = sender.since is not None and time - sender.since >= SETTLED
        if count >= limit and count > MORE * usual:
            return f"its busiest hour before had {usual:,}" if usual else "and nothing is known of it before"
        if known and count >= max(LEAST, self.limits.outbound_rise * max(1, usual)):
            return f"{count / max(1, usual):,.0f} times its busiest hour of these days"
        return ""

    def _lost(self, subject: Subject) -> str:
        became = self.scene.picture.messages.by_account.get(subject.name) if subject.kind == "account" else None
        whole = sum(became.values()) if became else 0
        if not became or whole < ENOUGH:
            return ""
        lost = whole - became.get("sent", 0)
        return f"; {lost / whole:.0%} of its deliveries failed or wait" if lost >= LOST * whole else ""

    def _whole(self, event: ev.Delivery) -> None:
        """All that goes out, whoever sends it."""
        self._host.add(event.time, 1)
        count = self._host.lately.count(event.time)
        if count < WHOLE * self.limits.outbound:
            return
        burst = self._burst(self._host, count, event.time, WHOLE * self.limits.outbound)
        if burst:
            says = f"{many(count, 'delivery', 'deliveries')} to other hosts within an hour, {burst}"
            self.found(
                event.time, Subject("host", event.host), Severity.WARNING, says, count=count, lines=(line_of(event),)
            )


def _outside(message: Message | None) -> tuple[str, ...]:
    """Where the account's client is, to be blocked."""
    if message is None or not message.source or message.inner or not message.account:
        return ()
    return (message.source,)
