"""What a message says of each field of the filter."""

from collections.abc import Callable, Iterator

from smtpwatch import events as ev
from smtpwatch.query import Place, Read
from smtpwatch.reasons import reason
from smtpwatch.state.message import Message
from widgets import columns
from widgets import message_columns as own
from widgets.fields import attempts, domains, no_sender, of_place, programs, recipients, verdict_of

MOVING = ("dir", "tls", "cipher", "group", "ja4", "name", "helo", "src", "net", "account")
"""Fields that hang on more than the message: on the session that brought it, on what it was before a filter, on what a
name server answers."""


def message_fields(
    now: Callable[[], float],
    places: Callable[[str], Place | None] | None = None,
    names: Callable[[str], str | None] | None = None,
) -> dict[str, Read[Message]]:
    """Each field's function; `now` tells the time that ages are told against, `places` and `names` know addresses,
    where that is wanted."""
    return {
        "src": _sources,
        "net": _sources,
        "dst": lambda m: [each.relay_address for each in attempts(m)],
        "port": lambda m: [each.relay_port for each in attempts(m) if each.relay_port],
        "dir": _direction,
        "state": lambda m: m.state,
        "helo": lambda m: [m.helo, m.root.helo, None if m.refused is None else m.refused.helo],
        "from": lambda m: no_sender(own.sender_of(m)),
        "to": lambda m: [*recipients(m), *(each.original for each in attempts(m) if each.original)],
        "domain": lambda m: domains(recipients(m)),
        "account": lambda m: [m.account, *_brought_by(m.root)],
        "tls": _version,
        "cipher": _cipher,
        "group": _group,
        "ja4": _ja4,
        "verdict": lambda m: "accepted" if m.refused is None else verdict_of(_code(m.refused)),
        "reason": reasons,
        "code": _codes,
        "reply": lambda m: [own.last_word(m, 0.0), *(each.reply for each in attempts(m))],
        **of_place(lambda m: m.root.source, places),
        "name": lambda m: [None if names is None else names(m.root.source), _visit_name(m), _visit_name(m.root)],
        "qid": lambda m: [m.queue_id, m.root.queue_id],
        "msgid": lambda m: [m.message_id, m.root.message_id],
        "status": lambda m: [each.status for each in attempts(m)],
        "relay": lambda m: [each.relay for each in attempts(m)],
        "prog": lambda m: programs(each.program for each in m.lines),
        "pid": lambda m: {each.pid for each in m.lines if each.pid},
        "host": lambda m: m.host,
        "mark": lambda m: own.mark(m).strip(),
        "age": lambda m: own.age(m, now()),
        "size": lambda m: m.size,
    }


def reasons(message: Message) -> list[str]:
    """Why it was refused here, or why a next hop has not taken it."""
    if message.refused is not None:
        return [message.refused.reason]
    return [reason(each.enhanced, each.reply) for each in attempts(message) if each.status in ("bounced", "deferred")]


def _sources(message: Message) -> list[str]:
    return [message.source, message.root.source]


def _brought_by(root: Message) -> Iterator[str]:
    yield root.account
    if root.user or root.uid is not None:
        yield root.user or f"uid {root.uid}"


def _code(refused: ev.Refused) -> int:
    """Where the line has no code, the class of the enhanced one."""
    return refused.code or (450 if refused.enhanced.startswith("4") else 550)


def _codes(message: Message) -> list[int]:
    refused = [message.refused.code] if message.refused is not None and message.refused.code else []
    return refused + [each.code for each in attempts(message) if each.code]


def _direction(message: Message) -> str | None:
    visit = message.root.visit
    if visit is not None and visit.session is not None:
        return visit.session.direction
    return "submission" if message.root.account else None


def _visit_name(message: Message) -> str | None:
    return None if message.visit is None else message.visit.name


def _version(message: Message) -> str | None:
    """As its session has it, else as its own visit's lines tell."""
    visit = message.root.visit
    if visit is None:
        return None
    if visit.session is not None:
        return columns.tls(visit.session, 0.0).partition(" ")[0]
    if isinstance(visit.tls, ev.TlsEstablished):
        return visit.tls.version.removeprefix("TLSv")
    return None if visit.tls is None else "failed"


def _cipher(message: Message) -> str | None:
    visit = message.root.visit
    facts = None if visit is None or visit.session is None else visit.session.tls
    return None if facts is None else facts.cipher


def _group(message: Message) -> str | None:
    visit = message.root.visit
    facts = None if visit is None or visit.session is None else visit.session.tls
    return None if facts is None else facts.group


def _ja4(message: Message) -> str | None:
    visit = message.root.visit
    facts = None if visit is None or visit.session is None else visit.session.tls
    return None if facts is None else facts.ja4
