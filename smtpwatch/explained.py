"""A log line and what is made of it: `smtpwatch explain`, as JSON or readable."""

from collections.abc import Iterator

import msgspec

from smtpwatch.clean import clean
from smtpwatch.events import AnyEvent, Event, LogEvent

_HEAD = frozenset(LogEvent.__struct_fields__)
"""Fields that every fact of the line shares, and that the line itself shows."""


class Explained(msgspec.Struct, frozen=True):
    """Line `n` (from 1) of `program` (None: not to be seen), whether a parser understood it, and its facts."""

    n: int
    program: str | None
    understood: bool
    events: tuple[Event, ...]
    line: str


class ExplainedLine(msgspec.Struct, frozen=True):
    """The JSON form, which leaves the line out: whoever asks has it."""

    n: int
    program: str | None
    understood: bool
    events: tuple[AnyEvent, ...]


def as_json(explained: Explained) -> bytes:
    """One JSON object."""
    return msgspec.json.encode(
        # Every Event is one of AnyEvent, the union of all its kinds, which mypy cannot know.
        ExplainedLine(explained.n, explained.program, explained.understood, explained.events)  # type: ignore[arg-type]
    )


def as_text(explained: Explained) -> str:
    """The line, and under it one line for each fact, safe to print."""
    mark = " " if explained.understood else "?"
    rows = [f"{mark} {explained.n:>6}  {clean(explained.line)}"]
    for event in explained.events:
        rows.append(f"          {type(event).__name__}: {', '.join(_fields(event))}")
    if not explained.understood:
        rows.append(f"          not understood{f' ({clean(explained.program)})' if explained.program else ''}")
    elif not explained.events:
        rows.append("          understood; says nothing of mail")
    return "\n".join(rows)


def _fields(event: Event) -> Iterator[str]:
    """What the fact adds to the line's head, without what is not said."""
    for name in event.__struct_fields__:
        value = getattr(event, name)
        if name not in _HEAD and value not in (None, "", (), {}, False) and not (value == 0 and name != "size"):
            yield f"{name.replace('_', ' ')} {_said(value)}"


def _said(value: object) -> str:
    if isinstance(value, dict):
        return clean(" ".join(f"{key} {good}/{all_}" for key, (good, all_) in value.items()))
    if isinstance(value, tuple):
        return clean(" ".join(map(str, value)))
    return clean(str(value))
