"""What each event of a session makes of it."""

from __future__ import annotations

from collections.abc import Callable
from sys import intern
from typing import TYPE_CHECKING, Any

from smtpwatch import events as ev
from smtpwatch.state.handshake import TlsFacts
from smtpwatch.state.transaction import RECIPIENTS, TRANSACTIONS, Transaction

if TYPE_CHECKING:
    from smtpwatch.state.session import Session

NAMES = 8  # of one client that are remembered; nearly all give one

HELLO = ("EHLO", "HELO", "LHLO")
ALPN_IN_CLEAR = ("SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2")  # later versions encrypt what the server chose


def _opened(session: Session, event: ev.SessionOpened) -> None:
    session.start = event.start
    session.client = event.source
    session.client_port = event.client_port
    session.server = intern(event.server)
    session.server_port = event.server_port
    session.direction = event.direction


def _named(session: Session, event: ev.SourceNamed) -> None:
    session.via = event.via
    session.named_port = event.client_port


def _said(code: int, text: str) -> str:
    return f"{code} {text}" if text else str(code)


def _greeting(session: Session, event: ev.Greeting) -> None:
    session.banner = intern(_said(event.code, event.text))  # all clients of a server get the same
    session.greeted = event.time
    session.stage = "greeting"
    session.last_code, session.last_reply = event.code, intern(event.text)


def _command(session: Session, event: ev.Command) -> None:
    session.stage = intern(event.verb)
    if event.verb in HELLO:
        given = None if event.argument.endswith(ev.CUT) else event.argument.strip()
        session.hello_given = given
        session.hellos = (*session.hellos[-7:], given)
        if given is None or len(session.names) >= NAMES:
            session.names_known = False
        else:
            name = given.casefold()
            session.names += (given if name == given else name,)
    elif event.verb == "STARTTLS":
        session.starttls = "requested"


def _reply(session: Session, event: ev.Reply) -> None:
    if event.to != "QUIT" or session.last_code is None:
        session.last_code, session.last_reply = event.code, event.text
    if event.to in HELLO:
        session.last_reply = intern(session.last_reply)
        given = session.hellos[0] if session.hellos else None
        session.hellos = session.hellos[1:]
        if event.code >= 300:
            return
        session.hello_taken = given if given is not None else session.hello_taken
        if session.starttls == "none" and "\nSTARTTLS" in event.text.upper():
            session.starttls = "offered"
    elif event.to == "STARTTLS":
        session.starttls = "accepted" if event.code < 300 else "refused"


def _reply_unseen(session: Session, event: ev.ReplyUnseen) -> None:
    session.hellos = session.hellos[1:]


def _transaction_opened(session: Session, event: ev.TransactionOpened) -> None:
    _open_transaction(session, event.sender)


def _open_transaction(session: Session, sender: str | None) -> Transaction:
    if len(session.transactions) >= TRANSACTIONS:
        del session.transactions[0]
    session.transactions.append(Transaction(sender))
    return session.transactions[-1]


def _recipient(session: Session, event: ev.RecipientDecided) -> None:
    if event.code is not None:
        if event.code < 300:
            session.accepted += 1
        else:
            session.refused += 1
    current = session.transaction
    if current is not None and current.outcome is None and len(current.rcpts) < RECIPIENTS:
        current.rcpts.append((event.recipient, event.code))


def _message(session: Session, event: ev.MessageDecided) -> None:
    current = session.transaction
    if not event.opened or current is None or current.outcome is not None:
        current = _open_transaction(session, event.sender)
    current.outcome = event.outcome
    current.code = event.code
    current.reply = None if event.code is None else _said(event.code, event.text or "")
    current.queue_id = event.queue_id
    session.messages += event.outcome == "accepted"


def _auth(session: Session, event: ev.AuthAttempted) -> None:
    if not session.auth:
        session.auth = []
    session.auth.append((event.mechanism, event.outcome))
    session.passed = session.passed or event.outcome == "success"


def _tls_offered(session: Session, event: ev.TlsOffered) -> None:
    if not event.implicit:
        _starttls_shown(session)
    session.stage = "TLS"
    session.tls = facts = session.tls or TlsFacts(event.implicit)
    facts.sni = event.sni
    facts.alpn = ",".join(event.alpn) or None
    facts.ja3, facts.ja4 = event.ja3, event.ja4


def _starttls_shown(session: Session) -> None:
    """A ClientHello shows that there was a STARTTLS, seen or not."""
    if session.starttls == "none" and session.stage == "greeting":  # then that 220 was the answer to it
        session.starttls, session.banner = "accepted", None
    elif session.starttls in ("none", "offered"):
        session.starttls = "requested"


def _tls_negotiated(session: Session, event: ev.TlsNegotiated) -> None:
    if not event.implicit:
        session.starttls = "accepted"
    elif session.greeted is None:
        session.greeted = event.time
    facts = session.tls = session.tls or TlsFacts(event.implicit)
    facts.version, facts.cipher, facts.group = event.version, event.cipher, event.group
    facts.ja3s, facts.resumed = event.ja3s, event.resumed
    if event.version in ALPN_IN_CLEAR:
        facts.alpn = event.alpn


def _tls_failed(session: Session, event: ev.TlsFailed) -> None:
    facts = session.tls = session.tls or TlsFacts(implicit=False)
    facts.failed, facts.alert = event.reason, event.alert


def _oddity(session: Session, event: ev.Oddity) -> None:
    if event.kind not in session.oddities:
        session.oddities += (event.kind,)


def progress(session: Session, event: ev.SessionProgress) -> None:
    """So many octets have come by now."""
    session.octets_client, session.octets_server = event.octets_client, event.octets_server


def _closed(session: Session, event: ev.SessionClosed) -> None:
    session.stage = "closed"
    session.end = event.end
    session.closed_by = event.closed_by
    session.octets_client, session.octets_server = event.octets_client, event.octets_server
    session.partial = event.partial
    session.smtp = event.smtp


FOLDS: dict[type[ev.SessionEvent], Callable[[Session, Any], None]] = {
    ev.SessionOpened: _opened,
    ev.SourceNamed: _named,
    ev.Greeting: _greeting,
    ev.Command: _command,
    ev.Reply: _reply,
    ev.ReplyUnseen: _reply_unseen,
    ev.TransactionOpened: _transaction_opened,
    ev.RecipientDecided: _recipient,
    ev.MessageDecided: _message,
    ev.AuthAttempted: _auth,
    ev.TlsOffered: _tls_offered,
    ev.TlsNegotiated: _tls_negotiated,
    ev.TlsFailed: _tls_failed,
    ev.Oddity: _oddity,
    ev.SessionProgress: progress,
    ev.SessionClosed: _closed,
}
"""By kind of event; what is none of these changes no session."""
