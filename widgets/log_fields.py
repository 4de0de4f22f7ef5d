"""What a line of a log says of each field of the filter."""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from smtpwatch import events as ev
from smtpwatch.query import Read, Says
from smtpwatch.state.lines import Line
from widgets.log_columns import short
from widgets.log_words import domain, mark

RECIPIENTS = 100  # of one line that the filter looks at

_TLS = "TLSv"


def _each(name: str) -> Callable[[Line], list[str]]:
    """That attribute of all facts that have it and say something."""
    return lambda line: [said for fact in line.facts if (said := getattr(fact, name, None))]


def _numbers(name: str) -> Callable[[Line], list[int]]:
    return lambda line: [said for fact in line.facts if (said := getattr(fact, name, None)) is not None]


def _senders(line: Line) -> list[str]:
    told = [getattr(fact, "sender", None) for fact in line.facts]
    return [sender or "<>" for sender in told if sender is not None]


def _recipients(line: Line) -> Iterator[str]:
    for fact in line.facts:
        if isinstance(fact, ev.MessageReceived):
            yield from islice(fact.recipients, RECIPIENTS)
            continue
        for name in ("recipient", "original"):
            if said := getattr(fact, name, None):
                yield said


def _domains(line: Line) -> list[str]:
    """Where the mail goes."""
    return [domain(recipient) for recipient in _recipients(line)]


def _helo(line: Line) -> list[str]:
    return [said for fact in line.facts if (said := getattr(fact, "helo", None)) is not None]


def _queue_ids(line: Line) -> list[str]:
    names = ("queue_id", "orig_queue_id", "next_queue_id", "notice_id")
    named = [said for name in names for said in _each(name)(line)]
    return named if line.message is None else [*named, line.message[1]]


def _tls(line: Line) -> list[str]:
    found = []
    for fact in line.facts:
        if isinstance(fact, ev.TlsEstablished):
            found.append(fact.version.removeprefix(_TLS))
        elif isinstance(fact, ev.TlsTroubled):
            found.append("failed")
    return found


def _verdicts(line: Line) -> list[str]:
    """What a client was told of its mail."""
    found = []
    for fact in line.facts:
        if isinstance(fact, ev.Refused) and not fact.warning:
            found.append("deferred" if fact.code // 100 == 4 else "rejected")
        elif isinstance(fact, ev.MessageReceived):
            found.append("accepted")
        elif isinstance(fact, ev.ClientLost):
            found.append("abandoned")
    return found


def _programs(line: Line) -> tuple[str, str]:
    return line.fact.program, short(line.fact.program)


def _pid(line: Line) -> Says:
    return line.fact.pid or None


FIELDS: Mapping[str, Read[Line]] = {
    "src": _each("source"),
    "net": _each("source"),
    "port": _each("server_port"),
    "helo": _helo,
    "from": _senders,
    "to": _recipients,
    "account": _each("account"),
    "tls": _tls,
    "cipher": _each("cipher"),
    "group": _each("group"),
    "verdict": _verdicts,
    "reason": _each("reason"),
    "code": _each("code"),
    "reply": _each("reply"),
    "name": _each("name"),
    "qid": _queue_ids,
    "msgid": _each("message_id"),
    "status": _each("status"),
    "relay": _each("relay"),
    "domain": _domains,
    "prog": _programs,
    "pid": _pid,
    "host": lambda line: line.fact.host,
    "mark": lambda line: mark(line).strip(),
    "size": _numbers("size"),
}
"""By the field's name; each gives what the line says, nothing where it does not say."""
