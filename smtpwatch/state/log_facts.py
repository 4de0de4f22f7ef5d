"""What the logs add to a session, as data: the `logs` of `smtpwatch sessions --json`. Keys and words are stable."""

import msgspec

from smtpwatch import events as ev
from smtpwatch.state.message import Message
from smtpwatch.state.messages import Messages
from smtpwatch.state.visit import Visit

SHOWN = 1_000  # recipients of one message


class LoginFacts(msgspec.Struct):
    """One login that was logged."""

    account: str
    mechanism: str
    outcome: str
    reason: str


class LoggedTlsFacts(msgspec.Struct):
    """A handshake as the server logged it; `failed` is why it failed, None if it did not."""

    version: str | None
    cipher: str | None
    bits: int
    trust: str
    group: str | None
    failed: str | None


class RefusalFacts(msgspec.Struct):
    """One refusal that was logged."""

    stage: str
    code: int
    enhanced: str
    reason: str
    reply: str
    blocklist: str
    sender: str | None
    recipient: str | None


class DeliveryFacts(msgspec.Struct):
    """The latest attempt to deliver to one recipient; `status` None: none yet."""

    rcpt: str
    status: str | None
    enhanced: str | None
    relay: str | None
    reply: str | None


class MessageFacts(msgspec.Struct):
    """A message of the session. `became` are the queue ids that it went on under, behind a content filter or as a
    bounce."""

    queue_id: str
    message_id: str
    mail_from: str | None
    size: int | None
    state: str
    rcpts: list[DeliveryFacts]
    became: list[str]


class VisitFacts(msgspec.Struct):
    """What one service's log says of the session. `join` tells how it was found to be of it: port, queue id, process,
    HELO, time; null where the wire does not show the session. Times are those of the log's clock."""

    program: str
    pid: int
    join: str | None
    start: float
    end: float | None
    name: str
    helo: str | None
    account: str
    auth: list[LoginFacts]
    tls: LoggedTlsFacts | None
    refused: list[RefusalFacts]
    messages: list[MessageFacts]


def visit_facts(visit: Visit, messages: Messages) -> VisitFacts:
    """What is known of `visit` by now."""
    named = (messages.get((visit.host, queue_id)) for queue_id in visit.queue_ids)
    held = [message for message in named if message is not None and message.visit is visit]  # ids are used again
    return VisitFacts(
        program=visit.program,
        pid=visit.pid,
        join=visit.join,
        start=visit.start,
        end=visit.end,
        name=visit.name,
        helo=visit.helo,
        account=visit.account,
        auth=[LoginFacts(each.account, each.mechanism, each.outcome, each.reason) for each in visit.logins],
        tls=_tls(visit.tls),
        refused=[_refusal(each) for each in visit.refused],
        messages=[message_facts(message) for message in held],
    )


def message_facts(message: Message) -> MessageFacts:
    """What has become of `message` by now."""
    recipients = [_delivery(rcpt, attempt) for rcpt, attempt in list(message.recipients.items())[:SHOWN]]
    return MessageFacts(
        queue_id=message.queue_id,
        message_id=message.message_id,
        mail_from=message.sender,
        size=message.size,
        state=message.state,
        rcpts=recipients,
        became=[child.queue_id for child in message.children],
    )


def _tls(fact: ev.TlsEstablished | ev.TlsTroubled | None) -> LoggedTlsFacts | None:
    if fact is None:
        return None
    if isinstance(fact, ev.TlsTroubled):
        return LoggedTlsFacts(None, None, 0, "", None, fact.reason)
    return LoggedTlsFacts(fact.version, fact.cipher, fact.bits, fact.trust, fact.group or None, None)


def _refusal(each: ev.Refused) -> RefusalFacts:
    return RefusalFacts(
        each.stage, each.code, each.enhanced, each.reason, each.reply, each.blocklist, each.sender, each.recipient
    )


def _delivery(rcpt: str, attempt: ev.Delivery | None) -> DeliveryFacts:
    if attempt is None:
        return DeliveryFacts(rcpt, None, None, None, None)
    return DeliveryFacts(rcpt, attempt.status, attempt.enhanced or None, attempt.relay or None, attempt.reply or None)
