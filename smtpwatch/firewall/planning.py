"""What an act would do, and what the journal and the firewall would be told of it; nothing is done here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec

from smtpwatch.firewall.backend import Backend, Change, Wanted
from smtpwatch.firewall.block import PROBATION, Scope, bounded, escalated
from smtpwatch.firewall.guard import Guard
from smtpwatch.firewall.journal import Blocking, Unblocking, new_act
from smtpwatch.firewall.ledger import Ledger
from smtpwatch.firewall.prefixes import Network
from smtpwatch.firewall.request import Answer, Outcome, Request
from smtpwatch.firewall.who import Who

SLACK = 3.0  # seconds after its end within which the firewall may still hold a block


class Actor(NamedTuple):
    """Who acts: a user, and the process that acts for them."""

    who: Who
    pid: int


class Plan(NamedTuple):
    """What an act would do: its answer, if all goes well, and what the firewall and the journal would be told."""

    answer: Answer
    change: Change
    record: Blocking | Unblocking
    elsewhere: dict[str, Change]
    """What is to be taken out of other firewalls than ours, by their names."""


class Planner:
    """By what the ledger and, at this moment, a guard know."""

    def __init__(
        self,
        backend: Backend,
        ledger: Ledger,
        guard: Callable[[], Guard],
        ports: tuple[int, ...],
        actor: Actor,
        clock: Callable[[], float],
    ) -> None:
        self._backend = backend
        self._ledger = ledger
        self._guard = guard
        self._ports = ports
        self._actor = actor
        self._clock = clock

    def block(self, request: Request) -> Plan:
        """Of `Acts.block`."""
        if not self._backend.keeps_time:
            request = msgspec.structs.replace(
                request, scope="smtp", seconds=None, usual=False, times={}, keep=request.sure
            )
        found = dict.fromkeys((*self._guard().judge(request.networks), *request.findings))
        findings = tuple(sorted(found, key=lambda finding: not finding.refuses))
        refused = {finding.network for finding in findings if finding.refuses}
        networks = tuple(network for network in dict.fromkeys(request.networks) if network not in refused)
        now, act = self._clock(), new_act()
        scopes = {network: self._wide(network, request, now) for network in networks}
        settled = {network for network in networks if self._kept(network, scopes[network], now)}
        risky = any(finding.network not in refused | settled for finding in findings)
        outcome: Outcome = "refused" if not networks else "asks" if risky and not request.sure else "applied"
        times = {network: self._time(network, request, now) for network in networks}
        probation = PROBATION if risky and not request.keep else None
        record = Blocking(
            act=act, time=now, who=self._actor.who.name, uid=self._actor.who.uid, pid=self._actor.pid,
            backend=self._backend.name, networks={str(network): time for network, time in times.items()},
            probation=probation, scope=request.scope, ports=self._ports, why=request.why,
            findings=tuple(finding.says for finding in findings if finding.network not in refused),
            wide=tuple(str(network) for network, scope in scopes.items() if scope != request.scope),
            undoes=request.undoes, again=request.again,
        )  # fmt: skip
        wanted = tuple(
            Wanted(
                network,
                scopes[network],
                time if probation is None or network in settled else probation,
                act,
                self._there(network, now),
            )
            for network, time in times.items()
        )
        ends = [now + each.seconds for each in wanted if each.seconds is not None]
        answer = Answer(
            outcome, networks, findings, act=act, seconds=tuple(times.values()), until=min(ends, default=None),
            probation=probation is not None,
        )  # fmt: skip
        elsewhere, _ours = self._apart([(network, scope) for network in networks for scope in self._stands(network)])
        return Plan(answer, self._change(wanted), record, elsewhere)

    def unblock(self, networks: Iterable[Network], why: str = "") -> Plan:
        """Of `Acts.unblock`. Networks that are not blocked are left out."""
        now, act = self._clock(), new_act()
        gone = [(network, self._ledger.scope(network)) for network in networks if self._ledger.lasting(network, now)]
        let_in = tuple(network for network, _scope in gone)
        record = Unblocking(
            act=act, time=now, who=self._actor.who.name, uid=self._actor.who.uid, pid=self._actor.pid,
            backend=self._backend.name, networks=tuple(map(str, let_in)), why=why,
        )  # fmt: skip
        elsewhere, ours = self._apart(gone)
        change = Change(self._ports, (), tuple(ours), self._ledger.kinds)
        return Plan(Answer("applied", let_in, act=act), change, record, elsewhere)

    def _apart(self, gone: list[tuple[Network, Scope]]) -> tuple[dict[str, Change], list[tuple[Network, Scope]]]:
        """What another firewall than ours holds, by its name, and what is ours."""
        ours: list[tuple[Network, Scope]] = []
        theirs: dict[str, list[tuple[Network, Scope]]] = {}
        for each in gone:
            block = self._ledger.blocks.get(each[0])
            name = "" if block is None else block.backend
            (ours if name in ("", self._backend.name) else theirs.setdefault(name, [])).append(each)
        return {name: Change(self._ports, (), tuple(each)) for name, each in theirs.items()}, ours

    def _time(self, network: Network, request: Request, now: float) -> float | None:
        """How long its block is to last, once it is kept, in seconds; None: until removed."""
        block = self._ledger.blocks.get(network)
        if network in request.times:
            seconds = bounded(request.times[network])
        elif request.usual:
            seconds = escalated(block, now)
        else:
            return bounded(request.seconds)
        if request.exact or block is None or not block.lasts(now) or not block.kept or seconds is None:
            return seconds
        return None if block.until is None else max(seconds, block.until - now)

    def _wide(self, network: Network, request: Request, now: float) -> Scope:
        """The ports that it is to be blocked on: no fewer than now, unless that is meant."""
        block = self._ledger.lasting(network, now)
        stays = block is not None and self._backend.keeps_time and not request.exact
        return "all" if stays and self._ledger.scope(network) == "all" else request.scope

    def _there(self, network: Network, now: float) -> bool:
        """The firewall may hold it, whatever we think."""
        block = self._ledger.blocks.get(network)
        return block is not None and (block.until is None or block.until + SLACK > now)

    def _kept(self, network: Network, scope: Scope, now: float) -> bool:
        """It is blocked on those ports, and not on probation: no question of whether it should be."""
        block = self._ledger.lasting(network, now)
        return block is not None and block.kept and scope in (block.scope, "smtp")

    def _change(self, wanted: tuple[Wanted, ...]) -> Change:
        moved = tuple(
            (each.network, scope) for each in wanted if each.there for scope in self._stands(each.network)
            if scope != each.scope
        )  # fmt: skip
        return Change(self._ports, wanted, moved, self._ledger.kinds)

    def _stands(self, network: Network) -> tuple[Scope, ...]:
        block = self._ledger.blocks.get(network)
        return () if block is None or not self._there(network, self._clock()) else (block.scope,)
