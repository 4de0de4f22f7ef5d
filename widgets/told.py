"""What a wire event says in a timeline: who, what, and in which ink."""

from collections.abc import Callable
from typing import Any

from rich.style import Style

from smtpwatch import events as ev
from widgets import figures, ink

REPLY_LINES = 100  # of one reply that are shown

Said = tuple[str, str, Style | None]
"""Who (`C>`, `S<`, `--` for what neither said in words), what, and in which ink."""


def address(ip: str, port: int) -> str:
    """With its port if that is known, IPv6 in brackets then."""
    if not port:
        return ip
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def _opened(event: ev.SessionOpened) -> list[Said]:
    client, server = address(event.source, event.client_port), address(event.server, event.server_port)
    return [("--", f"{client} connects to {server}", None)]


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
    return [("--", f"{event.by}: the client is {address(event.source, event.client_port)}, says {event.via}", None)]


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


TOLD: dict[type[ev.SessionEvent], Callable[[Any], list[Said]]] = {
    ev.SessionOpened: _opened,
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
