"""Where the firewall and the journal differ: after a crash, a restart, or another tool's doing."""

from __future__ import annotations

from typing import NamedTuple

from smtpwatch.firewall.acts import Acts
from smtpwatch.firewall.backend import Change, Entry, Held
from smtpwatch.firewall.block import Block, Scope
from smtpwatch.firewall.journal import Blocking, Result
from smtpwatch.firewall.ledger import Act, Ledger
from smtpwatch.firewall.prefixes import Network
from smtpwatch.firewall.request import Answer, Request

SLACK = 3.0  # seconds by which the kernel's time and the journal's may differ: both are rounded, and asked in turn

TRIES = 5  # to read the firewall while nobody acts

GONE = "not in the firewall any longer: another tool took it out, or this host was restarted"


class Drift(NamedTuple):
    """What differs. `gone`: in the journal only; `strange`: in the firewall only; `trouble`: what is wrong with the
    firewall's rules, "" for nothing."""

    gone: tuple[Block, ...] = ()
    strange: tuple[Block, ...] = ()
    trouble: str = ""


def look(acts: Acts) -> Drift:
    """Read the firewall back: counters and ends are the kernel's, what is gone is marked so, what the journal does not
    know is taken up in the ledger, without an act. Raises BackendError, JournalError."""
    for _ in range(TRIES):
        acts.follow()
        before = acts.ledger.folded
        held = acts.backend.read()
        acts.follow()
        if acts.ledger.folded == before:  # else what was done meanwhile would be taken for a difference
            break
    return compared(acts.ledger, held, acts.clock())


def compared(ledger: Ledger, held: Held, now: float) -> Drift:
    """The same, of what was read at `now`."""
    gone = []
    for block in list(ledger.standing(now)):
        entry = held.entries.get((block.network, block.scope))
        if entry is not None:
            _told(block, entry, now)
        elif block.state != "pending" and (block.until is None or block.until - now > SLACK):
            if block.act:
                block.gone, block.reason = True, GONE
                gone.append(block)
            else:
                ledger.blocks.drop(block.network)
    busy = {network for act in ledger.unfinished() for network in act.before}
    for (network, scope), entry in held.entries.items():
        if network in busy:
            continue
        known = ledger.blocks.get(network)
        if (known is None or not known.lasts(now)) and (entry.expires is None or entry.expires > SLACK):
            ledger.put(_strange(network, scope, entry, now))
    strange = tuple(block for block in ledger.standing(now) if not block.act)
    return Drift(tuple(gone), strange, held.trouble)


def _told(block: Block, entry: Entry, now: float) -> None:
    """The kernel's word on a block."""
    if entry.packets is not None:
        before = block.dropped
        block.count(entry.packets, entry.octets or 0)
        if block.dropped > before:
            block.tried = now
    until = None if entry.expires is None else now + entry.expires
    if until is None or block.until is None or abs(until - block.until) > SLACK:
        block.until = until


def _strange(network: Network, scope: Scope, entry: Entry, now: float) -> Block:
    until = None if entry.expires is None else now + entry.expires
    block = Block(
        network=network, scope=scope, since=now, until=until, why="not in the journal", who="", backend="", act="",
        state="verified",
    )  # fmt: skip
    _told(block, entry, now)
    return block


def settle(acts: Acts) -> list[str]:
    """Acts that were cut short get an outcome, by what the firewall holds: a line for each. Raises BackendError,
    JournalError."""
    acts.follow()
    if not acts.ledger.unfinished():
        return []
    with acts.journal.locked():  # whoever was at it has ended by now, or was killed
        acts.follow()
        unfinished = acts.ledger.unfinished()
        held = acts.backend.read() if unfinished else Held({}, "")
        return [_settled(acts, act, held) for act in unfinished]


def _settled(acts: Acts, act: Act, held: Held) -> str:
    record, networks = act.record, list(act.before)
    if isinstance(record, Blocking):
        there = [network for network in networks if _put(held, network, record)]
        whole = len(there) == len(networks) and bool(networks)
        if whole:
            acts.live.end(networks, record.scope, acts.ports)
        elif there:  # a firewall without transactions was cut short: nothing stays half done
            gone = tuple((network, record.scope) for network in there)
            acts.backend.apply(Change(acts.ports, (), gone, acts.ledger.kinds))
    else:
        whole = not any(network == each for network, _scope in held.entries for each in networks)
    reason = "cut short; " + ("the firewall had it" if whole else "the firewall had not been told")
    acts.write(Result(act=record.act, time=acts.clock(), state="applied" if whole else "failed", reason=reason))
    what = "block" if isinstance(record, Blocking) else "unblock"
    return f"{what} of {_named(networks)} by {record.who} was {reason}"


def _put(held: Held, network: Network, record: Blocking) -> bool:
    entry = held.entries.get((network, record.scope))
    return entry is not None and entry.tag in (record.act, "")


def _named(networks: list[Network]) -> str:
    return str(networks[0]) if len(networks) == 1 else f"{len(networks):,} networks"


def restore(acts: Acts, gone: tuple[Block, ...], sure: bool) -> list[Answer]:
    """Put back what is gone, for what is left of its time: what was blocked for the same reason on the same ports is
    one act. Raises JournalError."""
    now = acts.clock()
    groups: dict[tuple[Scope, str], dict[Network, float | None]] = {}
    for block in gone:
        left = None if block.until is None else max(1.0, block.until - now)
        groups.setdefault((block.scope, block.why), {})[block.network] = left
    return [
        acts.block(Request(tuple(times), scope, times=times, why=why, sure=sure, keep=True))
        for (scope, why), times in groups.items()
    ]
