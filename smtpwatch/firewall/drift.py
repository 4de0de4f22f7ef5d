"""Where the firewall and the journal differ: after a crash, a restart, or another tool's doing."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from smtpwatch.firewall.backend import Change, Entry, Held, Wanted
from smtpwatch.firewall.block import Block, Scope
from smtpwatch.firewall.journal import Blocking, JournalError, Result
from smtpwatch.firewall.ledger import Act, Ledger
from smtpwatch.firewall.prefixes import Network
from smtpwatch.firewall.request import Answer, Request
from smtpwatch.firewall.sockets import SocketsError

if TYPE_CHECKING:
    from smtpwatch.firewall.acts import Acts

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
    return acts.compare(held)


def compared(ledger: Ledger, held: Held, now: float, backend: str = "", ports: tuple[int, ...] = ()) -> Drift:
    """The same, of what was read at `now` from `backend`, "" for the only one; `ports` are those that should be
    mail's."""
    elsewhere: dict[str, int] = {}
    for block in list(ledger.standing(now)):
        if backend and block.backend not in ("", backend):
            elsewhere[block.backend] = elsewhere.get(block.backend, 0) + 1
            continue
        entry = held.entries.get((block.network, block.scope))
        if entry is not None:
            _told(block, entry, now)
        elif block.state != "pending" and (block.until is None or block.until - now > SLACK):
            if block.act:
                block.gone, block.lost, block.reason = True, True, GONE
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
    trouble = held.trouble or _ports_missing(held, ports) or _not_looked_at(elsewhere)
    return Drift(tuple(ledger.lost(now)), strange, trouble)


def _ports_missing(held: Held, ports: tuple[int, ...]) -> str:
    if held.ports is None or not any(scope == "smtp" for _network, scope in held.entries):
        return ""
    missing = sorted(set(ports) - held.ports)
    return f"of mail's ports these are not blocked: {', '.join(map(str, missing))}" if missing else ""


def _not_looked_at(elsewhere: dict[str, int]) -> str:
    for name, count in elsewhere.items():
        blocks = "1 block is" if count == 1 else f"{count:,} blocks are"
        return f"{blocks} held by {name}, which is not looked at: --firewall {name}"
    return ""


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
    """Acts that were cut short get an outcome, by what the firewall holds: a line for each. Raises BackendError, and
    JournalError where the journal cannot be read; where it cannot be written, nobody who is to be let in waits for
    that."""
    acts.follow()
    if not acts.ledger.unfinished():
        return []
    try:
        with acts.journal.locked():  # whoever was at it has ended by now, or was killed
            acts.follow()
            return settle_locked(acts)
    except JournalError as error:
        return [*settle_locked(acts), f"which is not in the journal: {error}"]


def settle_locked(acts: Acts) -> list[str]:
    """The same by who holds the lock, and has followed."""
    unfinished = acts.ledger.unfinished()
    held = acts.backend.read() if unfinished else Held({}, "")
    return [_settled(acts, act, held) for act in unfinished]


def _settled(acts: Acts, act: Act, held: Held) -> str:
    record, networks = act.record, list(act.before)
    if isinstance(record, Blocking):
        there = [network for network in networks if _put(held, network, act)]
        whole = len(there) == len(networks) and bool(networks)
        if whole:
            with suppress(SocketsError):  # the firewall holds: the sessions come to nothing
                acts.live.end(networks, record.scope, acts.ports)
        elif there and acts.backend.keeps_time:  # a firewall without transactions: nothing stays half done
            acts.backend.apply(_as_before(acts, act, there))
    else:
        whole = not any(network == each for network, _scope in held.entries for each in networks)
    reason = "cut short; " + ("the firewall had it" if whole else "the firewall had not been told")
    result = Result(act=record.act, time=acts.clock(), state="applied" if whole else "failed", reason=reason)
    try:
        acts.write(result)
    except JournalError:
        acts.ledger.fold([result])
    what = "block" if isinstance(record, Blocking) else "unblock"
    return f"{what} of {_named(networks)} by {record.who} was {reason}"


def _as_before(acts: Acts, act: Act, there: list[Network]) -> Change:
    """What takes these out again, and puts back what was there before them."""
    now, old = acts.clock(), [act.before[network] for network in there]
    again = tuple(
        Wanted(block.network, block.scope, block.left(now), block.act, True)
        for block in old
        if block is not None and block.lasts(now)
    )
    put = {each[:2] for each in again}
    gone = tuple(each for network in there if (each := (network, _scope(act, network))) not in put)
    return Change(acts.ports, again, gone, acts.ledger.kinds)


def _put(held: Held, network: Network, act: Act) -> bool:
    entry = held.entries.get((network, _scope(act, network)))
    return entry is not None and entry.tag in (act.record.act, "")


def _scope(act: Act, network: Network) -> Scope:
    """The ports that an act blocks a network on."""
    assert isinstance(act.record, Blocking)
    return "all" if str(network) in act.record.wide else act.record.scope


def _named(networks: list[Network]) -> str:
    return str(networks[0]) if len(networks) == 1 else f"{len(networks):,} networks"


def restore(acts: Acts, gone: tuple[Block, ...], sure: bool, keep: bool = False) -> list[Answer]:
    """Put back what is gone, for what is left of its time: what was blocked for the same reason on the same ports is
    one act, but what there is something to ask about is one of its own. Raises JournalError."""
    now = acts.clock()
    groups: dict[tuple[bool, Scope, str], dict[Network, float | None]] = {}
    asked = acts.plan(Request(tuple(block.network for block in gone))).answer.findings if gone else ()
    risky = {finding.network for finding in asked if not finding.refuses}
    for block in gone:
        groups.setdefault((block.network in risky, block.scope, block.why), {})[block.network] = block.left(now)
    return [
        acts.block(Request(tuple(times), scope, times=times, why=why, sure=sure, keep=keep, again=True))
        for (_risky, scope, why), times in groups.items()
    ]
