"""Log lines to events: the stamp, the host and program that follow it, and then the parser of that program.

A parser is a pure function of a line's text and its Head. What none understands is counted by program, and sampled.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import tzinfo

from collectors.logs.head import SENSOR, Facts, Parse
from collectors.logs.plain import Plain
from collectors.logs.programs import parser_of
from collectors.logs.stamps import Stamps
from smtpwatch.events import CUT, Event

LONGEST = 64 * 1024  # characters of a line that are read; no mail server writes half as many
HEADERS = 4_096  # "host program[pid]" heads remembered: several times the processes of a busy host
PROGRAMS = 100  # programs whose unknown lines are counted one by one; a log of all of syslog has about 50
SAMPLES = 3  # unknown lines kept of a program, the first ones

NO_LINE = "\n"  # no line begins with one
OTHERS = "other programs"

# No brackets in either: a service's log line may begin with a user's name in them, which is a stranger's word.
_HEADER = re.compile(r"(?:([\w.:-]+) )?([\w./@+-]+)(?:\[(\d{1,10})\])?", re.ASCII)
_RFC5424 = re.compile(r'(\S+) (\S+) (\S+) \S+ (?:-|(?:\[(?:[^\]"\\]|"(?:[^"\\]|\\.)*"|\\.)*\])+)(?: |$)(?:\ufeff)?')
_OWN_PID = re.compile(r"\[(\d{1,10})\] ", re.ASCII)
_DOVECOT_LEVEL = re.compile(r"[a-z][\w-]*(?:\([^\s()]*\)|<[^\s<>]*>){0,3}: (?:Info|Warning|Error|Fatal|Panic|Debug): ")
_RSPAMD = re.compile(r"#(\d{1,10})\(\w+\) ", re.ASCII)

Read = tuple[str, Sequence[Event] | None]
"""A line's program, and the facts it states, None if it was not understood."""


class Reader:
    """Reads the lines of one log. `host` is for lines that name none; `zone` and `reference` are as for Stamps; `plain`
    keeps the lines without facts, which are told as events then."""

    def __init__(self, host: str, zone: tzinfo | None, reference: float, plain: Plain | None = None) -> None:
        self._host = host
        self._parser_of = parser_of if plain is None else plain.parser_of
        self._plain: list[Event] = [] if plain is None else plain.kept
        self.stamps = Stamps(zone, reference)
        self._stamp = self.stamps.read
        self.received = 0
        self.latest = 0.0
        """The time of the newest line that was told."""
        self.unknown: dict[str, int] = {}
        """Lines that were not understood, by program."""
        self.samples: dict[str, list[str]] = {}
        self._headers: dict[str, tuple[str, str, int, Parse | None]] = {}

    def read(self, lines: Sequence[str]) -> list[Event]:
        """The facts of some lines, in order."""
        events: list[Event] = []
        headers, facts_of, longest, plain = self._headers, self.line, LONGEST, self._plain
        head, at, time = self._usual()
        facts: Facts
        for line in lines:
            # As `line` does it, without its calls: nearly every line has the stamp and the header of one before it.
            if line.startswith(head):
                colon = line.find(": ", at)
                header = headers.get(line[at:colon])
                if header is not None and colon > 0 and len(line) <= longest:
                    host, program, pid, parse = header
                    text = line[colon + 2 :]
                    facts = parse(text, (time, SENSOR, host, program, pid, text)) if parse is not None else None
                else:
                    program, facts = facts_of(line)
            else:
                program, facts = facts_of(line)
                head, at, time = self._usual()
            if facts:
                events += facts
                continue
            if facts is None:
                self._count(program, line)
            if plain:
                events += plain
                plain.clear()
        self.received += len(lines)
        if events and events[-1].time > self.latest:
            self.latest = events[-1].time
        return events

    def _usual(self) -> tuple[str, int, float]:
        """What a line begins with if it has the latest stamp, the stamp's size, and its time."""
        same = self.stamps.same
        return (self.stamps.head, same.size, same.time) if same is not None else (NO_LINE, 0, 0.0)

    def line(self, line: str) -> Read:
        """What one line, without its end, says."""
        stamp = self._stamp(line)
        if stamp is None:
            return "", None
        time, at, own = stamp
        colon = line.find(": ", at)
        header = self._headers.get(line[at:colon]) if colon > 0 else None
        if header is None:
            if own:
                return self._own(line, time, at)
            if line.startswith("<") and ">1 " in line[:7]:  # the version, which RFC 3164 has not
                match = _RFC5424.match(line, at)
                if match is not None:
                    return self._rfc5424(match, line, time)
            if _DOVECOT_LEVEL.match(line, at):
                return self._parsed("dovecot", 0, self._host, line[at : at + LONGEST], time)
            header = self._header(line[at:colon]) if colon > 0 else None
            if header is None:
                return "", None
        host, program, pid, parse = header
        if parse is None:
            return program, None
        text = line[colon + 2 :]
        if len(text) > LONGEST:
            text = text[:LONGEST] + CUT
        return program, parse(text, (time, SENSOR, host, program, pid, text))

    def _header(self, words: str) -> tuple[str, str, int, Parse | None] | None:
        """What stands before the colon, read for the first time."""
        match = _HEADER.fullmatch(words)
        if match is None:
            return None
        if len(self._headers) >= HEADERS:
            self._headers.clear()
        program = match[2]
        header = self._headers[words] = (match[1] or self._host, program, int(match[3] or 0), self._parser_of(program))
        return header

    def _own(self, line: str, time: float, at: int) -> Read:
        """A line of a program's own log file, which names neither host nor program."""
        pid = _OWN_PID.match(line, at)
        if pid is not None:
            at = pid.end()
        text = line[at : at + LONGEST]
        number = int(pid[1]) if pid is not None else 0
        program = "exim"
        if _DOVECOT_LEVEL.match(text):
            program = "dovecot"
        elif rspamd := _RSPAMD.match(text):
            program, number, text = "rspamd", int(rspamd[1]), text[rspamd.end() :]
        return self._parsed(program, number, self._host, text, time)

    def _rfc5424(self, match: re.Match[str], line: str, time: float) -> Read:
        host, program, pid = match.groups()
        number = int(pid) if pid.isdecimal() and pid.isascii() and len(pid) < 11 else 0
        text = line[match.end() : match.end() + LONGEST]
        return self._parsed(program, number, self._host if host == "-" else host, text, time)

    def message(self, program: str, pid: int, host: str, text: str, time: float) -> list[Event]:
        """The facts of a line that came with its head apart, as journald has it. `host` "" is this one."""
        self.received += 1
        _, facts = self._parsed(program, pid, host or self._host, text[:LONGEST], time)
        if facts is None:
            self._count(program, text)
        else:
            self.latest = max(self.latest, time)
        told = [*(facts or ()), *self._plain]
        self._plain.clear()
        return told

    def _parsed(self, program: str, pid: int, host: str, text: str, time: float) -> Read:
        parse = self._parser_of(program)
        return program, None if parse is None else parse(text, (time, SENSOR, host, program, pid, text))

    def _count(self, program: str, line: str) -> None:
        if program not in self.unknown and len(self.unknown) >= PROGRAMS:
            program = OTHERS
        self.unknown[program] = self.unknown.get(program, 0) + 1
        samples = self.samples.setdefault(program, [])
        if len(samples) < SAMPLES:
            samples.append(line[:LONGEST])
