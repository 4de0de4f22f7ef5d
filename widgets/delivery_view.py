"""The deliveries table's rows: destinations by domain, next hop or reason, those with the most attempts first."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from smtpwatch.state.deliveries import Deliveries
from smtpwatch.state.destination import Destination, Kind
from widgets.delivery_columns import COLUMNS, FIELDS
from widgets.rows import Key, Rows

KINDS: tuple[Kind, ...] = ("domain", "hop", "reason")
FROZEN_BESIDE = 200  # rows kept of each kind that is not in sight when the view is frozen


class DeliveryView(Rows[Destination]):
    """Rows of destinations of one `kind`."""

    def __init__(self, deliveries: Deliveries) -> None:
        super().__init__(COLUMNS["domain"], FIELDS)
        self.kind: Kind = "domain"
        self._deliveries = deliveries
        self._ordered: list[Destination] = []
        self._beside: dict[Kind, dict[Key, Destination]] = {}
        """Copies of the rows of the other kinds, while the view is frozen."""

    def group(self) -> None:
        """Go on to the next kind."""
        before = self.kind
        self.kind = KINDS[(KINDS.index(before) + 1) % len(KINDS)]
        self.columns = COLUMNS[self.kind]
        if self._frozen is not None:
            self._beside[before] = self._frozen
            self._frozen = self._beside.pop(self.kind, {})
        else:
            self._ordered = self._deliveries.in_order(self.kind)
        typed, self._filter = self._filter, ("", None)
        self._sieve = None
        self.filter(*typed)

    def settle(self, now: float) -> None:
        """Put them in order anew."""
        if self._frozen is None:
            self._ordered = self._deliveries.in_order(self.kind)
        super().settle(now)

    def freeze(self, around: int) -> int:
        """Stand still, whatever the rows are grouped by later."""
        for kind in KINDS:
            if kind != self.kind:
                rows = self._deliveries.in_order(kind)[:FROZEN_BESIDE]
                self._beside[kind] = {self.key(row): row.still() for row in rows}
        return super().freeze(around)

    def thaw(self) -> None:
        """Follow the deliveries again."""
        super().thaw()
        self._beside.clear()

    def key(self, row: Destination) -> Key:
        """Kind and name."""
        return row.kind, row.name

    def _stamp(self, row: Destination) -> Hashable:
        return row.weight, row.expired, row.waiting

    def _there(self) -> int:
        return len(self._ordered)

    def _find(self, key: Key) -> Destination | None:
        return self._deliveries.get(str(key[0]), str(key[1]))

    def _still(self, row: Destination) -> Destination:
        return row.still()

    def _in_order(self) -> Iterator[Destination]:
        return reversed(self._ordered) if self._newest_first else iter(self._ordered)
