"""Which lines are of one visit.

A line belongs to a visit by the process that serves it (Postfix, Sendmail, Exim where it logs its process), by the
client's port where that is logged, or by the session id that OpenSMTPD writes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from functools import lru_cache

from smtpwatch import events as ev
from smtpwatch.state.clocks import TOLERANCE
from smtpwatch.state.visit import Visit

__all__ = ["Visit", "Visits", "of_smtp", "thread"]

FOLLOWED = 1_000  # visits remembered that were followed by another before their end was logged
OPEN_VISITS = 20_000  # log sessions whose end was not logged yet; Postfix runs 100 smtpds unless told otherwise
IDLE = 3_600.0  # seconds without a line after which a visit is over: its end was not logged; a long message has none
LOOSE_IDLE = 300.0  # the same for a visit without a beginning, which may have no end either

PER_PROCESS = ("smtpd", "sendmail", "sm-mta", "exim", "exim4")
"""Last parts of program names whose processes serve one client at a time."""

_ONE_SERVICE = {"tlsproxy": "postscreen"}  # which speaks TLS for it
_SMTP = ("smtp", "esmtp", "smtps", "submission", "submissions", "auth")
_MAILBOXES = ("imap", "pop3", "managesieve", "courierpop3", "vchkpw-imap", "vchkpw-pop3")
_OF_NO_VISIT = (ev.ClientPeak, ev.ClientPortSeen)


def thread(event: ev.LogEvent) -> Hashable | None:
    """What all lines of one visit have in common, and no other's at the same time; None where nothing tells."""
    program = event.program
    service, alone = _service(program)
    if alone and event.pid:
        return event.host, service, event.pid
    if isinstance(event, ev.ClientEvent) and event.client_port and event.source and of_smtp(event):
        return event.host, service, event.source, event.client_port
    if program == "smtpd":  # OpenSMTPD, which begins each line with the id
        word = event.text[:17]
        return (event.host, word) if len(word) == 17 and word[16] == " " else None
    return None


@lru_cache(1_000)
def _service(program: str) -> tuple[str, bool]:
    """The service that a program is of, and whether each of its processes serves one client at a time."""
    service = program.rpartition("/")[2]
    return _ONE_SERVICE.get(service, service), service in PER_PROCESS and program != "smtpd"


def of_smtp(event: ev.ClientEvent) -> bool:
    """It is of a session that speaks SMTP; there are clients that read mail, and log in to do so."""
    if type(event) is ev.LoginTried:
        return event.service in _SMTP
    if event.program == "dovecot":
        return event.text.startswith("submission")
    return type(event) not in _OF_NO_VISIT and not event.program.startswith(_MAILBOXES)


class Visits:
    """The visits that the logs tell of and that are not over."""

    def __init__(self) -> None:
        self._open: OrderedDict[Hashable, Visit] = OrderedDict()
        """Those whose beginning was logged, the longest silent first."""
        self._loose: OrderedDict[Hashable, Visit] = OrderedDict()
        """The others, likewise."""
        self._followed: OrderedDict[Hashable, Visit] = OrderedDict()
        """Those whose thread led to another one before their end was logged: it may come late."""
        self.given_up: list[Visit] = []
        """Those that were, since it was last emptied."""

    def visit(self, event: ev.LogEvent) -> tuple[Visit | None, bool]:
        """(the visit that `event` is of, whether it is new); None where no thread leads to one. A fact that names no
        client begins none. The event itself is not applied."""
        key = thread(event)
        if key is None:
            return None, False
        begins = type(event) is ev.ClientConnected
        held = self._open
        visit = held.get(key)
        if visit is None:
            held = self._loose
            visit = held.get(key)
        if visit is not None:
            if begins and _begun_late(visit, event):
                del self._loose[key]
                self._open[key] = visit
                return visit, False
            if not begins and event.time < visit.start:
                before = self._followed.get(key)
                return (before if before is not None and _goes_on(before, event) else None), False
            if not begins and _goes_on(visit, event):
                held.move_to_end(key)
                return visit, False
            self._follow(key, held.pop(key))
        if not isinstance(event, ev.ClientEvent) or not event.source:
            return None, False
        visit = Visit(event)
        held = self._open if begins else self._loose
        held[key] = visit
        if len(held) > OPEN_VISITS:
            self._give_up(held.popitem(last=False)[1])
        return visit, True

    def _follow(self, key: Hashable, visit: Visit) -> None:
        self._give_up(visit)
        self._followed[key] = visit
        self._followed.move_to_end(key)
        if len(self._followed) > FOLLOWED:
            self._followed.popitem(last=False)

    def _give_up(self, visit: Visit) -> None:
        visit.gone = True
        self.given_up.append(visit)

    def over(self, event: ev.LogEvent, visit: Visit) -> None:
        """After its last fact: the thread may lead to another visit from now on."""
        key = thread(event)
        for held in (self._open, self._loose, self._followed):
            if held.get(key) is visit:
                del held[key]

    def give_up_idle(self, now: float) -> None:
        """Give up those that are over, as far as can be known by `now`, though no line has said so."""
        for held, idle in ((self._open, IDLE), (self._loose, LOOSE_IDLE)):
            while held:
                key = next(iter(held))
                if now - held[key].latest <= idle:
                    break
                self._give_up(held.pop(key))

    def __len__(self) -> int:
        return len(self._open) + len(self._loose)


def _goes_on(visit: Visit, event: ev.LogEvent) -> bool:
    """Whether it is of the same client. A process may have gone on to the next one without a line that says so."""
    source = getattr(event, "source", "")
    if source and source != visit.source and not _speaks_for(event):
        return False
    if visit.connected:
        return True
    if event.time - visit.latest > LOOSE_IDLE:
        return False
    session = visit.session
    return session is None or not session.over or event.time - session.end <= TOLERANCE


def _begun_late(visit: Visit, event: ev.LogEvent) -> bool:
    """Whether the line of its beginning has come after others of it."""
    source = getattr(event, "source", "")
    return not visit.connected and visit.source == source and 0.0 <= visit.start - event.time <= TOLERANCE


def _speaks_for(event: ev.LogEvent) -> bool:
    """A content filter has named the client that it speaks for (XFORWARD)."""
    return type(event) is ev.MessageReceived and ", orig_client=" in event.text
