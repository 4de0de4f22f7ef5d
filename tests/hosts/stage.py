"""Scenarios played before an audience of three: tcpdump, `smtpwatch events` and `smtpwatch sessions`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.hosts import mail_hosts as scene
from tests.hosts.mail_hosts import MailHosts
from tests.hosts.program import Facts, Live, read, running
from tests.hosts.recording import Tcpdump
from tests.hosts.scenarios import CLEAR, Play, Seen
from tests.hosts.scenarios_many import MANY
from tests.hosts.scenarios_secured import SECURED

PLAYS: dict[str, Play] = {**CLEAR, **SECURED, **MANY}
LOCAL = ("--local", scene.MX, "--local", scene.MX6)
_START_LIMIT = 15.0  # seconds, on a machine that is busy
_TOLD_LIMIT = 10.0  # seconds from the end of a session to its line; a fraction of one is normal


class Played(NamedTuple):
    """One scenario: what its clients saw, and what each of the audience has of it. Times are epoch seconds."""

    seen: list[Seen]
    capture: Path
    live_sessions: list[Facts]
    live_events: list[Facts]

    def sessions(self) -> list[Facts]:
        """What `smtpwatch sessions` reads from tcpdump's file."""
        return read("sessions", self.capture, *LOCAL, "--json")

    def events(self) -> list[Facts]:
        """What `smtpwatch events` reads from tcpdump's file."""
        return read("events", self.capture, *LOCAL)


class Stage:
    """The hosts with both programs capturing live; each scenario is played once and kept."""

    def __init__(self, hosts: MailHosts, sessions: Live, events: Live, directory: Path) -> None:
        self._hosts = hosts
        self._sessions = sessions
        self._events = events
        self._directory = directory
        self._played: dict[str, Played] = {}

    def play(self, name: str) -> Played:
        """The scenario of that name, played now or before."""
        if name not in self._played:
            self._played[name] = self._play(name)
        return self._played[name]

    def _play(self, name: str) -> Played:
        capture = self._directory / f"{name}.pcap"
        sessions_before, events_before = len(self._sessions.lines), len(self._events.lines)
        with Tcpdump(self._hosts.mx, scene.INTERFACE, capture), self._hosts.world.entered():
            seen = PLAYS[name](self._hosts)
        self._sessions.wait(lambda lines: len(lines) >= sessions_before + len(seen), _TOLD_LIMIT)
        self._events.wait(lambda lines: closed(lines[events_before:]) >= len(seen), _TOLD_LIMIT)
        return Played(seen, capture, self._sessions.lines[sessions_before:], self._events.lines[events_before:])

    def status(self) -> Facts:
        """The latest SensorStatus of `smtpwatch events`."""
        return [line for line in self._events.lines if line["type"] == "SensorStatus"][-1]


def closed(lines: list[Facts]) -> int:
    """How many sessions have ended in these events."""
    return sum(line["type"] == "SessionClosed" for line in lines)


@contextmanager
def stage(hosts: MailHosts, directory: Path) -> Iterator[Stage]:
    """Both programs started and capturing. Raises RuntimeError with what they said where they do not."""
    with (
        Live(hosts.mx, "sessions", "--sensors", "wire", "--json") as sessions,
        Live(hosts.mx, "events", "--sensors", "wire") as events,
    ):
        if not events.wait(running, _START_LIMIT):
            raise RuntimeError(f"smtpwatch events does not run: {events.output.decode()}")
        if not sessions.wait_for_capture(_START_LIMIT):
            raise RuntimeError(f"smtpwatch sessions does not run: {sessions.output.decode()}")
        yield Stage(hosts, sessions, events, directory)
