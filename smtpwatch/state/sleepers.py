"""Sessions by key, of which only so many are objects: of more, those that wait longest are packed (asleep.py)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from smtpwatch.events import SessionProgress
from smtpwatch.passing import Passing
from smtpwatch.state.asleep import Packer, glance, is_of, progressed
from smtpwatch.state.glance import Glance
from smtpwatch.state.session import Session

TRIES = 2  # sessions looked at between two events, which are far more than sessions that wake

Key = tuple[str, int]


class Asleep(NamedTuple):
    """One that sleeps, for who looks through a hundred thousand: `packed` changes with anything that it comes to."""

    key: Key
    packed: bytes


class Sleepers(Mapping[Key, Session]):
    """In the order in which they were put here. To look at one (`[]`, `get`, `values`) does not wake it: what is seen
    then is a copy. To change one, or to hold on to it, ask for it `awake`."""

    def __init__(self, most_awake: int, packer: Packer) -> None:
        self._most_awake = most_awake
        self._packer = packer
        self._held: Passing[Key, Session | bytes] = Passing()
        self._turn: deque[Key] = deque()
        """Those that are awake, the longest since they were put here or woke first; among them some that have left."""

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._held)

    def __reversed__(self) -> Iterator[Key]:
        return reversed(self._held)

    def __contains__(self, key: object) -> bool:
        return key in self._held

    def __getitem__(self, key: Key) -> Session:
        held = self._held[key]
        return self._packer.unpack(key, held) if isinstance(held, bytes) else held

    @property
    def awake_now(self) -> Iterator[Session]:
        """Those that are awake: all that have had a transaction, or of which a log tells."""
        return (held for held in self._held.values() if isinstance(held, Session))

    def as_they_are(self, newest_first: bool = False) -> Iterator[Session | Asleep]:
        """All of them, none of them unpacked."""
        each = reversed(self._held.items()) if newest_first else self._held.items()
        return (Asleep(key, held) if isinstance(held, bytes) else held for key, held in each)

    def unpacked(self, one: Session | Asleep) -> Session:
        """It, as it was when it was looked through."""
        return self._packer.unpack(*one) if isinstance(one, Asleep) else one

    def awake(self, key: Key) -> Session | None:
        """The session with that key, awake from now on."""
        held = self._held.get(key)
        if not isinstance(held, bytes):
            return held
        session = self._held[key] = self._packer.unpack(key, held)
        self._turn.append(key)
        return session

    def glance(self, key: Key) -> Session | Glance | None:
        """The times of the session with that key, which sleeps on if it does."""
        held = self._held.get(key)
        return glance(key, held) if isinstance(held, bytes) else held

    def progressed(self, key: Key, event: SessionProgress) -> bool:
        """Whether that one sleeps, and on: it has only come further."""
        held = self._held.get(key)
        if not isinstance(held, bytes) or not is_of(held, event.source):
            return False
        self._held[key] = progressed(held, event.time, event.octets_client, event.octets_server)
        return True

    def add(self, session: Session) -> None:
        """One more, awake."""
        self._held[session.key] = session
        self._turn.append(session.key)

    def pop(self, key: Key) -> Session:
        """Take one out, awake. Raises KeyError."""
        session = self[key]
        del self._held[key]
        return session

    def drop(self, key: Key) -> Session | None:
        """Take one out; returns it only if it is awake."""
        held = self._held.pop(key)
        return held if isinstance(held, Session) else None

    def oldest(self) -> Key:
        """The key of the one that was put here first."""
        return next(iter(self._held))

    def rest(self) -> None:
        """If too many are awake, let some sleep. To be called while nobody holds any of them: between two events."""
        turn = self._turn
        for _ in range(TRIES):
            if len(turn) <= self._most_awake:
                return
            waiting = turn.popleft()
            session = self._held.get(waiting)
            if isinstance(session, Session):
                packed = self._packer.pack(session)
                if packed is None:
                    turn.append(waiting)
                else:
                    self._held[waiting] = packed
