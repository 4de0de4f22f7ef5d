"""A followed log's facts; those of two logs that tell the same."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from collectors.logs.sources import FileSource
from collectors.logs.twins import MAIN, REJECT, REMEMBERED, Twins, kind
from smtpwatch.events import Event, MessageRemoved, Refused

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC).timestamp()


def refusal(number: int, seconds: int = 0, pid: str = "") -> str:
    """As Exim writes it to both logs."""
    stamp = datetime.fromtimestamp(NOW - 10_000 + seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return (
        f"{stamp}{pid} H=(x) [203.0.113.{number % 256}] F=<a@example.org> rejected RCPT <b{number}@example.com>: no\n"
    )


def completed(number: int, seconds: int = 0) -> str:
    stamp = datetime.fromtimestamp(NOW - 10_000 + seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"{stamp} 1abcdE-{number:06}-2c Completed\n"


def everything(*sources: FileSource) -> list[Event]:
    """All that they have now, read in turn as the sensor does."""
    found: list[Event] = []
    while True:
        for source in sources:
            found += source.read(NOW)
        if not any(source.more for source in sources):
            return found


def refused(events: Sequence[Event]) -> list[str]:
    """Whom the refusals are of."""
    return [event.recipient or "" for event in events if isinstance(event, Refused)]


@pytest.fixture
def logs(tmp_path: Path) -> tuple[Path, Path]:
    """Exim's two logs, empty."""
    paths = tmp_path / "mainlog", tmp_path / "rejectlog"
    for path in paths:
        path.touch()
    return paths


def pair(logs: tuple[Path, Path], since: float | None = None) -> tuple[FileSource, FileSource]:
    mainlog, rejectlog = (FileSource(path, "mx", UTC, NOW, since) for path in logs)
    mainlog.pair_with(rejectlog)
    return mainlog, rejectlog


def test_facts_of_a_log(tmp_path: Path) -> None:
    path = tmp_path / "mail.log"
    path.write_text("Nov 25 08:00:00 mx postfix/qmgr[7]: AAAAAAAAAA: removed\n")
    source = FileSource(path, "here", UTC, NOW, None)
    assert (source.name, source.fileno(), source.trouble) == (str(path), -1, "")
    assert everything(source) == []
    with path.open("a") as file:
        file.write("Nov 25 08:59:59 mx postfix/qmgr[7]: BBBBBBBBBB: removed\nwhatever\n")
    assert everything(source) == [
        MessageRemoved(NOW - 1, "log", "mx", "postfix/qmgr", 7, "BBBBBBBBBB: removed", "BBBBBBBBBB")
    ]
    assert (source.reader.received, source.reader.unknown) == (2, {"": 1})
    path.unlink()
    assert everything(source) == []
    source.close()
    gone = FileSource(path, "here", UTC, NOW, None)
    assert everything(gone) == []
    assert gone.trouble == f"{path}: not there; waiting for it"


@pytest.mark.parametrize("first", [0, 1], ids=["mainlog first", "rejectlog first"])
def test_a_fact_in_both_logs_comes_once(logs: tuple[Path, Path], first: int) -> None:
    sources = pair(logs)
    everything(*sources)
    for number in range(3):
        for path in (logs[first], logs[1 - first]):
            with path.open("a") as file:
                file.write(refusal(number))
            expected = [f"b{number}@example.com"] if path is logs[first] else []
            assert refused(everything(*sources)) == expected


def test_two_equal_facts_come_twice(logs: tuple[Path, Path]) -> None:
    """A client may try the same again within a second."""
    sources = pair(logs)
    everything(*sources)
    for path in logs:
        with path.open("a") as file:
            file.write(refusal(1) * 2)
    assert len(everything(*sources)) == 2
    for path in logs:
        with path.open("a") as file:
            file.write(refusal(1))
        everything(*sources)
    with logs[1].open("a") as file:
        file.write(refusal(1))
    assert len(everything(*sources)) == 1, "told by rejectlog for the first time"


def test_what_only_one_log_tells(logs: tuple[Path, Path]) -> None:
    """log_reject_target may leave out either; the rejectlog has the message's header besides."""
    sources = pair(logs)
    everything(*sources)
    with logs[0].open("a") as file:
        file.write(refusal(1) + completed(1))
    with logs[1].open("a") as file:
        file.write(refusal(2) + "Envelope-from: <a@example.org>\nP Received: from x\n----\n")
    assert refused(everything(*sources)) == ["b1@example.com", "b2@example.com"]


def test_reading_back_both(logs: tuple[Path, Path]) -> None:
    """Ten days of one log are as long as one hour of the other: they are read side by side."""
    refusals = 3_000
    between = 40
    with logs[0].open("w") as main, logs[1].open("w") as reject:
        for number in range(refusals):
            line = refusal(number, number)
            main.write(line)
            main.write("".join(completed(each, number) for each in range(between)))
            reject.write(line)
    for path in logs:
        os.utime(path, (NOW, NOW))
    events = everything(*pair(logs, since=NOW - 20_000))
    assert sorted(refused(events)) == sorted(f"b{number}@example.com" for number in range(refusals))
    assert len(events) == refusals * (between + 1)


def test_what_is_remembered_is_bounded() -> None:
    twins = Twins()
    events = [MessageRemoved(number, "log", "mx", "exim", 0, str(number), "q") for number in range(3 * REMEMBERED)]
    assert twins.new(MAIN, events) == events
    assert sum(map(len, twins._ahead.values())) == REMEMBERED
    assert twins.new(REJECT, events[-REMEMBERED:]) == []
    assert sum(map(len, twins._ahead.values())) == 0


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mainlog", MAIN), ("mainlog.1", MAIN), ("exim_mainlog-20261124.gz", MAIN), ("rejectlog", REJECT),
        ("exim_rejectlog", REJECT), ("rejectlog.2.gz", REJECT), ("main.log", MAIN), ("reject.log", REJECT),
        ("mail.log", ""), ("paniclog", ""),
    ],
)  # fmt: skip
def test_kinds(name: str, expected: str) -> None:
    assert kind(Path("/var/log/exim4") / name) == expected
