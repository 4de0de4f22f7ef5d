"""Blocking and unblocking, from the guard's word to the kernel's: the one place where it is done.

Each act holds the journal's lock, so that consoles and commands beside each other act one after the other, and each
knows what the ones before it did."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Literal, NamedTuple

import msgspec

from smtpwatch.firewall.backend import Backend, BackendError, Change, Held, Wanted
from smtpwatch.firewall.block import PROBATION, Block, Scope, State, escalated
from smtpwatch.firewall.guard import Guard
from smtpwatch.firewall.journal import AnyRecord, Blocking, Journal, JournalError, Refusal, Result, Unblocking, new_act
from smtpwatch.firewall.ledger import Before, Ledger
from smtpwatch.firewall.prefixes import Network
from smtpwatch.firewall.request import Answer, Outcome, Request
from smtpwatch.firewall.sessions import Live
from smtpwatch.firewall.sockets import SocketsError
from smtpwatch.firewall.who import Who

Looked = Literal["verified", "failed"]


class Actor(NamedTuple):
    """Who acts: a user, and the process that acts for them."""

    who: Who
    pid: int


class Plan(NamedTuple):
    """What an act would do: its answer, if all goes well, and what the firewall and the journal would be told."""

    answer: Answer
    change: Change
    record: Blocking | Unblocking


class Acts:
    """Does what is asked of it, on `ports` where mail's are meant. `guard` makes one that knows what is protected at
    this moment."""

    def __init__(
        self,
        backend: Backend,
        journal: Journal,
        guard: Callable[[], Guard],
        live: Live,
        ports: tuple[int, ...],
        actor: Actor,
        clock: Callable[[], float],
    ) -> None:
        self.backend = backend
        self.journal = journal
        self.ledger = Ledger()
        self.live = live
        self.ports = ports
        self.clock = clock
        self._guard = guard
        self._actor = actor

    @property
    def who(self) -> str:
        """The user that acts."""
        return self._actor.who.name

    def follow(self) -> None:
        """Take in what has been done since, by us or others. Raises JournalError."""
        self.ledger.fold(self.journal.news())
        self.ledger.forget(self.clock())

    # What would be done.

    def plan(self, request: Request) -> Plan:
        """What `block` would do, without doing it."""
        if not self.backend.keeps_time:
            request = msgspec.structs.replace(
                request, scope="smtp", seconds=None, usual=False, times={}, keep=request.sure
            )
        findings = (*self._guard().judge(request.networks), *request.findings)
        refused = {finding.network for finding in findings if finding.refuses}
        networks = tuple(network for network in dict.fromkeys(request.networks) if network not in refused)
        now, act = self.clock(), new_act()
        settled = {network for network in networks if self._kept(network, now)}
        risky = any(finding.network not in refused | settled for finding in findings)
        outcome: Outcome = "refused" if not networks else "asks" if risky and not request.sure else "applied"
        times = {network: self._time(network, request, now) for network in networks}
        probation = PROBATION if risky and not request.keep else None
        record = Blocking(
            act=act, time=now, who=self._actor.who.name, uid=self._actor.who.uid, pid=self._actor.pid,
            backend=self.backend.name, networks={str(network): time for network, time in times.items()},
            probation=probation, scope=request.scope, ports=self.ports, why=request.why,
            findings=tuple(finding.says for finding in findings if finding.network not in refused),
        )  # fmt: skip
        wanted = tuple(
            Wanted(
                network,
                request.scope,
                time if probation is None or network in settled else probation,
                act,
                self._lasts(network, now),
            )
            for network, time in times.items()
        )
        ends = [now + each.seconds for each in wanted if each.seconds is not None]
        until = min(ends, default=None)
        answer = Answer(
            outcome, networks, findings, act=act, seconds=tuple(times.values()), until=until,
            probation=probation is not None,
        )  # fmt: skip
        return Plan(answer, self._change(wanted, request.scope), record)

    def _time(self, network: Network, request: Request, now: float) -> float | None:
        """How long its block is to last, once it is kept, in seconds; None: until removed."""
        if network in request.times:
            return request.times[network]
        return escalated(self.ledger.blocks.get(network), now) if request.usual else request.seconds

    def _lasts(self, network: Network, now: float) -> bool:
        block = self.ledger.blocks.get(network)
        return block is not None and block.lasts(now)

    def _kept(self, network: Network, now: float) -> bool:
        """It is blocked, and not on probation: no question of whether it should be."""
        block = self.ledger.blocks.get(network)
        return block is not None and block.lasts(now) and block.kept

    def _change(self, wanted: tuple[Wanted, ...], scope: Scope) -> Change:
        other: Scope = "all" if scope == "smtp" else "smtp"
        moved = tuple((each.network, other) for each in wanted if each.there and self._scope(each.network) == other)
        return Change(self.ports, wanted, moved, self.ledger.kinds)

    def _scope(self, network: Network) -> Scope:
        block = self.ledger.blocks.get(network)
        return "smtp" if block is None else block.scope

    def plan_unblock(self, networks: Iterable[Network], why: str = "") -> Plan:
        """What `unblock` would do. Networks that are not blocked are left out."""
        now, act = self.clock(), new_act()
        gone = tuple((network, self._scope(network)) for network in networks if self._lasts(network, now))
        let_in = tuple(network for network, _scope in gone)
        record = Unblocking(
            act=act, time=now, who=self._actor.who.name, uid=self._actor.who.uid, pid=self._actor.pid,
            backend=self.backend.name, networks=tuple(map(str, let_in)), why=why,
        )  # fmt: skip
        change = Change(self.ports, (), gone, self.ledger.kinds)
        return Plan(Answer("applied", let_in, act=act), change, record)

    # Doing it.

    def block(self, request: Request) -> Answer:
        """Block, unless the guard refuses or asks. On return it is in the journal and in the firewall, or in neither.
        Raises JournalError."""
        with self.journal.locked():
            self.follow()
            plan = self.plan(request)
            if plan.answer.outcome == "refused":
                self._refused(plan.answer, request)
            if plan.answer.outcome != "applied":
                return plan.answer
            self.write(plan.record)
            return self._carry_out(plan)

    def _refused(self, answer: Answer, request: Request) -> None:
        who, uid = self._actor.who
        says = tuple(finding.says for finding in answer.findings)
        networks = tuple(map(str, request.networks))
        refusal = Refusal(
            act=answer.act, time=self.clock(), who=who, uid=uid, pid=self._actor.pid, networks=networks,
            why=request.why, findings=says,
        )  # fmt: skip
        with suppress(JournalError):  # nothing is done, so nothing need be written down
            self.journal.append(refusal)

    def _carry_out(self, plan: Plan) -> Answer:
        answer, record = plan.answer, plan.record
        assert isinstance(record, Blocking)
        before = self.ledger.acts[answer.act].before
        try:
            self._apply(plan.change)
        except BackendError as error:
            return self._failed(answer, str(error))
        trouble = ""
        try:
            answer.ended = self.live.end(answer.networks, record.scope, self.ports)
        except SocketsError as error:  # the firewall holds: its packets come to nothing, and it ends by time
            trouble = str(error)
        try:
            self._result(answer.act, "applied", trouble, answer.ended)
        except JournalError as error:
            self._take_back(before, plan.change)
            return self._failed(answer, f"{error}; so it was taken back")
        answer.reason = trouble
        return answer

    def _apply(self, change: Change) -> None:
        """Raises BackendError where it was not done. A tool that hung may have done it: the firewall is asked."""
        try:
            self.backend.apply(change)
        except BackendError as error:
            if not error.unsure or not _holds(self.backend.read(), change):
                raise

    def _take_back(self, before: Before, done: Change) -> None:
        """As it was before, as far as it can be had: what lasts shows as what differs."""
        now = self.clock()
        old = [block for block in before.values() if block is not None and block.lasts(now)]
        again = tuple(Wanted(block.network, block.scope, _left(block, now), block.act, True) for block in old)
        put = {(each.network, each.scope) for each in again}
        gone = tuple(each[:2] for each in done.add if each[:2] not in put)
        with suppress(BackendError):
            self.backend.apply(Change(self.ports, again, gone, done.standing))

    def _failed(self, answer: Answer, reason: str) -> Answer:
        try:
            self._result(answer.act, "failed", reason, answer.ended)
        except JournalError:  # whoever reads the journal next finds that the firewall does not hold it
            self.ledger.fold([Result(act=answer.act, time=self.clock(), state="failed", reason=reason)])
        answer.outcome, answer.reason, answer.networks = "failed", reason, ()
        return answer

    def unblock(self, networks: Iterable[Network], why: str = "") -> Answer:
        """Let them in again; those that are not blocked are left out. Who was wrongly blocked does not wait for a disk
        that is full: what cannot be journalled is done nevertheless, and said (`unwritten`)."""
        try:
            with self.journal.locked():
                self.follow()
                plan = self.plan_unblock(networks, why)
                return self._let_in(plan) if plan.answer.networks else plan.answer
        except JournalError as error:
            plan = self.plan_unblock(networks, why)
            plan.answer.unwritten = str(error)
            self.ledger.fold([plan.record])
            return self._let_in(plan)

    def _let_in(self, plan: Plan) -> Answer:
        answer = plan.answer
        if not answer.unwritten:
            self.write(plan.record)
        try:
            self._apply(plan.change)
        except BackendError as error:
            return self._failed(answer, str(error))
        try:
            self._result(answer.act, "applied")
        except JournalError as error:
            answer.unwritten = str(error)
            self.ledger.fold([Result(act=answer.act, time=self.clock(), state="applied")])
        return answer

    def undo(self, act: str) -> Answer:
        """Things as they were before that act: those it blocked are let in or have the time they had; those it let in
        are blocked again for what is left of theirs. Raises JournalError, KeyError for an act that is not known."""
        done = self.ledger.acts[act]
        now = self.clock()
        old = [block for block in done.before.values() if block is not None and block.lasts(now)]
        answer = Answer("applied")
        for scope in sorted({block.scope for block in old}):
            times = {block.network: _left(block, now) for block in old if block.scope == scope}
            answer = self.block(Request(tuple(times), scope, times=times, why="undone", sure=True, keep=True))
            if answer.outcome != "applied":
                return answer
        put = {block.network for block in old}
        new = [network for network in done.before if network not in put]
        return self.unblock(new, "undone") if new or not old else answer

    # What came of it.

    def verify(self, act: str) -> Answer:
        """Look whether the firewall holds what an act put there, and whether sessions are left; ends those that are.
        Raises JournalError, KeyError for an act that is not known."""
        record = self.ledger.acts[act].record
        networks = [network for network in self.ledger.acts[act].before if self._lasts(network, self.clock())]
        state, reason = self._looked(networks, record)
        with self.journal.locked():
            self.follow()
            self._result(act, state, reason)
        return Answer(state, tuple(networks), reason=reason, act=act)

    def _looked(self, networks: list[Network], record: Blocking | Unblocking) -> tuple[Looked, str]:
        try:
            held = self.backend.read()
        except BackendError as error:
            return "failed", f"the firewall cannot be read back: {error}"
        if isinstance(record, Unblocking):
            return "verified", ""
        missing = [network for network in networks if (network, record.scope) not in held.entries]
        if held.trouble or missing:
            return "failed", held.trouble or f"{len(missing):,} of {len(networks):,} networks are not in the firewall"
        try:
            self.live.end(networks, record.scope, self.ports)
            left = self.live.count(networks, record.scope, self.ports)
        except SocketsError as error:
            return "verified", str(error)
        return ("failed", f"{left:,} session{'s' if left > 1 else ''} cannot be ended") if left else ("verified", "")

    def write(self, record: AnyRecord) -> None:
        """A line of the journal, and what it means. To be called while it is locked. Raises JournalError."""
        self.journal.append(record)
        self.follow()

    def _result(self, act: str, state: State, reason: str = "", ended: int = 0) -> None:
        self.write(Result(act=act, time=self.clock(), state=state, reason=reason, ended=ended))


def _left(block: Block, now: float) -> float | None:
    return None if block.until is None else max(1.0, block.until - now)


def _holds(held: Held, change: Change) -> bool:
    """Whether a change was made after all."""
    added = all(
        (entry := held.entries.get(each[:2])) is not None and entry.tag in (each.tag, "") for each in change.add
    )
    return added and not any(each in held.entries for each in change.remove)
