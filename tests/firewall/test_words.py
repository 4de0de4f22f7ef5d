"""Blocks in words, and who acts."""

import os
from pathlib import Path

import pytest

from smtpwatch.firewall.who import Who, real_user
from smtpwatch.firewall.words import ended, how_long, lasting, left, on_ports


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 s"), (60, "1 min"), (90, "90 s"), (600, "10 min"), (3600, "1 h"), (14_400, "4 h"), (57_600, "16 h"),
     (86_400, "1 day"), (230_400, "64 h"), (921_600, "256 h"), (172_800, "2 days"), (3_599, "1 h"), (0.2, "1 s")],
)  # fmt: skip
def test_how_long(seconds: float, words: str) -> None:
    assert how_long(seconds) == words


def test_lasting() -> None:
    assert (lasting(None), lasting(600)) == ("until removed", "for 10 min")


@pytest.mark.parametrize(
    ("until", "words"),
    [(None, "-"), (100, "0 s"), (101, "1 s"), (160, "60 s"), (219, "119 s"), (220, "2 min"), (3_700, "60 min"),
     (7_300, "2 h"), (172_900, "2 days"), (90, "0 s")],
)  # fmt: skip
def test_left(until: float | None, words: str) -> None:
    assert left(until, 100.0) == words


def test_counts_and_ports() -> None:
    assert [ended(each) for each in (0, 1, 14_000)] == ["no live session", "1 session ended", "14,000 sessions ended"]
    assert (on_ports("smtp", (25, 465)), on_ports("all", (25,))) == ("25, 465", "all ports")


def test_the_real_user(tmp_path: Path) -> None:
    own = real_user({}, tmp_path)
    assert own.uid == os.getuid()
    assert real_user({"SUDO_UID": "1"}, tmp_path) == Who("daemon", 1)
    (tmp_path / "loginuid").write_text("4294967295\n")
    assert real_user({"SUDO_UID": "1"}, tmp_path) == Who("daemon", 1)
    (tmp_path / "loginuid").write_text("2\n")
    assert real_user({"SUDO_UID": "1"}, tmp_path) == Who("bin", 2)
    for nonsense in ("", "-1", "1e3", "٣", "9" * 30, "3999999999", "root"):
        (tmp_path / "loginuid").write_text(nonsense)
        assert real_user({"SUDO_UID": nonsense}, tmp_path) == own
