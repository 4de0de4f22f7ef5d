"""Passwords that are guessed: from one source, from a network, or for one account, be it fast or slow."""

from __future__ import annotations

from collections.abc import Sequence

from smtpwatch import events as ev
from smtpwatch.state.party import Dimension, Outcome, Party
from smtpwatch.state.session import Session
from smtpwatch.triage.alert import SessionKey, Severity, Subject
from smtpwatch.triage.counting import APART
from smtpwatch.triage.gathering import Gathering, source_and_network
from smtpwatch.triage.logins import Account
from smtpwatch.triage.rule import Rule, Scene, listed, many, span

SLOW = 10_800.0  # seconds for which an attack goes on that comes to some tens of tries a day
MOSTLY_GOOD = 3  # times as many logins that succeed: it is people's own address, and they mistype
ACCOUNTS = Subject("host", "accounts")


class BruteForce(Rule):
    """Failed logins within the window: so many of a source, of a network, of an account; of an account also within a
    day, and from so many sources."""

    name = "brute-force"
    outcomes = (Outcome.AUTH_FAILED,)

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._stirred: dict[Party, SessionKey | None] = {}
        self._accounts: dict[str, Account] = {}
        self._together = Gathering(self.alerts, self.name)

    def came_of(self, session: Session | None, parties: Sequence[Party], outcome: Outcome, time: float, n: int) -> None:
        """Remember who failed."""
        key = None if session is None else session.key
        for party in parties[1:3]:  # the source, and its network
            self._stirred[party] = key

    def tried(self, source: str, session: Session | None, login: ev.LoginTried) -> None:
        """Remember for which account."""
        account = self.scene.logins.get(login.account) if login.account and login.outcome == "failure" else None
        if account is not None:
            account.session = account.session if session is None else session.key
            self._accounts[account.key] = account

    def tick(self, now: float) -> None:
        """Judge those who failed since the last time."""
        if self._stirred:
            stirred, self._stirred = self._stirred, {}
            for party, key in stirred.items():  # a source comes before its network
                if party.held and party.auth_failed >= self.limits.failed_logins:
                    self._party(party, key, now)
        if self._accounts:
            accounts, self._accounts = self._accounts, {}
            for account in accounts.values():
                self._account(account, now)

    def _party(self, party: Party, key: SessionKey | None, now: float) -> None:
        """A source, or a network of which no source is told of by itself."""
        failed = party.history.count(now, self.limits.window, Outcome.AUTH_FAILED)
        if failed < self.limits.failed_logins or party.passed >= MOSTLY_GOOD * party.auth_failed:
            return
        if party.facts is not None:
            whom = self._together.take(*source_and_network(party.key), failed)
            subject, members = whom.subject, whom.members
            latest = party.facts.latest
        else:
            subject, latest = Subject("network", party.key), () if key is None else (key,)
            members = 0 if party.members is None else len(party.members)
            if members < 2 or self._told_by_sources(party, failed):
                return
        network = subject.kind == "network"
        if network:
            failed = self._failed_in(subject.name, now) or failed

        def put() -> None:
            who = f"{subject.name}, {many(members, 'source')}" if network else subject.name
            tried = _accounts(party) if not network else ""
            says = (
                f"{who}: {many(failed, 'failed login')} within {span(self.limits.window)}{tried}{_passed(party.passed)}"
            )
            self.found(now, subject, Severity.WARNING, says, count=failed, sources=(subject.name,), sessions=latest)

        self.when_due(subject, now, failed, put)

    def _told_by_sources(self, network: Party, failed: int) -> bool:
        """Most of its failures are those of sources that are told of: the rest is not enough."""
        told = sum(
            alert.count
            for (rule, subject), alert in self.alerts.present.items()
            if rule == self.name
            and subject.kind == "source"
            and source_and_network(subject.name)[1].name == network.key
        )
        return failed - told < self.limits.failed_logins

    def _failed_in(self, network: str, now: float) -> int:
        party = self.scene.picture.activity.groups[Dimension.NETWORK].get(network)
        return 0 if party is None else party.history.count(now, self.limits.window, Outcome.AUTH_FAILED)

    def _account(self, account: Account, now: float) -> None:
        limits = self.limits
        fast, failed, sources = account.fast.count(now), account.failed.count(now), len(account.from_)
        quick = fast >= limits.failed_logins
        distributed = sources >= limits.login_sources and failed >= limits.failed_logins
        if not (quick or failed >= limits.failed_logins_a_day or distributed):
            return
        whom = self._together.take(Subject("account", account.key), ACCOUNTS, failed)

        def put() -> None:
            if whom.members > 1:
                says = f"{many(whom.members, 'account')} are tried: {many(whom.much, 'failed login')} within a day"
                says += f", the last as {account.key} from {account.from_} sources"
                severity = Severity.WARNING
            else:
                says, severity = self._one(account, now, quick, distributed)
            self.found(
                now, whom.subject, severity, says, count=whom.much,
                sessions=() if account.session is None else (account.session,),
                lines=() if account.line is None else (account.line,), lasts=0.0 if quick else SLOW,
            )  # fmt: skip

        self.when_due(whom.subject, now, whom.much, put)

    def _one(self, account: Account, now: float, quick: bool, distributed: bool) -> tuple[str, Severity]:
        sources, passed = len(account.from_), account.passed.count(now)
        said = f"{many(account.failed.count(now), 'failed login')} within a day from"
        said += f" {sources}{'+' if sources >= APART else ''} source{'' if sources == 1 else 's'}"
        if quick:
            said += f", {account.fast.count(now):,} of them within {span(self.limits.window)}"
        said += _passed(passed)
        # An old password in a device of its owner's fails all day from where the owner is.
        if sources == 1 and self._own(account):
            return f"account {account.key}: {said} from there too: perhaps an old password in a device", Severity.NOTICE
        return f"account {account.key}: {said}", Severity.WARNING if quick or distributed else Severity.NOTICE

    def _own(self, account: Account) -> bool:
        return account.source in account.good


def _accounts(party: Party) -> str:
    """Those that a source has tried most."""
    few = party.facts.accounts if party.facts is not None else None
    return "" if few is None else f" as {listed((name for name, _ in few.most()), len(few))}"


def _passed(n: int) -> str:
    return f"; {many(n, 'login')} succeeded" if n else "; none succeeded"
