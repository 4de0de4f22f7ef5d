"""What a rule finds, and the alert that it becomes.

All text in both may hold what strangers have written: whoever shows it cleans it (smtpwatch.clean)."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from enum import IntEnum
from math import inf
from typing import Literal, NamedTuple

import msgspec

from smtpwatch.events import LogEvent

EVIDENCE = 8  # sessions, and log lines, of one alert that lead to it: the latest
LINE = 500  # characters of a log line that are kept with an alert
STEPS = 24  # of a timeline: the first half and the latest half
BLOCKABLE = 256  # sources of one alert that one key may block

SessionKey = tuple[str, int]

State = Literal["open", "acknowledged", "silenced", "over"]


class Severity(IntEnum):
    """How much it matters. NOTICE: to be known; WARNING: to be looked at; CRITICAL: to be acted on now."""

    NOTICE = 0
    WARNING = 1
    CRITICAL = 2

    @property
    def word(self) -> str:
        """As it is told."""
        return self.name.lower()


class Subject(NamedTuple):
    """Whom or what an alert is about: `kind` is source, network, account, user, script, process, domain, provider,
    campaign, server, queue, sensor or host."""

    kind: str
    name: str


class Line(NamedTuple):
    """A log line, as evidence."""

    time: float
    program: str
    text: str


class Step(NamedTuple):
    """Something that happened, in a few words: alerts that tell a story have several."""

    time: float
    words: str


class Finding(msgspec.Struct, frozen=True):
    """What a rule has found at `time`. `says` is one sentence that an admin can act on, with the figures of now;
    `count` how much of it there is so far. `sources` are the addresses and networks that do it, those to block;
    `term` is a filter that shows the rows it is about, "" for none."""

    time: float
    rule: str
    subject: Subject
    severity: Severity
    says: str
    count: int = 1
    sources: tuple[str, ...] = ()
    sessions: tuple[SessionKey, ...] = ()
    lines: tuple[Line, ...] = ()
    steps: tuple[Step, ...] = ()
    term: str = ""
    lasts: float = 0.0
    """Seconds without another finding for which it goes on, where that is longer than the setting `quiet`: what is slow
    is found seldom."""

    @property
    def key(self) -> tuple[str, Subject]:
        """Findings with the same key are one alert."""
        return self.rule, self.subject


class Alert:
    """Findings of one rule about one subject, until they stop. `first` and `last` are the times of the first and the
    latest one, `times` is how often it was found, `count` how much of it there is."""

    __slots__ = (
        "count", "first", "key", "last", "lasts", "lines", "number", "over_at", "rule", "says", "sessions", "severity",
        "silenced_until", "sources", "state", "steps", "subject", "term", "times", "told",
    )  # fmt: skip

    def __init__(self, finding: Finding, number: int) -> None:
        self.key = finding.key
        self.number = number
        """In the order in which they were raised."""
        self.rule, self.subject = finding.key
        self.first = self.last = finding.time
        self.severity = finding.severity
        self.state: State = "open"
        self.silenced_until = -inf
        self.over_at: float | None = None
        self.lasts = finding.lasts
        self.times = 0
        self.count = 0
        self.says = self.term = ""
        self.told = finding.time
        """When it was last put into words: a rule that finds it many times a second does so now and then."""
        self.sources: tuple[str, ...] = ()
        self.sessions: deque[SessionKey] = deque(maxlen=EVIDENCE)
        self.lines: deque[Line] = deque(maxlen=EVIDENCE)
        self.steps: list[Step] = []
        self.take(finding)

    @property
    def open(self) -> bool:
        """It wants to be seen."""
        return self.state == "open"

    def take(self, finding: Finding) -> bool:
        """One more finding; returns whether it is worse than it was."""
        worse = finding.severity > self.severity
        self.severity = max(self.severity, finding.severity)
        self.last = max(self.last, finding.time)
        self.times += 1
        self.count = max(self.count, finding.count)
        self.told = finding.time
        self.lasts = finding.lasts
        if finding.severity >= self.severity:  # what is less does not take the words from what is worse
            self.says, self.term = finding.says, finding.term
        if finding.sources:
            self.sources = finding.sources[:BLOCKABLE]
        self.sessions.extend(key for key in finding.sessions[-EVIDENCE:] if key not in self.sessions)
        self.lines.extend(line for line in finding.lines[-EVIDENCE:] if line not in self.lines)
        for step in finding.steps:
            if step not in self.steps:
                self.steps.append(step)
        if len(self.steps) > STEPS:
            self.steps.sort()
            del self.steps[STEPS // 2 : len(self.steps) - STEPS // 2]
        return worse

    def absorb(self, parts: Sequence[Alert]) -> None:
        """It stands for those from now on."""
        self.first = min(self.first, *(part.first for part in parts))
        self.times += sum(part.times for part in parts)
        self.state = _all_the_same(parts)
        self.silenced_until = max(part.silenced_until for part in parts)
        for part in parts:
            self.sessions.extendleft(part.sessions)
            self.lines.extendleft(part.lines)


def _all_the_same(parts: Sequence[Alert]) -> State:
    states = {part.state for part in parts}
    return states.pop() if len(states) == 1 else "open"


def line_of(event: LogEvent) -> Line:
    """A log event's line."""
    return Line(event.time, event.program, event.text[:LINE])
