"""One destination told in full: what became of mail to it, why, where it was brought and how."""

from __future__ import annotations

from collections.abc import Iterator

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from smtpwatch import clock
from smtpwatch.clean import clean
from smtpwatch.events import AGE_LIMITS
from smtpwatch.state.deliveries import Deliveries
from smtpwatch.state.destination import LATELY, PARTS, Destination, Secured
from smtpwatch.state.picture import Picture
from smtpwatch.state.queue_ages import QueueAges
from smtpwatch.state.undelivered import said
from widgets import figures, ink
from widgets.cells import cut, cut_middle, fill
from widgets.delivery_columns import TITLES, count, took, version, words_of
from widgets.delivery_queue import OLD
from widgets.timeline import LINE_MAX
from widgets.transcript_lines import fact
from widgets.vitals import no_message_yet

MARKED = {
    "x": ("nothing gets through", ink.BAD),
    "!": ("much does not get through", ink.WARN),
    " ": ("", ink.STRONG),
}
REASONS = 12  # told of one destination, those with the most
SHORT = 18  # cells for a reason
_STATUS_INK = {"sent": None, "deferred": ink.WARN}


def totals(deliveries: Deliveries) -> str:
    """All that was tried, in a line."""
    if deliveries.since is None:
        return ""
    out = ", ".join(f"{n:,} {status}" for status, n in deliveries.totals.items() if n)
    return f"To other hosts: {out} since {clock.of_day(deliveries.since)}{_apart(deliveries)}"


def no_delivery_yet(picture: Picture, deliveries: Deliveries, since: str) -> str:
    """What the empty table says; `since` is when the log's sensor began."""
    status = picture.sensors.get("log")
    if status is None or status.state == "starting" or not status.watching:
        return no_message_yet(picture, since)
    apart = _apart(deliveries)
    return f"No delivery to another host yet, log followed since {since}{apart}."


def _apart(deliveries: Deliveries) -> str:
    here, through = sum(deliveries.local.values()), sum(deliveries.filtered.values())
    words = (f"; into mailboxes here: {here:,}" if here else "", f"; through filters: {through:,}" if through else "")
    return "".join(words)


def facts(to: Destination, ages: QueueAges | None, now: float, cells: int) -> list[Strip]:
    """The head: each fact a line or two of `cells`."""
    words, style = MARKED[to.mark(now)] if to.kind != "reason" else MARKED[" "]
    first = f"{TITLES[to.kind]} {to.name or '(none)'}" + (f": {words}" if words else "")
    strips = fact("", first, cells, style)
    for label, text in (
        ("mail", _counts(to)),
        ("lately", _lately(to, now)),
        ("waiting", _waiting(to, ages, now)),
        ("delay", _delay(to)),
        ("part", _parts(to)),
        ("conn", _connection(to, now)),
        ("TLS", _security(to.security(), now)),
    ):
        strips += fact(label, text, cells)
    return strips


def body(to: Destination, deliveries: Deliveries, now: float, cells: int) -> list[Strip]:
    """Reasons with their share, next hops or domains, and the latest deliveries, in lines of `cells`."""
    strips: list[Strip] = []
    for title, lines in (
        ("Why not", list(_reasons(to, cells)) if to.kind != "reason" else []),
        *_others(to, deliveries, now, cells),
        ("Latest, the newest first", list(_latest(to, cells))),
    ):
        if lines:
            strips += (
                [Strip([]), Strip([Segment(title, ink.STRONG)])] if strips else [Strip([Segment(title, ink.STRONG)])]
            )
            strips += lines
    return strips or [Strip([Segment(cut(_nothing(to), cells))])]


def _nothing(to: Destination) -> str:
    return "Mail for it waits in the queue; no attempt to deliver it has been logged yet." if to.waiting else ""


def _counts(to: Destination) -> str:
    if to.last is None:
        return ""
    words = f"{to.sent:,} sent, {to.deferred:,} deferred, {to.bounced:,} bounced, {to.expired:,} expired"
    inexact = f" (up to {to.error:,} more before)" if to.error else ""
    return f"{words} since {clock.of_day(to.since)}{inexact}"


def _lately(to: Destination, now: float) -> str:
    if to.last is None:
        return ""
    minute, quarter = to.per_minute(now), to.per_minute(now, LATELY)
    words = f"{figures.rate(minute)}/min in the last minute, {figures.rate(quarter)}/min in the last {LATELY / 60:.0f}"
    failing = to.failing(now)
    words += f", of which {figures.share(failing)} failed" if failing and to.kind != "reason" else ""
    return f"{words}; last {figures.age(now - to.last.time)} ago"


def _waiting(to: Destination, ages: QueueAges | None, now: float) -> str:
    """In the queue, as the host tells, and as far as the log told of it."""
    words = [] if to.waiting is None else [f"{to.waiting:,} recipients in the queue"]
    row = next((row for name, row in ages.rows if name == to.name), None) if ages and to.kind == "domain" else None
    if ages is not None and row is not None:
        old = sum(row[OLD:])
        words.append("" if ages.of is None else f"{sum(row):,} of those that the log told of")
        words.append(f"{old:,} for more than {AGE_LIMITS[OLD - 1]} min" if old else "")
    return ", ".join(filter(None, words))


def _delay(to: Destination) -> str:
    half, most = to.delay.quantile(0.5), to.delay.quantile(0.9)
    return "" if half is None else f"half of what was sent within {took(half)}, 9 of 10 within {took(most)}"


def _parts(to: Destination) -> str:
    told = [f"{name} {took(spread.quantile(0.5))}" for name, spread in zip(PARTS, to.parts, strict=False)]
    return f"of it {', '.join(told)} (half of it)" if told else ""


def _connection(to: Destination, now: float) -> str:
    how = to.connects()
    if not how:
        return ""
    when = to.connected if to.peer is None else max(to.connected, to.peer.time)
    return f"{how}, {figures.age(now - when)} ago"


def _security(secured: Secured | None, now: float) -> str:
    if secured is None:
        return ""
    if secured.failed:
        words = f"failed: {secured.failed}"
    elif secured.version:
        words = " ".join(filter(None, (secured.version, secured.cipher, secured.trust)))
    else:
        words = "none, in clear"
    return f"{words} ({secured.by}, {figures.age(now - secured.time)} ago)"


def _reasons(to: Destination, cells: int) -> Iterator[Strip]:
    """`greylisted  120  62%  451 4.7.1 Try again later`; deferred in yellow, bounced in red."""
    ranked = to.ranked()
    every = sum(why.deferred + why.bounced for _, why in ranked)
    for name, why in ranked[:REASONS]:
        n = why.deferred + why.bounced
        style = ink.BAD if why.bounced > why.deferred else ink.WARN
        head = f"{fill(clean(name), SHORT)} {count(n):>6} {figures.share(n / every):>4} "
        yield _line(head, f"{clock.of_day(why.last.time)} {words_of(why.last)}", cells, style)


def _others(to: Destination, deliveries: Deliveries, now: float, cells: int) -> list[tuple[str, list[Strip]]]:
    """A domain's next hops with their state; the domains of a next hop, or of a reason."""
    if to.kind != "domain":
        lines = [_line(f"{count(n):>6} ", name or "(no domain)", cells, None) for name, n in to.others.most()]
        return [("Domains", lines)]
    lines = []
    for name, n in to.others.most():
        hop = deliveries.get("hop", name)
        state, style = "", None
        if hop is not None:
            delay = took(hop.delay.quantile(0.5))
            secured = version(hop.security())
            state = f"{fill(hop.connects(), 9)} {fill(f'TLS {secured}' if secured else '', 10)} {delay:>5}"
            mark = hop.mark(now)
            style = {"x": ink.BAD, "!": ink.WARN}.get(mark)
            state = f"{mark} {state}"
        room = max(16, cells - len(state) - 8)
        text = fill(cut_middle(clean(name), min(room, 56)), min(room, 56))
        lines.append(_line(f"{count(n):>6} {text} ", state, cells, None, style))
    return [("Next hops", lines)]


def _latest(to: Destination, cells: int) -> Iterator[Strip]:
    for delivery in reversed(to.latest):
        style = _STATUS_INK.get(delivery.status, ink.BAD)
        head = f"{clock.of_day(delivery.time)} {fill(delivery.status, 8)} "
        whom = f"<{delivery.recipient}> {delivery.queue_id}"
        yield _line(head, f"{whom}: {said(delivery).words}", cells, style)


def _line(head: str, text: str, cells: int, style: Style | None, text_style: Style | None = None) -> Strip:
    """`head` in its ink and what follows, cut to `cells`."""
    room = max(1, cells - len(head))
    return Strip([Segment(head, style), Segment(cut(clean(text[:LINE_MAX]), room), text_style)])
