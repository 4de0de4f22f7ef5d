"""Tables of lines and of the facts expected of them, written without what every line has."""

from collections.abc import Callable, Sequence
from typing import Any

from collectors.logs.head import Head
from smtpwatch.events import Event
from tests.collectors.logs import telling

Fact = Callable[[Head], Event]
Case = tuple[str, str, Sequence[Fact] | None]
"""(program, text, facts): None for a line that is not understood."""


def fact(kind: Callable[..., Event], *fields: Any, **named: Any) -> Fact:
    """An event of that kind, once its line's head is known."""
    return lambda head: kind(*head, *fields, **named)


def expected(case: Case) -> list[Event] | None:
    """The events of a case."""
    program, text, facts = case
    return None if facts is None else [made(telling.head(program, text)) for made in facts]


def read(case: Case) -> list[Event] | None:
    """What the reader makes of the raw line."""
    facts = telling.read(case[0], case[1])
    return None if facts is None else list(facts)


def named(cases: Sequence[Case]) -> list[str]:
    """Test ids: the program's last name, and a number within the table."""
    return [f"{program.rpartition('/')[2]}-{number}" for number, (program, _, _) in enumerate(cases, 1)]
