"""What every log fact begins with, and the form of a parser."""

from collections.abc import Callable, Sequence

from smtpwatch.events import Event

SENSOR = "log"

Head = tuple[float, str, str, str, int, str]
"""The first fields of a LogEvent: time, sensor, host, program, pid, text. A fact is made by `Fact(*head, ...)`."""

Facts = Sequence[Event] | None
"""What a line says: None if it was not understood, empty if it says nothing that is kept."""

Parse = Callable[[str, Head], Facts]
"""A parser: the text of a line, and the head for its facts. It is pure and never raises."""

NOTHING: Facts = ()
"""Understood, and of no interest."""
