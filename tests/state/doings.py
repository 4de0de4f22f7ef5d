"""Clients that do this and that, as the wire and a log tell it, for the tests of who does what."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from smtpwatch import counters
from smtpwatch import events as ev
from smtpwatch.state.party import Dimension, Outcome, Party
from smtpwatch.state.picture import Picture
from tests.state.joint import HOST, NOW, SMTPD
from tests.state.joint import Log as LogBase
from tests.state.joint import Wire as WireBase

A, B = "203.0.113.7", "198.51.100.9"
PROXY = "192.0.2.99"
Told = TypeVar("Told", bound=ev.Event)


class Wire(WireBase):
    """One session on the wire: what it may come to."""

    def of(self, kind: Callable[..., Told], time: float, *facts: Any) -> Told:
        """An event of this session."""
        return kind(*self._head(time), *facts)

    def named(self, time: float, source: str) -> ev.Event:
        """A PROXY header; all that follows has that source."""
        via, self.source = self.source, source
        return self.of(ev.SourceNamed, time, 0, via, "PROXY v1")

    def refused(self, time: float, recipient: str = "x@example.org", code: int = 550) -> ev.Event:
        return self.of(ev.RecipientDecided, time, recipient, code, "5.1.1", "User unknown")

    def taken(self, time: float, sender: str = "a@example.net", *recipients: str) -> list[ev.Event]:
        """A message that is accepted."""
        return [
            self.of(ev.TransactionOpened, time, sender),
            *(self.of(ev.RecipientDecided, time, each, 250, None, "ok") for each in recipients),
            self.of(ev.MessageDecided, time, sender, True, "accepted", 250, None, "ok", None, len(recipients), 0, 9),
        ]

    def auth(self, time: float, outcome: str = "failure") -> ev.Event:
        return self.of(ev.AuthAttempted, time, "PLAIN", outcome, False)


class Log(LogBase):
    """One client's session in a log."""

    def queued(self, time: float, queue_id: str, sender: str = "a@example.net") -> list[ev.Event]:
        """A message that is accepted: it gets an id, and then it is in the queue."""
        head = (self._head(time)[0], "log", HOST, "postfix/qmgr", 2, "from=")
        return [self.received(time, queue_id), ev.MessageQueued(*head, queue_id, sender, 9, 1)]

    def delivered(self, time: float, queue_id: str, recipient: str) -> ev.Event:
        return ev.Delivery(time, "log", HOST, "postfix/smtp", 3, "to=", queue_id, recipient, "sent")

    def turned_down(self, time: float, queue_id: str) -> list[ev.Event]:
        """A message that gets an id and is refused when its content is there."""
        head, reply = self._head(time, "reject"), "550 5.7.1 Spam"
        no = ev.Refused(
            *head, *self._client, "END-OF-MESSAGE", 550, "5.7.1", "content", reply, sender="a@b.example",
            queue_id=queue_id,
        )  # fmt: skip
        return [self.received(time, queue_id), no]

    def tried(self, time: float, outcome: ev.LoginOutcome = "failure", account: str = "bob", service: str = "smtp") -> (
        ev.LoginTried
    ):  # fmt: skip
        return ev.LoginTried(*self._head(time, "login"), *self._client, service, outcome, account, "PLAIN")


def shed(time: float, source: str, **counts: int) -> ev.Tally:
    """Sessions and outcomes whose detail was shed."""
    names = {"accepted": counters.ACCEPTED, "refused": counters.REFUSALS, "failed": counters.AUTH_FAILURE}
    begun = counts.pop("sessions", 0)
    told = {counters.SESSIONS: begun, f"{counters.SESSIONS} inbound": begun}
    return ev.Tally(time, "wire", HOST, source, told | {names[name]: n for name, n in counts.items()}, ())


def flat(*told: ev.Event | Iterable[ev.Event]) -> list[ev.Event]:
    """All of them in one list."""
    return [event for each in told for event in ([each] if isinstance(each, ev.Event) else each)]


def picture(*told: ev.Event | Iterable[ev.Event], place: Any = None, finish: bool = True) -> Picture:
    """What comes of these events, in the order given."""
    made = Picture(place)
    made.apply(flat(*told))
    if finish:
        made.finish()
    return made


def figures(party: Party | None) -> dict[str, int]:
    """What is told of a party, without what is nought."""
    if party is None:
        return {}
    names = ("sessions", "open", "accepted", "refused", "auth_failed", "abandoned", "rejected", "deferred", "passed",
             "tls")  # fmt: skip
    return {name: n for name in names if (n := getattr(party, name))}


def of(made: Picture, dimension: Dimension) -> dict[str, dict[str, int]]:
    """The figures of all who are followed, by key."""
    return {str(party.key): figures(party) for party in made.activity.groups[dimension]}


def source(made: Picture, key: str = A) -> dict[str, int]:
    """The figures of one source."""
    return figures(made.activity.sources.get(key))


def outcomes(party: Party | None) -> tuple[int, ...]:
    """Those of a party, in order."""
    return tuple(0 if party is None else party.total(outcome) for outcome in Outcome)


__all__ = ["HOST", "NOW", "SMTPD"]
