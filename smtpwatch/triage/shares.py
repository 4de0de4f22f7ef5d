"""What some sessions have in common: for each thing they can share, the few values that most of them have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from smtpwatch.events import ProcessSeen
from smtpwatch.state.names import domain_of, helo_pattern
from smtpwatch.state.networks import network_of
from smtpwatch.state.origins import Place
from smtpwatch.state.session import Session
from smtpwatch.triage.explain import COVER, MOST

RECIPIENTS = 50  # of one session that are looked at
NOBODY = "(none)"  # of those that have no value: that can be what they share, as no TLS is

Values = Callable[[Session], Iterable[str]]


class Common(NamedTuple):
    """The smallest set of values of `what` that `covers` COVER of the sessions, or as much as MOST of them can: each
    with its share, 0..1, the largest first. `different` counts all values there are."""

    what: str
    parts: tuple[tuple[str, float], ...]
    covers: float
    different: int


def shares(sessions: Sequence[Session], kinds: Sequence[tuple[str, Values]]) -> list[Common]:
    """By each of `kinds`, the best first: who needs the fewest values to cover most of them. Nothing of those that no
    session has a value of."""
    found = [_common(what, [set(values(session)) for session in sessions]) for what, values in kinds]
    told = [common for common in found if common is not None]
    return sorted(told, key=_worth)


def _worth(common: Common) -> tuple[bool, bool, int, float]:
    """What most of them have, before what most of them lack; then by how few values it takes."""
    return common.parts[0][0] == NOBODY, common.covers < COVER, len(common.parts), -common.covers


def _common(what: str, told: list[set[str]]) -> Common | None:
    """Greedy: the value of most sessions, then that of most of those left."""
    holders: dict[str, set[int]] = {}
    for at, values in enumerate(told):
        for value in values or (NOBODY,):
            holders.setdefault(value, set()).add(at)
    if not told or set(holders) == {NOBODY}:
        return None
    ranked = sorted(holders.items(), key=lambda item: -len(item[1]))
    covered: set[int] = set()
    parts: list[tuple[str, float]] = []
    for value, having in ranked[:MOST]:
        if not having <= covered:
            parts.append((value, len(having) / len(told)))
            covered |= having
        if len(covered) >= COVER * len(told):
            break
    return Common(what, tuple(parts), len(covered) / len(told), len(holders))


def kinds(
    place: Callable[[str], Place | None] | None, process: Callable[[Session], ProcessSeen | None]
) -> tuple[tuple[str, Values], ...]:
    """What sessions can share. `place` tells where an address is, `process` whose connection a session was."""

    def at(session: Session) -> Place | None:
        return None if place is None else place(session.source)

    def country(session: Session) -> Iterable[str]:
        found = at(session)
        return (found.country,) if found is not None and found.country else ()

    def system(session: Session) -> Iterable[str]:
        found = at(session)
        return (f"AS{found.asn} {found.org}".rstrip(),) if found is not None and found.asn is not None else ()

    def by_process(session: Session) -> Iterable[str]:
        found = process(session)
        return () if found is None else (f"{found.program or found.name} of {found.user or found.uid}",)

    return (
        ("account", lambda s: (s.account,) if s.account else ()),
        ("address", lambda s: (s.source,)),
        ("network", lambda s: (network_of(s.source),)),
        ("HELO", lambda s: (helo_pattern(s.helo),) if s.helo else ()),
        ("JA4", lambda s: (s.tls.ja4,) if s.tls is not None and s.tls.ja4 else ()),
        ("from domain", _senders),
        ("to domain", _recipients),
        ("ASN", system),
        ("country", country),
        ("refused for", _reasons),
        ("process", by_process),
    )


def _senders(session: Session) -> set[str]:
    return {domain_of(each.sender) for each in session.transactions if each.sender is not None}


def _recipients(session: Session) -> set[str]:
    named = [name for each in session.transactions for name, _ in each.rcpts[:RECIPIENTS] if name]
    return {domain_of(name) for name in named if "@" in name}


def _reasons(session: Session) -> set[str]:
    return {event.blocklist or event.reason for visit in session.visits for event in visit.refused}
