"""Sample traffic of each rule: what it has to find, and what is nearly that and must be let pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from smtpwatch import events as ev
from tests.state.doings import flat
from tests.triage.told import (
    DAY,
    HOST,
    NOW,
    OURS,
    THEIRS,
    Events,
    all_of,
    delivery,
    failed_login,
    login,
    opened,
    queued,
    refused_recipient,
    session,
)

A, B = "203.0.113.7", "198.51.100.9"


class Sample(NamedTuple):
    """`says` are words that the alert must have; `whom` is its subject's kind and name."""

    rule: str
    what: str
    found: Callable[[], Events]
    whom: tuple[str, str]
    says: tuple[str, ...]
    passed: Callable[[], Events]


def _accepted(recipient: str, auth: bool = False, source: str = A) -> Events:
    wire = session(source, NOW)
    login_ = [wire.auth(NOW + 0.05, "success")] if auth else []
    return flat(opened(wire), login_, wire.taken(NOW + 0.1, f"a@{THEIRS}", recipient), wire.closed(NOW + 1))


def _left(account: str = "", recipient: str = f"x@{THEIRS}", original: str = "") -> Events:
    """A message that the log tells of, from its client to its next hop."""
    head = (NOW, "log", HOST, "postfix/smtpd", 7, "client=")
    client = (A, 40_000, "")
    return [
        ev.ClientConnected(*head, *client),
        ev.MessageReceived(*head, *client, "Q1", "smtp", account=account),
        queued("Q1", NOW + 1, 1, f"a@{THEIRS}"),
        delivery("Q1", NOW + 2, recipient, original=original),
        ev.ClientDisconnected(NOW + 3, *head[1:], *client),
    ]


def _relay_tries(n: int) -> Events:
    return all_of(refused_recipient(A, NOW + 5 * k, f"x{k}@{THEIRS}", "Relay access denied", 554) for k in range(n))


def _unknown(n: int, different: bool = True) -> Events:
    return all_of(
        refused_recipient(A, NOW + 5 * k, f"x{k if different else 0}@{OURS}", "User unknown") for k in range(n)
    )


def _failures(n: int, apart: float, sources: int = 1, account: str = "bob") -> Events:
    return all_of(failed_login(f"203.0.{113 + k % sources}.7", NOW + apart * k, account) for k in range(n))


def _network(n: int) -> Events:
    """Two failures of each source."""
    return all_of(failed_login(f"203.0.113.{k // 2}", NOW + 10 * k, f"user{k}") for k in range(n))


def _guessed(failures: int, account: str = "bob") -> Events:
    """One source fails, and gets in."""
    tries = all_of(failed_login(A, NOW + 10 * k, account) for k in range(failures))
    return flat(tries, login(A, NOW + 10 * failures, "bob"))


def _travels(places: int, days: float = 0.5) -> Events:
    return all_of(login(f"203.{k}.113.7", NOW + k * days * DAY / places, "bob") for k in range(places))


def _abroad(countries: int) -> Events:
    return all_of(login(f"{100 + k}.0.113.7", NOW + 600 * k, "bob") for k in range(countries))


def _sends(recipients: int) -> Events:
    """One account, a hundred recipients a message."""
    sent = []
    for k in range(recipients // 100):
        time = NOW + 20 * k
        sent += [*login(A, time, "bob", f"Q{k}"), queued(f"Q{k}", time + 2, 100)]
    return sent


def _process() -> Events:
    since, command = NOW - 60, ("perl", "/tmp/.x/bot.pl")
    return [
        ev.ProcessSeen(
            NOW, "host", HOST, "192.0.2.25", 40_001, "198.51.100.80", 25, 4_711, 33, "www-data", "perl",
            "/usr/bin/perl", "/tmp/.x", command, 812, "php-fpm8.2", since, "",
        )
    ]  # fmt: skip


def _outbound_session() -> Events:
    wire = session("192.0.2.25", NOW)
    return flat(opened(wire), wire.closed(NOW + 1))


def _usual(minutes: int, per_minute: int) -> Events:
    """Refusals of many, all the time."""
    every = 60 / per_minute
    return all_of(
        refused_recipient(
            f"10.{k % 200}.{k % 7}.9", NOW + k * every, f"x@{OURS}", "User unknown", helo=f"h{k % 40}.example"
        )
        for k in range(minutes * per_minute)
    )


def _burst(minutes: int, per_second: float, seconds: int = 70) -> Events:
    planted = all_of(
        refused_recipient(
            A, NOW + 60 * minutes + k / per_second, f"y{k % 5}@{OURS}", "Rejected by policy", helo="ylmf-pc"
        )
        for k in range(int(per_second * seconds))
    )
    return flat(_usual(minutes + 2, 12), planted)


def _band(sources: int, helo: str = "ylmf-pc", networks: int = 100) -> Events:
    return all_of(
        refused_recipient(f"10.{k % networks}.0.{k + 1}", NOW + 3 * k, f"info@{OURS}", "Rejected", 554, helo)
        for k in range(sources)
    )


def _many_refused(n: int, before: int) -> Events:
    """So many in the half day before, and so many now."""
    usual = [(NOW - 43_200 + k * 43_200 / max(before, 1), f"10.9.0.{k % 200}") for k in range(before)]
    now = [(NOW + k, f"10.{k % 90}.1.9") for k in range(n)]
    return all_of(
        refused_recipient(source, time, f"x{k % 3}@{OURS}", "Blocked by policy")
        for k, (time, source) in enumerate(usual + now)
    )


def _steadily(n: int) -> Events:
    """One every five seconds."""
    return all_of(
        refused_recipient(f"10.{k % 90}.1.9", NOW + 5 * k, f"x{k % 3}@{OURS}", "Blocked by policy") for k in range(n)
    )


def _hogs(n: int, seconds: float) -> Events:
    waiting = [session(A, NOW + k) for k in range(n)]
    other = [session(B, NOW + seconds + n)]
    return flat(*(opened(wire) for wire in waiting), *(opened(wire) for wire in other))


def _odd(kind: str, n: int, detail: str = "x") -> Events:
    told = []
    for k in range(n):
        wire = session(A, NOW + 5 * k)
        told += flat(opened(wire), wire.of(ev.Oddity, NOW + 5 * k + 0.5, kind, detail), wire.closed(NOW + 5 * k + 1))
    return told


def _to_server(reply: str, number: int, time: float) -> Events:
    head = (time, "wire", HOST, 900_000 + number, "192.0.2.25")
    opening = ev.SessionOpened(*head, time, 40_000 + number, "198.51.100.25", 25, "outbound")
    return [
        opening,
        ev.Greeting(*head, 220, "mx ESMTP"),
        ev.Command(*head, "EHLO", "mx.ours.example"),
        ev.Reply(*head, "EHLO", 250, None, reply),
        ev.SessionClosed(time + 1, *head[1:], time + 1, "quit", 100, 100, None, True),
    ]


def _offers(then: str) -> Events:
    return flat(_to_server("mx\nSTARTTLS", 1, NOW), _to_server(then, 2, NOW + 100))


def _clear(outcome: str, code: int) -> Events:
    wire = session(A, NOW, port=587)
    reply = wire.of(ev.Reply, NOW + 0.4, "AUTH", code, None, "said")
    return flat(opened(wire), reply, wire.auth(NOW + 0.5, outcome), wire.closed(NOW + 1))


def _handshakes(n: int, sources: int) -> Events:
    told = []
    for k in range(n):
        time = NOW + 2 * k
        wire = session(f"203.0.113.{k % sources}", time)
        failed = wire.of(ev.TlsFailed, time + 0.5, "client", "protocol_version", "no common version")
        told += flat(opened(wire), failed, wire.closed(time + 1))
    return told


def _versions(old: int, new: int) -> Events:
    told = []
    for k in range(old + new):
        time = NOW + k
        wire = session(f"203.0.113.{k % 200}", time)
        told += flat(opened(wire), wire.tls(time + 0.3, "TLSv1.0" if k < old else "TLSv1.3"), wire.closed(time + 0.5))
    return told


def _certificate(days: float) -> Events:
    return [
        ev.CertificateSeen(
            NOW, "host", HOST, "192.0.2.25", 25, ("mx.ours.example",), "mx.ours.example", "CA", NOW - 80 * DAY,
            NOW + days * DAY, "EC P-256", False, "asked", "ab" * 32,
        )
    ]  # fmt: skip


def _turned_away(reply: str, n: int, sent: int = 0) -> Events:
    told: Events = []
    for k in range(n):
        told += login(A, NOW + 3 * k, "bob", f"R{k}")
        told.append(
            delivery(f"R{k}", NOW + 3 * k + 2, f"x{k}@{THEIRS}", "bounced", reply=reply, code=550, enhanced="5.7.1")
        )
    told += [delivery(f"S{k}", NOW + k, f"x@{THEIRS}") for k in range(sent)]
    return told


_SAID = f"host mx.{THEIRS}[198.51.100.25] said: "
_LISTED = (
    f"{_SAID}554 5.7.1 Service unavailable; Client host [192.0.2.25] blocked using zen.spamhaus.org"
    " (in reply to RCPT TO command)"
)
_SPAM = f"{_SAID}550 5.7.1 Message rejected as spam by content filter (in reply to end of DATA command)"
_UNKNOWN = f"{_SAID}550 5.1.1 No such user here (in reply to RCPT TO command)"


def _queue(*totals: int, oldest: float = 60.0) -> Events:
    return [
        ev.QueueSample(NOW + 60 * k, "host", HOST, "postfix", "", {"deferred": n}, {"deferred": oldest}, {THEIRS: n},
                       n * 900, True, "")
        for k, n in enumerate(totals)
    ]  # fmt: skip


def _bounces(n: int, messages: int, account: str = "") -> Events:
    told: Events = []
    for k in range(messages):
        head = (NOW + 2 * k, "log", HOST, "postfix/smtpd", 7, "client=")
        told.append(ev.MessageReceived(*head, A, 0, "", f"M{k}", "smtp", account=account))
        if k < n:
            told.append(
                ev.NoticeSent(NOW + 2 * k + 1, "log", HOST, "postfix/bounce", 8, "n", f"M{k}", "bounce", f"N{k}")
            )
    return told


def _status(time: float, sensor: str, state: str = "running", received: int = 0, **more: object) -> ev.Event:
    facts = {"dropped": 0, "shed": 0, "unparsed": {}, "watching": ("/var/log/mail.log",), **more}
    return ev.SensorStatus(time, sensor, HOST, state, "why", received, **facts)  # type: ignore[arg-type]


def _silence(sessions: int, lines: bool) -> Events:
    told: Events = [_status(NOW + k, "log", received=5 + k * lines) for k in range(200)]
    for k in range(sessions):
        wire = session(A, NOW + 100 + 10 * k)
        told += flat(opened(wire), wire.closed(NOW + 101 + 10 * k))
    return told


def _lossy(dropped: int) -> Events:
    return [_status(NOW + k, "wire", received=10_000 * k, dropped=dropped * k // 10) for k in range(11)]


SAMPLES = (
    Sample("open-relay", "a stranger's recipient elsewhere is accepted", lambda: _accepted(f"x@{THEIRS}"),
           ("source", A), ("open relay", A, f"x@{THEIRS}", "was accepted"), lambda: _accepted(f"x@{OURS}")),
    Sample("open-relay", "one who has logged in may", lambda: _accepted(f"x@{THEIRS}"),
           ("source", A), ("neither trusted nor logged in",), lambda: _accepted(f"x@{THEIRS}", auth=True)),
    Sample("open-relay", "a stranger's mail has left", _left, ("source", A), ("has left",), lambda: _left("bob")),
    Sample("open-relay", "an alias of ours leads elsewhere", _left, ("source", A), ("has left",),
           lambda: _left(original=f"alice@{OURS}")),
    Sample("relay-tries", "tries that are denied", lambda: _relay_tries(5), ("source", A), ("5 relay tries",),
           lambda: _relay_tries(4)),
    Sample("brute-force", "ten failures of one source", lambda: _failures(10, 30, account=""),
           ("source", "203.0.113.7"), ("10 failed logins within 10 min", "none succeeded"),
           lambda: _failures(9, 30, account="")),
    Sample("brute-force", "the same, but slower", lambda: _failures(10, 30, account=""), ("source", "203.0.113.7"),
           ("10 failed logins",), lambda: _failures(19, 100, account="")),
    Sample("brute-force", "a network, few of each source", lambda: _network(10), ("network", "203.0.113.0/24"),
           ("10 failed logins", "5 sources"), lambda: _network(9)),
    Sample("brute-force", "an account, slowly", lambda: _failures(20, 4_000), ("account", "bob"),
           ("20 failed logins within a day",), lambda: _failures(19, 4_000)),
    Sample("brute-force", "an account, from five sources", lambda: _failures(10, 4_000, 5), ("account", "bob"),
           ("from 5 sources",), lambda: _failures(10, 4_000, 4)),
    Sample("takeover", "who had failed gets in", lambda: _guessed(10), ("account", "bob"),
           ("logged in after 10 failed logins", "change its password"), lambda: _guessed(9)),
    Sample("takeover", "the same, though no account was logged", lambda: _guessed(10, ""), ("account", "bob"),
           ("logged in after 10 failed logins",), lambda: _guessed(9, "")),
    Sample("takeover", "from five networks", lambda: _travels(5), ("account", "bob"), ("from 5 networks",),
           lambda: _travels(4)),
    Sample("takeover", "from five networks, but over a week", lambda: _travels(5), ("account", "bob"),
           ("from 5 networks",), lambda: _travels(5, days=7)),
    Sample("takeover", "from three countries", lambda: _abroad(3), ("account", "bob"), ("in 3 countries",),
           lambda: _abroad(2)),
    Sample("outbound-burst", "an account sends to five hundred", lambda: _sends(500), ("account", "bob"),
           ("500 recipients within an hour",), lambda: _sends(400)),
    Sample("bypass", "a process that is not the mail server's", _process, ("process", "/usr/bin/perl of www-data"),
           ("perl (pid 4711, user www-data)", "/tmp/.x/bot.pl", "php-fpm8.2"), _outbound_session),
    Sample("rise", "one source makes refusals rise", lambda: _burst(20, 4), ("host", "refusals"),
           ("times the hour before", f"address {A} "), lambda: _burst(20, 0.7)),
    Sample("campaign", "five sources, called alike", lambda: _band(5), ("campaign", "HELO ylmf-pc"),
           ("5 sources in 5 networks move together",), lambda: _band(4)),
    Sample("campaign", "who give their address for a name", lambda: _band(6), ("campaign", "HELO ylmf-pc"),
           ("6 sources",), lambda: _band(6, "[10.0.0.1]")),
    Sample("campaign", "of one network", lambda: _band(6), ("campaign", "HELO ylmf-pc"), ("6 sources",),
           lambda: _band(6, networks=2)),
    Sample("harvest", "ten that do not exist", lambda: _unknown(10), ("source", A), ("10 recipients", "looks for"),
           lambda: _unknown(9)),
    Sample("harvest", "one old address, again and again", lambda: _unknown(10), ("source", A), ("10 recipients",),
           lambda: _unknown(30, different=False)),
    Sample("domain-refused", "mail for one domain", lambda: _many_refused(50, 0), ("domain", f"to {OURS}"),
           ("50 refusals",), lambda: _many_refused(49, 0)),
    Sample("domain-refused", "steadily, since we look", lambda: _many_refused(50, 0), ("domain", f"to {OURS}"),
           ("50 refusals",), lambda: _steadily(200)),
    Sample("domain-refused", "as usual", lambda: _many_refused(60, 100), ("domain", f"to {OURS}"), ("refusals",),
           lambda: _many_refused(60, 1_200)),
    Sample("slot-hog", "ten sessions wait", lambda: _hogs(10, 90), ("source", A), ("holds 10 sessions open",),
           lambda: _hogs(9, 90)),
    Sample("slot-hog", "ten sessions, not for long", lambda: _hogs(10, 90), ("source", A), ("10 sessions",),
           lambda: _hogs(10, 30)),
    Sample("early-talker", "before the greeting", lambda: _odd("early talker", 5), ("source", A), ("5 sessions",),
           lambda: _odd("early talker", 4)),
    Sample("smuggling", "a doubtful end of data", lambda: _odd("smuggling", 1, "LF.CRLF"), ("source", A),
           ("SMTP smuggling", "LF.CRLF"), lambda: _odd("bare LF", 4)),
    Sample("smuggling", "commands in clear behind STARTTLS", lambda: _odd("data after STARTTLS", 1), ("source", A),
           ("STARTTLS injection",), lambda: _odd("long line", 9)),
    Sample("starttls-stripped", "no longer offered", lambda: _offers("mx\nSIZE"), ("server", "198.51.100.25"),
           ("no longer offers STARTTLS",), lambda: _to_server("mx\nSIZE", 1, NOW)),
    Sample("starttls-stripped", "overwritten", lambda: _to_server("mx\nXXXXXXXA", 1, NOW), ("server", "198.51.100.25"),
           ("XXXXXXXA",), lambda: _offers("mx\nSTARTTLS")),
    Sample("clear-login", "a login in clear", lambda: _clear("success", 235), ("server", "port 587"),
           ("logged in in clear",), lambda: _clear("failure", 503)),
    Sample("tls-failures", "of several clients", lambda: _handshakes(20, 3), ("server", "TLS inbound"),
           ("20 inbound TLS handshakes failed",), lambda: _handshakes(20, 2)),
    Sample("old-tls", "a share of sessions", lambda: _versions(20, 200), ("server", "TLS inbound"), ("9% of inbound",),
           lambda: _versions(19, 200)),
    Sample("certificate", "two weeks are left", lambda: _certificate(13.5), ("server", "ab" * 8), ("ends in", "renew"),
           lambda: _certificate(15)),
    Sample("certificate", "it has ended", lambda: _certificate(-1), ("server", "ab" * 8), ("has ended",),
           lambda: _certificate(60)),
    Sample("listed", "a next hop says so", lambda: _turned_away(_LISTED, 1), ("provider", "zen.spamhaus.org"),
           ("listed at zen.spamhaus.org", "caused by bob"), lambda: _turned_away(_UNKNOWN, 20)),
    Sample("reputation", "our mail is taken for spam", lambda: _turned_away(_SPAM, 10),
           ("provider", f"{THEIRS}, blocked as spam"), ("refuses our mail", "caused by bob"),
           lambda: _turned_away(_SPAM, 9, sent=200)),
    Sample("queue", "it grows to three times", lambda: _queue(60, 90, 200), ("queue", "postfix grows"),
           ("from 60 to 200",), lambda: _queue(70, 90, 200)),
    Sample("queue", "it is old", lambda: _queue(300, oldest=15_000), ("queue", "postfix is old"), ("4 h old",),
           lambda: _queue(100, oldest=15_000)),
    Sample("backscatter", "bounces to strangers", lambda: _bounces(20, 40), ("queue", "MAILER-DAEMON"),
           ("20 bounces",), lambda: _bounces(19, 40)),
    Sample("backscatter", "bounces to our own people", lambda: _bounces(20, 40), ("queue", "MAILER-DAEMON"),
           ("20 bounces",), lambda: _bounces(30, 40, "bob")),
    Sample("log-silent", "no line, though there are sessions", lambda: _silence(6, lines=False), ("sensor", "log"),
           ("no line in /var/log/mail.log",), lambda: _silence(6, lines=True)),
    Sample("log-silent", "nor are there sessions", lambda: _silence(6, lines=False), ("sensor", "log"),
           ("6 sessions",), lambda: _silence(3, lines=False)),
    Sample("blind", "packets are lost", lambda: _lossy(100), ("sensor", "wire drops"), ("packets lost",),
           lambda: _lossy(90)),
)  # fmt: skip
