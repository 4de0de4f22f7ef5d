"""Reading back (`--since`): through rotated and packed files, and on into the log as it grows."""

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from collectors.logs import rotated as module
from collectors.logs.rotated import HEAD, rotated
from collectors.logs.sources import FileSource
from smtpwatch.events import MessageRemoved
from tests.collectors.logs.rotation import PACK, Follower, Log, Step, copytruncate, create

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC).timestamp()
HOUR = 3_600.0


def lines(hours_ago: float, number: int, count: int = 3) -> bytes:
    """Lines a second apart, with queue ids that count on from `number`."""
    return b"".join(
        datetime.fromtimestamp(NOW - hours_ago * HOUR + each, UTC).strftime("%b %e %H:%M:%S").encode()
        + b" mx postfix/qmgr[1]: %010X: removed\n" % (number + each)
        for each in range(count)
    )


def write(path: Path, octets: bytes, hours_ago: float) -> None:
    """A file that was last written to then."""
    suffix = path.suffix
    path.write_bytes(PACK[suffix](octets) if suffix in PACK else octets)
    os.utime(path, (NOW - hours_ago * HOUR,) * 2)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log with five rotated files, one a day, packed in each way."""
    path = tmp_path / "mail.log"
    write(path, lines(2, 50) + lines(0.5, 60), 0.4)
    write(tmp_path / "mail.log.1", lines(20, 40) + lines(3, 45), 3)
    write(tmp_path / "mail.log.2.gz", lines(40, 30), 24)
    write(tmp_path / "mail.log.3.xz", lines(60, 20), 48)
    write(tmp_path / "mail.log.4.zst", lines(80, 10), 72)
    write(tmp_path / "mail.log.5.gz", lines(100, 0), 96)
    return path


def removed(source: FileSource) -> list[int]:
    """The numbers of all that a source has now."""
    found: list[int] = []
    while True:
        for event in source.read(NOW):
            assert isinstance(event, MessageRemoved)
            found.append(int(event.queue_id, 16))
        if not source.more:
            return found


def from_(*starts: int) -> list[int]:
    """The numbers of blocks of three lines."""
    return [start + each for start in starts for each in range(3)]


@pytest.mark.parametrize(
    ("hours", "blocks"),
    [
        (0.1, ()),
        (1, (60,)),
        (2.5, (50, 60)),
        (4, (45, 50, 60)),
        (21, (40, 45, 50, 60)),
        (61, (20, 30, 40, 45, 50, 60)),
        (1_000, (0, 10, 20, 30, 40, 45, 50, 60)),
    ],
)
def test_since(log: Path, hours: float, blocks: Sequence[int]) -> None:
    source = FileSource(log, "mx", UTC, NOW, NOW - hours * HOUR)
    assert removed(source) == from_(*blocks)
    with log.open("ab") as file:
        file.write(lines(0, 70))
    assert removed(source) == from_(70)
    source.close()


def test_since_cuts_within_a_file(log: Path) -> None:
    source = FileSource(log, "mx", UTC, NOW, NOW - 2 * HOUR + 1)
    assert removed(source) == [51, 52, 60, 61, 62]
    source.close()


def test_lines_that_come_late_are_told_whatever_their_stamp(log: Path) -> None:
    """A host whose clock was set back, or another zone: what is new is new."""
    source = FileSource(log, "mx", UTC, NOW, NOW - 1 * HOUR)
    assert removed(source) == from_(60)
    with log.open("ab") as file:
        file.write(lines(5, 70))
    assert removed(source) == from_(70)
    source.close()


def test_what_is_damaged_ends_there_and_the_rest_is_whole(log: Path) -> None:
    packed = log.with_name("mail.log.2.gz")
    octets = PACK[".gz"](lines(40, 30, 2_000))
    packed.write_bytes(octets[: len(octets) // 2])
    os.utime(packed, (NOW - 24 * HOUR,) * 2)
    log.with_name("mail.log.3.xz").write_bytes(b"\xfd7zXZ\0rubbish")
    source = FileSource(log, "mx", UTC, NOW, NOW - 1_000 * HOUR)
    found = removed(source)
    assert found[:6] == from_(0, 10)
    assert found[-12:] == from_(40, 45, 50, 60)
    assert found[6:-12] == list(range(30, 30 + len(found) - 18))
    assert len(found) > 500
    source.close()


def test_without_the_log_itself(log: Path) -> None:
    """Rotated without a new one being made (logrotate's nocreate), until the next line."""
    log.unlink()
    source = FileSource(log, "mx", UTC, NOW, NOW - 21 * HOUR)
    assert removed(source) == from_(40, 45)
    assert "not there" in source.trouble
    log.write_bytes(lines(0, 70))
    assert removed(source) == from_(70)
    source.close()


def test_no_past_without_since(log: Path) -> None:
    source = FileSource(log, "mx", UTC, NOW, None)
    assert removed(source) == []
    source.close()


def test_december_is_last_year(tmp_path: Path) -> None:
    path = tmp_path / "mail.log"
    now = datetime(2027, 1, 1, 0, 10, tzinfo=UTC).timestamp()
    path.write_bytes(b"Dec 31 23:50:00 mx postfix/qmgr[1]: 00000000A1: removed\n")
    os.utime(path, (now - 600, now - 600))
    source = FileSource(path, "mx", UTC, now, now - HOUR)
    assert [event.time for event in source.read(now)] == [now - 20 * 60]
    source.close()


@pytest.mark.parametrize("way", [create, copytruncate], ids=["create", "copytruncate"])
@pytest.mark.parametrize("reads", [0, 1, 2, 5])
def test_rotated_while_reading_back(tmp_path: Path, way: Callable[..., list[Step]], reads: int) -> None:
    """The past stays what it was when it was opened."""
    log = Log(tmp_path)
    for rotation in range(4):
        log.write(4_000)
        play(log, create(".gz", older=older(rotation)))
    log.write(4_000)
    follower = Follower(log.path, since=1.0)
    for _ in range(reads):
        follower.got += follower.tail.read(follower.now)
    for rotation in range(4, 6):
        play(log, way(".gz", older=older(rotation)))
        log.write(10)
    follower.look()
    assert follower.got == log.written
    follower.tail.close()
    log.stop()


def older(rotation: int) -> list[tuple[str, str]]:
    return [(f"mail.log.{n}.gz", f"mail.log.{n + 1}.gz") for n in range(rotation, 0, -1)]


def play(log: Log, steps: Sequence[Step]) -> None:
    for step in steps:
        step(log)


# ---- which files these are


def names(path: Path) -> list[str]:
    found = rotated(path)
    for each in found:
        each.close()
    return [each.octets.path.name for each in found]


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    return tmp_path


def test_names(beside: Path) -> None:
    ours = [
        "mail.log.1", "mail.log.2.gz", "mail.log.10.xz", "mail.log.0", "mail.log-20261124", "mail.log-20261123.zst",
        "mail.log-2026-11-22", "mail.log-20261121-09", "mail.log.1795000000.gz", "mail.1.log", "mail.2.log.gz",
        "mail-20261120.log", "mail.log.01",
    ]  # fmt: skip
    others = [
        "mail.log", "mail.logs", "mail.log.bak", "mail.log.1.bz2", "mail.log.1.gz.tmp", "mail.login.1", "xmail.log.1",
        "mail.log.old.1", "mail.log-", "mail.log.", "mail.err.1", "mail.log1", "mail.log.1~", "mail2.log",
    ]  # fmt: skip
    for name in ours + others:
        (beside / name).write_bytes(name.encode())
    (beside / "mail.log.7").mkdir()
    assert sorted(names(beside / "mail.log")) == sorted(ours)


def test_names_without_an_ending(beside: Path) -> None:
    for name in ("mainlog", "mainlog.1", "mainlog.02.gz", "mainlog-20261124", "mainlog2", "paniclog.1"):
        (beside / name).write_bytes(b"x")
    assert sorted(names(beside / "mainlog")) == ["mainlog-20261124", "mainlog.02.gz", "mainlog.1"]


def test_the_latest_first(beside: Path) -> None:
    for hours, name in enumerate(("mail.log.9", "mail.log.3.gz", "mail.log-20261120")):
        write(beside / name, b"x", hours)
    assert names(beside / "mail.log") == ["mail.log.9", "mail.log.3.gz", "mail.log-20261120"]


def test_of_the_same_moment_the_lower_number_or_later_day_first(beside: Path) -> None:
    for name in ("mail.log.2", "mail.log.10", "mail.log.1", "mail.log-20261120", "mail.log-20261121"):
        write(beside / name, b"x", 1)
    assert names(beside / "mail.log") == [
        "mail.log-20261121", "mail.log-20261120", "mail.log.1", "mail.log.2", "mail.log.10",
    ]  # fmt: skip


def test_while_one_is_packed_the_whole_one(beside: Path) -> None:
    (beside / "mail.log.1").write_bytes(b"whole")
    (beside / "mail.log.1.gz").write_bytes(PACK[".gz"](b"whole")[:9])
    assert names(beside / "mail.log") == ["mail.log.1"]


def test_not_more_than_a_year_of_weeks(beside: Path) -> None:
    for number in range(100):
        write(beside / f"mail.log.{number}", b"x", number)
    assert names(beside / "mail.log") == [f"mail.log.{number}" for number in range(module.LATEST)]


def test_known_by_its_head(beside: Path) -> None:
    octets = bytes(range(256)) * 3
    write(beside / "mail.log.1", octets, 1)
    write(beside / "mail.log.2.gz", octets[:100], 2)
    write(beside / "mail.log.3", b"", 3)
    whole, short, empty = rotated(beside / "mail.log")
    assert whole.head == octets[:HEAD]
    assert whole.is_of(octets[:HEAD]) and whole.is_of(octets[:20]) and short.is_of(octets[:HEAD])
    assert not whole.is_of(b"") and not whole.is_of(b"x") and not empty.is_of(octets[:HEAD])
    for each in (whole, short, empty):
        each.close()
