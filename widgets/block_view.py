"""The blocks' rows: the latest first, those that are in force, and those that should be."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from copy import copy
from ipaddress import ip_network

from smtpwatch.firewall.block import Block
from smtpwatch.firewall.prefixes import Prefixes
from smtpwatch.query import Read
from widgets.block_columns import COLUMNS, mark, state, why
from widgets.rows import Key, Rows

GONE_FOR = 86_400.0  # seconds that one which failed or is gone stays listed, if it has no end
OFTEN = 5_000  # rows that may be gone through each second
SELDOM = 10.0  # seconds between that of more, unless some have come or gone

FIELDS: Mapping[str, Read[Block]] = {
    "src": lambda block: str(block.network),
    "net": lambda block: str(block.network),
    "state": lambda block: state(block, 0.0),
    "reason": lambda block: why(block, 0.0),
    "account": lambda block: block.who,
    "mark": lambda block: mark(block).strip(),
}


def listed(block: Block, now: float) -> bool:
    """In force, or it should be and is not."""
    if block.lasts(now):
        return True
    wanted = block.over is None and (block.gone or block.state == "failed")
    return wanted and now < (block.since + GONE_FOR if block.until is None else block.until)


class BlockView(Rows[Block]):
    """Rows of blocks."""

    def __init__(self, blocks: Prefixes[Block]) -> None:
        super().__init__(COLUMNS, FIELDS)
        self._blocks = blocks
        self._rows: list[Block] = []
        self._at = 0.0
        self._of = 0
        """How many there were, listed or not, when the rows were worked out."""

    def settle(self, now: float) -> None:
        """Anew each time, but for very many."""
        many = len(self._blocks)
        if many <= OFTEN or many != self._of or not 0 <= now - self._at < SELDOM:
            self._at, self._of = now, many
            self._rows = [block for _network, block in self._blocks.items() if listed(block, now)]
            self._rows.sort(key=lambda block: block.since)
            self._listed = None
        super().settle(now)

    def key(self, row: Block) -> Key:
        """The network, as a number: there may be a hundred thousand to be told apart."""
        network = row.network
        return "block", int(network.network_address) << 9 | network.prefixlen << 1 | (network.version == 6)

    def _stamp(self, row: Block) -> Hashable:
        return row.state, row.until, row.kept, row.gone, row.why, row.reason, row.leak

    def _there(self) -> int:
        return len(self._rows)

    def _find(self, key: Key) -> Block | None:
        number = int(key[1])
        size = 16 if number & 1 else 4
        return self._blocks.get(ip_network(((number >> 9).to_bytes(size, "big"), number >> 1 & 0xFF)))

    def _still(self, row: Block) -> Block:
        return copy(row)

    def _in_order(self) -> Iterator[Block]:
        return iter(self._rows) if self._newest_first else reversed(self._rows)
