"""The process that blocks: `python -m smtpwatch.firewall.gate FD`. It does what the console asks of it, and nothing
else; it asks its own guard each time, and it alone touches firewall and journal. It ends with the console."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from collections.abc import Iterable
from contextlib import suppress

from smtpwatch.firewall import drift, talk
from smtpwatch.firewall.acts import Acts
from smtpwatch.firewall.backend import BackendError
from smtpwatch.firewall.block import Block
from smtpwatch.firewall.blocking import BlockingError, OwnBlocking
from smtpwatch.firewall.journal import JournalError
from smtpwatch.firewall.opening import acts_here
from smtpwatch.firewall.planning import Actor
from smtpwatch.firewall.prefixes import Network
from smtpwatch.firewall.request import Answer
from smtpwatch.firewall.sessions import LiveSessions
from smtpwatch.firewall.sockets import SocketsError
from smtpwatch.firewall.surroundings import Surroundings
from smtpwatch.firewall.who import Who
from smtpwatch.heap import map_what_is_big
from smtpwatch.rights import go_first

SELDOM = 15.0  # seconds between looks while nobody looks at the blocks
SOON = 0.1  # seconds until the next look, where somebody acted during this one
SURROUNDINGS = 10.0  # seconds between looks at routes, addresses, the mail server's settings and SSH servers
IDLE = 20  # times as long as a look took, until the next: 5 % of a core at most
TOLD = 2_000  # blocks in one message, which the console takes in within a few ms

_Seen = tuple[object, ...]


class Gate:
    """Answers one console, one call after the other."""

    def __init__(self, acts: Acts, surroundings: Surroundings, writer: asyncio.StreamWriter) -> None:
        self._acts = acts
        self._blocking = OwnBlocking(acts)
        self._surroundings = surroundings
        self._writer = writer
        self._every = SELDOM
        self._sooner = asyncio.Event()
        self._told: dict[Network, _Seen] = {}
        self._problem = ""

    async def serve(self, reader: asyncio.StreamReader) -> None:
        """Until the console has gone."""
        looking = [asyncio.create_task(self._look_on()), asyncio.create_task(self._look_around())]
        try:
            while True:
                call = talk.TO_GATE.decode(await talk.received(reader))
                if isinstance(call, talk.Watch):
                    self._every = max(0.1, call.seconds)
                    self._sooner.set()
                elif isinstance(call, talk.Call):
                    await self._answer(call)
                await self._writer.drain()
        except (
            asyncio.IncompleteReadError,
            ConnectionError,
            ValueError,
            RecursionError,
        ):  # gone, or no console of ours
            return
        finally:
            for each in looking:
                each.cancel()

    async def _answer(self, call: talk.Call) -> None:
        try:
            answer = await self._do(call)
        except (BlockingError, ValueError, OverflowError) as error:
            self._say(talk.Answered(call.number, None, str(error)))
        else:
            self._tell(self._of_act(answer))
            self._say(talk.Answered(call.number, answer))

    async def _do(self, call: talk.Call) -> Answer:
        blocking = self._blocking
        match call:
            case talk.Plan():
                return await blocking.plan(call.request)
            case talk.Cut():
                return await blocking.block(call.request)
            case talk.Verify():
                return await blocking.verify(call.act)
            case talk.Unblock():
                return await blocking.unblock(call.networks)
            case talk.Undo():
                return await blocking.undo(call.act)
        raise BlockingError("that is not understood")

    def _of_act(self, answer: Answer) -> Iterable[Network]:
        act = self._acts.ledger.acts.get(answer.act)
        return act.before if act is not None else ()

    def _say(self, message: talk.FromGate) -> None:
        self._writer.write(talk.framed(message))

    def _tell(self, networks: Iterable[Network]) -> None:
        """Tell what has changed of these."""
        blocks = self._acts.ledger.blocks
        changed: list[Block] = []
        forgotten: list[Network] = []
        for network in networks:
            block = blocks.get(network)
            if block is None:
                if self._told.pop(network, None) is not None:
                    forgotten.append(network)
            elif self._told.get(network) != (seen := _seen(block)):
                self._told[network] = seen
                changed.append(block)
        problem = self._blocking.problem
        if not changed and not forgotten and problem == self._problem:
            return
        self._problem = problem
        self._say(talk.Changed((), tuple(forgotten), problem))
        for at in range(0, len(changed), TOLD):
            self._say(talk.Changed(tuple(changed[at : at + TOLD]), (), problem))

    async def _look_on(self) -> None:
        """Read the firewall back now and then; in a thread, so that no act waits for it."""
        while True:
            begun = time.monotonic()
            try:
                self._acts.follow()
                before = self._acts.ledger.folded
                held = await asyncio.to_thread(self._acts.backend.read)
                self._acts.follow()
                if self._acts.ledger.folded != before:  # what was read may be older than what was done
                    await asyncio.sleep(SOON)
                    continue
                self._blocking.problem = self._acts.compare(held).trouble
            except (BackendError, JournalError) as error:
                self._blocking.problem = str(error)
            with suppress(ConnectionError):
                await self._writer.drain()  # a console that does not read gets no more, until it does
            self._tell([*self._acts.ledger.blocks, *self._told])
            took = time.monotonic() - begun
            self._sooner.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._sooner.wait(), max(self._every, IDLE * took))
            await asyncio.sleep(0)

    async def _look_around(self) -> None:
        while True:
            await asyncio.sleep(SURROUNDINGS)
            with suppress(SocketsError):
                before = self._surroundings.notes
                await asyncio.to_thread(self._surroundings.look)
                self._acts.live.look()
                if self._surroundings.notes != before:
                    self._say(talk.Noted(self._surroundings.notes))


def _seen(block: Block) -> _Seen:
    """What the screen shows of a block."""
    return (
        block.scope, block.until, block.why, block.who, block.act, block.state, block.reason, block.kept, block.dropped,
        block.over, block.gone,
    )  # fmt: skip


async def serve(connection: socket.socket) -> None:
    """Answer the console at the other end of `connection`."""
    reader, writer = await asyncio.open_connection(sock=connection, limit=1 << 20)
    start = talk.TO_GATE.decode(await talk.received(reader))
    if not isinstance(start, talk.Start):
        return
    try:
        acts, surroundings, notes = _opened(start)
    except (BackendError, JournalError, SocketsError) as error:
        writer.write(talk.framed(talk.Ready("", True, str(error))))
        await writer.drain()
        await reader.read()  # until the console has gone
        return
    writer.write(talk.framed(talk.Ready(acts.backend.name, acts.backend.keeps_time, "", notes)))
    await Gate(acts, surroundings, writer).serve(reader)


def _opened(start: talk.Start) -> tuple[Acts, Surroundings, tuple[str, ...]]:
    from smtpwatch.sensors import trusted_networks

    config = start.config
    surroundings = Surroundings(config, trusted_networks)
    surroundings.look()
    acts = acts_here(config, surroundings, LiveSessions(), Actor(Who(start.who, start.uid), os.getppid()))
    notes = drift.settle(acts)
    return acts, surroundings, (*surroundings.notes, *notes)


def main() -> int:
    """The process."""
    map_what_is_big()
    go_first()
    connection = socket.socket(fileno=int(sys.argv[1]))
    with suppress(asyncio.IncompleteReadError, ConnectionError, KeyboardInterrupt):
        asyncio.run(serve(connection))
    return 0


if __name__ == "__main__":
    sys.exit(main())
