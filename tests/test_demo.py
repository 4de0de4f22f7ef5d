"""What is bundled for `smtpwatch --demo`: whole, small, of nobody's real hosts, with every act of its cast; and played
twice it tells twice as much."""

import functools
import gzip
import re
from collections import Counter
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec
import pytest

import smtpwatch
from smtpwatch import bundled
from smtpwatch import events as ev
from smtpwatch.config import Config
from smtpwatch.feed import from_files
from smtpwatch.replay import Recording, shifted
from smtpwatch.state.picture import Picture
from smtpwatch.state.session import Session
from smtpwatch.state.sessions import Sessions
from tests.hosts import demo_cast as cast
from tests.hosts import demo_hosts

DIRECTORY = Path(smtpwatch.__file__).parent / "demo"
MOST = 3_000_000  # octets in the repository
NOW = 1_800_000_000.0
FILES = (bundled.CAPTURE, bundled.MAIL_LOG, bundled.DOVECOT_LOG, bundled.SENSORS)
_NETWORKS = tuple(map(ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")))
_ADDRESS4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]\d)")
_ADDRESS6 = re.compile(r"(?<![\w:])(?:[0-9a-f]{1,4}:){2,7}[0-9a-f:]+", re.ASCII)
_MAIL = re.compile(r"@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)")

Kind = TypeVar("Kind", bound=ev.Event)


@functools.cache
def _recording() -> Recording:
    recording = Recording(bundled.recorded())
    while not recording.whole:
        recording.read()
    return recording


def _of(kind: type[Kind]) -> list[Kind]:
    return [event for event in _recording().events if type(event) is kind]


class Folded(NamedTuple):
    """What became of some rounds: all sessions, ended ones first, and the state that they are in."""

    sessions: list[Session]
    state: Sessions
    picture: Picture


@functools.cache
def _folded(rounds: int) -> Folded:
    recording, ended, picture = _recording(), list[Session](), Picture()
    state = Sessions(ended.append)
    for turn in range(rounds):
        into = recording.round(turn, NOW)
        for event, naming in zip(recording.events, recording.naming, strict=True):
            later = shifted(event, into, naming)
            state.apply(later)
            picture.apply([later])
    state.finish()
    return Folded([*ended, *state.live.values()], state, picture)


# ---- whole, small, and nobody's


def test_it_is_small() -> None:
    assert sum(path.stat().st_size for path in DIRECTORY.iterdir() if path.is_file()) < MOST


def test_it_is_read_without_damage() -> None:
    """As the events of this version: where a field changes its meaning, it is recorded anew."""
    recording = _recording()
    assert {event.sensor for event in recording.events} == {"wire", "log", "host"}
    assert {event.host for event in recording.events} == {bundled.HOST} == {demo_hosts.NAME}
    assert set(bundled.LOCAL) == set(demo_hosts.OWN)
    for line in gzip.decompress((DIRECTORY / bundled.SENSORS).read_bytes()).splitlines():
        event = msgspec.json.decode(line, type=ev.QueueSample | ev.SensorStatus)
        assert msgspec.json.encode(event) == line, "every field of today's events is in it"


def test_every_line_was_understood_and_every_packet_read() -> None:
    statuses: dict[str, ev.SensorStatus] = {}
    for batch in from_files([DIRECTORY / name for name in FILES[:3]], Config(), bundled.HOST):
        statuses |= {event.sensor: event for event in batch if isinstance(event, ev.SensorStatus)}
    assert {name: (each.state, each.unparsed) for name, each in statuses.items()} == {
        "wire": ("running", {}), "log": ("running", {}),
    }  # fmt: skip
    last = {event.sensor: event for event in _of(ev.SensorStatus)}
    assert last["wire"].received == statuses["wire"].received
    assert last["log"].received == statuses["log"].received


def test_only_documentation_addresses_and_example_names() -> None:
    text = "\n".join(
        gzip.decompress((DIRECTORY / name).read_bytes()).decode() for name in FILES if name != bundled.CAPTURE
    )
    decoded = msgspec.json.encode(_recording().events).decode()
    addresses = {*_ADDRESS4.findall(text), *_ADDRESS4.findall(decoded)}
    addresses |= {found for found in _ADDRESS6.findall(text + decoded) if found.count(":") > 2 or "::" in found}
    assert len(addresses) > 60
    for address in addresses:
        parsed = ip_address(address.rstrip(":"))
        assert any(parsed in network for network in _NETWORKS if network.version == parsed.version), address
    for domain in {*_MAIL.findall(text), *_MAIL.findall(decoded)}:
        assert re.fullmatch(r"(?:.*\.)?(?:example|example\.(?:com|net|org))", domain), domain
    assert "/tmp" not in text + decoded and "/work" not in text + decoded


# ---- the acts


def test_it_is_interesting_from_the_first_seconds_on() -> None:
    first = _recording().events[0].time
    early = [event for event in _recording().events if event.time < first + 5]
    assert any(isinstance(event, ev.MessageReceived) for event in early)
    assert any(isinstance(event, ev.Delivery) and event.status == "sent" for event in early)
    assert any(isinstance(event, ev.Refused) and event.source in cast.BOTNET for event in early)
    assert any(isinstance(event, ev.LoginTried) and event.outcome == "failure" for event in early)
    running = {event.sensor for event in early if isinstance(event, ev.SensorStatus) and event.watching == ("demo",)}
    assert running == {"wire", "log", "host"}
    assert 90 < _recording().events[-1].time - first < 130


def test_sources() -> None:
    sources = {event.source for event in _of(ev.SessionOpened) if event.direction != "outbound"}
    assert set(cast.SOURCES) <= sources
    for network in _NETWORKS:
        inside = [each for each in map(ip_address, sources) if each.version == network.version and each in network]
        assert len(inside) >= 12
    assert len(sources) >= 60
    assert sources.isdisjoint(demo_hosts.OWN)


def test_brute_force() -> None:
    tries = [event for event in _of(ev.LoginTried) if event.program != "dovecot" and event.outcome == "failure"]
    failed = Counter(event.source for event in tries)
    assert set(failed) == {*cast.GUESSERS, *cast.SECRET_GUESSERS}
    assert min(failed.values()) >= 40
    assert len({event.account for event in _of(ev.LoginTried) if event.outcome == "failure"}) >= 10
    for session in _folded(1).sessions:
        if session.source in cast.SECRET_GUESSERS:
            assert session.tls is not None and session.tls.version == "TLSv1.3"


def test_the_burst() -> None:
    reasons = Counter(event.reason for event in _of(ev.Refused) if event.source in cast.BOTNET)
    assert min(reasons[reason] for reason in ("unknown user", "relay denied", "blocklist", "sender")) >= 20
    assert min(reasons["content"], reasons["rate"]) >= 5
    assert {event.source for event in _of(ev.Refused) if event.reason == "blocklist"} <= set(cast.LISTED)
    helos = Counter(session.helo for session in _folded(1).sessions if session.source in cast.BOTNET)
    assert helos["ylmf-pc"] > 500 and set(helos) <= {"ylmf-pc", None}
    opened = Counter(int(event.time - NOW) // 10 for event in _of(ev.SessionOpened) if event.source in cast.BOTNET)
    assert max(opened.values()) > 100 > 5 * min(opened.values()), "it comes and goes"


def test_relay_probes() -> None:
    refused = [event for event in _of(ev.Refused) if event.source in cast.PROBERS]
    assert {event.source for event in refused} == set(cast.PROBERS)
    assert sum(event.reason == "relay denied" for event in refused) >= 10
    assert "probe@example.com" not in {event.recipient for event in _of(ev.Delivery)}, "we are no open relay"


def test_a_compromised_account() -> None:
    logins = {event.source for event in _of(ev.LoginTried) if event.outcome == "success" and event.account == "bob"}
    thieves = logins & set(cast.THIEVES)
    assert len(thieves) >= 25
    assert {network for network in _NETWORKS for each in thieves if ip_address(each) in network} == set(_NETWORKS)
    outcomes = _folded(1).state.logs.messages.by_account
    assert outcomes["bob"]["sent"] > 100 and outcomes["bob"]["deferred"] > 100 and outcomes["bob"]["bounced"] > 20
    others = sum(counts["sent"] for account, counts in outcomes.items() if account != "bob")
    assert outcomes["bob"]["sent"] > others > 20


def test_deliveries() -> None:
    told = Counter((event.recipient.partition("@")[2], event.status) for event in _of(ev.Delivery))
    for domain in ("bigmail.example", "freemail.example", "badtls.example", "silent.example", "dead.example"):
        assert told[domain, "deferred"] >= 5, domain
    for domain in ("bigmail.example", "freemail.example", "example.org", "example.com", "oldmail.example"):
        assert told[domain, "sent"] >= 5, domain
    for domain in ("business.example", "filtered.example"):
        assert told[domain, "bounced"] >= 5, domain
    assert told["example.net", "sent"] >= 100
    assert len(_of(ev.NoticeSent)) >= 10
    assert any("Greylisted" in event.reply for event in _of(ev.Delivery))


def test_weak_tls() -> None:
    versions = {event.source: event.version for event in _of(ev.TlsNegotiated)}
    assert [versions[source] for source in cast.WEAK] == ["TLSv1.0", "TLSv1.1"]
    failed = {event.source: event for event in _of(ev.TlsFailed)}
    assert failed[cast.UNTRUSTING].alert == "unknown_ca"
    assert failed[cast.OUTDATED].reason.startswith("no common version")
    assert failed[cast.NO_CIPHER].reason.startswith("no common cipher")
    outbound = {each.server: each for each in _folded(1).sessions if each.direction == "outbound" and each.smtp}
    assert outbound["203.0.113.202"].tls is None, "STARTTLS was not offered"
    stripped = [line for line in outbound["203.0.113.204"].transcript if "XXXXXXXA" in str(line)]
    assert stripped and outbound["203.0.113.204"].tls is None
    old = outbound["198.51.100.205"].tls
    assert old is not None and old.version == "TLSv1.0"
    assert any(event.implicit for event in _of(ev.TlsNegotiated)), "465"


def test_a_password_in_clear() -> None:
    told = {event.source for event in _of(ev.AuthAttempted) if event.outcome == "success" and not event.encrypted}
    assert told == {cast.PLAIN_LOGIN}


def test_odd_and_slow_clients() -> None:
    assert {"early talker", "pipelining"} <= {event.kind for event in _of(ev.Oddity)} | {
        event.kind for event in _of(ev.ClientOddity)
    }
    assert {"lost connection", "timeout"} <= {event.reason for event in _of(ev.ClientLost)}
    assert max(session.end - session.start for session in _folded(1).sessions) > 60
    named = _of(ev.SourceNamed)
    assert {event.source for event in named} <= set(cast.PROXIED)
    assert len(named) > 5 and {event.via for event in named} == {demo_hosts.BALANCER}


def test_the_queue_grows_and_shrinks() -> None:
    depths = [sum(sample.counts.values()) for sample in _of(ev.QueueSample)]
    assert len(depths) >= 15
    assert (depths[0], depths[-1]) == (0, 0)
    assert max(depths) >= 30
    assert depths[len(depths) // 4] < depths[len(depths) // 2] < max(depths)
    busiest = max(_of(ev.QueueSample), key=lambda sample: sum(sample.counts.values()))
    assert busiest.waiting["bigmail.example"] > 5 and busiest.octets > 10_000 and busiest.instance == ""


def test_our_certificate() -> None:
    (seen,) = {(event.server, event.names) for event in _of(ev.CertificateSeen)}
    assert seen == (demo_hosts.MX, (demo_hosts.NAME, "mail.example.net"))


# ---- wire and log, round after round


@pytest.mark.parametrize("rounds", [1, 2])
def test_wire_and_log_are_joined(rounds: int) -> None:
    """The log names ports here, so that the truth is known: each visit is of its own session, and each session has
    one."""
    sessions = [each for each in _folded(rounds).sessions if each.smtp and each.direction != "outbound"]
    length = _recording().events[-1].time - _recording().events[0].time
    served = 0
    for session in sessions:
        assert session.sensor == "wire"
        (visit,) = (each for each in session.visits if each.connected)
        served += 1
        assert visit.source == session.source
        assert visit.client_port == (session.named_port or session.client_port)
        assert session.start - 1 < visit.start and visit.latest < session.end + 12 < session.start + length + 20
        # Lines of cleanup(8) name the client with its port, those of Dovecot its address only: of these, the users are
        # the truth, since Postfix names them too.
        tried = Counter(login.account for login in visit.logins)
        for other in session.visits:
            assert other.source == session.source
            assert other.client_port in (0, visit.client_port)
            assert other.program != "dovecot" or Counter(login.account for login in other.logins) <= tried
    assert served == rounds * len(_of(ev.ClientConnected))


def test_a_second_round_is_as_much_again() -> None:
    once, twice = _folded(1), _folded(2)
    assert {name: 2 * count for name, count in once.picture.totals.items()} == twice.picture.totals
    assert len(twice.sessions) == 2 * len(once.sessions)
    for kind in ("by_source", "by_account"):
        before, after = getattr(once.state.logs.messages, kind), getattr(twice.state.logs.messages, kind)
        assert {name: {each: 2 * n for each, n in counts.items()} for name, counts in before.items()} == after
    messages = twice.state.logs.messages.held.values()
    assert len(messages) == 2 * len(once.state.logs.messages.held)
    half = NOW + _recording().events[-1].time - _recording().events[0].time + 1
    for message in messages:
        assert all((line.time < half) is (message.start < half) for line in message.lines)
        for child in message.children:
            assert (child.start < half) is (message.start < half)
        if message.visit is not None:
            assert (message.visit.start < half) is (message.start < half)


def test_what_waited_is_done_with_in_the_end() -> None:
    """But for what was never whole, which no line says the end of."""
    left = [each for each in _folded(1).state.logs.messages.held.values() if each.end is None]
    assert {message.source for message in left} <= {"192.0.2.240"}
    assert not _folded(1).state.live
