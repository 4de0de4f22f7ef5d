"""One alert told in full, and the worst of all in one line."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from textual.strip import Strip

from smtpwatch import clock
from smtpwatch.clean import clean
from smtpwatch.state.session import Session
from smtpwatch.triage.alert import Alert
from widgets import figures, ink
from widgets.alert_columns import INKS, MARKS, SAYS, whom
from widgets.blocked import Blocked, not_blocked
from widgets.cells import cut, width, wrap
from widgets.source_lines import session_line
from widgets.timeline import LINE_MAX
from widgets.transcript_lines import fact

SENTENCE = 5  # lines of it in the head
NAMED = 4  # sources that are named there; below, all are
WIDE = 100  # cells from which the line says "alerts"
STAMP = len("10:41:07  ")


def summary(alert: Alert, others: int, cells: int) -> Strip:
    """The worst one, and how many more there are: `x account bob: ...   +2 alerts (7)`."""
    word = "" if cells < WIDE else " alert" if others == 1 else " alerts"
    more = f"  +{others:,}{word} (7)" if others else "  (7)"
    room = max(0, cells - width(more))
    text = cut(f"{MARKS[alert.severity]} {clean(alert.says[:SAYS])}", room)
    blank = " " * (room - width(text))
    coloured = _first_words(text, clean(whom(alert)))
    style = INKS[alert.severity] or ink.STRONG
    rest = f"{text[coloured:]}{blank}"
    return Strip([Segment(text[:coloured], style), Segment(rest), Segment(more, ink.FAINT)]).simplify()


def _first_words(text: str, subject: str) -> int:
    """Characters of the line that are in colour: the mark, and the subject if the sentence begins with it."""
    return 2 + len(subject) if text[2:].startswith(subject) else 2


def head(alert: Alert, now: float, cells: int, until: float, gone: bool, blocked: Blocked = not_blocked) -> list[Strip]:
    """What it is, how it stands, what it says, and what helps. `until`: it is silenced; `gone`: no longer held."""
    title = f"{MARKS[alert.severity]} {alert.severity.word}: {alert.rule}, {alert.subject.kind} {alert.subject.name}"
    strips = fact("", title, cells, INKS[alert.severity] or ink.STRONG)
    strips += fact("", alert.says, cells, most=SENTENCE)
    strips += fact("state", _state(alert, now, until, gone), cells)
    strips += fact("seen", _seen(alert, now), cells)
    if alert.sources:
        strips += fact("b block", _named(alert.sources, blocked), cells)
    rows = f"o {alert.term}   " if alert.term else ""
    acknowledge = "" if alert.state == "over" else "a acknowledge   "
    return strips + fact("keys", f"{rows}{acknowledge}x silence for 1 h, 1 d", cells)


def _state(alert: Alert, now: float, until: float, gone: bool) -> str:
    if alert.over_at is not None:
        again = f"; silenced until {clock.of_day(until)}, should it come again" if until > now else ""
        return f"over since {clock.of_day(alert.over_at)}{again}"
    if gone:
        return "part of another alert by now"
    if alert.state == "silenced":
        return f"silenced until {clock.of_day(until)}, {figures.age(until - now)} more"
    return alert.state


def _seen(alert: Alert, now: float) -> str:
    often = "once" if alert.times == 1 else f"{alert.times:,} times"
    much = f", {alert.count:,} in all" if alert.count > 1 else ""
    last = f"last {clock.of_day(alert.last)}, {figures.age(now - alert.last)} ago"
    return f"first {clock.of_day(alert.first)}, {last}; found {often}{much}"


def _named(sources: Sequence[str], blocked: Blocked) -> str:
    """`203.0.113.7, 203.0.113.9 and 12 more; 3 of them are blocked`."""
    named = ", ".join(sources[:NAMED])
    more = f" and {len(sources) - NAMED:,} more" if len(sources) > NAMED else ""
    held = sum(blocked(source) is not None for source in sources)
    if held == len(sources):
        return f"{named}{more}; blocked"
    return f"{named}{more}" + (f"; {held:,} of them blocked" if held else "")


def body(
    alert: Alert, sessions: Sequence[Session], now: float, cells: int, blocked: Blocked = not_blocked
) -> list[Strip]:
    """How it came about, and what shows it: of its `sessions`, those that are still held."""
    whole = wrap(clean(alert.says), cells)
    strips = _part("what it says", [Strip([Segment(line)]) for line in whole] if len(whole) > SENTENCE else [])
    steps = [strip for step in sorted(alert.steps) for strip in _timed(step.time, step.words, cells)]
    strips += _part("how it came about", steps)
    lost = len(alert.sessions) - len(sessions)
    seen = [session_line(session, now, cells) for session in sessions]
    seen += (
        [Strip([Segment(f"({lost:,} that {'is' if lost == 1 else 'are'} no longer held)", ink.FAINT)])]
        if lost > 0
        else []
    )
    strips += _part("latest sessions", seen)
    lines = [each for line in sorted(alert.lines) for each in _timed(line.time, f"{line.program}: {line.text}", cells)]
    strips += _part("log lines", lines)
    if len(alert.sources) > NAMED:
        names = [f"{source}{' ■' if blocked(source) is not None else ''}" for source in alert.sources]
        strips += _part("sources", [Strip([Segment(line)]) for line in wrap(clean(", ".join(names)), cells)])
    return strips or [Strip([Segment("There is no more to tell of it.", ink.FAINT)])]


def _part(title: str, strips: list[Strip]) -> list[Strip]:
    return [Strip([Segment(title, ink.STRONG)]), *strips, Strip([])] if strips else []


def _timed(time: float, words: str, cells: int) -> list[Strip]:
    stamp = f"{clock.of_day(time)}  "
    strips = []
    for line in wrap(clean(words[:LINE_MAX]), max(10, cells - STAMP)):
        strips.append(Strip([Segment(stamp, ink.FAINT), Segment(line)]))
        stamp = " " * STAMP
    return strips
