"""The live session table's columns: one tuple says what there is; `layout` says what fits."""

from collections.abc import Callable
from typing import NamedTuple

from smtpwatch.clean import clean
from smtpwatch.state.sessions import Session
from widgets import figures
from widgets.cells import cut, cut_middle, cut_word, fill

REPLY_MAX = 300  # characters of a reply that the table looks at; the transcript has all of it
GAP = 1  # cells between columns

ARROWS = {"inbound": "in", "submission": "sub", "outbound": "out"}

Sortable = tuple[float, str]


class Column(NamedTuple):
    """`text` is what the cell says (not yet cleaned, given the time now), `key` what it is sorted by.

    `least`, `good` and `most` are widths in cells; `rank` 0 is always shown, higher ones go first when room is short.
    `sought` tells whether the filter looks at it, `shorten` how it is cut to fewer cells."""

    title: str
    least: int
    good: int
    most: int
    rank: int
    text: Callable[[Session, float], str]
    key: Callable[[Session, float], Sortable]
    right: bool = False
    descending: bool = False
    sought: bool = True
    shorten: Callable[[str, int], str] = cut


class Placed(NamedTuple):
    """A column that fits, and where."""

    column: Column
    start: int
    cells: int


def mark(session: Session) -> str:
    """x refused or failing, ! oddity, ~ partly seen, else a space."""
    if session.trouble:
        return "x"
    if session.oddities:
        return "!"
    return "~" if session.partial else " "


def client(session: Session, now: float) -> str:
    """The source as an admin would block it; where we are the client, the server that we talk to."""
    return f"→{session.server}" if session.direction == "outbound" else session.source


def state(session: Session, now: float) -> str:
    """The stage of the dialogue; of an ended session, how it ended."""
    return session.stage if session.closed_by is None else session.closed_by


def sender(session: Session, now: float) -> str:
    """MAIL FROM of the transaction under way or of the last one; `<>` for the null sender."""
    current = session.transaction
    if current is None or current.sender is None:
        return ""
    return current.sender or "<>"


def recipients(session: Session, now: float) -> str:
    """Accepted/refused."""
    return f"{session.accepted}/{session.refused}" if session.accepted or session.refused else ""


def tls(session: Session, now: float) -> str:
    """`1.3 X25519`, `failed`, `offered` (the server offers STARTTLS, unused so far) or `none`."""
    facts = session.tls
    if facts is not None:
        if facts.failed is not None:
            return "failed"
        if facts.version is not None:
            return f"{facts.version.removeprefix('TLSv')} {facts.group or ''}".rstrip()
        return "hello"
    return {"none": "none", "refused": "refused"}.get(session.starttls, "offered")


def reply(session: Session, now: float) -> str:
    """The server's last word."""
    return f"{session.last_code or ''} {session.last_reply[:REPLY_MAX]}".strip()


def _worth(session: Session, now: float) -> Sortable:
    return float(" ~!x".index(mark(session))), ""


def _octets(session: Session) -> int:
    return session.octets_client + session.octets_server


def _carried(session: Session, now: float) -> str:
    return figures.octets(_octets(session)) if _octets(session) else ""


def _age(session: Session, now: float) -> float:
    return (session.end if session.stage == "closed" else now) - session.start


def _by(text: Callable[[Session, float], str]) -> Callable[[Session, float], Sortable]:
    return lambda session, now: (0.0, text(session, now))


def _helo(session: Session, now: float) -> str:
    return session.helo or ""


# Age stands before all that stays: a line is sent again up to its last change, so that a session which only grows
# older costs 20 octets a second and not 120.
COLUMNS = (
    Column("", 1, 1, 1, 0, lambda session, now: mark(session), _worth, descending=True, sought=False),
    Column("age", 3, 3, 4, 6, lambda s, now: figures.age(_age(s, now)), lambda s, now: (_age(s, now), ""), right=True,
           descending=True, sought=False),
    Column("client", 15, 15, 39, 0, client, _by(client), shorten=cut_middle),
    Column("port", 4, 4, 6, 7, lambda s, now: f":{s.server_port}", lambda s, now: (s.server_port, "")),
    Column("dir", 3, 3, 3, 5, lambda s, now: ARROWS[s.direction], lambda s, now: (0.0, s.direction)),
    Column("state", 8, 8, 9, 1, state, _by(state)),
    Column("HELO", 9, 14, 24, 4, _helo, _by(_helo)),
    Column("from", 14, 20, 36, 8, sender, _by(sender)),
    Column("ok/no", 5, 5, 7, 2, recipients, lambda s, now: (s.refused, ""), right=True, descending=True),
    Column("TLS", 7, 10, 22, 3, tls, _by(tls), shorten=cut_word),
    Column("bytes", 5, 5, 5, 9, _carried, lambda s, now: (_octets(s), ""), right=True, descending=True, sought=False),
    Column("reply", 14, 20, 80, 0, reply, lambda s, now: (s.last_code or 0, s.last_reply[:REPLY_MAX])),
)  # fmt: skip


def layout(total: int, columns: tuple[Column, ...] = COLUMNS) -> tuple[Placed, ...]:
    """The columns that fit in `total` cells: those of least rank at their least widths; what is left brings them, by
    rank, to widths that do, and then all nearer to the most they can use; the last one gets what remains."""
    room = total + GAP
    widths: dict[Column, int] = {}
    by_rank = sorted(columns, key=lambda column: column.rank)
    for column in by_rank:
        if column.least + GAP > room:
            break
        widths[column] = column.least
        room -= column.least + GAP
    for column in by_rank[: len(widths)]:
        more = min(column.good - column.least, room)
        widths[column] += more
        room -= more
    wish = sum(column.most - column.good for column in widths)
    start = 0
    placed: list[Placed] = []
    for column in columns:
        if column in widths:
            cells = min(column.most, widths[column] + room * (column.most - column.good) // max(wish, 1))
            placed.append(Placed(column, start, cells))
            start += cells + GAP
    last = placed.pop()
    return (*placed, last._replace(cells=total - last.start))


def shown(column: Column, session: Session, now: float) -> str:
    """The cell's whole text, safe to show."""
    return clean(column.text(session, now))


def cell(placed: Placed, session: Session, now: float) -> str:
    """The cell's text in exactly its width."""
    column, _, cells = placed
    return fill(column.shorten(shown(column, session, now), cells), cells, column.right)


def title(placed: Placed, arrow: str) -> str:
    """The header's cell; `arrow` is the glyph of the sort order, or empty."""
    column, _, cells = placed
    return fill(cut(column.title, cells - len(arrow)) + arrow, cells, column.right)
