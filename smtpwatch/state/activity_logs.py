"""What the logs come to: where the wire is dark, or saw nothing, they tell what came of a session (activity.py).

Refusals and logins count once the figures of the session (mirror.py) are above what has been counted of it, so that
those that the wire saw before TLS do not count again. A message counts as accepted once it has a sender: Postfix gives
it a queue id before its content comes, which may be refused yet; in the queue it has one."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, islice
from operator import attrgetter

from smtpwatch import events as ev
from smtpwatch.state.activity import GROUPS, Activity, Refusal
from smtpwatch.state.message import Message
from smtpwatch.state.names import NAME, domain_of
from smtpwatch.state.party import Dimension, Outcome
from smtpwatch.state.session import LOG, Session
from smtpwatch.state.visit import AGAIN, Visit


def logged(activity: Activity, session: Session) -> None:
    """After its figures were brought up to what its log lines tell."""
    told, time = session.told, session.end
    for visit in session.visits:
        time = visit.latest
        if visit.counted is not None:
            told[Outcome.REFUSED] += visit.counted[0]
            told[Outcome.AUTH_FAILED] += visit.counted[1]
            visit.counted = None
        if visit.tried > visit.noted:
            _accounts(activity, session, visit)
    if session.account:
        activity.named(session, Dimension.ACCOUNT, session.account, time)
    if session.sensor == LOG:
        _alone(activity, session, time)
    if session.passed:
        activity.passed(session, time)
    if session.failures > told[Outcome.AUTH_FAILED]:
        activity.came_of(session, Outcome.AUTH_FAILED, time, session.failures - told[Outcome.AUTH_FAILED])
    if session.refusals > told[Outcome.REFUSED]:
        _refusals(activity, session, session.refusals - told[Outcome.REFUSED])
    if session.over:
        activity.settle(session)


def parted(session: Session, visit: Visit) -> None:
    """`visit` is not of `session`, after all, whose figures are without it by now. What has been counted of it goes
    with it: it is the same source's."""
    refused = session.told[Outcome.REFUSED] - session.refusals
    failed = session.told[Outcome.AUTH_FAILED] - session.failures
    if session.dark and (refused > 0 or failed > 0):
        refused, failed = min(max(refused, 0), visit.refusals), min(max(failed, 0), visit.failures)
        session.told[Outcome.REFUSED] -= refused
        session.told[Outcome.AUTH_FAILED] -= failed
        visit.counted = refused, failed


def unclaimed(activity: Activity, visit: Visit, messages: Iterable[Message]) -> None:
    """`visit` is over, and which of its client's sessions it was cannot be told, which all are under TLS: what came of
    it counts for the client all the same. Should it be found out, that goes with it (`counted`)."""
    if visit.counted is not None or not visit.dark:
        return
    visit.counted = visit.refusals, visit.failures
    time, noticed = visit.latest, activity.noticed
    total = activity.totals["submission" if visit.submission or visit.tried or visit.account else "inbound"]
    parties = (total, *activity.origins.of(visit.source, time))
    fresh = [message for message in messages if not message.counted and message.sender is not None]
    for message in fresh:
        message.counted = True
    if visit.tried > visit.noted:
        for login in islice(reversed(visit.logins), visit.tried - visit.noted):
            noticed.tried(visit.source, None, login)
        visit.noted = visit.tried
    if visit.account:
        party = activity.groups[Dimension.ACCOUNT].touch(visit.account[:NAME])
        parties += (party,)
        noticed.logged_in(visit.source, None, visit.account, time)
    for outcome, n in (
        (Outcome.REFUSED, visit.refusals), (Outcome.AUTH_FAILED, visit.failures), (Outcome.ACCEPTED, len(fresh)),
    ):  # fmt: skip
        if n:
            for party in parties:
                party.count(outcome, time, n)
            noticed.came_of(None, parties, outcome, time, n)
    if visit.account:
        for party in parties:
            party.passed += 1
            party.seen(time)


def accepted(activity: Activity, message: Message, time: float) -> None:
    """A message that only the log may know of, whenever more is known of it."""
    session = None if message.visit is None else message.visit.session
    if session is None or message.sender is None:
        return
    if session.sensor != LOG and not session.dark:
        return  # the wire tells, unless TLS turns out to hide it
    if not message.counted:
        message.counted = True
        activity.came_of(session, Outcome.ACCEPTED, time)
        activity.noted(session, "senders", message.sender or "<>")
        activity.attributed(session, Dimension.SENDER_DOMAIN, message.sender, Outcome.ACCEPTED, time)
    if message.attributed < min(len(message.recipients), GROUPS):
        _recipients(activity, session, message, time)


def _recipients(activity: Activity, session: Session, message: Message, time: float) -> None:
    """Those that were not known before: Postfix names them as it delivers to them."""
    known = [
        address if delivery is None else delivery.original or address
        for address, delivery in islice(message.recipients.items(), GROUPS)
    ]
    domains = {domain_of(address) for address in known[: message.attributed]}
    for address in known[message.attributed :]:
        activity.noted(session, "recipients", address)
        domain = domain_of(address)
        if domain not in domains:
            domains.add(domain)
            activity.attributed(session, Dimension.RECIPIENT_DOMAIN, address, Outcome.ACCEPTED, time)
    message.attributed = len(known)


def _alone(activity: Activity, session: Session, time: float) -> None:
    """What is known by now of a session that only the log tells of."""
    total = activity.totals[session.direction]
    before = session.parties[0]
    if before is not total:  # its client has logged in
        before.withdrawn(session.start, not session.over)
        total.begun(session.start, not session.over)
        session.parties[0] = total
    if session.helo:
        activity.hello(session, session.helo, time)
    tls = session.tls
    if tls is not None and tls.failed is None:
        activity.secured(session, tls.version or "", tls.cipher or "", time)


def _accounts(activity: Activity, session: Session, visit: Visit) -> None:
    """Whom its client has tried to log in as, of late."""
    fresh = visit.tried - visit.noted
    visit.noted = visit.tried
    facts = activity.facts(session)
    known = facts is not None and facts.accounts is not None and visit.logins[-1].account in facts.accounts
    for login in islice(reversed(visit.logins), fresh):
        if login.service != AGAIN or not known:
            activity.noted(session, "accounts", login.account)
            activity.noticed.tried(session.source, session, login)


def _refusals(activity: Activity, session: Session, fresh: int) -> None:
    """The latest so many of those that its log lines tell."""
    visits = session.visits
    every = visits[0].refused if len(visits) == 1 else _in_order(visits)
    known = list(islice(reversed(every), fresh))
    if fresh > len(known):  # those before are not remembered one by one
        time = known[-1].time if known else session.end
        activity.came_of(session, Outcome.REFUSED, time, fresh - len(known))
    for event in reversed(known):
        why = event.blocklist or event.reason
        activity.refused(session, Refusal(event.time, _code(event), why, event.sender, event.recipient))
        if event.sender is not None:
            activity.noted(session, "senders", event.sender or "<>")
        activity.noted(session, "recipients", event.recipient or "")


def _in_order(visits: list[Visit]) -> list[ev.Refused]:
    return sorted(chain.from_iterable(visit.refused for visit in visits), key=attrgetter("time"))


def _code(event: ev.Refused) -> int:
    """For good (500) or for now (400) where only the enhanced code says so; 0 if nothing does."""
    return event.code or {"5": 500, "4": 400}.get(event.enhanced[:1], 0)
