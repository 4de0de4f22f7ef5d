"""`smtpwatch alerts`: the rules without a screen, as lines."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterator, Sequence

import msgspec

from smtpwatch import clock, garbage
from smtpwatch.clean import clean, clean_json
from smtpwatch.command import DAMAGED, OK, CommandError
from smtpwatch.config import Config
from smtpwatch.events import Event, RelayPolicy
from smtpwatch.heap import map_what_is_big
from smtpwatch.lookup import Places
from smtpwatch.sensors import relay_policies
from smtpwatch.state.picture import Picture
from smtpwatch.triage.alert import Alert, Severity
from smtpwatch.triage.alerts import Alerts
from smtpwatch.triage.facts import AlertFacts, alert_facts
from smtpwatch.triage.hook import Hook
from smtpwatch.triage.relay import OpenRelay
from smtpwatch.triage.triage import Triage

TOLD = 6  # exit code

HELD = 10_000  # alerts of files, some 5 kB each, until all are told: more than anyone reads

UNKNOWN = "which domains are ours is not known (domains = [...] in the settings{here}): an open relay cannot be proven"

Batches = Iterator[Sequence[Event]]


class Telling:
    """Says what there is to say, at once, with `put`: of alerts of that `severity` and worse; as text, or as JSON.
    `told` are the alerts that were."""

    def __init__(self, put: Callable[[bytes], None], severity: str, as_text: bool) -> None:
        self._put = put
        self._least = Severity[severity.upper()]
        self._line = _text if as_text else _json
        self.told = 0

    def wants(self, alert: Alert) -> bool:
        """It is bad enough."""
        return alert.severity >= self._least

    def tell(self, alert: Alert, event: str) -> None:
        """A line of it."""
        self.told += 1
        self._put(self._line(alert_facts(alert, event)) + b"\n")


def from_files(config: Config, batches: Batches, telling: Telling, here: str = "") -> int:
    """Tell each alert once, in the order in which they began, when the files have been read; returns the exit code.
    `here`: the files are of the host of that name, which is this one, so its mail server can tell which domains are
    ours. Raises CommandError; where a file is damaged, after all before the damage was told."""
    triage = Triage(Picture(_begin(config).of), config)
    held = Held(triage.alerts, telling)
    damage: CommandError | None = None
    asked = False
    try:
        for batch in batches:
            if here and batch and not asked:
                asked = True
                triage.apply(_policies(here, batch[0].time))
            triage.apply(batch)
            held.take()
    except CommandError as error:
        if error.code != DAMAGED:
            raise
        damage = error
    triage.finish()
    held.take()
    if not triage.policy.known and OpenRelay.name not in config.alerts.off:
        _say(UNKNOWN.format(here="" if here else ", or --here"))
    held.tell()
    if damage is not None:
        raise damage
    return TOLD if telling.told else OK


def _policies(host: str, time: float) -> tuple[RelayPolicy, ...]:
    """Of this host's mail servers, as if they had been asked at that time: today's has no place among that of files."""
    policies = relay_policies(host, time)
    for each in policies:
        if each.note:
            _say(f"{each.mta} {each.instance}".strip() + f": {each.note}")
    return policies


class Held:
    """The alerts that were raised so far, until all is read: state itself forgets the oldest."""

    def __init__(self, alerts: Alerts, telling: Telling) -> None:
        self._alerts = alerts
        self._telling = telling
        self._held: dict[int, Alert] = {}
        self._too_many = 0

    def take(self) -> None:
        """Those that are new, or bad enough by now."""
        for alert, what in self._alerts.take_news():
            if what != "over" and self._telling.wants(alert):
                self._held[alert.number] = alert
        if len(self._held) > HELD:
            self._let_go()

    def _let_go(self) -> None:
        self._held = {number: alert for number, alert in self._held.items() if self._stands(alert)}
        for number in list(self._held)[HELD:]:
            del self._held[number]
            self._too_many += 1

    def _stands(self, alert: Alert) -> bool:
        """It has not become a part of another one."""
        return alert.state == "over" or self._alerts.present.get(alert.key) is alert

    def tell(self) -> None:
        """All of them."""
        for alert in sorted(self._held.values(), key=lambda alert: (alert.first, alert.number)):
            if self._stands(alert):
                self._telling.tell(alert, "raised")
        if self._too_many:
            _say(f"{self._too_many:,} more alerts are not told: read fewer files at a time, or --severity")


def live(config: Config, batches: Batches, telling: Telling) -> int:
    """Tell what becomes of alerts as it happens, and run the admin's command, until it is ended; returns the exit code
    if it ends by itself. Raises CommandError."""
    places = _begin(config)
    picture = Picture(places.of)
    triage = Triage(picture, config)
    hook = Hook(config.alerts, time.monotonic)
    problem = ""
    collect_at = time.monotonic() + garbage.EVERY
    try:
        for batch in batches:
            if batch:
                triage.apply(batch)
            else:
                triage.tick(picture.now(time.time()))
            news = triage.alerts.take_news()
            hook.take(news)
            hook.poll()
            for alert, what in news:
                if telling.wants(alert):
                    telling.tell(alert, what)
            if hook.problem != problem:
                problem = hook.problem
                _say(problem)
            places.refresh(time.time())
            if time.monotonic() >= collect_at:
                gc.collect()
                collect_at = time.monotonic() + garbage.EVERY
    finally:
        hook.stop()
    return TOLD if telling.told else OK


def _begin(config: Config) -> Places:
    """As the screen begins."""
    map_what_is_big()
    garbage.only_young()
    return Places(config.geo)


def _say(line: str) -> None:
    if line and sys.stderr is not None:  # None: closed by whoever started us
        sys.stderr.write(f"smtpwatch: {clean(line)}\n")


def _json(facts: AlertFacts) -> bytes:
    return clean_json(msgspec.json.encode(facts))


def _text(facts: AlertFacts) -> bytes:
    """`2026-03-01 10:41:07 warning  brute-force: 203.0.113.7 failed to log in ...`."""
    time_ = {"over": facts.over_at, "worse": facts.last}.get(facts.event) or facts.first
    over = "over: " if facts.event == "over" else ""
    line = f"{clock.day(time_)} {clock.of_day(time_)} {facts.severity:<8} {facts.rule}: {over}{facts.says}"
    return clean(line).encode()
