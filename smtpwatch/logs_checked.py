"""What a look at one log found."""

from typing import NamedTuple


class LogChecked(NamedTuple):
    """The log `name`: `problem` says why it cannot be read, "" if it can. Of its latest `lines`, `unknown` were not
    understood; they are counted and sampled by program."""

    name: str
    problem: str
    lines: int
    unknown: int
    by_program: dict[str, int]
    samples: dict[str, list[str]]
