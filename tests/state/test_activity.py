"""Who does what, case by case. That each outcome counts once, whoever tells it, is test_activity_model.py's."""

from __future__ import annotations

from math import inf

import pytest

from smtpwatch import events as ev
from smtpwatch.state.activity_logs import accepted, logged, parted
from smtpwatch.state.mirror import mirror
from smtpwatch.state.party import PLACES, Dimension, Outcome, Party
from smtpwatch.state.picture import Picture
from smtpwatch.state.visit import Visit
from tests.state.doings import HOST, NOW, PROXY, A, B, Log, Wire, figures, flat, of, picture, shed, source
from tests.state.test_activity_model import place

EXAMPLE = "203.0.113.0/24"


def clear(number: int = 1, address: str = A, start: float = NOW) -> Wire:
    return Wire(number, address, 40_000 + number, start)


def begun(wire: Wire) -> list[ev.Event]:
    return [wire.opened, wire.greeting(wire.start + 0.1)]


# What the wire tells.


def test_a_session_in_clear() -> None:
    wire = clear()
    made = picture(
        begun(wire),
        wire.hello(NOW + 1, "mail7.example.com"),
        wire.refused(NOW + 2, "x@Example.org"),
        wire.refused(NOW + 2, "y@example.org", 450),
        wire.taken(NOW + 3, "a@example.net", "z@example.org", "bob@example.org", "c@example.com"),
        wire.auth(NOW + 4),
        wire.auth(NOW + 4, "success"),
        wire.closed(NOW + 5),
        place=place,
    )
    all_of_it = {
        "sessions": 1, "accepted": 1, "refused": 2, "auth_failed": 1, "rejected": 1, "deferred": 1, "passed": 1,
    }  # fmt: skip
    told = {dimension: of(made, dimension) for dimension in Dimension}
    assert told == {
        Dimension.ADDRESS: {A: all_of_it},
        Dimension.NETWORK: {EXAMPLE: all_of_it},
        Dimension.COUNTRY: {"DE": all_of_it},
        Dimension.ASN: {"AS64500": all_of_it},
        Dimension.HELO: {"mail#.example.com": all_of_it},
        Dimension.ACCOUNT: {},
        Dimension.JA4: {},
        Dimension.SENDER_DOMAIN: {"example.net": {"accepted": 1}},
        Dimension.RECIPIENT_DOMAIN: {"example.org": {"accepted": 1, "refused": 2}, "example.com": {"accepted": 1}},
    }
    assert {name: figures(total) for name, total in made.activity.totals.items()} == {
        "inbound": all_of_it, "submission": {}, "outbound": {},
    }  # fmt: skip
    assert {party.key: party.refused for party in made.activity.reasons} == {"unknown user": 2}
    facts = made.activity.sources.touch(A).facts
    assert facts is not None
    assert (facts.country, facts.asn, facts.org, facts.network) == ("DE", 64_500, "Example", EXAMPLE)
    assert facts.latest == (("wire", 1),)
    kinds = ("helos", "senders", "recipients", "reasons", "accounts", "ja4s")
    assert {kind: few.most() for kind in kinds if (few := getattr(facts, kind)) is not None} == {
        "helos": [("mail7.example.com", 1)],
        "senders": [("a@example.net", 1)],
        "recipients": [("x@Example.org", 1), ("y@example.org", 1), ("z@example.org", 1), ("bob@example.org", 1),
                       ("c@example.com", 1)],
        "reasons": [("unknown user", 2)],
    }  # fmt: skip


def test_reasons_by_class_and_list() -> None:
    wire = clear()
    made = picture(
        wire.opened,
        wire.of(ev.Greeting, NOW, 554, "5.7.1 Service unavailable; client blocked using zen.example.org"),
        wire.of(ev.RecipientDecided, NOW, "b@example.org", 450, "4.2.0", "Greylisted, try again"),
        wire.of(ev.MessageDecided, NOW, "", False, "rejected", 550, "5.7.23", "SPF", None, 0, 0, 0),
        wire.closed(NOW + 1),
    )
    assert {party.key: party.refused for party in made.activity.reasons} == {
        "zen.example.org": 1, "greylist": 1, "SPF": 1,
    }  # fmt: skip
    assert of(made, Dimension.SENDER_DOMAIN) == {"<>": {"refused": 1}}
    assert source(made) == {"sessions": 1, "refused": 3, "rejected": 2, "deferred": 1}


def test_a_group_has_all_that_its_session_came_to_before() -> None:
    wire = clear()
    offer = (False, ("TLSv1.3",), (), (), None, (), "ja3", "t13d1516h2_8daaf6152771_b0da82dd1658")
    made = picture(
        begun(wire),
        wire.refused(NOW + 1),
        wire.refused(NOW + 1, code=450),
        wire.auth(NOW + 1, "success"),
        wire.of(ev.TlsOffered, NOW + 2, *offer),
        wire.tls(NOW + 2),
        finish=False,
    )
    assert of(made, Dimension.JA4) == {
        "t13d1516h2_8daaf6152771_b0da82dd1658": {
            "sessions": 1, "open": 1, "refused": 2, "rejected": 1, "deferred": 1, "passed": 1, "tls": 1,
        }
    }  # fmt: skip


def test_hello_again_is_one() -> None:
    wire = clear()
    names = ("mail1.example.com", "MAIL2.example.com", "[192.0.2.1]")
    made = picture(begun(wire), *(wire.hello(NOW + 1, name) for name in names), wire.closed(NOW + 2))
    assert set(of(made, Dimension.HELO)) == {"mail#.example.com", "[address]"}


def test_a_client_that_changes_its_name_fills_no_table() -> None:
    wire = clear()
    hellos = (wire.hello(NOW + 1, "a" * (n + 1) + ".example.com") for n in range(100))
    made = picture(begun(wire), *hellos, wire.closed(NOW + 2))
    assert len(made.activity.groups[Dimension.HELO]) < 16


def test_directions() -> None:
    mine = Wire(1, A, 40_001, NOW, 587)
    out = clear(2, "192.0.2.25")
    leaves = ev.SessionOpened(NOW, "wire", HOST, 2, "192.0.2.25", NOW, 40_002, B, 25, "outbound")
    made = picture(begun(mine), mine.auth(NOW), mine.closed(NOW + 1), leaves, out.refused(NOW), out.closed(NOW + 1))
    assert {name: figures(total) for name, total in made.activity.totals.items()} == {
        "inbound": {},
        "submission": {"sessions": 1, "auth_failed": 1},
        "outbound": {"sessions": 1, "refused": 1, "rejected": 1},
    }
    assert set(of(made, Dimension.ADDRESS)) == {A}
    assert len(made.activity.reasons) == 0
    assert made.activity.ours(NOW + 1, 1, Outcome.REFUSED) == 0
    assert made.activity.ours(NOW + 1, 1, Outcome.AUTH_FAILED) == 1
    assert made.activity.opening(NOW + 1, 1) == 1


# Who is behind a proxy.


def test_a_proxys_session_is_its_clients() -> None:
    wire = clear(1, PROXY)
    made = picture(
        wire.opened, wire.named(NOW, A), begun(wire)[1:], wire.refused(NOW + 1), wire.closed(NOW + 2), place=place
    )
    for dimension, key in ((Dimension.ADDRESS, A), (Dimension.NETWORK, EXAMPLE), (Dimension.COUNTRY, "DE")):
        assert of(made, dimension) == {key: {"sessions": 1, "refused": 1, "rejected": 1}}
    facts = made.activity.sources.touch(A).facts
    assert facts is not None and (facts.via, facts.latest) == (PROXY, (("wire", 1),))


def test_a_proxy_that_is_a_client_too() -> None:
    own, other = clear(1, PROXY), clear(2, PROXY, NOW + 1)
    made = picture(begun(own), own.refused(NOW), place=place)
    before, heat = of(made, Dimension.ADDRESS), made.activity.sources.touch(PROXY).heat
    made.apply([other.opened, other.named(NOW + 1, A)])
    party = made.activity.sources.touch(PROXY)
    assert figures(party) == before[PROXY]
    assert party.heat == pytest.approx(heat, abs=1e-6)
    assert party.facts is not None and party.facts.latest == (("wire", 1),)
    network = made.activity.groups[Dimension.NETWORK].touch("192.0.2.0/24")
    assert (network.sessions, len(network.members or ())) == (1, 1)


def test_clients_one_after_the_other_on_one_connection() -> None:
    """XCLIENT: each has what it has done, and the last has the session that is open."""
    wire = clear(1, PROXY)
    made = picture(
        begun(wire), wire.named(NOW, A), wire.refused(NOW), wire.named(NOW + 1, B), wire.refused(NOW + 1), finish=False
    )
    assert of(made, Dimension.ADDRESS) == {
        A: {"sessions": 1, "refused": 1, "rejected": 1},
        B: {"sessions": 1, "open": 1, "refused": 1, "rejected": 1},
    }


# What the logs tell.


def dark(wire: Wire) -> list[ev.Event]:
    return flat(begun(wire), wire.tls(wire.start + 0.2))


def joined(log: Log, start: float = NOW) -> list[ev.Event]:
    return [log.connected(start), log.tls(start + 0.2)]


def test_a_dark_session_has_what_its_log_tells() -> None:
    wire, log = clear(), Log(7, A, 40_001, whole=False)
    made = picture(
        dark(wire),
        joined(log),
        log.tried(NOW + 1, account="eve"),
        log.login(NOW + 2, "bob", "A1"),
        ev.MessageQueued(NOW + 2, "log", HOST, "postfix/qmgr", 2, "", "A1", "bob@example.org", 9, 2),
        log.refused(NOW + 3, "mail7.example.com"),
        log.turned_down(NOW + 4, "A2"),
        log.delivered(NOW + 5, "A1", "x@example.net"),
        log.delivered(NOW + 5, "A1", "y@example.net"),
        log.delivered(NOW + 6, "A1", "z@example.com"),
        log.gone(NOW + 6),
        wire.closed(NOW + 6),
    )
    assert source(made) == {
        "sessions": 1, "accepted": 1, "refused": 2, "auth_failed": 1, "rejected": 2, "passed": 1, "tls": 1,
    }  # fmt: skip
    assert of(made, Dimension.ACCOUNT) == {"bob": source(made)}
    assert of(made, Dimension.SENDER_DOMAIN) == {"example.org": {"accepted": 1}, "b.example": {"refused": 1}}
    assert of(made, Dimension.RECIPIENT_DOMAIN) == {"example.net": {"accepted": 1}, "example.com": {"accepted": 1}}
    assert {party.key: party.refused for party in made.activity.reasons} == {"relay denied": 1, "content": 1}
    facts = made.activity.sources.touch(A).facts
    assert facts is not None and facts.accounts is not None and facts.recipients is not None
    assert sorted(facts.accounts.most()) == [("bob", 1), ("eve", 1)]
    assert facts.recipients.values == ("x@example.net", "y@example.net", "z@example.com")


def test_refused_in_clear_and_then_behind_tls() -> None:
    """The log tells both, the wire the first."""
    wire, log = clear(), Log(7, A, 40_001, whole=False)
    made = picture(
        begun(wire), wire.refused(NOW + 0.1), wire.tls(NOW + 0.2),
        log.connected(NOW), log.refused(NOW + 0.1), log.tls(NOW + 0.2), log.refused(NOW + 1), log.gone(NOW + 2),
        wire.closed(NOW + 2),
    )  # fmt: skip
    assert source(made)["refused"] == 2


def test_a_log_that_tells_before_the_wire_shows_tls() -> None:
    wire, log = clear(), Log(7, A, 40_001, whole=False)
    other = clear(2, B, NOW + 20)
    made = picture(
        begun(wire), joined(log), other.opened, other.closed(NOW + 21), finish=False  # by now they are joined
    )  # fmt: skip
    (session,) = made.sessions.live.values()
    assert len(session.visits) == 1
    made.apply(flat(log.queued(NOW + 22, "A1"), log.tried(NOW + 22), log.refused(NOW + 22), log.gone(NOW + 22)))
    assert source(made) == {"sessions": 1, "open": 1}
    made.apply([wire.tls(NOW + 0.2), wire.closed(NOW + 22)])
    assert source(made) == {"sessions": 1, "accepted": 1, "refused": 1, "auth_failed": 1, "rejected": 1, "tls": 1}


def test_lines_long_after_the_session() -> None:
    wire, log = clear(), Log(7, A, 40_001, whole=False)
    made = picture(dark(wire), wire.closed(NOW + 2), finish=False)
    assert source(made) == {"sessions": 1, "tls": 1}
    made.apply(flat(joined(log), log.queued(NOW + 1, "A1"), log.tried(NOW + 1), log.gone(NOW + 2)))
    made.finish()
    assert source(made) == {"sessions": 1, "accepted": 1, "auth_failed": 1, "tls": 1}


@pytest.mark.parametrize("first", ["auth", "smtp"])
def test_dovecot_tells_of_logins_again(first: str) -> None:
    """The mail server asks it, and both have a line."""
    wire, log = clear(), Log(7, A, 40_001, whole=False)
    again = Log(0, A, 0, whole=False, program="dovecot")
    lines = [log.tried(NOW + 1), again.tried(NOW + 1, service="auth"), log.tried(NOW + 2, account="eve"),
             again.tried(NOW + 2, account="eve", service="auth")]  # fmt: skip
    if first == "auth":
        lines = [lines[1], lines[0], lines[3], lines[2]]
    made = picture(dark(wire), joined(log), lines, log.gone(NOW + 3), wire.closed(NOW + 3))
    assert source(made) == {"sessions": 1, "auth_failed": 2, "tls": 1}
    facts = made.activity.sources.touch(A).facts
    assert facts is not None and facts.accounts is not None
    assert set(facts.accounts.values) == {"bob", "eve"}


def test_logins_that_only_dovecot_tells() -> None:
    """Beside a session that TLS hides; without one, the line says nothing of SMTP, since mailboxes have logins too."""
    wire, again = clear(), Log(0, A, 0, whole=False, program="dovecot")
    line = again.tried(NOW + 1, service="auth")
    assert source(picture(dark(wire), line, wire.closed(NOW + 3))) == {"sessions": 1, "auth_failed": 1, "tls": 1}
    log = Log(7, A, 40_001, whole=False)
    assert source(picture(log.connected(NOW), log.tried(NOW + 1), line, log.gone(NOW + 3))) == {
        "sessions": 1,
        "auth_failed": 1,
    }


def test_one_message_told_several_times() -> None:
    """OpenSMTPD: each envelope is a line with the message's id."""
    words = "0123456789abcdef smtp "
    head = (NOW + 1, "log", HOST, "smtpd", 9)
    lines = [
        ev.ClientConnected(NOW, "log", HOST, "smtpd", 9, words + "connected", A, 0, ""),
        ev.MessageReceived(*head, words + "message", A, 0, "", "A1", "smtp", None),
        *(
            ev.MessageReceived(
                *head, words + "envelope", "", 0, "", "A1", "smtp", "a@example.net", (f"{n}@b.example",)
            )
            for n in range(3)
        ),
        ev.ClientDisconnected(NOW + 2, "log", HOST, "smtpd", 9, words + "disconnected", A, 0, ""),
    ]  # fmt: skip
    made = picture(lines)
    assert source(made) == {"sessions": 1, "accepted": 1}
    assert of(made, Dimension.SENDER_DOMAIN) == {"example.net": {"accepted": 1}}
    assert of(made, Dimension.RECIPIENT_DOMAIN) == {"b.example": {"accepted": 1}}


def test_who_logs_in_submits() -> None:
    log = Log(7, A, 40_001, whole=False)
    made = picture(log.connected(NOW), log.refused(NOW), log.login(NOW + 1, "bob", "A1"), log.gone(NOW + 2))
    assert {name: total.sessions for name, total in made.activity.totals.items()} == {
        "inbound": 0, "submission": 1, "outbound": 0,
    }  # fmt: skip
    assert {total.open for total in made.activity.totals.values()} == {0}
    assert source(made) == {"sessions": 1, "refused": 1, "rejected": 1, "passed": 1}


def test_what_is_counted_goes_with_its_visit() -> None:
    """Better evidence takes a visit from a session: at the next one it counts no second time."""
    one, two = clear(1), clear(2)
    made = picture(dark(one), dark(two), finish=False)
    first, second = made.sessions.live.values()
    log = Log(7, A, whole=False)
    lines = [log.connected(NOW), log.refused(NOW + 1), log.refused(NOW + 1), log.tried(NOW + 1)]
    visit = Visit(lines[0])
    for line in lines:
        visit.apply(line)
    for session in (first, second, first):
        session.visits.append(visit)
        mirror(session)
        logged(made.activity, session)
        assert source(made) == {
            "sessions": 2, "open": 2, "refused": 2, "auth_failed": 1, "rejected": 2, "tls": 2,
        }  # fmt: skip
        assert session.told[: len(Outcome)] == [0, 2, 1, 0]
        session.visits.remove(visit)
        mirror(session)
        parted(session, visit)
    visit.apply(log.refused(NOW + 2))
    second.visits.append(visit)
    mirror(second)
    logged(made.activity, second)
    assert source(made)["refused"] == 3


def test_a_message_of_nobody_counts_nowhere() -> None:
    made = picture(Log(7, A, whole=False).queued(NOW, "A1")[1:])
    (message,) = made.messages.held.values()
    accepted(made.activity, message, NOW)
    assert not message.counted
    assert len(made.activity.sources) == 0


# What came to nothing.


def test_abandoned_in_clear() -> None:
    wire = clear()
    assert source(picture(begun(wire), wire.closed(NOW + 1))) == {"sessions": 1, "abandoned": 1}


def test_not_abandoned() -> None:
    """Nothing was said; something is missing; its detail was shed; it has logged in; nobody can tell."""
    silent, partial, lost, passed, hidden = (clear(n, f"203.0.113.{n}") for n in range(1, 6))
    made = picture(
        silent.opened, silent.of(ev.SessionClosed, NOW + 1, NOW + 1, "fin", 0, 0, None, False),
        begun(partial), partial.of(ev.SessionClosed, NOW + 1, NOW + 1, "fin", 9, 9, "gap", True),
        begun(lost), ev.Tally(NOW + 1, "wire", HOST, "", {}, (3,)),
        begun(passed), passed.auth(NOW, "success"), passed.closed(NOW + 1),
        dark(hidden), hidden.closed(NOW + 1),
    )  # fmt: skip
    told = of(made, Dimension.ADDRESS)
    assert {key: (of_it.get("abandoned", 0), of_it.get("open", 0)) for key, of_it in told.items()} == {
        f"203.0.113.{n}": (0, 0) for n in range(1, 6)
    }


@pytest.mark.parametrize("comes_to", ["nothing", "a message", "a message that is lost"])
def test_a_dark_session_is_abandoned_once_its_log_says_that_it_is_over(comes_to: str) -> None:
    wire, log = clear(), Log(7, A, 40_001, whole=False)
    made = picture(dark(wire), joined(log), wire.closed(NOW + 2), finish=False)
    made.finish()
    received, queued = log.queued(NOW + 1, "A1")
    assert "abandoned" not in source(made)
    if comes_to != "nothing":
        made.apply([received])
    made.apply([log.gone(NOW + 2)])
    if comes_to == "a message":
        made.apply([queued])
    expected = {"nothing": {"abandoned": 1}, "a message": {"accepted": 1}, "a message that is lost": {}}
    assert source(made) == {"sessions": 1, "tls": 1} | expected[comes_to]
    made.apply([log.gone(NOW + 2)])
    assert source(made) == {"sessions": 1, "tls": 1} | expected[comes_to]


def test_who_passes_postscreen_is_not_done() -> None:
    log = Log(7, A, 40_001, whole=False, program="postfix/postscreen")
    assert source(picture(log.connected(NOW), log.gone(NOW + 1))) == {"sessions": 1}


# What was shed, and who had to give way.


def test_what_was_shed() -> None:
    made = picture(
        shed(NOW, A, sessions=3, refused=5, accepted=1), shed(NOW, "", sessions=2, failed=4), shed(NOW, A, refused=1),
        place=place,
    )  # fmt: skip
    assert of(made, Dimension.ADDRESS) == {A: {"sessions": 3, "refused": 6, "accepted": 1}}
    assert of(made, Dimension.NETWORK) == {EXAMPLE: {"sessions": 3, "refused": 6, "accepted": 1}}
    assert figures(made.activity.totals["inbound"]) == {"sessions": 5, "refused": 6, "accepted": 1, "auth_failed": 4}
    assert made.activity.sources.touch(A).weight == 10


def test_what_was_shed_of_us() -> None:
    """We are nobody's client here."""
    us = "192.0.2.25"
    leaves = ev.SessionOpened(NOW, "wire", HOST, 2, us, NOW, 40_002, B, 25, "outbound")
    made = picture(
        leaves,
        ev.Tally(NOW, "wire", HOST, us, {"sessions": 2, "sessions outbound": 2, "messages accepted": 1}, ()),
        ev.Tally(NOW, "wire", HOST, us, {"messages accepted": 1}, ()),
    )
    assert len(made.activity.sources) == 0
    assert figures(made.activity.totals["outbound"]) == {"sessions": 3, "open": 1, "accepted": 2}


def crowded(monkeypatch: pytest.MonkeyPatch, places: int) -> Picture:
    monkeypatch.setitem(PLACES, Dimension.ADDRESS, places)
    return Picture()


def test_given_way_and_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    made = crowded(monkeypatch, 2)
    wires = [clear(n, f"203.0.113.{n}") for n in range(1, 5)]
    for wire in wires:
        made.apply(begun(wire))
    first = f"203.0.113.{1}"
    assert made.activity.sources.get(first) is None
    made.apply([wires[0].refused(NOW + 1), wires[0].refused(NOW + 1)])
    party = made.activity.sources.get(first)
    assert party is not None
    assert figures(party) == {"sessions": 1, "open": 1, "refused": 2, "rejected": 2}
    assert party.error == 2
    assert party.facts is not None and party.facts.latest == (("wire", 1),)
    made.apply([wire.closed(NOW + 2) for wire in wires])
    assert {each.open for each in made.activity.sources} == {0}
    network = made.activity.groups[Dimension.NETWORK].touch(EXAMPLE)
    assert figures(network) == {"sessions": 4, "refused": 2, "rejected": 2, "abandoned": 3}


def test_given_way_and_told_of_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """The log tells of a session that is over and whose source was forgotten: it is open nowhere."""
    made = crowded(monkeypatch, 2)
    wire, log = clear(), Log(7, A, 40_001, whole=False)
    made.apply(flat(dark(wire), wire.closed(NOW + 1)))
    for n in range(2, 6):
        other = clear(n, f"198.51.100.{n}")
        made.apply(flat(begun(other), other.closed(NOW + 1)))
    made.apply(flat(joined(log), log.refused(NOW + 0.5), log.gone(NOW + 1)))
    made.finish()
    assert source(made) == {"sessions": 1, "refused": 1, "rejected": 1}
    assert {each.open for each in made.activity.sources} == {0}


def test_a_session_that_is_open_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its party gave way while it was open, and another session brought it back: its end is none of that one's."""
    made = crowded(monkeypatch, 1)
    one, two, three = clear(1), clear(2, B), clear(3)
    made.apply(flat(begun(one), begun(two), begun(three), one.closed(NOW + 1)))
    party = made.activity.sources.get(A)
    assert party is not None
    assert party.open == 1


def test_held_parties_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    for dimension in Dimension:
        monkeypatch.setitem(PLACES, dimension, 5)
    made = Picture(place)
    for n in range(200):
        wire = clear(n + 1, f"203.0.{n}.{n}")
        name = "a" * (n + 1)
        made.apply(flat(begun(wire), wire.hello(NOW + 1, name), wire.taken(NOW + 2, f"a@{name}", f"b@{name}")))
        made.apply([wire.closed(NOW + 3)])
    sizes = {dimension: len(held) for dimension, held in made.activity.groups.items()}
    assert sizes == {dimension: 5 for dimension in Dimension if dimension not in (Dimension.ACCOUNT, Dimension.JA4)} | {
        Dimension.COUNTRY: 2,
        Dimension.ASN: 1,
        Dimension.ACCOUNT: 0,
        Dimension.JA4: 0,
    }
    for dimension in (Dimension.ADDRESS, Dimension.NETWORK):
        held: list[Party] = list(made.activity.groups[dimension])
        assert sum(party.weight for party in held) == 400
        assert {party.open for party in held} == {0}
        assert all(party.heat > -inf for party in held)
