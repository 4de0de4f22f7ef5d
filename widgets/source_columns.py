"""The columns of sources, and of groups of them."""

from collections.abc import Callable
from dataclasses import replace

from smtpwatch import clock
from smtpwatch.state.few import Few
from smtpwatch.state.party import Dimension, Outcome, Party
from widgets import figures
from widgets.blocked import Blocked, not_blocked
from widgets.cells import cut, cut_middle, width
from widgets.sparkline import sparkline
from widgets.table_layout import Column, Picked, by

BLOCKED = "■"
"""The mark of a source that is blocked."""


NOW, MINUTE, QUARTER = 10.0, 60.0, 900.0  # seconds over which rates are told
RECENT = 10  # cells of the last minute: 6 s each

BAD_SHARE = 0.5  # of what a source tries; beyond it most of that comes to nothing
FEW_TRIES = 3  # of which nobody is judged


def mark(party: Party) -> str:
    """x mostly refused, or fails to log in; ! some of it is, else a space."""
    bad = party.refused + party.auth_failed
    if not bad:
        return " "
    return "x" if bad >= FEW_TRIES and bad > BAD_SHARE * (bad + party.accepted) else "!"


def against(party: Party) -> str:
    """What speaks against it: `412 refused (relay denied), 121 logins failed`; with the group's name, if it is one."""
    told = []
    if party.refused:
        reasons = fact(party, "reasons")
        why = f" ({reasons.most()[0][0]})" if reasons is not None else ""
        told.append(f"{at_least(party, party.refused)} refused{why}")
    if party.auth_failed:
        told.append(f"{at_least(party, party.auth_failed)} login{'' if party.auth_failed == 1 else 's'} failed")
    if party.abandoned and not told:
        told.append(f"{at_least(party, party.abandoned)} sessions that came to nothing")
    group = f"{party.dimension.value} {party.key}: " if party.dimension not in (None, Dimension.ADDRESS) else ""
    return group + ", ".join(told)


def at_least(party: Party, n: int) -> str:
    """`n`, with a plus where there may have been more before it was followed."""
    return f"{n:,}+" if party.error else f"{n:,}"


def recent(party: Party, now: float) -> list[int]:
    """Outcomes in each of the last 60 seconds."""
    series = [party.history.buckets(now, 0, outcome) for outcome in Outcome]
    return [sum(second) for second in zip(*series, strict=True)]


def top(few: Few | None) -> str:
    """The most frequent value, and how many more there are."""
    if few is None:
        return ""
    (value, _), *others = few.most()
    return f"{value} +{len(others)}" if others else value


def every(few: Few | None) -> str:
    """All that are known."""
    return "" if few is None else " ".join(few.values)


def country(party: Party, now: float) -> str:
    """Where it is; of a group only where that is what it is a group by."""
    if party.facts is not None:
        return party.facts.country
    return party.key if party.dimension is Dimension.COUNTRY else ""


def network(party: Party, now: float) -> str:
    """Who holds the network that it is in, and its number."""
    if party.facts is None:
        return party.label
    number = f"AS{party.facts.asn}" if party.facts.asn is not None else ""
    return f"{party.facts.org} {number}".strip()


def _of_network(party: Party, now: float) -> tuple[str, int] | None:
    """What the cell stands for in a filter."""
    if party.dimension is Dimension.ASN:
        return "asn", int(party.key.removeprefix("AS"))
    return None if party.facts is None or party.facts.asn is None else ("asn", party.facts.asn)


def members(party: Party, now: float) -> str:
    """How many sources; `~` before an estimate."""
    if party.members is None:
        return ""
    return f"{'' if party.members.exact else '~'}{figures.octets(len(party.members))}"


def tls(party: Party, now: float) -> str:
    """The version that most of its sessions with TLS have, or how many have any."""
    if party.facts is not None and party.facts.versions is not None:
        return top(party.facts.versions).replace("TLSv", "")
    return f"{party.tls:,}" if party.tls else "none" if party.sessions else ""


def fact(party: Party, kind: str) -> Few | None:
    """What is known of it of that kind (Facts); of a group, nothing itself."""
    return None if party.facts is None else getattr(party.facts, kind)


def rate(party: Party, now: float, window: float) -> float:
    """Outcomes per second; most parties did nothing of late, which costs no more than to see that."""
    return party.rate(now, window) if now - party.last <= window + 1 else 0.0


def _rate(party: Party, now: float, window: float) -> str:
    per_second = rate(party, now, window)
    return figures.rate(per_second) if per_second else ""


def _spark(party: Party, now: float) -> str:
    return sparkline(recent(party, now), RECENT) if now - party.last <= MINUTE + 1 else ""


def _count(party: Party, n: int) -> str:
    return at_least(party, n) if n else ""


def _key(party: Party, now: float) -> str:
    return party.key


def _shorten(text: str, cells: int) -> str:
    """A network that does not fit goes without its number first."""
    return text if width(text) <= cells else cut(text.rpartition(" AS")[0] or text, cells)


def _pick_tls(party: Party, now: float) -> Picked | None:
    few = fact(party, "versions")
    if few is not None:
        return "tls", few.most()[0][0].removeprefix("TLSv")
    return None if party.tls or not party.sessions else ("tls", "none")


def _top(title: str, least: int, most: int, rank: int, kind: str, field: str) -> Column[Party]:
    """A column for the most frequent of what is known of that kind."""

    def pick(party: Party, now: float) -> tuple[str, str] | None:
        few = fact(party, kind)
        return None if few is None else (field, few.most()[0][0])

    return Column(
        title, least, least, most, rank,
        lambda party, now: top(fact(party, kind)),
        lambda party, now: (0.0, top(fact(party, kind))),
        seek=lambda party: every(fact(party, kind)),
        pick=pick,
    )  # fmt: skip


def _number(title: str, cells: int, rank: int, n: Callable[[Party], int], term: str = "") -> Column[Party]:
    """A column for a count."""
    return Column(
        title, cells, cells, cells + 2, rank,
        lambda party, now: _count(party, n(party)),
        lambda party, now: (n(party), ""),
        right=True, descending=True, sought=False, term=term,
    )  # fmt: skip


def _per_second(title: str, rank: int, window: float, term: str = "") -> Column[Party]:
    cells = max(5, len(title))
    return Column(
        title, cells, cells, cells, rank,
        lambda party, now: _rate(party, now, window),
        lambda party, now: (rate(party, now, window), ""),
        right=True, descending=True, sought=False, term=term,
    )  # fmt: skip


_MARK: Column[Party] = Column(
    "", 1, 1, 1, 0, lambda party, now: mark(party),
    lambda party, now: (float(" !x".index(mark(party))), ""), descending=True, sought=False,
    pick=lambda party, now: ("mark", mark(party).strip()),
)  # fmt: skip
_LAST: Column[Party] = Column(
    "last", 4, 4, 4, 7, lambda party, now: figures.age(now - party.last), lambda party, now: (-party.last, ""),
    right=True, sought=False, pick=lambda party, now: ("age", now - party.last),
)  # fmt: skip
_FIRST: Column[Party] = Column(
    "first", 8, 8, 8, 13, lambda party, now: clock.of_day(party.first), lambda party, now: (party.first, ""),
    sought=False,
)  # fmt: skip
_RATES = (
    _per_second("/s", 2, NOW, "rate"),
    Column("last 60 s", RECENT, RECENT, RECENT, 4, _spark, lambda party, now: (rate(party, now, MINUTE), ""),
           descending=True, sought=False),
    _per_second("/s 1m", 6, MINUTE),
    _per_second("/s 15m", 9, QUARTER),
)  # fmt: skip
_COUNTS = (
    _number("ok", 5, 0, lambda party: party.accepted, "accepted"),
    _number("ref", 6, 0, lambda party: party.refused, "refused"),
    _number("auth", 6, 0, lambda party: party.auth_failed, "auth"),
    _number("none", 5, 12, lambda party: party.abandoned),
    _number("sess", 6, 8, lambda party: party.sessions, "sessions"),
    _number("open", 5, 5, lambda party: party.open),
)

_NETWORK: Column[Party] = Column("network", 12, 14, 28, 3, network, by(network), shorten=_shorten, pick=_of_network)
_PLACE: tuple[Column[Party], ...] = (Column("cc", 2, 2, 2, 1, country, by(country), term="cc"), _NETWORK)
_NO_PLACE: tuple[Column[Party], ...] = (replace(_NETWORK, title="no geo db", least=9, good=9, most=9),)

_SOURCES: tuple[Column[Party], ...] = (
    *_RATES,
    *_COUNTS,
    _top("why", 13, 20, 10, "reasons", "reason"),
    _top("account", 10, 20, 11, "accounts", "account"),
    _top("HELO", 12, 24, 14, "helos", "helo"),
    _top("from", 16, 28, 15, "senders", "from"),
    _top("to", 16, 28, 16, "recipients", "to"),
    Column("TLS", 4, 6, 8, 17, tls, by(tls), pick=_pick_tls),
    _FIRST,
)  # fmt: skip


def source_columns(
    located: bool, host: Callable[[str], str] | None, blocked: Blocked = not_blocked
) -> tuple[Column[Party], ...]:
    """Of single addresses. `located`: there is a geo database; `host` gives an address's name, if names are looked up.

    What changes all the time stands left of what hardly does, since a line is sent again up to its last change."""
    named: tuple[Column[Party], ...] = ()
    if host is not None:

        def name(party: Party, now: float) -> str:
            return host(party.key)

        named = (Column("name", 20, 24, 40, 11, name, by(name), term="name"),)
    source: Column[Party] = Column("source", 15, 18, 39, 0, _key, by(_key), shorten=cut_middle, term="src")

    def marked(party: Party, now: float) -> str:
        return mark(party) if blocked(party.key) is None else BLOCKED

    return (replace(_MARK, text=marked), _LAST, source, *(_PLACE if located else _NO_PLACE), *_SOURCES, *named)


_GROUPS: tuple[Column[Party], ...] = (
    Column("sources", 7, 7, 7, 1, members, lambda party, now: (len(party.members or ()), ""), right=True,
           descending=True, sought=False),
    *_RATES,
    *_COUNTS,
    Column("TLS", 5, 5, 6, 14, tls, by(tls), right=True, sought=False),
    _FIRST,
)  # fmt: skip


def group_columns(dimension: Dimension, offenders: Callable[[str], str]) -> tuple[Column[Party], ...]:
    """Of groups by that; `offenders` tells of a network which part of it holds them."""
    group: Column[Party] = Column(dimension.value, 18, 24, 44, 0, _key, by(_key), shorten=cut_middle)
    more: tuple[Column[Party], ...] = ()
    if dimension is Dimension.ASN:
        more = (_NETWORK,)
    elif dimension is Dimension.NETWORK:

        def within(party: Party, now: float) -> str:
            return offenders(party.key)

        more = (Column("offenders in", 22, 24, 40, 3, within, by(within), sought=False),)
    return (_MARK, _LAST, group, *more, *_GROUPS)
