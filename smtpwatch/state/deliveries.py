"""Mail to other hosts, by destination domain, by next hop and by what went wrong: folded from the logs, and from the
wire where that shows more of a connection.

What goes into a mailbox here, or through a filter and back, is counted apart (next_hop.way_of)."""

from __future__ import annotations

from smtpwatch import events as ev
from smtpwatch.state.destination import Destination, Secured, buckets
from smtpwatch.state.heavy import Heavy
from smtpwatch.state.message import Message
from smtpwatch.state.messages import Messages
from smtpwatch.state.next_hop import Hop, hop_named, hop_of, way_of
from smtpwatch.state.outbound_wire import OutboundWire
from smtpwatch.state.undelivered import trouble

DOMAINS = 2_000  # about 4 kB each, and up to 10 kB of their latest lines
HOPS = 2_000  # a large host has some hundred addresses; their latest lines are those of the domains
REASONS = 64  # some more than there are words for
SECURED = 4_000  # next hops whose handshake is remembered until a delivery tells of them
PROGRAMS = 64  # that log handshakes; a host has a few
OWN = 2_000  # domains that mail was put into mailboxes of
WAITING = 64  # mail servers whose queues are remembered, as many as state.queue has

Statuses = dict[str, int]
"""Deliveries by status."""

_COUNTED = ("sent", "deferred", "bounced", "expired")


class Deliveries:
    """All attempts to deliver. `totals` counts those to other hosts, `local` and `filtered` the others, by status;
    `since` is the time of the first."""

    def __init__(self, messages: Messages) -> None:
        self.domains: Heavy[Destination] = Heavy(DOMAINS, Destination)
        self.hops: Heavy[Destination] = Heavy(HOPS, Destination)
        self.reasons: Heavy[Destination] = Heavy(REASONS, Destination)
        self.totals: Statuses = dict.fromkeys(_COUNTED, 0)
        self.local: Statuses = {}
        self.filtered: Statuses = {}
        self.since: float | None = None
        self.wire = OutboundWire()
        self._messages = messages
        self._secured: dict[str, Secured] = {}
        self._tell: set[str] = set()
        """Programs that log handshakes with next hops: where none is told of, there was none."""
        self._own: dict[str, None] = {}
        self._samples: dict[tuple[str, str, str], ev.QueueSample] = {}

    def apply(self, event: ev.Event) -> None:
        """Take in one event, after state.messages has: most are none of its own."""
        kind = type(event)
        if kind is ev.Delivery:
            self._delivery(event)  # type: ignore[arg-type]
        elif kind is ev.TlsEstablished or kind is ev.TlsTroubled:
            if event.relay:  # type: ignore[attr-defined]
                self._handshake(event)  # type: ignore[arg-type]
        elif kind is ev.MessageExpired:
            self._expired(event)  # type: ignore[arg-type]
        elif kind is ev.QueueSample:
            self._queue(event)  # type: ignore[arg-type]
        elif isinstance(event, ev.SessionEvent):
            self.wire.apply(event)

    def get(self, kind: str, name: str) -> Destination | None:
        """The destination of that kind and name, if it is held."""
        return self.table(kind).get((kind, name))

    def table(self, kind: str) -> Heavy[Destination]:
        """All destinations of a kind: domain, hop or reason."""
        return self.domains if kind == "domain" else self.hops if kind == "hop" else self.reasons

    def in_order(self, kind: str) -> list[Destination]:
        """Those of a kind, that with the most attempts first, then that with the most waiting."""
        return sorted(self.table(kind), key=lambda each: (-each.weight, -(each.waiting or 0), each.name))

    def _delivery(self, event: ev.Delivery) -> None:
        status = event.status
        if status not in _COUNTED:  # a probe, or a rehearsal
            return
        hop = hop_of(event)
        domain = domain_of(event.recipient) or domain_of(event.original)  # Exim names a mailbox by its local part
        way = way_of(event, hop)
        if way != "out" and (way != "" or domain in self._own or not domain):
            apart = self.filtered if way == "filter" else self.local
            apart[status] = apart.get(status, 0) + 1
            if way == "local" and status == "sent" and domain and domain not in self._own and len(self._own) < OWN:
                self._own[domain] = None
            return
        self.totals[status] += 1
        if self.since is None:
            self.since = event.time
        times = buckets(event) if status == "sent" else ()
        what = trouble(event) if status != "sent" else None
        to = self.domains.touch(("domain", domain))
        if to.last is None:
            to.waiting = self._waits(domain)
        to.took(event, what, times)
        if hop is not None:
            by = self._hop(hop)
            if what is None and by.secured is None and event.program in self._tell:
                by.secured = Secured(event.time, "log")
            by.took(event, what, times)
            by.others.add(domain)
            to.others.add(by.name)
            to.hop = by
        if what is not None:
            reason = self.reasons.touch(("reason", what.why))
            reason.took(event, what, times)
            reason.others.add(domain)

    def _hop(self, hop: Hop) -> Destination:
        key = hop.key
        found = self.hops.touch(("hop", key))
        if found.where is None:
            found.where = hop
            if hop.address:
                found.peer = self.wire.peer(hop.address)
        if found.secured is None and self._secured:
            # Sendmail tells of the handshake first, and by the name alone; from then on it is told to the hop itself.
            found.secured = self._secured.get(key) or self._secured.get(hop.name)
        return found

    def _handshake(self, event: ev.TlsEstablished | ev.TlsTroubled) -> None:
        hop = hop_named(event.relay)
        if len(self._tell) < PROGRAMS:
            self._tell.add(event.program)
        if isinstance(event, ev.TlsTroubled):
            secured = Secured(event.time, "log", failed=event.reason or "failed")
        else:
            secured = Secured(event.time, "log", event.version, event.cipher, event.trust)
        key = hop.key
        self._secured.pop(key, None)
        self._secured[key] = secured
        if len(self._secured) > SECURED:
            del self._secured[next(iter(self._secured))]
        found = self.hops.get(("hop", key))
        if found is not None:
            found.secured = secured

    def _expired(self, event: ev.MessageExpired) -> None:
        """A message goes back: that is told of it as a whole, so of the recipients whose mail was last deferred."""
        message = self._messages.get((event.host, event.queue_id))
        for attempt in _deferred(message) if message is not None else ():
            if way_of(attempt, hop_of(attempt)) != "out":
                continue
            self.totals["expired"] += 1
            for kind, name in (("domain", domain_of(attempt.recipient)), ("reason", trouble(attempt).why)):
                found = self.get(kind, name)
                if found is not None:
                    found.expired += 1

    def _queue(self, sample: ev.QueueSample) -> None:
        key = (sample.host, sample.mta, sample.instance)
        self._samples.pop(key, None)
        self._samples[key] = sample
        if len(self._samples) > WAITING:
            del self._samples[next(iter(self._samples))]
        for each in self.domains:
            each.waiting = self._waits(each.name)
        for domain in sample.waiting:
            if domain and domain not in self._own:
                self.domains.touch(("domain", domain)).waiting = self._waits(domain)

    def _waits(self, domain: str) -> int | None:
        told = [sample.waiting[domain] for sample in self._samples.values() if domain in sample.waiting]
        return sum(told) if told else None


def domain_of(address: str) -> str:
    """In lower case, "" for an address without one."""
    return address.rpartition("@")[2].lower() if "@" in address else ""


def _deferred(message: Message) -> list[ev.Delivery]:
    return [each for each in message.recipients.values() if each is not None and each.status == "deferred"]
