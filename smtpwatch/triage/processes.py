"""Which process had a connection elsewhere open, of those that are not the mail server's."""

from __future__ import annotations

from collections import OrderedDict

from smtpwatch.events import ProcessSeen
from smtpwatch.state.session import Session

CONNECTIONS = 2_000  # the latest; sessions are held for about as many

_Ends = tuple[str, int, str, int]


class Processes:
    """By connection, as they are told of."""

    def __init__(self) -> None:
        self._seen: OrderedDict[_Ends, ProcessSeen] = OrderedDict()

    def take(self, event: ProcessSeen) -> None:
        """One more."""
        ends = (event.source, event.client_port, event.server, event.server_port)
        self._seen.pop(ends, None)
        self._seen[ends] = event
        if len(self._seen) > CONNECTIONS:
            self._seen.popitem(last=False)

    def of(self, session: Session) -> ProcessSeen | None:
        """The one whose connection a session was."""
        return self._seen.get((session.client, session.client_port, session.server, session.server_port))
