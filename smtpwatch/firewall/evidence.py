"""What the traffic says against a block: good mail from there, a proxy in between, a provider of many."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from socket import AF_INET, AF_INET6, inet_pton
from typing import NamedTuple

from smtpwatch.firewall.guard import Finding, Protected
from smtpwatch.firewall.prefixes import Network, NetworkError, Prefixes, as_network, is_single, shown
from smtpwatch.firewall.providers import PROVIDERS
from smtpwatch.state.activity import Activity
from smtpwatch.state.history import ZOOMS
from smtpwatch.state.origins import Place
from smtpwatch.state.party import Outcome, Party

DAY = len(ZOOMS) - 1  # the widest zoom
GOOD_HOURS = 4
SHOWN = 3  # accounts that are named
FEW = 3  # refusals of which nobody is judged
SCANNED = 20  # single addresses that are looked up one by one; for more, all sources are gone through once

LOCATED = 1_000  # networks that are looked up in the geo database, 20 us each

Name = Callable[[str], str]
"""The confirmed name of an address, "" for none."""

Locate = Callable[[str], Place | None]
"""Where an address is."""


class Good(NamedTuple):
    """A source whose mail was taken of late."""

    network: Network
    """Of those asked about, the one that it is in."""
    address: str
    accepted: int


def _no_name(address: str) -> str:
    return ""


def _nowhere(address: str) -> None:
    return None


def proxies(activity: Activity) -> Iterator[Protected]:
    """Addresses that have named other clients: a proxy's mail is that of many."""
    for address in activity.proxies:
        try:
            yield Protected(as_network(address), "proxy", "a proxy that names the real clients")
        except NetworkError:
            continue


def against(
    activity: Activity, networks: Sequence[Network], now: float, name: Name = _no_name, locate: Locate = _nowhere
) -> list[Finding]:
    """All of it, for each network, in the order in which it matters."""
    found: list[Finding] = []
    good: dict[Network, list[Good]] = {}
    providers: dict[tuple[Network, int], None] = {}
    for network, party in sources_in(activity, networks):
        facts = party.facts
        if facts is not None and facts.via:
            says = (
                f"{party.key} comes through the proxy {facts.via}: packets here have the proxy's address, not that one"
            )
            found.append(Finding(network, "via proxy", says))
        if facts is not None and facts.asn in PROVIDERS:
            providers[network, facts.asn] = None
        if party.passed and not offends(party):
            found.append(Finding(network, "logins", _logins(party)))
        accepted = recent(party, now, Outcome.ACCEPTED)
        if accepted and not offends(party):
            good.setdefault(network, []).append(Good(network, party.key, accepted))
    for network in networks[:LOCATED]:
        place = locate(str(network.network_address))
        if place is not None and place.asn in PROVIDERS:
            providers[network, place.asn] = None
    found += [_good(network, each, name) for network, each in good.items()]
    found += [_provider(network, asn) for network, asn in providers]
    return found


def offends(party: Party) -> bool:
    """Most of what it tries comes to nothing: what little of it is taken makes it no good sender."""
    bad = party.refused + party.auth_failed
    return bad >= FEW and bad > party.accepted


def recent(party: Party, now: float, outcome: Outcome) -> int:
    """Outcomes of the last GOOD_HOURS, with the quarter of an hour that is not over."""
    seconds = ZOOMS[DAY].seconds
    return sum(party.history.buckets(now + seconds, DAY, outcome)[-GOOD_HOURS * 3600 // seconds - 1 :])


def _good(network: Network, good: list[Good], name: Name) -> Finding:
    best = max(good, key=lambda each: each.accepted)
    accepted = f"{best.accepted:,} message{'s' if best.accepted != 1 else ''} accepted in the last {GOOD_HOURS} h"
    if is_single(network):
        return Finding(network, "good mail", f"{shown(network)}: {accepted}")
    others = f"{len(good):,} sources in {network} have" if len(good) > 1 else f"1 source in {network} has"
    named = f"{best.address} {name(best.address)}".rstrip()
    return Finding(network, "good mail", f"{others} good mail: {named} ({accepted})")


def _logins(party: Party) -> str:
    accounts = party.facts.accounts if party.facts is not None else None
    names = [name for name, _ in accounts.most()] if accounts is not None else []
    whose = f" ({', '.join(names[:SHOWN])}{' and others' if names[SHOWN:] else ''})" if names else ""
    return f"{party.key}: {party.passed:,} login{'' if party.passed == 1 else 's'} succeeded from there{whose}"


def _provider(network: Network, asn: int) -> Finding:
    return Finding(
        network, "provider", f"{shown(network)} is {PROVIDERS[asn]}, AS{asn}: others' mail comes from there too"
    )


def sources_in(activity: Activity, networks: Sequence[Network]) -> Iterator[tuple[Network, Party]]:
    """The sources that are in one of the networks, each with the narrowest of them."""
    asked: Prefixes[None] = Prefixes()
    for network in networks:
        asked.put(network, None)
    if len(asked) <= SCANNED and all(is_single(network) for network in asked):
        for network in asked:
            party = activity.sources.get(str(network.network_address))
            if party is not None:
                yield network, party
        return
    for party in list(activity.sources):
        network_ = _holding(asked, party.key)
        if network_ is not None:
            yield network_, party


def _holding(asked: Prefixes[None], address: str) -> Network | None:
    version, family = (6, AF_INET6) if ":" in address else (4, AF_INET)
    try:  # a tenth of what ipaddress takes, and there are ten thousand
        return asked.holding(version, int.from_bytes(inet_pton(family, address), "big"))
    except OSError:
        return None
