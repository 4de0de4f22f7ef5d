"""Which sessions the table shows, and in which order.

Live ones come first, in order of opening, so that rows stand still and what hangs is at the top; then those that
ended, latest first. That order is read off the state's own tables, without a list of all sessions; only a sort or a
filter makes one.
"""

from collections.abc import Iterator, Reversible
from itertools import chain, islice

from smtpwatch.state.picture import still
from smtpwatch.state.sessions import Session, Sessions
from widgets.columns import COLUMNS
from widgets.sieve import Sieve

FROZEN_ROWS = 2_000  # kept of a frozen view: copies take 8 us each, and the key is to be answered at once

Key = tuple[str, int]


class SessionView:
    """Rows of sessions. `settle` fixes them until it is called again, unless they are in the default order."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._sieve: Sieve | None = None
        self._frozen: dict[Key, Session] | None = None
        self._listed: list[Session] | None = None
        self.sorted_by: int | None = None
        """Place in COLUMNS of the sort column, None for the default order."""
        self.reverse = False

    def __len__(self) -> int:
        return self.total if self._listed is None else len(self._listed)

    @property
    def total(self) -> int:
        """Sessions there are, filtered away or not."""
        return len(self._sessions) if self._frozen is None else len(self._frozen)

    @property
    def pending(self) -> int:
        """Sessions that the filter has not looked at yet."""
        return self._sieve.pending if self._sieve is not None else 0

    @property
    def frozen(self) -> bool:
        """Whether the rows are copies that stand still."""
        return self._frozen is not None

    @property
    def descending(self) -> bool:
        """Whether the sort column runs from large to small."""
        return self.sorted_by is not None and COLUMNS[self.sorted_by].descending is not self.reverse

    def filter(self, typed: str) -> None:
        """Show only what passes `typed` (widgets.sieve); all for an empty one."""
        self._sieve = Sieve(typed) if typed.strip() else None

    def freeze(self, around: int) -> int:
        """Stand still: keep copies of all sessions, or, of many, those in the rows around row `around`.

        Returns how many rows above the kept ones are left out."""
        if self.total <= FROZEN_ROWS:
            first, kept = 0, list(self._all())
        else:
            first = max(0, around - FROZEN_ROWS // 2)
            kept = self.window(first, first + FROZEN_ROWS)
        self._frozen = {session.key: still(session) for session in kept}
        return first

    def thaw(self) -> None:
        """Follow the traffic again."""
        self._frozen = None

    def settle(self, now: float) -> None:
        """Work out the rows anew: call on each tick and after each change of sort, filter or freeze."""
        if self._sieve is None and self.sorted_by is None:
            self._listed = None
            return
        sessions = self._all()
        listed = self._sieve.passed(sessions) if self._sieve is not None else list(sessions)
        if self.sorted_by is not None:
            key = COLUMNS[self.sorted_by].key
            listed.sort(key=lambda session: key(session, now), reverse=self.descending)
        self._listed = listed

    def window(self, start: int, stop: int) -> list[Session]:
        """The sessions of rows `start` to `stop` (not included)."""
        if self._listed is not None:
            return self._listed[start:stop]
        if self._frozen is not None:
            return list(islice(self._frozen.values(), start, stop))
        live = len(self._sessions.live)
        rows = list(islice(self._live(), start, stop)) if start < live else []
        if stop > live:
            rows += islice(reversed(self._sessions.recent.values()), max(0, start - live), stop - live)
        return rows

    def row_of(self, key: Key, near: int) -> int | None:
        """The row that `key` is in, None if it is not shown; looks first at row `near`, where it was."""
        at = self.window(near, near + 1)
        if at and at[0].key == key:
            return near
        if self._listed is None and self._frozen is None and self._sessions.get(key) is None:
            return None
        rows = self._listed if self._listed is not None else self._all()
        return next((row for row, session in enumerate(rows) if session.key == key), None)

    def get(self, key: Key) -> Session | None:
        """The session with `key` as the view has it, if it is still held."""
        if self._frozen is not None:
            return self._frozen.get(key)
        return self._sessions.get(key)

    def _live(self) -> Iterator[Session]:
        live: Reversible[Session] = self._sessions.live.values()
        return reversed(live) if self._newest_first else iter(self._sessions.live.values())

    @property
    def _newest_first(self) -> bool:
        return self.reverse and self.sorted_by is None

    def _all(self) -> Iterator[Session]:
        if self._frozen is not None:
            return iter(self._frozen.values())
        return chain(self._live(), reversed(self._sessions.recent.values()))
