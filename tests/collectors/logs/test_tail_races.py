"""A log is rotated while the Tail looks: between any two of its system calls a step of the rotation may happen."""

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.collectors.logs.rotation import Follower, Log, Step, check, copytruncate, create

CALLS = ("pread", "fstat", "open", "scandir")
SHARES = (0.02, 0.1, 0.3, 0.7)  # of the calls before which something happens


def rotations(some: random.Random) -> list[Step]:
    """Some rotations, each moving what there is by one."""
    kinds = some.choice(((create,), (copytruncate,), (create, copytruncate)))
    suffix = some.choice(("", ".gz", ".zst"))
    steps: list[Step] = []
    for rotation in range(some.choice((1, 2, 3, 5))):
        older = [(f"mail.log.{n}{suffix}", f"mail.log.{n + 1}{suffix}") for n in range(rotation, 0, -1)]
        steps += some.choice(kinds)(suffix=suffix, older=older)
    return steps


@pytest.mark.parametrize("block", range(8))
def test_steps_within_a_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    for seed in range(block * 50, block * 50 + 50):
        some = random.Random(seed)
        (directory := tmp_path / str(seed)).mkdir()
        log = Log(directory)
        follower = Follower(log.path)
        follower.look()
        steps = rotations(some)
        log.write(some.choice((0, 1, 30)))
        with monkeypatch.context() as patch:
            happening(patch, log, steps, some)
            while steps:
                follower.look()
        check(log, follower)
        follower.tail.close()
        log.stop()


def happening(patch: pytest.MonkeyPatch, log: Log, steps: list[Step], some: random.Random) -> None:
    """From now on, steps happen before system calls of the Tail."""
    share = some.choice(SHARES)
    inside = False  # the steps make system calls as well

    def before(call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **options: Any) -> Any:
            nonlocal inside
            if not inside and some.random() < share:
                inside = True
                while steps and some.random() < 0.6:
                    steps.pop(0)(log)
                    log.write(some.choice((0, 0, 1, 2)))
                inside = False
            return call(*arguments, **options)

        return called

    for name in CALLS:
        patch.setattr(os, name, before(getattr(os, name)))
