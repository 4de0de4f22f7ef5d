"""What a session says of each field of the filter."""

from collections.abc import Callable, Iterator
from itertools import islice

from smtpwatch import events as ev
from smtpwatch.query import Place, Read
from smtpwatch.reasons import reason
from smtpwatch.state.message import Message
from smtpwatch.state.messages import Messages
from smtpwatch.state.session import Session
from smtpwatch.state.transaction import Transaction
from widgets import columns
from widgets.blocked import Blocked, not_blocked, yes_or_no
from widgets.fields import attempts, domains, no_sender, of_place, programs, recipients, verdict_of

TRANSACTIONS = 100  # of one session that the filter looks at, the latest: 50 us where each has some recipients
RECIPIENTS = 1_000  # of one transaction, likewise
MESSAGES = 100  # of one visit, the latest

MOVING = ("name", "blocked")
"""Fields that hang on more than the session and its mail: on what a name server answers, on what is blocked."""

_OUTCOMES = ("accepted", "rejected", "deferred", "abandoned")


def session_fields(
    messages: Messages,
    now: Callable[[], float],
    places: Callable[[str], Place | None] | None = None,
    names: Callable[[str], str | None] | None = None,
    blocked: Blocked = not_blocked,
) -> dict[str, Read[Session]]:
    """Each field's function. `messages` holds those of the logs, `now` tells the time that ages are told against,
    `places`, `names` and `blocked` know addresses, where that is wanted."""

    def mail(session: Session) -> Iterator[Message]:
        return mail_of(session, messages)

    def every_recipient(session: Session) -> list[str]:
        seen = [name for each in _latest(session) for name, _ in islice(each.rcpts, RECIPIENTS) if name]
        return seen + [name for message in mail(session) for name in recipients(message)]

    return {
        "src": lambda s: s.source,
        "net": lambda s: s.source,
        "dst": lambda s: s.server,
        "port": lambda s: s.server_port or None,
        "dir": lambda s: s.direction,
        "state": lambda s: columns.state(s, 0.0),
        "helo": lambda s: s.helo,
        "from": lambda s: [no_sender(each.sender) for each in _latest(s)] + [no_sender(m.sender) for m in mail(s)],
        "to": every_recipient,
        "domain": lambda s: domains(every_recipient(s)),
        "account": lambda s: s.account,
        "tls": lambda s: columns.tls(s, 0.0).partition(" ")[0],
        "cipher": lambda s: None if s.tls is None else s.tls.cipher,
        "group": lambda s: None if s.tls is None else s.tls.group,
        "ja4": lambda s: None if s.tls is None else s.tls.ja4,
        "verdict": verdicts,
        "reason": lambda s: [why for why, _, _ in _refusals(s)],
        "code": lambda s: [s.last_code, *(code for _, code, _ in _refusals(s) if code)],
        "reply": lambda s: [columns.whole_reply(s), *(reply for _, _, reply in _refusals(s))],
        **of_place(lambda s: s.source, places),
        "name": lambda s: [None if names is None else names(s.source), *(visit.name for visit in s.visits)],
        "qid": lambda s: s.queue_ids + [each for v in s.visits for each in islice(reversed(v.queue_ids), MESSAGES)],
        "msgid": lambda s: [message.message_id for message in mail(s)],
        "status": lambda s: [each.status for message in mail(s) for each in attempts(message)],
        "relay": lambda s: [each.relay for message in mail(s) for each in attempts(message)],
        "prog": lambda s: programs(visit.program for visit in s.visits),
        "pid": lambda s: [visit.pid for visit in s.visits if visit.pid],
        "host": lambda s: [visit.host for visit in s.visits],
        "blocked": lambda s: yes_or_no(blocked, s.source),
        "mark": lambda s: columns.mark(s).strip(),
        "age": lambda s: columns.age(s, now()),
        "bytes": lambda s: s.octets_client + s.octets_server,
        "accepted": lambda s: s.accepted,
        "refused": lambda s: s.refused,
        "auth": lambda s: sum(outcome == "failure" for _, outcome in s.auth),
    }


def mail_of(session: Session, messages: Messages) -> Iterator[Message]:
    """Those of `messages` that the session brought, as far as its logs tell."""
    for visit in session.visits:
        for queue_id in islice(reversed(visit.queue_ids), MESSAGES):
            message = messages.get((visit.host, queue_id))
            if message is not None and message.visit is visit:  # ids are used again
                yield message


def _latest(session: Session) -> list[Transaction]:
    return session.transactions[-TRANSACTIONS:]


def verdicts(session: Session) -> set[str]:
    """What became of its mail and of the recipients that it named; of a session that came to neither, what became of
    the client."""
    found = {verdict_of(code) for _, code, _ in _refusals(session)}
    for each in _latest(session):
        if each.outcome in _OUTCOMES:
            found.add(str(each.outcome))
        found.update(verdict_of(code) for _, code in islice(each.rcpts, RECIPIENTS) if code is not None and code >= 400)
    if session.messages:
        found.add("accepted")
    if not found and session.over:
        found.add("abandoned")
    return found


def _refusals(session: Session) -> list[tuple[str, int, str]]:
    """Each refusal that wire or log tells of: why, its code (0: not logged) and the whole reply."""
    seen: list[tuple[str, int, str]] = [
        (reason((event.enhanced if isinstance(event, ev.Reply) else None) or "", event.text), event.code,
         f"{event.code} {event.text}")
        for event in session.transcript if isinstance(event, ev.Reply | ev.Greeting) and event.code >= 400
    ]  # fmt: skip
    return seen + [(each.reason, each.code, each.reply) for visit in session.visits for each in visit.refused]
