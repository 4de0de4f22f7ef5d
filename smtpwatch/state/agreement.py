"""Whether a log's visit, or one line of a log, can be of a session seen on the wire."""

from __future__ import annotations

from smtpwatch.events import ClientEvent, LogEvent
from smtpwatch.state.clocks import TOLERANCE, Offset, middle
from smtpwatch.state.log_sessions import Visit
from smtpwatch.state.session import Session


def fits(visit: Visit, session: Session, offset: Offset) -> bool:
    """Beginnings, ends, TLS, HELO and the kind of port agree, as far as both are known."""
    least, most = offset.window
    if not least <= middle(visit.start, visit.whole) - session.served <= most:
        return False
    if not visit.after < session.served < visit.before:
        return False
    if session.closed_by is not None:
        if visit.start - most > session.end:
            return False
        if visit.end is not None and abs(visit.end - session.end) > TOLERANCE + visit.whole:
            return False
    if visit.submission and session.direction == "inbound":
        return False
    return not contradict(visit, session)


def contradict(visit: Visit, session: Session) -> bool:
    """HELO or TLS are known on both sides, and differ."""
    return not (_agree_on_tls(visit, session) and _same(visit.helo, session.helo))


def contains(session: Session, event: LogEvent, offset: Offset) -> bool:
    """The session was open when the line was logged."""
    least, most = offset.window
    time = middle(event.time, event.time.is_integer())
    return time - session.served >= least and (session.closed_by is None or time - session.end <= most)


def helo_of(event: ClientEvent) -> str:
    """The HELO that a line names, "" if it names none."""
    helo: str | None = getattr(event, "helo", None)
    return helo or ""


def _agree_on_tls(visit: Visit, session: Session) -> bool:
    logged = getattr(visit.tls, "version", None)
    seen = session.tls.version if session.tls is not None else None
    if seen is not None and logged is not None:
        return bool(seen == logged)
    # A handshake that was logged was on the wire as well, if all of the session was seen.
    return logged is None or session.closed_by is None or session.partial is not None


def _same(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one.casefold() == other.casefold()
