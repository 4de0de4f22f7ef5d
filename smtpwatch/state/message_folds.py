"""What each fact says of its message, and of the messages that it became."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from smtpwatch import events as ev
from smtpwatch.state.message import FINAL, RECIPIENTS, Message

if TYPE_CHECKING:
    from smtpwatch.state.messages import Messages

VERDICTS = 50  # of one message

LOOPBACK = ("127.", "::1")


def _received(messages: Messages, message: Message, event: ev.MessageReceived) -> None:
    if message.brought is None:
        message.brought = event.pid, event.source
        message.origin = event.origin
        message.uid, message.user = event.uid, event.user
        message.inner = event.source.startswith(LOOPBACK) or event.origin != "smtp" or ", orig_client=" in event.text
        if message.tie == "filter" and not message.inner:
            messages.disown(message)
    message.source = message.source or event.source
    message.account = message.account or event.account
    message.helo = message.helo or event.helo
    if event.sender is not None:
        message.sender = event.sender
    if event.size is not None:
        message.size = event.size
    for recipient in event.recipients:
        if len(message.recipients) >= RECIPIENTS:
            break
        message.recipients.setdefault(recipient, None)
    if event.orig_queue_id:
        _before(messages, message, event)
    if event.message_id:
        messages.identified(message, event.message_id)


def _before(messages: Messages, message: Message, event: ev.MessageReceived) -> None:
    """The id that it had before a filter, or before it was put into the queue anew: then that is no more."""
    before = messages.get((message.host, event.orig_queue_id))
    if before is None or before is message:
        return
    if event.origin == "local":
        messages.adopt(before, message, "requeue")
        messages.over(before, event.time)
    elif message.inner:
        messages.adopt(before, message, "filter")


def _identified(messages: Messages, message: Message, event: ev.MessageIdentified) -> None:
    messages.identified(message, event.message_id)


def _queued(messages: Messages, message: Message, event: ev.MessageQueued) -> None:
    message.sender, message.size, message.told = event.sender, event.size, event.recipients


def _handled(messages: Messages, message: Message, event: ev.MessageHandled) -> None:
    if event.action == "requeue" and event.detail.isalnum():  # by a filter, which names the id
        messages.expect(message, event.detail, "filter", event.time)
        return
    message.action = "" if event.action in ("release", "requeue") else event.action


def _delivery(messages: Messages, message: Message, event: ev.Delivery) -> None:
    if event.recipient in message.recipients or len(message.recipients) < RECIPIENTS:
        message.recipients[event.recipient] = event
    if event.sender is not None and message.sender is None:
        message.sender = event.sender
    internal = event.relay_address.startswith(LOOPBACK)
    if event.next_queue_id and (internal or not event.relay_address):
        messages.expect(message, event.next_queue_id, "filter" if internal else "forward", event.time)
    if not (event.status in FINAL and _goes_on(message, event, internal)):
        messages.count(message, event.status)


def _goes_on(message: Message, event: ev.Delivery, internal: bool) -> bool:
    """It was delivered only to come back: what becomes of it is told of what it became."""
    if event.status != "sent" or (event.relay_address and not internal):
        return False
    return any(child.queue_id == event.next_queue_id or child.tie == "filter" for child in message.became)


def _notice(messages: Messages, message: Message, event: ev.NoticeSent) -> None:
    if event.notice_id:
        messages.expect(message, event.notice_id, "notice", event.time)


def _expired(messages: Messages, message: Message, event: ev.MessageExpired) -> None:
    message.expired = True
    messages.count(message, "expired")


def _removed(messages: Messages, message: Message, event: ev.MessageRemoved) -> None:
    message.deleted = bool(event.reason)
    messages.over(message, event.time)


def _refused(messages: Messages, message: Message, event: ev.Refused) -> None:
    if event.stage in ("END-OF-MESSAGE", "DATA") and not event.warning:
        message.refused = event
        messages.over(message, event.time)


def _verdict(messages: Messages, message: Message, event: ev.Verdict) -> None:
    if len(message.verdicts) < VERDICTS:
        message.verdicts.append(event)


FOLDS: dict[type[ev.LogEvent], Callable[[Messages, Message, Any], None]] = {
    ev.MessageReceived: _received,
    ev.MessageIdentified: _identified,
    ev.MessageQueued: _queued,
    ev.MessageHandled: _handled,
    ev.Delivery: _delivery,
    ev.NoticeSent: _notice,
    ev.MessageExpired: _expired,
    ev.MessageRemoved: _removed,
    ev.Refused: _refused,
    ev.Verdict: _verdict,
}
