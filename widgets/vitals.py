"""What the status bar says, as data: items in order of place, each with a rank that tells which goes first."""

from collections.abc import Mapping
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from smtpwatch.clean import clean
from smtpwatch.events import Health, SensorStatus
from smtpwatch.state.picture import Picture, Vitals
from smtpwatch.state.queue import Queues
from widgets import ink
from widgets.cells import cut, width, wrap
from widgets.figures import octets, rate, share

NO_LOG = "Live: --log PATH; beside a capture: -r LOG."

NOTHING: Mapping[str, str] = {}
TROUBLE_LINES = 3  # of what is wrong with sensors; the table area has more room, and doctor has all of it

HEALTH: dict[Health, tuple[str, Style | None]] = {
    "starting": ("○", ink.FAINT),
    "running": ("●", ink.GOOD),
    "degraded": ("▲", ink.WARN),
    "failed": ("✖", ink.BAD),
}

TRENDS = {1: "▲", 0: " ", -1: "▼"}

RECEIVED = {"wire": ("packets", "pk"), "log": ("lines", "ln")}
"""What each sensor counts."""

REMEDY: dict[Health, str] = {
    "degraded": "counts stay exact where detail is shed; `smtpwatch doctor` tells more",
    "failed": "`smtpwatch doctor` tells what is missing",
}


class Item(NamedTuple):
    """`forms` from the longest to the shortest; items of higher `rank` are shortened, then dropped, first."""

    forms: tuple[str, ...]
    rank: int
    style: Style | None = None


def items(picture: Picture, now: float, host: str, waiting: int | None) -> list[Item]:
    """The status bar's items; `waiting` is how many events a frozen view does not show, None when it is not frozen."""
    vitals = Vitals(picture, now)
    said = []
    if waiting is not None:
        said.append(Item((f"frozen +{waiting:,}", f"+{octets(waiting)}"), 0, ink.CURSOR))
    name = clean(host)
    said.append(Item((f"smtpwatch  {name}", name, name.partition(".")[0]), 7))
    if picture.totals or "wire" in picture.since:  # counted off the wire: without it they are unknown, not 0
        said += _traffic(vitals)
    said += _queue(picture.queues, now)
    for sensor in picture.sensors.values():
        said += _sensor(sensor)
    return said


def _traffic(vitals: Vitals) -> list[Item]:
    """Rates and shares."""
    refused = f"{rate(vitals.refused):>4}/s"
    percent = f"{share(vitals.refused_share):>4}"
    return [
        Item((f"in {rate(vitals.sessions):>4}/s",), 2),
        Item((f"accepted {rate(vitals.accepted):>4}/s", f"ok {rate(vitals.accepted):>4}/s"), 6),
        Item((f"refused {refused} {percent}", f"ref {percent}"), 1, ink.BAD if vitals.refused else None),
        Item(
            (f"auth fail {rate(vitals.auth_failed):>4}/s", f"auth {rate(vitals.auth_failed):>4}/s"),
            3,
            ink.WARN if vitals.auth_failed else None,
        ),
        Item((f"TLS {share(vitals.tls_share):>4}",), 4),
    ]


def _queue(queues: Queues, now: float) -> list[Item]:
    """Messages that wait, with a plus where there are more than could be counted, and where that is going."""
    total = queues.total(now)
    if total is None:
        return []
    count = f"{total:,}" if queues.complete(now) else f"{total:,}+"
    trend = TRENDS[queues.trend(now)]
    return [Item((f"queue {count:>5} {trend}", f"q {count:>5}{trend}"), 5)]


def _sensor(status: SensorStatus) -> list[Item]:
    glyph, style = HEALTH[status.state]
    name = clean(status.sensor)
    state = "" if status.state == "running" else f" {status.state}"
    said = [Item((f"{glyph} {name} {status.state}", f"{glyph} {name}{state}"), 0, style)]
    if status.received:
        what, short = RECEIVED.get(status.sensor, ("events", ""))
        said.append(Item((f"{octets(status.received)} {what}", f"{octets(status.received)} {short}".rstrip()), 9))
    if status.dropped:
        said.append(Item((f"{octets(status.dropped)} dropped", f"drop {octets(status.dropped)}"), 1, ink.WARN))
    if status.shed:
        said.append(Item((f"{octets(status.shed)} shed",), 8, ink.WARN))
    return said


def fit(said: list[Item], cells: int) -> Strip:
    """`said` in one line of `cells` cells, two spaces between; the least important are shortened and dropped first."""
    forms = [list(item.forms) for item in said]
    while sum(width(form[0]) + 2 for form in forms if form) - 2 > cells:
        longest = [at for at, form in enumerate(forms) if len(form) > 1]
        at = max(longest or [at for at, form in enumerate(forms) if form], key=lambda at: said[at].rank)
        if not longest and sum(map(bool, forms)) == 1:
            forms[at][0] = cut(forms[at][0], cells)
            break
        del forms[at][0]
    segments: list[Segment] = []
    for item, form in zip(said, forms, strict=True):
        if form:
            segments += [Segment(form[0], item.style), Segment("  ")]
    return Strip(segments[:-1]).simplify()


def trouble(picture: Picture, cells: int, others: Mapping[str, str] = NOTHING) -> list[Strip]:
    """What is wrong with sensors, or with `others` (by what it is with), and what to do, wrapped, at most
    TROUBLE_LINES; [] when nothing is."""
    strips: list[Strip] = []
    for status in picture.sensors.values():
        if status.state not in REMEDY:
            continue
        glyph, style = HEALTH[status.state]
        text = f"{glyph} {clean(status.sensor)} {status.state}: {reason(status)}"
        strips += [Strip([Segment(cut(line, cells), style)]) for line in wrap(text, cells)]
    glyph, style = HEALTH["degraded"]
    for what, why in others.items():
        lines = wrap(f"{glyph} {what}: {clean(why)}", cells) if why else []
        strips = [Strip([Segment(cut(line, cells), style)]) for line in lines] + strips
    return strips[:TROUBLE_LINES]


def reason(status: SensorStatus) -> str:
    """Why the sensor is not well, in one line: its own words, and where those are missing where to look."""
    lines = [line for line in status.reason.splitlines() if line.strip()]
    return clean(lines[-1].strip()) if lines else REMEDY.get(status.state, "")


def nothing_yet(picture: Picture, ports: str, clock: str) -> str:
    """What the empty table says: what is listened to and since when, or why nothing is."""
    for status in picture.sensors.values():
        if status.state == "failed":
            words = reason(status)
            return words[:1].upper() + words[1:]
    if not picture.since:
        return "Starting to listen."
    logs = _watched(picture, "log")
    if "wire" not in picture.since:
        return f"No client seen yet in {logs or 'any log'}, followed since {clock}."
    followed = f" Following {logs}." if logs else ""
    wire = _watched(picture, "wire") or "any interface"
    return f"No SMTP seen yet on {wire} ({ports}), listening since {clock}.{followed}"


def no_message_yet(picture: Picture, clock: str) -> str:
    """What the empty table of messages says; `clock` is when the log's sensor began."""
    status = picture.sensors.get("log")
    if status is not None and status.state == "starting":
        return "Starting to read the mail log."
    if status is None or not status.watching:
        why = reason(status) if status is not None and status.reason else NO_LOG
        return f"Messages come from the mail log, and none is followed. {why[:1].upper()}{why[1:]}"
    return f"No message yet in {_watched(picture, 'log')}, followed since {clock}."


def _watched(picture: Picture, sensor: str) -> str:
    status = picture.sensors.get(sensor)
    return clean(", ".join(status.watching)) if status is not None else ""
