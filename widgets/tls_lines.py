"""The TLS summary: its blocks in one, two or three columns. Each has its place, so that none jumps as others grow."""

from collections.abc import Callable, Sequence
from itertools import chain, zip_longest

from rich.segment import Segment
from textual.strip import Strip

from smtpwatch.state.tls import Tls
from smtpwatch.state.tls_shares import Counts
from widgets.cells import wrap
from widgets.tls_blocks import RECENT, SHARES, line, shares
from widgets.tls_troubles import certificates, failures, headline, logins, losses, servers, sources

LEAST = 56  # cells of a column
GAP = 3  # between columns
NOTHING = (
    "No session has ended yet. TLS is counted as sessions end: from packets, and from the mail log where no packets "
    "are captured."
)

Block = Callable[[Tls, float, Counts, int], list[Strip]]


def _shares(at: int) -> Block:
    return lambda tls, now, recent, cells: shares(tls, recent, SHARES[at], cells)


def _plain(block: Callable[[Tls, float, int], list[Strip]]) -> Block:
    return lambda tls, now, recent, cells: block(tls, now, cells)


_MODES, _VERSIONS, _CIPHERS, _GROUPS = (_shares(at) for at in range(4))
_LOSSES, _FAILURES, _SERVERS = _plain(losses), _plain(failures), _plain(servers)
_LOGINS, _CERTIFICATES = _plain(logins), _plain(certificates)

_PLACES: tuple[tuple[tuple[Block, ...], ...], ...] = (
    ((_MODES, _VERSIONS, _LOGINS, _SERVERS, _FAILURES, _LOSSES, _CERTIFICATES, _CIPHERS, _GROUPS),),
    ((_MODES, _VERSIONS, _LOSSES, _CIPHERS, _GROUPS), (_LOGINS, _SERVERS, _CERTIFICATES, _FAILURES)),
    ((_MODES, _VERSIONS, _CIPHERS, _GROUPS), (_LOSSES, _CERTIFICATES, _LOGINS), (_SERVERS, _FAILURES)),
)
"""For one, two and three columns."""


def tls_lines(tls: Tls, now: float, width: int) -> list[Strip]:
    """All there is to say at `now` (epoch seconds) in lines of `width` cells."""
    if width <= 0:
        return []
    if tls.since is None:
        certificate = certificates(tls, now, width)
        return [*(line(width, text) for text in wrap(NOTHING, width)), *([line(width, "")] * bool(certificate)),
                *certificate]  # fmt: skip
    recent = tls.shares.recent(now, RECENT)
    places = _PLACES[max(1, min(len(_PLACES), (width + GAP) // (LEAST + GAP))) - 1]
    cells = (width - GAP * (len(places) - 1)) // len(places)
    columns = [_column(tls, now, recent, blocks, cells) for blocks in places]
    return [*headline(tls, now, width), *_beside(columns, cells, width), *sources(tls, now, width)]


def _column(tls: Tls, now: float, recent: Counts, blocks: Sequence[Block], cells: int) -> list[Strip]:
    said = [block(tls, now, recent, cells) for block in blocks]
    return list(chain.from_iterable([*each, Strip.blank(cells)] for each in said if each))


def _beside(columns: list[list[Strip]], cells: int, width: int) -> list[Strip]:
    blank, gap = Strip.blank(cells), Strip([Segment(" " * GAP)])
    strips = []
    for row in zip_longest(*columns, fillvalue=blank):
        parts = list(chain.from_iterable((each, gap) for each in row))[:-1]
        strips.append(Strip.join(parts).adjust_cell_length(width).simplify())
    return strips
