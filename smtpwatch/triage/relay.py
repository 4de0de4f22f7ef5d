"""Whether strangers can send through us to anywhere: an open relay, and tries to find one.

A stranger is a client that is not trusted (mynetworks), has not logged in, and writes to a domain that is not ours.
That can be known only where our domains are (Policy.known)."""

from __future__ import annotations

from smtpwatch import events as ev
from smtpwatch.state.activity import Refusal
from smtpwatch.state.message import Message
from smtpwatch.state.names import domain_of
from smtpwatch.state.next_hop import hop_of, way_of
from smtpwatch.state.session import Session
from smtpwatch.triage.alert import Line, Severity, Subject, line_of
from smtpwatch.triage.counting import DAY, Repeats
from smtpwatch.triage.gathering import Gathering, source_and_network
from smtpwatch.triage.rule import Rule, Scene, keys_of, lines_of, many, span

SOURCES = 2_000  # that are counted one by one


class OpenRelay(Rule):
    """A stranger's recipient was accepted on the wire, or a stranger's mail has left (`status=sent`)."""

    name = "open-relay"
    events = (ev.Delivery, ev.RelayPolicy)

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._through = Repeats(SOURCES, DAY)

    def took_recipient(self, session: Session, event: ev.RecipientDecided) -> None:
        """On the wire. One who has come from the TLS of a login is known by its log alone."""
        policy = self.scene.policy
        recipient = event.recipient
        if not recipient or session.passed or session.direction == "outbound" or policy.ours(domain_of(recipient)):
            return
        if policy.known and not policy.trusts(session.source):
            self._proven(event.time, session.source, recipient, "was accepted", session, ())

    def event(self, event: ev.Event) -> None:
        """In the log: what was brought by a stranger has left."""
        if isinstance(event, ev.RelayPolicy):
            self._trusts_all(event)
        elif isinstance(event, ev.Delivery) and event.status == "sent" and self.scene.policy.known:
            self._left(event)

    def _left(self, event: ev.Delivery) -> None:
        policy = self.scene.policy
        asked = event.original or event.recipient  # an alias of ours may lead elsewhere
        if "@" not in asked or policy.ours(domain_of(asked)) or way_of(event, hop_of(event)) != "out":
            return
        message = self.scene.picture.messages.get((event.host, event.queue_id))
        root = None if message is None else message.root
        if root is None or root.origin != "smtp" or root.account or not root.source or policy.trusts(root.source):
            return
        session = _session_of(root)
        if (session is None or not session.passed) and _asked_for(root, asked):
            self._proven(event.time, root.source, asked, "has left", session, (*lines_of(session), line_of(event)))

    def _proven(
        self, time: float, source: str, recipient: str, what: str, session: Session | None, lines: tuple[Line, ...]
    ) -> None:
        found = self._through.add(source, time)
        says = (
            f"open relay: {source} is neither trusted nor logged in, and its mail to <{recipient}> {what}"
            f" ({found.count(time):,} so far); close it: relay restrictions, mynetworks"
        )
        self.found(
            time, Subject("source", source), Severity.CRITICAL, says,
            count=found.count(time), sources=(source,), sessions=keys_of(session), lines=lines,
        )  # fmt: skip

    def _trusts_all(self, event: ev.RelayPolicy) -> None:
        wide, server = self.scene.policy.too_wide, f"{event.mta} {event.instance}".strip()
        if wide:
            says = f"{server} lets all of {', '.join(wide)} send anywhere without a login: narrow mynetworks"
            self.found(event.time, Subject("server", server), Severity.CRITICAL, says)
        else:
            self.alerts.clear((self.name, Subject("server", server)), event.time)


class RelayTries(Rule):
    """So many relay tries of one source denied within the window."""

    name = "relay-tries"
    reasons = ("relay denied",)

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._tries = Repeats(SOURCES, self.limits.window)
        self._together = Gathering(self.alerts, self.name)

    def refused(self, session: Session, refusal: Refusal) -> None:
        """One more."""
        tries = self._tries.add(session.source, refusal.time, 1, domain_of(refusal.recipient))
        limit = self.limits.relay_tries
        if tries.weight < limit or (count := tries.count(refusal.time)) < limit:
            return
        whom = self._together.take(*source_and_network(session.source), count)

        def put() -> None:
            to = f" to {many(tries.different, 'domain')}" if tries.different and whom.members == 1 else ""
            says = f"{whom}: {many(whom.much, 'relay try', 'relay tries')} denied within {span(self.limits.window)}{to}"
            known = "" if session.passed else ", from a network that may not relay"
            self.found(
                refusal.time, whom.subject, Severity.WARNING, says + known,
                count=whom.much, sources=(whom.subject.name,), sessions=keys_of(session), lines=lines_of(session),
            )  # fmt: skip

        self.when_due(whom.subject, refusal.time, whom.much, put)


def _session_of(message: Message) -> Session | None:
    return None if message.visit is None else message.visit.session


def _asked_for(root: Message, recipient: str) -> bool:
    """The client itself asked for that recipient: a list or an alias of ours may write to others."""
    return recipient in root.recipients or any(
        delivery is not None and delivery.original == recipient for delivery in root.recipients.values()
    )
