"""A visit's facts on its session: where the wire is dark, or was not seen at all, the log knows."""

from smtpwatch import events as ev
from smtpwatch.state.log_sessions import Visit
from smtpwatch.state.session import Session, TlsFacts, Transaction

_PORTS = {"submission": 587, "smtps": 465, "submissions": 465}  # by the names that Postfix's own master.cf gives

_STAGES: dict[type[ev.LogEvent], str] = {
    ev.ClientConnected: "connect",
    ev.TlsEstablished: "TLS",
    ev.TlsTroubled: "TLS",
    ev.LoginTried: "AUTH",
    ev.Refused: "refused",
    ev.MessageReceived: "mail",
}
"""Where the dialogue stands, by the latest line that tells."""


def mirror(visit: Visit, session: Session) -> None:
    """Bring `session` up to what `visit` tells; to be called whenever that is more."""
    session.account = visit.account or session.account
    if session.sensor == "log":
        _alone(visit, session)
    elif not session.dark:
        return
    last = visit.refused[-1] if visit.refused else None
    if last is not None and last.code:
        session.last_code, session.last_reply = last.code, last.reply.removeprefix(f"{last.code} ")
    accepted, every = visit.commands.get("rcpt", (visit.messages, 0))
    refused = sum(each.stage == "RCPT" for each in visit.refused)
    session.accepted, session.refused = accepted, max(refused, every - accepted)
    session.messages = visit.messages
    session.auth = [(each.mechanism, _outcome(each)) for each in visit.logins]


def _alone(visit: Visit, session: Session) -> None:
    session.source, session.client = visit.source, visit.source
    session.client_port = visit.client_port
    session.direction = "submission" if visit.submission or visit.account else "inbound"
    session.server_port = visit.server_port or _port(visit.program)
    session.start, session.end = visit.start, visit.end or (visit.lines[-1].time if visit.lines else visit.start)
    session.hello_taken = visit.helo
    if isinstance(visit.tls, ev.TlsEstablished):
        session.tls = TlsFacts(implicit=False)
        session.tls.version, session.tls.cipher = visit.tls.version, visit.tls.cipher
        session.tls.group = visit.tls.group or None
    elif visit.tls is not None:
        session.tls = TlsFacts(implicit=False)
        session.tls.failed = visit.tls.reason
    session.transactions = [_transaction(queue_id) for queue_id in visit.queue_ids]
    if visit.end is not None:
        session.closed_by = _closed_by(visit)
    else:
        session.stage = next(
            (_STAGES[type(line)] for line in reversed(visit.lines) if type(line) in _STAGES), "connect"
        )


def _closed_by(visit: Visit) -> str:
    lost = next((each.reason for each in reversed(visit.lines) if isinstance(each, ev.ClientLost)), "")
    if lost:
        return {"timeout": "timeout", "lost connection": "lost"}.get(lost, "closed")
    said = next((each.reason for each in reversed(visit.lines) if isinstance(each, ev.ClientDisconnected)), "")
    if said in ("quit", "timeout"):
        return said
    return "quit" if visit.commands.get("quit", (0, 0))[0] else "closed"


def _transaction(queue_id: str) -> Transaction:
    transaction = Transaction(None)
    transaction.queue_id, transaction.outcome = queue_id, "accepted"
    return transaction


def _port(program: str) -> int:
    return next((port for name, port in _PORTS.items() if f"/{name}/" in program), 0)


def _outcome(login: ev.LoginTried) -> ev.AuthOutcome:
    return "unknown" if login.outcome == "deferred" else login.outcome
