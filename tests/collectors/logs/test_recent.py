"""What the logs tell of the last hours: files, what they were rotated to, journald."""

import gzip
import os
from pathlib import Path

import pytest

from collectors.logs import places
from collectors.logs import recent as module
from collectors.logs.recent import recent
from smtpwatch import events as ev
from smtpwatch.config import Config

NOW = 1_780_000_000.0  # 2026-05-28T20:26:40Z
SINCE = NOW - 4 * 3600


def line(minute: int, address: str) -> str:
    """Of the hour before."""
    return f"2026-05-28T19:{minute:02}:00+00:00 mx postfix/smtpd[1]: connect from unknown[{address}]\n"


def told(*paths: Path | str) -> tuple[list[str], list[str]]:
    """The clients of the logs, and the notes."""
    notes: list[str] = []
    config = Config(logs=tuple(map(str, paths)))
    events = [event for batch in recent(config, "mx", NOW, SINCE, notes.append) for event in batch]
    return [event.source for event in events if isinstance(event, ev.ClientConnected)], notes


def test_a_log_and_what_it_was_rotated_to(tmp_path: Path) -> None:
    log = tmp_path / "mail.log"
    log.write_text(line(40, "203.0.113.3"))
    (tmp_path / "mail.log.1").write_text(line(30, "203.0.113.2"))
    (tmp_path / "mail.log.2.gz").write_bytes(gzip.compress(line(20, "203.0.113.1").encode()))
    (tmp_path / "mail.log.3").write_text(line(10, "203.0.113.0"))
    for at, name in enumerate(("mail.log", "mail.log.1", "mail.log.2.gz")):
        os.utime(tmp_path / name, (NOW - at, NOW - at))
    os.utime(tmp_path / "mail.log.3", (SINCE - 1, SINCE - 1))
    assert told(log) == (["203.0.113.1", "203.0.113.2", "203.0.113.3"], [])


def test_what_is_too_long_is_read_from_its_end_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "mail.log"
    log.write_text("".join(line(at, f"203.0.113.{at}") for at in range(60)))
    monkeypatch.setattr(module, "MOST", 250)
    clients, notes = told(log)
    assert clients == ["203.0.113.57", "203.0.113.58", "203.0.113.59"]
    assert notes == [f"{log}: what is before 19:57:00 was not read"]
    monkeypatch.setattr(module, "MOST", 1 << 20)
    assert len(told(log)[0]) == 60 and told(log)[1] == []


def test_a_log_that_is_not_there(tmp_path: Path) -> None:
    clients, notes = told(tmp_path / "none.log")
    assert clients == [] and "No such file or directory" in notes[0]


def test_without_journald(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "journalctl", lambda: None)
    assert told(places.JOURNALD) == ([], ["journalctl is not there"])
    monkeypatch.setattr(places, "journalctl", lambda: "/bin/false")
    assert told(places.JOURNALD) == ([], ["journalctl: exit code 1"])
    monkeypatch.setattr(places, "journalctl", lambda: "/nowhere/journalctl")
    assert told(places.JOURNALD) == ([], ["journalctl: No such file or directory"])


def test_journald(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What journalctl is asked for, and what it answers."""
    program = tmp_path / "journalctl"
    entry = (
        '{"MESSAGE":"connect from unknown[203.0.113.9]","SYSLOG_IDENTIFIER":"postfix/smtpd","SYSLOG_PID":"5",'
        '"_HOSTNAME":"mx","__REALTIME_TIMESTAMP":"1779999000000000","__CURSOR":"x"}'
    )
    program.write_text(f"#!/bin/sh\necho \"$@\" > {tmp_path}/asked\necho '{entry}'\n")
    program.chmod(0o755)
    monkeypatch.setattr(places, "journalctl", lambda: str(program))
    assert told(places.JOURNALD) == (["203.0.113.9"], [])
    asked = (tmp_path / "asked").read_text()
    assert f"--since=@{SINCE:.6f}" in asked and "--follow" not in asked and "SYSLOG_FACILITY=2" in asked


@pytest.mark.needs("journalctl")
def test_the_real_journalctl_takes_it(tmp_path: Path) -> None:
    """It has no journal here, which it says, or an empty one."""
    clients, notes = told(places.JOURNALD)
    assert clients == [] and all("journal" in note.lower() for note in notes)
