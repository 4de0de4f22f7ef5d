"""Passwords that are guessed: from one source, from a network, or for one account, be it fast or slow."""

from __future__ import annotations

from collections.abc import Sequence

from smtpwatch import events as ev
from smtpwatch.state.party import Outcome, Party
from smtpwatch.state.session import Session
from smtpwatch.triage.alert import SessionKey, Severity, Subject
from smtpwatch.triage.counting import APART
from smtpwatch.triage.logins import Account
from smtpwatch.triage.rule import Rule, Scene, listed, many, span

MOSTLY_GOOD = 3  # times as many logins that succeed: it is people's own address, and they mistype
FOUND = 1_000  # sources of networks whose failures are told already, within a window


class BruteForce(Rule):
    """Failed logins within the window: so many of a source, of a network beyond those of its sources that are told of,
    of an account; of an account also within a day, and from so many sources."""

    name = "brute-force"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._stirred: dict[Party, SessionKey | None] = {}
        self._accounts: dict[str, Account] = {}
        self._told: dict[str, tuple[float, int, str]] = {}
        """Sources that were told of: when, how many failures, in which network."""

    def came_of(self, session: Session | None, parties: Sequence[Party], outcome: Outcome, time: float, n: int) -> None:
        """Remember who failed."""
        if outcome is Outcome.AUTH_FAILED:
            key = None if session is None else session.key
            for party in parties[1:3]:  # the source, and its network
                self._stirred[party] = key

    def tried(self, session: Session, login: ev.LoginTried) -> None:
        """Remember for which account."""
        account = self.scene.logins.get(login.account) if login.account and login.outcome == "failure" else None
        if account is not None:
            account.session = session.key
            self._accounts[account.key] = account

    def tick(self, now: float) -> None:
        """Judge those who failed since the last time."""
        if self._stirred:
            limit = self.limits.failed_logins
            stirred, self._stirred = self._stirred, {}
            for party, key in stirred.items():  # a source comes before its network
                if party.held and party.auth_failed >= limit:
                    if party.facts is not None:
                        self._source(party, key, now)
                    else:
                        self._network(party, key, now)
        if self._accounts:
            accounts, self._accounts = self._accounts, {}
            for account in accounts.values():
                self._account(account, now)

    def _source(self, party: Party, key: SessionKey | None, now: float) -> None:
        failed = party.history.count(now, self.limits.window, Outcome.AUTH_FAILED)
        if failed < self.limits.failed_logins or party.passed >= MOSTLY_GOOD * party.auth_failed:
            return
        facts = party.facts
        self._remember(party.key, now, failed, "" if facts is None else facts.network)
        tried = "" if facts is None or facts.accounts is None else f" as {listed(_names(party), len(facts.accounts))}"
        says = f"{party.key}: {many(failed, 'failed login')} within {span(self.limits.window)}{tried}{_passed(party)}"
        latest = () if facts is None else facts.latest
        self.found(
            now, Subject("source", party.key), Severity.WARNING, says,
            count=failed, sources=(party.key,), sessions=latest or _only(key),
        )  # fmt: skip

    def _network(self, party: Party, key: SessionKey | None, now: float) -> None:
        failed = party.history.count(now, self.limits.window, Outcome.AUTH_FAILED)
        told = sum(n for _, n, network in self._told.values() if network == party.key)
        members = 0 if party.members is None else len(party.members)
        if failed - told < self.limits.failed_logins or members < 2 or party.passed >= MOSTLY_GOOD * party.auth_failed:
            return
        says = (
            f"{party.key}: {many(failed, 'failed login')} within {span(self.limits.window)} from"
            f" {many(members, 'source')}{_passed(party)}"
        )
        self.found(
            now, Subject("network", party.key), Severity.WARNING, says,
            count=failed, sources=(party.key,), sessions=_only(key),
        )  # fmt: skip

    def _account(self, account: Account, now: float) -> None:
        limits = self.limits
        fast, failed, sources = account.fast.count(now), account.failed.count(now), len(account.from_)
        distributed = sources >= limits.login_sources and failed >= limits.failed_logins
        if not (fast >= limits.failed_logins or failed >= limits.failed_logins_a_day or distributed):
            return
        said = f"{many(failed, 'failed login')} within a day from {sources}{'+' if sources >= APART else ''} source"
        said += "" if sources == 1 else "s"
        if fast >= limits.failed_logins:
            said += f", {fast:,} of them within {span(limits.window)}"
        passed = account.passed.count(now)
        said += f"; {many(passed, 'login')} succeeded" if passed else "; none succeeded"
        # An old password in a device of its owner's fails all day from where the owner is.
        alone = sources == 1 and account.session is not None and self._own(account)
        severity = Severity.NOTICE if alone or not (distributed or fast >= limits.failed_logins) else Severity.WARNING
        if alone:
            said += " from there too: perhaps an old password in a device"
        self.found(
            now, Subject("account", account.key), severity, f"account {account.key}: {said}",
            count=failed, sessions=_only(account.session), lines=() if account.line is None else (account.line,),
        )  # fmt: skip

    def _own(self, account: Account) -> bool:
        session = self.scene.picture.sessions.get(account.session) if account.session is not None else None
        return session is not None and session.source in account.good

    def _remember(self, source: str, now: float, failed: int, network: str) -> None:
        self._told.pop(source, None)
        self._told[source] = now, failed, network
        while len(self._told) > FOUND or now - next(iter(self._told.values()))[0] > self.limits.window:
            del self._told[next(iter(self._told))]


def _names(party: Party) -> list[str]:
    few = party.facts.accounts if party.facts is not None else None
    return [] if few is None else [name for name, _ in few.most()]


def _only(key: SessionKey | None) -> tuple[SessionKey, ...]:
    return () if key is None else (key,)


def _passed(party: Party) -> str:
    return f"; {many(party.passed, 'login')} succeeded" if party.passed else "; none succeeded"
