"""The logs' facts on a session: where the wire is dark, or was not seen at all, the log knows."""

from functools import lru_cache
from itertools import islice

from smtpwatch import events as ev
from smtpwatch.state.handshake import TlsFacts
from smtpwatch.state.session import Session
from smtpwatch.state.transaction import TRANSACTIONS, Transaction
from smtpwatch.state.visit import AGAIN, Visit

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


def mirror(session: Session) -> None:
    """Bring `session` up to what its visits tell; to be called whenever that is more."""
    visits = session.visits
    account = ""
    for visit in visits:
        account = visit.account or account
    session.account = account
    if session.sensor == "log":
        _alone(visits[0], session)
    elif not session.dark:
        return
    accepted = refused = messages = refusals = 0
    for visit in visits:
        if visit.refused and visit.refused[-1].code:
            last = visit.refused[-1]
            session.last_code, session.last_reply = last.code, last.reply.removeprefix(f"{last.code} ")
        good, every = visit.commands.get("rcpt", (visit.messages, 0))
        accepted += good
        refused += max(visit.rcpt_refused, every - good)
        messages += visit.messages
        refusals += visit.refusals
    session.accepted, session.refused, session.messages = accepted, refused, messages
    session.refusals = refusals
    tried = _tried(visits)
    session.failures = sum(visit.failures for visit in tried or visits)
    if tried:
        session.auth = [(each.mechanism, _outcome(each)) for visit in tried for each in visit.logins]
        session.passed = session.passed or any(outcome == "success" for _, outcome in session.auth)


def _tried(visits: list[Visit]) -> list[Visit]:
    """Those that tell of logins, each of them once: an authentication service tells again what the server tells, which
    comes first. All lines of a visit are of one program."""
    every = [visit for visit in visits if visit.tried]
    return [visit for visit in every if visit.logins[-1].service != AGAIN] or every


def _alone(visit: Visit, session: Session) -> None:
    session.source = session.client = visit.source
    session.client_port = visit.client_port
    session.direction = "submission" if visit.submission or visit.account else "inbound"
    session.server_port = visit.server_port or _port(visit.program)
    session.start, session.end = visit.start, visit.latest if visit.end is None else visit.end
    session.hello_taken = visit.helo
    tls = visit.tls
    if tls is not None:
        session.tls = TlsFacts(implicit=False)
        if isinstance(tls, ev.TlsEstablished):
            session.tls.version, session.tls.cipher, session.tls.group = tls.version, tls.cipher, tls.group or None
        else:
            session.tls.failed = tls.reason
    if visit.messages > session.messages:
        fresh = islice(reversed(visit.queue_ids), visit.messages - session.messages)
        session.transactions += map(_transaction, reversed(list(fresh)))
        del session.transactions[:-TRANSACTIONS]
    if visit.end is not None:
        session.closed_by = _closed_by(visit)
    elif not session.over:
        stages = (_STAGES[type(line)] for line in reversed(visit.lines) if type(line) in _STAGES)
        session.stage = next(stages, "connect")


def _closed_by(visit: Visit) -> str:
    said = ""
    for line in reversed(visit.lines):
        if isinstance(line, ev.ClientLost):
            return {"timeout": "timeout", "lost connection": "lost"}.get(line.reason, "closed")
        if isinstance(line, ev.ClientDisconnected):
            said = line.reason
    if said in ("quit", "timeout"):
        return said
    return "quit" if visit.commands.get("quit", (0, 0))[0] else "closed"


def _transaction(queue_id: str) -> Transaction:
    transaction = Transaction(None)
    transaction.queue_id, transaction.outcome = queue_id, "accepted"
    return transaction


@lru_cache(100)
def _port(program: str) -> int:
    return next((port for name, port in _PORTS.items() if f"/{name}/" in program), 0)


def _outcome(login: ev.LoginTried) -> ev.AuthOutcome:
    return "unknown" if login.outcome == "deferred" else login.outcome
