"""A wire and a log that tell of the same clients, for the tests of the join."""

from __future__ import annotations

from collections.abc import Iterable

from smtpwatch import events as ev
from smtpwatch.state.session import Session
from smtpwatch.state.sessions import Sessions

NOW = 1_772_361_600.0  # 2026-03-01 10:40:00 UTC
HOST = "mx"
SERVER = "192.0.2.25"
SMTPD = "postfix/smtpd"


class Wire:
    """Events of one session on the wire."""

    def __init__(self, number: int, source: str, port: int, start: float, server_port: int = 25) -> None:
        self.number, self.source, self.start = number, source, start
        self._server_port = server_port
        direction: ev.Direction = "inbound" if server_port == 25 else "submission"
        self.opened = ev.SessionOpened(start, "wire", HOST, number, source, start, port, SERVER, server_port, direction)

    def _head(self, time: float) -> tuple[float, str, str, int, str]:
        return time, "wire", HOST, self.number, self.source

    def greeting(self, time: float) -> ev.Event:
        return ev.Greeting(*self._head(time), 220, "mx ESMTP")

    def hello(self, time: float, name: str) -> list[ev.Event]:
        return [
            ev.Command(*self._head(time), "EHLO", name),
            ev.Reply(*self._head(time), "EHLO", 250, None, "mx\nSTARTTLS"),
        ]

    def tls(self, time: float, version: str = "TLSv1.3") -> ev.Event:
        return ev.TlsNegotiated(*self._head(time), version, "TLS_AES_256_GCM_SHA384", "x25519", None, "", False, False)

    def accepted(self, time: float, queue_id: str) -> ev.Event:
        return ev.MessageDecided(
            *self._head(time),
            "a@example.net",
            False,
            "accepted",
            250,
            "2.0.0",
            f"queued as {queue_id}",
            queue_id,
            1,
            0,
            9,
        )

    def closed(self, time: float) -> ev.Event:
        return ev.SessionClosed(*self._head(time), time, "quit", 100, 100, None, True)


class Log:
    """Events of one process's lines. `whole`: its stamps have no fraction; `lag`: how late they are."""

    def __init__(self, pid: int, source: str, port: int = 0, whole: bool = True, program: str = SMTPD) -> None:
        self.pid, self.source, self.port = pid, source, port
        self._whole, self._program = whole, program

    def _head(self, time: float, text: str = "") -> tuple[float, str, str, str, int, str]:
        return float(int(time)) if self._whole else time, "log", HOST, self._program, self.pid, text

    @property
    def _client(self) -> tuple[str, int, str]:
        return self.source, self.port, ""

    def connected(self, time: float) -> ev.LogEvent:
        return ev.ClientConnected(*self._head(time, "connect from"), *self._client)

    def tls(self, time: float, version: str = "TLSv1.3") -> ev.LogEvent:
        return ev.TlsEstablished(*self._head(time, "TLS"), *self._client, version, "TLS_AES_256_GCM_SHA384", 256)

    def login(self, time: float, account: str, queue_id: str) -> list[ev.LogEvent]:
        head = self._head(time, "client=")
        return [
            ev.LoginTried(*head, *self._client, "smtp", "success", account, "PLAIN", "", queue_id),
            ev.MessageReceived(*head, *self._client, queue_id, "smtp", account=account, mechanism="PLAIN"),
        ]

    def received(self, time: float, queue_id: str) -> ev.LogEvent:
        return ev.MessageReceived(*self._head(time, f"{queue_id}: client="), *self._client, queue_id, "smtp")

    def refused(self, time: float, helo: str | None = None) -> ev.LogEvent:
        reply = "554 5.7.1 Relay access denied"
        head = self._head(time, "reject")
        return ev.Refused(*head, *self._client, "RCPT", 554, "5.7.1", "relay denied", reply, helo=helo)

    def seen(self, time: float, port: int) -> ev.LogEvent:
        return ev.ClientPortSeen(time, "log", HOST, self._program, self.pid, "", self.source, port, "")

    def gone(self, time: float, **commands: int) -> ev.LogEvent:
        counts = {name: (count, count) for name, count in commands.items()}
        return ev.ClientDisconnected(*self._head(time, "disconnect"), *self._client, "", counts)


def fold(events: Iterable[ev.Event], *, finish: bool = True) -> Sessions:
    """All of them, in the order given, and then the end."""
    sessions = Sessions()
    for event in events:
        sessions.apply(event)
    if finish:
        sessions.finish()
    return sessions


def every(sessions: Sessions) -> list[Session]:
    """Live and ended, in order of their beginnings."""
    return sorted([*sessions.live.values(), *sessions.recent.values()], key=lambda each: (each.start, each.id))


def by_time(events: Iterable[ev.Event]) -> list[ev.Event]:
    """As a merge of files has them: a stamp in whole seconds before the packets of its second."""
    return sorted(events, key=lambda event: event.time)


def joins(sessions: Sessions) -> dict[tuple[str, int], tuple[int, str]]:
    """(pid, kind) of the visit of each wire session that has one."""
    return {
        (each.source, each.client_port): (each.visits[0].pid, each.visits[0].join or "")
        for each in every(sessions)
        if each.sensor == "wire" and each.visits
    }
