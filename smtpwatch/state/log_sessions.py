"""Sessions as the logs tell them: the lines of one client's visit, and what they come to.

A line belongs to a visit by the process that serves it (Postfix, Sendmail, Exim where it logs its process), by the
client's port where that is logged, or by the session id that OpenSMTPD writes."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterator
from math import inf
from typing import TYPE_CHECKING, Any, Literal

from smtpwatch import events as ev

if TYPE_CHECKING:
    from smtpwatch.state.session import Session

OPEN_VISITS = 20_000  # log sessions whose end was not logged yet; Postfix runs 100 smtpds unless told otherwise
LINES = 200  # of one visit, the latest
QUEUE_IDS = 1_000  # of one visit, the latest
LOGINS = 100  # of one visit, the latest

JoinKind = Literal["port", "queue id", "process", "HELO", "time"]
"""How a log session and a wire session were found to be one: by the client's port, by the queue id that both name, by
the socket that the process has open, by HELO and address, or only by address and time."""

PER_PROCESS = ("smtpd", "sendmail", "sm-mta", "exim", "exim4")
"""Last parts of program names whose processes serve one client at a time."""


class Visit:
    """One client's session as a log has it. `end` None: not logged yet."""

    __slots__ = (
        "account", "after", "before", "client_port", "commands", "connected", "end", "helo", "host", "join",
        "lines", "logins", "messages", "name", "pid", "port_seen", "program", "queue_ids", "refused",
        "server_port", "session", "source", "start", "tls", "whole",
    )  # fmt: skip

    def __init__(self, event: ev.LogEvent) -> None:
        self.host = event.host
        self.program = event.program
        self.pid = event.pid
        self.source = ""
        self.client_port = 0
        self.port_seen = False
        """The port is not logged, but was seen on the process's socket."""
        self.server_port = 0
        self.name = ""
        self.start = event.time
        self.end: float | None = None
        self.connected = False
        """Its beginning was logged: `start` is the connection's."""
        self.after, self.before = -inf, inf
        """By packet time, what its process served before it and after it: it is between these."""
        self.whole = event.time.is_integer()
        """Its stamps have no fraction of a second."""
        self.account = ""
        self.logins: deque[ev.LoginTried] = deque(maxlen=LOGINS)
        self.tls: ev.TlsEstablished | ev.TlsTroubled | None = None
        self.helo: str | None = None
        self.queue_ids: deque[str] = deque(maxlen=QUEUE_IDS)
        self.messages = 0
        self.refused: list[ev.Refused] = []
        self.commands: dict[str, tuple[int, int]] = {}
        self.lines: deque[ev.LogEvent] = deque(maxlen=LINES)
        self.session: Session | None = None
        self.join: JoinKind | None = None

    @property
    def served(self) -> str:
        """The kind of service: the last part of the program's name ("smtpd", "postscreen")."""
        return self.program.rpartition("/")[2]

    @property
    def submission(self) -> bool:
        """The program's name says that it serves submission."""
        return any(word in self.program for word in ("submission", "smtps"))

    def apply(self, event: ev.LogEvent) -> None:
        """Take in one fact of this visit."""
        if isinstance(event, ev.ClientEvent):
            self.source = self.source or event.source
            self.name = self.name or event.name
            self.client_port = self.client_port or event.client_port
        fold = _FOLDS.get(type(event))
        if fold is not None:
            fold(self, event)
        self.lines.append(event)


def _connected(visit: Visit, event: ev.ClientConnected) -> None:
    visit.connected = True
    visit.server_port = event.server_port


def _disconnected(visit: Visit, event: ev.ClientDisconnected) -> None:
    visit.end = event.time
    visit.commands = event.commands


def _tls(visit: Visit, event: ev.TlsEstablished | ev.TlsTroubled) -> None:
    visit.tls = event


def _login(visit: Visit, event: ev.LoginTried) -> None:
    visit.logins.append(event)
    if event.outcome == "success":
        visit.account = event.account


def _refused(visit: Visit, event: ev.Refused) -> None:
    if not event.warning:
        visit.refused = [*visit.refused[-(LINES - 1) :], event]
    visit.helo = visit.helo or event.helo


def _received(visit: Visit, event: ev.MessageReceived) -> None:
    if event.queue_id not in visit.queue_ids:  # OpenSMTPD tells of each envelope
        visit.messages += 1
        visit.queue_ids.append(event.queue_id)
    visit.helo = visit.helo or event.helo
    visit.account = visit.account or event.account


_FOLDS: dict[type[ev.LogEvent], Callable[[Visit, Any], None]] = {
    ev.ClientConnected: _connected,
    ev.ClientDisconnected: _disconnected,
    ev.TlsEstablished: _tls,
    ev.TlsTroubled: _tls,
    ev.LoginTried: _login,
    ev.Refused: _refused,
    ev.MessageReceived: _received,
}


def thread(event: ev.LogEvent) -> Hashable | None:
    """What all lines of one visit have in common, and no other's at the same time; None where nothing tells."""
    service = event.program.rpartition("/")[2]
    if event.pid and service in PER_PROCESS and event.program != "smtpd":
        return event.host, service, event.pid
    if isinstance(event, ev.ClientEvent) and event.client_port and event.source:
        return event.host, service, event.source, event.client_port
    if event.program == "smtpd":  # OpenSMTPD, which begins each line with the id
        word = event.text.partition(" ")[0]
        return (event.host, word) if len(word) == 16 else None
    return None


class Visits:
    """The visits that the logs tell of, and those of them that are not over."""

    def __init__(self) -> None:
        self._open: OrderedDict[Hashable, Visit] = OrderedDict()

    def visit(self, event: ev.LogEvent) -> tuple[Visit | None, bool]:
        """(the visit that `event` is of, whether it is new); None where no thread leads to one. A fact that names no
        client begins none. The event itself is not applied."""
        key = thread(event)
        if key is None:
            return None, False
        begins = type(event) is ev.ClientConnected
        visit = self._open.get(key)
        if visit is not None and not begins and visit.end is None:
            return visit, False
        if not isinstance(event, ev.ClientEvent) or not event.source:
            return None, False
        visit = self._open[key] = Visit(event)
        self._open.move_to_end(key)
        if len(self._open) > OPEN_VISITS:
            self._open.popitem(last=False)
        return visit, True

    def over(self, event: ev.LogEvent) -> None:
        """After its last fact: the thread may lead to another visit from now on."""
        self._open.pop(thread(event), None)

    def __iter__(self) -> Iterator[Visit]:
        return iter(self._open.values())
