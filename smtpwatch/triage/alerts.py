"""The alerts there are: those that rules raise, each once, with what the admin made of it."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from math import inf
from typing import NamedTuple

from smtpwatch.triage.alert import Alert, Finding, Severity, Subject

PRESENT = 500  # alerts that are not over; more than anyone reads: what weighs least is over first
HISTORY = 1_000  # alerts that are over, about 1 kB each
SILENCES = 500  # told by hand, one by one
NEWS = 1_000  # alerts that wait to be told of; a hook or a bell takes them as they come

Key = tuple[str, Subject]


class News(NamedTuple):
    """An alert that was raised, has become worse, or is over."""

    alert: Alert
    what: str
    """"raised", "worse" or "over"."""


class Alerts:
    """`present` are those that are not over, by key; `history` those that are, the oldest first. `changed` goes up with
    everything that happens to any of them."""

    def __init__(self, quiet: float) -> None:
        """`quiet`: seconds without a finding after which an alert is over."""
        self.present: dict[Key, Alert] = {}
        self.history: deque[Alert] = deque(maxlen=HISTORY)
        self.raised = 0
        """All there ever were."""
        self.changed = 0
        self._quiet = quiet
        self._silences: OrderedDict[Key, float] = OrderedDict()
        """Until when each is silenced: longer than its alert lasts."""
        self._parts: dict[Key, list[Alert]] = {}
        """Of alerts that are about to be raised."""
        self._news: deque[News] = deque(maxlen=NEWS)

    def __iter__(self) -> Iterator[Alert]:
        """All of them, those that are over first."""
        yield from self.history
        yield from self.present.values()

    def __len__(self) -> int:
        return len(self.history) + len(self.present)

    def get(self, number: int) -> Alert | None:
        """The alert of that number, if it is still held."""
        return next((alert for alert in self if alert.number == number), None)

    def found(self, finding: Finding) -> Alert:
        """A rule has found something: a new alert, or one more time for one that is there."""
        self.changed += 1
        alert = self.present.get(finding.key)
        if alert is None:
            return self._raise(finding)
        if alert.take(finding):
            if alert.state == "acknowledged":
                alert.state = "open"
            if alert.open:
                self._news.append(News(alert, "worse"))
        return alert

    def _raise(self, finding: Finding) -> Alert:
        if len(self.present) >= PRESENT:
            self._over(min(self.present.values(), key=_weight), finding.time)
        self.raised += 1
        alert = self.present[finding.key] = Alert(finding, self.raised)
        parts = self._parts.pop(finding.key, ())
        if parts:
            alert.absorb(parts)
        until = self._silences.get(finding.key)
        if until is not None and until > finding.time:
            alert.state, alert.silenced_until = "silenced", until
        elif alert.open:
            self._news.append(News(alert, "raised"))
        return alert

    def settle(self, now: float) -> None:
        """By that time, some are over, and some silences have ended."""
        quiet = self._quiet
        for alert in [alert for alert in self.present.values() if now - alert.last > max(quiet, alert.lasts)]:
            self._over(alert, alert.last + max(quiet, alert.lasts))
        for alert in self.present.values():
            if alert.state == "silenced" and alert.silenced_until <= now:
                alert.state = "open"
                self.changed += 1
                self._news.append(News(alert, "raised"))
        while self._silences and next(iter(self._silences.values())) <= now:
            self._silences.popitem(last=False)

    def clear(self, key: Key, now: float) -> None:
        """What it tells of is no longer so: a rule knows."""
        alert = self.present.get(key)
        if alert is not None:
            self._over(alert, now)

    def gather(self, members: Iterable[Key], group: Key) -> None:
        """Those of `members` that are there become parts of the alert that `group` is about to be: it began when the
        first of them did, has their evidence, and is acknowledged or silenced if all of them are."""
        parts = [alert for key in members if (alert := self.present.pop(key, None)) is not None]
        if parts:
            self._parts[group] = parts
            self.changed += 1

    def acknowledge(self, alert: Alert) -> None:
        """The admin knows of it; if it becomes worse it is open again."""
        if alert.state == "open":
            alert.state = "acknowledged"
            self.changed += 1

    def reopen(self, alert: Alert) -> None:
        """Neither acknowledged nor silenced any more."""
        self._silences.pop(alert.key, None)
        if alert.state in ("acknowledged", "silenced"):
            alert.state = "open"
            self.changed += 1

    def silence(self, alert: Alert, until: float) -> None:
        """Nothing is to be heard of it before `until`, though it be over and come again."""
        self._silences.pop(alert.key, None)
        self._silences[alert.key] = until
        self._silences = OrderedDict(sorted(self._silences.items(), key=lambda item: item[1]))
        if len(self._silences) > SILENCES:
            self._silences.popitem(last=False)
        if alert.state != "over":
            alert.state, alert.silenced_until = "silenced", until
        self.changed += 1

    def silence_of(self, alert: Alert) -> float:
        """Until when nothing is to be heard of it, be it over or not; -inf if it was not silenced by hand."""
        return self._silences.get(alert.key, -inf)

    def take_news(self) -> list[News]:
        """What has happened since this was last asked."""
        news = list(self._news)
        self._news.clear()
        return news

    def standing(self) -> list[Alert]:
        """Those that are open, the worst first, of those the latest."""
        return sorted((alert for alert in self.present.values() if alert.open), key=_urgency)

    def counts(self) -> dict[Severity, int]:
        """How many are open, by severity."""
        counts = dict.fromkeys(Severity, 0)
        for alert in self.present.values():
            counts[alert.severity] += alert.open
        return counts

    def _over(self, alert: Alert, time: float) -> None:
        del self.present[alert.key]
        told = alert.state != "silenced"
        alert.state, alert.over_at = "over", time
        self.history.append(alert)
        self.changed += 1
        if told:
            self._news.append(News(alert, "over"))


def _weight(alert: Alert) -> tuple[bool, Severity, float]:
    """Orders alerts by how much would be lost with them."""
    return alert.open, alert.severity, alert.last


def _urgency(alert: Alert) -> tuple[int, float]:
    return -alert.severity, -alert.last
