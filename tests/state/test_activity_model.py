"""Who does what, against random hosts that know: each outcome once, whoever tells it, in whatever order."""

from __future__ import annotations

import heapq
import random
from collections import Counter
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import Literal, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from smtpwatch import events as ev
from smtpwatch.state.party import Dimension, Party
from smtpwatch.state.picture import Picture
from tests.state.doings import NOW, PROXY, Log, Wire, flat, outcomes, shed

SOURCES = (
    *(f"203.0.{third}.{last}" for third in (112, 113) for last in (1, 2, 3)),
    "2001:db8::1",
    "2001:db8::2",
)
Kind = Literal["clear", "joined", "dark", "untold", "log", "shed"]


@dataclass(frozen=True)
class Doing:
    """One session: `kind` is who tells of it (joined: both, in clear; dark: both, under TLS; untold: under TLS without
    a log), `late` by how many seconds its lines come too late, or
    too early, as whole seconds do."""

    kind: Kind
    source: int
    start: float
    lasts: float
    late: float
    proxied: bool
    accepted: int
    turned_down: int
    refused: int
    failed: int


doings = st.builds(
    Doing,
    kind=st.sampled_from(("clear", "joined", "dark", "untold", "log", "shed")),
    source=st.integers(0, len(SOURCES) - 1),
    start=st.floats(0, 20),
    lasts=st.floats(0.01, 6),
    late=st.sampled_from((-0.8, 0.0, 0.1, 1.0, 4.0)),
    proxied=st.booleans(),
    accepted=st.sampled_from((0, 0, 0, 1, 3)),
    turned_down=st.sampled_from((0, 0, 1)),
    refused=st.sampled_from((0, 0, 0, 1, 2, 120)),
    failed=st.sampled_from((0, 0, 1, 130)),
)


class Place(NamedTuple):
    """Where an address is."""

    country: str
    asn: int | None
    org: str


def place(address: str) -> Place | None:
    return None if ":" in address else Place("AT" if address.endswith("1") else "DE", 64_500, "Example")


def truth(doing: Doing) -> tuple[int, ...]:
    """Its outcomes, as far as anybody tells them."""
    if doing.kind == "untold":
        return (0, 0, 0, 0)
    told = doing.accepted, doing.refused + doing.turned_down, doing.failed
    return (*told, int(doing.kind != "shed" and not any(told)))


def wire_of(doing: Doing, number: int) -> list[tuple[float, ev.Event]]:
    proxied = doing.proxied and doing.kind in ("clear", "untold")
    start, step = NOW + doing.start, doing.lasts / 10
    wire = Wire(number, PROXY if proxied else SOURCES[doing.source], 40_000 + number, start)
    told: list[ev.Event] = [wire.opened]
    if proxied:
        told.append(wire.named(start, SOURCES[doing.source]))
    told += flat(wire.greeting(start + step), wire.hello(start + step, f"mail{number}.example.net"))
    if doing.kind in ("dark", "untold"):
        told.append(wire.tls(start + 2 * step))
    else:
        told += [wire.refused(start + 3 * step)] * doing.refused
        told += [wire.auth(start + 4 * step)] * doing.failed
        told += flat(*(wire.taken(start + 5 * step, "a@example.net", "b@example.org") for _ in range(doing.accepted)))
        no = (None, True, "rejected", 550, "5.7.1", "Spam", None, 0, 0, 9)
        told += [wire.of(ev.MessageDecided, start + 6 * step, *no) for _ in range(doing.turned_down)]
    told.append(wire.closed(start + doing.lasts))
    return [(event.time, event) for event in told]


def log_of(doing: Doing, number: int) -> list[tuple[float, ev.Event]]:
    start, step = NOW + doing.start, doing.lasts / 10
    log = Log(number, SOURCES[doing.source], 40_000 + number, whole=False)
    told = flat(
        log.connected(start + step),
        [log.refused(start + 3 * step)] * doing.refused,
        [log.tried(start + 4 * step)] * doing.failed,
        *(log.queued(start + 5 * step, f"{number:X}A{n:X}") for n in range(doing.accepted)),
        *(log.turned_down(start + 6 * step, f"{number:X}B{n:X}") for n in range(doing.turned_down)),
        log.gone(start + 9 * step),
    )
    return [(event.time + doing.late, event) for event in told]


def told(plan: list[Doing]) -> list[ev.Event]:
    """All that is told, in the order in which it is."""
    stories: list[list[tuple[float, ev.Event]]] = []
    for number, doing in enumerate(plan, 1):
        if doing.kind == "shed":
            counts = {"accepted": doing.accepted, "refused": doing.refused + doing.turned_down, "failed": doing.failed}
            tally = shed(NOW + doing.start + doing.lasts, SOURCES[doing.source], sessions=1, **counts)
            stories.append([(tally.time, tally)])
            continue
        if doing.kind != "log":
            stories.append(wire_of(doing, number))
        if doing.kind in ("joined", "dark", "log"):
            stories.append(log_of(doing, number))
    return [event for _, event in heapq.merge(*stories, key=itemgetter(0))]


def summed(parties: list[Party]) -> tuple[int, ...]:
    return tuple(map(sum, zip(*map(outcomes, parties), strict=True))) if parties else (0, 0, 0, 0)


def check(plan: list[Doing], made: Picture) -> None:
    activity = made.activity
    every = list(chain.from_iterable(activity.groups.values())) + list(activity.totals.values())
    assert {party.open for party in every} <= {0}
    assert {party.error for party in every} <= {0}
    sessions: Counter[str] = Counter(SOURCES[doing.source] for doing in plan)
    expected: dict[str, tuple[int, ...]] = {}
    for doing in plan:
        source = SOURCES[doing.source]
        expected[source] = tuple(map(sum, zip(expected.get(source, (0,) * 4), truth(doing), strict=True)))
    assert {party.key: outcomes(party) for party in activity.sources} == expected
    assert {party.key: party.sessions for party in activity.sources} == sessions
    whole = tuple(map(sum, zip(*map(truth, plan), strict=True))) if plan else (0, 0, 0, 0)
    assert summed(list(activity.totals.values())) == whole
    assert sum(total.sessions for total in activity.totals.values()) == len(plan)
    assert summed(list(activity.groups[Dimension.NETWORK])) == whole
    located = [party for party in activity.sources if ":" not in party.key]
    for dimension in (Dimension.COUNTRY, Dimension.ASN):
        assert summed(list(activity.groups[dimension])) == summed(located)
    for dimension in (Dimension.NETWORK, Dimension.COUNTRY, Dimension.ASN):
        assert sum(len(party.members or ()) for party in activity.groups[dimension]) == len(
            activity.sources if dimension is Dimension.NETWORK else located
        )
    for party in every:
        assert party.rejected + party.deferred <= party.refused
        assert party.weight == party.sessions + sum(outcomes(party))


@settings(max_examples=150, deadline=None)
@given(st.lists(doings, max_size=12))
def test_each_outcome_once(plan: list[Doing]) -> None:
    made = Picture(place)
    made.apply(told(plan))
    made.finish()
    check(plan, made)


def test_a_crowd() -> None:
    """Hundreds of sessions, so many that the latest that ended are not all remembered."""
    draw = random.Random(8)
    plan = [
        Doing(
            draw.choice(("clear", "joined", "dark", "untold", "log", "shed")), draw.randrange(len(SOURCES)),
            draw.random() * 4, draw.random() * 3, draw.choice((0.0, 0.1, 4.0)), draw.random() < 0.3,
            draw.choice((0, 0, 1)), draw.choice((0, 0, 0, 1)), draw.choice((0, 0, 1)), draw.choice((0, 0, 1)),
        )
        for _ in range(6_000)
    ]  # fmt: skip
    made = Picture(place)
    made.apply(told(plan))
    made.finish()
    assert len(made.sessions.recent) == 2_000
    check(plan, made)
