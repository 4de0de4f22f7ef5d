"""An alert as data: the JSON line of `smtpwatch alerts`, and of the command that is run with it. Keys and words are
stable (README.md)."""

from __future__ import annotations

import msgspec

from smtpwatch.events import SCHEMA_VERSION
from smtpwatch.triage.alert import Alert


class SubjectFacts(msgspec.Struct):
    """Whom or what it is about."""

    kind: str
    name: str


class SessionRef(msgspec.Struct):
    """A session, as the events of that sensor number it."""

    sensor: str
    id: int


class LineFacts(msgspec.Struct):
    """A log line, without its stamp."""

    time: float
    program: str
    text: str


class StepFacts(msgspec.Struct):
    """One step of what happened."""

    time: float
    words: str


class AlertFacts(msgspec.Struct):
    """An alert as it stands. `event` is why it is told: raised, worse or over. Times are UTC epoch seconds."""

    v: int
    event: str
    number: int
    rule: str
    severity: str
    state: str
    subject: SubjectFacts
    says: str
    first: float
    last: float
    over_at: float | None
    times: int
    count: int
    sources: list[str]
    sessions: list[SessionRef]
    lines: list[LineFacts]
    steps: list[StepFacts]


class HookFacts(AlertFacts):
    """The same for the command of `alerts.on_alert`. `left_out` alerts have come since it was last run for which it was
    not run: they were too many."""

    left_out: int


def alert_facts(alert: Alert, event: str) -> AlertFacts:
    """What is known of `alert`, copied: it goes on."""
    return AlertFacts(
        v=SCHEMA_VERSION,
        event=event,
        number=alert.number,
        rule=alert.rule,
        severity=alert.severity.word,
        state=alert.state,
        subject=SubjectFacts(*alert.subject),
        says=alert.says,
        first=alert.first,
        last=alert.last,
        over_at=alert.over_at,
        times=alert.times,
        count=alert.count,
        sources=list(alert.sources),
        sessions=[SessionRef(*key) for key in alert.sessions],
        lines=[LineFacts(*line) for line in alert.lines],
        steps=[StepFacts(*step) for step in sorted(alert.steps)],
    )


def hook_facts(alert: Alert, event: str) -> HookFacts:
    """The same for the command, with none left out so far."""
    return HookFacts(**msgspec.structs.asdict(alert_facts(alert, event)), left_out=0)
