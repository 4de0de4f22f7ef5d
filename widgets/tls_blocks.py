"""The parts of the TLS summary, each a few lines of one width: who was secured how."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from smtpwatch.clean import clean
from smtpwatch.state.tls import Tls
from smtpwatch.state.tls_peers import VERSIONS
from smtpwatch.state.tls_shares import NOTHING, Counts, Kind
from smtpwatch.strength import weaknesses
from widgets import figures, ink
from widgets.cells import cut_middle, fill
from widgets.columns import ARROWS
from widgets.peer_columns import cipher, version

RECENT = 600.0  # seconds that the shares of late are told over
BAR = 8  # cells of a full one
TOP = 5  # ciphers and groups shown
COUNT = 7  # cells of a count: 999,999

MARKS: dict[str, Style | None] = {"x": ink.BAD, "!": ink.WARN, " ": None}

_MODES = ("STARTTLS", "implicit", "none", "failed", "unknown")


def line(cells: int, *parts: str | tuple[str, Style | None]) -> Strip:
    """`parts` (text, or text and style; all safe to show) in exactly `cells` cells, cut with an ellipsis."""
    segments: list[Segment] = []
    room = cells
    for part in parts:
        text, style = (part, None) if isinstance(part, str) else part
        shown = fill(text, min(room, Segment(text).cell_length))
        room -= Segment(shown).cell_length
        segments.append(Segment(shown, style))
    return Strip(segments).adjust_cell_length(cells).simplify()


def title(cells: int, text: str, right: str = "") -> Strip:
    """A block's first line."""
    return line(cells, (fill(text, max(0, cells - len(right))) + right, ink.STRONG))


def count(n: int) -> str:
    """`1,204` at the right of COUNT cells; beyond 999,999 as `1.2M`."""
    return fill(f"{n:,}" if n < 1_000_000 else figures.octets(n), COUNT, right=True)


def bar(part: float) -> str:
    """0..1 as a bar in BAR cells, whole ones: it is to stand still while a share wavers."""
    full = round(part * BAR)
    return fill("▆" * (max(1, full) if part > 0 else 0), BAR)


class Shared(NamedTuple):
    """A block of shares: `pick` is what of a Kind it tells apart, "" for what it leaves out; `names` in their order
    from (all names, sessions of each); `grade` the mark of a name; `least` cells for the name before the bar goes."""

    title: str
    least: int
    pick: Callable[[Kind], str]
    names: Callable[[dict[str, int]], Sequence[str]]
    grade: Callable[[str], str]
    shown: Callable[[str], str]


def _by_count(counts: dict[str, int]) -> Sequence[str]:
    return sorted(counts, key=lambda name: (-counts[name], name))[:TOP]


def _in(order: Iterable[str]) -> Callable[[dict[str, int]], Sequence[str]]:
    known = tuple(order)
    return lambda counts: [
        *(name for name in known if name in counts),
        *sorted(name for name in counts if name not in known)[:TOP],
    ]


def _mode_mark(name: str) -> str:
    return {"none": "!", "failed": "x"}.get(name, " ")


def _mark(weak: Sequence[object]) -> str:
    if not weak:
        return " "
    return "x" if getattr(weak[0], "grade", "") == "broken" else "!"


def _same(name: str) -> str:
    return name


SHARES = (
    Shared("Sessions", 8, lambda kind: kind.mode, _in(_MODES), _mode_mark, _same),
    Shared("Versions", 8, lambda kind: _told(kind, kind.version), _in(reversed(VERSIONS)),
           lambda name: _mark(weaknesses(name, None, None)), version),
    Shared("Ciphers", 30, lambda kind: _told(kind, kind.cipher), _by_count,
           lambda name: _mark(weaknesses(None, name, None, resumed=True)), cipher),
    Shared("Groups", 16, lambda kind: _told(kind, kind.group), _by_count,
           lambda name: _mark(weaknesses(None, None, name)), _same),
)  # fmt: skip


def _told(kind: Kind, name: str) -> str:
    return name if kind.mode in ("STARTTLS", "implicit") else NOTHING


def shares(tls: Tls, recent: Counts, block: Shared, cells: int) -> list[Strip]:
    """The names of one block: share of late as figure and bar, and by direction, share and count since the start."""
    total = _sum(tls.shares.total, block.pick)
    if not total:
        return []
    late = {direction: _sum(recent, block.pick, direction) for direction in ARROWS}
    every = _sum(recent, block.pick)
    fixed = 2 + COUNT + 1 + 5 + 5 * len(late) + 6
    with_bar = cells - fixed - (BAR + 1) >= block.least
    name_cells = max(1, cells - fixed - (BAR + 1) * with_bar)
    heads = fill(" 10 min" if with_bar else "  10m", 5 + (BAR + 1) * with_bar) + "".join(
        fill(ARROWS[d], 5, True) for d in late
    )
    strips = [title(cells, block.title, f"{heads}  ever")]
    for name in block.names(total):
        part = _share(every, name)
        said = f" {fill(_percent(part), 4, True)}"
        if with_bar:
            said += f" {bar(part or 0.0)}"
        said += "".join(fill(_percent(_share(late[direction], name)), 5, True) for direction in late)
        said += fill(_percent(_share(total, name)), 6, True)
        mark = block.grade(name)
        label = fill(cut_middle(clean(block.shown(name)), name_cells), name_cells)
        # The count is what changes most: a line is sent again up to its last change.
        strips.append(line(cells, (f"{mark} ", MARKS[mark]), count(total[name]), (f" {label}", MARKS[mark]), said))
    return strips


def _sum(counts: Counts, pick: Callable[[Kind], str], direction: str | None = None) -> dict[str, int]:
    found: dict[str, int] = {}
    for kind, n in counts.items():
        if direction is None or kind.direction == direction:
            name = pick(kind)
            if name != NOTHING:
                found[name] = found.get(name, 0) + n
    return found


def _share(counts: dict[str, int], name: str) -> float | None:
    return counts.get(name, 0) / sum(counts.values()) if counts else None


def _percent(part: float | None) -> str:
    return "" if part is None else figures.share(part)
