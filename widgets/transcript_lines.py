"""One session told in full: what is known of it, and the dialogue line by line."""

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from smtpwatch import clock
from smtpwatch.clean import clean
from smtpwatch.state.clocks import TOLERANCE
from smtpwatch.state.log_sessions import Visit
from smtpwatch.state.logs import SENSOR as LOG
from smtpwatch.state.session import TRANSCRIPT_EVENTS, Session
from widgets import figures, ink
from widgets.cells import cut, fill, wrap
from widgets.placing import Place
from widgets.timeline import LINE_MAX, timeline
from widgets.told import address

LABEL_CELLS = 8
FACT_LINES = 2  # of one fact: a banner must not push the dialogue off the screen


def facts(session: Session, now: float, cells: int) -> list[Strip]:
    """The head of the transcript: each group of facts a line or two of `cells`."""
    ended = session.stage == "closed"
    end = session.end if ended else now
    head = (
        f"{ends(session)}, {session.direction}, from {clock.of_day(session.start)} for "
        f"{figures.span(end - session.start)}, "
        f"{'ended by ' + session.closed_by if session.closed_by else 'ended' if ended else 'open'}"
    )
    lines: list[tuple[str, str | None]] = [
        ("source", f"{session.source}, named by {session.via}" if session.via else None),
        ("banner", session.banner),
        ("HELO", session.helo),
        ("TLS", _tls(session)),
        ("AUTH", _auth(session)),
        ("mail", _mail(session)),
        ("partial", session.partial),
        ("log", _log(session)),
    ]
    strips = fact("", head, cells, ink.STRONG)
    for name, text in lines:
        strips += fact(name, text or "", cells)
    return strips


def fact(name: str, text: str, cells: int, style: Style | None = None, most: int = FACT_LINES) -> list[Strip]:
    """A fact with its name before it, in at most that many lines; none for an empty text."""
    label = fill(name, LABEL_CELLS) if name else ""
    strips = []
    room = max(10, cells - len(label))
    lines = wrap(clean(text[:LINE_MAX]), room) if text else []
    if len(lines) > most:
        lines = [*lines[: most - 1], cut(" ".join(lines[most - 1 :]), room)]
    for line in lines:
        strips.append(Strip([Segment(label, ink.FAINT), Segment(line, style)]))
        label = " " * len(label)
    return strips


def ends(session: Session) -> str:
    """Client and server, as far as both are known: a log may name neither port nor server."""
    client = session.source if session.via is None else session.client
    server = address(session.server, session.server_port) if session.server else ""
    if not server and session.server_port:
        server = f"port {session.server_port}"
    return address(client, session.client_port) + (f" to {server}" if server else "")


def dialogue(session: Session, cells: int) -> list[Strip]:
    """Commands, replies, what else happened and what the logs say of it, each with its time since the session's start,
    wrapped to `cells`."""
    strips = []
    if len(session.transcript) == TRANSCRIPT_EVENTS:
        strips.append(Strip([Segment("(earlier lines are no longer kept)", ink.FAINT)]))
    place = Place(session)
    entries = place.wire(session.transcript)
    for visit in session.visits:
        entries += place.logged(visit.lines)
    return strips + timeline(entries, session.start, cells)


def _tls(session: Session) -> str:
    tls = session.tls
    if tls is None:
        return "none logged" if session.sensor == LOG else f"none (STARTTLS {session.starttls})"
    if tls.failed is not None:
        return f"failed: {tls.failed}" + (f" (alert {tls.alert})" if tls.alert else "")
    known = [
        tls.version,
        tls.cipher,
        tls.group,
        "resumed" if tls.resumed else None,
        f"SNI {tls.sni}" if tls.sni else None,
        f"ALPN {tls.alpn}" if tls.alpn else None,
        f"JA4 {tls.ja4}" if tls.ja4 else None,
    ]
    return " ".join(fact for fact in known if fact)


def _mail(session: Session) -> str:
    words = f"{session.messages} accepted, recipients {session.accepted} ok {session.refused} refused"
    if session.sensor == LOG:
        return words
    return (
        f"{words}, octets {figures.octets(session.octets_client)} by the client "
        f"{figures.octets(session.octets_server)} by the server"
    )


def _auth(session: Session) -> str | None:
    tried = ", ".join(f"{mechanism} {outcome}" for mechanism, outcome in session.auth[-5:])
    if session.account:
        return f"{session.account} {tried}".rstrip()
    names = list(dict.fromkeys(login.account for visit in session.visits for login in visit.logins if login.account))
    return f"{tried} ({', '.join(names[-5:])})" if names else tried or None


def _log(session: Session) -> str | None:
    """Which processes logged it, and how sure it is that they mean this session."""
    return ", ".join(f"{service(visit)} ({joined(visit)})" for visit in session.visits) or None


def service(visit: Visit) -> str:
    """The process that logged it."""
    return f"{visit.program}[{visit.pid}]" if visit.pid else visit.program


def joined(visit: Visit) -> str:
    """How sure it is that log and wire mean the same session."""
    return "not seen on the wire" if visit.join is None else f"known by {_BY[visit.join]}"


_BY = {
    "port": "its port",
    "queue id": "its queue id",
    "process": "the socket of the process",
    "HELO": "address and HELO",
    "time": f"address and time, within {TOLERANCE:.0f} s",
}
