"""What others think of us: remote refusals of our mail, by provider, blocklist or throttle, each told once."""

from __future__ import annotations

from smtpwatch import events as ev
from smtpwatch.query import quoted
from smtpwatch.reasons import blocklist
from smtpwatch.state.next_hop import hop_of, way_of
from smtpwatch.state.undelivered import said, trouble
from smtpwatch.triage.alert import Severity, Subject, line_of
from smtpwatch.triage.counting import Repeats
from smtpwatch.triage.rule import Rule, Scene, listed, many, span

PROVIDERS = 1_000  # next hops' organisations, each with a reason
LISTED = ("on a blocklist",)
BAD = ("blocked as spam", "host refused", "SPF", "DKIM", "DMARC", "policy", "rate limited")
"""Reasons that lie with us: our address, our content, our rate."""
LASTS = 43_200.0  # seconds for which we are taken to be listed, though nobody says so again
CAUSES = 3  # accounts and sources that are named
COMMON = ("co", "com", "org", "net", "gov", "ac", "edu", "or", "ne")  # below a country: example.co.uk


class Listed(Rule):
    """We are on a blocklist, as a next hop says; said once for each list, and of whom it is heard."""

    name = "listed"
    events = (ev.Delivery,)

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._heard = Repeats(PROVIDERS, 86_400.0)

    def event(self, event: ev.Event) -> None:
        """One refusal."""
        assert isinstance(event, ev.Delivery)
        if event.status in ("sent", "deliverable") or way_of(event, hop_of(event)) != "out":
            return
        why = trouble(event).why
        if why not in LISTED:
            return
        words = said(event)
        name = blocklist(words.words) or "a blocklist"
        heard = self._heard.add(name, event.time, 1, provider_of(event))
        says = (
            f"we are listed at {name}: {many(heard.all, 'delivery', 'deliveries')} to {heard.different}"
            f" provider(s) failed, last {provider_of(event)}{_causes(self.scene, event)}: stop the cause, then ask to"
            " be taken off"
        )
        self.found(
            event.time, Subject("provider", name), Severity.CRITICAL, says,
            count=heard.all, lines=(line_of(event),), term=f"reason:{quoted('blocklist')}", lasts=LASTS,
        )  # fmt: skip


class Reputation(Rule):
    """One provider refuses, or throttles, so much of our mail within the window, for reasons that lie with us."""

    name = "reputation"
    events = (ev.Delivery,)

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._refused = Repeats(PROVIDERS, self.limits.window)
        self._sent = Repeats(PROVIDERS, self.limits.window)

    def event(self, event: ev.Event) -> None:
        """One attempt."""
        assert isinstance(event, ev.Delivery)
        if way_of(event, hop_of(event)) != "out":
            return
        provider = provider_of(event)
        if event.status == "sent":
            self._sent.add(provider, event.time)
            return
        why = trouble(event).why
        if why not in BAD or not said(event).by_them:
            return
        refused = self._refused.add((provider, why), event.time, 1, event.queue_id)
        count = refused.count(event.time)
        if count < self.limits.provider_refusals or refused.different < self.limits.provider_refusals // 2:
            return
        sent = self._sent.get(provider)
        passed = 0 if sent is None else sent.count(event.time)
        throttle = why == "rate limited"
        what = "throttles us" if throttle else f"refuses our mail ({why})"
        says = (
            f"{provider} {what}: {many(count, 'refusal')} within {span(self.limits.window)}, {passed:,} sent"
            f"{_causes(self.scene, event)}; it says: {said(event).words[:160]}"
        )
        worst = Severity.NOTICE if throttle and passed > count else Severity.WARNING
        self.found(
            event.time, Subject("provider", f"{provider}, {why}"), worst, says,
            count=refused.all, lines=(line_of(event),), term=f"relay:*{quoted(provider)}",
        )  # fmt: skip


def provider_of(event: ev.Delivery) -> str:
    """Who runs the next hop: its name without the host's part; without one, the recipient's domain."""
    hop = hop_of(event)
    name = hop.name if hop is not None and "." in hop.name else event.recipient.rpartition("@")[2].lower()
    parts = name.strip(".").split(".")
    if len(parts) < 2 or parts[-1].isdecimal():
        return name
    kept = 3 if len(parts) > 2 and len(parts[-1]) == 2 and parts[-2] in COMMON else 2
    return ".".join(parts[-kept:])


def _causes(scene: Scene, event: ev.Delivery) -> str:
    """Whose mail it was."""
    message = scene.picture.messages.get((event.host, event.queue_id))
    root = None if message is None else message.root
    if root is None:
        return ""
    uid = f"uid {root.uid}" if root.uid is not None else ""
    causes = [name for name in (root.account, root.user or uid, root.source if not root.account else "") if name]
    return f"; caused by {listed(causes[:CAUSES])}" if causes else ""
