"""A firewall and places of the tests' own, which do what they are told to, or fail as they are told to."""

from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from smtpwatch.firewall.acts import Acts
from smtpwatch.firewall.backend import BackendError, Change, Entry, Held
from smtpwatch.firewall.block import Scope
from smtpwatch.firewall.guard import Guard, Protected
from smtpwatch.firewall.journal import Journal
from smtpwatch.firewall.planning import Actor
from smtpwatch.firewall.prefixes import Network, as_network
from smtpwatch.firewall.who import Who

NOW = 1_780_000_000.0
PORTS = (25, 465, 587)


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


class FakeFirewall:
    """Holds what it is told to. `fail` is raised instead, once; `hangs`: it does it, and then does not answer."""

    name = "fake"
    keeps_time = True

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.held: dict[tuple[Network, Scope], tuple[float | None, str]] = {}
        self.changes: list[Change] = []
        self.fail = ""
        self.hangs = False
        self.deaf = False
        self.trouble = ""
        self.packets = 0
        self.before: Callable[[], None] = lambda: None

    def apply(self, change: Change) -> None:
        self.before()
        if self.fail:
            raise BackendError(self.fail)
        self.changes.append(change)
        if self.deaf:
            return
        for each in change.remove:
            self.held.pop(each, None)
        for wanted in change.add:
            until = None if wanted.seconds is None else self.clock.now + wanted.seconds
            self.held[wanted.network, wanted.scope] = (until, wanted.tag)
        if self.hangs:
            raise BackendError("fake hangs", unsure=True)

    def read(self) -> Held:
        now = self.clock.now
        entries = {
            key: Entry(None if until is None else until - now, self.packets, 40 * self.packets, tag)
            for key, (until, tag) in self.held.items()
            if until is None or until > now
        }
        return Held(entries, self.trouble)

    def commands(self, change: Change) -> list[str]:
        return [f"fake {len(change.add)} {len(change.remove)}"]


class FakeSessions:
    """Sessions by network, which can be ended unless they are `stubborn`."""

    def __init__(self) -> None:
        self.live: dict[Network, int] = {}
        self.stubborn = False

    def look(self) -> None: ...

    def count(self, networks: Iterable[Network], scope: Scope, ports: Collection[int]) -> int:
        return sum(self.live.get(network, 0) for network in networks)

    def end(self, networks: Iterable[Network], scope: Scope, ports: Collection[int]) -> int:
        networks = list(networks)
        ended = self.count(networks, scope, ports)
        if not self.stubborn:
            for network in networks:
                self.live.pop(network, None)
        return ended


class Scene:
    """Acts on a fake firewall, with a real journal."""

    def __init__(self, path: Path, *protected: Protected) -> None:
        self.path = path
        self.clock = Clock()
        self.firewall = FakeFirewall(self.clock)
        self.sessions = FakeSessions()
        self.protected = list(protected)
        self.acts = self.another()

    def another(self, name: str = "ada") -> Acts:
        """Another console beside it."""
        return Acts(
            self.firewall, Journal(self.path), lambda: Guard(self.protected), self.sessions, PORTS,
            Actor(Who(name, 1000), 4711), self.clock,
        )  # fmt: skip

    def blocked(self) -> list[str]:
        """What the firewall holds."""
        return sorted(str(network) for network, _scope in self.firewall.held)


def nets(*texts: str) -> tuple[Network, ...]:
    """Networks."""
    return tuple(map(as_network, texts))
