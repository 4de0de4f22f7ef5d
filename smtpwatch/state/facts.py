"""A session as data: the JSON line of `smtpwatch sessions`. Keys and words are stable (README.md)."""

import msgspec

from smtpwatch.state.handshake import TlsFacts
from smtpwatch.state.log_facts import VisitFacts, visit_facts
from smtpwatch.state.messages import Messages
from smtpwatch.state.session import Session
from smtpwatch.state.transaction import Transaction


class RecipientFacts(msgspec.Struct):
    """One RCPT and the code that answered it (None: not seen)."""

    rcpt: str | None
    code: int | None


class TransactionFacts(msgspec.Struct):
    """One MAIL and what became of it; `code` and `reply` answer the end of data."""

    mail_from: str | None
    rcpts: list[RecipientFacts]
    code: int | None
    reply: str | None
    queue_id: str | None
    outcome: str


class AuthFacts(msgspec.Struct):
    """One AUTH command."""

    mechanism: str
    outcome: str


class HandshakeFacts(msgspec.Struct):
    """A TLS handshake as far as it was seen."""

    version: str | None
    cipher: str | None
    group: str | None
    sni: str | None
    alpn: str | None
    ja3: str | None
    ja3s: str | None
    ja4: str | None
    resumed: bool | None


class SessionFacts(msgspec.Struct):
    """One TCP connection that carried SMTP. Times are UTC epoch seconds of its first and last packet."""

    client_ip: str
    client_port: int
    server_ip: str
    server_port: int
    direction: str
    start: float
    end: float
    banner: str | None
    helo: str | None
    transactions: list[TransactionFacts]
    auth: list[AuthFacts]
    starttls: str
    tls: HandshakeFacts | None
    closed_by: str
    bytes_client: int
    bytes_server: int
    partial: str | None
    account: str | None
    logs: list[VisitFacts]


def session_facts(session: Session, messages: Messages) -> SessionFacts:
    """What is known of `session`, ended or not; `messages` are those that the logs tell of."""
    return SessionFacts(
        client_ip=session.client,
        client_port=session.client_port,
        server_ip=session.server,
        server_port=session.server_port,
        direction=session.direction,
        start=session.start,
        end=session.end,
        banner=session.banner,
        helo=session.helo,
        transactions=[_transaction(transaction) for transaction in session.transactions],
        auth=[AuthFacts(mechanism, outcome) for mechanism, outcome in session.auth],
        starttls=session.starttls,
        tls=_handshake(session.tls),
        closed_by=session.closed_by or "open",
        bytes_client=session.octets_client,
        bytes_server=session.octets_server,
        partial=session.partial,
        account=session.account or None,
        logs=[visit_facts(visit, messages) for visit in session.visits],
    )


def _transaction(transaction: Transaction) -> TransactionFacts:
    return TransactionFacts(
        mail_from=transaction.sender,
        rcpts=[RecipientFacts(rcpt, code) for rcpt, code in transaction.rcpts],
        code=transaction.code,
        reply=transaction.reply,
        queue_id=transaction.queue_id,
        outcome=transaction.outcome or "unknown",
    )


def _handshake(facts: TlsFacts | None) -> HandshakeFacts | None:
    if facts is None:
        return None
    return HandshakeFacts(
        facts.version, facts.cipher, facts.group, facts.sni, facts.alpn, facts.ja3, facts.ja3s, facts.ja4, facts.resumed
    )
