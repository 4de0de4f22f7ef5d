"""Which processes are taken for the mail server's own."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from collectors.host import processes
from collectors.host.mail_programs import is_mail_server
from tests.collectors.host.a_process import NOBODY, running


def _child(pid: int, program: Path) -> int:
    """Its child that is nobody's, and executes that."""
    end = time.monotonic() + 10
    while True:
        for child in psutil.Process(pid).children():
            if processes.program(child.pid) == str(program) and processes.uid_of(child.pid) == NOBODY:
                return child.pid
        assert time.monotonic() < end


@pytest.mark.needs("root")
class TestMailServer:
    """A shell stands in for each program: told is by the file."""

    def _is(self, program: Path, uid: int = NOBODY) -> bool:
        with running("sh", "-c", "echo up; read x", executable=program, uid=uid) as pid:
            return is_mail_server(pid, processes.program(pid))

    @pytest.fixture
    def place(self) -> Iterator[Path]:
        """A directory that all may look into, as pytest's own are not."""
        with tempfile.TemporaryDirectory(prefix="owners-") as made:
            Path(made).chmod(0o755)
            yield Path(made)

    def _copy(self, program: Path, mode: int = 0o4755) -> Path:
        program.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy("/bin/sh", program)
        program.chmod(mode)
        return program

    @pytest.mark.parametrize("name", ["exim4", "exim", "exim-4.98-1", "smtpd", "sendmail", "sendmail.sendmail"])
    def test_roots_own(self, place: Path, name: str) -> None:
        assert self._is(self._copy(place / name))

    @pytest.mark.parametrize("name", ["exim4x", "exim-x", "mysendmail", "sh", "smtp", "msmtp", "master"])
    def test_other_names(self, place: Path, name: str) -> None:
        assert not self._is(self._copy(place / name))

    @pytest.mark.parametrize(("name", "its"), [("smtp", True), ("lmtp", True), ("smtpd", True), ("sendmail", False)])
    def test_in_postfix_directory(self, place: Path, name: str, its: bool) -> None:
        assert self._is(self._copy(place / "postfix" / "sbin" / name)) == its

    def test_by_root(self, place: Path) -> None:
        assert self._is(self._copy(place / "exim4", 0o755), uid=0)

    def test_by_hand(self, place: Path) -> None:
        """Nothing keeps a user from giving it libraries of their own."""
        assert not self._is(self._copy(place / "smtpd", 0o755))
        assert not self._is(self._copy(place / "postfix" / "smtp", 0o755))

    @pytest.mark.parametrize("name", ["qmail-remote", "courieresmtp"])
    def test_those_without_a_parent_of_roots(self, place: Path, name: str) -> None:
        assert self._is(self._copy(place / name, 0o755))

    @pytest.mark.parametrize("parent", ["master", "smtp"])
    @pytest.mark.parametrize("uid", [0, NOBODY])
    def test_by_a_parent_that_is_the_servers(self, place: Path, parent: str, uid: int) -> None:
        """If that is root's; it may be the same program."""
        above, below = (self._copy(place / "postfix" / name, 0o755) for name in (parent, "smtp"))
        drop = f"setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups" if uid == 0 else "exec"
        start = f"PATH=/usr/bin:/bin; echo up; {drop} {below} -c 'read x; true'; true"
        if uid:
            start = f"echo up; {below} -c 'read x; true'; true"
        with running("sh", "-c", start, executable=above, uid=uid) as pid:
            child = _child(pid, below)
            assert is_mail_server(child, processes.program(child)) == (uid == 0)

    def test_a_users_file(self, place: Path) -> None:
        program = self._copy(place / "exim4")
        os.chown(program, NOBODY, NOBODY)
        assert not self._is(program)

    def test_a_file_that_all_may_write(self, place: Path) -> None:
        assert not self._is(self._copy(place / "exim4", 0o4777))

    def test_in_a_place_where_all_may_write(self, place: Path) -> None:
        program = self._copy(place / "open" / "exim4")
        program.parent.chmod(0o777)
        assert not self._is(program)

    def test_replaced_by_an_upgrade(self, place: Path) -> None:
        program = self._copy(place / "exim4")
        with running("sh", "-c", "echo up; read x", executable=program, uid=NOBODY) as pid:
            program.unlink()
            assert processes.program(pid) == f"{program} (deleted)"
            assert is_mail_server(pid, processes.program(pid))

    def test_one_that_has_ended(self) -> None:
        with subprocess.Popen(["true"]) as made:
            made.wait()
        assert not is_mail_server(made.pid, "/usr/sbin/exim4")
