"""The journal: on the disk before anything is reported, whole whatever happens."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from smtpwatch.firewall import journal as module
from smtpwatch.firewall.journal import Journal, JournalError, Result, Unblocking, new_act


def result(act: str = "a", reason: str = "") -> Result:
    return Result(act=act, time=1.5, state="applied", reason=reason)


def put(journal: Journal, *records: Result | Unblocking) -> None:
    with journal.locked():
        for record in records:
            journal.append(record)


def test_lines_are_json_and_come_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "journal.jsonl"
    asked = Unblocking(act="b", time=2.0, who="ada", uid=1, pid=2, backend="x", networks=("192.0.2.1/32",), why="é\n")
    journal = Journal(path)
    assert journal.news() == []
    put(journal, result(), asked)
    assert path.read_text().splitlines()[0] == (
        '{"type":"result","v":1,"act":"a","time":1.5,"state":"applied","reason":"","ended":0}'
    )
    assert journal.news() == [result(), asked] and journal.news() == []
    put(Journal(path), result("c"))
    assert journal.news() == [result("c")]
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_it_is_synced_before_append_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.fstat(fd).st_size))
    journal = Journal(tmp_path / "j")
    put(journal, result())
    assert synced[-1] == (tmp_path / "j").stat().st_size > 0


def test_what_a_crash_left_of_a_line_harms_no_other(tmp_path: Path) -> None:
    path = tmp_path / "j"
    journal = Journal(path)
    put(journal, result("a"))
    with path.open("ab") as file:
        file.write(b'{"type":"result","v":1,"ac')
    assert journal.news() == [result("a")]
    put(Journal(path), result("b"))
    assert journal.news() == [result("b")] and journal.damaged == 1
    with path.open("ab") as file:
        file.write(b'\n\xff\xfe\n{"type":"new kind","act":"z"}\n[]\nnull\n')
    assert journal.news() == [] and journal.damaged == 5
    with path.open("ab") as file:
        file.write(b'{"type":"result","x":' + b"[" * 200_000 + b"\n")
    assert journal.news() == [] and journal.damaged == 6


def test_a_full_disk_is_told_and_leaves_it_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "j"
    journal = Journal(path)
    put(journal, result("a"))
    real = os.write

    def full(descriptor: int, octets: bytes) -> int:
        if len(octets) > 10:
            return real(descriptor, octets[:10])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with (
        journal.locked(),
        pytest.raises(JournalError, match=r"journal .*/j cannot be written: No space left on device"),
    ):
        journal.append(result("b" * 25))
    monkeypatch.undo()
    put(journal, result("c"))
    assert journal.news() == [result("a"), result("c")] and not journal.damaged


def test_where_it_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="its directory is a file"), Journal(tmp_path / "file" / "j").locked():
        pass
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(JournalError, match="cannot be written"), Journal(tmp_path / "link").locked():
        pass
    with pytest.raises(JournalError, match="cannot be read"):
        Journal(tmp_path).news()


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_what_others_may_write_is_not_believed(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "j"
    put(Journal(path), result())
    path.chmod(mode)
    with pytest.raises(JournalError, match="is not read: others may write it"):
        Journal(path).news()
    with pytest.raises(JournalError, match="is not written: others may write it"), Journal(path).locked():
        pass


def test_what_is_no_file_holds_up_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "j", 0o600)
    with pytest.raises(JournalError, match="it is no file"):
        Journal(tmp_path / "j").news()
    with pytest.raises(JournalError, match="it is no file"), Journal(tmp_path / "j").locked():
        pass


@pytest.mark.needs("root")
def test_another_users_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "j"
    put(Journal(path), result())
    os.chown(path, 65_534, 65_534)
    with pytest.raises(JournalError, match="belongs to another user"):
        Journal(path).news()


def test_another_file_under_the_same_number_is_another(tmp_path: Path) -> None:
    """A file system gives the number of a file that was deleted to the next one."""
    path = tmp_path / "j"
    journal = Journal(path)
    put(journal, result("a"))
    assert journal.news() and not journal.anew
    path.write_bytes(
        path.read_bytes().replace(b'"a"', b'"b"') + b'{"type":"result","v":1,"act":"c","time":1,"state":"applied"}\n'
    )
    assert [record.act for record in journal.news()] == ["b", "c"] and journal.anew
    put(journal, result("d"))
    assert [record.act for record in journal.news()] == ["d"] and not journal.anew


def test_another_file_in_its_place_is_read_from_the_start(tmp_path: Path) -> None:
    path = tmp_path / "j"
    journal = Journal(path)
    put(journal, result("a"))
    assert len(journal.news()) == 1
    path.rename(tmp_path / "j.1")
    put(journal, result("b"))
    assert journal.news() == [result("b")]


def test_one_after_the_other(tmp_path: Path) -> None:
    path = tmp_path / "j"
    order: list[str] = []

    def other() -> None:
        with Journal(path).locked():
            order.append("other")

    with Journal(path).locked():
        thread = threading.Thread(target=other)
        thread.start()
        time.sleep(0.05)
        order.append("first")
    thread.join()
    assert order == ["first", "other"]


def test_who_never_lets_go_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOCK_LIMIT", 0.05)
    path = tmp_path / "j"
    with Journal(path).locked(), pytest.raises(JournalError, match="another smtpwatch"), Journal(path).locked():
        pass


def test_the_lock_goes_with_a_process_that_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "j"
    code = (
        "import sys, time; from pathlib import Path; from smtpwatch.firewall.journal import Journal\n"
        "with Journal(Path(sys.argv[1])).locked(): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        holder.kill()
        with Journal(path).locked():
            pass


def test_numbers_of_acts_differ() -> None:
    assert len({new_act() for _ in range(1000)}) == 1000


def test_ctrl_c_waits_until_the_act_is_over(tmp_path: Path) -> None:
    done: list[str] = []
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), Journal(tmp_path / "j").locked():
        threading.Thread(target=time.sleep, args=(0.2,)).start()  # it could take the signal instead
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.05)
        done.append("the act")
        os.kill(os.getpid(), signal.SIGINT)
    assert done == ["the act"]
    assert signal.getsignal(signal.SIGINT) is before
