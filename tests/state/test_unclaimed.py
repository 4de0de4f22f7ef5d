"""Visits that may be of several sessions of the same client: what came of them counts for the client all the same."""

from smtpwatch import events as ev
from smtpwatch.state.party import Dimension
from tests.state.doings import A, Log, Wire, flat, of, picture, source
from tests.state.joint import NOW, by_time

N = 6


def _sessions(dark: bool = True) -> list[ev.Event]:
    """All in one second, by the clock of a log that has whole seconds, none of which names a port."""
    told = []
    for k in range(N):
        start = NOW + 0.1 * k
        wire = Wire(k + 1, A, 5_000 + k, start, 587)
        told += flat(wire.opened, wire.greeting(start + 0.01), wire.hello(start + 0.02, "x"))
        told += flat(wire.tls(start + 0.03) if dark else (), wire.closed(start + 0.09))
    return told


def _visits(outcome: ev.LoginOutcome = "failure", tls: bool = True, account: str = "bob") -> list[ev.Event]:
    told = []
    for k in range(N):
        log = Log(100 + k, A, program="postfix/submission/smtpd")
        told += flat(log.connected(NOW), log.tls(NOW) if tls else (), log.tried(NOW, outcome, account), log.gone(NOW))
    return told


def test_failed_logins_count_once() -> None:
    made = picture(by_time(flat(_sessions(), _visits())))
    assert source(made) == {"sessions": N, "auth_failed": N, "tls": N}
    assert of(made, Dimension.NETWORK)["203.0.113.0/24"]["auth_failed"] == N


def test_logins_that_succeed_count_for_their_account() -> None:
    made = picture(by_time(flat(_sessions(), _visits("success"))))
    assert source(made)["passed"] == N
    assert "bob" in of(made, Dimension.ACCOUNT)


def test_what_the_wire_saw_itself_is_not_counted_again() -> None:
    """In clear it tells of failed logins, so the log's are no others."""
    made = picture(by_time(flat(_sessions(dark=False), _visits(tls=False))))
    assert source(made) == {"sessions": N, "abandoned": N}


def test_messages_count_once() -> None:
    told = []
    for k in range(N):
        log = Log(100 + k, A, program="postfix/submission/smtpd")
        told += flat(log.connected(NOW), log.tls(NOW), log.queued(NOW, f"Q{k}"), log.gone(NOW))
    made = picture(by_time(flat(_sessions(), told)))
    assert source(made)["accepted"] == N


def test_a_summary_alone_tells_of_logins() -> None:
    """auth=0/2 in Postfix's last line, and no line of a login."""
    log = Log(100, A, program="postfix/submission/smtpd")
    head = (NOW + 1, "log", "mx", "postfix/submission/smtpd", 100, "disconnect", A, 0, "")
    made = picture(log.connected(NOW), ev.ClientDisconnected(*head, "", {"ehlo": (1, 1), "auth": (0, 2)}))
    assert source(made)["auth_failed"] == 2


def test_a_summary_counts_no_login_twice() -> None:
    log = Log(100, A, program="postfix/submission/smtpd")
    head = (NOW + 1, "log", "mx", "postfix/submission/smtpd", 100, "disconnect", A, 0, "")
    tried = [log.tried(NOW + 0.5), log.tried(NOW + 0.6), log.tried(NOW + 0.7, "deferred")]
    made = picture(log.connected(NOW), tried, ev.ClientDisconnected(*head, "", {"auth": (0, 4)}))
    assert source(made)["auth_failed"] == 3  # one of the four was given up without a line, one may have been right
