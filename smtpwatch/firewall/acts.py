"""Blocking and unblocking, from the guard's word to the kernel's: the one place where it is done.

Each act holds the journal's lock, so that consoles and commands beside each other act one after the other, and each
knows what the ones before it did."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Literal

import msgspec

from smtpwatch.firewall import drift
from smtpwatch.firewall.backend import Backend, BackendError, Change, Held, Wanted
from smtpwatch.firewall.block import Block, Scope, State
from smtpwatch.firewall.guard import Guard
from smtpwatch.firewall.journal import AnyRecord, Blocking, Journal, JournalError, Refusal, Result, Unblocking
from smtpwatch.firewall.ledger import Act, Before, Ledger
from smtpwatch.firewall.planning import Actor, Plan, Planner
from smtpwatch.firewall.prefixes import Network
from smtpwatch.firewall.request import Answer, Request
from smtpwatch.firewall.sessions import Live
from smtpwatch.firewall.sockets import SocketsError

Looked = Literal["verified", "failed"]


def no_other(name: str) -> Backend:
    """There is one firewall only."""
    raise BackendError(f"{name} cannot be reached from here")


class Acts:
    """Does what is asked of it, on `ports` where mail's are meant. `guard` makes one that knows what is protected at
    this moment; `other` gives another firewall than ours, which may hold blocks from before; `ledger` is one that has
    been folded from the journal already."""

    def __init__(
        self,
        backend: Backend,
        journal: Journal,
        guard: Callable[[], Guard],
        live: Live,
        ports: tuple[int, ...],
        actor: Actor,
        clock: Callable[[], float],
        other: Callable[[str], Backend] = no_other,
        ledger: Ledger | None = None,
    ) -> None:
        self.backend = backend
        self.journal = journal
        self.ledger = Ledger() if ledger is None else ledger
        self.live = live
        self.ports = ports
        self.clock = clock
        self._other = other
        self._actor = actor
        self._planner = Planner(backend, self.ledger, guard, ports, actor, clock)
        self._looked_at = False
        """What the firewall holds is in the ledger, whoever put it there."""

    @property
    def who(self) -> str:
        """The user that acts."""
        return self._actor.who.name

    def follow(self) -> None:
        """Take in what has been done since, by us or others. Raises JournalError."""
        news = self.journal.news()
        if self.journal.anew:
            self.ledger.clear()
            self._looked_at = False
        self.ledger.fold(news)
        self.ledger.forget(self.clock())

    def compare(self, held: Held) -> drift.Drift:
        """What was read of the firewall just now, beside the ledger."""
        self._looked_at = True
        return drift.compared(self.ledger, held, self.clock(), self.backend.name, self.ports)

    def plan(self, request: Request) -> Plan:
        """What `block` would do, without doing it."""
        return self._planner.block(request)

    def plan_unblock(self, networks: Iterable[Network], why: str = "") -> Plan:
        """What `unblock` would do. Networks that are not blocked are left out."""
        return self._planner.unblock(networks, why)

    # Doing it.

    def block(self, request: Request) -> Answer:
        """Block, unless the guard refuses or asks. On return it is in the journal and in the firewall, or in neither.
        Raises JournalError, and BackendError where what stands cannot be known."""
        with self.journal.locked():
            self._prepare()
            if request.standing:  # somebody may have let them in since it was asked for
                standing = tuple(network for network in request.networks if self.ledger.lasting(network, self.clock()))
                if not standing:
                    return Answer("failed", reason="it is not blocked any longer")
                request = msgspec.structs.replace(request, networks=standing)
            plan = self.plan(request)
            if plan.answer.outcome == "refused":
                self._refused(plan.answer, request)
            if plan.answer.outcome != "applied":
                return plan.answer
            self.write(plan.record)
            return self._carry_out(plan)

    def _prepare(self) -> None:
        """Know what there is before anything is done to it: the firewall's rules follow from all that it holds."""
        self.follow()
        drift.settle_locked(self)
        if not self._looked_at:
            self.compare(self.backend.read())

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
            return self._failed(answer, f"{error}; {self._take_back(before, plan.change)}")
        answer.reason = "; ".join(filter(None, (trouble, self._out_of(plan.elsewhere))))
        return answer

    def _out_of(self, elsewhere: dict[str, Change]) -> str:
        """What other firewalls hold is let go of there; what went wrong, "" for nothing."""
        wrong = []
        for name, change in elsewhere.items():
            try:
                self._other(name).apply(change)
            except BackendError as error:
                wrong.append(f"{name} still holds {len(change.remove):,} of them: {error}")
        return "; ".join(wrong)

    def _apply(self, change: Change) -> None:
        """Raises BackendError where it was not done. A tool that hung may have done it: the firewall is asked."""
        try:
            self.backend.apply(change)
        except BackendError as error:
            if not error.unsure or not _holds(self.backend.read(), change):
                raise

    def _take_back(self, before: Before, done: Change) -> str:
        """As it was before; what came of that, in words."""
        now = self.clock()
        old = [block for block in before.values() if block is not None and block.lasts(now)]
        again = tuple(Wanted(block.network, block.scope, block.left(now), block.act, True) for block in old)
        put = {(each.network, each.scope) for each in again}
        gone = tuple(each[:2] for each in done.add if each[:2] not in put)
        try:
            self.backend.apply(Change(self.ports, again, gone, done.standing))
        except BackendError as error:
            return f"and the firewall holds it, since it cannot be taken back: {error}"
        return "so it was taken back"

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
                with suppress(BackendError):
                    drift.settle_locked(self)
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
            if plan.change.remove:
                self._apply(plan.change)
            wrong = self._out_of(plan.elsewhere)
            if wrong:
                raise BackendError(wrong)
        except BackendError as error:
            return self._failed(answer, str(error))
        try:
            self._result(answer.act, "applied")
        except JournalError as error:
            answer.unwritten = str(error)
            self.ledger.fold([Result(act=answer.act, time=self.clock(), state="applied")])
        return answer

    def undo(self, act: str) -> Answer:
        """Things as they were before that act, where nobody has acted since: those it blocked are let in or have the
        time they had; those it let in are blocked again for what is left of theirs. Those that must not be blocked by
        now are let in. Raises JournalError, KeyError for an act that is not known."""
        self.follow()
        done = self.ledger.acts[act]
        now = self.clock()
        before = {network: old for network, old in done.before.items() if self._still(done, network, now)}
        old = [block for block in before.values() if block is not None and block.lasts(now)]
        put = {block.network for block in old}
        new = [network for network in before if network not in put]
        let_in = self.unblock(new, "undone") if new or not old else Answer("applied")
        if let_in.outcome == "failed":
            return let_in
        answers = [self._put_back([block for block in old if block.scope == scope], act) for scope in _scopes(old)]
        for answer in answers:
            if answer.outcome == "failed":
                return answer
            let_in.networks += answer.networks
            let_in.seconds += answer.seconds
            let_in.act = answer.act or let_in.act
            let_in.unwritten = let_in.unwritten or answer.unwritten
        return let_in

    def _still(self, done: Act, network: Network, now: float) -> bool:
        """A network is as that act left it."""
        block = self.ledger.blocks.get(network)
        if block is None:
            return False
        if isinstance(done.record, Blocking):
            return block.lasts(now) and self.ledger.maker(block) == done.record.act
        return block.over == done.record.time

    def _put_back(self, old: list[Block], act: str) -> Answer:
        now = self.clock()
        times = {block.network: block.left(now) for block in old}
        request = Request(
            tuple(times), old[0].scope, times=times, why="undone", sure=True, keep=True, exact=True, undoes=act
        )
        answer = self.block(request)
        refused = [finding.network for finding in answer.findings if finding.refuses]
        if answer.outcome != "failed" and refused:  # it must not be blocked at all by now
            let_in = self.unblock(refused, "undone")
            answer.outcome, answer.unwritten = let_in.outcome, let_in.unwritten
            answer.networks += let_in.networks
        return answer

    # What came of it.

    def verify(self, act: str) -> Answer:
        """Look whether the firewall holds what an act put there, and whether sessions are left; ends those that are.
        Raises JournalError, KeyError for an act that is not known."""
        self.follow()
        record = self.ledger.acts[act].record
        networks = [network for network in self.ledger.acts[act].before if self.ledger.lasting(network, self.clock())]
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
        missing = [network for network in networks if (network, self.ledger.scope(network)) not in held.entries]
        trouble = self.compare(held).trouble
        if trouble or missing:
            return "failed", trouble or f"{len(missing):,} of {len(networks):,} networks are not in the firewall"
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


def _scopes(blocks: Iterable[Block]) -> list[Scope]:
    return sorted({block.scope for block in blocks})


def _holds(held: Held, change: Change) -> bool:
    """Whether a change was made after all."""
    added = all(
        (entry := held.entries.get(each[:2])) is not None and entry.tag in (each.tag, "") for each in change.add
    )
    return added and not any(each in held.entries for each in change.remove)
