"""What a process is said to be."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from collectors.host import processes
from collectors.host.processes import ARGUMENT_LENGTH, ARGUMENTS, booted, command, container, process
from tests.collectors.host.a_process import NOBODY, WAIT, running

_ID = "0123456789abcdef" * 4
_SHORT = _ID[:12]


class TestProcess:
    def test_what_it_is(self, tmp_path: Path) -> None:
        with running("an (odd) name) 1", "-c", WAIT, "é", directory=tmp_path) as pid:
            now = time.time()
            found = process(pid, booted(now))
            assert found is not None
            assert abs(found.since - psutil.Process(pid).create_time()) < 1.1  # psutil knows the boot by seconds
            assert now - 10 < found.since <= now
        assert found._replace(since=0.0) == (
            pid, os.getuid(), "root" if os.getuid() == 0 else found.user, found.name,
            os.path.realpath(sys.executable), str(tmp_path), ("an (odd) name) 1", "-c", WAIT, "é"),
            os.getpid(), psutil.Process().name()[:15], 0.0, "",
        )  # fmt: skip

    def test_a_name_with_parentheses(self, tmp_path: Path) -> None:
        program = Path(shutil.copy("/bin/sh", tmp_path / "a) S 1 (b"))
        with running("sh", "-c", "echo up; read x", executable=program) as pid:
            found = process(pid, 0.0)
        assert found is not None
        assert (found.name, found.parent) == ("a) S 1 (b", os.getpid())

    def test_octets_that_are_no_text(self, tmp_path: Path) -> None:
        directory = os.fsencode(tmp_path) + b"/\xff\n"
        os.mkdir(directory)  # noqa: PTH102
        with running("sh", "-c", "echo up; read x", b"\xfe", executable="/bin/sh", directory=directory) as pid:
            found = process(pid, 0.0)
        assert found is not None
        assert found.directory == f"{tmp_path}/\\xff\n"
        assert found.command[-1] == "\\xfe"

    def test_a_program_that_is_no_longer_there(self, tmp_path: Path) -> None:
        program = Path(shutil.copy("/bin/sh", tmp_path / "dropper"))
        with running("sh", "-c", "echo up; read x", executable=program) as pid:
            program.unlink()
            found = process(pid, 0.0)
        assert found is not None
        assert found.program == f"{program} (deleted)"

    @pytest.mark.needs("root")
    def test_of_another_user(self) -> None:
        with running("sh", "-c", "echo up; read x", executable="/bin/sh", uid=NOBODY) as pid:
            found = process(pid, 0.0)
        assert found is not None
        assert (found.uid, found.user) == (NOBODY, "nobody")

    @pytest.mark.needs("root")
    def test_of_a_user_without_a_name(self) -> None:
        with running("sh", "-c", "echo up; read x", executable="/bin/sh", uid=54_321) as pid:
            found = process(pid, 0.0)
        assert found is not None
        assert (found.uid, found.user) == (54_321, "")

    def test_one_that_has_ended(self) -> None:
        with subprocess.Popen(["true"]) as made:
            made.wait()
        assert process(made.pid, 0.0) is None
        assert not processes.runs(made.pid)

    def test_a_thread_of_the_kernel(self) -> None:
        found = process(2, 0.0)
        if found is None or found.name != "kthreadd":
            pytest.skip("in a container")
        assert (found.program, found.command, found.parent, found.parent_name) == ("", (), 0, "")


class TestCommand:
    def test_arguments(self) -> None:
        assert command(b"php\0-f\0\0x y\0") == ("php", "-f", "", "x y")
        assert command(b"nginx: worker process") == ("nginx: worker process",)
        assert command(b"") == ()

    def test_long_ones(self) -> None:
        told = command(b"\0".join([b"x" * 1_000] * 100))
        assert told == ("x" * ARGUMENT_LENGTH,) * ARGUMENTS


@pytest.mark.parametrize(
    ("groups", "told"),
    [
        (f"0::/system.slice/docker-{_ID}.scope", _SHORT),
        (f"12:pids:/docker/{_ID}\n11:cpu:/docker/{_ID}", _SHORT),
        (f"12:pids:/\n0::/docker/{_ID}", _SHORT),
        (f"0::/kubepods.slice/kubepods-besteffort.slice/kubepods-pod1.slice/cri-containerd-{_ID}.scope", _SHORT),
        (f"11:memory:/kubepods/burstable/pod0a1b/{_ID}", _SHORT),
        (f"0::/user.slice/user-1000.slice/user.slice/libpod-{_ID}.scope/container", _SHORT),
        (f"0::/docker/{'f' * 64}/docker/{_ID}", _SHORT),
        ("0::/lxc.payload.web/system.slice/cron.service", "web"),
        ("4:pids:/lxc/web/init.scope", "web"),
        ("0::/lxc.payload/web", "web"),
        ("0::/system.slice/postfix@-.service", ""),
        ("0::/user.slice/user-1000.slice/session-3.scope", ""),
        (f"0::/system.slice/{_ID}{_ID}", ""),
        ("0::/", ""),
        ("", ""),
    ],
)
def test_containers(groups: str, told: str) -> None:
    assert container(groups) == told
