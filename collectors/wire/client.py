"""The client's octets, as what they are at each point of the dialogue: command lines, credentials, message, chunk, TLS.

Which of them it is hangs on replies: after DATA, AUTH and STARTTLS the octets are held until the reply is there (or,
in a capture of this side only, told by their looks).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from collectors.wire import commands, proxy, resync, unanswered
from collectors.wire.content import Content
from collectors.wire.tls import looks_like_client_hello, looks_like_record

if TYPE_CHECKING:
    from collectors.wire.smtp import Dialogue

MAX_LINE = 4096  # octets kept of a command line; RFC 5321 allows 512, and AUTH's longer ones are dropped anyway
MAX_HELD = 65536  # octets held while a reply decides what they are; no client sends more before it has to wait

Mode = Callable[[bytes, float], bytes]
"""Reads octets as one thing; returns those left where they begin to be something else."""


class ClientReader:
    """Reads one connection's client side for its Dialogue; `read` is what the tracker feeds, `mode` how it reads
    now."""

    __slots__ = (
        "_blind",
        "_chunk",
        "_conn",
        "_dialogue",
        "_held",
        "_presumed",
        "_proxied",
        "_rest",
        "held_octets",
        "mode",
        "waiting",
    )

    def __init__(self, dialogue: Dialogue) -> None:
        self._dialogue = dialogue
        self._conn = dialogue.conn
        self._rest = b""
        self._held: list[bytes | int] = []
        self._chunk = 0
        self._blind = False  # AUTH without sight of all of it
        self._proxied = False
        self._presumed: Content | None = None
        self.held_octets = 0
        self.waiting = ""
        """The verb whose reply decides what comes next: DATA, AUTH, STARTTLS, or "" for none."""
        self.mode: Mode = self.first
        self._conn.client.feed = self.read

    def read(self, data: bytes, now: float) -> None:
        """Take in octets."""
        while data:
            data = self.mode(data, now)

    def first(self, data: bytes, now: float) -> bytes:
        """The client's first octets: a TLS record, a PROXY header, or a command."""
        dialogue, conn = self._dialogue, self._conn
        dialogue.now = now
        data = self._rest + data
        self._rest = b""
        if len(data) < 3 and b"\x16\x03"[: len(data)] == data[:2]:
            self._rest = data
            return b""
        if looks_like_client_hello(data):
            dialogue.start_tls(implicit=True)
        elif conn.midstream and data[0] in b"\x14\x15\x16\x17" and data[1:2] == b"\x03":
            dialogue.go_dark()
        elif not self._proxied and proxy.is_begun(data):
            return self._proxy(data)
        else:
            if not dialogue.greeted and conn.server.seen and not dialogue.lossy:
                dialogue.odd("early talker", "spoke before the greeting")
            self.mode = self.lines
        return data

    def _proxy(self, data: bytes) -> bytes:
        header = proxy.read(data)
        if header is None:
            self._rest = data
            return b""
        self._proxied = True
        if header.size:
            self._dialogue.header = header
        self._chunk = max(header.size - len(data), 0)
        self.mode = self._in_header if self._chunk else self.first
        return data[header.size :]  # read as the first octets still: TLS may follow

    def _in_header(self, data: bytes, now: float) -> bytes:
        taken = min(self._chunk, len(data))
        self._chunk -= taken
        if not self._chunk:
            self.mode = self.first
        return data[taken:]

    def lines(self, data: bytes, now: float) -> bytes:
        """Command lines."""
        if data[-2:] == b"\r\n" and not self._rest and data.find(b"\n") == len(data) - 1:  # the usual: a whole one
            self._dialogue.command(data[:-2], now, True)
            return b""
        if self._rest:
            data = self._rest + data
            self._rest = b""
        mode = self.mode
        command = self._dialogue.command
        at = 0
        while (end := data.find(b"\n", at)) >= 0:
            if data[end - 1 : end] == b"\r":
                command(data[at : end - 1], now, True)
            else:
                self._dialogue.odd("bare LF", "a command line ended without CR")
                command(data[at:end], now, True)
            at = end + 1
            if self.mode is not mode:
                return data[at:]
        self._rest = data[at:]
        if len(self._rest) > MAX_LINE:
            self._dialogue.odd("long line", f"a command line of over {MAX_LINE} octets")
            self._rest = self._rest[:MAX_LINE]
        return b""

    def ignore(self, data: bytes, now: float) -> bytes:
        """Octets that cannot be read."""
        return b""

    @property
    def idle(self) -> bool:
        """Between two lines, or before the first octets; nothing is kept."""
        return (
            not (self._rest or self._held or self._chunk or self._blind or self._proxied or self.waiting)
            and self._presumed is None
            and (self.mode == self.lines or self.mode == self.first)
        )

    @property
    def in_lines(self) -> bool:
        """It reads command lines."""
        return self.mode == self.lines

    # ---- held until a reply

    def wait_for(self, verb: str) -> None:
        """Hold the client's octets until the reply to `verb` says what they are."""
        self.waiting = verb
        self.mode = self._hold

    def _hold(self, data: bytes, now: float) -> bytes:
        dialogue = self._dialogue
        adrift = resync.is_adrift(dialogue)
        if self._conn.server.seen and not adrift:
            self._held.append(data)
            self.held_octets += len(data)
            if self.held_octets > MAX_HELD:
                self._too_much(now)
            return b""
        dialogue.now = now
        line, newline, _ = data.partition(b"\n")
        is_command = newline != b"" and commands.verb_of(line.rstrip(b"\r")) is not None
        if adrift:
            resync.settle(dialogue, len(dialogue.pending) - (not is_command))
        if self.waiting:
            self._presume(data, is_command)
            self.release()
        return data

    def _too_much(self, now: float) -> None:
        """The client sends on and on without the reply that it should wait for: most likely a message."""
        dialogue = self._dialogue
        dialogue.now = now
        if self.waiting == "DATA":
            self._presumed = Content()
            dialogue.pending[-1] = ("DATA", self._presumed)
            self.mode = self._presumed_content
            self.release()
        else:
            self.drop_held()
            dialogue.give_up(
                f"the client sent over {MAX_HELD:,} octets without waiting for the reply to {self.waiting}"
            )

    def overtook(self, content: Content, code: int) -> None:
        """The reply to DATA is there, after the client has sent `content` without waiting for it."""
        dialogue = self._dialogue
        if code != 354:  # what we took for a message were commands to the server
            dialogue.give_up("the client sent a message without waiting for the reply to DATA, which refused it")
        elif self._presumed is content:
            self._presumed = None
            dialogue.envelope_or_implied().content = content
            self.mode = self._content

    def _presume(self, data: bytes, is_command: bool) -> None:
        """The reply will not be seen (one-sided capture, or a gap): go by what the client does."""
        dialogue = self._dialogue
        if is_command:
            unanswered.resolve_all(dialogue)
            self.mode = self.lines
        elif self.waiting == "DATA":
            unanswered.resolve_all(dialogue)
            self.begin_content()
        elif self.waiting == "AUTH":
            self._blind = True
            self.mode = self.credentials
        elif looks_like_client_hello(data):
            dialogue.start_tls(implicit=False)
        else:
            self.mode = self.lines

    def release(self) -> None:
        """Read what was held."""
        held = self.drop_held()
        self.waiting = ""
        for part in held:
            if isinstance(part, int):
                self.gap(part)
            else:
                self.read(part, self._dialogue.now)

    def stop_waiting(self, only_after_gap: bool) -> None:
        """The reply that decides may be missing, and so may what followed it: `only_after_gap` if that is so."""
        if self.waiting and (not only_after_gap or any(isinstance(part, int) for part in self._held)):
            self.mode = self.lines
            self.release()

    def drop_held(self) -> list[bytes | int]:
        """Let go of what was held; ints are gaps of so many octets."""
        held, self._held, self.held_octets = self._held, [], 0
        return held

    @property
    def held(self) -> bytes:
        """What is held, without its gaps."""
        return b"".join(part for part in self._held if isinstance(part, bytes))

    # ---- what is no command

    def credentials(self, data: bytes, now: float) -> bytes:
        """The answer to a challenge: one line, dropped unread but for "*" (RFC 4954, 4)."""
        dialogue = self._dialogue
        dialogue.now = now
        line, newline, rest = (self._rest + data).partition(b"\n")
        self._rest = b"" if newline else line[: 4 * MAX_LINE]
        if not newline:
            return b""
        if self._blind and commands.verb_of(line.rstrip(b"\r")) is not None:
            self._blind = False
            unanswered.resolve_all(dialogue)
            if self._conn.server.seen:
                resync.commands_lost(dialogue, 0)  # those that a gap held before this one
            self.mode = self.lines
            return line + newline + rest
        dialogue.credentials(line)
        if not self._blind:
            self.wait_for("AUTH")
        return rest

    @property
    def is_challenged(self) -> bool:
        """A challenge of the server's is not answered yet."""
        return self.mode == self.credentials

    def begin_content(self) -> None:
        """DATA was answered with 354: what follows is the message."""
        self._dialogue.envelope_or_implied().content = Content()
        self.mode = self._content

    def _content(self, data: bytes, now: float) -> bytes:
        dialogue = self._dialogue
        envelope = dialogue.envelope
        assert envelope is not None and envelope.content is not None
        content = envelope.content
        end = content.feed(data)
        if content.doubtful:
            dialogue.now = now
            dialogue.odd("smuggling", f"{content.doubtful} in the message: some servers take it for the end of data")
        if end < 0:
            return b""
        dialogue.now = now
        dialogue.end_of_data(content.size)
        self.mode = self.lines
        return data[end:]

    def presume_content(self) -> None:
        """A line after a gap is no command: the gap may have held DATA, so what follows may be a message."""
        self._presumed = Content()
        self._presumed.gap(0)
        self.mode = self._presumed_content

    def no_content(self) -> None:
        """The server spoke, which it does not do inside a message: what was taken for one is none."""
        if self._presumed is not None:
            self._presumed = None
            self.mode = self.lines

    def _presumed_content(self, data: bytes, now: float) -> bytes:
        dialogue, content = self._dialogue, self._presumed
        assert content is not None
        end = content.feed(data)
        if end < 0:
            return b""
        dialogue.now = now
        if any(data is content for _, data in dialogue.pending):  # its DATA waits for its reply, and MAIL may
            dialogue.end_early(content.size)
        else:
            dialogue.envelope_or_implied().content = content
            dialogue.end_of_data(content.size)
        self.no_content()
        return data[end:]

    def begin_chunk(self, octets: int) -> None:
        """BDAT: that many octets follow, whatever the reply (RFC 3030, 2)."""
        self._chunk = octets
        if octets:
            self.mode = self._in_chunk

    def _in_chunk(self, data: bytes, now: float) -> bytes:
        taken = min(self._chunk, len(data))
        self._chunk -= taken
        if not self._chunk:
            self.mode = self.lines
        return data[taken:]

    # ---- what is not there

    def gap(self, octets: int) -> None:
        """`octets` of the client's are not in the capture."""
        dialogue = self._dialogue
        content = dialogue.envelope.content if dialogue.envelope is not None else None
        if self.waiting and resync.is_adrift(dialogue):
            self.stop_waiting(only_after_gap=False)
        if self.waiting:
            self._held.append(octets)
        elif content is not None:
            content.gap(octets)
        elif self._presumed is not None:
            self._presumed.gap(octets)
        elif self._chunk:
            lost = octets - self._chunk
            self._chunk = max(-lost, 0)
            if not self._chunk:
                self.mode = self.lines
            if lost > 0:
                resync.commands_lost(dialogue, lost)
        else:
            line, self._rest = self._rest, b""
            if self.is_challenged:
                self._blind = True
                return
            self.mode = self._after_gap
            if line:
                dialogue.command(line, dialogue.now, False)
            # Where the client waits after each line, it is the rest of this one that is missing.
            if not line or dialogue.pipelining is not False or octets > MAX_LINE:
                resync.commands_lost(dialogue, octets)

    def _after_gap(self, data: bytes, now: float) -> bytes:
        """Command lines still, unless STARTTLS was in the gap."""
        self.mode = self.lines
        if looks_like_record(data):
            self._dialogue.now = now
            self._dialogue.start_tls(implicit=True)
        return data
