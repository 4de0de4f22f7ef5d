"""Where log lines stand among what the wire shows.

A stamp with a fraction of a second is believed. One in whole seconds may be of anything within that second: such lines
keep their own order, and stand within it where the wire shows what they tell of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from smtpwatch import events as ev
from smtpwatch.state.session import Session

BEFORE, AT, AFTER = -1, 0, 1


class Spot(NamedTuple):
    """A place in a timeline: at `time`, `side` of what the wire shows at that time."""

    time: float
    side: int = AT


class Entry(NamedTuple):
    """What stands in a timeline, and where: one event, or all `facts` of one log line. `rough`: its own stamp has only
    whole seconds. `onward`: it is of a session in which we are the client."""

    spot: Spot
    facts: Sequence[ev.Event]
    rough: bool = False
    onward: bool = False


class Place:
    """Places what is told of one session, and of those that carried its mail `onward`: `wire` what the packets show,
    `logged` the lines of a log."""

    def __init__(self, session: Session | None, onward: Iterable[Session] = ()) -> None:
        self._start = None if session is None else session.start
        self._end = None if session is None or session.closed_by is None else session.end
        self._shown: Sequence[ev.SessionEvent] = () if session is None else list(session.transcript)
        self._onward = [(each.server, list(each.transcript)) for each in onward]
        self._used: set[int] = set()

    def wire(self, events: Iterable[ev.SessionEvent], onward: bool = False) -> list[Entry]:
        """Packets have exact times; a beginning is told of once it is known to be one."""
        return [
            Entry(Spot(event.start if isinstance(event, ev.SessionOpened) else event.time), (event,), onward=onward)
            for event in events
        ]

    def logged(self, lines: Iterable[ev.LogEvent], after: Spot | None = None) -> list[Entry]:
        """Lines of one process or of one message, in their order; none of them before `after`. Several facts of one
        line are one entry."""
        entries = []
        for facts in lines_of(lines):
            time = facts[0].time
            rough = time.is_integer()
            if rough:
                seen = [spot for fact in facts if (spot := self._seen(fact)) is not None]
                seen += [after] if after is not None else []
                after = self._within(time, max(seen, default=None))
            entries.append(Entry(after if rough and after is not None else Spot(time, AFTER), facts, rough))
        return entries

    def _within(self, second: float, spot: Spot | None) -> Spot:
        """`spot` where it is within that second, else what is nearest to it there."""
        if spot is None:
            spot = Spot(second if self._start is None else self._start, AFTER)
        return spot._replace(time=min(max(spot.time, second), second + 1.0))

    def _seen(self, fact: ev.LogEvent) -> Spot | None:
        """Where the wire shows what `fact` tells of, None where it does not."""
        find = _FIND.get(type(fact))
        return find(self, fact) if find is not None else None

    def _next(
        self, fact: ev.LogEvent, of: Callable[[Any], bool], shown: Sequence[ev.SessionEvent] | None = None
    ) -> Spot | None:
        """After the first such event of that second, each of which is of one line only."""
        for event in self._shown if shown is None else shown:
            if fact.time <= event.time <= fact.time + 1.0 and id(event) not in self._used and of(event):
                self._used.add(id(event))
                return Spot(event.time, AFTER)
        return None

    def _decided(self, queue_id: str) -> int | None:
        """Where among the events the message with that id was taken."""
        for at, event in enumerate(self._shown):
            if isinstance(event, ev.MessageDecided) and event.queue_id == queue_id:
                return at
        return None

    def connected(self, fact: ev.ClientConnected) -> Spot | None:
        """Before the greeting, if there is one in clear."""
        greeting = next((event.time for event in self._shown if isinstance(event, ev.Greeting)), None)
        return None if greeting is None else Spot(greeting, BEFORE)

    def disconnected(self, fact: ev.ClientDisconnected | ev.ClientLost) -> Spot | None:
        """After the end."""
        return None if self._end is None else Spot(self._end, AFTER)

    def shaken(self, fact: ev.TlsEstablished | ev.TlsTroubled) -> Spot | None:
        """After the handshake."""
        return self._next(fact, lambda event: isinstance(event, ev.TlsNegotiated | ev.TlsFailed))

    def login(self, fact: ev.LoginTried) -> Spot | None:
        """After the reply to AUTH."""
        return self._next(fact, lambda event: isinstance(event, ev.AuthAttempted))

    def refused(self, fact: ev.Refused) -> Spot | None:
        """After the reply of these words, else after one of that code."""
        return self._next(fact, lambda event: _told(event) == fact.reply) or self._next(
            fact, lambda event: isinstance(event, ev.Reply | ev.Greeting) and event.code == fact.code
        )

    def received(self, fact: ev.MessageReceived) -> Spot | None:
        """After the first of its recipients was taken."""
        decided = self._decided(fact.queue_id)
        if decided is None:
            return None
        spot = None
        for event in reversed(self._shown[:decided]):
            if isinstance(event, ev.Command) and event.verb == "MAIL":
                break
            if isinstance(event, ev.Reply) and event.to == "RCPT" and event.code < 300:
                spot = Spot(event.time, AFTER)
        return spot

    def queued(self, fact: ev.MessageIdentified | ev.MessageQueued) -> Spot | None:
        """Before the client was told that it was taken."""
        decided = self._decided(fact.queue_id)
        if decided is None:
            return None
        told = (event for event in reversed(self._shown[:decided]) if isinstance(event, ev.Reply) and event.to == ".")
        return Spot(next(told, self._shown[decided]).time, BEFORE)

    def delivered(self, fact: ev.Delivery) -> Spot | None:
        """After the next hop's answer."""
        for server, shown in self._onward:
            if server == fact.relay_address:
                spot = self._next(fact, lambda event: _answers(event, fact), shown)
                if spot is not None:
                    return spot
        return self.afterwards(fact)

    def afterwards(self, fact: ev.Delivery | ev.MessageRemoved | ev.NoticeSent) -> Spot | None:
        """After the client was told that it was taken."""
        decided = self._decided(fact.queue_id)
        return None if decided is None else Spot(self._shown[decided].time, AFTER)


_FIND: dict[type[ev.LogEvent], Callable[[Place, Any], Spot | None]] = {
    ev.ClientConnected: Place.connected,
    ev.ClientDisconnected: Place.disconnected,
    ev.ClientLost: Place.disconnected,
    ev.TlsEstablished: Place.shaken,
    ev.TlsTroubled: Place.shaken,
    ev.LoginTried: Place.login,
    ev.Refused: Place.refused,
    ev.MessageReceived: Place.received,
    ev.MessageIdentified: Place.queued,
    ev.MessageQueued: Place.queued,
    ev.Delivery: Place.delivered,
    ev.NoticeSent: Place.afterwards,
    ev.MessageRemoved: Place.afterwards,
}


def lines_of(facts: Iterable[ev.LogEvent]) -> Iterator[list[ev.LogEvent]]:
    """The facts of each line together. A fact of a kind that the line has told already is another line's, of the same
    words."""
    line: list[ev.LogEvent] = []
    for fact in facts:
        if line and (_line(fact) != _line(line[0]) or any(type(fact) is type(each) for each in line)):
            yield line
            line = []
        line.append(fact)
    if line:
        yield line


def _line(fact: ev.LogEvent) -> tuple[float, str, int, str]:
    return fact.time, fact.program, fact.pid, fact.text


def _answers(event: ev.Event, delivery: ev.Delivery) -> bool:
    """It is the next hop's last word on that recipient."""
    if isinstance(event, ev.MessageDecided):
        return bool(event.queue_id) and event.queue_id == delivery.next_queue_id
    return isinstance(event, ev.Reply) and event.to == "RCPT" and event.code == delivery.code >= 400


def _told(event: ev.Event) -> str:
    if not isinstance(event, ev.Reply | ev.Greeting):
        return ""
    return f"{event.code} {event.text}".replace("\n", " ")
