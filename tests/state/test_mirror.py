"""A session's facts where the wire is dark, or was not seen at all: those of its visits, all of them and each once."""

from __future__ import annotations

from smtpwatch import events as ev
from smtpwatch.state.mirror import mirror
from smtpwatch.state.session import Session
from smtpwatch.state.visit import Visit
from tests.state.joint import HOST, NOW, SMTPD, Log, Wire, every, fold

A = "203.0.113.7"


def visit_of(*events: ev.LogEvent) -> Visit:
    made = Visit(events[0])
    for event in events:
        made.apply(event)
    return made


def alone(*events: ev.LogEvent) -> Session:
    (only,) = every(fold(events))
    return only


def dark(*visits: Visit) -> Session:
    """A session on the wire that TLS hides, with its visits."""
    wire = Wire(1, A, 40_000, NOW)
    (session,) = every(fold([wire.opened, wire.greeting(NOW + 0.1), wire.tls(NOW + 0.2)], finish=False))
    session.visits = list(visits)
    mirror(session)
    return session


def test_several_visits_of_one_session_add_up() -> None:
    """postscreen's part, which refused, and smtpd's: neither hides the other."""
    screen, log = Log(3, A, 40_000, program="postfix/postscreen"), Log(7, A, 40_000)
    session = dark(
        visit_of(screen.connected(NOW), screen.refused(NOW), screen.gone(NOW)),
        visit_of(log.connected(NOW), *log.login(NOW, "bob", "A1"), log.gone(NOW + 1, rcpt=2)),
    )
    assert (session.accepted, session.refused, session.messages, session.account) == (2, 1, 1, "bob")
    assert (session.last_code, session.auth) == (554, [("PLAIN", "success")])


def test_the_counts_at_the_end_are_the_servers() -> None:
    log = Log(7, A)
    end = ev.ClientDisconnected(NOW + 2, "log", HOST, SMTPD, 7, "", A, 0, "", "", {"rcpt": (3, 5)})
    session = alone(log.connected(NOW), log.refused(NOW), log.received(NOW, "A1"), end)
    assert (session.accepted, session.refused, session.messages) == (3, 2, 1)


def test_an_account_goes_with_its_visit() -> None:
    """Better evidence takes a visit from a session: what it brought goes too."""
    log = Log(7, A)
    session = dark(visit_of(log.connected(NOW), *log.login(NOW, "bob", "A1")))
    assert session.account == "bob"
    session.visits.clear()
    mirror(session)
    assert (session.account, session.messages) == ("", 0)


def test_a_failed_handshake() -> None:
    log = Log(7, A)
    trouble = ev.TlsTroubled(NOW, "log", HOST, SMTPD, 7, "SSL_accept error", A, 0, "", "no shared cipher")
    session = alone(log.connected(NOW), trouble, log.gone(NOW))
    assert session.tls is not None
    assert (session.tls.version, session.tls.failed) == (None, "no shared cipher")


def test_how_it_ended() -> None:
    log = Log(7, A)
    lost = ev.ClientLost(NOW, "log", HOST, SMTPD, 7, "", A, 0, "", "timeout", "RCPT")
    assert alone(log.connected(NOW), lost, log.gone(NOW + 1)).closed_by == "timeout"
    lost = ev.ClientLost(NOW, "log", HOST, SMTPD, 7, "", A, 0, "", "lost connection", "RCPT")
    assert alone(log.connected(NOW), lost, log.gone(NOW + 1)).closed_by == "lost"
    assert alone(log.connected(NOW), log.gone(NOW + 1, quit=1)).closed_by == "quit"
    assert alone(log.connected(NOW), log.gone(NOW + 1)).closed_by == "closed"


def test_submission_by_name_or_account() -> None:
    named = Log(7, A, program="postfix/submissions/smtpd")
    session = alone(named.connected(NOW))
    assert (session.direction, session.server_port) == ("submission", 465)
    log = Log(7, A)
    assert alone(log.connected(NOW), *log.login(NOW, "bob", "A1")).direction == "submission"
    assert alone(log.connected(NOW)).direction == "inbound"


def test_its_messages_are_its_transactions() -> None:
    log = Log(7, A)
    session = alone(log.connected(NOW), *(log.received(NOW, f"A{n}") for n in range(3)), log.gone(NOW + 1))
    assert [(each.queue_id, each.outcome) for each in session.transactions] == [(f"A{n}", "accepted") for n in range(3)]
