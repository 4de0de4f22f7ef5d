"""The queue by age: how long mail has waited, by domain, as qshape(1) has it."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from smtpwatch import clock
from smtpwatch.clean import clean
from smtpwatch.events import AGE_LIMITS
from smtpwatch.state.queue import Queues
from smtpwatch.state.queue_ages import QueueAges
from widgets import figures, ink
from widgets.cells import cut, fill
from widgets.delivery_columns import EXACT
from widgets.line_pane import LinePane

NAME_LEAST, NAME_MOST = 17, 40  # cells
COLUMN = 6  # cells of each figure, with the blank before it
OLD = 6  # number of the first bucket that stands out: past 160 minutes a server has tried several times

TITLES = (*map(str, AGE_LIMITS), f"{AGE_LIMITS[-1]}+")


class QueueBlock(LinePane):
    """As many lines of the table as there is room for."""

    def look(self, queues: Queues, ages: QueueAges | None, now: float) -> None:
        """Show what is true at `now`."""
        self.paint(queue_lines(queues, ages, now, self.size.width, self.size.height))


def queue_lines(queues: Queues, ages: QueueAges | None, now: float, width: int, height: int = 1_000) -> list[Strip]:
    """A line of what it is of, the titles, the total, and a line for each domain with mail that waits, as many as
    `height` has room for."""
    strips = [Strip([Segment(cut(_of_what(queues, ages, now), width), ink.STRONG)])]
    if ages is None:
        return strips[:height]
    first, name = _columns(width)
    titles = [f"{title:>{COLUMN - 1}}" for title in TITLES[first:]]
    if first:  # what is younger is told together with the first column that there is room for
        titles[0] = f"{'≤' + TITLES[first]:>{COLUMN - 1}}"
    strips.append(Strip([Segment(" ".join((fill("minutes", name), f"{'T':>{COLUMN - 1}}", *titles)), ink.FAINT)]))
    strips.append(_row("TOTAL", ages.total, first, name))
    strips += [_row(clean(domain), row, first, name) for domain, row in ages.rows[: max(0, height - len(strips))]]
    return strips[:height]


def _of_what(queues: Queues, ages: QueueAges | None, now: float) -> str:
    total = queues.total(now)
    if ages is None:
        if total is None:
            return "Queue by age: no queue could be read, and the log tells of no mail that waits."
        return f"Queue by age: nobody tells it of the {total:,} there." if total else "Queue by age: nothing waits."
    if ages.of is None:
        more = "" if queues.complete(now) else "; there is more than was read"
        return f"Queue by age: recipients that wait, read {clock.of_day(ages.time)}{more}"
    holds = "" if total is None else f"; the queue holds {total:,}"
    return f"Queue by age: of {ages.of:,} message{'' if ages.of == 1 else 's'} that the log told of{holds}"


def _columns(width: int) -> tuple[int, int]:
    """The first age bucket that has a column of its own, and the cells that are left for names."""
    fit = (width - NAME_LEAST) // COLUMN - 1  # one is for the sum
    first = max(0, len(TITLES) - max(1, fit))
    return first, max(1, min(NAME_MOST, width - COLUMN * (len(TITLES) - first + 1)))


def _row(name: str, ages: tuple[int, ...], first: int, cells: int) -> Strip:
    ages = (sum(ages[: first + 1]), *ages[first + 1 :])
    segments = [Segment(fill(cut(name or "(no domain)", cells), cells)), Segment(_figure(sum(ages)))]
    for bucket, n in enumerate(ages, first):
        style: Style | None = ink.WARN if n and bucket >= OLD else None
        segments.append(Segment(_figure(n), style))
    return Strip(segments).simplify()


def _figure(n: int) -> str:
    text = "" if not n else str(n) if n < EXACT else figures.octets(n)
    return f"{text or '.':>{COLUMN}}"
