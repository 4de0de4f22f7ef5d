"""One session told in full: what is known of it, and the dialogue line by line."""

from collections.abc import Callable
from typing import Any

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from smtpwatch import clock
from smtpwatch import events as ev
from smtpwatch.clean import clean
from smtpwatch.state.sessions import TRANSCRIPT_EVENTS, Session, TlsFacts
from widgets import figures, ink
from widgets.cells import fill, width, wrap

TIME_CELLS = 10  # "+10:00:00" and a space
WHO_CELLS = 3
LABEL_CELLS = 8
FACT_LINES = 2  # of one fact: a banner must not push the dialogue off the screen
LINE_MAX = 2_000  # characters of one line that are shown: RFC 5321, 4.5.3.1.5 allows 512 octets
REPLY_LINES = 100  # of one reply that are shown

Said = tuple[str, str, Style | None]
"""Who (`C>`, `S<`, `--` for what neither said in words), what, and in which ink."""


def facts(session: Session, now: float, cells: int) -> list[Strip]:
    """The head of the transcript: each group of facts a line or two of `cells`."""
    ended = session.stage == "closed"
    end = session.end if ended else now
    client = session.source if session.via is None else session.client
    head = (
        f"{_address(client, session.client_port)} to {_address(session.server, session.server_port)}, "
        f"{session.direction}, from {clock.of_day(session.start)} for {end - session.start:.1f} s, "
        f"{'ended by ' + session.closed_by if session.closed_by else 'ended' if ended else 'open'}"
    )
    lines: list[tuple[str, str | None]] = [
        ("", head),
        ("source", f"{session.source}, named by {session.via}" if session.via else None),
        ("banner", session.banner),
        ("HELO", session.helo),
        ("TLS", _tls(session.tls) or f"none (STARTTLS {session.starttls})"),
        ("AUTH", ", ".join(f"{mechanism} {outcome}" for mechanism, outcome in session.auth[-5:]) or None),
        ("mail", _mail(session)),
        ("partial", session.partial),
    ]
    strips = []
    for name, text in lines:
        if text is not None:
            label = fill(name, LABEL_CELLS) if name else ""
            for line in wrap(clean(text[:LINE_MAX]), max(10, cells - len(label)))[:FACT_LINES]:
                strips.append(Strip([Segment(label, ink.FAINT), Segment(line, None if name else ink.STRONG)]))
                label = " " * len(label)
    return strips


def dialogue(session: Session, cells: int) -> list[Strip]:
    """Commands, replies and what else happened, each with its time since the session's start, wrapped to `cells`."""
    strips = []
    if len(session.transcript) == TRANSCRIPT_EVENTS:
        strips.append(Strip([Segment("(earlier lines are no longer kept)", ink.FAINT)]))
    for event in session.transcript:
        tell = _TOLD.get(type(event))
        if tell is None:
            continue
        time = fill(figures.since(event.time - session.start), TIME_CELLS)
        for who, text, style in tell(event):
            strips += _wrapped(time, who, text, style, cells)
            time = " " * TIME_CELLS
    return strips


def _wrapped(time: str, who: str, text: str, style: Style | None, cells: int) -> list[Strip]:
    room = max(10, cells - TIME_CELLS - WHO_CELLS)
    strips = []
    for part in wrap(clean(text[:LINE_MAX]), room):
        strips.append(Strip([Segment(time, ink.FAINT), Segment(fill(who, WHO_CELLS) + part, style)]))
        time, who = " " * width(time), ""
    return strips


def _address(ip: str, port: int) -> str:
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def _tls(tls: TlsFacts | None) -> str | None:
    if tls is None:
        return None
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
    return (
        f"{session.messages} accepted, recipients {session.accepted} ok {session.refused} refused, octets "
        f"{figures.octets(session.octets_client)} by the client {figures.octets(session.octets_server)} by the server"
    )


def _greeting(event: ev.Greeting) -> list[Said]:
    return _reply_lines(event.code, event.text)


def _command(event: ev.Command) -> list[Said]:
    return [("C>", f"{event.verb} {event.argument}".rstrip(), ink.STRONG)]


def _reply(event: ev.Reply) -> list[Said]:
    return _reply_lines(event.code, event.text)


def _reply_lines(code: int, text: str) -> list[Said]:
    style = ink.BAD if code >= 500 else ink.WARN if code >= 400 else None
    *first, last = text.split("\n")[:REPLY_LINES]
    return [("S<", f"{code}-{line}", style) for line in first] + [("S<", f"{code} {last}", style)]


def _named(event: ev.SourceNamed) -> list[Said]:
    return [("--", f"{event.by}: the client is {_address(event.source, event.client_port)}, says {event.via}", None)]


def _message(event: ev.MessageDecided) -> list[Said]:
    words = f"message {event.outcome}: {event.accepted} recipients accepted, {event.refused} refused"
    if event.octets:
        words += f", {figures.octets(event.octets)} octets"
    if event.queue_id:
        words += f", queue id {event.queue_id}"
    style = ink.BAD if event.outcome == "rejected" else ink.WARN if event.outcome == "deferred" else None
    return [("--", words, style)]


def _auth(event: ev.AuthAttempted) -> list[Said]:
    cover = "" if event.encrypted else " in clear text"
    return [("--", f"AUTH {event.mechanism}: {event.outcome}{cover}", ink.BAD if event.outcome == "failure" else None)]


def _tls_offered(event: ev.TlsOffered) -> list[Said]:
    words = f"ClientHello: {', '.join(event.versions)}; {len(event.ciphers)} ciphers; groups {', '.join(event.groups)}"
    return [("--", words + (f"; SNI {event.sni}" if event.sni else ""), None)]


def _tls_negotiated(event: ev.TlsNegotiated) -> list[Said]:
    group = f" {event.group}" if event.group else ""
    resumed = ", resumed" if event.resumed else ""
    return [("--", f"ServerHello: {event.version} {event.cipher}{group}{resumed}; the rest is encrypted", ink.GOOD)]


def _tls_failed(event: ev.TlsFailed) -> list[Said]:
    alert = f", alert {event.alert}" if event.alert else ""
    return [("--", f"TLS failed by {event.by}: {event.reason}{alert}", ink.BAD)]


def _oddity(event: ev.Oddity) -> list[Said]:
    return [("!!", f"{event.kind}: {event.detail}", ink.WARN)]


def _closed(event: ev.SessionClosed) -> list[Said]:
    return [("--", f"ended by {event.closed_by}", ink.FAINT)]


_TOLD: dict[type[ev.SessionEvent], Callable[[Any], list[Said]]] = {
    ev.Greeting: _greeting,
    ev.Command: _command,
    ev.Reply: _reply,
    ev.SourceNamed: _named,
    ev.MessageDecided: _message,
    ev.AuthAttempted: _auth,
    ev.TlsOffered: _tls_offered,
    ev.TlsNegotiated: _tls_negotiated,
    ev.TlsFailed: _tls_failed,
    ev.Oddity: _oddity,
    ev.SessionClosed: _closed,
}
