"""Alerts of every kind and state, made by hand on the scenes' clock, and the burst beside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from smtpwatch.app import SmtpWatch
from smtpwatch.config import Config
from smtpwatch.triage.alert import Alert, Finding, Line, Severity, Step, Subject
from smtpwatch.triage.alerts import Alerts
from tests.screens import burst, scenes
from tests.screens.scenes import HOST, NOW, SENSOR, Feed

Theme = Literal["terminal", "light", "safe", "mono"]
QUIET = 600.0
EVIL = "\x1b]0;owned\x07\x1b[2J[bold red]x[/] \u202etxt.exe\u202c 漢字かな \x9b31m"

_FAILED = "warning: unknown[198.51.100.{}]: SASL LOGIN authentication failed: UGFzc3dvcmQ6"

BOB = Finding(
    NOW - 1_500, "takeover", Subject("account", "bob@example.net"), Severity.CRITICAL,
    "account bob@example.net: logged in from 5 networks in 4 countries (RO, VN, DE and 1 more) within a day; 1,812 "
    "deliveries since: change its password, block the sources, look at the queue",
    1_812, burst.BOBS, (), tuple(Line(NOW - 57 + at, "postfix/submission/smtpd",
                                      f"B0B{at:07X}: client=unknown[{source}], sasl_method=PLAIN, "
                                      "sasl_username=bob@example.net") for at, source in enumerate(burst.BOBS)),
    (Step(NOW - 1_560, "31 failed logins from 3 sources"), Step(NOW - 1_500, "198.18.0.5 logged in, at the 32nd try"),
     Step(NOW - 1_430, "it begins to send: 40 recipients a minute, its usual is 2"),
     Step(NOW - 900, "used from 5 networks in 4 countries"), Step(NOW - 67, "bigmail.example defers its mail")),
    "account:bob@example.net",
)  # fmt: skip
BRUTE = Finding(
    NOW - 50, "brute-force", Subject("network", "198.51.100.0/24"), Severity.WARNING,
    "198.51.100.0/24, 3 sources: 531 failed logins within 10 min; none succeeded", 531, burst.BRUTES,
    ((SENSOR, 1_100), (SENSOR, 1_101), (SENSOR, 99_999)),
    tuple(Line(NOW - 9 + at, "postfix/smtpd", _FAILED.format(20 + at)) for at in range(3)), (),
    "net:198.51.100.0/24",
)  # fmt: skip
RELAY = Finding(
    NOW - 40, "relay-tries", Subject("source", "203.0.113.7"), Severity.WARNING,
    "203.0.113.7: 37 relay tries denied within 10 min to 2 domains, from a network that may not relay", 37,
    ("203.0.113.7",), ((SENSOR, 1_000),), term="src:203.0.113.7",
)  # fmt: skip
PROVIDER = Finding(
    NOW - 300, "reputation", Subject("provider", "bigmail.example, rate limited"), Severity.WARNING,
    "bigmail.example throttles us: 50 refusals within 10 min, 48 sent; caused by bob; it says: 421 4.7.28 Too much "
    "mail from you, try again later", 50, term="relay:*bigmail.example",
)  # fmt: skip
EARLY = Finding(
    NOW - 33, "early-talker", Subject("source", "192.0.2.10"), Severity.NOTICE,
    "192.0.2.10: 1 session within 10 min that talks before its turn (early talker): no mail server does", 1,
    ("192.0.2.10",), ((SENSOR, 1_300),),
)  # fmt: skip
QUEUE = Finding(
    NOW - 200, "queue-grows", Subject("queue", "deferred grows"), Severity.WARNING,
    "queue deferred: 1,192 messages, 396 ten minutes ago; most for slow.example, whose host does not answer", 1_192,
)  # fmt: skip
HARVEST = Finding(
    NOW - 500, "harvest", Subject("network", "203.0.113.0/24"), Severity.WARNING,
    "203.0.113.0/24, 13 sources: tried 320 recipients that do not exist within 10 min: it looks for addresses", 320,
    burst.SPAMMERS, term="net:203.0.113.0/24",
)  # fmt: skip
SLOW = Finding(
    NOW - 1_300, "slot-hog", Subject("source", "2001:db8:66::66"), Severity.WARNING,
    "2001:db8:66::66: 14 sessions are open and do nothing for a minute and more", 14, ("2001:db8:66::66",),
)  # fmt: skip
CERTIFICATE = Finding(
    NOW - 2_400, "certificate-ends", Subject("server", "5f0cab3311d2e6a9"), Severity.NOTICE,
    "our certificate for mx1.example.net on port 25 ends in 12 days: renew it",
)  # fmt: skip
HOSTILE = Finding(
    NOW - 5, EVIL, Subject(EVIL, EVIL), Severity.CRITICAL, f"{EVIL}: {EVIL}", 3, (EVIL,), (), (Line(NOW, EVIL, EVIL),),
    (Step(NOW, EVIL),), EVIL,
)  # fmt: skip


def some(alerts: Alerts) -> dict[str, Alert]:
    """Raise them: one is acknowledged, one silenced, two are over. By rule."""
    found = (CERTIFICATE, SLOW, BOB, PROVIDER, QUEUE, BRUTE, RELAY, EARLY, HARVEST)
    made = {finding.rule: alerts.found(finding) for finding in found}
    for at, rule in enumerate(("takeover", "brute-force", "relay-tries", "harvest")):
        made[rule].last, made[rule].times = NOW - at, 12 - at
    alerts.acknowledge(made["queue-grows"])
    alerts.silence(made["harvest"], NOW + 3_480)
    alerts.clear(CERTIFICATE.key, NOW - 1_900)
    alerts.clear(SLOW.key, NOW - 700)
    alerts.take_news()
    return made


def held() -> Alerts:
    """Those, alone."""
    alerts = Alerts(QUIET)
    some(alerts)
    return alerts


def waiting(raised: Callable[[Alerts], object] = some, theme: Theme = "terminal") -> SmtpWatch:
    """The burst, waiting to be folded, and alerts beside it of which no rule knows."""
    config = Config(refresh=scenes.SLOW, theme=theme, alerts=scenes.QUIET)
    feed = Feed(burst.burst())
    watch = SmtpWatch(config, HOST, feed.take, lambda: NOW, burst.lookups())
    raised(watch.triage.alerts)
    watch.wake()
    return watch
