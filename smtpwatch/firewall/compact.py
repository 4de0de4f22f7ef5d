"""Neighbours that are blocked one by one, as one network: fewer to look through, for us and for the kernel."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from smtpwatch.firewall.block import Block, Scope
from smtpwatch.firewall.guard import WIDEST
from smtpwatch.firewall.prefixes import Network

LEAST = 3  # blocks that are worth one network
DENSE = 4  # at least one in so many of its addresses is blocked already; of IPv6, of its /64s
WIDE = {4: 24, 6: 48}
"""The widest networks that are made of neighbours."""
UNITS = {4: 32, 6: 64}


class Merged(NamedTuple):
    """One network in place of several; it lasts as long as the longest of them, `until` None: until removed."""

    network: Network
    scope: Scope
    parts: tuple[Network, ...]
    until: float | None


def candidates(blocks: Iterable[Block]) -> list[Merged]:
    """Every network that several blocks could become, wider ones before those in them. They may overlap: `chosen` picks
    from them."""
    found: list[Merged] = []
    for scope in ("smtp", "all"):
        same = list(blocks_of(blocks, scope))
        for version in (4, 6):
            near: dict[Network, list[Block]] = {}
            for block in same:
                if block.network.version == version and block.network.prefixlen > WIDE[version]:
                    near.setdefault(block.network.supernet(new_prefix=WIDE[version]), []).append(block)
            for group in near.values():
                found += _within(group, scope)
    return found


def blocks_of(blocks: Iterable[Block], scope: Scope | str) -> Iterator[Block]:
    """Those for these ports that are not on probation."""
    return (block for block in blocks if block.scope == scope and block.kept)


def _within(group: list[Block], scope: Scope | str) -> Iterator[Merged]:
    """The smallest network that holds all of a group, and then of each of its halves."""
    if len(group) < LEAST:
        return
    group = sorted(group, key=lambda block: block.network.network_address)
    network = group[0].network
    while not all(_holds(network, block.network) for block in group):
        network = network.supernet()
    units = UNITS[network.version]
    inside = sum(2 ** max(0, units - block.network.prefixlen) for block in _outermost(group))
    if inside * DENSE >= 2 ** max(0, units - network.prefixlen) and network.prefixlen >= WIDEST[network.version]:
        ends = [block.until for block in group]
        until = None if None in ends else max(end for end in ends if end is not None)
        yield Merged(network, "all" if scope == "all" else "smtp", tuple(block.network for block in group), until)
    for half in network.subnets() if network.prefixlen < units else ():
        part = [block for block in group if block.network != network and _holds(half, block.network)]
        if len(part) < len(group):
            yield from _within(part, scope)


def _outermost(group: list[Block]) -> Iterator[Block]:
    """Without those that lie in another: they are counted with it."""
    networks = {block.network for block in group}
    for block in group:
        wider = block.network
        while wider.prefixlen > WIDE[wider.version] and (wider := wider.supernet()) not in networks:
            pass
        if wider == block.network or wider not in networks:
            yield block


def _holds(network: Network, other: Network) -> bool:
    return other.prefixlen >= network.prefixlen and other.network_address in network


def chosen(merged: Iterable[Merged], unsafe: Collection[Network]) -> list[Merged]:
    """The widest of them that are safe, none of which shares a block with another."""
    taken: set[tuple[Scope, Network]] = set()
    picked: list[Merged] = []
    for each in merged:
        parts = {(each.scope, part) for part in each.parts}
        if each.network not in unsafe and not parts & taken and each.parts != (each.network,):
            taken |= parts
            picked.append(each)
    return picked
