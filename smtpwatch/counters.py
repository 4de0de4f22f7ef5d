"""What is counted: the names of the counters that one event bumps.

The same function counts whole events in state and events whose detail was shed under load (Tally): the sums agree.
"""

from collections.abc import Callable, Iterable
from typing import Any

from smtpwatch import events as ev

SESSIONS = "sessions"
CLOSED = "sessions closed"
GREETING_REFUSED = "greetings refused"
ACCEPTED = "messages accepted"
REJECTED = "messages rejected"
DEFERRED = "messages deferred"
RECIPIENTS_ACCEPTED = "recipients accepted"
RECIPIENTS_REFUSED = "recipients refused"
REFUSALS = "refusals"
"""Replies of 4xx or 5xx to a connection, a sender, a recipient or a message."""
AUTH_SUCCESS = "auth success"
AUTH_FAILURE = "auth failure"
TLS = "tls"
TLS_FAILED = "tls failed"
ODDITIES = "oddities"

_OUTCOMES = {
    outcome: f"messages {outcome}" for outcome in ("accepted", "rejected", "deferred", "reset", "abandoned", "unknown")
}
_AUTH = {outcome: f"auth {outcome}" for outcome in ("success", "failure", "aborted", "unknown")}


def _greeting(event: ev.Greeting) -> tuple[str, ...]:
    return (GREETING_REFUSED, REFUSALS) if event.code >= 400 else ()


def _recipient(event: ev.RecipientDecided) -> tuple[str, ...]:
    if event.code is None:
        return ()
    if event.code < 300:
        return (RECIPIENTS_ACCEPTED,)
    return (RECIPIENTS_REFUSED, REFUSALS) if event.code >= 400 else (RECIPIENTS_REFUSED,)


def _message(event: ev.MessageDecided) -> tuple[str, ...]:
    outcome = _OUTCOMES[event.outcome]
    return (outcome, REFUSALS) if (event.code or 0) >= 400 else (outcome,)


_COUNTED: dict[type[ev.Event], Callable[[Any], tuple[str, ...]]] = {
    ev.SessionOpened: lambda event: (SESSIONS, f"{SESSIONS} {event.direction}"),
    ev.SessionClosed: lambda event: (CLOSED,),
    ev.Greeting: _greeting,
    ev.RecipientDecided: _recipient,
    ev.MessageDecided: _message,
    ev.AuthAttempted: lambda event: (_AUTH[event.outcome],),
    ev.TlsNegotiated: lambda event: (TLS, f"{TLS} {event.version}"),
    ev.TlsFailed: lambda event: (TLS_FAILED,),
    ev.Oddity: lambda event: (ODDITIES,),
}


def counted(event: ev.Event) -> tuple[str, ...]:
    """The counters that `event` bumps by one; () for events that are only detail."""
    count = _COUNTED.get(type(event))
    return count(event) if count is not None else ()


def add(counts: dict[str, int], names: Iterable[str]) -> None:
    """Bump `names` in `counts`."""
    for name in names:
        counts[name] = counts.get(name, 0) + 1
