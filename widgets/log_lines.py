"""One line of a log told in full: the raw line, its facts field by field, and what it is of."""

from collections.abc import Iterator
from typing import Any

from rich.segment import Segment
from textual.strip import Strip

from smtpwatch import clock
from smtpwatch import events as ev
from smtpwatch.clean import clean
from smtpwatch.state.lines import Line, message_of
from smtpwatch.state.message import Message
from smtpwatch.state.session import Session
from smtpwatch.state.sessions import Sessions
from widgets import ink
from widgets.cells import cut, fill, wrap
from widgets.log_words import mark
from widgets.transcript_lines import ends, fact

FIELD_CELLS = 16
VALUE_MAX = 2_000  # characters of one field; it is a part of the line, which is above in full
ENTRIES = 100  # of a field that has several values

_COMMON = len(ev.LogEvent.__struct_fields__)
_NOT_SAID: tuple[object, ...] = (None, "", (), {}, False)
_ZERO_IS_UNSAID = ("client_port", "server_port", "relay_port", "code", "bits", "interval", "left_out")
_MARK_INK = {"x": ink.BAD, "!": ink.WARN, "?": ink.STRONG, " ": None}


def session_of_line(line: Line, sessions: Sessions) -> Session | None:
    """The session that a line is of, as far as is known by now, if it is still held."""
    session = sessions.logs.lines.session(line)
    return session if session is not None and sessions.get(session.key) is session else None


def message_of_line(line: Line, sessions: Sessions) -> Message | None:
    """The message that a line is about, if it is still held."""
    return message_of(line, sessions.logs.messages)


def head(line: Line, sessions: Sessions, cells: int) -> list[Strip]:
    """When and by whom it was logged, and what it is of, with the keys that lead there."""
    first = line.fact
    pid = f"[{first.pid}]" if first.pid else ""
    when = f"{clock.of_day(first.time)}{_fraction(first.time)}"
    strips = fact("", f"{when} {first.program}{pid} on {first.host}, line {line.number + 1:,}", cells, ink.STRONG)
    session, message = session_of_line(line, sessions), message_of_line(line, sessions)
    key = "" if session is None else "o: its transcript"
    strips += fact("session", f"{_session(line, session)}  {key}".rstrip(), cells)
    strips += fact("message", f"{_message(line, message)}  {'' if message is None else 'm: its story'}".rstrip(), cells)
    return strips


def body(line: Line, cells: int) -> list[Strip]:
    """The raw line, wrapped, and below it the fields of each fact; fields of which it says nothing are left out."""
    style = _MARK_INK[mark(line)]
    strips = [Strip([Segment(part, style)]) for part in _wrapped(line.fact.text, cells)]
    for each in line.facts:
        strips += [Strip([]), Strip([Segment(_title(each), ink.STRONG)])]
        for name, value in _fields(each):
            label = fill(name.replace("_", " "), FIELD_CELLS)
            for part in _wrapped(value[:VALUE_MAX], max(10, cells - FIELD_CELLS)):
                strips.append(Strip([Segment(label, ink.FAINT), Segment(part)]))
                label = " " * FIELD_CELLS
    return strips


def _wrapped(text: str, cells: int) -> list[str]:
    return [cut(part, cells) for part in wrap(clean(text), max(2, cells))]


def _fraction(time: float) -> str:
    return "" if time.is_integer() else f"{time % 1:.3f}"[1:5]


def _session(line: Line, session: Session | None) -> str:
    if session is not None:
        state = session.closed_by or session.stage
        return f"{ends(session)}, {state}"
    if line.visit is not None:
        return "known no longer, or not joined yet"
    return "none is known"


def _message(line: Line, message: Message | None) -> str:
    if message is not None:
        return f"{message.queue_id}, {message.state}"
    return f"{line.queue_id}, known no longer" if line.queue_id else "none is known"


def _title(each: ev.LogEvent) -> str:
    """The fact's kind as words: `Message received`."""
    if isinstance(each, ev.PlainLine):
        return "No fact is kept of it" if each.understood else "Not understood"
    name = type(each).__name__
    return name[0] + "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name[1:])


def _fields(each: ev.LogEvent) -> Iterator[tuple[str, str]]:
    """Name and value, in the order in which they are defined."""
    if isinstance(each, ev.PlainLine):
        return
    for name in each.__struct_fields__[_COMMON:]:
        value = getattr(each, name)
        if name == "sender" and value == "":
            yield name, "<>"
        elif value not in _NOT_SAID or (type(value) in (int, float) and name not in _ZERO_IS_UNSAID):
            yield name, _value(value)


def _value(value: Any) -> str:
    if value is True:
        return "yes"
    if isinstance(value, dict):
        return ", ".join(f"{verb} {good}/{every}" for verb, (good, every) in list(value.items())[:ENTRIES])
    if isinstance(value, tuple):
        return ", ".join(map(str, value[:ENTRIES]))
    return f"{value:g}" if isinstance(value, float) else str(value)
