"""One alert told in full, and the worst of all in one line."""

from __future__ import annotations

from rich.segment import Segment
from textual.strip import Strip

from smtpwatch import clock
from smtpwatch.clean import clean
from smtpwatch.state.session import Session
from smtpwatch.triage.alert import Alert
from widgets import figures, ink
from widgets.alert_columns import INKS, MARKS
from widgets.cells import cut, width, wrap
from widgets.source_lines import session_line
from widgets.transcript_lines import fact

SOURCES = 12  # that are named; the others are counted
WIDE = 100  # cells from which the line says "alerts"


def head(alert: Alert, now: float, cells: int) -> list[Strip]:
    """What it is, and for how long."""
    style = INKS[alert.severity] or ink.STRONG
    title = f"{MARKS[alert.severity]} {alert.severity.word}: {alert.rule}, {alert.subject.kind} {alert.subject.name}"
    strips = fact("", title, cells, style)
    strips += fact("state", _state(alert, now), cells)
    seen = f"first {clock.of_day(alert.first)}, last {clock.of_day(alert.last)} ({figures.age(now - alert.last)} ago)"
    return strips + fact("seen", f"{seen}, {alert.count:,} so far", cells)


def body(alert: Alert, sessions: list[Session], now: float, cells: int) -> list[Strip]:
    """What it says, how it came about, what shows it, and what helps."""
    strips = [Strip([Segment(line)]) for line in wrap(clean(alert.says), cells)]
    strips += _part("what helps", [Strip([Segment(line)]) for line in _helps(alert, cells)])
    steps = [_timed(step.time, step.words, cells) for step in sorted(alert.steps)]
    strips += _part("how it came about", steps)
    strips += _part("sessions", [session_line(session, now, cells) for session in sessions])
    lines = [_timed(line.time, f"{line.program}: {line.text}", cells) for line in sorted(alert.lines)]
    return strips + _part("log lines", lines)


def summary(alert: Alert, others: int, cells: int) -> Strip:
    """The worst one, and how many more there are: `x open relay: ...   +2 alerts (7)`."""
    more = ""
    if others:
        more = f"  +{others:,} {'alert' if others == 1 else 'alerts'} (7)" if cells >= WIDE else f"  +{others:,} (7)"
    else:
        more = "  (7)"
    room = cells - width(more)
    text = cut(f"{MARKS[alert.severity]} {clean(alert.says)}", room)
    blank = " " * max(0, room - width(text))
    return Strip([Segment(text, INKS[alert.severity] or ink.STRONG), Segment(blank + more)]).simplify()


def _state(alert: Alert, now: float) -> str:
    if alert.state == "silenced":
        return f"silenced until {clock.of_day(alert.silenced_until)}"
    if alert.over_at is not None:
        return f"over since {clock.of_day(alert.over_at)}"
    return alert.state


def _helps(alert: Alert, cells: int) -> list[str]:
    helps = []
    if alert.sources:
        named = ", ".join(alert.sources[:SOURCES])
        more = f" and {len(alert.sources) - SOURCES:,} more" if len(alert.sources) > SOURCES else ""
        helps += wrap(f"b  block {clean(named)}{more}", cells)
        if not any("/" in source for source in alert.sources):
            helps.append("B  block their networks")
    if alert.term:
        helps += wrap(f"o  the rows it is about: {clean(alert.term)}", cells)
    return [*helps, "a  acknowledge   x  silence for an hour, a day"]


def _part(title: str, strips: list[Strip]) -> list[Strip]:
    return [Strip([]), Strip([Segment(title, ink.STRONG)]), *strips] if strips else []


def _timed(time: float, words: str, cells: int) -> Strip:
    return Strip([Segment(f"{clock.of_day(time)} ", ink.FAINT), Segment(cut(clean(words), max(0, cells - 9)))])
