"""A firewall that only pretends, for the demo: its sources are recorded, and nobody's."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

from smtpwatch.firewall.acts import Acts
from smtpwatch.firewall.backend import Change, Entry, Held
from smtpwatch.firewall.block import Scope
from smtpwatch.firewall.blocking import OwnBlocking
from smtpwatch.firewall.guard import Guard, Protected
from smtpwatch.firewall.journal import Journal
from smtpwatch.firewall.planning import Actor
from smtpwatch.firewall.prefixes import Network
from smtpwatch.firewall.who import real_user


class Pretended:
    """Holds what it is told to, in memory."""

    name = "pretended"
    keeps_time = True

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._held: dict[tuple[Network, Scope], tuple[float | None, str]] = {}

    def apply(self, change: Change) -> None:
        """Remember it."""
        for each in change.remove:
            self._held.pop(each, None)
        for wanted in change.add:
            until = None if wanted.seconds is None else self._clock() + wanted.seconds
            self._held[wanted.network, wanted.scope] = until, wanted.tag

    def read(self) -> Held:
        """What it remembers, and its time is not over."""
        now = self._clock()
        entries = {
            key: Entry(None if until is None else until - now, 0, 0, tag)
            for key, (until, tag) in self._held.items()
            if until is None or until > now
        }
        return Held(entries, "")

    def commands(self, change: Change) -> list[str]:
        """None."""
        return []


class NoSessions:
    """There are none to end."""

    def look(self) -> None:
        """Nothing to see."""

    def count(self, networks: Iterable[Network], scope: Scope, ports: Collection[int]) -> int:
        """None."""
        return 0

    def end(self, networks: Iterable[Network], scope: Scope, ports: Collection[int]) -> int:
        """None."""
        return 0


def pretended(
    directory: Path, ports: tuple[int, ...], clock: Callable[[], float], protected: Sequence[Protected] = ()
) -> OwnBlocking:
    """Blocking that blocks nobody, with its journal in `directory`."""
    journal, actor = Journal(directory / "journal.jsonl"), Actor(real_user(), os.getpid())
    return OwnBlocking(Acts(Pretended(clock), journal, lambda: Guard(protected), NoSessions(), ports, actor, clock))
