"""The latest lines of the logs, each with the facts that it states, and which session and which message it is of.

A visit finds its session later than its lines come, and thousands of lines must not keep sessions: an entry refers to
its visit weakly, and what it is of is asked when somebody wants to know."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING
from weakref import ref

import msgspec

from smtpwatch import events as ev
from smtpwatch.state.log_sessions import thread

if TYPE_CHECKING:
    from smtpwatch.state.message import Message
    from smtpwatch.state.messages import Messages
    from smtpwatch.state.session import Session
    from smtpwatch.state.visit import Visit

LINES = 20_000  # the latest: a quarter of an hour of a busy host; about 1.2 kB each with their facts
TEXT = 5_000_000  # characters of them, once for each fact: in lines of 64 kB, 40 MB at the very most
FACTS = 50  # of one line; no parser states more than a few, but lines of the same words look like one
STRAYS = LINES  # lines that wait to be told which visit they are of
LATE = 5.0  # seconds that a message's first line may be behind another of its lines
BACK = 2_000  # lines looked back through for the process that wrote a line without facts: some 0.2 ms


class Line(msgspec.Struct, eq=False, gc=False):
    """A line of a log. `facts` has one at least: they all have the line's time, host, program, pid and text; `number`
    counts the lines since the beginning. `message` is the key of its message, where the line itself does not name
    it."""

    number: int
    facts: tuple[ev.LogEvent, ...]
    visit: ref[Visit] | None = None
    message: tuple[str, str] | None = None

    @property
    def fact(self) -> ev.LogEvent:
        """The first one, for what all have in common."""
        return self.facts[0]

    @property
    def queue_id(self) -> str:
        """The first that its facts name, "" for none."""
        return next((each for fact in self.facts if (each := getattr(fact, "queue_id", ""))), "")


class Lines:
    """The latest lines, the oldest first. Numbers have no gaps: `first` is that of the oldest."""

    def __init__(self) -> None:
        self.first = self._end = 0
        self.left_out = 0
        """Lines without facts that there were too many of to be sent here."""
        self._held: deque[Line] = deque()
        self._latest: Line | None = None
        self._text = ""
        """Of the latest line: most lines are told from it by that alone."""
        self._characters = 0
        self._strays: dict[int, Line] = {}
        """Lines that wait for their visit, by the identity of the fact that does."""

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[Line]:
        return iter(self._held)

    @property
    def end(self) -> int:
        """The number that the next line gets."""
        return self._end

    def get(self, number: int) -> Line | None:
        """The line with that number, if it is still held."""
        at = number - self.first
        return self._held[at] if 0 <= at < len(self._held) else None

    def window(self, start: int, stop: int) -> list[Line]:
        """The lines at places `start` to `stop` (not included) among those held."""
        held = self._held
        return [held[at] for at in range(max(0, start), min(stop, len(held)))]

    def since(self, number: int) -> Iterator[Line]:
        """Those with that number and later, in order."""
        new = min(self.end - number, len(self._held))
        return reversed(list(islice(reversed(self._held), max(0, new))))

    def add(self, fact: ev.LogEvent, visit: Visit | None) -> None:
        """Take in a fact, of `visit` if that is known by now."""
        text = fact.text
        if text == self._text and self._latest is not None and _goes_on(self._latest, fact):
            line = self._latest
            line.facts += (fact,)
            if visit is not None and line.visit is None:
                line.visit = ref(visit)
        else:
            self._text = text
            self._latest = Line(self._end, (fact,), None if visit is None else ref(visit))
            self._end += 1
            self._held.append(self._latest)
        self._characters += len(text)
        if self._end - self.first > LINES or self._characters > TEXT:
            self._make_room()

    def plain(self, event: ev.PlainLine) -> None:
        """Take in a line without facts."""
        self.left_out += event.left_out
        self.add(event, None)

    def _make_room(self) -> None:
        held = self._held
        while len(held) > LINES or (self._characters > TEXT and len(held) > 1):
            line = held.popleft()
            self.first += 1
            facts = line.facts
            self._characters -= len(facts[0].text) * len(facts)

    def stray(self, fact: ev.LogEvent) -> None:
        """The fact just added waits for its visit."""
        if self._latest is not None:
            self._strays[id(fact)] = self._latest  # which holds the fact: its identity is its own
            if len(self._strays) > STRAYS:
                del self._strays[next(iter(self._strays))]

    def settled(self, fact: ev.LogEvent, visit: Visit) -> None:
        """A stray is of that visit."""
        line = self._strays.pop(id(fact), None)
        if line is not None and line.visit is None:
            line.visit = ref(visit)

    def about(self, message: Message) -> None:
        """The fact just added is about a message that it does not name by its queue id."""
        if self._latest is not None:
            self._latest.message = message.key

    def session(self, line: Line) -> Session | None:
        """The session that a line is of, as far as is known by now. It may have ended and be held no longer."""
        visit = line.visit() if line.visit is not None else None
        if visit is None and type(line.fact) is ev.PlainLine:
            visit = self._same_process(line)
        return visit.session if visit is not None else None

    def _same_process(self, line: Line) -> Visit | None:
        """The visit that its process served when it wrote that line, if it serves one client at a time."""
        fact = line.fact
        process = thread(fact)
        if process is None:
            return None
        for number in range(line.number - 1, max(self.first, line.number - BACK) - 1, -1):
            before = self._held[number - self.first]
            if before.fact.pid != fact.pid or thread(before.fact) != process:
                continue
            if any(type(each) is ev.ClientDisconnected for each in before.facts):
                return None
            if before.visit is not None:
                return before.visit()
        return None


def message_of(line: Line, messages: Messages) -> Message | None:
    """The message that a line is about, if it is still held. Queue ids are used again: what began later is another."""
    queue_id = line.queue_id
    key = (line.fact.host, queue_id) if queue_id else line.message
    message = messages.get(key) if key is not None else None
    return message if message is not None and message.start <= line.fact.time + LATE else None


def _goes_on(line: Line, fact: ev.LogEvent) -> bool:
    """A fact of the same text is one more of that line. One of a kind that the line has told already is another line's,
    of the same words."""
    first = line.facts[0]
    return (
        fact.time == first.time
        and fact.pid == first.pid
        and fact.program == first.program
        and fact.host == first.host
        and len(line.facts) < FACTS
        and type(fact) not in map(type, line.facts)
    )
