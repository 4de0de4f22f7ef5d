"""What becomes of a message once it is in the queue: into a mailbox, to another host, or back to its sender."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tests.triage.host_day import smtpd
from tests.triage.host_day.cast import OURS
from tests.triage.host_day.telling import NAME, Telling

BACKOFF, BACKOFF_MOST = 300.0, 4_000.0  # seconds: minimal_backoff_time, maximal_backoff_time
RUN = 300.0  # seconds between queue runs (queue_run_delay): a try may be late by as much
LIFETIME = 5 * 86_400.0  # maximal_queue_lifetime


class Recipient(NamedTuple):
    """Where a message goes in the end, and the alias that it was sent to ("": none)."""

    address: str
    original: str = ""


class Message:
    """One that is in the queue. `left` counts recipients that are not done with, `failed` has those that cannot be."""

    __slots__ = ("arrived", "failed", "left", "queue_id", "sender", "tries")

    def __init__(self, queue_id: str, sender: str, left: int, arrived: float) -> None:
        self.queue_id, self.sender, self.left, self.arrived = queue_id, sender, left, arrived
        self.failed: list[str] = []
        self.tries: dict[str, int] = {}


class Queue:
    """The host's queue. `deliver` brings a message to some recipients of one domain elsewhere: see outbound.py."""

    def __init__(self, told: Telling) -> None:
        self.told, self.random = told, told.random
        self.deliver: Callable[[float, Message, str, list[Recipient]], None] = lambda *_: None

    def arrives(
        self, time: float, queue_id: str, sender: str, recipients: tuple[Recipient, ...], arrived: float
    ) -> None:  # fmt: skip
        """A message was queued: each domain elsewhere is tried, mailboxes are filled."""
        message = Message(queue_id, sender, len(recipients), arrived)
        elsewhere: dict[str, list[Recipient]] = {}
        for recipient in recipients:
            domain = recipient.address.rpartition("@")[2]
            if domain in OURS:
                spent = 0.02 + self.random.expovariate(12)
                self.told.at(time + spent, self._mailbox, message, recipient, spent)
            else:
                elsewhere.setdefault(domain, []).append(recipient)
        for domain, some in elsewhere.items():
            self.told.at(time + self.random.random() * 0.05, self.deliver, message, domain, some)

    def _mailbox(self, time: float, message: Message, recipient: Recipient, spent: float) -> None:
        smtpd.delivered(
            self.told, time, message.queue_id, recipient.address, recipient.original, message.arrived, spent
        )
        self.done(time, message)

    def done(self, time: float, message: Message, failed: str = "") -> None:
        """With one of its recipients. After the last one it goes, and a notice to its sender where some `failed`."""
        message.left -= 1
        if failed:
            message.failed.append(failed)
        if message.left:
            return
        told = self.told
        if told.waiting.pop(message.queue_id, None):
            del told.since[message.queue_id]
        if message.failed and message.sender:
            self._notice(time + 0.003, message)
        smtpd.removed(told, time + 0.008, message.queue_id)

    def _notice(self, time: float, message: Message) -> None:
        """bounce(8) writes to the sender; where that is somebody elsewhere it is backscatter."""
        told = self.told
        notice = told.queue_id(time)
        told.by("postfix/cleanup", time, f"{notice}: message-id=<20260302.{notice}@{NAME}>")
        told.by("postfix/bounce", time + 0.001, f"{message.queue_id}: sender non-delivery notification: {notice}")
        size = 2_400 + self.random.randrange(6_000)
        told.log(
            time + 0.002, "postfix/qmgr", smtpd.QMGR_PID, f"{notice}: from=<>, size={size}, nrcpt=1 (queue active)"
        )
        told.at(time + 0.01, self.arrives, notice, "", (Recipient(message.sender),), time)

    def defer(self, time: float, message: Message, domain: str, some: list[Recipient]) -> None:
        """They are tried again later, each time later than before; or never, after five days."""
        told = self.told
        told.waiting[message.queue_id], told.since[message.queue_id] = domain, message.arrived
        tries = message.tries[domain] = message.tries.get(domain, 0) + 1
        pause = min(BACKOFF_MOST, BACKOFF * 2 ** (tries - 1)) + self.random.random() * RUN
        act = self.expires if time + pause > message.arrived + LIFETIME else self.deliver
        told.at(time + pause, act, message, domain, some)

    def expires(self, time: float, message: Message, domain: str, some: list[Recipient]) -> None:
        """It goes back."""
        text = f"{message.queue_id}: from=<{message.sender}>, status=expired, returned to sender"
        self.told.log(time, "postfix/qmgr", smtpd.QMGR_PID, text)
        for recipient in some:
            self.done(time, message, recipient.address)
