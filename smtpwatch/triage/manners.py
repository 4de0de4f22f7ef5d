"""Clients that do what no good client does: talk before their turn, or play with where a line, a message or the clear
part of a session ends."""

from __future__ import annotations

from typing import NamedTuple

from smtpwatch import events as ev
from smtpwatch.state.session import LOG, Session
from smtpwatch.triage.alert import Line, Severity, Subject, line_of
from smtpwatch.triage.counting import DAY, Repeats
from smtpwatch.triage.gathering import Gathering, source_and_network
from smtpwatch.triage.rule import Rule, Scene, keys_of, lines_of, many, span

SOURCES = 2_000  # that are counted one by one


class EarlyTalker(Rule):
    """So many sessions of one source within the window that talk before their turn: before the greeting, or without
    waiting for replies though nobody offered PIPELINING."""

    name = "early-talker"
    events = (ev.Oddity, ev.ClientOddity, ev.Screened)

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._rude = Repeats(SOURCES, self.limits.window)
        self._together = Gathering(self.alerts, self.name)

    def event(self, event: ev.Event) -> None:
        """One more session, as the wire tells it, or a log where there is no wire."""
        source, kind = _odd(event)
        if kind not in ("early talker", "pipelining", "pregreet") or not source:
            return
        if isinstance(event, ev.LogEvent) and _on_wire(self.scene, source):
            return  # which has told it
        session = _session_of(self.scene, event)
        rude = self._rude.add(source, event.time, 1, kind)
        if rude.weight < self.limits.rude or (count := rude.count(event.time)) < self.limits.rude:
            return
        whom = self._together.take(*source_and_network(source), count)

        def put() -> None:
            talks = (
                f"{many(whom.much, 'session')} within {span(self.limits.window)} that talk before their turn ({kind})"
            )
            self.found(
                event.time, whom.subject, Severity.NOTICE, f"{whom}: {talks}: no mail server does",
                count=whom.much, sources=(whom.subject.name,), sessions=keys_of(session), lines=_lines(event, session),
            )  # fmt: skip

        self.when_due(whom.subject, event.time, whom.much, put)


class _Trick(NamedTuple):
    """What a trick is called in an alert, and what to do about it."""

    severity: Severity
    says: str


_TRICKS = {
    "smuggling": _Trick(
        Severity.WARNING,
        "tried SMTP smuggling ({detail}): see that the server refuses bare LF (smtpd_forbid_bare_newline)",
    ),
    "data after STARTTLS": _Trick(
        Severity.WARNING, "tried STARTTLS injection ({detail}): see that the server throws away what comes in clear"
    ),
    "bare LF": _Trick(Severity.NOTICE, "ends lines without CR ({detail}): a broken client, or a try at SMTP smuggling"),
    "possible attack": _Trick(Severity.WARNING, "was taken for an attacker by the mail server ({detail})"),
}  # fmt: skip


class Smuggling(Rule):
    """Ends of data or of a line that servers read in different ways, and commands sent in clear behind STARTTLS: once
    is enough, but for lines that only lack their CR."""

    name = "smuggling"
    events = (ev.Oddity, ev.ClientOddity)

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._tries = Repeats(SOURCES, DAY)

    def event(self, event: ev.Event) -> None:
        """One try."""
        source, kind = _odd(event)
        trick = _TRICKS.get(kind)
        if trick is None or not source:
            return
        tries = self._tries.add((source, kind), event.time)
        if kind == "bare LF" and tries.count(event.time) < self.limits.rude:
            return
        session = _session_of(self.scene, event)
        detail = getattr(event, "detail", "") or kind
        says = f"{source} {trick.says.format(detail=detail)}"
        self.found(
            event.time, Subject("source", source), trick.severity, says,
            count=tries.count(event.time), sources=(source,), sessions=keys_of(session),
            lines=_lines(event, session),
        )  # fmt: skip


def _odd(event: ev.Event) -> tuple[str, str]:
    """(who, what kind of oddity)."""
    if isinstance(event, ev.Screened):
        return event.source, event.finding.partition(" ")[0]
    if isinstance(event, ev.Oddity | ev.ClientOddity):
        return event.source, event.kind
    return "", ""


def _on_wire(scene: Scene, source: str) -> bool:
    """Packets tell of that source."""
    party = scene.picture.activity.sources.get(source)
    latest = () if party is None or party.facts is None else party.facts.latest
    return any(sensor != LOG for sensor, _ in latest)


def _session_of(scene: Scene, event: ev.Event) -> Session | None:
    if isinstance(event, ev.Oddity):
        return scene.picture.sessions.of(event)
    return None


def _lines(event: ev.Event, session: Session | None) -> tuple[Line, ...]:
    return (line_of(event),) if isinstance(event, ev.LogEvent) else lines_of(session)
