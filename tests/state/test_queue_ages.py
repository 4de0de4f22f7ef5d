"""The queue by age: from the host's samples, and from what the logs told."""

from smtpwatch import events as ev
from smtpwatch.state.messages import Messages
from smtpwatch.state.queue import Queues
from smtpwatch.state.queue_ages import QueueAges, ages_of_messages, queue_ages
from tests.state.outbound import START, delivery

NOW = START + 100_000

NONE = (0,) * 10


def _bucket(at: int, n: int = 1) -> tuple[int, ...]:
    return (*NONE[:at], n, *NONE[at + 1 :])


def _queues(*samples: ev.QueueSample) -> Queues:
    queues = Queues()
    for sample in samples:
        queues.apply(sample)
    return queues


def _sample(
    ages: dict[str, tuple[int, ...]], messages: int = 1, instance: str = "", complete: bool = True, time: float = NOW
) -> ev.QueueSample:
    counts = {"deferred": messages}
    return ev.QueueSample(time, "host", "mx1", "postfix", instance, counts, {}, {}, 1, complete, "", ages)


def _queued(
    queue_id: str, minutes: float, *recipients: tuple[str, ev.DeliveryStatus | None], told: int = 0
) -> list[ev.LogEvent]:
    """A message that came `minutes` ago, with the latest attempt for each recipient."""
    at = NOW - minutes * 60
    common = (at, "log", "mx1", "postfix/qmgr", 1, "")
    names = tuple(name for name, _ in recipients)
    events: list[ev.LogEvent] = [ev.MessageReceived(*common, "", 0, "", queue_id, "local", recipients=names)]
    if told:
        events.append(ev.MessageQueued(*common, queue_id, "", 1, told))
    for name, status in recipients:
        if status is not None:
            attempt = delivery(name, status, time=at)
            events.append(ev.Delivery(*common, queue_id, attempt.recipient, attempt.status))
    return events


def _messages(*several: list[ev.LogEvent]) -> Messages:
    messages = Messages()
    for events in several:
        for event in events:
            messages.apply(event)
    return messages


def test_of_several_queues() -> None:
    queues = _queues(
        _sample({"": _bucket(0, 5), "a.example": _bucket(0, 4)}),
        _sample(
            {"": _bucket(9, 2), "a.example": _bucket(9), "b.example": _bucket(9)}, instance="/etc/b", time=NOW - 60
        ),
    )
    assert queue_ages(queues, Messages(), NOW) == QueueAges(
        (5, *NONE[2:], 2), (("a.example", (4, *NONE[2:], 1)), ("b.example", _bucket(9))), NOW - 60, None
    )
    assert queue_ages(queues, Messages(), NOW + 100_000) is None


def test_of_the_messages_that_the_log_told_of() -> None:
    messages = _messages(
        _queued("A", 0, ("x@a.example", None), ("y@A.example", "deferred")),
        _queued("B", 5, ("x@a.example", "deferred"), ("x@b.example", "sent")),
        _queued("C", 4.9, ("x@c.example", "sent")),
        _queued("D", 100_000 / 60, ("x@d.example", "deferred")),
        _queued("E", 30, ("x@e.example", "deferred"), told=3),
        [
            *_queued("F", 30, ("x@f.example", "deferred")),
            ev.MessageRemoved(NOW, "log", "mx1", "postfix/qmgr", 1, "", "F"),
        ],
        _queued("G", 1, ("root", None)),
    )
    assert ages_of_messages(messages, NOW) == QueueAges(
        (3, 1, 0, 3, 0, 0, 0, 0, 0, 1),
        (("a.example", (2, 1, *NONE[2:])), ("d.example", _bucket(9)), ("e.example", _bucket(3))),
        NOW,
        5,
    )


def test_which_of_the_two() -> None:
    messages = _messages(_queued("A", 0, ("x@a.example", None)))
    told = ages_of_messages(messages, NOW)
    assert told is not None
    assert queue_ages(_queues(), messages, NOW) == told
    assert queue_ages(_queues(_sample({}, messages=3)), messages, NOW) == told, "of an older smtpwatch, without ages"
    assert queue_ages(_queues(_sample({}, messages=0)), messages, NOW) is None, "the host says that nothing waits"
    assert queue_ages(_queues(_sample({}, messages=0, complete=False)), messages, NOW) == told
    assert queue_ages(_queues(), Messages(), NOW) is None
