"""What is blocked, as the journal tells it: its lines folded into blocks. Asks no clock and no firewall."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator

import msgspec

from smtpwatch.firewall.backend import Kind, kind
from smtpwatch.firewall.block import ESCALATES_WITHIN, Block, Scope
from smtpwatch.firewall.journal import AnyRecord, Blocking, Refusal, Result, Unblocking
from smtpwatch.firewall.prefixes import Network, NetworkError, Prefixes, as_network

UNDOABLE = 100  # acts that can be undone, the latest
MINUTE = 60.0
Before = dict[Network, Block | None]


class Act(msgspec.Struct):
    """An act and how things stood before it; `over` once its outcome is known, `applied` once the firewall had it."""

    record: Blocking | Unblocking
    before: Before
    over: bool = False
    applied: bool = False
    ended: int = 0
    """Sessions that were ended with it."""


class Ledger:
    """Blocks by network, those that have ended as long as they count for repeat offenders."""

    def __init__(self) -> None:
        self.blocks: Prefixes[Block] = Prefixes()
        self.acts: OrderedDict[str, Act] = OrderedDict()
        """The latest acts, by their number."""
        self.kinds: frozenset[Kind] = frozenset()
        """What the firewall needs rules for; more than that where the last of a kind has ended of late."""
        self.folded = 0
        """Lines of the journal so far: while that stays, nobody has done anything."""
        self._forgot = 0.0

    def fold(self, records: Iterable[AnyRecord]) -> None:
        """Take in what the journal has got since."""
        for record in records:
            self.folded += 1
            match record:
                case Blocking():
                    self._blocking(record)
                case Unblocking():
                    self._unblocking(record)
                case Result():
                    self._result(record)
                case Refusal():
                    pass

    def lasting(self, network: Network, now: float) -> Block | None:
        """The block of just that network, if it is in force."""
        block = self.blocks.get(network)
        return block if block is not None and block.lasts(now) else None

    def scope(self, network: Network) -> Scope:
        """The ports that a network is blocked on, or was."""
        block = self.blocks.get(network)
        return "smtp" if block is None else block.scope

    def standing(self, now: float) -> Iterator[Block]:
        """Those in force at `now`, if all is well."""
        return (block for _network, block in self.blocks.items() if block.lasts(now))

    def lost(self, now: float) -> list[Block]:
        """Those that should be in force, but that the firewall does not hold any longer."""
        return [
            block for _network, block in self.blocks.items()
            if block.lost and block.over is None and (block.until is None or now < block.until)
        ]  # fmt: skip

    def maker(self, block: Block) -> str:
        """The act that a block comes from: where a later one was undone, the one before it."""
        act = self.acts.get(block.act)
        while act is not None and isinstance(act.record, Blocking) and act.record.undoes:
            undone = self.acts.get(act.record.undoes)
            old = None if undone is None else undone.before.get(block.network)
            if old is None:
                break
            block, act = old, self.acts.get(old.act)
        return block.act

    def unfinished(self) -> list[Act]:
        """Acts of which no outcome is known: whoever did them was cut short."""
        return [act for act in self.acts.values() if not act.over]

    def covering(self, network: Network, now: float) -> Block | None:
        """The narrowest block in force that holds all of that network."""
        for holder in self.blocks.around(network):
            block = self.blocks.get(holder)
            if block is not None and block.lasts(now):
                return block
        return None

    def put(self, block: Block) -> None:
        """A block in place of the one that its network had."""
        self.blocks.put(block.network, block)
        each = kind(block.network, block.scope)
        if each not in self.kinds:
            self.kinds |= {each}

    def clear(self) -> None:
        """Know nothing any more: the journal is another one."""
        self.blocks.clear()
        self.acts.clear()
        self.kinds = frozenset()

    def forget(self, now: float) -> None:
        """Let go of those that ended so long ago that they count for nothing; looks once a minute, as there may be a
        hundred thousand."""
        if abs(now - self._forgot) < MINUTE:
            return
        self._forgot = now
        for network, block in list(self.blocks.items()):
            end = block.ended_at(now)
            if end is not None and now - end > ESCALATES_WITHIN:
                self.blocks.drop(network)
        self.kinds = frozenset(kind(block.network, block.scope) for block in self.standing(now))

    def _begin(self, record: Blocking | Unblocking, networks: Iterable[Network]) -> Before:
        before: Before = {network: self.blocks.get(network) for network in networks}
        self.acts[record.act] = Act(record, before)
        while len(self.acts) > UNDOABLE:
            self.acts.popitem(last=False)
        return before

    def _blocking(self, record: Blocking) -> None:
        times = {network: seconds for text, seconds in record.networks.items() for network in _networks((text,))}
        wide = frozenset(_networks(record.wide))
        for network, old in self._begin(record, times).items():
            lasted = old is not None and old.lasts(record.time)
            # What is not on probation is not put there.
            probation = None if lasted and old is not None and old.kept else record.probation
            block = blocked(network, times[network], record, probation)
            if network in wide:
                block.scope = "all"
            if lasted and old is not None:  # its time is set anew
                block.since, block.why = old.since, record.why or old.why
                block.counted_before(old)
            was = self._was(record, network, old)
            if was is not None:
                block.asked, block.kept = was.asked, was.kept and block.kept
            self.put(block)

    def _was(self, record: Blocking, network: Network, old: Block | None) -> Block | None:
        """The block that a record puts back, if it does."""
        if not record.undoes:
            return old if record.again else None
        undone = self.acts.get(record.undoes)
        return None if undone is None else undone.before.get(network)

    def _unblocking(self, record: Unblocking) -> None:
        for old in self._begin(record, _networks(record.networks)).values():
            if old is not None and old.lasts(record.time):
                self.put(msgspec.structs.replace(old, over=record.time))

    def _result(self, record: Result) -> None:
        act = self.acts.get(record.act)
        if act is None:
            return
        act.over = True
        act.ended += record.ended
        for network, old in act.before.items():
            block = self.blocks.get(network)
            if isinstance(act.record, Unblocking):
                let_in = block is not None and block.over == act.record.time
                if record.state == "failed" and old is not None and let_in:
                    self.put(old)  # it is still blocked
            elif block is None or block.act != record.act:
                continue
            elif record.state != "failed":
                block.state, block.reason = record.state, record.reason
            elif not act.applied and old is not None and (old.lost or old.lasts(act.record.time)):
                self.put(old)  # its time is what it was, or it still is what the firewall has lost
            else:
                block.state, block.reason, block.gone = "failed", record.reason, not act.applied
        act.applied = act.applied or record.state == "applied"


def blocked(network: Network, asked: float | None, record: Blocking, probation: float | None) -> Block:
    """The block that an act makes of a network; with a time on `probation` where it is not None."""
    seconds = asked if probation is None else probation
    return Block(
        network=network,
        scope=record.scope,
        since=record.time,
        until=None if seconds is None else record.time + seconds,
        why=record.why,
        who=record.who,
        backend=record.backend,
        act=record.act,
        kept=probation is None,
        asked=asked,
    )


def _networks(texts: Iterable[str]) -> Iterator[Network]:
    """The journal is ours, but a file: what is no network is passed over."""
    for text in texts:
        try:
            yield as_network(text)
        except NetworkError:
            continue
