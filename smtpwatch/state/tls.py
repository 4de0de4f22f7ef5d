"""TLS as it is used with this host: shares, peers, failures, logins in clear, and what requiring more would cost.

A session is counted once, when it ends (`ended`); live ones are not counted. Of one that TLS hides, only the log tells
which messages it brought: they are added LATE seconds after its end. A session that the log alone knows of counts only
where no packets were captured at its time: it is the same as one of the wire that could not be joined with it, and is
counted as `left_out`. So are handshakes of our own client, which the log tells by server (`relay`).

Sessions over loopback are in the shares, but nothing is wrong with them: requiring TLS is not about them."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any, NamedTuple

from smtpwatch import counters
from smtpwatch import events as ev
from smtpwatch.state.session import Session
from smtpwatch.state.tls_delivered import Delivered
from smtpwatch.state.tls_failures import Failures
from smtpwatch.state.tls_losses import Losses
from smtpwatch.state.tls_peers import Peer, Peers
from smtpwatch.state.tls_servers import Servers
from smtpwatch.state.tls_shares import Shares
from smtpwatch.state.tls_told import (
    SHED,
    UNKNOWN,
    Mode,
    Secured,
    greeted,
    logins_in_clear,
    offered,
    refusal,
    secured,
    troubled,
)
from smtpwatch.strength import CLEAR, group_name, level, version_name

LATE = 15.0  # seconds after a session's end by which the log has told of its messages (Logs allows it 10)
WAITING = 5_000  # ended sessions that wait for that, about 4 kB each; more are not waited for
WIRE_PAUSE = 60.0  # seconds without a word of the packets' sensor that it may be quiet for; it reports every second
PLACES = 8  # certificates of ours that are held; a host shows one or two
MECHANISMS = 16  # told apart; IANA has about as many in use

Place = tuple[str, int]
"""Where a certificate was shown: the server's address and port."""


class Clear(NamedTuple):
    """Logins that TLS did not cover: how often, by which mechanism, and who was the last."""

    times: int
    mechanism: str
    peer: str
    last: float


class Tls:
    """Folds events (`apply`) and sessions that have ended (`ended`)."""

    def __init__(self) -> None:
        self.shares = Shares()
        self.peers = Peers()
        self.losses = Losses()
        self.failures = Failures()
        self.servers = Servers()
        self.delivered = Delivered()
        self.logins: dict[tuple[ev.Direction, str], Clear] = {}
        """By direction and mechanism."""
        self.certificates: OrderedDict[Place, ev.CertificateSeen] = OrderedDict()
        self.since: float | None = None
        """When the first session ended that was counted."""
        self.seen = self.logged = 0
        """Sessions counted that packets tell of, and that only logs do."""
        self.left_out = 0
        """Sessions and handshakes of a log that were not counted, since packets tell of them."""
        self._waiting: deque[tuple[float, Session, int]] = deque()
        self._wire: tuple[float, float] | None = None
        """From when to when the packets' sensor is known to have watched."""

    def apply(self, event: ev.Event) -> None:
        """Take in one event."""
        if self._waiting and event.time >= self._waiting[0][0]:
            self._catch_up(event.time)
        fold = _FOLDS.get(type(event))
        if fold is not None:
            fold(self, event)

    def ended(self, session: Session) -> None:
        """A session has ended: to be called once for each."""
        if not session.smtp:
            return
        how = secured(session)
        if session.sensor == "log":
            if not _whole(session, how):
                return
            if self._watched(session.start):
                self.left_out += 1
                return
            self.logged += 1
        else:
            self.seen += 1
        if session.partial == SHED and how.mode in ("none", "failed"):
            how = UNKNOWN
        peer = self._count(session.direction, _peer_of(session), how, session.end)
        peer.seen |= session.sensor != "log"
        peer.logged |= session.sensor == "log"
        self._carried(peer, how, session.messages)
        self._of_clear(session, how, peer)
        if how.mode == "failed":
            self._failed(session, how)
        elif session.starttls == "refused" and how.mode == "none" and session.direction != "outbound":
            self._not_given(session)
        self.peers.put(peer)
        if session.direction == "outbound" and session.sensor != "log":
            self._of_server(session, how)
        if session.dark and session.sensor != "log":
            session.wakeful = True
            self._waiting.append((session.end + LATE, session, session.messages))
            if len(self._waiting) > WAITING:
                self._late(*self._waiting.popleft()[1:])

    def finish(self) -> None:
        """No more is to come: nothing is waited for."""
        self._catch_up(float("inf"))

    def _count(self, direction: ev.Direction, source: str, how: Secured, time: float) -> Peer:
        if self.since is None:
            self.since = time
        self.shares.add(direction, how, time)
        peer = self._take(direction, source, time)
        peer.secured(how)
        return peer

    def _take(self, direction: ev.Direction, source: str, time: float) -> Peer:
        peer, gone = self.peers.take(direction, source, time)
        if gone is not None:
            self.losses.forget(gone)
        return peer

    def _carried(self, peer: Peer, how: Secured, messages: int) -> None:
        if messages > 0:
            level_ = CLEAR if how.mode == "failed" else how.level
            self.losses.carried(peer, None if peer.local else level_, messages)

    def _of_clear(self, session: Session, how: Secured, peer: Peer) -> None:
        for mechanism in () if peer.local else logins_in_clear(session, how.mode):
            peer.logged_in(1)
            key = (session.direction, mechanism)
            if key not in self.logins and len(self.logins) >= MECHANISMS:
                key = (session.direction, "other")
            before = self.logins.get(key)
            self.logins[key] = Clear(1 + (before.times if before else 0), key[1], peer.source, session.end)

    def _failed(self, session: Session, how: Secured) -> None:
        facts = session.tls
        alert = (facts.alert or "") if facts is not None else ""
        failure = self.failures.add(session.direction, how.reason, alert, _peer_of(session), session.end)
        failure.logged = session.sensor == "log"
        failure.offered = offered(session)
        failure.chosen = " ".join(name for name in (how.version, how.cipher) if name)

    def _not_given(self, session: Session) -> None:
        reply = refusal(session)
        said = f"STARTTLS refused: {reply.code} {reply.text}" if reply is not None else "STARTTLS refused"
        self.failures.add(session.direction, said, "", _peer_of(session), session.end)

    def _of_server(self, session: Session, how: Secured) -> None:
        address, time = session.server, session.end
        if how.mode == "STARTTLS" or (how.mode == "failed" and session.starttls == "accepted"):
            self.servers.offered(address, time)
        elif session.starttls == "refused":
            reply = refusal(session)
            self.servers.refused(address, time, f"{reply.code} {reply.text}" if reply is not None else "")
        elif how.mode == "none":
            reply = greeted(session)
            if reply is not None:
                self.servers.extensions(address, time, reply.text)

    def _catch_up(self, now: float) -> None:
        waiting = self._waiting
        while waiting and waiting[0][0] <= now:
            _, session, counted = waiting.popleft()
            self._late(session, counted)

    def _late(self, session: Session, counted: int) -> None:
        """What the log has told of a session since it was counted, with `counted` messages."""
        more = session.messages - counted
        if session.direction == "outbound":
            more = self.delivered.claim(session)
        why = troubled(session)
        if more <= 0 and not why:
            return
        peer = self._take(session.direction, _peer_of(session), session.end)
        self._carried(peer, secured(session), more)
        if why:
            peer.trouble(why)
            failure = self.failures.add(session.direction, why, "", peer.source, session.end)
            failure.logged = True
        self.peers.put(peer)

    def _watched(self, time: float) -> bool:
        """Packets were captured at that time."""
        return self._wire is not None and self._wire[0] <= time <= self._wire[1] + WIRE_PAUSE

    def _wire_at(self, time: float) -> None:
        begun, latest = self._wire or (time, time)
        self._wire = begun, max(latest, time)


def _whole(session: Session, how: Secured) -> bool:
    """Whether it is a session, and not a line about one that stands alone: a content filter's, a policy service's."""
    return how.mode != "unknown" or session.messages > 0 or any(visit.connected for visit in session.visits)


def _peer_of(session: Session) -> str:
    return session.server if session.direction == "outbound" else session.source


def _opened(tls: Tls, event: ev.SessionOpened) -> None:
    tls._wire_at(event.time)


def _status(tls: Tls, event: ev.SensorStatus) -> None:
    if event.sensor == "wire":
        if event.state in ("running", "degraded"):
            tls._wire_at(event.time)
        else:
            tls._wire = None


def _tally(tls: Tls, event: ev.Tally) -> None:
    """Sessions whose detail was shed: how they were secured is told of none."""
    for name, count in event.counts.items():
        direction = _SHED.get(name)
        if direction is not None:
            tls.seen += count
            tls.shares.add(direction, UNKNOWN, event.time, count)


def _established(tls: Tls, event: ev.TlsEstablished) -> None:
    if not event.relay:
        return
    if tls._watched(event.time):
        tls.left_out += 1
        return
    address, port = _relay(event.relay)
    version = version_name(event.version)
    group = group_name(event.group) if event.group else None
    mode: Mode = "implicit" if port == "465" else "STARTTLS"
    how = Secured(mode, version, event.cipher, group, resumed=not group, level=level(version))
    _logged_handshake(tls, address, how, event.time)
    if mode == "STARTTLS":
        tls.servers.offered(address, event.time)


def _troubled(tls: Tls, event: ev.TlsTroubled) -> None:
    if not event.relay:
        return
    if tls._watched(event.time):
        tls.left_out += 1
        return
    address, _ = _relay(event.relay)
    _logged_handshake(tls, address, Secured("failed", reason=event.reason), event.time)
    tls.failures.add("outbound", event.reason, "", address, event.time).logged = True


def _logged_handshake(tls: Tls, address: str, how: Secured, time: float) -> None:
    tls.logged += 1
    peer = tls._count("outbound", address, how, time)
    peer.logged = True
    tls.peers.put(peer)


def _certificate(tls: Tls, event: ev.CertificateSeen) -> None:
    place = (event.server, event.port)
    tls.certificates[place] = event
    tls.certificates.move_to_end(place)
    if len(tls.certificates) > PLACES:
        tls.certificates.popitem(last=False)


def _relay(relay: str) -> tuple[str, str]:
    """(address, port) of `mx.example.org[192.0.2.1]:25`; the whole text where it has none."""
    _, bracket, rest = relay.rpartition("[")
    address, _, port = rest.partition("]")
    return (address, port.removeprefix(":")) if bracket else (relay, "")


_SHED: dict[str, ev.Direction] = {
    f"{counters.SESSIONS} {direction}": direction  # as smtpwatch.counters names them
    for direction in ("inbound", "submission", "outbound")
}
_FOLDS: dict[type[ev.Event], Callable[[Tls, Any], None]] = {
    ev.SessionOpened: _opened,
    ev.SensorStatus: _status,
    ev.Tally: _tally,
    ev.TlsEstablished: _established,
    ev.TlsTroubled: _troubled,
    ev.Delivery: lambda tls, event: tls.delivered.add(event),
    ev.CertificateSeen: _certificate,
}
