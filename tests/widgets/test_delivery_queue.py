"""The queue by age, drawn."""

import time
from collections.abc import Iterator

import pytest

from smtpwatch import events as ev
from smtpwatch.state.queue import Queues
from smtpwatch.state.queue_ages import QueueAges
from tests.state.outbound import START
from widgets import ink
from widgets.delivery_queue import queue_lines

AGES = QueueAges(
    (1, 2, 3, 4, 5, 60, 70, 80, 900, 10_400),
    (("slow.example", (0, 0, 3, 4, 5, 60, 70, 80, 100, 58)), ("a-very-long-name-of-a-domain.example", (1, *(0,) * 9))),
    START,
    None,
)


@pytest.fixture(autouse=True)
def _zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def _queues(messages: int | None, complete: bool = True) -> Queues:
    queues = Queues()
    counts = {} if messages is None else {"deferred": messages}
    queues.apply(ev.QueueSample(START, "host", "mx1", "postfix", "", counts, {}, {}, 1, complete, ""))
    return queues


def _lines(width: int, ages: QueueAges | None = AGES, queues: Queues | None = None, height: int = 99) -> list[str]:
    strips = queue_lines(queues or _queues(12_345), ages, START, width, height)
    assert all(strip.cell_length <= width for strip in strips)
    return [strip.text for strip in strips]


def test_at_80_the_youngest_are_told_together() -> None:
    assert _lines(80) == [
        "Queue by age: recipients that wait, read 10:13:20",
        "minutes                  T   ≤10    20    40    80   160   320   640  1280 1280+",
        "TOTAL                  12k     3     3     4     5    60    70    80   900   10k",
        "slow.example           380     .     3     4     5    60    70    80   100    58",
        "a-very-long-name-of…     1     1     .     .     .     .     .     .     .     .",
    ]


@pytest.mark.parametrize("width", [120, 200])
def test_wide(width: int) -> None:
    assert _lines(width)[1:] == [
        "minutes                                      T     5    10    20    40    80   160   320   640  1280 1280+",
        "TOTAL                                      12k     1     2     3     4     5    60    70    80   900   10k",
        "slow.example                               380     .     .     3     4     5    60    70    80   100    58",
        "a-very-long-name-of-a-domain.example         1     1     .     .     .     .     .     .     .     .     .",
    ]


@pytest.mark.parametrize("width", range(36, 130))
def test_every_width_tells_all_of_them(width: int) -> None:
    for line, ages in zip(_lines(width)[3:], (row for _, row in AGES.rows), strict=True):
        figures = [0 if word == "." else int(word) for word in line.split()[1:]]
        assert figures[0] == sum(figures[1:]) == sum(ages)


def test_as_many_as_there_is_room_for() -> None:
    for height in range(6):
        assert _lines(80, height=height) == _lines(80)[:height]


def test_what_it_is_of() -> None:
    log = AGES._replace(of=1_204)
    one = AGES._replace(of=1)
    assert [
        _lines(80, ages, queues)[0]
        for ages, queues in (
            (AGES, _queues(9, complete=False)), (log, _queues(12_345)), (one, Queues()), (None, Queues()),
            (None, _queues(0)), (None, _queues(12_345)), (None, _queues(None)),
        )
    ] == [
        "Queue by age: recipients that wait, read 10:13:20; there is more than was read",
        "Queue by age: of 1,204 messages that the log told of; the queue holds 12,345",
        "Queue by age: of 1 message that the log told of",
        "Queue by age: no queue could be read, and the log tells of no mail that waits.",
        "Queue by age: nothing waits.",
        "Queue by age: nobody tells it of the 12,345 there.",
        "Queue by age: no queue could be read, and the log tells of no mail that waits.",
    ]  # fmt: skip


def test_only_what_is_old_is_coloured() -> None:
    styles = {segment.style for segment in queue_lines(_queues(1), AGES, START, 80)[4]}
    assert styles == {None}
    coloured = [s.text for s in queue_lines(_queues(1), AGES, START, 80)[3] if s.style == ink.WARN]
    assert "".join(coloured).split() == ["70", "80", "100", "58"]
