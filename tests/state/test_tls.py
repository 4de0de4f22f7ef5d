"""How TLS is counted: each session once, at its end, from packets or from logs, and what the log adds later."""

from __future__ import annotations

import pytest

from smtpwatch import events as ev
from smtpwatch.state.picture import Picture
from smtpwatch.state.tls import LATE, PLACES, Clear, Tls
from smtpwatch.state.tls_losses import Loss
from smtpwatch.state.tls_peers import FINE, HEAVY, HEAVY_PEERS, PEERS
from smtpwatch.state.tls_shares import BUCKET, BUCKETS, COMBINATIONS, OTHER, Kind, Shares
from smtpwatch.state.tls_told import NO_HELLO, Secured
from smtpwatch.strength import OLD, TLS12, TLS13
from tests.screens import mail as mail_scene
from tests.screens import tls as scene
from tests.screens.scenes import HOST, NOW, SERVER, Dialogue, status
from tests.screens.tls import OLD_CIPHER, certificate, fold
from tests.state.joint import Log, Wire

A, B = "203.0.113.7", "203.0.113.8"
SHA384 = "TLS_AES_256_GCM_SHA384"


def modes(tls: Tls) -> dict[tuple[str, str, str], int]:
    """Sessions by direction, mode and version."""
    found: dict[tuple[str, str, str], int] = {}
    for kind, count in tls.shares.total.items():
        key = (kind.direction, kind.mode, kind.version)
        found[key] = found.get(key, 0) + count
    return found


def dialogue(number: int = 1, source: str = A, port: int = 25, direction: ev.Direction = "inbound") -> scene.Secured:
    made = scene.Secured(number, source, NOW, port, direction)
    made.greeting().hello("client.example")
    return made


def outbound(number: int, server: str, extensions: str, start: float = NOW) -> scene.Secured:
    made = scene.Secured(number, SERVER, start, 25, "outbound", server)
    made.greeting(220, f"{server} ready").hello("mx1.example.net", extensions)
    return made


def mail(made: Dialogue, messages: int) -> Dialogue:
    for _ in range(messages):
        made.mail("a@example.com", "b@example.net").accepted("a@example.com", 1)
    return made


def test_all_that_happens_of_an_afternoon() -> None:
    tls = fold(scene.afternoon())
    assert modes(tls) == {
        ("inbound", "STARTTLS", "TLSv1.3"): 20,
        ("inbound", "STARTTLS", "TLSv1.0"): 1,
        ("inbound", "failed", ""): 1,
        ("inbound", "none", ""): 2,
        ("submission", "STARTTLS", "TLSv1.2"): 6,
        ("submission", "implicit", "TLSv1.3"): 1,
        ("submission", "none", ""): 1,
        ("outbound", "none", ""): 3,
    }
    assert (tls.seen, tls.logged, tls.left_out) == (35, 0, 0)
    assert {(each.address, each.lack, each.said) for each in tls.servers.lacking()} == {
        ("198.51.100.40", "not offered", ""),
        ("198.51.100.41", "stripped", "XXXXXXXA in its place"),
        ("198.51.100.42", "refused", "454 4.7.0 TLS not available"),
    }
    assert [(kind, each.times, each.peer) for kind, each in tls.logins.items()] == [
        (("submission", "PLAIN"), 1, "198.51.100.23")
    ]
    assert [peer.source for peer in tls.peers.in_order()][:4] == ["198.51.100.23", A, B, "203.0.113.99"]
    assert list(tls.certificates) == [(SERVER, 25)]


def test_the_picture_holds_it() -> None:
    picture = Picture()
    picture.apply(scene.afternoon())
    picture.finish()
    assert modes(picture.tls) == modes(fold(scene.afternoon()))


def test_an_evening_with_its_log() -> None:
    """Sessions that ended before the packets begin are the log's; the others are the wire's, and the log's beside them
    are not counted again. A content filter's line alone is no session."""
    tls = fold(mail_scene.evening())
    assert (tls.seen, tls.logged, tls.left_out) == (4, 2, 1)
    assert {(*peer.key, peer.seen, peer.logged): (peer.sessions, peer.weakest) for peer in tls.peers} == {
        ("submission", "192.0.2.17", False, True): (1, ""),
        ("inbound", "203.0.113.44", False, True): (1, "none"),
        ("inbound", "203.0.113.80", True, False): (1, "none"),
        ("inbound", "203.0.113.99", True, False): (1, ""),
        ("inbound", "203.0.113.8", True, False): (1, "none"),
        ("inbound", "192.0.2.200", True, False): (1, ""),
    }
    assert modes(tls) == {
        ("submission", "STARTTLS", ""): 1,
        ("inbound", "none", ""): 3,
        ("inbound", "failed", ""): 1,
        ("inbound", "unknown", ""): 1,
    }


def test_a_session_counts_when_it_ends_and_once() -> None:
    live = dialogue().tls().events
    assert modes(fold(live)) == {}
    tls = fold([*live, *dialogue(2, B).closed().events])
    assert modes(tls) == {("inbound", "none", ""): 1}


@pytest.mark.parametrize(
    ("made", "mode"),
    [
        (dialogue().closed(), "none"),
        (dialogue().closed(partial="packets missing"), "unknown"),
        (dialogue().says("STARTTLS").answer("STARTTLS", 220, "Ready").closed(), "failed"),
        (dialogue().offers("TLSv1.3").closed(), "unknown"),
        (dialogue().says("STARTTLS").answer("STARTTLS", 454, "no").closed(), "none"),
    ],
)
def test_how_a_session_without_a_server_hello_was_secured(made: Dialogue, mode: str) -> None:
    assert modes(fold(made.events)) == {("inbound", mode, ""): 1}


def test_a_connection_that_said_nothing_is_no_session() -> None:
    events = dialogue().events
    last = events[-1].time
    events.append(ev.SessionClosed(last, "wire", HOST, 1, A, last, "fin", 0, 0, None, False))
    tls = fold(events)
    assert (modes(tls), len(tls.peers), tls.since) == ({}, 0, None)


def test_what_was_shed_is_unknown() -> None:
    events: list[ev.Event] = [*dialogue().events]
    events.append(
        ev.Tally(NOW + 9, "wire", HOST, B, {"sessions": 5, "sessions inbound": 5, "tls": 2, "sessions closed": 6}, (1,))
    )
    tls = fold(events)
    assert (modes(tls), tls.seen) == ({("inbound", "unknown", ""): 6}, 6)


def test_failures_that_are_alike_are_one_kind_with_the_latest_offer() -> None:
    reason = "no common version: client offers TLSv1.0, server refuses"
    events: list[ev.Event] = []
    for number, source in enumerate((A, B, B)):
        made = scene.Secured(number, source, NOW + number).offers("TLSv1.0").fails(reason, "protocol_version")
        events += made.closed("rst").events
    events += dialogue(9).starttls().closed().events
    tls = fold(events)
    assert [(each.reason, each.alert, each.count, each.peer) for each in tls.failures] == [
        (NO_HELLO, "", 1, A),
        (reason, "protocol_version", 3, B),
    ]
    *_, failure = tls.failures
    assert failure.offered is not None
    assert (failure.offered.versions, failure.offered.ciphers) == (("TLSv1.0",), (OLD_CIPHER,))
    assert (failure.chosen, failure.logged, tls.failures.total) == ("", False, 4)
    peer = tls.peers.get(("inbound", B))
    assert peer is not None and (peer.failed, peer.why, peer.sessions) == (2, reason, 2)


def test_a_failure_after_the_servers_choice_tells_it() -> None:
    made = scene.Secured(1, A, NOW).offers("TLSv1.3").chosen("TLSv1.2", "TLS_X").fails("client does not trust it")
    (failure,) = fold(made.closed().events).failures
    assert failure.chosen == "TLSv1.2 TLS_X"


def test_logins_in_clear() -> None:
    before = scene.Secured(2, B, NOW, 587, "submission").greeting().hello("b").auth("failure").tls().closed()
    events = [*dialogue(1, A, 587, "submission").auth("success").auth("failure").closed().events, *before.events]
    tls = fold(events)
    assert tls.logins == {("submission", "PLAIN"): Clear(3, "PLAIN", B, before.events[-1].time)}
    assert [(peer.source, peer.auth) for peer in tls.peers.in_order()] == [(B, 1), (A, 2)]


def test_a_login_in_a_log_is_in_clear_only_if_the_log_says_so() -> None:
    said, silent = Log(7, A), Log(8, B)
    events: list[ev.Event] = [said.connected(NOW), *said.login(NOW, "bob", "A1"), said.gone(NOW + 1, auth=1, mail=1)]
    events += [silent.connected(NOW), *silent.login(NOW, "eve", "A2"), silent.gone(NOW + 1)]
    tls = fold(events)
    assert {key: each.times for key, each in tls.logins.items()} == {("submission", "PLAIN"): 1}
    assert modes(tls) == {("submission", "none", ""): 1, ("submission", "unknown", ""): 1}
    assert (tls.seen, tls.logged) == (0, 2)


def test_sessions_of_a_log_alone() -> None:
    log = Log(7, A)
    established = log.tls(NOW, "TLSv1")
    tls = fold([log.connected(NOW), established, log.received(NOW, "A1"), log.gone(NOW + 1, starttls=1, mail=1)])
    assert modes(tls) == {("inbound", "STARTTLS", "TLSv1.0"): 1}
    peer = tls.peers.get(("inbound", A))
    assert peer is not None and (peer.messages, peer.weakest, peer.seen, peer.logged) == (1, "TLSv1.0", False, True)


def test_a_session_of_a_log_does_not_count_beside_packets() -> None:
    """The wire watches, and shows other sessions: this one is among them, or was not on a watched port."""
    log = Log(7, A)
    events: list[ev.Event] = [status(at=NOW - 30), log.connected(NOW), log.gone(NOW + 1, mail=1)]
    tls = fold(events)
    assert (modes(tls), tls.left_out) == ({}, 1)
    blind = [status(at=NOW - 90), status("failed", at=NOW - 60), *events[1:]]
    assert (modes(fold(blind)), fold(blind).left_out) == ({("inbound", "none", ""): 1}, 0)


@pytest.mark.parametrize("gap", [0.2, LATE - 1])
def test_the_log_adds_the_messages_that_tls_hid(gap: float) -> None:
    wire, log = Wire(1, A, 40_000, NOW), Log(7, A, 40_000, whole=False)
    events = [wire.opened, log.connected(NOW), wire.greeting(NOW + 0.1), *wire.hello(NOW + 0.2, "a")]
    events += [wire.tls(NOW + 0.3, "TLSv1.1"), wire.closed(NOW + 1)]
    late = NOW + 1 + gap
    events += [log.received(late, "A1"), log.received(late, "A2"), log.gone(late, mail=2)]
    tls = fold(events)
    peer = tls.peers.get(("inbound", A))
    assert peer is not None and (peer.sessions, peer.messages, peer.below) == (1, 2, [0, 0, 2, 2])
    assert tls.losses.of("inbound", TLS12) == Loss(1, 2, (peer,), False)
    assert tls.losses.of("inbound", OLD) == Loss(0, 0, (), False)
    assert modes(tls) == {("inbound", "STARTTLS", "TLSv1.1"): 1}


def test_the_log_tells_of_a_handshake_that_failed_in_the_dark() -> None:
    wire, log = Wire(1, A, 40_000, NOW), Log(7, A, 40_000, whole=False)
    events = [wire.opened, log.connected(NOW), wire.greeting(NOW + 0.1), *wire.hello(NOW + 0.2, "a")]
    trouble = ev.TlsTroubled(
        NOW + 0.4, "log", "mx", "postfix/smtpd", 7, "SSL_accept error", A, 40_000, "", "alert unknown ca"
    )
    events += [wire.tls(NOW + 0.3), trouble, log.gone(NOW + 1), wire.closed(NOW + 1)]
    tls = fold(events)
    assert [(each.reason, each.logged, each.peer) for each in tls.failures] == [("alert unknown ca", True, A)]
    peer = tls.peers.get(("inbound", A))
    assert peer is not None and (peer.failed, peer.why, peer.sessions) == (1, "alert unknown ca", 1)


def relayed(time: float, version: str = "TLSv1.2", relay: str = "mx.example.org[198.51.100.9]:25") -> ev.Event:
    head = (time, "log", "mx", "postfix/smtp", 9, "established", "", 0, "")
    return ev.TlsEstablished(*head, version, "ECDHE-RSA-AES256-GCM-SHA384", 256, "untrusted", "", relay)


def delivered(time: float, queue_id: str, recipient: str = "b@example.org") -> ev.Event:
    head = (time, "log", "mx", "postfix/smtp", 9, "sent")
    return ev.Delivery(*head, queue_id, recipient, "sent", relay_address="198.51.100.9", relay_port=25)


def test_our_own_handshakes_come_from_the_log_where_there_are_no_packets() -> None:
    trouble = ev.TlsTroubled(
        NOW + 1, "log", "mx", "postfix/smtp", 9, "t", "", 0, "", "lost connection", "mx[192.0.2.9]:25"
    )
    smtps = relayed(NOW + 2, "TLSv1.3", "smtps.example.org[2001:db8::1]:465")
    tls = fold([relayed(NOW), trouble, smtps])
    assert modes(tls) == {
        ("outbound", "STARTTLS", "TLSv1.2"): 1,
        ("outbound", "failed", ""): 1,
        ("outbound", "implicit", "TLSv1.3"): 1,
    }
    assert [peer.source for peer in tls.peers] == ["198.51.100.9", "192.0.2.9", "2001:db8::1"]
    beside = fold([status(at=NOW), relayed(NOW), trouble])
    assert (modes(beside), beside.left_out) == ({}, 2)


def test_deliveries_go_with_the_session_that_took_them_there() -> None:
    made = outbound(1, "198.51.100.9", "\nSTARTTLS").tls("TLSv1.2").closed()
    events = [*made.events, delivered(NOW + 0.6, "A1"), delivered(NOW + 0.6, "A1", "c@example.org")]
    events += [delivered(NOW + 0.7, "A2"), delivered(NOW + 600, "A3")]
    tls = fold(events)
    peer = tls.peers.get(("outbound", "198.51.100.9"))
    assert peer is not None and (peer.sessions, peer.messages, peer.below) == (1, 2, [0, 0, 0, 2])


def test_starttls_that_was_there_and_is_gone() -> None:
    server = "198.51.100.9"
    kept = outbound(1, server, "\nSIZE\nSTARTTLS").tls().closed().events
    gone = outbound(2, server, "\nSIZE", NOW + 100).closed().events
    back = outbound(3, server, "\nSTARTTLS", NOW + 200).closed().events
    (lacking,) = fold([*kept, *gone]).servers.lacking()
    assert (lacking.lack, lacking.said, lacking.times) == ("stripped", "it offered it before", 1)
    assert lacking.offered == kept[-1].time and lacking.last == gone[-1].time
    assert list(fold([*kept, *gone, *back]).servers.lacking()) == []


@pytest.mark.parametrize(
    ("extensions", "lack"),
    [
        ("\nSIZE", "not offered"),
        ("\nXXXXXXXA\nSIZE", "stripped"),
        ("\nXXXX", "stripped"),
        ("\nXCLIENT NAME\nXFORWARD\nXXXX-OURS", "not offered"),
        ("\nSIZE 10…", None),
        ("\nSTARTTLS", None),
    ],
)
def test_what_the_reply_to_ehlo_tells(extensions: str, lack: str | None) -> None:
    tls = fold(outbound(1, "198.51.100.9", extensions).closed().events)
    assert [server.lack for server in tls.servers.lacking()] == ([] if lack is None else [lack])


def test_our_own_refusal_of_starttls_is_a_failure() -> None:
    made = dialogue().says("STARTTLS").answer("STARTTLS", 454, "4.7.0 TLS not available").closed()
    (failure,) = fold(made.events).failures
    assert (failure.reason, failure.peer) == ("STARTTLS refused: 454 4.7.0 TLS not available", A)


def test_what_requiring_more_would_cost() -> None:
    events = [*mail(dialogue(1, A), 3).closed().events, *mail(dialogue(2, B), 1).closed().events]
    events += dialogue(3, A).tls("TLSv1.2", "secp256r1").closed().events
    tls = fold(events)
    a, b = tls.peers.get(("inbound", A)), tls.peers.get(("inbound", B))
    assert a is not None and b is not None
    for need in (OLD, TLS12, TLS13):
        assert tls.losses.of("inbound", need) == Loss(2, 4, (a, b), False)
        assert tls.losses.of("outbound", need) == Loss(0, 0, (), False)
    assert (a.weakest, a.best, a.sessions, a.messages) == ("none", "TLSv1.2", 2, 3)


@pytest.mark.parametrize("source", ["127.0.0.1", "127.0.1.1", "::1"])
def test_nothing_is_wrong_over_loopback(source: str) -> None:
    made = dialogue(1, source, 587, "submission").auth("success")
    tls = fold(mail(made, 2).closed().events)
    assert modes(tls) == {("submission", "none", ""): 1}
    assert (tls.logins, tls.losses.of("submission", OLD)) == ({}, Loss(0, 0, (), False))
    (peer,) = tls.peers
    assert (peer.messages, peer.auth, peer.rank) == (2, 0, FINE)


def clear(tls: Tls, number: int, messages: int) -> None:
    """A session in clear of peer `number`."""
    peer, gone = tls.peers.take("inbound", f"peer {number}", NOW + number)
    if gone is not None:
        tls.losses.forget(gone)
    peer.secured(Secured("none", level=0))
    tls.losses.carried(peer, 0, messages)
    tls.peers.put(peer)


def test_a_flood_of_strangers_leaves_peers_of_weight() -> None:
    tls = Tls()
    clear(tls, 0, HEAVY)
    for number in range(1, PEERS + 101):
        clear(tls, number, 1)
    heavy = tls.peers.get(("inbound", "peer 0"))
    assert heavy is not None and heavy.messages == HEAVY
    assert (len(tls.peers), tls.peers.forgotten) == (PEERS + 1, 100)
    loss = tls.losses.of("inbound", OLD)
    assert (loss.peers, loss.messages, loss.at_least) == (PEERS + 1, HEAVY + PEERS + 100, True)
    assert loss.top[0] is heavy
    assert sorted(map(id, tls.peers.in_order())) == sorted(map(id, tls.peers))
    clear(tls, 0, 1)
    assert (heavy.messages, len(tls.peers)) == (HEAVY + 1, PEERS)


def test_a_peer_stays_in_its_place_while_its_rank_does() -> None:
    tls = Tls()
    for number in (1, 2, 3, 1):
        clear(tls, number, 1)
    assert [peer.source for peer in tls.peers.in_order()] == ["peer 3", "peer 2", "peer 1"]
    assert list(tls.peers.in_reverse()) == [*tls.peers.in_order()][::-1]
    peer, _ = tls.peers.take("inbound", "peer 1", NOW)
    peer.logged_in(1)
    tls.peers.put(peer)
    assert [peer.source for peer in tls.peers.in_order()] == ["peer 1", "peer 3", "peer 2"]


def test_peers_of_weight_are_bounded_too() -> None:
    tls = Tls()
    for number in range(PEERS + HEAVY_PEERS + 50):
        clear(tls, number, HEAVY)
    assert (len(tls.peers), tls.peers.forgotten) == (PEERS + HEAVY_PEERS, 50)
    assert tls.losses.of("inbound", OLD).peers == PEERS + HEAVY_PEERS


def test_shares_of_late_are_those_of_an_hour_at_most() -> None:
    shares = Shares()
    how = Secured("none", level=0)
    kind = Kind("inbound", "none", "", "", "")
    for minute in range(120):
        shares.add("inbound", how, NOW + BUCKET * minute)
    now = NOW + BUCKET * 119
    assert shares.total == {kind: 120}
    assert [shares.recent(now, window) for window in (600.0, 3_600.0, 7_200.0)] == [{kind: 11}, {kind: 61}, {kind: 61}]
    shares.add("inbound", how, NOW)  # long ago
    assert (shares.total, shares.recent(now, 1e9)) == ({kind: 121}, {kind: BUCKETS})
    assert shares.recent(now + 10 * 3_600, 600.0) == {}


def test_names_that_a_scanner_makes_up_are_bounded() -> None:
    shares = Shares()
    for number in range(2 * COMBINATIONS):
        shares.add("inbound", Secured("STARTTLS", "TLSv1.2", f"0x{number:04X}"), NOW)
    assert len(shares.total) == COMBINATIONS + 1
    assert shares.total[Kind("inbound", "STARTTLS", OTHER, OTHER, OTHER)] == COMBINATIONS


def test_the_latest_certificate_of_each_place() -> None:
    tls = fold([certificate(days=1), certificate(days=80), *(certificate(port=port) for port in range(100, 120))])
    assert len(tls.certificates) == PLACES
    tls = fold([certificate(days=1), certificate(port=465), certificate(days=80)])
    assert tls.certificates == {(SERVER, 465): certificate(port=465), (SERVER, 25): certificate(days=80)}
