"""The deliveries table's columns, whether its rows are domains, next hops or reasons."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from smtpwatch.events import Delivery
from smtpwatch.query import Says
from smtpwatch.state.destination import Destination, Kind, Secured
from smtpwatch.state.undelivered import as_ours, said
from widgets import figures
from widgets.cells import cut, cut_middle
from widgets.table_layout import Column, Sortable, by

EXACT = 10_000  # counts below are told in full, others as 12k

TITLES: dict[Kind, str] = {"domain": "domain", "hop": "next hop", "reason": "reason"}


def count(n: int) -> str:
    """`1,203`, `12k`; nothing for none, so that what there is stands out."""
    return "" if not n else f"{n:,}" if n < EXACT else figures.octets(n)


def took(seconds: float | None) -> str:
    """`0.3s`, `59s`, `12m`: a delay."""
    if seconds is None:
        return ""
    return f"{seconds:.1f}s" if seconds < 9.95 else figures.age(seconds)


def version(secured: Secured | None) -> str:
    """`1.3`, `none`, `failed`; "" where nothing tells."""
    if secured is None:
        return ""
    if secured.failed:
        return "failed"
    return secured.version.removeprefix("TLS").lstrip("v") or "none"


def words_of(delivery: Delivery | None) -> str:
    """What the next hop said, or what our server says of it, without the words around."""
    if delivery is None:
        return ""
    words = said(delivery).words
    return words.rpartition(": ")[2] if words.startswith("connect to ") else words


def telling(to: Destination, now: float) -> Delivery | None:
    """The latest delivery; of a destination in trouble the latest that failed."""
    return to.last_failed if to.mark(now) != " " and to.last_failed is not None else to.last


def _name(to: Destination, now: float) -> str:
    return to.name.removesuffix(":25") or "(no domain)"


def _names(to: Destination) -> str:
    """Its own, and those of its next hops, or domains."""
    return " ".join((to.name, *to.others.values))


def _cut_name(text: str, cells: int) -> str:
    """Next hops differ at both ends, in name and port."""
    return cut_middle(text, cells) if "[" in text else cut(text, cells)


def _worth(to: Destination, now: float) -> Sortable:
    return float(" !x".index(to.mark(now))), ""


def _tls(to: Destination, now: float) -> str:
    return version(to.security())


def _connection(to: Destination, now: float) -> str:
    return to.connects()


def _reply(to: Destination, now: float) -> str:
    return words_of(telling(to, now))


def _numbered(value: Callable[[Destination, float], float]) -> Callable[[Destination, float], Sortable]:
    return lambda to, now: (value(to, now), "")


def _median(to: Destination, now: float) -> float:
    return to.delay.quantile(0.5) or 0.0


def _first(kind: Kind) -> Column[Destination]:
    return Column(TITLES[kind], 19, 24, 56, 0, _name, by(_name), seek=_names, shorten=_cut_name,
                  term={"domain": "domain", "hop": "relay", "reason": "reason"}[kind])  # fmt: skip


_MARK: Column[Destination] = Column(
    "", 1, 1, 1, 0, lambda to, now: to.mark(now), _worth, descending=True, sought=False, term="mark"
)
# What changes often is at the left, since a line is sent again up to its last change.
_REST: tuple[Column[Destination], ...] = (
    Column("/min", 4, 4, 4, 6, lambda to, now: figures.rate(to.per_minute(now)) if to.last is not None else "",
           _numbered(lambda to, now: to.per_minute(now)), right=True, descending=True, sought=False),
    Column("sent", 5, 5, 5, 1, lambda to, now: count(to.sent), _numbered(lambda to, now: to.sent), right=True,
           descending=True, sought=False),
    Column("defer", 5, 5, 5, 1, lambda to, now: count(to.deferred), _numbered(lambda to, now: to.deferred), right=True,
           descending=True, sought=False),
    Column("bounce", 6, 6, 6, 1, lambda to, now: count(to.bounced + to.expired),
           _numbered(lambda to, now: to.bounced + to.expired), right=True, descending=True, sought=False),
    Column("wait", 5, 5, 5, 5, lambda to, now: count(to.waiting or 0), _numbered(lambda to, now: to.waiting or 0),
           right=True, descending=True, sought=False),
    Column("delay", 5, 5, 5, 7, lambda to, now: took(to.delay.quantile(0.5)), _numbered(_median), right=True,
           descending=True, sought=False),
    Column("TLS", 6, 6, 6, 4, _tls, by(_tls), sought=False, term="tls"),
    Column("conn", 9, 9, 9, 2, _connection, by(_connection), sought=False),
    Column("last reply", 16, 30, 120, 3, _reply, by(_reply), term="reply"),
)  # fmt: skip

COLUMNS: dict[Kind, tuple[Column[Destination], ...]] = {
    "domain": (_MARK, _first("domain"), *_REST),
    "hop": (_MARK, _first("hop"), *_REST),
    "reason": (_MARK, _first("reason"), *_REST),
}


def _domains(to: Destination) -> Says:
    return to.name if to.kind == "domain" else to.others.values


def _relays(to: Destination) -> Says:
    keys = to.others.values if to.kind == "domain" else (to.name,) if to.kind == "hop" else ()
    return (*keys, *(key.partition("[")[0] for key in keys))


def _reasons(to: Destination) -> Says:
    return (*to.reasons, *filter(None, map(as_ours, to.reasons)))


def _statuses(to: Destination) -> Says:
    counts = (("sent", to.sent), ("deferred", to.deferred), ("bounced", to.bounced), ("expired", to.expired))
    return tuple(name for name, n in counts if n)


FIELDS: Mapping[str, Callable[[Destination], Says]] = {
    "domain": _domains, "relay": _relays, "reason": _reasons, "status": _statuses,
}  # fmt: skip
"""What a filter may ask of a row, of whatever kind it is."""
