"""Where logs are found on a host that was not told: a tree of files stands for it."""

import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from collectors.logs import places
from collectors.logs.places import Found

Make = Callable[..., None]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def made(*names: str) -> None:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")

    return made


def names(root: Path) -> list[str]:
    return [str(found.path.relative_to(root)) for found in places.logs(root)]


@pytest.mark.parametrize(
    "there",
    [
        [],
        ["var/log/mail.log"],
        ["var/log/maillog"],
        ["var/log/mail"],
        ["var/log/exim4/mainlog", "var/log/exim4/rejectlog"],
        ["var/log/exim/main.log", "var/log/exim/reject.log"],
        ["var/log/exim_mainlog", "var/log/exim_rejectlog"],
        ["var/log/mail.log", "var/log/exim4/mainlog", "var/log/exim4/rejectlog"],
    ],
    ids=["nothing", "Debian", "Red Hat", "SUSE", "exim4", "exim", "cPanel", "both"],
)  # fmt: skip
def test_what_is_there(tmp_path: Path, make: Make, there: Sequence[str]) -> None:
    make("var/log/syslog", "var/log/mail.err", "var/log/exim4/paniclog", *there)
    assert names(tmp_path) == there


def test_directories_and_dangling_links_are_no_logs(tmp_path: Path) -> None:
    (tmp_path / "var/log/mail").mkdir(parents=True)
    (tmp_path / "var/log/mail.log").symlink_to("nowhere")
    assert names(tmp_path) == []


def test_one_file_by_two_names(tmp_path: Path, make: Make) -> None:
    make("var/log/mail.log")
    (tmp_path / "var/log/maillog").symlink_to("mail.log")
    assert names(tmp_path) == ["var/log/mail.log"]


def test_which_have_what_journald_has(tmp_path: Path, make: Make) -> None:
    make("var/log/mail.log", "var/log/exim4/mainlog")
    assert places.logs(tmp_path) == [
        Found(tmp_path / "var/log/mail.log", True), Found(tmp_path / "var/log/exim4/mainlog", False),
    ]  # fmt: skip


@pytest.mark.parametrize("where", ["run/log/journal", "var/log/journal"])
def test_a_journal(tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    monkeypatch.setattr(places, "journalctl", lambda: "/bin/journalctl")
    assert places.journald(tmp_path) is None
    (tmp_path / where / "0123456789abcdef").mkdir(parents=True)
    assert places.journald(tmp_path) is None, "it is kept elsewhere"
    make(f"{where}/0123456789abcdef/system.journal")
    assert places.journald(tmp_path) == "/bin/journalctl"


def test_a_journal_that_cannot_be_read_without_journalctl(
    tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make("var/log/journal/0123456789abcdef/system.journal")
    monkeypatch.setattr(places, "journalctl", lambda: None)
    assert places.journald(tmp_path) is None


# ---- Postfix


class Master:
    """A process as psutil shows it."""

    def __init__(
        self, pid: int, *arguments: str, name: str = "master", exe: str = "/usr/lib/postfix/sbin/master", **environ: str
    ) -> None:
        self.pid = pid
        self._name, self._arguments, self._exe, self._environ = name, list(arguments), exe, environ

    def name(self) -> str:
        return self._name

    def cmdline(self) -> list[str]:
        return self._arguments

    def exe(self) -> str:
        return self._exe

    def environ(self) -> dict[str, str]:
        if "denied" in self._environ:
            raise psutil.AccessDenied(self.pid)
        return self._environ


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> list[Master]:
    """Those that run."""
    running: list[Master] = []
    monkeypatch.setattr(psutil, "process_iter", lambda: iter(running))
    return running


def test_configurations_of_running_instances(processes: list[Master]) -> None:
    here = os.getpid()
    processes += [
        Master(here, "/usr/lib/postfix/sbin/master", "-w", MAIL_CONFIG="/etc/postfix"),
        Master(here, "/usr/lib/postfix/sbin/master", "-w", MAIL_CONFIG="/etc/postfix-out"),
        Master(here, "/usr/lib/postfix/sbin/master", "-c", "/opt/mail", "-d", MAIL_CONFIG="/etc/postfix"),
        Master(here, "/usr/lib/postfix/sbin/master", "-c"),
        Master(here, "/usr/lib/postfix/sbin/master", MAIL_CONFIG="relative"),
        Master(here, "master", exe="/usr/libexec/other/master", MAIL_CONFIG="/etc/other"),
        Master(here, "smtpd", name="smtpd", MAIL_CONFIG="/etc/smtpd"),
        Master(here, "/usr/lib/postfix/sbin/master", denied="1"),
        Master(999_999_999, "/usr/lib/postfix/sbin/master", MAIL_CONFIG="/etc/gone"),
    ]
    assert list(places.configurations()) == ["/etc/postfix", "/etc/postfix-out", "/opt/mail"]


def test_a_container_s_postfix_has_other_files(processes: list[Master], monkeypatch: pytest.MonkeyPatch) -> None:
    processes.append(Master(os.getpid(), "master", MAIL_CONFIG="/etc/postfix"))
    monkeypatch.setattr(places, "_is_here", lambda pid: False)
    assert list(places.configurations()) == []


def test_a_process_in_another_root(tmp_path: Path) -> None:
    assert places._is_here(os.getpid())
    with pytest.raises(OSError):
        places._is_here(999_999_999)


@pytest.fixture
def postconf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A program that answers for postconf(1)."""

    def answers(script: str) -> None:
        path = tmp_path / "postconf"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setattr(shutil, "which", lambda name, path=None: str(tmp_path / name))

    return answers


def test_maillog_file(tmp_path: Path, make: Make, processes: list[Master], postconf: Callable[[str], None]) -> None:
    """That of each running instance, and the default's."""
    make("in.log", "out.log")
    processes.append(Master(os.getpid(), "master", MAIL_CONFIG="/etc/postfix-out"))
    postconf(f'[ "$1" = -c ] && echo {tmp_path}/out.log || echo {tmp_path}/in.log')
    assert list(places._of_postfix()) == [tmp_path / "out.log", tmp_path / "in.log"]
    paths = [found.path for found in places.logs()]
    assert paths.index(tmp_path / "out.log") < paths.index(tmp_path / "in.log")
    (tmp_path / "in.log").unlink()
    assert tmp_path / "in.log" not in [found.path for found in places.logs()]


@pytest.mark.parametrize("script", ["echo", "echo /dev/stdout", "exit 1", "echo relative.log", "kill -9 $$"])
def test_postfix_that_logs_elsewhere(processes: list[Master], postconf: Callable[[str], None], script: str) -> None:
    postconf(script)
    assert list(places._of_postfix()) == []


def test_a_postconf_that_hangs(
    processes: list[Master], postconf: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "POSTCONF", 0.1)
    postconf("exec sleep 5")
    assert list(places._of_postfix()) == []


def test_no_postfix(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: Any, **__: Any) -> None:
        return None

    monkeypatch.setattr(shutil, "which", none)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("nothing to run"))
    assert list(places._of_postfix()) == []
