"""The sessions of each source, at the least cost where there is but one: a flood comes from a hundred thousand."""

from __future__ import annotations

from collections.abc import Callable, Collection

from smtpwatch.passing import Passing
from smtpwatch.state.session import Session

OF_ONE_PORT = 32  # sessions from one port that are told apart; ports are used again, but not within seconds

Key = tuple[str, int]


class _Crowd:
    """Those of one source with their ports, oldest first, those of them that are free, and all by port."""

    __slots__ = ("all", "free", "ports")

    def __init__(self) -> None:
        self.all: dict[Key, tuple[int, ...]] = {}
        self.free: dict[Key, None] = {}
        self.ports: dict[int, dict[Key, None]] = {}

    def put(self, key: Key, port: int) -> None:
        """One more, or one more port of it."""
        ports = self.all.get(key, ())
        if not ports:
            self.free[key] = None
        if port not in ports:
            self.all[key] = (*ports, port)
            self.ports.setdefault(port, {})[key] = None

    def forget(self, key: Key) -> None:
        """One less, if it is there."""
        for port in self.all.pop(key, ()):
            del self.ports[port][key]
            if not self.ports[port]:
                del self.ports[port]
        self.free.pop(key, None)


class BySource:
    """Keys of sessions by source, those of one source in the order in which they came; a session is `free` until it is
    `taken`. `find` finds the session of a key, None if it is no more."""

    __slots__ = ("_find", "_held")

    def __init__(self, find: Callable[[Key], Session | None]) -> None:
        self._find = find
        self._held: Passing[str, Key | _Crowd] = Passing()
        """The key of one that is alone, free, and comes from there itself: no proxy has named it."""

    def add(self, source: str, session: Session) -> None:
        """One more of that source, or one that is there already by another port."""
        key, port, held = session.key, port_of(session), self._held.get(source)
        if held is None and session.via is None:
            self._held[source] = key
        elif held != key or port != session.client_port:
            (held if isinstance(held, _Crowd) else self._crowd(source, held)).put(key, port)

    def taken(self, source: str, session: Session) -> None:
        """It is not free any more, if it is there."""
        held = self._held.get(source)
        if held == session.key:
            held = self._crowd(source, session.key)
        if isinstance(held, _Crowd):
            held.free.pop(session.key, None)

    def forget(self, source: str, key: Key) -> None:
        """Forget one, if it is there."""
        held = self._held.get(source)
        if isinstance(held, _Crowd):
            held.forget(key)
        if held == key or (isinstance(held, _Crowd) and not held.all):
            del self._held[source]

    def of(self, source: str) -> Collection[Key]:
        """Those of that source."""
        held = self._held.get(source)
        if held is None:
            return ()
        return held.all if isinstance(held, _Crowd) else (held,)

    def free(self, source: str) -> Collection[Key]:
        """Those of them that are free."""
        held = self._held.get(source)
        if held is None:
            return ()
        return held.free if isinstance(held, _Crowd) else (held,)

    def at(self, source: str, port: int) -> tuple[Key, ...]:
        """Those that come from that port of it; none if there are more than can be told apart."""
        held = self._held.get(source)
        if held is None:
            return ()
        if isinstance(held, _Crowd):
            found = held.ports.get(port, {})
            return tuple(found) if len(found) < OF_ONE_PORT else ()
        session = self._find(held)
        return (held,) if session is not None and session.client_port == port else ()

    def _crowd(self, source: str, key: Key | None) -> _Crowd:
        """The one there is, or none, as a crowd."""
        crowd = self._held[source] = _Crowd()
        session = None if key is None else self._find(key)
        if session is not None:
            crowd.put(session.key, session.client_port)
        return crowd


def port_of(session: Session) -> int:
    """The port that it comes from, as the client that it is known for by now; 0 if a proxy did not name it."""
    return session.client_port if session.via is None else session.named_port
