"""What Home tells beside its tables: why clients are refused, who sends, whether TLS is fine, how mail leaves.

At 40 lines and more these are blocks side by side, each a few lines; below that one line of words each."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from smtpwatch.clean import clean
from smtpwatch.state.party import Dimension
from smtpwatch.state.picture import Picture
from smtpwatch.state.tls_shares import Kind
from widgets import figures, ink
from widgets.cells import cut, fill, width
from widgets.line_pane import LinePane
from widgets.tls_blocks import bar

MINUTE, HOUR = 60.0, 3600.0
GAP = 2

MANY = 3  # sources of one account that make one look: a person has a phone, a laptop and a webmail


class Row(NamedTuple):
    """A line of a block: a name at its left, figures at its right; a `mark` makes it stand out."""

    name: str
    said: str
    mark: str = " "


class Block(NamedTuple):
    """`title` and, above the figures, what they are; `short` begins its line of words."""

    title: str
    figures: str
    short: str
    rows: Sequence[Row]


_INK: dict[str, Style | None] = {"x": ink.BAD, "!": ink.WARN, " ": None}


def reasons(picture: Picture, now: float, most: int) -> Block:
    """Why clients were refused in the last minute."""
    found = [(round(party.rate(now, MINUTE) * MINUTE), party.key) for party in picture.activity.reasons]
    rows = [Row(name, f"{n:,}") for n, name in sorted(found, reverse=True)[:most] if n]
    return Block("Why refused", "1 min", "Why", rows)


def accounts(picture: Picture, now: float, most: int) -> Block:
    """The accounts that send most of late, and from how many sources."""
    parties = sorted(picture.activity.groups[Dimension.ACCOUNT], key=lambda party: -party.heat)[:most]
    rows = []
    for party in parties:
        sources = len(party.members or ())
        rows.append(Row(party.key, f"{party.accepted:>6,} {sources:>4,}", "!" if sources > MANY else " "))
    return Block("Accounts", "sent from", "By", rows)


def tls(picture: Picture, now: float, most: int) -> Block:
    """How the sessions of the last hour that came to us were secured."""
    counts = {kind: n for kind, n in picture.tls.shares.recent(now, HOUR).items() if kind.direction != "outbound"}
    whole = sum(counts.values())
    shares: dict[str, int] = {}
    for kind, n in counts.items():
        shares[_secured(kind)] = shares.get(_secured(kind), 0) + n
    rows = []
    for name, n in sorted(shares.items(), key=lambda item: -item[1])[:most]:
        part = n / whole
        rows.append(Row(name, f"{bar(part)} {figures.share(part):>4}", "!" if name in _WEAK else " "))
    return Block("TLS in", "1 h", "TLS", rows)


_WEAK = ("failed", "1.1", "1.0", "SSLv3", "SSLv2")


def _secured(kind: Kind) -> str:
    return kind.version.removeprefix("TLSv") if kind.version else kind.mode


def outbound(picture: Picture, now: float, most: int) -> Block:
    """Where our mail goes: the domains in trouble first, then those with the most."""
    every = picture.deliveries.in_order("domain")
    every.sort(key=lambda to: (" !x".index(to.mark(now)), to.weight), reverse=True)
    rows = [
        Row(to.name, f"{to.sent:>6,} {to.deferred:>5,} {to.bounced + to.expired:>4,}", to.mark(now))
        for to in every[:most]
    ]
    return Block("Outbound", "sent defer lost", "Out", rows)


def queue(picture: Picture, now: float, most: int) -> Block:
    """What waits, by queue."""
    rows = [
        Row(f"{each.latest.mta} {name}", f"{n:,}")
        for each in picture.queues.queues(now)
        for name, n in each.latest.counts.items()
        if n
    ]
    oldest = picture.queues.oldest(now)
    if oldest is not None:
        rows.append(Row("oldest", figures.age(oldest)))
    growth = picture.queues.growth(now)
    if rows and abs(growth) >= 1:
        rows.append(Row("grows" if growth > 0 else "shrinks", f"{abs(growth):,.0f}/min", "!" if growth > 0 else " "))
    return Block("Queue", "messages", "Queue", rows[:most])


BLOCKS = ((reasons, 24), (accounts, 28), (tls, 26), (outbound, 34), (queue, 26))
"""In the order of what matters most; each with the cells that it needs. The first four fit in 120."""


def blocks(picture: Picture, now: float, cells: int, lines: int) -> list[Strip]:
    """As many blocks side by side as there is room for, each in `lines` lines."""
    least = [need for _, need in BLOCKS]
    count = next(n for n in range(len(BLOCKS), 0, -1) if n == 1 or sum(least[:n]) + GAP * (n - 1) <= cells)
    more, rest = divmod(cells - sum(least[:count]) - GAP * (count - 1), count)
    widths = [max(0, need + more + (at >= count - rest)) for at, need in enumerate(least[:count])]
    columns = [
        list(_block(made(picture, now, lines - 1), each, lines))
        for (made, _), each in zip(BLOCKS, widths, strict=False)
    ]
    strips = []
    for parts in zip(*columns, strict=True):
        segments: list[Segment] = []
        for part in parts:
            segments += [*part, Segment(" " * GAP)]
        strips.append(Strip(segments[:-1]).simplify())
    return strips


def _block(block: Block, cells: int, lines: int) -> Iterator[Strip]:
    said = block.figures if block.rows else ""
    yield Strip([Segment(f"  {fill(block.title, cells - len(said) - 2)}{said}", ink.STRONG)])
    rows = block.rows or (Row("nothing yet", ""),)
    for row in rows[: lines - 1]:
        yield _line(row, cells) if block.rows else Strip([Segment(fill(f"  {row.name}", cells), ink.FAINT)])
    for _ in range(lines - 1 - len(rows)):
        yield Strip.blank(cells)


def _line(row: Row, cells: int) -> Strip:
    room = cells - width(row.said) - 3
    return Strip([Segment(f"{row.mark} {fill(clean(row.name), max(0, room))} {row.said}", _INK[row.mark])])


def words(picture: Picture, now: float, cells: int) -> list[Strip]:
    """Two lines: why clients are refused; how TLS is used and what of our mail is in trouble."""
    why = _words(reasons(picture, now, 4), cells)
    how = _words(tls(picture, now, 4), cells // 2)
    out = _trouble(picture, now, cells - width(how) - GAP)
    return [Strip([Segment(why)]), Strip([Segment(fill(how, max(0, cells - width(out))) + out)])]


def _words(block: Block, cells: int) -> str:
    """`Why relay denied 88  unknown user 61`: as many as fit whole."""
    text = block.short
    for row in block.rows:
        more = f"{text}  {clean(row.name)} {row.said.rpartition(' ')[2]}{row.mark.strip()}"
        if width(more) > cells:
            break
        text = more
    return cut(text if block.rows else f"{text}  nothing yet", cells)


def _trouble(picture: Picture, now: float, cells: int) -> str:
    every = [to for to in picture.deliveries.in_order("domain")[:50] if to.mark(now) != " "]
    if not every:
        sent = picture.deliveries.totals["sent"]
        return cut(f"Out  {sent:,} sent", cells) if picture.deliveries.since is not None else ""
    to = max(every, key=lambda one: (one.mark(now) == "x", one.deferred + one.bounced + one.expired))
    figures_ = ((to.deferred, "deferred"), (to.bounced + to.expired, "lost"))
    said = "".join(f" {n:,} {what}" for n, what in figures_ if n) + f" {to.mark(now)}"
    room = cells - width(said) - len("Out  ")
    return f"Out  {cut(clean(to.name), room)}{said}" if room > 3 else ""


class Glance(LinePane):
    """Blocks where there are lines for them, else words."""

    def look(self, picture: Picture, now: float) -> None:
        """Show what is true at `now`."""
        cells, lines = self.size
        if cells:
            self.paint(blocks(picture, now, cells, lines) if lines > 2 else words(picture, now, cells))
