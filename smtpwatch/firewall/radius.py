"""What a block would hit, by what the screen knows: live sessions, offenders, and a smaller network that would do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import ip_network
from typing import NamedTuple

from smtpwatch.firewall.evidence import offends, sources_in
from smtpwatch.firewall.prefixes import Network, as_network, is_single
from smtpwatch.state.activity import Activity


class Radius(NamedTuple):
    """`open` sessions are live, `refused` of them those of sources that are mostly refused, of which there are
    `offenders`; `smaller` holds `covered` of these and nobody whose mail was taken. None: there is none."""

    open: int
    refused: int
    offenders: int
    smaller: Network | None
    covered: int


def radius(activity: Activity, networks: Sequence[Network]) -> Radius:
    """Of a block of these networks."""
    parties = [party for _network, party in sources_in(activity, networks)]
    offenders = [party for party in parties if offends(party)]
    smaller, covered = None, 0
    if len(networks) == 1 and not is_single(networks[0]) and len(offenders) < len(parties):
        good = [as_network(party.key) for party in parties if party.accepted and not offends(party)]
        smaller, covered = best(networks[0], [as_network(party.key) for party in offenders], good)
    live, refused = sum(party.open for party in parties), sum(party.open for party in offenders)
    return Radius(live, refused, len(offenders), smaller, covered)


def best(network: Network, bad: Sequence[Network], good: Iterable[Network]) -> tuple[Network | None, int]:
    """The part of a network with the most of the bad and none of the good, and how many it holds; of several the
    narrowest. None if no part holds two."""
    bits, taken = network.max_prefixlen, [int(each.network_address) for each in good]
    numbers = [int(each.network_address) for each in bad]
    chosen: tuple[int, int, int] | None = None
    for length in range(network.prefixlen + 1, bits + 1):
        spoilt = {number >> (bits - length) for number in taken}
        counts: dict[int, int] = {}
        for number in numbers:
            prefix = number >> (bits - length)
            if prefix not in spoilt:
                counts[prefix] = counts.get(prefix, 0) + 1
        for prefix, count in counts.items():
            if count > 1 and (chosen is None or (count, length) > chosen[:2]):
                chosen = count, length, prefix
    if chosen is None:
        return None, 0
    count, length, prefix = chosen
    first = (prefix << (bits - length)).to_bytes(bits // 8, "big")
    return ip_network((first, length)), count
