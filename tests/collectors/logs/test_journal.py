"""journald through journalctl: what it may print, played by a script; and a real journal that grows."""

import json
import select
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.logs.journal import ENTRIES, LONGEST, RESTART_AFTER, JournalSource
from smtpwatch.events import Event, MessageRemoved
from tests.collectors.logs import journald
from tests.collectors.logs.journald import Journal, entry

NOW = 1_795_597_200.0
LIMIT = 10.0  # seconds

Start = Callable[..., JournalSource]


def removed(time: float, number: int, host: str = "mx", pid: int = 7) -> MessageRemoved:
    """What an entry of number becomes."""
    queue_id = f"{number:010X}"
    return MessageRemoved(time, "log", host, "postfix/qmgr", pid, f"{queue_id}: removed", queue_id)


def message(number: int) -> str:
    return f"{number:010X}: removed"


def line(**changes: Any) -> str:
    """An entry as journalctl prints it."""
    fields: dict[str, Any] = {
        "__CURSOR": "s=1;i=1",
        "__REALTIME_TIMESTAMP": "1795597200000000",
        "_SOURCE_REALTIME_TIMESTAMP": "1795597199500000",
        "SYSLOG_IDENTIFIER": "postfix/qmgr",
        "_HOSTNAME": "mx",
        "_PID": "7",
        "MESSAGE": message(1),
        **changes,
    }
    return json.dumps({name: value for name, value in fields.items() if value != "left out"})


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a source on a script that plays journalctl: it prints `text` and then does `end`. Its arguments are in
    `arguments`, a line for each start."""
    made: list[JournalSource] = []

    def started(text: str | bytes = "", end: str = "exec sleep 60", since: float | None = None) -> JournalSource:
        output = tmp_path / "output"
        output.write_bytes(text.encode() if isinstance(text, str) else text)
        script = tmp_path / "journalctl"
        script.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/arguments\ncat {output}\n{end}\n')
        script.chmod(0o755)
        made.append(JournalSource(str(script), "here", UTC, NOW, since))
        return made[-1]

    yield started
    for source in made:
        source.close()


def take(source: JournalSource, enough: int = 1, now: float = NOW) -> list[Event]:
    """Its events, waited for until there are enough or something is wrong."""
    found: list[Event] = []
    end = time.monotonic() + LIMIT
    while len(found) < enough and not source.trouble and time.monotonic() < end:
        found += source.read(now)
        if source.fileno() >= 0 and not source.more:
            select.select([source.fileno()], [], [], 0.1)
    return found


# ---- entries


@pytest.mark.parametrize(
    ("changes", "event"),
    [
        ({}, removed(NOW - 0.5, 1)),
        ({"_SOURCE_REALTIME_TIMESTAMP": "left out"}, removed(NOW, 1)),
        ({"_SOURCE_REALTIME_TIMESTAMP": None}, removed(NOW, 1)),
        ({"SYSLOG_PID": "8"}, removed(NOW - 0.5, 1, pid=8)),
        ({"SYSLOG_PID": ["9", "8"]}, removed(NOW - 0.5, 1, pid=9)),
        ({"_PID": "left out"}, removed(NOW - 0.5, 1, pid=0)),
        ({"_PID": "x"}, removed(NOW - 0.5, 1, pid=0)),
        ({"_PID": "²"}, removed(NOW - 0.5, 1, pid=0)),
        ({"_HOSTNAME": "left out"}, removed(NOW - 0.5, 1, host="here")),
        ({"SYSLOG_IDENTIFIER": "left out", "_COMM": "postfix/qmgr"}, removed(NOW - 0.5, 1)),
        ({"SYSLOG_IDENTIFIER": None, "_COMM": "postfix/qmgr"}, removed(NOW - 0.5, 1)),
        ({"MESSAGE": list(message(1).encode())}, removed(NOW - 0.5, 1)),
        ({"MESSAGE": [message(1), "another"]}, removed(NOW - 0.5, 1)),
        ({"MESSAGE": [list(message(1).encode()), [1, 2]]}, removed(NOW - 0.5, 1)),
        ({"MESSAGE": [None, message(1)]}, None),
        ({"MESSAGE": None}, None),
        ({"MESSAGE": ""}, None),
        ({"MESSAGE": []}, None),
        ({"MESSAGE": "left out"}, None),
        ({"MESSAGE": message(1) + "\nforged: removed"}, None),
        ({"__REALTIME_TIMESTAMP": "x", "_SOURCE_REALTIME_TIMESTAMP": "left out"}, None),
        ({"__REALTIME_TIMESTAMP": "left out", "_SOURCE_REALTIME_TIMESTAMP": "left out"}, None),
        ({"_SOURCE_REALTIME_TIMESTAMP": "٣"}, None),
        ({"__CURSOR": "left out"}, removed(NOW - 0.5, 1)),
        ({"PRIORITY": "6", "OTHER": {"a": [1]}}, removed(NOW - 0.5, 1)),
    ],
)  # fmt: skip
def test_entries(start: Start, changes: dict[str, Any], event: Event | None) -> None:
    source = start(line(**changes) + "\n" + line(MESSAGE=message(2)) + "\n")
    expected = [removed(NOW - 0.5, 2)] if event is None else [event, removed(NOW - 0.5, 2)]
    assert take(source, len(expected)) == expected
    assert source.trouble == ""


@pytest.mark.parametrize("garbage", [
    b"garbage", b"{", b"[]", b"null", b"1", b'"x"', b"\xff\xfe", b'{"MESSAGE":{}}', b'{"__CURSOR":1}', b"[" * 100_000,
    b'{"MESSAGE":[[[1]]]}', b"-- No entries --",
])  # fmt: skip
def test_garbage_is_counted_and_left_out(start: Start, garbage: bytes) -> None:
    source = start(garbage + b"\n\n" + line().encode() + b"\n")
    assert take(source) == [removed(NOW - 0.5, 1)]
    assert source.reader.unknown == {ENTRIES: 1}


def test_a_line_in_binary_and_of_several_lines(start: Start) -> None:
    """What is no text is shown as in any log; a line is one line, as rsyslog would have it."""
    text = b"odd \xff one\nwith more"
    source = start(line(MESSAGE=list(text)) + "\n" + line() + "\n")
    take(source)
    assert source.reader.samples == {"postfix/qmgr": ["odd \\xff one#012with more"]}


@pytest.mark.parametrize("size", [200_000, LONGEST - 1_000, 3 * LONGEST])
def test_entries_that_are_very_long(start: Start, size: int) -> None:
    """Too long a one is left out, and its end is not taken for another."""
    long = line(MESSAGE="x" * size + json.dumps({"MESSAGE": message(3)}))
    source = start("\n".join((line(), long, line(MESSAGE=message(2)), "")))
    assert take(source, 2) == [removed(NOW - 0.5, 1), removed(NOW - 0.5, 2)]
    assert source.reader.received == (3 if len(long) < LONGEST else 2)
    assert source.reader.unknown.get(ENTRIES) is None


def test_an_entry_in_pieces(start: Start) -> None:
    source = start(line()[:50], end=f"sleep 0.2; tail -c +51 <<'X'\n{line()}\nX\nexec sleep 60")
    assert take(source) == [removed(NOW - 0.5, 1)]


@given(st.binary(max_size=200), st.integers(0, 200))
def test_whatever_it_prints(octets: bytes, at: int) -> None:
    source = JournalSource("/nowhere", "here", UTC, NOW, None)
    for piece in (octets[:at], octets[at:], b"\n", line().encode(), b"\n"):
        events = source.entries(piece)
    assert events == [removed(NOW - 0.5, 1)]


FIELDS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=20), st.floats(allow_nan=False)),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(sorted(json.loads(line()))), FIELDS))
def test_whatever_is_in_an_entry(fields: dict[str, Any]) -> None:
    source = JournalSource("/nowhere", "here", UTC, NOW, None)
    source.entries(line(**fields).encode() + b"\n")


# ---- the process


def test_how_it_is_asked(start: Start, tmp_path: Path) -> None:
    take(start(line() + "\n"))
    take(start(line() + "\n", since=NOW - 7_200))
    now, since = (tmp_path / "arguments").read_text().splitlines()
    assert f"--since=@{NOW:.6f} SYSLOG_FACILITY=2 + SYSLOG_IDENTIFIER=rspamd +" in now
    assert f"--since=@{NOW - 7_200:.6f} " in since
    for asked in (now, since):
        assert asked.startswith("--follow --lines=all --output=json --all ")


def test_it_is_started_again_behind_its_cursor(start: Start, tmp_path: Path) -> None:
    source = start(
        "\n".join((line(__CURSOR="s=a;i=1"), line(__CURSOR="s=a;i=2"), "")), end="echo 'no more' >&2; exit 1"
    )
    assert len(take(source, 3)) == 2
    assert source.trouble == f"journalctl: no more; trying again in {RESTART_AFTER:.0f} s"
    assert source.fileno() == -1
    assert source.read(NOW + RESTART_AFTER - 0.1) == []
    assert len((tmp_path / "arguments").read_text().splitlines()) == 1
    source.trouble = ""
    assert len(take(source, 2, NOW + RESTART_AFTER)) == 2
    first, second = (tmp_path / "arguments").read_text().splitlines()
    assert "--since=@" in first and "--after-cursor" not in first
    assert "--after-cursor=s=a;i=2 " in second and "--since" not in second


def test_started_again_without_a_cursor(start: Start, tmp_path: Path) -> None:
    """What came since the beginning is not lost."""
    source = start(end="exit 1")
    take(source)
    assert "ended" in source.trouble
    source.read(NOW + RESTART_AFTER)
    end = time.monotonic() + LIMIT
    while len((tmp_path / "arguments").read_text().splitlines()) < 2:
        assert time.monotonic() < end
    first, second = (tmp_path / "arguments").read_text().splitlines()
    assert first == second


def test_its_trouble_is_over_when_it_lives(start: Start, tmp_path: Path) -> None:
    source = start(end=f"[ -e {tmp_path}/again ] && exec sleep 60; touch {tmp_path}/again; exit 1")
    take(source)
    assert source.trouble
    source.read(NOW + RESTART_AFTER)
    assert source.trouble
    source.read(NOW + 3 * RESTART_AFTER)
    assert source.trouble == ""


def test_it_complains_at_length(start: Start) -> None:
    """More than a pipe holds, and goes on."""
    source = start(end=f"yes complaint | head -c 500000 >&2; cat <<'X'\n{line()}\nX\nexec sleep 60")
    assert take(source) == [removed(NOW - 0.5, 1)]


def test_it_is_not_there() -> None:
    source = JournalSource("/nowhere/journalctl", "here", UTC, NOW, None)
    assert source.read(NOW) == []
    assert source.trouble == "journalctl: No such file or directory"
    assert source.fileno() == -1
    source.close()


def test_it_ends_with_us(start: Start) -> None:
    source = start(line() + "\n")
    take(source)
    process = source._process
    assert process is not None
    source.close()
    assert process.poll() is not None
    source.close()


# ---- a real journal


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    if why := journald.missing():
        pytest.skip(why)
    with Journal(tmp_path) as made:
        made.add(*(entry(NOW - 60 + number, message(number)) for number in range(3)))
        yield made


@pytest.fixture
def follow(journal: Journal, tmp_path: Path) -> Iterator[Start]:
    made: list[JournalSource] = []

    def following(since: float | None = None, now: float = NOW) -> JournalSource:
        where = [f"--file={journal.path}"]
        made.append(JournalSource(journald.journalctl(tmp_path), "here", UTC, now, since, where))
        return made[-1]

    yield following
    for source in made:
        source.close()


def at(time: float) -> float:
    """When an entry of that time was sent."""
    return (round(time * 1e6) - 5) / 1e6


def test_a_journal_that_grows(journal: Journal, follow: Start) -> None:
    source = follow()
    journal.add(entry(NOW + 1, message(10)))
    assert take(source) == [removed(at(NOW + 1), 10)], "and nothing of what was there"
    for number in range(11, 15):
        journal.add(entry(NOW + number, message(number)))
        assert take(source) == [removed(at(NOW + number), number)]


def test_a_journal_s_past(journal: Journal, follow: Start) -> None:
    source = follow(since=NOW - 59.5)
    assert take(source, 2) == [removed(at(NOW - 60 + number), number) for number in (1, 2)]
    journal.add(entry(NOW + 1, message(10)))
    assert take(source) == [removed(at(NOW + 1), 10)]


def test_what_a_journal_has_besides(journal: Journal, follow: Start) -> None:
    """Other facilities are left out; filters that log under any are not."""
    source = follow()
    take(source, 0)
    journal.add(
        entry(NOW + 1, "session opened", SYSLOG_FACILITY="10", SYSLOG_IDENTIFIER="sshd"),
        entry(NOW + 2, message(9), SYSLOG_FACILITY="3"),
        entry(NOW + 3, "kernel", SYSLOG_FACILITY="", SYSLOG_IDENTIFIER="", _TRANSPORT="kernel"),
        entry(NOW + 4, "started", SYSLOG_FACILITY="3", SYSLOG_IDENTIFIER="rspamd"),
        entry(NOW + 5, b"binary \xff\x00 one\nmore"),
        entry(NOW + 6, "x" * 100_000),
        entry(NOW + 7, message(10)),
    )
    assert take(source) == [removed(at(NOW + 7), 10)]
    assert source.reader.received == 4
    assert source.reader.unknown == {"postfix/qmgr": 2}
    binary, long = source.reader.samples["postfix/qmgr"]
    assert binary == "binary \\xff\0 one#012more"
    assert set(long) == {"x"} and len(long) >= 64 * 1024


def test_a_journal_behind_the_cursor(journal: Journal, follow: Start) -> None:
    source = follow(since=NOW - 3_600)
    assert len(take(source, 3)) == 3
    process = source._process
    assert process is not None
    process.kill()
    journal.add(entry(NOW + 1, message(10)))
    take(source)
    assert "trying again" in source.trouble
    source.trouble = ""
    assert take(source, 1, NOW + RESTART_AFTER) == [removed(at(NOW + 1), 10)]


def test_a_journal_that_is_not_there(follow: Start, journal: Journal, tmp_path: Path) -> None:
    source = JournalSource(journald.journalctl(tmp_path), "here", UTC, NOW, None, ["--file=/nowhere.journal"])
    take(source)
    assert "trying again" in source.trouble
    assert "\n" not in source.trouble
    source.close()


def test_journalctl_ends_when_nobody_reads(journal: Journal, follow: Start) -> None:
    """As after a crash of ours."""
    source = follow(since=NOW - 3_600)
    take(source, 3)
    process = source._process
    assert process is not None and process.stdout is not None
    process.stdout.close()
    try:
        process.wait(LIMIT)
    except subprocess.TimeoutExpired:
        pytest.fail("it lives on")
    source._process = None
