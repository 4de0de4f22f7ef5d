"""The process that has a socket."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from collectors.host import processes
from collectors.host.holders import Holder, Holders


def _find(holders: Holders, plain: socket.socket, likely: bool = True) -> Holder | None:
    return holders.find(os.fstat(plain.fileno()).st_ino, os.getuid(), lambda pid: likely)


@pytest.fixture
def plain() -> Iterator[socket.socket]:
    with socket.socket() as made:
        yield made


class TestHolders:
    @pytest.mark.parametrize("likely", [True, False])
    def test_found(self, plain: socket.socket, likely: bool) -> None:
        holders = Holders()
        assert _find(holders, plain, likely) == Holder(os.getpid(), False)
        assert _find(holders, plain, likely) == Holder(os.getpid(), False), "and again"

    def test_nobody_has_it(self) -> None:
        assert Holders().find(1, 0, lambda pid: False) is None

    def test_one_that_is_gone_is_not_looked_for(self, plain: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
        """Not among all processes, nor among those that are not likely to have had it."""
        asked: list[int] = []

        def likely(pid: int) -> bool:
            asked.append(pid)
            return False

        inode = os.fstat(plain.fileno()).st_ino
        monkeypatch.setattr(processes, "newest", lambda: range(0))
        assert Holders().find(inode, 0, likely, lambda: False) is None
        assert asked == []
        answers = iter([True, True, False])
        assert Holders().find(inode, 0, likely, lambda: next(answers)) is None
        assert os.getpid() in asked
        assert Holders().find(inode, 0, likely) == Holder(os.getpid(), False)

    def test_known_by_its_descriptor(self, monkeypatch: pytest.MonkeyPatch) -> None:
        holders = Holders()
        with socket.socket() as first:
            number = first.fileno()
            _find(holders, first)
        for name in ("newest", "pids"):
            monkeypatch.setattr(processes, name, list)
        with socket.socket() as second:
            assert second.fileno() == number
            assert _find(holders, second) == Holder(os.getpid(), False)
            with socket.socket() as other:
                assert _find(holders, other) is None

    def test_one_that_has_ended_is_forgotten(self, plain: socket.socket) -> None:
        holders = Holders()
        code = "import os, socket; s = socket.socket(); print(os.fstat(s.fileno()).st_ino, flush=True); input()"
        with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as made:
            assert made.stdout is not None
            inode = int(made.stdout.readline())
            assert holders.find(inode, os.getuid(), lambda pid: True) == Holder(made.pid, False)
            made.kill()
        assert made.pid in holders._known
        assert _find(holders, plain) == Holder(os.getpid(), False)
        assert made.pid not in holders._known

    def test_the_one_that_others_have_it_from(self, plain: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=[plain.fileno()]) as made:
            monkeypatch.setattr(processes, "pids", lambda: [made.pid, os.getpid()])
            assert _find(Holders(), plain) == Holder(os.getpid(), False)

    def test_a_process_that_ends_while_it_is_looked_for(self, plain: socket.socket) -> None:
        def gone(pid: int) -> bool:
            raise ProcessLookupError

        assert Holders().find(os.fstat(plain.fileno()).st_ino, 0, gone) is None
