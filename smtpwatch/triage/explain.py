"""What stands behind a rise: for each thing that sources have in common, which few of them make it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from smtpwatch.state.party import Dimension, Outcome, Party
from smtpwatch.state.picture import Picture

WINDOW = 60.0  # seconds that "now" means
BEFORE = 3_600.0  # seconds that it is compared with, those of now left out
COVER = 0.8  # of the rise, which the smallest set has to explain
MOST = 200  # members of a set; more explain nothing

_ORDER = (
    Dimension.ACCOUNT, Dimension.ADDRESS, Dimension.NETWORK, Dimension.HELO, Dimension.JA4, Dimension.SENDER_DOMAIN,
    Dimension.RECIPIENT_DOMAIN, Dimension.ASN, Dimension.COUNTRY,
)  # fmt: skip
"""Of those that explain as much with as few, the one that says the most comes first."""


class Part(NamedTuple):
    """One member of a set: its share of the rise, 0..1."""

    party: Party
    share: float


class Cause(NamedTuple):
    """A dimension's smallest set that explains COVER of the rise, or as much of it as it can (`covers`, 0..1)."""

    dimension: Dimension
    parts: tuple[Part, ...]
    covers: float


class Rise(NamedTuple):
    """How often per second now, and in the time before."""

    now: float
    before: float

    @property
    def times(self) -> float:
        """How many times as much."""
        return self.now / self.before if self.before else float("inf")


def rise_of(picture: Picture, now: float, outcomes: Sequence[Outcome]) -> Rise:
    """Of all that clients come to, per second."""
    lately = picture.activity.everyone.count(now, WINDOW, *outcomes)
    usual = max(0, picture.activity.everyone.count(now, BEFORE, *outcomes) - lately)
    return Rise(lately / WINDOW, usual / (BEFORE - WINDOW))


def explain(picture: Picture, now: float, outcomes: Sequence[Outcome]) -> list[Cause]:
    """The causes of a rise, the best first: those that cover it before those that do not, then by how few they are."""
    rise = rise_of(picture, now, outcomes)
    whole = (rise.now - rise.before) * WINDOW
    if whole <= 0:
        return []
    groups = picture.activity.groups
    causes = (_cause(dimension, groups[dimension], now, outcomes, whole) for dimension in _ORDER)
    found = [cause for cause in causes if cause is not None]
    return sorted(found, key=lambda cause: (cause.covers < COVER, len(cause.parts) if cause.covers >= COVER else 0,
                                            -cause.covers if cause.covers < COVER else 0))  # fmt: skip


def _cause(
    dimension: Dimension, parties: Iterable[Party], now: float, outcomes: Sequence[Outcome], whole: float
) -> Cause | None:
    grown = [(_grown(party, now, outcomes), party) for party in parties if party.last >= now - WINDOW]
    grown = sorted((each for each in grown if each[0] > 0), key=lambda each: -each[0])
    parts: list[Part] = []
    covers = 0.0
    for more, party in grown[:MOST]:
        parts.append(Part(party, min(1.0, more / whole)))
        covers += more / whole
        if covers >= COVER:
            break
    return Cause(dimension, tuple(parts), min(1.0, covers)) if parts else None


def _grown(party: Party, now: float, outcomes: Sequence[Outcome]) -> float:
    """How many more there are of it than there would be at its own rate of before."""
    lately = party.history.count(now, WINDOW, *outcomes)
    if not lately:
        return 0.0
    before = party.history.count(now, BEFORE, *outcomes) - lately
    return lately - max(0, before) * WINDOW / (BEFORE - WINDOW)
