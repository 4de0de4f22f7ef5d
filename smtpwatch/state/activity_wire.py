"""What the wire's events come to: each is folded into who does what (activity.py) after its session has taken it in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from smtpwatch import counters
from smtpwatch import events as ev
from smtpwatch.reasons import classified
from smtpwatch.state.activity import GROUPS, OURS, Activity, Refusal
from smtpwatch.state.names import domain_of
from smtpwatch.state.party import Dimension, Outcome, Party
from smtpwatch.state.session import Session

HELLO = ("EHLO", "HELO", "LHLO")


def wire(activity: Activity, session: Session, event: ev.SessionEvent) -> None:
    """After `event` was folded into its session."""
    fold = _FOLDS.get(type(event))
    if fold is not None:
        fold(activity, session, event)


def tally(activity: Activity, event: ev.Tally) -> None:
    """What was shed, by source: sessions of which no more is told, and outcomes without their reasons."""
    counts = event.counts
    begun = {direction: counts.get(f"{counters.SESSIONS} {direction}", 0) for direction in activity.totals}
    for direction, n in begun.items():
        if n:
            activity.totals[direction].shed(n, event.time)
            activity.openings[direction].add(event.time, n)
    ours = sum(begun[direction] for direction in OURS)
    if not ours and (begun["outbound"] or event.source in activity.us):
        parties: tuple[Party, ...] = (activity.totals["outbound"],)
    else:
        parties = (activity.totals["submission" if ours and not begun["inbound"] else "inbound"],)
        if event.source:
            places = activity.origins.of(event.source, event.time)
            parties += places
            if ours:
                for party in places:
                    party.shed(ours, event.time)
    passed, tls = counts.get(counters.AUTH_SUCCESS, 0), counts.get(counters.TLS, 0)
    for party in parties:
        party.passed += passed
        party.tls += tls
        for name, outcome in _TALLIED:
            if n := counts.get(name, 0):
                party.count(outcome, event.time, n)
    for name, outcome in _TALLIED:
        if n := counts.get(name, 0):
            activity.noticed.came_of(None, parties, outcome, event.time, n)


def _opened(activity: Activity, session: Session, event: ev.SessionOpened) -> None:
    activity.opened(session, event.start)


def _closed(activity: Activity, session: Session, event: ev.SessionClosed) -> None:
    activity.closed(session)


def _command(activity: Activity, session: Session, event: ev.Command) -> None:
    if event.verb in HELLO and not event.argument.endswith(ev.CUT):
        activity.hello(session, event.argument, event.time)


def _greeting(activity: Activity, session: Session, event: ev.Greeting) -> None:
    if event.code >= 400:
        activity.refused(session, _refusal(event, event.code, None, event.text))


def _transaction(activity: Activity, session: Session, event: ev.TransactionOpened) -> None:
    if event.sender is not None:
        activity.noted(session, "senders", event.sender or "<>")


def _recipient(activity: Activity, session: Session, event: ev.RecipientDecided) -> None:
    if event.recipient is not None:
        activity.noted(session, "recipients", event.recipient)
    if event.code is not None and event.code >= 400:
        current = session.transaction
        sender = None if current is None else current.sender
        activity.refused(session, _refusal(event, event.code, event.enhanced, event.text, sender, event.recipient))
    elif event.code is not None:
        activity.noticed.took_recipient(session, event)


def _message(activity: Activity, session: Session, event: ev.MessageDecided) -> None:
    if event.code is not None and event.code >= 400:
        if event.sender is not None and not event.opened:
            activity.noted(session, "senders", event.sender or "<>")
        activity.refused(session, _refusal(event, event.code, event.enhanced, event.text, event.sender))
    elif event.outcome == "accepted":
        activity.came_of(session, Outcome.ACCEPTED, event.time)
        activity.attributed(session, Dimension.SENDER_DOMAIN, event.sender, Outcome.ACCEPTED, event.time)
        current = session.transaction
        taken = [] if current is None else current.rcpts[:GROUPS]
        recipients = {domain_of(name): name for name, code in taken if code is not None and code < 300}
        for recipient in recipients.values():
            activity.attributed(session, Dimension.RECIPIENT_DOMAIN, recipient, Outcome.ACCEPTED, event.time)


def _refusal(
    event: ev.SessionEvent,
    code: int,
    enhanced: str | None,
    text: str | None,
    sender: str | None = None,
    recipient: str | None = None,
) -> Refusal:
    reason, listed = classified(enhanced or "", text or "")
    return Refusal(event.time, code, listed or reason, sender, recipient)


def _auth(activity: Activity, session: Session, event: ev.AuthAttempted) -> None:
    if event.outcome == "failure":
        activity.came_of(session, Outcome.AUTH_FAILED, event.time)
    elif event.outcome == "success":
        activity.passed(session, event.time)


def _tls_offered(activity: Activity, session: Session, event: ev.TlsOffered) -> None:
    activity.named(session, Dimension.JA4, event.ja4, event.time)
    activity.noted(session, "ja4s", event.ja4)


def _tls(activity: Activity, session: Session, event: ev.TlsNegotiated) -> None:
    activity.secured(session, event.version, event.cipher, event.time)


_FOLDS: dict[type[ev.SessionEvent], Callable[[Activity, Session, Any], None]] = {
    ev.SessionOpened: _opened,
    ev.SourceNamed: Activity.renamed,
    ev.Greeting: _greeting,
    ev.Command: _command,
    ev.TransactionOpened: _transaction,
    ev.RecipientDecided: _recipient,
    ev.MessageDecided: _message,
    ev.AuthAttempted: _auth,
    ev.TlsOffered: _tls_offered,
    ev.TlsNegotiated: _tls,
    ev.SessionClosed: _closed,
}

_TALLIED = (
    (counters.ACCEPTED, Outcome.ACCEPTED),
    (counters.REFUSALS, Outcome.REFUSED),
    (counters.AUTH_FAILURE, Outcome.AUTH_FAILED),
)
"""Counters of what was shed, as outcomes."""
