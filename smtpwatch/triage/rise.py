"""A rate that rises is explained: what makes it, in one line."""

from __future__ import annotations

from math import inf

from smtpwatch.query import quoted
from smtpwatch.state.party import Dimension, Outcome
from smtpwatch.triage.alert import Severity, Subject
from smtpwatch.triage.explain import COVER, Cause, Rise, explain, rise_of
from smtpwatch.triage.rule import Rule, Scene, listed, many

EVERY = 5.0  # seconds between looks; explaining takes some ms
KNOWN = 900.0  # seconds of traffic, before which nothing is usual
CAUSES = 4  # that are told
MANY = 100  # times: more is no more exact
NAMED = 3  # members of a cause that are named

WHAT = {
    Outcome.ACCEPTED: "messages accepted", Outcome.REFUSED: "refusals", Outcome.AUTH_FAILED: "failed logins",
    Outcome.ABANDONED: "sessions that come to nothing",
}  # fmt: skip
FIELDS = {
    Dimension.ADDRESS: "src", Dimension.NETWORK: "net", Dimension.ASN: "asn", Dimension.COUNTRY: "cc",
    Dimension.ACCOUNT: "account", Dimension.HELO: "helo", Dimension.JA4: "ja4",
}  # fmt: skip
SEVERAL = {
    Dimension.ADDRESS: "sources", Dimension.NETWORK: "networks", Dimension.ASN: "ASNs",
    Dimension.COUNTRY: "countries", Dimension.ACCOUNT: "accounts", Dimension.HELO: "HELO names", Dimension.JA4: "JA4s",
    Dimension.SENDER_DOMAIN: "sender domains", Dimension.RECIPIENT_DOMAIN: "recipient domains",
}  # fmt: skip


class RateRise(Rule):
    """A rate of the last minute is so many times that of the hour before."""

    name = "rise"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._next = -inf
        self._since: float | None = None

    def tick(self, now: float) -> None:
        """Once in a while."""
        if self._since is None or now < self._since:
            self._since = now
        if self._next - EVERY <= now < self._next or now - self._since < KNOWN:
            return
        self._next = now + EVERY
        for outcome, what in WHAT.items():
            rise = rise_of(self.scene.picture, now, (outcome,))
            if rise.now >= self.limits.rise_least and rise.now >= self.limits.rise * rise.before:
                self._tell(now, outcome, what, rise)

    def _tell(self, now: float, outcome: Outcome, what: str, rise: Rise) -> None:
        causes = explain(self.scene.picture, now, (outcome,))
        often = f"{rise.times:,.1f}" if rise.times < MANY else f"over {MANY}"
        times = f"{often} times the hour before" if rise.before else "none in the hour before"
        says = f"{what} {rise.now:,.1f}/s, {times}: {in_words(causes)}"
        first = causes[0] if causes else None
        sources: tuple[str, ...] = ()
        if first is not None and first.covers >= COVER and first.dimension in (Dimension.ADDRESS, Dimension.NETWORK):
            sources = tuple(part.party.key for part in first.parts)
        self.found(
            now, Subject("host", what), Severity.WARNING, says,
            count=round(rise.now * 60), sources=sources, term=_term(first),
        )  # fmt: skip


def in_words(causes: list[Cause]) -> str:
    """`account bob 93%; country RO 88%; 14 sources 82%`."""
    return "; ".join(map(_cause, causes[:CAUSES])) or "nothing that its sources have in common explains it"


def _cause(cause: Cause) -> str:
    dimension, parts, covers = cause
    if len(parts) == 1:
        return f"{dimension.value} {parts[0].party.key} {covers:.0%}"
    names = listed((f"{part.party.key} {part.share:.0%}" for part in parts[:NAMED]), len(parts))
    return f"{many(len(parts), SEVERAL[dimension], SEVERAL[dimension])} {covers:.0%} ({names})"


def _term(cause: Cause | None) -> str:
    if cause is None or cause.dimension not in FIELDS or len(cause.parts) > NAMED:
        return ""
    keys = [_value(cause.dimension, part.party.key) for part in cause.parts]
    return f"{FIELDS[cause.dimension]}:{','.join(keys)}"


def _value(dimension: Dimension, key: str) -> str:
    """As the filter has it."""
    if dimension is Dimension.ASN:
        return key.removeprefix("AS")
    return quoted(key).replace("#", "*") if dimension is Dimension.HELO else quoted(key)
