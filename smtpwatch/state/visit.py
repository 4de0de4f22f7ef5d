"""One client's session as a log has it: the lines of its visit, and what they come to."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Any, Literal

from smtpwatch import events as ev

if TYPE_CHECKING:
    from smtpwatch.state.session import Session

LINES = 200  # of one visit, the latest
TEXT = 100_000  # characters of them
QUEUE_IDS = 1_000  # of one visit, the latest
LOGINS = 100  # of one visit, the latest
REFUSALS = 100  # likewise

AGAIN = "auth"
"""The service of Dovecot's lines that tell of a login once more, beside the server's own."""

JoinKind = Literal["port", "queue id", "process", "HELO", "time"]
"""How a log session and a wire session were found to be one: by the client's port, by the queue id that both name, by
the socket that the process has open, by HELO and address, or only by address and time."""

EXACT: tuple[JoinKind | None, ...] = ("port", "queue id", "process")


class Visit:
    """One client's session as a log has it. `end` None: not logged yet."""

    __slots__ = (
        "__weakref__",
        "_characters", "account", "after", "arrived", "before", "client_port", "commands", "connected", "counted",
        "end", "failures", "gone", "helo", "host", "join", "latest", "lines", "logins", "messages", "name", "noted",
        "number", "pid", "port_seen", "program", "queue_ids", "rcpt_refused", "read", "refusals", "refused", "seen",
        "seen_to", "served", "server_port", "session", "source", "spoke", "start", "submission", "tls", "tried",
        "whole",
    )  # fmt: skip

    def __init__(self, event: ev.LogEvent) -> None:
        self.host = event.host
        self.program = event.program
        self.served = event.program.rpartition("/")[2]
        """The kind of service: the last part of the program's name ("smtpd", "postscreen")."""
        self.submission = "submission" in event.program or "smtps" in event.program
        """The program's name says that it serves submission."""
        self.pid = event.pid
        self.source = ""
        self.client_port = 0
        self.port_seen = False
        """The port is not logged, but was seen on the process's socket."""
        self.server_port = 0
        self.name = ""
        self.start = self.latest = event.time
        self.end: float | None = None
        self.number = 0
        """In the order in which they were first told of."""
        self.gone = False
        """It is over, though that was not logged."""
        self.connected = False
        """Its beginning was logged: `start` is the connection's."""
        self.spoke: float | None = None
        """The first line after its beginning: the client has been served by then."""
        self.whole = event.time.is_integer()
        """Its stamps have no fraction of a second."""
        self.arrived = self.seen_to = inf
        """By packet time, as Clocks.arrival has them."""
        self.read = -inf
        """By this host's clock: its first line was not there to be read before."""
        self.seen = False
        """Its process was looked at, soon after that."""
        self.after, self.before = -inf, inf
        """By packet time, what its process served before it and after it: it is between these."""
        self.account = ""
        self.logins: deque[ev.LoginTried] = deque(maxlen=LOGINS)
        self.tried = self.failures = 0
        """All logins, and those that failed: those that are not remembered too."""
        self.noted = 0
        """How many of them have been told of the source (Activity)."""
        self.counted: tuple[int, int] | None = None
        """Refusals and failed logins that were counted at a session that it was taken from: they go with it."""
        self.tls: ev.TlsEstablished | ev.TlsTroubled | None = None
        self.helo: str | None = None
        self.queue_ids: dict[str, float] = {}
        """Of its messages, each with the stamp of its first line."""
        self.messages = 0
        self.refused: deque[ev.Refused] = deque(maxlen=REFUSALS)
        self.refusals = 0
        """All of them, those that are not remembered too."""
        self.rcpt_refused = 0
        self.commands: dict[str, tuple[int, int]] = {}
        self.lines: deque[ev.LogEvent] = deque()
        self._characters = 0
        self.session: Session | None = None
        self.join: JoinKind | None = None

    @property
    def over(self) -> bool:
        """No more lines of it are to come."""
        return self.gone or self.end is not None

    @property
    def dark(self) -> bool:
        """TLS hid what came of it from the wire."""
        return (
            type(self.tls) is ev.TlsEstablished
            or self.commands.get("starttls", (0, 0))[0] > 0
            or self.program.rpartition("/")[0].endswith(("smtps", "submissions"))
        )

    @property
    def by(self) -> float:
        """When it had begun, at the latest: a stamp may stand for all of its second."""
        return self.start + self.whole

    def apply(self, event: ev.LogEvent) -> None:
        """Take in one fact of this visit."""
        kind = type(event)
        if isinstance(event, ev.ClientEvent):
            self.source = self.source or event.source
            if event.source == self.source:  # not the client that a content filter speaks for
                self.name = self.name or event.name
                self.client_port = self.client_port or event.client_port
        if self.spoke is None and kind is not ev.ClientConnected:
            self.spoke = event.time
        self.latest = event.time
        fold = _FOLDS.get(kind)
        if fold is not None:
            fold(self, event)
        self.lines.append(event)
        self._characters += len(event.text)
        while len(self.lines) > LINES or (self._characters > TEXT and len(self.lines) > 1):
            self._characters -= len(self.lines.popleft().text)


def _connected(visit: Visit, event: ev.ClientConnected) -> None:
    visit.connected = True
    visit.start = event.time
    visit.server_port = event.server_port


def _disconnected(visit: Visit, event: ev.ClientDisconnected) -> None:
    visit.end = event.time
    visit.commands = event.commands
    good, every = event.commands.get("auth", (0, 0))
    if every > good:  # the only word of logins that failed without a line: AUTH refused, or given up half-way
        unsure = sum(login.outcome == "deferred" for login in visit.logins)
        visit.failures = max(visit.failures, every - good - unsure)


def _tls(visit: Visit, event: ev.TlsEstablished | ev.TlsTroubled) -> None:
    visit.tls = event


def _login(visit: Visit, event: ev.LoginTried) -> None:
    visit.logins.append(event)
    visit.tried += 1
    visit.failures += event.outcome == "failure"
    if event.outcome == "success":
        visit.account = event.account


def _refused(visit: Visit, event: ev.Refused) -> None:
    if not event.warning:
        visit.refused.append(event)
        visit.refusals += 1
        visit.rcpt_refused += event.stage == "RCPT"
    visit.helo = visit.helo or event.helo


def _received(visit: Visit, event: ev.MessageReceived) -> None:
    if event.queue_id not in visit.queue_ids:  # OpenSMTPD tells of one message several times
        visit.messages += 1
        visit.queue_ids[event.queue_id] = event.time
        if len(visit.queue_ids) > QUEUE_IDS:
            del visit.queue_ids[next(iter(visit.queue_ids))]
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
