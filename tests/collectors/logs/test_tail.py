"""A log followed through its rotation, with lines written between any two steps of it, and looks at any time."""

import errno
import itertools
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from collectors.logs import tail
from collectors.logs.followed import BACK, CHUNK
from tests.collectors.logs.rotation import PACK, Follower, Log, Step, check, copytruncate, create, packing, play


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    made = Log(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def follower(log: Log) -> Iterator[Follower]:
    """Looked at the empty log once."""
    made = Follower(log.path)
    made.look()
    yield made
    made.tail.close()


ROTATIONS: dict[str, Callable[[], list[Step]]] = {
    "create": create,
    "create, packed": lambda: create(".gz"),
    "create, packed later": lambda: [*create(), *packing("mail.log.1", ".xz")],
    "create, dateext": lambda: create(".zst", "mail.log-20261125"),
    "create, extension": lambda: create(".gz", "mail.1.log"),
    "copytruncate": copytruncate,
    "copytruncate, packed": lambda: copytruncate(".gz"),
    "copytruncate, dateext": lambda: copytruncate(".xz", "mail.log-20261125-0900"),
    "copytruncate, zstd": lambda: copytruncate(".zst"),
}


def looks_of(steps: int, at_most: int = 256) -> list[list[bool]]:
    """Every way to look or not before and after the lines that follow each step, or some of the ways."""
    if 2 ** (2 * steps) <= at_most:
        return [list(looks) for looks in itertools.product((False, True), repeat=2 * steps)]
    some = random.Random(steps)
    return [[some.random() < share for _ in range(2 * steps)] for share in (0.1, 0.3, 0.6) for _ in range(at_most // 3)]


@pytest.mark.parametrize("first", [0, 1, 5], ids=["empty", "one line", "five lines"])
@pytest.mark.parametrize("name", ROTATIONS)
def test_one_rotation(tmp_path: Path, name: str, first: int) -> None:
    steps = ROTATIONS[name]()
    for number, looks in enumerate(looks_of(len(steps), 130)):
        (directory := tmp_path / str(number)).mkdir()
        log = Log(directory)
        follower = Follower(log.path)
        follower.look()
        log.write(first)
        play(log, follower, steps, looks)
        check(log, follower)
        follower.tail.close()
        log.stop()


def _many(kind: Callable[..., list[Step]], suffix: str, rotations: int) -> list[Step]:
    """Rotation after rotation, each moving what there is by one."""
    steps: list[Step] = []
    for rotation in range(rotations):
        older = [(f"mail.log.{n}{suffix}", f"mail.log.{n + 1}{suffix}") for n in range(rotation, 0, -1)]
        steps += kind(suffix=suffix, older=older)
    return steps


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
@pytest.mark.parametrize("kind", [create, copytruncate], ids=["create", "copytruncate"])
@pytest.mark.parametrize("seed", range(3))
def test_several_rotations_and_few_looks(
    tmp_path: Path, kind: Callable[..., list[Step]], suffix: str, seed: int
) -> None:
    """However many rotations pass between two looks."""
    some = random.Random(seed)
    steps = _many(kind, suffix, 4)
    for number in range(40):
        (directory := tmp_path / str(number)).mkdir()
        log = Log(directory)
        follower = Follower(log.path)
        follower.look()
        share = some.choice((0.03, 0.1, 0.4, 0.9))
        looks = [some.random() < share for _ in range(2 * len(steps))]
        log.write(some.choice((0, 1, 30)))
        if some.random() < 0.5:
            follower.look()
        play(log, follower, steps, looks, [some.choice((0, 1, 2, 9)) for _ in steps])
        check(log, follower)
        follower.tail.close()
        log.stop()


def test_many_rotations_leak_no_descriptor(log: Log, follower: Follower) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = descriptors()
    for rotation in range(50):
        kind = create if rotation % 3 else copytruncate
        older = [(f"mail.log.{n}.gz", f"mail.log.{n + 1}.gz") for n in range(rotation, 0, -1)]
        play(log, follower, kind(".gz", older=older), [rotation % 2 == 0, False, True, False, False])
        follower.look()
    check(log, follower)
    assert descriptors() <= before + tail.OLD_FILES
    follower.wait(tail.OLD_QUIET + 1)
    follower.look()
    assert descriptors() == before
    follower.tail.close()
    assert descriptors() == before - 1


# ---- beginning


def test_begins_at_the_end(log: Log) -> None:
    log.write(10_000)
    follower = Follower(log.path)
    follower.look()
    log.write(2)
    follower.look()
    assert follower.got == log.written[-2:]


def test_begins_with_the_line_that_is_being_written(log: Log) -> None:
    log.write(3)
    log.raw(b"half ")
    follower = Follower(log.path)
    follower.look()
    assert follower.got == []
    log.raw(b"and half\n")
    follower.look()
    assert follower.got == ["half and half"]


@pytest.mark.parametrize("size", [BACK + 1_000, 3 * BACK])
def test_begins_within_a_very_long_line(log: Log, size: int) -> None:
    """The end of a line is no line, whatever a stranger wrote into it."""
    log.raw(b"x" * size + b"Nov 25 09:00:00 mx forged")
    follower = Follower(log.path)
    follower.look()
    log.raw(b" line\n")
    log.write()
    check(log, follower)


def test_rotated_files_that_were_there_before_are_past(log: Log) -> None:
    for rotation in range(3):
        log.write(5)
        older = [(f"mail.log.{n}", f"mail.log.{n + 1}") for n in range(rotation, 0, -1)]
        for step in create(older=older):
            step(log)
    follower = Follower(log.path)
    follower.look()
    log.write(2)
    follower.look()
    # They are packed, touched and moved; it is the past all the same.
    for name in ("mail.log.1", "mail.log.2"):
        for step in packing(name, ".gz"):
            step(log)
    play(log, follower, copytruncate(), [False, True])
    follower.look()
    assert follower.got == [line for line in log.written[15:] if line in follower.got]
    assert set(log.written[15:]) - log.lost <= set(follower.got)


def test_late_creation(tmp_path: Path) -> None:
    path = tmp_path / "late" / "mail.log"
    follower = Follower(path)
    follower.look()
    assert follower.tail.trouble == f"{path}: not there; waiting for it"
    path.parent.mkdir()
    follower.look()
    assert follower.tail.trouble == f"{path}: not there; waiting for it"
    log = Log(path.parent)
    log.write(3)
    follower.look()
    assert (follower.got, follower.tail.trouble) == (log.written, "")
    follower.tail.close()
    log.stop()


# ---- other ends


@pytest.mark.parametrize("awaited", [False, True])
def test_written_to_in_the_moment_that_it_was_made(tmp_path: Path, awaited: bool) -> None:
    """The clock of files stands still for some milliseconds: opened empty, it is no newer for its first line."""
    path = tmp_path / "mail.log"
    followed = tail.Tail(path)
    if awaited:
        assert followed.read(0.0) == []
    path.touch()
    assert followed.read(1.0) == []
    made = path.stat().st_mtime_ns
    path.write_text("one\n")
    os.utime(path, ns=(made, made))
    assert [line for now in range(2, 6) for line in followed.read(float(now))] == ["one"]
    followed.close()


@pytest.mark.parametrize("look", [False, True])
def test_deleted_and_made_again(log: Log, follower: Follower, look: bool) -> None:
    log.write(2)
    if look:
        follower.look()
    log.unlink("mail.log")
    log.write()
    if look:
        follower.look()
    log.reopen()
    log.write(2)
    check(log, follower)


def test_deleted_for_long(log: Log, follower: Follower) -> None:
    """What its writer still writes is read; then it is let go of, for its room on the disk."""
    log.unlink("mail.log")
    follower.look()
    assert follower.tail.trouble == "", "logrotate may be at work"
    follower.wait(tail.GRACE)
    follower.look()
    assert follower.tail.trouble == f"{log.path}: not there; waiting for it"
    log.write()
    follower.look()
    assert follower.got == log.written
    follower.wait(tail.DELETED_QUIET + 1)
    follower.look()
    log.stop()
    held = [str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    assert not any(name.startswith(str(log.path)) for name in held)
    log.reopen()
    log.write()
    check(log, follower)
    assert follower.tail.trouble == ""


def test_renamed_and_nothing_in_its_place(log: Log, follower: Follower) -> None:
    """The writer writes on under the other name, with long pauses."""
    log.rename("mail.log", "mail.log.old")
    for _ in range(3):
        follower.wait(2 * tail.OLD_QUIET)
        follower.look()
        log.write()
        follower.look()
    assert follower.got == log.written
    assert "not there" in follower.tail.trouble
    log.reopen()
    log.write()
    check(log, follower)


def test_a_writer_that_does_not_reopen(log: Log, follower: Follower) -> None:
    for step in create()[:2]:
        step(log)
    for _ in range(5):
        follower.wait(tail.OLD_QUIET - 1)
        log.write()
        follower.look()
    assert follower.got == log.written


def test_replaced_by_a_directory(log: Log, follower: Follower) -> None:
    log.write()
    log.rename("mail.log", "mail.log.1")
    log.path.mkdir()
    log.write()
    follower.look()
    assert follower.got == log.written
    assert follower.tail.trouble == f"{log.path}: is no regular file"
    log.path.rmdir()
    log.reopen()
    log.write()
    check(log, follower)
    assert follower.tail.trouble == ""


def test_replaced_by_a_pipe(log: Log, follower: Follower) -> None:
    log.unlink("mail.log")
    os.mkfifo(log.path)
    follower.look()
    assert follower.tail.trouble == f"{log.path}: is no regular file"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user, whose rights to take")
def test_unreadable(log: Log, follower: Follower) -> None:
    log.write()
    follower.look()
    for step in create():
        step(log)
    log.path.chmod(0)
    log.directory.chmod(0o755)
    for parent in log.directory.parents[:3]:
        parent.chmod(0o755)
    log.write()
    os.seteuid(65534)
    try:
        follower.look()
        assert follower.tail.trouble == f"{log.path}: Permission denied"
    finally:
        os.seteuid(0)
    check(log, follower)
    assert follower.tail.trouble == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user, whose rights to take")
def test_unreadable_at_first_is_no_reason_to_read_the_past(log: Log) -> None:
    log.write(5)
    log.path.chmod(0)
    follower = Follower(log.path)
    os.seteuid(65534)
    try:
        follower.look()
        assert "Permission denied" in follower.tail.trouble
    finally:
        os.seteuid(0)
    follower.look()
    log.write()
    follower.look()
    assert follower.got == log.written[-1:]


def test_a_symbolic_link(tmp_path: Path) -> None:
    """The rotated files are beside what it leads to."""
    (tmp_path / "data").mkdir()
    log = Log(tmp_path / "data")
    (tmp_path / "maillog").symlink_to(log.path)
    follower = Follower(tmp_path / "maillog")
    follower.look()
    for _ in range(2):
        log.write(2)
        for step in copytruncate(".gz"):
            step(log)
        log.write()
        follower.look()
    assert follower.got == log.written
    follower.tail.close()
    log.stop()


def test_links_that_lead_to_each_other(tmp_path: Path) -> None:
    (tmp_path / "mail.log").symlink_to("other.log")
    (tmp_path / "other.log").symlink_to("mail.log")
    follower = Follower(tmp_path / "mail.log")
    follower.look()
    assert follower.tail.trouble == f"{tmp_path}/mail.log: Too many levels of symbolic links"
    follower.tail.close()


def test_a_directory_that_may_not_be_searched(log: Log, follower: Follower) -> None:
    """What is open is read on, and nothing that was read is lost."""
    log.write()
    real = Path.stat

    def denied(path: Path, **options: bool) -> os.stat_result:
        if path == log.path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(path, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "stat", denied)
        follower.look()
        assert follower.got == log.written
        assert follower.tail.trouble == f"{log.path}: Permission denied"
    check(log, follower)
    assert follower.tail.trouble == ""


# ---- parts of lines


def test_a_partial_line_is_awaited(log: Log, follower: Follower) -> None:
    for octets in (b"a ", b"line ", b"in", b" parts\nand", b" another\n"):
        log.raw(octets)
        follower.look()
    assert follower.got == ["a line in parts", "and another"]


@pytest.mark.parametrize("kind", [create, copytruncate], ids=["create", "copytruncate"])
@pytest.mark.parametrize("look", [False, True])
def test_a_partial_line_at_a_rotation(log: Log, follower: Follower, kind: Callable[[], list[Step]], look: bool) -> None:
    """Its rest comes before the writer is told; copied, it will have none."""
    log.write()
    follower.look()
    log.raw(b"a begun")
    if look:
        follower.look()
    steps = kind()
    for number, step in enumerate(steps):
        step(log)
        if kind is create and number < 2:
            log.raw(b" and" if number == 0 else b" ended line\n")
        if look:
            follower.look()
    log.raw(b"another\n")
    follower.look()
    assert follower.got[1:] == ["a begun and ended line" if kind is create else "a begun", "another"]


def test_the_last_line_of_a_dead_writer(log: Log, follower: Follower) -> None:
    """It comes when the file is let go of."""
    log.raw(b"killed while writ")
    for step in create():
        step(log)
    log.write()
    follower.look()
    assert follower.got == log.written
    follower.wait(tail.OLD_QUIET + 1)
    follower.look()
    assert follower.got == [*log.written, "killed while writ"]


def test_a_writer_without_append(tmp_path: Path) -> None:
    """copytruncate leaves NULs where it had written; each time they become more."""
    log = Log(tmp_path, append=False)
    follower = Follower(log.path)
    follower.look()
    for rotation in range(4):
        log.write(3)
        follower.look()
        log.write(2)
        for step in copytruncate(older=[("mail.log.1", "mail.log.2")] if rotation else []):
            step(log)
        log.write(2)
        follower.look()
    assert follower.got == log.written
    follower.tail.close()
    log.stop()


def test_a_hole_of_many_megabytes(log: Log, follower: Follower) -> None:
    """It is read through at once, not a piece at each look."""
    log.write()
    follower.look()
    os.truncate(log.path, 100_000_000)
    log.write()
    check(log, follower)


def test_invalid_utf_8_and_long_lines(log: Log, follower: Follower) -> None:
    log.raw(b"caf\xe9\n" + b"y" * (3 * CHUNK) + b"\nafter\n")
    follower.look()
    assert [line[:8] for line in follower.got] == ["caf\\xe9", "yyyyyyyy", "after"]


# ---- copies


def test_cut_and_grown_beyond_what_was_read(log: Log, follower: Follower) -> None:
    log.write(3)
    follower.look()
    log.write(2)
    for step in copytruncate():
        step(log)
    log.write(500)
    check(log, follower)


def test_cut_and_grown_to_the_same_size(log: Log, follower: Follower) -> None:
    log.write(5)
    follower.look()
    for step in copytruncate():
        step(log)
    log.write(5)
    check(log, follower)


def test_cut_without_a_copy(log: Log, follower: Follower) -> None:
    """`> mail.log`: what was not read is gone."""
    log.write(3)
    follower.look()
    os.truncate(log.path, 0)
    log.write(2)
    check(log, follower)


def test_a_copy_that_cannot_be_read(log: Log, follower: Follower) -> None:
    """Lost is what only it holds, and nothing else."""
    log.write(3)
    follower.look()
    log.write(1)
    for step in copytruncate(".gz"):
        step(log)
    packed = log.directory / "mail.log.1.gz"
    packed.write_bytes(packed.read_bytes()[:15])
    log.write(2)
    follower.look()
    assert follower.got == [*log.written[:3], *log.written[4:]]


def test_copies_without_a_cut_are_none_of_ours(log: Log, follower: Follower) -> None:
    """logrotate's `copy`; then an admin looks into a packed log; then it is rotated."""
    log.write(3)
    follower.look()
    log.copy("mail.log.1")
    log.write()
    follower.look()
    log.rename("mail.log.1", "mail.log.2")
    for step in create():
        step(log)
    log.write()
    check(log, follower)


@pytest.mark.parametrize("name", ["mail.log.1.bz2", "mail.log.save", "mail.log.1~", "mail.login.1", "mail.log-notes",
                                  "xmail.log.1", "mail.log.1.gz.part", "mail.log.d"])  # fmt: skip
def test_other_files_beside_it(log: Log, follower: Follower, name: str) -> None:
    log.write()
    follower.look()
    for step in copytruncate():
        step(log)
    (log.directory / name).write_text("Nov 25 09:00:00 mx test[7]: nothing of ours\n")
    log.write()
    check(log, follower)


@pytest.mark.parametrize("suffix", sorted(PACK))
def test_a_slow_reader_finds_a_big_copy_packed(tmp_path: Path, suffix: str) -> None:
    """The console was slow: much was not read when the log was cut, and its copy packed."""
    log = Log(tmp_path)
    follower = Follower(log.path)
    follower.look()
    log.write(20_000)
    while not follower.got:
        follower.got += follower.tail.read(follower.now)
    assert 0 < len(follower.got) < 20_000
    for step in copytruncate(suffix):
        step(log)
    log.write(3_000)
    check(log, follower)
    follower.tail.close()
    log.stop()
