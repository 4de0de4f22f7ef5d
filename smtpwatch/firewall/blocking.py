"""Blocking as the screen has it: asked for, answered later, and a picture of what is blocked that it may read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from smtpwatch.firewall import drift
from smtpwatch.firewall.acts import Acts
from smtpwatch.firewall.backend import BackendError
from smtpwatch.firewall.block import Block
from smtpwatch.firewall.journal import JournalError
from smtpwatch.firewall.prefixes import Network, Prefixes
from smtpwatch.firewall.request import Answer, Request
from smtpwatch.firewall.sockets import SocketsError


class BlockingError(Exception):
    """It was not done; the message is one line for the admin."""


class Blocking(Protocol):
    """Whoever blocks for the screen. Each act raises BlockingError where not even an answer could be had."""

    blocks: Prefixes[Block]
    """All that is known of, those that have ended of late too."""
    backend: str
    """The firewall's name, "" while it is not known."""
    keeps_time: bool
    """As Backend has it."""
    problem: str
    """Why nothing can be blocked, or what is wrong with the firewall's rules; "" for nothing."""
    ports: tuple[int, ...]
    """Those of mail."""
    notes: tuple[str, ...]
    """What the guard could not read, and acts that were cut short: a line each, text from outside."""

    async def run(self) -> None:
        """Whatever has to go on meanwhile, for as long as the screen is there."""

    async def plan(self, request: Request) -> Answer:
        """What `block` would answer, without doing it."""

    async def block(self, request: Request) -> Answer:
        """As Acts.block."""

    async def verify(self, act: str) -> Answer:
        """As Acts.verify."""

    async def unblock(self, networks: Sequence[Network]) -> Answer:
        """As Acts.unblock."""

    async def undo(self, act: str) -> Answer:
        """As Acts.undo."""

    async def watch(self, seconds: float) -> None:
        """Look at the firewall that often from now on."""


class OwnBlocking:
    """In this very process: what the gate does for others, and what the demo does for itself."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts
        self.blocks = acts.ledger.blocks
        self.backend = acts.backend.name
        self.keeps_time = acts.backend.keeps_time
        self.ports = acts.ports
        self.problem = ""
        self.notes: tuple[str, ...] = ()

    async def run(self) -> None:
        """Nothing."""

    async def plan(self, request: Request) -> Answer:
        """What `block` would answer."""

        def planned() -> Answer:
            self._acts.follow()
            return self._acts.plan(request).answer

        return self._done(planned)

    async def block(self, request: Request) -> Answer:
        """As Acts.block."""
        return self._done(lambda: self._acts.block(request))

    async def verify(self, act: str) -> Answer:
        """As Acts.verify."""
        return self._done(lambda: self._acts.verify(act))

    async def unblock(self, networks: Sequence[Network]) -> Answer:
        """As Acts.unblock."""
        return self._done(lambda: self._acts.unblock(networks))

    async def undo(self, act: str) -> Answer:
        """As Acts.undo."""
        return self._done(lambda: self._acts.undo(act))

    async def watch(self, seconds: float) -> None:
        """One look now."""
        self.look()

    def look(self) -> None:
        """Read the firewall back."""
        try:
            self.problem = drift.look(self._acts).trouble
        except (BackendError, JournalError) as error:
            self.problem = str(error)

    def _done(self, act: Callable[[], Answer]) -> Answer:
        try:
            return act()
        except (BackendError, JournalError, SocketsError) as error:
            raise BlockingError(str(error)) from None
        except KeyError:
            raise BlockingError("that act is too long ago to be undone") from None
