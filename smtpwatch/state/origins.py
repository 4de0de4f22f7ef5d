"""Where sources come from: what an address alone decides of the groups that it is in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from smtpwatch.state.heavy import Heavy
from smtpwatch.state.networks import network_of
from smtpwatch.state.party import Dimension, Facts, Party


class Place(Protocol):
    """Where an address is (smtpwatch/lookup/geo.py)."""

    @property
    def country(self) -> str:
        """ISO 3166 code, "" if unknown."""

    @property
    def asn(self) -> int | None:
        """Number of the network it is announced by."""

    @property
    def org(self) -> str:
        """Who holds that number."""


class Origins:
    """Follows sources, and their networks, countries and ASNs, in `groups`. `place` tells where an address is."""

    def __init__(self, groups: Mapping[Dimension, Heavy[Party]], place: Callable[[str], Place | None] | None) -> None:
        self._groups = groups
        self._place = place

    def of(self, source: str, time: float) -> tuple[Party, ...]:
        """The source, which is there at `time`, and the groups that its address alone decides."""
        party = self._groups[Dimension.ADDRESS].touch(source)
        facts = party.facts
        assert facts is not None  # nosec: each source has
        if not party.first:
            party.seen(time)
        for group in facts.groups:
            if not group.held:
                break
        else:
            if facts.groups:
                return (party, *facts.groups)
        facts.groups = self._found(source, facts)
        return (party, *facts.groups)

    def _found(self, source: str, facts: Facts) -> tuple[Party, ...]:
        if not facts.network:
            facts.network = network_of(source)
            place = self._place(source) if self._place is not None else None
            if place is not None:
                facts.country, facts.asn, facts.org = place.country, place.asn, place.org
        found = [self._groups[Dimension.NETWORK].touch(facts.network)]
        if facts.country:
            found.append(self._groups[Dimension.COUNTRY].touch(facts.country))
        if facts.asn is not None:
            found.append(self._groups[Dimension.ASN].touch(f"AS{facts.asn}"))
            found[-1].label = facts.org
        for group in found:
            group.join(source)
        return tuple(found)
