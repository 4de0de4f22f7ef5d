"""The columns of blocks."""

from __future__ import annotations

from smtpwatch import clock
from smtpwatch.firewall.block import Block
from smtpwatch.firewall.prefixes import shown
from smtpwatch.firewall.words import left
from widgets import figures
from widgets.cells import cut_middle
from widgets.table_layout import Column, Sortable, by

TRYING = 60.0  # seconds since a packet was last dropped, within which it is still trying

_FOREVER = float("inf")


def mark(block: Block) -> str:
    """x not in force though it should be; ! on probation, or not verified yet; else a space."""
    if block.gone or block.leak or block.state == "failed":
        return "x"
    return "!" if not block.kept or block.state != "verified" else " "


def state(block: Block, now: float) -> str:
    """`pending`, `applied`, `verified`, `failed`; `gone` for what another tool took out; `probation`."""
    if block.gone and block.state != "failed":
        return "gone"
    if block.leak:
        return "failed"
    return block.state if block.kept or block.state != "verified" else "probation"


def network(block: Block, now: float) -> str:
    """As an admin writes it."""
    return shown(block.network)


def remaining(block: Block, now: float) -> str:
    """What is left of it."""
    return left(block.until, now)


def trying(block: Block, now: float) -> str:
    """`yes` while its packets keep coming, else when the last one came."""
    if block.tried is None:
        return ""
    return "yes" if now - block.tried <= TRYING else figures.age(now - block.tried)


def why(block: Block, now: float) -> str:
    """Why it was blocked; where it is in trouble, what that is."""
    trouble = block.leak or block.reason
    return f"{trouble}: {block.why}".rstrip(": ") if mark(block) == "x" else block.why


def who(block: Block, now: float) -> str:
    """By whom; a block that was never journalled is another's."""
    return block.who or "another"


def _worth(block: Block, now: float) -> Sortable:
    return float(" !x".index(mark(block))), ""


def _ports(block: Block, now: float) -> str:
    return "all" if block.scope == "all" else "mail"


def _dropped(block: Block, now: float) -> str:
    return f"{block.dropped:,}" if block.dropped else ""


def _address(block: Block, now: float) -> Sortable:
    return float(block.network.version), block.network.network_address.packed.hex()


COLUMNS: tuple[Column[Block], ...] = (
    Column("", 1, 1, 1, 0, lambda block, now: mark(block), _worth, descending=True, sought=False,
           pick=lambda block, now: ("mark", mark(block).strip())),
    Column("left", 7, 7, 7, 0, remaining, lambda b, now: (_FOREVER if b.until is None else b.until - now, ""),
           right=True, sought=False),
    Column("dropped", 7, 8, 10, 1, _dropped, lambda b, now: (b.dropped, ""), right=True, descending=True,
           sought=False),
    Column("trying", 6, 6, 6, 3, trying, lambda b, now: (b.tried or 0.0, ""), descending=True, sought=False),
    Column("network", 18, 20, 43, 0, network, _address, shorten=cut_middle, term="net"),
    Column("state", 9, 9, 9, 2, state, by(state), term="state"),
    Column("ports", 5, 5, 5, 6, _ports, by(_ports), sought=False),
    Column("by", 8, 10, 16, 5, who, by(who)),
    Column("at", 8, 8, 8, 4, lambda block, now: clock.of_day(block.since), lambda b, now: (b.since, ""),
           descending=True, sought=False),
    Column("why", 14, 24, 90, 0, why, by(why), term="reason"),
)  # fmt: skip
