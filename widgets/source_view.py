"""The rows of sources, or of what they are grouped by, those first that have done the most of late."""

from collections.abc import Hashable, Iterator
from copy import copy, deepcopy
from heapq import nlargest
from itertools import islice
from operator import attrgetter

from smtpwatch.lookup import NO_LOOKUPS, Lookups
from smtpwatch.query import holds, sift
from smtpwatch.state.activity import Activity
from smtpwatch.state.networks import smallest
from smtpwatch.state.party import Dimension, Party
from widgets.blocked import Blocked, not_blocked
from widgets.rows import Key, Rows
from widgets.source_columns import FEW_TRIES, group_columns, mark, source_columns
from widgets.source_fields import group_fields, members_term, source_fields
from widgets.table_layout import Column

HOLD = 3.0  # seconds that an order stands: rows that change places each second cannot be read
FROZEN_BESIDE = 200  # rows kept of each dimension that is not in sight when the view is frozen: 20 ms for all
MOVING = ("name", "blocked")  # fields that change though the row does not
GROUP = 2  # place of the column that names a group

KINDS = ("helos", "senders", "recipients", "accounts", "ja4s", "versions", "ciphers", "reasons")
"""What Facts has a Few of."""

_heat = attrgetter("heat")


class SourceView(Rows[Party]):
    """Rows of one `dimension`."""

    def __init__(self, activity: Activity, lookups: Lookups = NO_LOOKUPS, blocked: Blocked = not_blocked) -> None:
        host = self._host = None if lookups.names is None else lookups.host
        self._lookups = lookups
        self._blocked = blocked
        self._sources = source_columns(False, host, blocked)
        super().__init__(self._sources, source_fields(lambda: self.now, host, blocked), MOVING)
        self._activity = activity
        self._offenders: dict[str, str] = {}
        self._order: list[Party] = []
        self._ordered = 0.0
        self._how: tuple[object, ...] = ()
        self._asked = False
        """Whether there is a geo database: that is not asked before the first rows, as opening one takes 25 ms."""
        self.dimension = Dimension.ADDRESS
        self._beside: dict[Dimension, dict[Key, Party]] = {}
        """Copies of the rows of the other dimensions, while the view is frozen."""

    def group_by(self, dimension: Dimension) -> None:
        """Show the groups of that kind; filter and freeze stay, a sort by a column that is no more does not."""
        if self._frozen is not None:
            self._beside[self.dimension] = self._frozen
            self._frozen = self._beside.pop(dimension, {})
        self.dimension = dimension
        if dimension is Dimension.ADDRESS:
            self.columns, self.fields = self._sources, source_fields(lambda: self.now, self._host, self._blocked)
        else:
            self.columns = group_columns(dimension, lambda net: self._offenders.get(net, ""))
            self.fields = group_fields(dimension, lambda: self.now)
        self.sorted_by, self.reverse = None, False
        self._order = []
        typed, self._filter = self._filter, ("", None)
        self._sieve = None
        self.filter(*typed)

    def settle(self, now: float) -> None:
        """As Rows has it; the order, by a column too, is worked out anew every few seconds."""
        if not self._asked:
            self._asked = True
            self._sources = source_columns(self._lookups.located, self._host, self._blocked)
            if self.dimension is Dimension.ADDRESS:
                self.columns = self._sources
        if self._frozen is None and self._stale(now):
            self._order = sorted(self._held, key=_heat, reverse=True)
            self._ordered = now
            if self.dimension is Dimension.NETWORK:
                self._offenders = offenders(self._activity)
        elif self.sorted_by is not None and not self.pending and self._asked_for == self._how:
            self.now = now
            return
        self._how = self._asked_for
        super().settle(now)

    @property
    def _asked_for(self) -> tuple[object, ...]:
        """What rows hang on beside the traffic."""
        return self.dimension, self.sorted_by, self.reverse, self._sieve, self._frozen is None

    def _stale(self, now: float) -> bool:
        """While a file is read time may stand still, and what is read last must show as well."""
        held = self._order and all(party.held for party in self._order[:100])
        return not held or not 0 < now - self._ordered < HOLD

    def freeze(self, around: int) -> int:
        """Stand still, whatever the rows are grouped by later."""
        self._offenders = offenders(self._activity)
        for dimension, parties in self._activity.groups.items():
            if dimension is not self.dimension:
                kept = nlargest(FROZEN_BESIDE, parties, key=_heat)
                self._beside[dimension] = {(dimension.value, party.key): still(party) for party in kept}
        return super().freeze(around)

    def thaw(self) -> None:
        """Follow the traffic again."""
        super().thaw()
        self._beside.clear()

    def term(self, column: Column[Party], row: Party) -> str:
        """As Rows has it; that of a group is the one that finds its members too."""
        if self.dimension is Dimension.ADDRESS or column is not self.columns[GROUP]:
            return super().term(column, row)
        written = members_term(row)
        asked = sift(written).terms
        return written if asked and holds(self.fields[asked[0].field](row), asked[0].ask) else ""

    def members(self, group: Party) -> Iterator[Party]:
        """The sources of a group, as the filter for them finds them."""
        (term,) = sift(members_term(group)).terms
        read = source_fields(lambda: self.now, self._host, self._blocked)[term.field]
        return (party for party in self._activity.sources if holds(read(party), term.ask))

    def key(self, row: Party) -> Key:
        """By dimension, since a number may be an account's name."""
        return self.dimension.value, row.key

    @property
    def _held(self) -> Iterator[Party]:
        return iter(self._activity.groups[self.dimension])

    def _stamp(self, row: Party) -> Hashable:
        return row.weight, row.sessions, row.last

    def _there(self) -> int:
        return len(self._order)

    def _find(self, key: Key) -> Party | None:
        return self._activity.groups[self.dimension].get(key[1]) if key[0] == self.dimension.value else None

    def _still(self, row: Party) -> Party:
        return still(row)

    def _in_order(self) -> Iterator[Party]:
        return reversed(self._order) if self._newest_first else iter(self._order)

    def _slice(self, start: int, stop: int) -> list[Party]:
        return list(islice(self._in_order(), start, stop))


def offenders(activity: Activity) -> dict[str, str]:
    """By network, the smallest prefix that holds its sources that are mostly refused or fail to log in, and how many of
    all they are: `203.0.113.0/26 13/14`. Of those that are followed one by one."""
    bad: dict[str, list[str]] = {}
    every: dict[str, int] = {}
    for party in activity.sources:
        if party.facts is not None:
            every[party.facts.network] = every.get(party.facts.network, 0) + 1
            if party.weight - party.sessions >= FEW_TRIES and mark(party) == "x":  # of a flood, most tried once
                bad.setdefault(party.facts.network, []).append(party.key)
    return {network: f"{smallest(sources)} {len(sources)}/{every[network]}" for network, sources in bad.items()}


def still(party: Party) -> Party:
    """A copy that later events leave alone."""
    twin = copy(party)
    twin.history = party.history.still()
    if party.members is not None:
        twin.members = deepcopy(party.members)
    if party.facts is not None:
        twin.facts = copy(party.facts)
        for kind in KINDS:
            few = getattr(party.facts, kind)
            if few is not None:
                setattr(twin.facts, kind, few.still())
    return twin
