"""Whether a log's visit, or one line of a log, can be of a session seen on the wire."""

from __future__ import annotations

from math import inf

from smtpwatch.events import ClientEvent
from smtpwatch.state.clocks import TOLERANCE, Window
from smtpwatch.state.glance import Glance
from smtpwatch.state.session import Session
from smtpwatch.state.visit import EXACT, Visit

RELAY = 25  # the port that no submission service has
FIRST_SERVED = ("postscreen", "tlsproxy")  # by these before the server says a word


def from_port(visit: Visit, session: Session, window: Window) -> bool:
    """They have the same port; can they be the same? Ports are used again."""
    least, most = window
    first = visit.served in FIRST_SERVED
    begun = session.start if first else session.served
    if not (first or session.spoken) or session.start > visit.arrived or visit.by - begun < least:
        return False
    if (visit.start if visit.connected else visit.latest) - (session.end if session.over else inf) > most:
        return False
    if visit.connected and visit.start - begun > most and (first or session.greeted is not None):
        return False
    return _same_service(visit, session) and not taken(session, visit)


def gave(visit: Visit, queue_id: str, session: Session, time: float, window: Window) -> bool:
    """The session got that queue id for a message at `time`, and a message of the visit has it; can they be the same?
    Queue ids are used again."""
    least, most = window
    logged = visit.queue_ids.get(queue_id)
    if logged is None or logged - time > most or logged + visit.whole - session.served < least:
        return False
    if visit.end is not None and visit.end + visit.whole - time < least:
        return False
    return not taken(session, visit)


def in_time(visit: Visit, session: Session | Glance, window: Window) -> bool:
    """The session may have been served when the visit's first line was written, going by time alone."""
    if session.direction == "outbound" or not session.spoken or session.start > visit.arrived:
        return False
    least, most = window
    began, by = visit.start, visit.by
    if session.over and began - session.end > most:
        return False
    if session.greeted is None:  # its beginning was not seen
        return True
    if not visit.after < session.greeted < visit.before:
        return False
    if not visit.connected:
        return by - session.greeted >= least
    if visit.spoke is not None and visit.spoke + visit.whole - session.greeted < least:
        return False
    return by - session.greeted >= least and began - session.greeted <= most


def agree(visit: Visit, session: Session, window: Window) -> bool:
    """Beginnings, ends, TLS, HELO and the kind of port agree, as far as both are known."""
    if session.greeted is None or session.greeted > visit.arrived or not in_time(visit, session, window):
        return False
    if visit.port_seen and visit.client_port != session.client_port:
        return False
    if session.over and visit.end is not None and abs(visit.end - session.end) > TOLERANCE + visit.whole:
        return False
    return _same_service(visit, session) and not contradict(visit, session)


def contradict(visit: Visit, session: Session) -> bool:
    """HELO or TLS are known on both sides, and differ."""
    if visit.helo is not None and not may_have_said(session, visit.helo):
        return True
    logged = getattr(visit.tls, "version", None)
    seen = session.tls.version if session.tls is not None else None
    if seen is not None and logged is not None:
        return _tls_name(seen) != _tls_name(logged)
    # What was logged of a handshake was on the wire as well, if all of the session was seen.
    whole = session.over and session.partial is None
    if whole and logged is not None and session.tls is None:
        return True
    started = visit.commands.get("starttls", (0, 0))[0] > 0
    return bool(whole and visit.commands and started != (session.starttls == "accepted") and not _implicit(session))


def may_have_said(session: Session, helo: str) -> bool:
    """Whether that may have been its HELO: behind TLS it may have been any, and where packets are missing too."""
    if session.dark or session.starttls == "accepted" or session.partial is not None or not session.names_known:
        return True
    return has_said(session, helo) or not session.names


def has_said(session: Session, helo: str) -> bool:
    """Whether the wire shows that HELO."""
    return helo.casefold() in session.names


def contains(session: Session, event: ClientEvent, window: Window) -> bool:
    """The session was open when the line was logged, going by time alone."""
    if session.direction == "outbound" or not session.spoken:
        return False
    least, most = window
    if session.over and event.time - session.end > most:
        return False
    return event.time + event.time.is_integer() - session.served >= least


def taken(session: Session, visit: Visit) -> bool:
    """Another visit of that client to that service is surely this session."""
    return any(
        each.served == visit.served and each.source == visit.source and each.join in EXACT and each is not visit
        for each in session.visits
    )


def _same_service(visit: Visit, session: Session) -> bool:
    if visit.submission and session.server_port == RELAY:
        return False
    return not (visit.server_port and session.server_port and visit.server_port != session.server_port)


def _implicit(session: Session) -> bool:
    return session.tls is not None and session.tls.implicit


def _tls_name(version: str) -> str:
    """OpenSSL says "TLSv1" for 1.0."""
    return "TLSv1.0" if version == "TLSv1" else version
