"""Wire and log in one timeline, in order of time: what the wire shows is marked C>, S< or --, where we are the client
c> and s<; what a log says is marked L:."""

from collections.abc import Iterable, Sequence

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from smtpwatch import events as ev
from smtpwatch.clean import clean
from widgets import figures, ink
from widgets.cells import fill, width, wrap
from widgets.placing import Entry
from widgets.told import TOLD, Said

TIME_CELLS = 10  # "+10:00:00" and a space
WHO_CELLS = 3
LINE_MAX = 2_000  # characters of one line that are shown: RFC 5321, 4.5.3.1.5 allows 512 octets
LOG = "L:"
LEGEND = "C> client  S< server  -- wire  L: log"

_BAD_RESULTS = ("fail", "softfail", "permerror", "spam", "infected", "listed", "rejected")
_INK: dict[type[ev.LogEvent], Style] = {
    ev.ClientLost: ink.WARN,
    ev.ClientOddity: ink.WARN,
    ev.TlsTroubled: ink.BAD,
    ev.MessageExpired: ink.BAD,
    ev.ServiceTrouble: ink.WARN,
}


def timeline(entries: Iterable[Entry], start: float, cells: int) -> list[Strip]:
    """Lines of `cells` with their time since `start`."""
    strips: list[Strip] = []
    for entry in sorted(entries, key=lambda entry: entry.spot):
        stamp = fill(_stamp(entry, start), TIME_CELLS)
        for who, text, style in _said(entry.facts):
            strips += wrapped(stamp, who.lower() if entry.onward else who, text, style, cells)
            stamp = " " * TIME_CELLS
    return strips


def _stamp(entry: Entry, start: float) -> str:
    """`+0.012`; `~0.012` for a line that says no more than the second; whole seconds where nothing is finer."""
    seconds = entry.spot.time - start
    if not entry.rough:
        return figures.since(seconds)
    if start.is_integer() and seconds.is_integer():
        return figures.since_whole(seconds)
    return "~" + figures.since(seconds).removeprefix("+")


def _said(facts: Sequence[ev.Event]) -> list[Said]:
    event = facts[0]
    if isinstance(event, ev.LogEvent):
        pid = f"[{event.pid}]" if event.pid else ""
        inks = [_log_ink(fact) for fact in facts if isinstance(fact, ev.LogEvent)]
        style = next((each for each in inks if each is not ink.FAINT), ink.FAINT)
        return [(LOG, f"{event.program}{pid}: {event.text}", style)]
    tell = TOLD.get(type(event))  # type: ignore[arg-type]
    return tell(event) if tell is not None else []


def _log_ink(event: ev.LogEvent) -> Style:
    """Faint, unless an eye is needed."""
    if isinstance(event, ev.Refused):
        return ink.FAINT if event.warning else ink.WARN if event.code // 100 == 4 else ink.BAD
    if isinstance(event, ev.LoginTried):
        return ink.FAINT if event.outcome == "success" else ink.BAD
    if isinstance(event, ev.Delivery):
        return {"sent": ink.FAINT, "deferred": ink.WARN}.get(event.status, ink.BAD)
    if isinstance(event, ev.Verdict):
        return ink.WARN if event.result in _BAD_RESULTS else ink.FAINT
    return _INK.get(type(event), ink.FAINT)


def wrapped(time: str, who: str, text: str, style: Style | None, cells: int) -> list[Strip]:
    """One entry in lines of `cells`, safe to show."""
    room = max(10, cells - TIME_CELLS - WHO_CELLS)
    strips = []
    for part in wrap(clean(text[:LINE_MAX]), room):
        strips.append(Strip([Segment(time, ink.FAINT), Segment(fill(who, WHO_CELLS) + part, style)]))
        time, who = " " * width(time), ""
    return strips
