"""The session table's rows.

Live ones come first, in order of opening, so that rows stand still and what hangs is at the top; then those that
ended, latest first.
"""

from collections.abc import Callable, Hashable, Iterator
from itertools import chain, islice

from smtpwatch.query import Place
from smtpwatch.state.picture import still
from smtpwatch.state.session import Session
from smtpwatch.state.sessions import Sessions
from smtpwatch.state.sleepers import Asleep
from widgets.blocked import Blocked, not_blocked
from widgets.columns import COLUMNS
from widgets.rows import Key, Rows
from widgets.session_fields import MOVING, mail_of, session_fields


class SessionView(Rows[Session]):
    """Rows of sessions."""

    newest_on_top = False

    def __init__(
        self,
        sessions: Sessions,
        places: Callable[[str], Place | None] | None = None,
        names: Callable[[str], str | None] | None = None,
        blocked: Blocked = not_blocked,
    ) -> None:
        """`places` tells where an address is, `names` what it is called: both at once, or None."""
        fields = session_fields(sessions.logs.messages, lambda: self.now, places, names, blocked)
        super().__init__(COLUMNS, fields, MOVING)
        self._sessions = sessions

    def key(self, row: Session) -> Key:
        """The session's own."""
        return row.key

    def _made(self, row: Session | Asleep) -> Session:
        return self._sessions.live.unpacked(row)

    def _stamp(self, row: Session | Asleep) -> Hashable:
        if isinstance(row, Asleep):
            return row.packed
        own = row.end, row.stage, row.accepted + row.refused, row.account
        if not row.visits:
            return own
        lines = [(each.latest, len(each.lines)) for each in row.visits]
        mail = [(len(each.lines), each.lines[-1].time) for each in mail_of(row, self._sessions.logs.messages)]
        return (*own, *lines, *mail)

    def _there(self) -> int:
        return len(self._sessions)

    def _find(self, key: Key) -> Session | None:
        return self._sessions.get(key)  # type: ignore[arg-type]

    def _still(self, row: Session) -> Session:
        return still(row)

    def _in_order(self) -> Iterator[Session | Asleep]:
        return chain(self._sessions.live.as_they_are(self._newest_first), reversed(self._sessions.recent.values()))

    def _slice(self, start: int, stop: int) -> list[Session]:
        live = self._sessions.live
        rows: list[Session] = []
        if start < len(live):
            rows += map(live.unpacked, islice(live.as_they_are(self._newest_first), start, stop))
        if stop > len(live):
            recent = reversed(self._sessions.recent.values())
            rows += islice(recent, max(0, start - len(live)), stop - len(live))
        return rows
