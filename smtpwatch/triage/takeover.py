"""Accounts in the wrong hands: a login that succeeds after many have failed, or logins from too many places."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from smtpwatch.state.heavy import Heavy, Held
from smtpwatch.state.party import Dimension, Outcome, Party
from smtpwatch.state.session import Session
from smtpwatch.triage.alert import SessionKey, Severity, Step, Subject
from smtpwatch.triage.counting import DAY
from smtpwatch.triage.logins import Account, wide_network
from smtpwatch.triage.rule import Rule, Scene, lines_of, listed, many

LASTS = 43_200.0  # seconds: a story is one, though hours lie between its parts
STORIES = 500  # accounts of which a story is told at a time
MOSTLY_GOOD = 3  # times as many logins that succeed as fail: it is people's own address, and they mistype
AGAIN = 30.0  # seconds within which it is known whose logins failed
LOGINS = 200  # looked at again, the latest
SEVERAL = 3  # sources: more than an owner has devices with an old password
FAR = 2  # times the places that an alert takes: nobody travels so much


class Takeover(Rule):
    """A success from a source that failed for that account, or from a new network, while logins to it fail; and one
    account from so many networks or countries within a day. Then what it sends."""

    name = "takeover"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._stories: Heavy[_Story] = Heavy(STORIES, _Story)
        self._logins: deque[_Login] = deque(maxlen=LOGINS)
        """Those from new sources that nothing was found against so far."""

    def logged_in(self, source: str, session: Session | None, account: str, time: float) -> None:
        """Somebody is in; the accounts do not know yet."""
        known = self.scene.logins.touch(account)
        key = None if session is None else session.key
        if source not in known.good and not self._after_failures(source, key, known, time):
            self._logins.append(_Login(time, source, key, account))
        self._everywhere(source, key, known, time)

    def _after_failures(self, source: str, key: SessionKey | None, account: Account, time: float) -> bool:
        by_source = self._failed_by(source, time)
        failed = max(account.failed.count(time), by_source)
        guessed = source in account.from_ or by_source > 0
        if not (by_source or self._attacked(account, time)):
            return False
        if not guessed and (not account.networks or wide_network(source) in account.networks):
            return False
        story = self._story(account, time)
        if account.failed_since is not None:
            sources = many(len(account.from_), "source")
            story.steps.append(Step(account.failed_since, f"first of {many(failed, 'failed login')} from {sources}"))
        how = "which had failed before" if guessed else "from where it never did before"
        story.steps.append(Step(time, f"{source} logged in, {how}"))
        story.why = f"{source} logged in after {many(failed, 'failed login')}"
        story.why += "" if guessed else ", from a new network"
        story.severity = max(story.severity, Severity.CRITICAL if guessed else Severity.WARNING)
        story.suspects[source] = None
        self._tell(story, key, time)
        return True

    def _attacked(self, account: Account, time: float) -> bool:
        """Logins to it fail as the limits of failed logins say."""
        limits, failed = self.limits, account.failed.count(time)
        # From one or two sources only, slowly: its owner's devices, one of which has an old password.
        slow = failed >= limits.failed_logins_a_day and len(account.from_) >= SEVERAL
        distributed = failed >= limits.failed_logins and len(account.from_) >= limits.login_sources
        return slow or distributed or account.fast.count(time) >= limits.failed_logins

    def _failed_by(self, source: str, time: float) -> int:
        """Failed logins of that very source, if they are as many as the limit says: most mail servers do not log for
        which accounts."""
        party = self.scene.picture.activity.sources.get(source)
        if party is None or party.passed >= MOSTLY_GOOD * party.auth_failed:
            return 0
        failed = party.history.count(time, self.limits.window, Outcome.AUTH_FAILED)
        return failed if failed >= self.limits.failed_logins else 0

    def _everywhere(self, source: str, key: SessionKey | None, account: Account, time: float) -> None:
        limits = self.limits
        party = self.scene.picture.activity.sources.get(source)
        facts = None if party is None else party.facts
        country = "" if facts is None else facts.country
        networks = _of_a_day({**account.networks, wide_network(source): time}, time)
        countries = _of_a_day({**account.countries, **({country: time} if country else {})}, time)
        if len(networks) < limits.account_networks and len(countries) < limits.account_countries:
            return
        far = len(networks) >= FAR * limits.account_networks or len(countries) >= FAR * limits.account_countries
        story = self._story(account, time)
        where = many(len(networks), "network")
        if countries:
            where += f" in {many(len(countries), 'country', 'countries')} ({listed(countries, len(countries))})"
        story.why = f"logged in from {where} within a day"
        if not story.steps:
            story.steps.append(Step(min(networks.values()), "the first of these logins"))
        story.steps.append(Step(time, f"{source} {country}".rstrip() + " logged in"))
        del story.steps[1:-20]
        story.severity = max(story.severity, Severity.CRITICAL if far else Severity.WARNING)
        story.suspects[source] = None
        self._tell(story, key, time)

    def _story(self, account: Account, time: float) -> _Story:
        story = self._stories.touch(account.key)
        story.weight += 1
        if not story.since:
            story.since = time
            story.before = self._sent(account.key)
        return story

    def tick(self, now: float) -> None:
        """What the accounts have sent since; and what is known of logins by now."""
        self._look_again(now)
        for story in self._stories:
            if not story.over and now - story.told >= 10.0:
                story.over = now - story.since > DAY
                sent = self._sent(story.key) - story.before
                if sent > story.sent:
                    self._tell(story, None, now)
                story.told = now

    def _look_again(self, now: float) -> None:
        """A login may be told of before those that failed: of these it is known later which session they were."""
        for login in list(self._logins):
            if self._after_failures(login.source, login.key, self.scene.logins.touch(login.account), login.time):
                self._logins.remove(login)
        while self._logins and now - self._logins[0].time > AGAIN:
            self._logins.popleft()

    def _sent(self, account: str) -> int:
        """Deliveries that its mail has come to, as far as the logs tell, and else the messages that were accepted."""
        became = self.scene.picture.messages.by_account.get(account)
        if became:
            return sum(became.values())
        party: Party | None = self.scene.picture.activity.groups[Dimension.ACCOUNT].get(account)
        return 0 if party is None else party.total(Outcome.ACCEPTED)

    def _tell(self, story: _Story, key: SessionKey | None, now: float) -> None:
        sent = self._sent(story.key) - story.before
        if sent > story.sent:
            if not story.sent:
                story.steps.append(Step(now, "it begins to send"))
            story.sent, story.sent_at = sent, now
        says = f"account {story.key}: {story.why}; {many(story.sent, 'delivery', 'deliveries')} since"
        says += ": change its password, block the sources, look at the queue"
        session = None if key is None else self.scene.picture.sessions.get(key)
        if key is not None:
            story.keys = (*story.keys, key)[-8:]
        self.found(
            now, Subject("account", story.key), story.severity, says, count=max(1, story.sent),
            sources=tuple(story.suspects)[-256:], sessions=story.keys, lines=lines_of(session),
            steps=tuple(story.steps), lasts=LASTS,
        )  # fmt: skip


class _Login(NamedTuple):
    """Somebody is in, from where the account was not known to be used."""

    time: float
    source: str
    key: SessionKey | None
    account: str


class _Story(Held):
    """What is known of one account that may be in the wrong hands."""

    __slots__ = (
        "before", "keys", "over", "sent", "sent_at", "severity", "since", "steps", "suspects", "told", "why",
    )  # fmt: skip

    key: str

    def __init__(self, key: object) -> None:
        super().__init__(str(key))
        self.since = self.told = self.sent_at = 0.0
        self.before = self.sent = 0
        self.over = False
        self.severity = Severity.NOTICE
        self.why = ""
        self.steps: list[Step] = []
        self.suspects: dict[str, None] = {}
        self.keys: tuple[SessionKey, ...] = ()


def _of_a_day(places: dict[str, float], time: float) -> dict[str, float]:
    return {place: when for place, when in places.items() if time - when <= DAY}
