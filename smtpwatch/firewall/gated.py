"""The console's end of the gate: calls go out, answers and changes come in."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import IO

from smtpwatch.clean import clean
from smtpwatch.config import Config
from smtpwatch.firewall import talk
from smtpwatch.firewall.block import Block
from smtpwatch.firewall.blocking import BlockingError
from smtpwatch.firewall.prefixes import Network, Prefixes
from smtpwatch.firewall.request import Answer, Request
from smtpwatch.firewall.who import real_user

SAID = 200  # characters of what it said last
GONE = "the process that blocks has ended; what is blocked stays blocked"


class GatedBlocking:
    """Blocking through a process of its own, for as long as `run` does."""

    def __init__(self, config: Config) -> None:
        self.blocks: Prefixes[Block] = Prefixes()
        self.backend = ""
        self.keeps_time = True
        self.problem = ""
        self.notes: tuple[str, ...] = ()
        self.ports = config.ports
        self._config = config
        self._number = 0
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._said: IO[bytes] | None = None
        """What it writes to its standard error: that must not go over the screen."""
        self._ready = asyncio.Event()

    async def run(self) -> None:
        """Start the gate and listen to it, until it has gone."""
        ours, theirs = socket.socketpair()
        with theirs, tempfile.TemporaryFile() as said:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "smtpwatch.firewall.gate", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL, stderr=said, start_new_session=True,
            )  # fmt: skip
            self._said = os.fdopen(os.dup(said.fileno()), "rb")
        reader, self._writer = await asyncio.open_connection(sock=ours, limit=1 << 20)
        who = real_user()
        self._writer.write(talk.framed(talk.Start(self._config, who.name, who.uid)))
        try:
            while True:
                self._take(talk.FROM_GATE.decode(await talk.received(reader)))
        except (asyncio.IncompleteReadError, ConnectionError):
            self._gone()
        finally:
            self._said.close()

    def _take(self, message: talk.FromGate) -> None:
        match message:
            case talk.Ready():
                self.backend, self.keeps_time, self.problem = message.backend, message.keeps_time, message.problem
                self.notes = message.notes
                self._ready.set()
            case talk.Noted():
                self.notes = message.notes
            case talk.Changed():
                for block in message.blocks:
                    old = self.blocks.get(block.network)
                    if old is not None and old.act == block.act:
                        block.leak = old.leak
                    self.blocks.put(block.network, block)
                for network in message.forgotten:
                    self.blocks.drop(network)
                self.problem = message.problem
            case talk.Answered():
                waiting = self._waiting.pop(message.number, None)
                if waiting is not None and not waiting.done():
                    if message.answer is not None:
                        waiting.set_result(message.answer)
                    else:
                        waiting.set_exception(BlockingError(message.problem))

    def _gone(self) -> None:
        self.problem = f"{GONE}{self._last_words}"
        self._writer = None
        self._ready.set()
        for waiting in self._waiting.values():
            waiting.set_exception(BlockingError(self.problem))
        self._waiting.clear()

    @property
    def _last_words(self) -> str:
        """Of an end that nobody has thought of."""
        if self._said is None:  # it never began
            return ""
        self._said.seek(0)
        lines = self._said.read().decode("utf-8", "replace").split("\n")
        last = next((line for line in reversed(lines) if line.strip()), "")
        return f" ({clean(last)[:SAID]})" if last else ""

    async def _ask(self, kind: Callable[..., talk.ToGate], *about: object) -> Answer:
        await self._ready.wait()
        if self._writer is None or not self.backend:
            raise BlockingError(self.problem or GONE)
        self._number += 1
        message = talk.framed(kind(self._number, *about))
        if len(message) > talk.LONGEST:
            raise BlockingError("too many at once")
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[self._number] = answer
        self._writer.write(message)
        return await answer

    async def plan(self, request: Request) -> Answer:
        """What `block` would answer."""
        return await self._ask(talk.Plan, request)

    async def block(self, request: Request) -> Answer:
        """As Acts.block."""
        return await self._ask(talk.Cut, request)

    async def verify(self, act: str) -> Answer:
        """As Acts.verify."""
        return await self._ask(talk.Verify, act)

    async def unblock(self, networks: Sequence[Network]) -> Answer:
        """As Acts.unblock."""
        return await self._ask(talk.Unblock, tuple(networks))

    async def undo(self, act: str) -> Answer:
        """As Acts.undo."""
        return await self._ask(talk.Undo, act)

    async def watch(self, seconds: float) -> None:
        """Look that often from now on."""
        if self._writer is not None:
            self._writer.write(talk.framed(talk.Watch(seconds)))

    def stop(self) -> None:
        """It ends once nobody is at the other end; what is blocked stays so."""
        if self._writer is not None:
            self._writer.close()
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)
