"""journald, through journalctl(1): the mail facility, and filters that log under another."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from datetime import tzinfo

import msgspec

from collectors.logs.plain import Plain
from collectors.logs.reader import Reader
from smtpwatch.events import Event

MAIL = "2"  # RFC 5424's number of the mail facility
OTHERS = ("rspamd", "spamd", "clamav-milter", "clamsmtpd", "policyd-spf", "postgrey", "opendkim", "opendmarc")
"""Programs that look at mail and may log as daemon."""

CHUNK = 1 << 17  # octets read at a time; an entry has about 1,000
RESTART_AFTER = 5.0  # seconds
PATIENCE = 10.0  # seconds for what is asked once
LONGEST = 1 << 20  # octets of one entry; a longer one is no line of mail
SAID = 4_096  # octets of journalctl's complaints that are kept
ENTRIES = "entries that are no JSON"

Field = str | list[int | str | list[int] | None] | None
"""A field is a list of octets if it is no text, of values if it is there more than once, null if it is too long."""


class _Entry(msgspec.Struct):
    """What is wanted of an entry (systemd.journal-fields(7))."""

    message: Field = msgspec.field(name="MESSAGE", default=None)
    identifier: Field = msgspec.field(name="SYSLOG_IDENTIFIER", default=None)
    command: Field = msgspec.field(name="_COMM", default=None)
    syslog_pid: Field = msgspec.field(name="SYSLOG_PID", default=None)
    pid: Field = msgspec.field(name="_PID", default=None)
    host: Field = msgspec.field(name="_HOSTNAME", default=None)
    sent: Field = msgspec.field(name="_SOURCE_REALTIME_TIMESTAMP", default=None)
    received: Field = msgspec.field(name="__REALTIME_TIMESTAMP", default=None)
    cursor: str | None = msgspec.field(name="__CURSOR", default=None)


class JournalSource:
    """journald followed from now, or from `since` on. journalctl is started again where it ended, should it end.

    `where` are further arguments of journalctl that say which journal (`--directory=PATH`, `--file=PATH`); `plain` as
    for Reader."""

    name = "journald"

    def __init__(
        self,
        journalctl: str,
        host: str,
        zone: tzinfo | None,
        now: float,
        since: float | None,
        where: Sequence[str] = (),
        plain: Plain | None = None,
    ) -> None:
        self.reader = Reader(host, zone, now, plain)
        self.trouble = ""
        self.more = False
        self._command = [
            journalctl, "--follow", "--lines=all", "--output=json", "--all", "--no-pager", "--quiet", *where,
        ]  # fmt: skip
        # From now on is a time as well: so that nothing is missed before it has told a cursor.
        self._from = f"--since=@{now if since is None else since:.6f}"
        self._decoder = msgspec.json.Decoder(_Entry)
        self._rest = b""
        self._dropping = False
        """The entry under way is too long."""
        self._said = b""
        self._process: subprocess.Popen[bytes] | None = None
        self._start_at = now
        """When it was started, or is to be."""

    def fileno(self) -> int:
        """journalctl's output."""
        process = self._process
        return -1 if process is None or process.stdout is None else process.stdout.fileno()

    def read(self, now: float) -> Sequence[Event]:
        """New events."""
        self.more = False
        if self._process is None and (now < self._start_at or not self._start(now)):
            return []
        self._hear()
        try:
            octets = os.read(self.fileno(), CHUNK)
        except BlockingIOError:
            if now - self._start_at > RESTART_AFTER:  # it has nothing to say, and lives
                self.trouble = ""
            return []
        if not octets:
            self._ended(now)
            return []
        self.more = True
        return self.entries(octets)

    def close(self) -> None:
        """End journalctl."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdout, process.stderr):
                assert pipe is not None
                pipe.close()

    @property
    def command(self) -> list[str]:
        """What is run, from where we are."""
        match = [f"SYSLOG_FACILITY={MAIL}"]
        for identifier in OTHERS:
            match += ["+", f"SYSLOG_IDENTIFIER={identifier}"]
        return [*self._command, self._from, *match]

    def _start(self, now: float) -> bool:
        try:
            self._process = process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except OSError as error:
            self.trouble = f"journalctl: {error.strerror}"
            self._start_at = now + RESTART_AFTER
            return False
        for pipe in (process.stdout, process.stderr):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
        self._start_at = now
        self._rest, self._dropping, self._said = b"", False, b""
        return True

    def _hear(self) -> None:
        """Its complaints are read all the time, lest it wait for that."""
        assert self._process is not None
        assert self._process.stderr is not None
        with suppress(BlockingIOError):
            while said := os.read(self._process.stderr.fileno(), SAID):
                self._said = (self._said + said)[-SAID:]

    def _ended(self, now: float) -> None:
        process = self._process
        assert process is not None
        with suppress(subprocess.TimeoutExpired):  # what it says last may come after the end of its output
            process.wait(1)
        self._hear()
        self.close()
        said = self._said.decode("utf-8", "replace").strip().splitlines()
        self.trouble = f"journalctl: {said[-1] if said else 'ended'}; trying again in {RESTART_AFTER:.0f} s"
        self._start_at = now + RESTART_AFTER

    def entries(self, octets: bytes) -> list[Event]:
        """The facts of what it has written; an entry may come in parts."""
        self.trouble = ""
        whole, newline, rest = octets.rpartition(b"\n")
        if not newline:
            if not self._dropping:
                self._rest += octets
        else:
            whole, self._rest = (b"" if self._dropping else self._rest) + whole, rest
            if self._dropping:
                whole, self._dropping = whole.partition(b"\n")[2], False
        if len(self._rest) > LONGEST:
            self._rest, self._dropping = b"", True
        events: list[Event] = []
        for line in whole.split(b"\n") if newline else ():
            events += self._entry(line)
        return events

    def _entry(self, line: bytes) -> Sequence[Event]:
        if not line:
            return ()
        try:
            entry = self._decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            self.reader.unknown[ENTRIES] = self.reader.unknown.get(ENTRIES, 0) + 1
            return ()
        if entry.cursor:
            self._from = f"--after-cursor={entry.cursor}"
        sent = _text(entry.sent) or _text(entry.received)
        # As rsyslog writes it: a line is one line in every log.
        text = _text(entry.message).replace("\n", "#012")
        if not text or not _is_number(sent):
            return ()
        pid = _text(entry.syslog_pid) or _text(entry.pid)
        program = _text(entry.identifier) or _text(entry.command)
        return self.reader.message(
            program, int(pid[:10]) if _is_number(pid) else 0, _text(entry.host), text, int(sent[:18]) / 1e6
        )


def past(
    journalctl: str, host: str, zone: tzinfo | None, now: float, since: float, where: Sequence[str] = ()
) -> tuple[list[Event], str]:
    """The facts of what is in the journal since then, and what stopped them, "" for nothing; arguments as for
    JournalSource."""
    source = JournalSource(journalctl, host, zone, now, since, where)
    command = [part for part in source.command if part != "--follow"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False)
    except OSError as error:
        return [], f"journalctl: {error.strerror}"
    except subprocess.TimeoutExpired:
        return [], f"journalctl took longer than {PATIENCE:.0f} s"
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    trouble = f"journalctl: {said[-1] if said else f'exit code {done.returncode}'}" if done.returncode else ""
    return source.entries(done.stdout), trouble


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _text(field: Field) -> str:
    """A field's value, the first of several."""
    if isinstance(field, list) and field and not isinstance(field[0], int):
        first = field[0]
        return first if isinstance(first, str) else _text(list(first or ()))
    if isinstance(field, list):
        octets = bytes(octet for octet in field if isinstance(octet, int) and 0 <= octet < 256)
        return octets.decode("utf-8", "backslashreplace")
    return field or ""
